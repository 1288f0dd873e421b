"""The bindings: how each style is constructed, given nn.RNN's weights and called, as its author documents it.

A binding turns a module of a style into one function of input (L, N, H_in) and h_0 (D * num_layers, N, H_out) or None
that returns output (L, N, D * H_out) and h_n (D * num_layers, N, H_out); of an LSTM, c_0 and c_n follow in the rows
after those of h_0 and h_n. It is written by hand and uses nothing of rnncli, so that it can hold the reader of rnncli
to account. Those of GRU and LSTM are in `gated`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

Weights = Mapping[str, Tensor]
Function = Callable[[Tensor, Tensor | None], tuple[Tensor | None, Tensor | None]]
Call = Callable[[Tensor, Tensor | None], Any]  # of a style's own: what it returns is not known
DOCUMENTED = "as documented"
OTHER_WAY = ("W_hh the other way round",)
UNUSED = ("parameters without effect beside nn.RNN's",)
LISTED_OUTPUT = ("output as a list of its steps, which d2l returns",)
PLAIN_LIST = ("modules in a plain list, which no optimiser finds",)


class WrongError(Exception):
    """A style that is not what nn.RNN is: the message says where."""


@dataclass(frozen=True)
class Task:
    """The arguments of torch's layer that a mutant is judged for."""

    cell: str = "RNN"
    input_size: int = 5
    hidden_size: int = 7
    num_layers: int = 1
    bidirectional: bool = False
    nonlinearity: str = "tanh"
    bias: bool = True
    batch_first: bool = False

    @classmethod
    def of(cls, flags: str) -> "Task":
        """The task that flags of `rnncli verify` ask for."""
        values: dict[str, Any] = {}
        words = iter(flags.split())
        for word in words:
            if word in ("--bidirectional", "--batch-first"):
                values[word.removeprefix("--").replace("-", "_")] = True
            elif word == "--no-bias":
                values["bias"] = False
            elif word in ("--nonlinearity", "--cell"):
                values[word.removeprefix("--")] = next(words)
            elif word == "--layers":
                values["num_layers"] = int(next(words))
            else:
                values[word.removeprefix("--").replace("-", "_")] = int(next(words))
        return cls(**values)

    @property
    def directions(self) -> int:
        """D: 2 if bidirectional, else 1."""
        return 2 if self.bidirectional else 1

    @property
    def suffixes(self) -> list[str]:
        """The endings of the names of nn.RNN's parameters, layer by layer and direction by direction."""
        ends = ["", "_reverse"][: self.directions]
        return [f"l{layer}{end}" for layer in range(self.num_layers) for end in ends]

    @property
    def states(self) -> int:
        """The rows of the states: D * num_layers, of an LSTM twice as many."""
        return self.directions * self.num_layers * (2 if self.cell == "LSTM" else 1)

    def reference(self) -> nn.RNNBase:
        """torch's layer itself, always time-first: the bindings transpose."""
        layer = {"RNN": nn.RNN, "GRU": nn.GRU, "LSTM": StackedStates}[self.cell]
        given = {"nonlinearity": self.nonlinearity} if self.cell == "RNN" else {}
        sizes = (self.input_size, self.hidden_size, self.num_layers)
        return layer(*sizes, bias=self.bias, bidirectional=self.bidirectional, **given)


class StackedStates(nn.LSTM):
    """nn.LSTM with its states in one tensor (2 * D * num_layers, N, H_out): those of h, then those of c."""

    def forward(self, x: Tensor, states: Tensor | None = None) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        output, last = super().forward(x, None if states is None else tuple(states.chunk(2)))
        return output, torch.cat(last)


