"""A candidate as it was written: what its signature, names and notes claim, and how its own arguments get values."""

import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from rnncli.candidate import docstrings, meanings, signature, source, state_source
from rnncli.candidate.names import Slot, is_cell_state, option, words
from rnncli.candidate.own_states import OwnStates
from rnncli.candidate.places import is_array
from rnncli.candidate.weights import Binding, Missing
from rnncli.core.case import Case
from rnncli.core.causes import Cause
from rnncli.core.cells import Cell

SET = ("input_size", "hidden_size", "num_layers", "bidirectional")  # what a module's globals may be set to
_LISTED = re.compile(
    r"(returns?|final|states?|hidden|outputs?)\b[^.\n]{0,60}\blists?\b|\blists?\b[^.\n]{0,40}\b(states?|hidden|final|outputs?)",
    re.IGNORECASE,
)
_TWO_SHAPES = re.compile(r"\(\w+(, ?\w+)+\)(,| and) \(\w+(, ?\w+)+\)")  # of output and of h_n, without a name
_SECTIONS = words("model rnn lstm gru encoder network net arch architecture hparams params config cfg layer")
_RETURNED_SHAPE = re.compile(r"\breturns?\b[^.\n]{0,60}\(\w+(, ?\w+){2}\)", re.IGNORECASE)  # of three axes


