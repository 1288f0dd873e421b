"""What a candidate's signature says: what each argument of a call and of a constructor is."""

import functools
import inspect
import itertools
import os
import re
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from rnncli.candidate import key_source, source, state_source
from rnncli.candidate.names import Kind, Slot, gates_among, is_cell_state, is_second_bias, option, role, slot, words
from rnncli.candidate.told_apart import directions_by_suffix, told_apart
from rnncli.core.cells import CELLS, Cell
from rnncli.core.errors import CandidateError

Arguments = dict[str, str | Slot]  # by name: input, state, projected, params, config, an option, or a weight

CONFIGS = words("config cfg conf args opts opt options hparams hps settings hyperparams")
_METHODS = ("forward", "__call__", "run", "rnn_forward", "forward_pass", "predict", "apply", "step")
_STEP = re.compile(r"(^|_)(step|cell|tick|timestep|one_step)(_|$)|cell$|step$", re.IGNORECASE)
_STEP_INPUTS = words("x_t xt input_t input_step step_input x0")
_LETTERS = {"i": "input_size", "h": "hidden_size", "o": "output_size"}  # of constructors of one letter each
_SIZES = ("input_size", "hidden_size", "num_layers")
_DEFAULTS = {"num_layers": 1, "nonlinearity": "tanh", "bias": True, "batch_first": False, "dropout": 0.0}
_DEFAULTS |= {"bidirectional": False, "proj_size": 0}


def parameters_of(call: Callable[..., Any]) -> list[inspect.Parameter]:
    """Return the free parameters of a call, without self. Raises CandidateError without a signature."""
    bound = call.keywords if isinstance(call, functools.partial) else ()  # they keep their values
    starred = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    found = [p for p in _all_parameters_of(call) if p.kind not in starred and p.name not in bound]
    return found[1:] if found and found[0].name == "self" else found


def _all_parameters_of(call: Callable[..., Any]) -> list[inspect.Parameter]:
    if isinstance(call, torch.jit.ScriptFunction):
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        return [inspect.Parameter(one.name, kind) for one in getattr(call, "schema").arguments]  # noqa: B009
    try:
        return [*inspect.signature(call).parameters.values()]
    except (TypeError, ValueError) as error:
        raise CandidateError(f"candidate {getattr(call, '__name__', call)}: it has no signature to read") from error


