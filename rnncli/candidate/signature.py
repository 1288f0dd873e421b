"""What a candidate's signature says: what each argument of a call and of a constructor is."""

import inspect
import os
import re
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from rnncli.candidate.names import Kind, Slot, option, role, slot
from rnncli.core.errors import CandidateError

Arguments = dict[str, tuple[str, Slot | None]]

_CONFIGS = {"config", "cfg", "conf", "args", "opts", "opt", "options", "hparams", "hps", "settings", "hyperparams"}
_METHODS = ("forward", "__call__", "run", "rnn_forward", "forward_pass", "predict", "apply", "step")
_STEP = re.compile(r"(^|_)(step|cell|tick|timestep|one_step)(_|$)|cell$|step$", re.IGNORECASE)
_STEP_INPUTS = {"x_t", "xt", "input_t", "input_step", "step_input", "x0"}
_LETTERS = {"i": "input_size", "h": "hidden_size", "o": "output_size"}  # of constructors of one letter each
_SIZES = ("input_size", "hidden_size", "num_layers")
_SUFFIXES = (("f", "b"), ("", "r"), ("", "_r"), ("", "b"), ("_f", "_b"), ("", "_back"), ("l", "r"))


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
    """Return what each argument of a call is: input, state, projected, params, slot (of a weight), an option, left out.

    `holds_weights`: the callable holds its weights itself, so that no argument is one.
    """
    found: Arguments = {}
    for parameter in parameters_of(call):
        meant, of_weight = role(parameter.name), None
        optional = parameter.default is not parameter.empty
        if meant is None and optional and parameter.default is not None:
            meant = _option_of(parameter)
        if parameter.name == "x0" and found:  # of a state-space model: the state that it starts from
            meant = "state"
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
        both = {"bi", "bidirect", "bidirectional", "both", "twoway"} & set(words) or "two_way" in parameter.name
        return "bidirectional" if both else None
    if isinstance(default, int) and {"layer", "layers", "depth", "stack", "stacks", "l"} & set(words):
        return "num_layers"
    return "bidirectional" if isinstance(default, int | str) and {"direction", "directions"} & set(words) else None


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
    for forward, reverse in _SUFFIXES:
        stems = {name.removesuffix(forward) for name in slots} - {""}
        paired = [stem for stem in stems if {stem + forward, stem + reverse} <= set(slots)]
        named = {stem + end for stem in paired for end in (forward, reverse)}
        if len(paired) >= 2 and len(named) >= len(slots) - 2:
            told, bare = dict(slots), {stem.strip("_") for stem in paired}
            for stem in paired:
                plain = stem.strip("_")
                bias = plain[:1] == "b" and plain[1:].strip("_") in bare
                kind: Kind | None = "bias" if bias else slot(plain).kind or slots[stem + forward].kind
                told[stem + forward], told[stem + reverse] = Slot(kind, None, False), Slot(kind, None, True)
            return told
    return dict(slots)


def _guessed(found: Arguments) -> Arguments:
    """Return the arguments, those whose names say nothing by their order: the input first, then the state."""

    def named(*meanings: str) -> list[str]:
        return [name for name, (meant, _) in found.items() if meant in meanings]

    first, *further = named("state") or [""]
    for name in further:
        if name in ("a", "s") and first not in ("a", "s"):  # the second of single letters
            found[name] = "unknown", None
    free = [wanted for wanted in ("input", "state") if not named(wanted)]
    if named("projected") and "input" in free:
        free.remove("input")
    elif named("projected"):
        found |= {name: ("slot", slot(name)) for name in named("projected")}
    weights = named("slot", "params")
    if not weights and "layers" in found:  # the layers themselves, not their number
        found["layers"] = "params", None
        weights = ["layers"]
    several = len(named("unknown")[len(free) :]) >= 2
    for name in named("unknown"):
        if free:
            found[name] = free.pop(0), None
        elif not weights and not several:
            found[name] = "params", None
    _guess_weights(found, named("unknown"), weights)
    if "input" in free:  # `w`, or the like, read as a weight
        letter = next(iter(named("slot")), "")
        if letter.lower() in ("u", "i", "z", "a"):
            found[letter] = "input", None
    return found


def _guess_weights(found: Arguments, unknown: list[str], weights: list[str]) -> None:
    """Take up to four arguments of unknown names for weights in nn.RNN's order, and a single one for the other bias."""
    if len(unknown) >= 2 and len(unknown) + len(weights) <= 4:
        told = [name for name, (meant, _) in found.items() if meant in ("unknown", "slot")]
        biases: tuple[Kind, ...] = ("bias",) if len(told) == 3 else ("bias_ih", "bias_hh")
        kinds: tuple[Kind, ...] = ("weight_ih", "weight_hh", *biases)
        found |= {name: ("slot", Slot(kind, None, False)) for name, kind in zip(told, kinds, strict=False)}
    elif len(unknown) == 1:
        slots = {name: of for name, (meant, of) in found.items() if meant == "slot" and of}
        if {"weight_ih", "weight_hh"} <= {of.kind for of in slots.values()}:
            found |= {name: ("slot", of._replace(kind="bias_ih")) for name, of in slots.items() if of.kind == "bias"}
            paired = any((of.kind or "").startswith("bias") for of in slots.values())
            found[unknown[0]] = "slot", Slot("bias_hh" if paired else "bias", None, False)


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
