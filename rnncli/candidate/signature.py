"""What a candidate says of itself: its arguments, their defaults, the names and the strings in its source."""

import ast
import inspect
import os
import re
import sys
import textwrap
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from rnncli.candidate.names import Slot, option, role, slot
from rnncli.candidate.places import is_array
from rnncli.errors import CandidateError

Arguments = dict[str, tuple[str, Slot | None]]

_CONFIGS = {"config", "cfg", "conf", "args", "opts", "opt", "options", "hparams", "hps", "settings", "hyperparams"}
_METHODS = ("forward", "__call__", "run", "rnn_forward", "forward_pass", "predict", "apply", "step")
_STEP = re.compile(r"(^|_)(step|cell|tick|timestep|one_step)(_|$)|cell$|step$", re.IGNORECASE)
_STEP_INPUTS = {"x_t", "xt", "input_t", "input_step", "step_input", "x0"}
_LETTERS = {"i": "input_size", "h": "hidden_size", "o": "output_size"}  # of constructors of one letter each
_SIZES = ("input_size", "hidden_size", "num_layers")


def parameters_of(call: Callable[..., Any]) -> list[inspect.Parameter]:
    """Return the parameters of a call, those of a method without self. Raises CandidateError without a signature."""
    schema = getattr(call, "schema", None)
    if isinstance(call, torch.jit.ScriptFunction):
        assert schema is not None
        return [inspect.Parameter(one.name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for one in schema.arguments]
    try:
        parameters = inspect.signature(call).parameters.values()
    except (TypeError, ValueError) as error:
        raise CandidateError(f"candidate {getattr(call, '__name__', call)}: it has no signature to read") from error
    found = [p for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    return found[1:] if found and found[0].name == "self" else found


def parameters_of_constructor(target: type) -> list[inspect.Parameter]:
    """Return the parameters of a class's constructor, and those of its base class that gets its *args or **kwargs."""
    found: dict[str, inspect.Parameter] = {}
    for base in target.__mro__:
        own = vars(base).get("__init__")
        if own is None or base in (object, nn.Module) or base.__module__.startswith("torch.nn"):
            if base is not object and not inspect.isfunction(own):
                continue
            break
        parameters = list(inspect.signature(own).parameters.values())[1:]
        positions = [p for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
        for parameter in positions:
            found.setdefault(parameter.name, parameter)
        if len(positions) == len(parameters):
            break
        code = getattr(own, "__code__", None)
        for name in [c for c in (code.co_consts if code else ()) if isinstance(c, str) and option(c) == "nonlinearity"]:
            found.setdefault(name, inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default="tanh"))
    return list(found.values())


def explicit_base_arguments(target: type) -> set[str]:
    """Return the arguments of a base class that the class gives itself: `super().__init__("RNN_TANH", *args)`."""
    own = vars(target).get("__init__")
    if own is None:
        return set()
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(own)))
    except (OSError, TypeError, SyntaxError, IndentationError):
        return set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "__init__":
            count = 0
            for argument in node.args:
                if isinstance(argument, ast.Starred):
                    break
                count += 1
            base = next((base for base in target.__mro__[1:] if "__init__" in vars(base)), None)
            if base is None or not any(isinstance(a, ast.Starred) for a in node.args):
                return set()
            names = [p.name for p in list(inspect.signature(vars(base)["__init__"]).parameters.values())[1:]]
            return set(names[:count])
    return set()


def starred(call: Callable[..., Any]) -> str | None:
    """Return the name of the argument that takes any number of positional values."""
    try:
        parameters = inspect.signature(call).parameters.values()
    except (TypeError, ValueError):
        return None
    return next((p.name for p in parameters if p.kind == p.VAR_POSITIONAL), None)


def defaults_of(call: Callable[..., Any]) -> dict[str, Any]:
    """Return the default of each argument that has one."""
    return {p.name: p.default for p in parameters_of(call) if p.default is not p.empty}