@dataclass
class Wiring:
    """The tensors of a style that hold the weights, each with the function that gives its gradient from nn.RNN's."""

    weights: Weights
    places: list[tuple[Tensor, Callable[[Weights], Tensor]]] = field(default_factory=list)

    def leaf(self, name: str) -> Tensor:
        """A copy of a weight, to be given to a function."""
        tensor = self.weights[name].clone().requires_grad_()
        self.places.append((tensor, lambda gradients: gradients[name]))
        return tensor

    def leaves(self, suffix: str, kinds: str = "weight_ih weight_hh bias_ih bias_hh") -> list[Tensor]:
        """The weights of a layer and direction in nn.RNN's order, or in another."""
        return [self.leaf(f"{kind}_{suffix}") for kind in kinds.split() if f"{kind}_{suffix}" in self.weights]

    def fill(
        self,
        own: Any,
        value: Callable[[Weights], Tensor],
        gradient: Callable[[Weights], Tensor] | None = None,
        parameter: bool = True,
    ) -> None:
        """Copy a value into a tensor of a class. Raises WrongError where that is no trainable tensor of its shape."""
        wanted = value(self.weights)
        if not isinstance(own, nn.Parameter if parameter else Tensor):
            raise WrongError(f"a weight is {type(own).__name__}, which no optimiser finds")
        if not own.requires_grad:
            raise WrongError("a weight does not require a gradient")
        if own.shape != wanted.shape:
            raise WrongError(f"a weight has shape {tuple(own.shape)} where {tuple(wanted.shape)} is needed")
        with torch.no_grad():
            own.copy_(wanted)
        self.places.append((own, gradient or value))

    def fill_named(self, module: nn.Module, suffix: str) -> None:
        """Fill the parameters that have nn.RNN's own names."""
        for name in self.weights:
            if name.endswith(f"_{suffix}"):
                self.fill(getattr(module, name), lambda w, name=name: w[name])

    def fill_cell(self, cell: nn.RNNCell, suffix: str) -> None:
        """Fill an nn.RNNCell."""
        for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            self.fill(getattr(cell, kind), lambda w, kind=kind: w[f"{kind}_{suffix}"])

    def fill_linears(self, ih: nn.Linear, hh: nn.Linear, suffix: str) -> None:
        """Fill two nn.Linear. Where one of them has no bias, the other holds the sum of both biases."""
        if not (isinstance(ih, nn.Linear) and isinstance(hh, nn.Linear)):
            raise WrongError("a weight is no nn.Linear")
        self.fill(ih.weight, lambda w: w[f"weight_ih_{suffix}"])
        self.fill(hh.weight, lambda w: w[f"weight_hh_{suffix}"])
        if ih.bias is not None and hh.bias is not None:
            self.fill(ih.bias, lambda w: w[f"bias_ih_{suffix}"])
            self.fill(hh.bias, lambda w: w[f"bias_hh_{suffix}"])
        elif ih.bias is not None or hh.bias is not None:
            self.fill_sum(ih.bias if hh.bias is None else hh.bias, suffix)
        else:
            raise WrongError("there is no bias")

    def fill_sum(self, own: Any, suffix: str, parameter: bool = True) -> None:
        """Fill a single bias with the sum of nn.RNN's two."""
        self.fill(
            own,
            lambda w: w[f"bias_ih_{suffix}"] + w[f"bias_hh_{suffix}"],
            lambda gradients: gradients[f"bias_ih_{suffix}"],
            parameter,
        )


@dataclass(frozen=True)
class Given:
    """What a binding is given: the module of a style, the task, the weights, and the layout of the style's own."""

    module: Any
    task: Task
    wiring: Wiring
    variant: str = DOCUMENTED


Bind = Callable[[Given], Function]


@dataclass(frozen=True)
class Style:
    """A style: its file, the name in it that is verified, the flags of what it claims, and its binding.

    `variants` are layouts of its own parameters that are the author's business: right in one of them is right.
    `tastes` are layouts in which a mutant is neither right nor wrong: right in one of them alone is excluded.
    `rank_in_words`: it has one layer, and whether its states have an axis of layers is said in words alone.
    """

    name: str
    target: str
    bind: Bind
    flags: tuple[str, ...] = ("",)
    optional_h_0: bool = False
    takes_h_0: bool = True
    returns: tuple[str, ...] = ("output", "h_n")
    gradients: bool = True
    variants: tuple[str, ...] = (DOCUMENTED,)
    tastes: tuple[str, ...] = ()
    rank_in_words: bool = False


def _first(h_0: Tensor | None) -> Tensor | None:
    return None if h_0 is None else h_0[0]


def turned(x: Tensor) -> Tensor:
    """The tensor with its first two axes, time and batch, exchanged."""
    return x.transpose(0, 1)


# How a style is called: each takes a function or an object of a style, and returns one that is called otherwise.


def optional(call: Callable[..., Any]) -> Call:
    """A state is left out, not given as None."""
    return lambda x, h_0: call(x) if h_0 is None else call(x, h_0)


def batch_first(call: Call) -> Function:
    """Input and output have the batch on their first axis."""

    def swapped(x: Tensor, h_0: Tensor | None) -> tuple[Tensor, Tensor]:
        output, h_n = call(turned(x), h_0)
        return turned(output), h_n

    return swapped