class Native:
    """A candidate as it was written: a `Function` or an `Object`."""

    drop_in = False  # it claims the whole of nn.RNN's interface
    kind = "function"  # what it is, in words; `{holder}` of one that takes its weights in one argument
    one_bias = False
    set_globals: tuple[str, ...] = ()
    fixed = False  # it is made: its sizes cannot be chosen
    part = (0, 0)  # the layer and direction that a call is for, where they are put together around it
    asks_for_directions = False  # by an argument or by keys: one direction or two, as it is told
    tried_batch_first = False  # what it is given in trial calls, where it takes that argument
    layers = 1  # that the names of its weights number
    lies_as_told = False  # its matrices are given as they are told to lie, or all transposed
    stateful = False  # it keeps its state itself, from step to step
    cell_class: Any = None  # of its module, that it is constructed with
    is_module = False
    constant_sizes: frozenset[int] = frozenset()  # of its tensors, whatever the case
    has_output_size = False  # it is constructed with the size of a head
    joined = False  # a function that takes one matrix for x and h
    reads_out = False  # a function that takes the weights of a head
    head_scale = 1.0  # what those are multiplied by
    reversing = False  # in the call that is made: whether `reverse=True` is given
    watched: dict[str, tuple[Any, Any]] | None = None  # of a call that is watched: its weights, and copies of them

    def __init__(
        self, name: str, call: Callable[..., Any], written: Any, module: Any, holds_weights: bool, cell: Cell
    ) -> None:
        """`written`: the function or class whose source says more than that of `call`."""
        self.name, self.module, self.cell = name, module, cell
        self.arguments = meanings.arguments_of_call(call, holds_weights, cell)
        self.defaults = {p.name: p.default for p in signature.parameters_of(call) if p.default is not p.empty}
        left_out = [name for name, meant in self.arguments.items() if meant == "left out"]
        self.left_at_none = [name for name in left_out if self.defaults[name] is None and option(name) != "device"]
        without = [name for name, default in self.defaults.items() if default is None and name in self.arguments]
        if_true = [name for name in without if source.asks_if_true(call, name)]
        self._may_be_omitted = [name for name in without if name in if_true or state_source.looks_for_none(call, name)]
        self._lengths_in_lists = [name for name in if_true if self.arguments[name] == "lengths"]
        states = [name for name, meant in self.arguments.items() if meant == "state"]
        if len(states) == 2 == len(cell.states) and states[1] in without and state_source.may_be_pair(call, states[0]):
            self.arguments[states.pop()] = "left out"  # the first may be (h, c), as torch's layer takes it
        self.states = OwnStates(states, call, written, module, cell)
        self.says_step = meanings.says_step(name, self.arguments)
        loaded = vars(module).items() if module is not None else ()
        modules = {key.lower(): value.__name__.partition(".")[0] for key, value in loaded if inspect.ismodule(value)}
        self.words = source.words_of(written, module)
        named = {of for key, of in modules.items() if key in self.words} & {"numpy", "torch"}  # by its own source
        numpy_first = "torch" not in (named or set(modules.values()))
        both = {"numpy", "torch"} <= set(modules.values())
        self.arrays = (numpy_first, not numpy_first) if both else ("numpy" in modules.values(),)
        self.asks_if_training = bool({"training", "dropout"} & (self.words | source.keywords_of(written)))
        self.names_packed = bool(self.words & {"packedsequence", "pad_packed_sequence", "batch_sizes"})
        self.outside_autograd = bool({"from_numpy", "numpy"} & self.words)
        self.rows_by_nature = source.rows_by_nature(written)
        self._tell_input(call, written)
        self._tell_results(call, written)

    def _tell_input(self, call: Callable[..., Any], written: Any) -> None:
        given = next((name for name, meant in self.arguments.items() if meant in ("input", "projected")), "")
        annotations = {p.name: p.annotation for p in signature.parameters_of(call)}
        self.packed_alone = bool(given) and not self.claims("lengths")
        self.packed_alone = self.packed_alone and source.takes_packed_alone(call, given, annotations[given])
        self.looks_at_rank = bool(given) and source.looks_at_rank(call, given)
        self.documented_input = docstrings.documented_shape(docstrings.notes_on(written), given) if given else None
        self.rows_by_nature = self.rows_by_nature or source.transposes(call, given)

    def _tell_results(self, call: Callable[..., Any], written: Any) -> None:
        notes = docstrings.notes_on(written)
        shaped = any(docstrings.documented_shape(notes, name) for name in ("output", "h_n"))
        shaped = shaped or bool(_TWO_SHAPES.search(notes) or _RETURNED_SHAPE.search(notes))
        self.says_list = bool(_LISTED.search(notes)) or inspect.isgeneratorfunction(inspect.unwrap(call))
        self.returns_tensors = shaped and not self.says_list
        self.returned_names = state_source.returned_names(call)
        given_back = [is_cell_state(name) for name in self.returned_names]
        self.names_h_first = len(self.states.names) > 1 and given_back[-2:] == [False, True]
        self.names_c_second = given_back[-1:] == [True] or (given_back[:1] == [False] and sum(given_back) == 1)
        self.returns_c_of_both_last = state_source.returns_c_of_both_last(call)

    def watch(self, name: str, weight: Any) -> None:
        """Keep a weight that is given, with a copy and with a gradient, where the call is watched."""
        if self.watched is not None and is_array(weight):
            self.watched[name] = weight, weight.clone() if isinstance(weight, Tensor) else weight.copy()
            if isinstance(weight, Tensor):
                weight.grad = torch.ones_like(weight)

    def overwritten_in(self, call: Callable[[], object]) -> list[tuple[Cause, str]]:
        """Return which weights, or gradients of weights, a call overwrites: the cause, and a sentence."""
        self.watched, told = {}, list[tuple[Cause, str]]()
        try:
            call()
            for name, (weight, before) in self.watched.items():
                if bool((weight != before).any()):
                    told.append((Cause.INPUT_MUTATED, f"{name} is overwritten: the next call starts from other values"))
                elif isinstance(weight, Tensor) and (weight.grad is None or not bool((weight.grad == 1).all())):
                    lost = f"a call overwrites the gradient of {name}: what an earlier backward added to it is lost"
                    told.append((Cause.GRADIENT_LOST, lost))
            return told
        finally:
            for weight, _ in self.watched.values():
                if isinstance(weight, Tensor):
                    weight.grad = None
            self.watched = None

    def forget(self) -> None:
        """Forget what earlier calls made."""

    @property
    def own_sizes(self) -> Mapping[str, int]:
        """The sizes that it has whatever the case."""
        return {}

    def claims(self, name: str) -> bool:
        return name in self.arguments.values()

    def names_of(self, meaning: str) -> list[str]:
        """Return the arguments of this meaning."""
        return [name for name, meant in self.arguments.items() if meant == meaning]

    @contextmanager
    def asked_to_reverse(self, asked: bool) -> Iterator[None]:
        """Give `reverse=True`, or what stands for it, in the calls that are made inside."""
        self.reversing = asked
        try:
            yield
        finally:
            self.reversing = False

    def described(self) -> str:
        """Return what it is called with, for a message."""
        return f"its arguments are {', '.join(self.arguments) or 'none'}"

    def asked_for(self) -> list[str]:
        """Return which results a call asks for that its defaults leave out, as `return_state=True`."""
        asks = [name for name, meant in self.arguments.items() if meant in ("return_sequences", "return_state")]
        return [f"{name}=True" for name in asks if self.defaults.get(name) is False]

    @property
    def only_nonlinearity(self) -> str | None:
        """Return the nonlinearity that its source uses, where it takes none as an argument and uses one."""
        used = {name for name in ("tanh", "relu") if any(name in word for word in self.words)}
        if not used and {"rnncell", "rnn"} & self.words and "nonlinearity" not in self.words:
            used = {"tanh"}  # torch's own, by default
        return used.pop() if len(used) == 1 and not self.claims("nonlinearity") else None

    def omits(self, name: str, case: Case) -> bool:
        """Return whether an argument that its source asks for being None is left out: the lengths of sequences that are
        not packed, a bias that the case has not.
        """
        meant = self.arguments.get(name)
        of_bias = isinstance(meant, Slot) and meant.is_bias and not case.rnn.bias
        return name in self._may_be_omitted and (of_bias or (meant == "lengths" and case.input.layout != "packed"))

    def given(self, name: str, meant: str, x: Any, state: Any, case: Case, binding: Binding) -> dict[str, Any]:
        """Return an argument of a call that is no weight, with its value; nothing where it is left out."""
        if meant == "left out" or self.omits(name, case):
            return {}
        if meant == "state" and state is None and self.states.optional:
            return {} if name in self.defaults else {name: None}
        if meant == "state":
            return {name: self.states.given(name, state, binding)}
        if meant == "input" and self.packed_alone and isinstance(x, Tensor):
            return {name: pack_padded_sequence(x, torch.full((x.shape[1],), x.shape[0]))}
        if meant == "input":
            return {name: binding.given(x)}
        if meant == "reverse":
            return {name: self.reversing} if self.reversing or name not in self.defaults else {}
        if meant == "device":
            return {name: getattr(x, "device", torch.device("cpu"))}
        value: Any = case if meant == "case" else option_value(meant, case, self.defaults.get(name), name)
        if name in self._lengths_in_lists:
            value = value.tolist()
        elif meant == "lengths" and isinstance(x, Tensor) and "pack_padded_sequence" not in self.words:
            value = value.to(x.device)  # that function takes them on the CPU alone
        return {name: value}

    def unpacked(self, returned: Any, x: Any, case: Case) -> Any:
        """Return what was returned for an input, dicts over time as lists; for one that was packed for the call with
        tensors in it again; states that lie side by side as two.
        """
        returned = self.states.parted(returned, case)
        returned = _in_order(returned)
        with_arrays = _with_arrays(returned, x.dtype if isinstance(x, Tensor) else torch.float64)
        self.outside_autograd = self.outside_autograd or with_arrays is not returned
        returned = with_arrays
        if not self.packed_alone or isinstance(x, PackedSequence):
            return returned
        if isinstance(returned, PackedSequence):
            return pad_packed_sequence(returned)[0]
        return tuple(self.unpacked(one, x, case) for one in returned) if type(returned) is tuple else returned