def arguments_of_call(call: Callable[..., Any], holds_weights: bool) -> Arguments:
    """Return what each argument of a call is: input, h_0, projected, params, slot (of a weight), an option, left out.

    `holds_weights`: the callable holds its weights itself, so that no argument is one.
    """
    found: Arguments = {}
    for parameter in parameters_of(call):
        meant, of_weight = role(parameter.name), None
        optional = parameter.default is not parameter.empty
        if meant is None and optional and parameter.default is not None:
            meant = _option_of(parameter)
        if parameter.name == "x0" and found:  # of a state-space model: the state that it starts from
            meant = "h_0"
        if meant == "bias" and not isinstance(parameter.default, bool):
            meant = None
        if meant in ("dtype", "device") and optional:
            meant = "left out"
        if meant is None and not holds_weights:
            of_weight = slot(parameter.name)
            meant = "slot" if of_weight.kind else None
        if holds_weights and meant == "params":
            meant = None
        if meant == "slot" and isinstance(parameter.default, bool | int | float | str):
            meant = "left out"
        found[parameter.name] = meant or ("left out" if optional else "unknown"), of_weight
    return _guessed(found if holds_weights else _told_apart(found))


def arguments_of_constructor(parameters: list[inspect.Parameter]) -> Arguments:
    """Return what each argument of a constructor is: an option of nn.RNN, config, slot (of a weight) or left out."""
    found: Arguments = {}
    for parameter in parameters:
        meant = _option_of(parameter) or _LETTERS.get(parameter.name)
        optional = parameter.default is not parameter.empty
        if parameter.name == "mode" and optional and not str(parameter.default).upper().startswith("RNN_"):
            meant = "left out"
        if meant is None and not optional and role(parameter.name) == "params":
            meant = "params"
        if meant is None and parameter.name.lower().strip("_") in _CONFIGS:
            meant = "config"
        if meant in ("dtype", "device") and optional:
            meant = "left out"
        found[parameter.name] = meant or ("left out" if optional else "unknown"), None
    unknown = [name for name, (meant, _) in found.items() if meant == "unknown"]
    meanings = [meant for meant, _ in found.values()]
    if "input_size" in meanings and not {"hidden_size", "unknown", "config"} & set(meanings):  # (n_in, n_out)
        found = {name: ("hidden_size" if meant == "output_size" else meant, of) for name, (meant, of) in found.items()}
    if not {"input_size", "hidden_size"} & {meant for meant, _ in found.values()}:
        unknown += [p.name for p in parameters if found[p.name][0] == "bias" and not isinstance(p.default, bool)]
    weights = {name: slot(name) for name in unknown if slot(name).kind and slot(name).kind != "readout"}
    if len(weights) >= 2:  # a class that is constructed with its weights
        found |= {name: ("slot", of) for name, of in told_apart(weights).items()}
        return found
    for name in unknown:
        taken = {meaning for meaning, _ in found.values()}
        found[name] = next((size for size in _SIZES if size not in taken), "unknown"), None
    return found


def _option_of(parameter: inspect.Parameter) -> str | None:
    """Return the option that an argument stands for: by its name, else by its default and the words in its name."""
    known = option(parameter.name)
    default = parameter.default
    if known is not None or default is parameter.empty:
        return known
    if str(getattr(default, "__name__", default)).lower() in ("tanh", "relu"):
        return "nonlinearity"
    words = re.split(r"_+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", parameter.name).lower())
    if isinstance(default, bool):
        if any(word.startswith("bias") for word in words):
            return "bias"
        return (
            "bidirectional"
            if {"bi", "bidirect", "bidirectional", "both", "twoway"} & set(words) or "two_way" in parameter.name
            else None
        )
    if isinstance(default, int):
        if {"layer", "layers", "depth", "stack", "stacks", "l"} & set(words):
            return "num_layers"
        return "bidirectional" if {"direction", "directions"} & set(words) else None
    return "bidirectional" if isinstance(default, str) and {"direction", "directions"} & set(words) else None


def _told_apart(found: Arguments) -> Arguments:
    slots = {name: of for name, (meant, of) in found.items() if meant == "slot" and of is not None}
    nameless = {name: slot(name) for name, (meant, _) in found.items() if meant in ("unknown", "params")}
    paired = _directions_by_suffix(slots | nameless)
    if any(of.reverse for of in paired.values()) and not any(of.reverse for of in slots.values()):
        slots = {name: of for name, of in paired.items() if of.kind}
    slots = told_apart(slots)
    return found | {name: ("slot", of) for name, of in slots.items()}