def in_layout(task: Task, call: Call) -> Function:
    """Input and output have the batch on the axis that the task says."""
    return batch_first(call) if task.batch_first else call


def one_layer(call: Call) -> Function:
    """The states are (N, H_out), without an axis of layers."""

    def called(x: Tensor, h_0: Tensor | None) -> tuple[Tensor, Tensor]:
        output, h = call(x, _first(h_0))
        return output, h[None]

    return called


def _listed(call: Call) -> Call:
    """The output is a list of its steps."""

    def stacked(x: Tensor, h_0: Tensor | None) -> tuple[Tensor, Tensor]:
        outputs, h_n = call(x, h_0)
        return torch.stack(outputs), h_n

    return stacked


# -- functions ---------------------------------------------------------------------------------------------------------


def _scan(given: Given) -> Function:
    weights = given.wiring.leaves("l0")
    return one_layer(lambda x, h: given.module.rnn_forward(x, *weights, h))


def _blog(given: Given) -> Function:
    weights = given.wiring.leaves("l0")
    return batch_first(one_layer(lambda x, h: given.module.forward(x, *weights, h)))


def _port(given: Given) -> Function:
    params = {name: given.wiring.leaf(name) for name in given.wiring.weights}
    settings = {"num_layers": given.task.num_layers, "bidirectional": given.task.bidirectional}
    return lambda x, h_0: given.module.run_rnn(params, x, h_0, **settings)


def _layer_lists(given: Given) -> Function:
    kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    lists = [[given.wiring.leaf(f"{kind}_{suffix}") for suffix in given.task.suffixes] for kind in kinds]
    return lambda x, h_0: given.module.deep_rnn(x, *lists, h_0)


def _flat_weights(given: Given) -> Function:
    flat = [tensor for suffix in given.task.suffixes for tensor in given.wiring.leaves(suffix)]
    settings = (given.task.bias, given.task.num_layers, 0.0, False, given.task.bidirectional, given.task.batch_first)
    return in_layout(given.task, lambda x, h_0: given.module.rnn_tanh(x, h_0, flat, *settings))


def _einsum(given: Given) -> Function:
    weights = given.wiring.leaves("l0")
    return batch_first(lambda x, h_0: given.module.rnn(x, *weights, h_0))


def _addmm(given: Given) -> Function:
    weights = given.wiring.leaves("l0")
    return lambda x, h_0: given.module.elman(x, h_0, *weights)


def _bi_functional(given: Given) -> Function:
    weights = [tensor for suffix in given.task.suffixes for tensor in given.wiring.leaves(suffix)]
    return lambda x, h_0: given.module.birnn(x, h_0, *weights)


def _from_global(given: Given) -> Function:
    given.wiring.fill_named(given.module.rnn, "l0")
    return lambda x, h_0: given.module.my_forward(x, h_0)


# -- classes -----------------------------------------------------------------------------------------------------------


def _dropin(given: Given) -> Function:
    rnn = given.module.RNN(
        given.task.input_size,
        given.task.hidden_size,
        num_layers=given.task.num_layers,
        nonlinearity=given.task.nonlinearity,
        bias=given.task.bias,
        batch_first=given.task.batch_first,
        bidirectional=given.task.bidirectional,
    )
    names = set(dict(rnn.named_parameters()))
    if given.variant in UNUSED:
        names &= set(given.wiring.weights)
    if names != set(given.wiring.weights):
        raise WrongError(f"parameters {sorted(names ^ set(given.wiring.weights))} are not nn.RNN's, or missing")
    for suffix in given.task.suffixes:
        given.wiring.fill_named(rnn, suffix)
    return in_layout(given.task, optional(rnn))


def _two_linears(given: Given) -> Function:
    rnn = given.module.VanillaRNN(given.task.input_size, given.task.hidden_size)
    given.wiring.fill_linears(rnn.i2h, rnn.h2h, "l0")
    return optional(rnn)


def _joined(given: Given) -> Function:
    rnn = given.module.CharRNN(given.task.input_size, given.task.hidden_size)
    order = (
        ("weight_hh_l0", "weight_ih_l0") if given.variant == "state before input" else ("weight_ih_l0", "weight_hh_l0")
    )
    given.wiring.fill(rnn.in2hidden.weight, lambda w: torch.cat([w[name] for name in order], dim=1))
    given.wiring.fill_sum(rnn.in2hidden.bias, "l0")
    return batch_first(one_layer(optional(rnn)))