def _in_order(returned: Any) -> Any:
    """Return a dict over time, whose `hs[-1]` is the state before the first step, as the list of all others."""
    if isinstance(returned, tuple) and type(returned) is tuple:
        return tuple(map(_in_order, returned))
    over_time = isinstance(returned, dict) and -1 in returned and all(type(key) is int for key in returned)
    steps = sorted(key for key in returned if key >= 0) if over_time else []
    return [returned[step] for step in steps] if steps and steps == [*range(len(steps))] else returned


def _with_arrays(returned: Any, dtype: torch.dtype) -> Any:
    """Return what was returned, with tensors for lists of numbers and for lists of such lists."""
    if type(returned) is tuple:
        found = tuple(_with_arrays(one, dtype) for one in returned)
        return found if any(one is not other for one, other in zip(found, returned, strict=True)) else returned
    inner = returned
    for _ in range(3):  # as many axes as output has: a list may hold itself
        inner = inner[0] if isinstance(inner, list) and inner else inner
    if isinstance(inner, float) and isinstance(returned, list):
        with suppress(ValueError, TypeError):  # of different lengths
            return torch.tensor(returned, dtype=dtype)
    return returned


def option_value(meant: str, case: Case, default: Any = None, name: str = "") -> Any:
    """Return the value of an argument of nn.RNN in a case, in the form that its default has. Raises Missing."""
    rnn = case.rnn
    if meant == "bidirectional" and isinstance(default, int) and not isinstance(default, bool):
        return rnn.directions
    if meant == "bidirectional" and isinstance(default, str):
        return "bidirectional" if rnn.bidirectional else default
    if meant == "nonlinearity":
        return _nonlinearity(rnn.nonlinearity or "tanh", default, name)
    if meant == "lengths":
        packed = case.input.layout == "packed"
        return torch.tensor(case.input.sequence_lengths if packed else [case.input.seq_len] * case.input.batch_size)
    if meant == "rng":
        return sys.modules["numpy"].random.default_rng(0)
    values = {**rnn.model_dump(), "output_size": rnn.hidden_size * rnn.directions, "has_biases": rnn.bias}
    values |= {"return_sequences": True, "return_state": True, "learning_rate": 0.01}
    values |= {"on_gpu": case.run.device.startswith("cuda")}
    values |= {"hidden_sizes": [rnn.hidden_size] * rnn.num_layers}
    values |= {"training": case.run.train, "batch_size": case.input.batch_size, "seq_len": case.input.seq_len}
    if meant != "config" and meant not in values:
        raise Missing(f"a value for {name or meant}{', whose name says nothing' if meant == 'unknown' else ''}")
    if meant != "config":
        return values[meant]
    own = vars(default) if isinstance(default, SimpleNamespace) else default
    return _with_values(own, values) if isinstance(own, dict) else Settings(values)