def told_apart(slots: Mapping[str, Slot]) -> dict[str, Slot]:
    """Return weights by name, where of two matrices, or two biases, one is the input's and the other the state's.

    Where neither name says it, the first is the input's.
    """
    slots = _directions_by_suffix(slots)
    told = dict(slots)
    for kinds in (("weight", "weight_ih", "weight_hh"), ("bias", "bias_ih", "bias_hh")):
        either, of_input, of_state = kinds
        unclear = [name for name, of in slots.items() if of.kind == either]
        groups = {(of.layer, of.reverse) for of in slots.values() if of.kind in kinds}
        numbered = len(unclear) == 2 and len(groups) == 2 and len({reverse for _, reverse in groups}) == 1
        for group in [None] if numbered else groups:  # W1 and W2 are two matrices of one layer
            of_group = [n for n, of in slots.items() if of.kind in kinds and group in (None, (of.layer, of.reverse))]
            if len(of_group) == 2 and len({slots[name].kind for name in of_group} & {of_input, of_state}) < 2:
                first, second = of_group
                swapped = slots[first].kind == of_state or slots[second].kind == of_input
                for name, kind in zip(of_group, (of_state, of_input) if swapped else (of_input, of_state), strict=True):
                    layer = None if numbered else slots[name].layer
                    told[name] = Slot(kind, layer, slots[name].reverse)  # type: ignore[arg-type]
    return told


def _directions_by_suffix(slots: Mapping[str, Slot]) -> dict[str, Slot]:
    """Return weights by name, with the direction that names say beside each other: `Wf` and `Wb`, `wih` and `wihr`."""
    told = dict(slots)
    for forward, reverse in (
        ("f", "b"),
        ("", "r"),
        ("", "_r"),
        ("", "b"),
        ("_f", "_b"),
        ("", "_back"),
        ("l", "r"),
    ):
        pairs = [(name + forward, name + reverse) for name in {n.removesuffix(forward) for n in slots}
                 if name and {name + forward, name + reverse} <= set(slots)]  # fmt: skip
        if reverse == "2" and sum(slot(one[:-1]).kind != "bias" for one, _ in pairs) < 2:
            continue  # w1 and w2 are the two matrices of one direction
        if len(pairs) >= 2 and len({name for pair in pairs for name in pair}) >= len(slots) - 2:
            stems = {one: (one.removesuffix(forward) if forward else one).strip("_") for one, _ in pairs}
            for one, other in pairs:
                stem = stems[one]
                kind = "bias" if stem[:1] == "b" and stem[1:].strip("_") in stems.values() else slot(stem).kind
                told[one] = Slot(kind or slots[one].kind, None, False)
                told[other] = Slot(kind or slots[one].kind, None, True)
            return told
    return told


def _guessed(found: Arguments) -> Arguments:
    """Return the arguments, those whose names say nothing by their order: the input first, then the state."""
    states = [name for name, (meant, _) in found.items() if meant == "h_0"]
    for name in states[1:]:
        if name in ("a", "s") and states[0] not in ("a", "s"):  # the second of single letters
            found[name] = "unknown", None
    said = {meant for meant, _ in found.values()}
    if {"input", "projected"} <= said:
        for name in [name for name, (meant, _) in found.items() if meant == "projected"]:
            found[name] = "slot", slot(name)
    free = [wanted for wanted in ("input", "h_0") if wanted not in said]
    if "projected" in said and "input" in free:
        free.remove("input")
    weights = [name for name, (meant, _) in found.items() if meant in ("slot", "params")]
    if not weights and "layers" in found:  # the layers themselves, not their number
        found["layers"] = "params", None
        weights = ["layers"]
    nameless = [name for name, (meant, _) in found.items() if meant == "unknown"][len(free) :]
    several = len(nameless) >= 2
    for name, (meant, _) in found.items():
        if meant == "unknown" and free:
            found[name] = free.pop(0), None
        elif meant == "unknown" and not weights and not several:
            found[name] = "params", None
    unknown = [name for name, (meant, _) in found.items() if meant == "unknown"]
    if len(unknown) >= 2 and len(unknown) + len(weights) in (2, 3, 4):
        told = [name for name, (meant, _) in found.items() if meant in ("unknown", "slot")]
        kinds = {2: ("weight_ih", "weight_hh"), 3: ("weight_ih", "weight_hh", "bias"),
                 4: ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}[len(told)]  # fmt: skip
        for name, kind in zip(told, kinds, strict=True):
            found[name] = "slot", Slot(kind, None, False)  # type: ignore[arg-type]
    elif len(unknown) == 1 and weights:
        kinds_told = {of.kind for meant, of in found.values() if meant == "slot" and of}
        if {"weight_ih", "weight_hh"} <= kinds_told:
            for name, (meant, of) in found.items():
                if meant == "slot" and of and of.kind == "bias":
                    found[name] = "slot", of._replace(kind="bias_ih")
            found[unknown[0]] = (
                "slot",
                Slot("bias_hh" if any(k and k.startswith("bias") for k in kinds_told) else "bias", None, False),
            )
    if "input" in free:  # `w`, or the like, read as a weight
        first = next((name for name, (meant, _) in found.items() if meant == "slot"), None)
        if first and first.lower() in ("u", "i", "z", "a"):
            found[first] = "input", None
    return found


