"""What the arguments of a call and of a constructor stand for: by their names, their defaults and the source."""

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from rnncli.candidate import key_source, signature, source, state_source
from rnncli.candidate.names import (
    Kind,
    Slot,
    gates_among,
    is_cell_state,
    is_second_bias,
    option,
    options,
    role,
    slot,
    words,
)
from rnncli.candidate.told_apart import directions_by_suffix, told_apart
from rnncli.core.cells import CELLS, Cell
from rnncli.core.errors import CandidateError

Arguments = dict[str, str | Slot]  # by name: input, state, projected, params, config, an option, or a weight

CONFIGS = words("configs config cfg conf args opts opt options hparams hps settings hyperparams")
_METHODS = ("forward", "__call__", "run", "rnn_forward", "forward_pass", "predict", "apply", "step")
_STEP = re.compile(r"(^|_)(step|cell|tick|timestep|one_step)(_|$)|cell$|step$", re.IGNORECASE)
_STEP_INPUTS = words("x_t xt input_t input_step step_input x0")
_LETTERS = {"i": "input_size", "h": "hidden_size", "o": "output_size"}  # of constructors of one letter each
_SIZES = {
    "hidden_size": words("hidden hid unit units state neurons cell cells memory"),
    "input_size": words("input in inp embed embedding embeddings emb feature features feat vocab x"),
    "num_layers": words("layer layers depth"),
}  # the words that tell one, in the order in which they are looked for: hidden_layer_size


def arguments_of_call(call: Callable[..., Any], holds_weights: bool, cell: Cell = CELLS["RNN"]) -> Arguments:
    """Return what each argument of a call is; "unknown" and "left out" where nothing tells.

    `holds_weights`: the callable holds its weights itself, so that no argument is one.
    """
    found: Arguments = {}
    keyed = {} if holds_weights else key_source.keyed_arguments(call)
    gated = len(cell.gates) > 1
    parameters = signature.parameters_of(call)
    if inspect.isfunction(call) and not holds_weights:
        parameters += signature.handed_on(call, {p.name for p in parameters})
        parameters += [p for p in signature._all_parameters_of(call) if p.kind == p.VAR_KEYWORD and p.name in keyed]
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
            meant = "left out" if default is None else "seq_len"
        if name == "batch" and "input" in found.values():
            meant = "batch_size"
        if meant == "state" and isinstance(default, bool):  # carry=False: whether it is kept
            meant = None
        if meant == "state" and isinstance(default, int):  # hid=3: a size
            meant = option(name)
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
    found = _told_by_others(found, parameters, call, cell, holds_weights)
    if holds_weights or gated:
        return _guessed(found)
    if "input" in found.values():
        found |= {name: slot(name) for name in _named(found, "projected")}  # Wx beside x is a weight
    return _guessed(_told_apart(found))


def _told_by_others(
    found: Arguments, parameters: list[inspect.Parameter], call: Callable[..., Any], cell: Cell, holds_weights: bool
) -> Arguments:
    """Return the arguments of a call with what is told of one by the others: lists of W and of U, the input, states."""
    if both := {name: slot(name[:-1]) for name in found if not holds_weights and name.lower() in ("ws", "us")}:
        found |= both if len(both) == 2 else {}  # lists of W and of U
    if {"w", "u", "bu"} <= {name.lower() for name in found}:
        found |= {name: Slot("bias", None, False) for name in found if name.lower() in ("bw", "bu")}  # of W, and of U
    if first := _input_named_as_state(found, [p.name for p in parameters if p.default is p.empty]):
        found[first] = "input"
    if "state" not in found.values():  # of whatever name, it is one that the source starts from
        unsaid = [p.name for p in parameters if p.default is None and found[p.name] == "left out"]
        found |= {name: "state" for name in unsaid if state_source.becomes_a_state(call, name)}
    if holds_weights and len(cell.states) == 2:
        required = [p.name for p in parameters if p.default is p.empty and found[p.name] in ("state", "unknown")]
        pair = any(state_source.unpacked_into(call, name) for name in required)
        if len(required) == 2 and not pair and "input" in found.values() and "unknown" in map(found.get, required):
            found |= dict.fromkeys(required, "state")  # s1 and s2, of whatever names, are h and c
    return found


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
    found |= {name: meant for name, meant in options(found).items() if meant == "input_size"}
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
    open_sizes = [size for size in ("input_size", "hidden_size", "num_layers") if size not in found.values()]
    if "hidden_sizes" in found.values():
        open_sizes.remove("hidden_size")
    for size, said in _SIZES.items():
        named = [name for name in unknown if found[name] == "unknown" and said & _words_in(name)]
        if named and size in open_sizes:
            found[named[0]] = size
            open_sizes.remove(size)
    for name, size in zip([name for name in unknown if found[name] not in _SIZES], open_sizes, strict=False):
        found[name] = size
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
    said = _words_in(parameter.name)
    if isinstance(default, bool):
        if any(word.startswith("bias") for word in said):
            return "bias"
        both = {"bi", "bidirect", "bidirectional", "both", "twoway"} & said or "two_way" in parameter.name
        return "bidirectional" if both else None
    if isinstance(default, int) and {"layer", "layers", "depth", "stack", "stacks", "l"} & said:
        return "num_layers"
    return "bidirectional" if isinstance(default, int | str) and {"direction", "directions"} & said else None


def _words_in(name: str) -> set[str]:
    return set(re.split(r"_+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()))


def weights_among(found: Arguments) -> dict[str, Slot]:
    return {name: of for name, of in found.items() if isinstance(of, Slot)}


def _told_apart(found: Arguments) -> Arguments:
    slots = weights_among(found)
    paired = directions_by_suffix(slots | {name: slot(name) for name in _named(found, "unknown", "params")})
    if any(of.reverse for of in paired.values()) and not any(of.reverse for of in slots.values()):
        slots = {name: of for name, of in paired.items() if of.kind}
    return found | told_apart(slots)


def _input_named_as_state(found: Arguments, required: list[str]) -> str:
    """Return the argument that is the input although its name is that of a state, where no other can be it.

    `hidden_states` of `forward(self, hidden_states, h_0=None)`, and a of `forward(self, a, b)`.
    """
    first = required[0] if required else ""
    if {"input", "projected"} & {*found.values()} or found.get(first) != "state":
        return ""
    unknown = [name for name in required if found[name] == "unknown"]
    letters = [name for name in required if name.strip("_") in ("a", "s")]
    after_letter = letters == [first] and required == [first, *unknown] and len(unknown) == 1
    return first if after_letter or not (unknown or len(letters) > 1) else ""


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