def _cell_stack(given: Given) -> Function:
    rnn = given.module.StackedRNN(given.task.input_size, given.task.hidden_size, num_layers=given.task.num_layers)
    require_registered(rnn.cells, given)
    for suffix, cell in zip(given.task.suffixes, rnn.cells, strict=True):
        given.wiring.fill_cell(cell, suffix)
    return optional(rnn)


def _two_ways(given: Given) -> Function:
    rnn = given.module.BiRNN(given.task.input_size, given.task.hidden_size)
    given.wiring.fill_cell(rnn.left, "l0")
    given.wiring.fill_cell(rnn.right, "l0_reverse")
    return optional(rnn)


def require_registered(modules: Any, given: Given) -> None:
    if not isinstance(modules, nn.ModuleList) and given.variant not in PLAIN_LIST:
        raise WrongError("modules in a plain list, which no optimiser finds")


def _fill_raw(wiring: Wiring, ih: Any, hh: Any, bias: Any, variant: str, parameter: bool = True) -> None:
    """Fill matrices (H_in, H_out) and (H_out, H_out) that stand to the right of x and h, and one bias."""
    wiring.fill(ih, lambda w: w["weight_ih_l0"].T, parameter=parameter)
    if variant in OTHER_WAY:
        wiring.fill(hh, lambda w: w["weight_hh_l0"], parameter=parameter)
    else:
        wiring.fill(hh, lambda w: w["weight_hh_l0"].T, parameter=parameter)
    wiring.fill_sum(bias, "l0", parameter)


def _plain_class(given: Given) -> Function:
    rnn = given.module.ElmanRNN(given.task.input_size, given.task.hidden_size)
    if given.variant == "tensors without requires_grad":
        for tensor in (rnn.U, rnn.W, rnn.b):
            tensor.requires_grad_()
    _fill_raw(given.wiring, rnn.U, rnn.W, rnn.b, given.variant, parameter=False)
    return one_layer(_listed(optional(rnn)) if given.variant in LISTED_OUTPUT else optional(rnn))


def _numpy_class(given: Given) -> Function:
    rnn = given.module.NumpyRNN(given.task.input_size, given.task.hidden_size)
    weights = {name: value.numpy() for name, value in given.wiring.weights.items()}
    values = {
        "Wxh": weights["weight_ih_l0"],
        "Whh": weights["weight_hh_l0"].T if given.variant in OTHER_WAY else weights["weight_hh_l0"],
        "bh": weights["bias_ih_l0"] + weights["bias_hh_l0"],
    }
    for name, value in values.items():
        if getattr(rnn, name).shape != value.shape:
            raise WrongError(f"{name} has shape {getattr(rnn, name).shape} where {value.shape} is needed")
        setattr(rnn, name, value.copy())

    def call(x: Tensor, h: Tensor | None) -> tuple[Tensor, Tensor]:
        output, h = optional(rnn.forward)(x.numpy(), None if h is None else h.numpy())
        return torch.from_numpy(output.copy()), torch.from_numpy(h.copy())

    return one_layer(call)


def _d2l_scratch(given: Given) -> Function:
    rnn = given.module.RNNScratch(given.task.input_size, given.task.hidden_size)
    _fill_raw(given.wiring, rnn.W_xh, rnn.W_hh, rnn.b_h, given.variant)
    return one_layer(_listed(optional(rnn)))


def _factory(given: Given) -> Function:
    rnn = given.module.make_rnn(given.task.input_size, given.task.hidden_size)
    given.wiring.fill_named(rnn, "l0")
    return lambda x, h_0: rnn(x, h_0)


def _encoder(given: Given) -> Function:
    rnn = given.module.SequenceEncoder(given.task.input_size, given.task.hidden_size)
    given.wiring.fill_linears(rnn.embed, rnn.recur, "l0")

    def call(x: Tensor, _: Tensor | None) -> tuple[Tensor, None]:
        return turned(rnn(turned(x))), None

    return call


def _last_state(given: Given) -> Function:
    rnn = given.module.LastState(given.task.input_size, given.task.hidden_size)
    given.wiring.fill_linears(rnn.Wx, rnn.Wh, "l0")

    def call(x: Tensor, h_0: Tensor | None) -> tuple[None, Tensor]:
        return None, optional(rnn)(turned(x), _first(h_0))[None]

    return call