def takes_any_keyword(target: type) -> bool:
    """Return whether a class has a constructor of its own that takes keyword arguments of any name."""
    if "__init__" not in vars(target) or issubclass(target, nn.RNN):
        return False
    return any(p.kind == p.VAR_KEYWORD for p in inspect.signature(target).parameters.values())


def method_of(target: type) -> str:
    """Return the name of the method that runs an object of a plain class: a whole sequence, else a step.

    Raises CandidateError where no method takes an input.
    """
    own = {name: value for base in reversed(target.__mro__[:-1]) for name, value in vars(base).items()}
    if "__call__" in own:
        return "__call__"
    methods = [name for name, value in own.items() if inspect.isfunction(value) and not name.startswith("__")]
    taking = [name for name in methods if _takes_input(own[name])]
    walks = [name for name in taking if re.search("sequence|unroll|scan|rollout|run", name) and "back" not in name]
    known = [name for name in _METHODS if name in methods]
    others = [name for name in taking if re.search("forward|call|step", name) and "back" not in name]
    for name in [*walks[:1], *known, *others]:
        return name
    raise CandidateError(f"candidate {target.__name__}: it has none of the methods {', '.join(_METHODS)}")


def _takes_input(method: Callable[..., Any]) -> bool:
    return any(meant == "input" for meant, _ in arguments_of_call(method, holds_weights=True).values())


def says_step(name: str, arguments: Mapping[str, Any]) -> bool:
    """Return whether a candidate is named as one step, or names its input so."""
    return bool(_STEP.search(name.rpartition(":")[2])) or bool(_STEP_INPUTS & set(arguments))


def called(call: Callable[..., Any], given: Mapping[str, Any]) -> Any:
    """Call, by position where a name cannot be used. A process that the candidate forks off ends here."""
    positional = [p.name for p in parameters_of(call) if p.kind == p.POSITIONAL_ONLY and p.name in given]
    own = os.getpid()
    try:
        return call(*(given[name] for name in positional), **{k: v for k, v in given.items() if k not in positional})
    finally:
        if os.getpid() != own:
            os._exit(0)


# -- source ------------------------------------------------------------------------------------------------------------


def codes_of(function: Callable[..., Any], module: Any) -> list[Any]:
    """Return the code of a function, of the functions inside it, and of those of its module that it calls."""
    sources = getattr(function, "__sources__", None) or [function]
    todo = [one.__code__ for one in map(inspect.unwrap, sources) if hasattr(one, "__code__")]
    if module is None:
        return []
    seen = dict[Any, None]()
    while todo:
        code = todo.pop(0)
        if code in seen:
            continue
        seen[code] = None
        todo += [constant for constant in code.co_consts if inspect.iscode(constant)]
        others = (vars(module).get(name) for name in code.co_names)
        todo += [
            other.__code__ for other in others if inspect.isfunction(other) and other.__module__ == module.__name__
        ]
    return list(seen)


def strings_of(function: Callable[..., Any], module: Any) -> list[str]:
    """Return the strings in a function's code, in order; the keys that it takes from a dict are among them."""
    codes = codes_of(function, module)
    docs = {code.co_consts[0] for code in codes if code.co_consts and isinstance(code.co_consts[0], str)}
    docs = {text for text in docs if " " in text.strip()}
    found: list[str] = []
    for code in codes:
        for constant in code.co_consts:
            texts = constant if isinstance(constant, tuple) else (constant,)
            found += [text for text in texts if isinstance(text, str) and text not in docs]
    return list(dict.fromkeys(found))