def parameters_of_constructor(target: Any) -> list[inspect.Parameter]:
    """Return the parameters of a factory, or of a constructor and of the one of a base class that gets its *args.

    Of what a constructor takes by `**kwargs`, those that it asks for, and those of what it hands them on to.
    """
    if inspect.isclass(target) and issubclass(target, nn.RNNBase) and target.__module__.startswith("torch.nn"):
        return _of_torchs_layer(target)
    if not inspect.isclass(target):
        return [*parameters_of(target), *_handed_on(target, {p.name for p in parameters_of(target)})]
    found: dict[str, inspect.Parameter] = {}
    for base in target.__mro__:
        own = vars(base).get("__init__")
        of_torch = base in (object, nn.Module) or base.__module__.startswith("torch.nn")
        if of_torch and issubclass(base, nn.RNNBase) and own is not None:
            found = {p.name: p for p in _of_torchs_layer(base)} | found
            break
        if own is None or (of_torch and base is not object and not inspect.isfunction(own)):
            continue
        if of_torch:
            break
        parameters = list(inspect.signature(own).parameters.values())[1:]
        named = {p.name: p for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
        found |= {name: p for name, p in named.items() if name not in found}
        if len(named) == len(parameters):
            break
        found |= {p.name: p for p in _handed_on(own, set(found))}
    return list(found.values())


def _of_torchs_layer(layer: type[nn.RNNBase]) -> list[inspect.Parameter]:
    """Return what torch's own layers are constructed with, of which RNN and GRU refuse proj_size."""
    known = list(inspect.signature(nn.RNNBase.__init__).parameters.values())[2:]  # without self and mode
    left_out = {"device", "dtype", *(() if layer in (nn.RNNBase, nn.LSTM) else ("proj_size",))}
    found = [p for p in known if p.name not in left_out]
    keyword = inspect.Parameter.KEYWORD_ONLY
    return [*found, inspect.Parameter("nonlinearity", keyword, default="tanh")] if layer is nn.RNN else found


def _handed_on(call: Any, named: set[str]) -> list[inspect.Parameter]:
    """Return the parameters that a function takes by `*args` and `**kwargs`, beside those that it names."""
    kinds = {p.kind for p in inspect.signature(call).parameters.values()}
    if not kinds & {inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL}:
        return []
    found: dict[str, inspect.Parameter] = {}
    by_name = inspect.Parameter.VAR_KEYWORD in kinds
    for text in getattr(getattr(call, "__code__", None), "co_consts", ()) if by_name else ():
        if isinstance(text, str) and (meant := option(text)) in _DEFAULTS:
            found[text] = inspect.Parameter(text, inspect.Parameter.KEYWORD_ONLY, default=_DEFAULTS[meant])
    for taker, given in source.takers_of_starred(call):
        beyond = parameters_of_constructor(taker)[given.count("") :]
        found |= {p.name: p for p in beyond if p.name not in given and p.name not in found}
    return [p for p in found.values() if p.name not in named]


def record_of(annotation: Any, module: Any) -> type | None:
    """Return the dataclass or named tuple that an annotation names, also in quotes."""
    named = vars(module).get(annotation) if isinstance(annotation, str) and module is not None else annotation
    return named if inspect.isclass(named) and fields_of(named) else None


def fields_of(record: Any) -> list[str]:
    """Return the fields of a dataclass or of a named tuple."""
    return list(getattr(record, "__dataclass_fields__", ()) or getattr(record, "_fields", ()))


def starred(call: Callable[..., Any]) -> str | None:
    """Return the name of the argument that takes any number of positional values."""
    try:
        parameters = inspect.signature(call).parameters.values()
    except (TypeError, ValueError):
        return None
    return next((p.name for p in parameters if p.kind == p.VAR_POSITIONAL), None)


def with_constructor(target: type) -> type:
    """Return the class, of the same module, whose constructor a class uses; itself where that is one of torch's."""
    bases = (base for base in target.__mro__ if base.__module__ == target.__module__)
    return next((base for base in bases if "__init__" in vars(base)), target)


def takes_any_keyword(target: type) -> bool:
    """Return whether a class has a constructor, not one of torch's, that takes keyword arguments of any name."""
    if "__init__" not in vars(with_constructor(target)) or issubclass(target, nn.RNN):
        return False
    return any(p.kind == p.VAR_KEYWORD for p in inspect.signature(target).parameters.values())


def arguments_of_call(call: Callable[..., Any], holds_weights: bool, cell: Cell = CELLS["RNN"]) -> Arguments:
    """Return what each argument of a call is; "unknown" and "left out" where nothing tells.

    `holds_weights`: the callable holds its weights itself, so that no argument is one.
    """
    found: Arguments = {}
    keyed = {} if holds_weights else key_source.keyed_arguments(call)
    gated = len(cell.gates) > 1
    parameters = parameters_of(call)
    if inspect.isfunction(call) and not holds_weights:
        parameters += _handed_on(call, {p.name for p in parameters})
        parameters += [p for p in _all_parameters_of(call) if p.kind == p.VAR_KEYWORD and p.name in keyed]
    of_gates = gates_among([p.name for p in parameters], cell) if gated and not holds_weights else {}
    for parameter in parameters:
        name, default = parameter.name, parameter.default
        optional = default is not parameter.empty
        if name in of_gates:
            found[name] = Slot(slot(of_gates[name][0]).kind or "weight", None, False)
            continue
        if optional and callable(default):  # recurrent_activation=torch.sigmoid
            found[name] = _option_of(parameter) or "left out"
            continue
        is_c = len(cell.states) > 1 and is_cell_state(name) and name not in keyed  # `cell` may be a layer
        meant: str | Slot | None = "state" if is_c else role(name)
        told_by_default = isinstance(default, bool) if meant == "params" else optional and default is not None
        if meant in ("max_len", "seq_len") or (meant in (None, "params") and told_by_default):
            meant = _option_of(parameter)
        if meant == "lengths" and source.counts_up_to(call, name):
            meant = "seq_len"
        if name == "x0" and found:  # of a state-space model: the state that it starts from
            meant = "state"
        if (meant == "bias" and not isinstance(default, bool)) or (holds_weights and meant == "params"):
            meant = None
        if meant in ("dtype", "device") and optional:
            meant = "left out"
        of_others = any(isinstance(of, Slot) for of in found.values())
        if meant is None and gated and is_second_bias(name) and of_others:
            meant = Slot("bias", None, False)
        if meant is None and name in keyed:
            meant = "params"
        if meant is None and not holds_weights and slot(name).kind:
            meant = "left out" if isinstance(default, bool | int | float | str) else slot(name)
        found[name] = meant or ("left out" if optional else "unknown")
    if both := {name: slot(name[:-1]) for name in found if not holds_weights and name.lower() in ("ws", "us")}:
        found |= both if len(both) == 2 else {}  # lists of W and of U
    if "state" not in found.values():  # of whatever name, it is one that the source starts from
        unsaid = [p.name for p in parameters if p.default is None and found[p.name] == "left out"]
        found |= {name: "state" for name in unsaid if state_source.becomes_a_state(call, name)}
    if holds_weights and len(cell.states) == 2:
        required = [p.name for p in parameters if p.default is p.empty and found[p.name] in ("state", "unknown")]
        pair = any(state_source.unpacked_into(call, name) for name in required)
        if len(required) == 2 and not pair and "input" in found.values() and "unknown" in map(found.get, required):
            found |= dict.fromkeys(required, "state")  # s1 and s2, of whatever names, are h and c
    if holds_weights or gated:
        return _guessed(found)
    if "input" in found.values():
        found |= {name: slot(name) for name in _named(found, "projected")}  # Wx beside x is a weight
    return _guessed(_told_apart(found))


def arguments_of_constructor(parameters: list[inspect.Parameter]) -> Arguments:
    """Return what each argument of a constructor is: an option of nn.RNN, config, a weight, or left out."""
    found: Arguments = {}
    for parameter in parameters:
        name, optional = parameter.name, parameter.default is not parameter.empty
        meant = _option_of(parameter) or _LETTERS.get(name.lower())
        meant = "seq_len" if meant == "lengths" else meant  # of a layer that is constructed: a number
        meant = meant or ("params" if not optional and role(name) == "params" else None)
        meant = meant or ("config" if name.lower().strip("_") in CONFIGS else None)
        other_mode = name == "mode" and not str(parameter.default).upper().startswith("RNN_")
        if optional and (meant in ("dtype", "device") or other_mode):
            meant = "left out"
        meant = "layer" if _is_layer(parameter, len(parameters)) else meant
        found[name] = meant or ("left out" if optional else "unknown")
    unknown = [name for name, meant in found.items() if meant == "unknown"]
    meanings = set(found.values())
    hidden = {"hidden_size", "hidden_sizes"} & meanings
    if "input_size" in meanings and not hidden and not {"unknown", "config"} & meanings:  # (n_in, n_out)
        found = {name: "hidden_size" if meant == "output_size" else meant for name, meant in found.items()}
    if "input_size" not in meanings and not hidden:
        unknown += [p.name for p in parameters if found[p.name] == "bias" and not isinstance(p.default, bool)]
    weights = {name: slot(name) for name in unknown if slot(name).kind not in (None, "readout")}
    if len(weights) >= 2:  # a class that is constructed with its weights
        return found | told_apart(weights)
    for name in unknown:
        told = {one.removesuffix("s") for one in found.values() if isinstance(one, str)}  # hidden_sizes, too
        found[name] = next((size for size in _SIZES if size not in {*told, *found.values()}), "unknown")
    return found


def _is_layer(parameter: inspect.Parameter, arguments: int) -> bool:
    """Return whether a constructor is given a layer of torch: by its annotation, or by its name where it is alone."""
    said = parameter.annotation
    if parameter.default is not parameter.empty:
        return False
    if said is parameter.empty:
        return arguments == 1 and parameter.name in ("rnn", "gru", "lstm")
    of_torch = inspect.isclass(said) and issubclass(said, nn.RNNBase)
    return of_torch or bool(re.fullmatch(r"(torch\.)?(nn\.)?(RNN|GRU|LSTM|RNNBase)", str(said)))


def _option_of(parameter: inspect.Parameter) -> str | None:
    """Return the option that an argument stands for: by its name, else by its default and the words in its name."""
    known, default = option(parameter.name), parameter.default
    if known == "hidden_size" and re.search(r"\b(list|tuple|sequence|iterable)\[", str(parameter.annotation).lower()):
        return "hidden_sizes"
    kept = known == "learning_rate" or (known == "reverse" and not isinstance(default, bool))
    if kept and default is not parameter.empty:
        return None
    if known == "max_len" or (known == "seq_len" and default is None):  # a limit, or lengths: it stays at its default
        return "seq_len" if default is parameter.empty else None
    if known is not None or default is parameter.empty:
        return known
    if str(getattr(default, "__name__", default)).lower() in ("tanh", "relu"):
        return "nonlinearity"
    said = set(re.split(r"_+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", parameter.name).lower()))
    if isinstance(default, bool):
        if any(word.startswith("bias") for word in said):
            return "bias"
        both = {"bi", "bidirect", "bidirectional", "both", "twoway"} & said or "two_way" in parameter.name
        return "bidirectional" if both else None
    if isinstance(default, int) and {"layer", "layers", "depth", "stack", "stacks", "l"} & said:
        return "num_layers"
    return "bidirectional" if isinstance(default, int | str) and {"direction", "directions"} & said else None