class Settings(dict[str, Any]):
    """A config object for a constructor: any name that means an argument of nn.RNN, by key or by attribute; a section
    of it, as in `cfg["model"]["hidden_size"]`, is the whole.
    """

    def __missing__(self, name: str) -> Any:
        if name.lower() in _SECTIONS:
            return self
        meant = option(name)
        if meant in (None, name):
            raise KeyError(name)
        return self[meant or ""]

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(name) from error

    def of(self, record: type) -> dict[str, Any]:
        """Return those of a record's fields that mean an argument of nn.RNN."""
        return {name: self[name] for name in signature.fields_of(record) if option(name)}

    def get(self, name: str, default: Any = None) -> Any:
        """Return a setting, or a default, as a dict does."""
        return getattr(self, name, default)


def _with_values(default: Mapping[str, Any], values: Mapping[str, Any]) -> Settings:
    """Return the config that is a default, with the values of the arguments of nn.RNN in it, in any section of it."""
    found = Settings(values)
    for key, value in default.items():
        known = values.get(option(key) or "")
        found[key] = _with_values(value, values) if isinstance(value, dict) else value if known is None else known
    return found


def _nonlinearity(wanted: str, default: Any, name: str) -> Any:
    if inspect.isclass(default) or isinstance(default, nn.Module):
        kind = {"tanh": nn.Tanh, "relu": nn.ReLU}[wanted]
        return kind if inspect.isclass(default) else kind()
    if type(default).__name__ == "ufunc":
        return default if wanted == "tanh" else lambda z: z * (z > 0)
    if callable(default):
        return getattr(torch, wanted)
    if isinstance(default, str) and default.isupper() and default.lower() in ("tanh", "relu"):
        return wanted.upper()
    of_torch = name == "mode" or (isinstance(default, str) and default.upper().startswith("RNN_"))
    return f"RNN_{wanted.upper()}" if of_torch else wanted


@contextmanager
def globals_set(module: Any, values: Mapping[str, Any]) -> Iterator[None]:
    """Replace globals of a module for the time of a call."""
    own = vars(module) if values else {}
    before = {name: own[name] for name in values}
    own.update(values)
    try:
        yield
    finally:
        own.update(before)