def words_of(target: Any, module: Any) -> set[str]:
    """Return every name that the code of a function, or of the methods of a class, uses."""
    functions = [target]
    if inspect.isclass(target):
        functions = [value for base in target.__mro__ if base.__module__ == target.__module__
                     for value in vars(base).values() if inspect.isfunction(value)]  # fmt: skip
    words: set[str] = set()
    named = {name for function in functions for code in codes_of(function, module) for name in code.co_names}
    helpers = [vars(module).get(name) for name in named] if module is not None else []
    for helper in helpers:  # the classes of its module that it uses, but for what those use
        if inspect.isclass(helper) and helper is not target and helper.__module__ == module.__name__:
            functions = [*functions, *(value for value in vars(helper).values() if inspect.isfunction(value))]
    for function in functions:
        for code in codes_of(function, module):
            words |= {name.lower() for name in code.co_names}
            words |= {text.lower() for text in code.co_consts if isinstance(text, str) and text.isidentifier()}
    return words


def makes_devices(target: Any) -> bool:
    """Return whether the source names a device, as `torch.device("cpu")` or `device="cpu"`; True without a source."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(target)))
    except (OSError, TypeError, SyntaxError, IndentationError):
        return True
    for node in ast.walk(tree):
        name = getattr(node.func, "attr", getattr(node.func, "id", "")) if isinstance(node, ast.Call) else ""
        named = isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in ("cpu", "cuda")
        if name == "device" or named:
            return True
    return False


def globals_of(function: Callable[..., Any], module: Any) -> dict[str, Any]:
    """Return what a function reads from its module, by name: tensors, collections of them, nn.RNN modules, numbers."""
    names = dict.fromkeys(name for code in codes_of(function, module) for name in code.co_names)
    found = {}
    for name in [name for name in names if name in vars(module)]:
        value = vars(module)[name]
        numbers = isinstance(value, int | str) and option(name) is not None
        tensors = is_array(value) or (
            isinstance(value, list | tuple | dict)
            and bool(value)
            and all(map(is_array, value.values() if isinstance(value, dict) else value))
        )
        if numbers or tensors or isinstance(value, nn.RNN):
            found[name] = value
    return found


def module_of(target: object) -> Any:
    """Return the module that a candidate was defined in."""
    return sys.modules.get(getattr(target, "__module__", None) or "")


def notes_on(target: Any) -> str:
    """Return what a candidate's docstrings and comments say, without its code."""
    sources = list(getattr(target, "__sources__", ())) or [target]
    found = []
    for source in sources:
        found.append(inspect.getdoc(source) or "")
        if inspect.isclass(source):
            found += [inspect.getdoc(value) or "" for value in vars(source).values() if inspect.isfunction(value)]
        try:
            lines = inspect.getsource(inspect.unwrap(source)).splitlines()
        except (OSError, TypeError):
            continue
        found += [line.partition("#")[2] for line in lines if "#" in line]
    return "\n".join(found)


def documented_shape(notes: str, name: str) -> list[str] | None:
    """Return the axes that docstrings and comments give an argument: `x (L, N, H_in)`, `hx: T x B x F`."""
    start = rf"(?<![\w.\[]){re.escape(name)}(?:`+|'|\")?\s*(?:\([a-zA-Z ._]*\)\s*)?"
    start += r"(?:,[^,()\n]{0,25}|[:=\-]+|is|are|has|have|of|a|the|shape|size|tensor"
    start += r"|array|numpy|torch|Tensor|Input data for every time-step,|Initial hidden state,|\s)*"
    for match in re.finditer(start + r"[\(\[]([^()\[\]\n]+)[\)\]]", notes):
        axes = [axis.strip().lower() for axis in match[1].split(",") if axis.strip()]
        if all(re.fullmatch(r"[\w*/ ]+", axis) for axis in axes) and axes not in (["0"], ["-1"], ["t"]):
            return axes
    crossed = re.search(start + r"((?:\w[\w*]*\s+x\s+)+\w[\w*]*)", notes)
    return [axis.strip().lower() for axis in re.split(r"\s+x\s+", crossed[1])] if crossed else None


def is_time(axis: str) -> bool:
    """Return whether a documented axis is that of time."""
    return bool(
        re.fullmatch(r"(l|t|t_x|n?_?time(_?steps?)?|timesteps?|seq\w*|n?_?steps|num_steps|length|tiempo)", axis)
    )