def weights_among(found: Arguments) -> dict[str, Slot]:
    return {name: of for name, of in found.items() if isinstance(of, Slot)}


def _told_apart(found: Arguments) -> Arguments:
    slots = weights_among(found)
    paired = directions_by_suffix(slots | {name: slot(name) for name in _named(found, "unknown", "params")})
    if any(of.reverse for of in paired.values()) and not any(of.reverse for of in slots.values()):
        slots = {name: of for name, of in paired.items() if of.kind}
    return found | told_apart(slots)


def _named(found: Arguments, *meanings: str) -> list[str]:
    return [name for name, meant in found.items() if meant in meanings]


def _guessed(found: Arguments) -> Arguments:
    """Return the arguments, those whose names say nothing by their order: the input first, then the state."""
    first, *further = _named(found, "state") or [""]
    for name in further:
        if name in ("a", "s") and first not in ("a", "s"):  # the second of single letters
            found[name] = "unknown"
    free = [wanted for wanted in ("input", "state") if wanted not in found.values()]
    projected = _named(found, "projected")
    if projected and "input" in free:
        free.remove("input")
    else:
        found |= {name: slot(name) for name in projected}
    weights = [*weights_among(found), *_named(found, "params")]
    if not weights and "layers" in found:  # the layers themselves, not their number
        found["layers"], weights = "params", ["layers"]
    several = len(_named(found, "unknown")[len(free) :]) >= 2
    for name in _named(found, "unknown"):
        if free:
            found[name] = free.pop(0)
        elif not weights and not several:
            found[name] = "params"
    _guess_weights(found, _named(found, "unknown"), len(weights))
    letter = next(iter(weights_among(found)), "")
    if "input" in free and letter.lower() in ("u", "i", "z", "a"):  # read as a weight
        found[letter] = "input"
    return found