def _deep_linears(given: Given) -> Function:
    rnn = given.module.DeepRNN(
        given.task.input_size,
        given.task.hidden_size,
        num_layers=given.task.num_layers,
        nonlinearity=given.task.nonlinearity,
    )
    require_registered(rnn.up, given)
    require_registered(rnn.across, given)
    for suffix, up, across in zip(given.task.suffixes, rnn.up, rnn.across, strict=True):
        given.wiring.fill_linears(up, across, suffix)
    return batch_first(optional(rnn))


# -- cells -------------------------------------------------------------------------------------------------------------


def looped(step: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]) -> Function:
    """A cell in the loop that its user writes."""

    def call(x: Tensor, h: Tensor | None) -> tuple[list[Tensor], Tensor]:
        outputs = []
        for x_t in x:
            y, h = step(x_t, h)
            outputs.append(y)
        return outputs, h

    return one_layer(_listed(call))


def _step_cell(given: Given) -> Function:
    cell = given.module.ElmanCell(given.task.input_size, given.task.hidden_size)
    _fill_raw(given.wiring, cell.W_x, cell.W_h, cell.b, given.variant)
    return looped(lambda x_t, h: (cell(x_t, h),) * 2)


def _cell_with_output(given: Given) -> Function:
    cell = given.module.SimpleCell(given.task.input_size, given.task.hidden_size)
    given.wiring.fill_linears(cell.kernel, cell.recurrent_kernel, "l0")
    return looped(cell)


def _step_function(given: Given) -> Function:
    weights = given.wiring.leaves("l0")
    return looped(lambda x_t, h: (given.module.rnn_step(x_t, h, *weights),) * 2)


DEEP = "--layers 2 --bidirectional"
STYLES = {
    style.name: style
    for style in (
        Style("scan", "rnn_forward", _scan, rank_in_words=True),
        Style("blog", "forward", _blog, rank_in_words=True),
        Style("port", "run_rnn", _port, ("", DEEP), optional_h_0=True),
        Style(
            "dropin",
            "RNN",
            _dropin,
            ("", f"{DEEP} --batch-first --nonlinearity relu", "--layers 2 --no-bias"),
            optional_h_0=True,
            tastes=UNUSED,
        ),
        Style("two_linears", "VanillaRNN", _two_linears, optional_h_0=True, rank_in_words=True),
        Style(
            "joined",
            "CharRNN",
            _joined,
            optional_h_0=True,
            variants=(DOCUMENTED, "state before input"),
            rank_in_words=True,
        ),
        Style("cell_stack", "StackedRNN", _cell_stack, ("", "--layers 2"), optional_h_0=True, tastes=PLAIN_LIST),
        Style("two_ways", "BiRNN", _two_ways, ("--bidirectional",), optional_h_0=True),
        Style(
            "plain_class",
            "ElmanRNN",
            _plain_class,
            optional_h_0=True,
            tastes=(*OTHER_WAY, *LISTED_OUTPUT, "tensors without requires_grad"),
            rank_in_words=True,
        ),
        Style(
            "numpy_class",
            "NumpyRNN",
            _numpy_class,
            optional_h_0=True,
            gradients=False,
            tastes=OTHER_WAY,
            rank_in_words=True,
        ),
        Style("step_cell", "ElmanCell", _step_cell, tastes=OTHER_WAY),
        Style("cell_with_output", "SimpleCell", _cell_with_output),
        Style("step_function", "rnn_step", _step_function),
        Style("layer_lists", "deep_rnn", _layer_lists, ("", "--layers 2")),
        Style("flat_weights", "rnn_tanh", _flat_weights, ("", f"{DEEP} --batch-first")),
        Style("d2l_scratch", "RNNScratch", _d2l_scratch, optional_h_0=True, tastes=OTHER_WAY, rank_in_words=True),
        Style("einsum", "rnn", _einsum, rank_in_words=True),
        Style("addmm", "elman", _addmm, ("", "--no-bias"), rank_in_words=True),
        Style("bi_functional", "birnn", _bi_functional, ("--bidirectional",)),
        Style("factory", "make_rnn", _factory, rank_in_words=True),
        Style("from_global", "my_forward", _from_global, ("--input-size 5 --hidden-size 7",), rank_in_words=True),
        Style("encoder", "SequenceEncoder", _encoder, takes_h_0=False, returns=("output",)),
        Style("last_state", "LastState", _last_state, optional_h_0=True, returns=("h_n",), rank_in_words=True),
        Style(
            "deep_linears",
            "DeepRNN",
            _deep_linears,
            ("", "--layers 2 --nonlinearity relu"),
            optional_h_0=True,
            tastes=PLAIN_LIST,
        ),
    )
}