def unpacks(target: Any, name: str) -> bool | None:
    """Return whether the source takes an argument apart before it uses it: `h_0[0]`, `hx.squeeze(0)`, `list(hx)`.

    None where there is no source, or where the argument is not found in it.
    """
    sources = list(getattr(target, "__sources__", ())) or [target]
    if inspect.isclass(target):
        sources = [value for value in vars(target).values() if inspect.isfunction(value)]
    seen = None
    for source in sources:
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(source))))
        except (OSError, TypeError, SyntaxError, IndentationError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and any(a.arg == name for a in node.args.args + node.args.kwonlyargs):
                seen = bool(seen) or _takes_apart(node, name)
    return seen


_APART = {"squeeze", "unbind", "view", "reshape", "chunk", "split", "select", "flatten", "narrow", "unsqueeze",
          "transpose", "permute", "tolist", "index_select", "swapaxes"}  # fmt: skip


def _takes_apart(function: ast.FunctionDef, name: str) -> bool:
    names = {name}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name) and node.value.id in names:
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
            if any(isinstance(target, ast.Tuple) for target in node.targets):
                return True
    for node in ast.walk(function):
        inner = getattr(node, "value", None) if isinstance(node, ast.Subscript | ast.Attribute) else None
        if isinstance(inner, ast.Name) and inner.id in names:
            if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and not _is_step_index(node):
                return True
            if isinstance(node, ast.Attribute) and node.attr in _APART:
                return True
        if isinstance(node, ast.For) and isinstance(node.iter, ast.Name) and node.iter.id in names:
            return True
        if isinstance(node, ast.comprehension) and isinstance(node.iter, ast.Name) and node.iter.id in names:
            return True
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("list", "tuple", "zip", "enumerate", "iter", "len")
            and any(isinstance(a, ast.Name) and a.id in names for a in node.args)
        ):
            return True
    return False


_PRODUCTS = {"matmul", "mm", "dot", "bmm", "mv"}


def rows_by_nature(target: Any) -> bool:
    """Return whether every product of the source has its weight on the right: `x @ W.T`, `F.linear(x, W)`, `fc(x)`.

    Such code takes any number of rows; `W @ x` takes columns, or one vector.
    """
    sources = list(getattr(target, "__sources__", ())) or [target]
    right = left = False
    for source in sources:
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(source)))
        except (OSError, TypeError, SyntaxError, IndentationError):
            return False
        for node in ast.walk(tree):
            name = (
                node.func.attr
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
                else (node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else "")
            )
            if name in ("linear", "Linear", "RNNCell", "addmm"):
                right = True
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
                sides: tuple[ast.expr, ...] = (node.left, node.right)
            elif name in _PRODUCTS and isinstance(node, ast.Call):
                own = [node.func.value] if len(node.args) == 1 and isinstance(node.func, ast.Attribute) else []
                sides = (*own, *node.args)[:2]
            else:
                continue
            if len(sides) == 2:
                one, other = (_names_a_weight(side) for side in sides)
                right, left = right or (other and not one), left or (one and not other)
    return right and not left


def _names_a_weight(node: ast.AST) -> bool:
    """Return whether an expression names a matrix of weights."""
    for part in ast.walk(node):
        name = (
            part.id
            if isinstance(part, ast.Name)
            else part.attr
            if isinstance(part, ast.Attribute)
            else (part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else "")
        )
        if name and role(name) == "params":
            return True
        kind = slot(name).kind if name and name not in ("T", "t", "mT") and role(name) in (None, "params") else None
        if kind in ("weight_ih", "weight_hh", "weight"):
            return True
    return False


def builds_a_list(target: Any, name: str) -> bool:
    """Return whether the source makes a list of an argument where it is left out: `Hs = [None] * n`."""
    sources = list(getattr(target, "__sources__", ())) or [target]
    if inspect.isclass(target):
        sources = [value for value in vars(target).values() if inspect.isfunction(value)]
    for source in sources:
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(source))))
        except (OSError, TypeError, SyntaxError, IndentationError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets):
                value = node.value.left if isinstance(node.value, ast.BinOp) else node.value
                if isinstance(value, ast.List | ast.ListComp):
                    return True
    return False


def _is_step_index(node: ast.Subscript) -> bool:
    """Whether an index keeps the axes: a mask, a slice of the batch, `[None]`."""
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    return all(
        isinstance(part, ast.Slice) or (isinstance(part, ast.Constant) and part.value in (None, ...)) for part in parts
    )