def _guess_weights(found: Arguments, unknown: list[str], known: int) -> None:
    """Take up to four arguments of unknown names for weights in nn.RNN's order, and a single one for the other bias."""
    slots = weights_among(found)
    if len(unknown) >= 2 and len(unknown) + known <= 4:
        told = [name for name in found if name in slots or name in unknown]
        biases: tuple[Kind, ...] = ("bias",) if len(told) == 3 else ("bias_ih", "bias_hh")
        kinds: tuple[Kind, ...] = ("weight_ih", "weight_hh", *biases)
        found |= {name: Slot(kind, None, False) for name, kind in zip(told, kinds, strict=False)}
    elif len(unknown) == 1 and {"weight_ih", "weight_hh"} <= {of.kind for of in slots.values()}:
        found |= {name: of._replace(kind="bias_ih") for name, of in slots.items() if of.kind == "bias"}
        paired = any(of.is_bias for of in slots.values())
        heads = [name for name, of in slots.items() if of.kind == "readout"]
        kind: Kind = "bias" if not paired else "readout" if len(heads) == 1 else "bias_hh"  # U, W, V, b, c
        found[unknown[0]] = Slot(kind, None, False)


def call_of(target: type) -> tuple[str, Any]:
    """Return the name of the method that runs an object of a class, and the function whose signature it has.

    Of a ScriptModule that is the `forward` that was written. Raises CandidateError where no method takes an input.
    """
    if not issubclass(target, nn.Module):
        method = _method_of(target)
        return method, getattr(target, method)
    scripted = getattr(target, "_methods", {}).get("forward")
    written = [vars(base) for base in target.__mro__ if not base.__module__.startswith("torch")]
    alone = scripted is None and not any("forward" in own for own in written)  # as in flax
    own = next((own["__call__"] for own in written if "__call__" in own), None) if alone else None
    return "__call__", own or getattr(scripted, "original_method", None) or target.forward


def _method_of(target: type) -> str:
    """Return the name of the method that runs an object of a plain class: a whole sequence, else a step."""
    own = {name: value for base in reversed(target.__mro__[:-1]) for name, value in vars(base).items()}
    if "__call__" in own:
        return "__call__"
    methods = [name for name, value in own.items() if inspect.isfunction(value) and not name.startswith("__")]
    forwards = [name for name in methods if "back" not in name]
    taking = [name for name in forwards if "input" in arguments_of_call(own[name], holds_weights=True).values()]
    walks = [name for name in taking if re.search("sequence|unroll|scan|rollout|run", name)]
    known = [name for name in _METHODS if name in methods]
    others = [name for name in taking if re.search("forward|call|step", name)]
    for name in [*walks, *known, *others]:
        return name
    raise CandidateError(f"candidate {target.__name__}: it has none of the methods {', '.join(_METHODS)}")


def says_step(name: str, arguments: Mapping[str, Any]) -> bool:
    """Return whether a candidate is named as one step, or names its input so."""
    return bool(_STEP.search(name.rpartition(":")[2])) or bool(_STEP_INPUTS & set(arguments))


def _starred_values(parameters: Mapping[str, inspect.Parameter], given: Mapping[str, Any]) -> list[Any]:
    """Return what `*w` takes: what is given for it, or, one by one, what is given by names that are no parameters."""
    kinds = {p.kind: name for name, p in parameters.items()}
    star = kinds.get(inspect.Parameter.VAR_POSITIONAL)
    if star is None or inspect.Parameter.VAR_KEYWORD in kinds:
        return []
    return list(given.get(star, ())) or [value for name, value in given.items() if name not in parameters]


def _signed(call: Callable[..., Any]) -> Callable[..., Any]:
    """Return what has the signature of a call: `forward` of a module that is called itself."""
    module = getattr(call, "__self__", None)
    if not isinstance(module, nn.Module) or getattr(call, "__func__", None) is not nn.Module.__call__:
        return call
    return module.forward if inspect.ismethod(module.forward) else call


def called(call: Callable[..., Any], given: Mapping[str, Any]) -> Any:
    """Call with arguments by position, as people do: backward hooks of a module see no others.

    What comes behind an argument that is left out is given by name. A generator's values come as a list. A process that
    the candidate forks off ends here.
    """
    own = {p.name: p for p in _all_parameters_of(_signed(call))}
    rest = _starred_values(own, given)
    by_place = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    placed = [name for name, p in own.items() if p.kind in by_place]
    positional = placed if rest else [*itertools.takewhile(given.__contains__, placed)]
    kinds = {name: own[name].kind if name in own else None for name in given if name not in positional}
    named = {name: given[name] for name, kind in kinds.items() if not rest or kind == inspect.Parameter.KEYWORD_ONLY}
    for name in [name for name, kind in kinds.items() if kind == inspect.Parameter.VAR_KEYWORD]:
        named |= named.pop(name)  # `**w`
    process = os.getpid()
    try:
        result = call(*(given.get(name, own[name].default) for name in positional), *rest, **named)
        return list(result) if inspect.isgenerator(result) else result
    finally:
        if os.getpid() != process:
            os._exit(0)
