"""The bindings of the styles of GRU and LSTM, as `bindings` has those of nn.RNN.

A style whose gates have an order or names of their own is right in any order that it keeps to: each is a variant.
"""

from collections.abc import Callable, Sequence
from itertools import permutations, product
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.reading.bindings import (
    UNUSED,
    Function,
    Given,
    Style,
    Weights,
    WrongError,
    batch_first,
    in_layout,
    looped,
    one_layer,
    optional,
    require_registered,
)

LETTERS = {"GRU": "rzn", "LSTM": "ifgo"}  # in torch's order
Rows = Callable[[Weights], Tensor]
WITH_LAYERS = ("states as (1, N, H) where (N, H) is documented",)
RETURNED_WITH_LAYERS = ("h_n or c_n as (1, N, H) where (N, H) is documented",)


def _orders(cell: str) -> tuple[str, ...]:
    return tuple("".join(order) for order in permutations(LETTERS[cell]))


def _rows(name: str, order: str) -> Rows:
    """The rows of a parameter of torch's, gate by gate in an order."""
    letters = LETTERS["LSTM" if len(order) == 4 else "GRU"]
    return lambda w: torch.cat([w[name].chunk(len(order))[letters.index(gate)] for gate in order])


def _gate(name: str, gate: str, order: str, transposed: bool = False) -> Rows:
    """The rows of one gate, where the author's letters stand for those of torch's in `order`."""
    cell = "LSTM" if len(order) == 4 else "GRU"
    at = LETTERS[cell].index(order[LETTERS[cell].index(gate)])

    def rows(w: Weights) -> Tensor:
        value = w[name].chunk(len(order))[at]
        return value.T if transposed else value

    return rows


def _sum(*parts: Rows) -> Rows:
    return lambda w: torch.stack([part(w) for part in parts]).sum(0)


def _order(given: Given, own: str) -> str:
    return own if " " in given.variant else given.variant  # a variant in words is of something else


def _as_pair(call: Callable[..., Any], layered: bool = False) -> Function:
    """An LSTM that takes (h, c) or nothing and returns output and (h, c): with the states in one tensor."""

    def called(x: Tensor, states: Tensor | None) -> tuple[Tensor, Tensor]:
        parts = () if states is None else (tuple(part if layered else part[0] for part in states.chunk(2)),)
        output, (h, c) = call(x, *parts)
        return output, torch.cat([h, c] if layered else [h[None], c[None]])

    return called


def _filled_cells(cells: Sequence[Any], given: Given) -> None:
    require_registered(cells, given)
    for suffix, cell in zip(given.task.suffixes, cells, strict=True):
        given.wiring.fill_cell(cell, suffix)


def _dropin(given: Given) -> Any:
    task = given.task
    layer = getattr(given.module, task.cell)(
        task.input_size, task.hidden_size, num_layers=task.num_layers, bias=task.bias, batch_first=task.batch_first,
        bidirectional=task.bidirectional,
    )  # fmt: skip
    names = set(dict(layer.named_parameters()))
    if given.variant in UNUSED:
        names &= set(given.wiring.weights)
    if names != set(given.wiring.weights):
        raise WrongError("its parameters are not those of torch's layer")
    for suffix in task.suffixes:
        given.wiring.fill_named(layer, suffix)
    return layer


# -- LSTM --------------------------------------------------------------------------------------------------------------


def _lstm_dropin(given: Given) -> Function:
    return in_layout(given.task, _as_pair(_dropin(given), layered=True))


def _lstm_functional(given: Given) -> Function:
    weights = given.wiring.leaves("l0")

    def call(x: Tensor, states: Tensor | None) -> tuple[Tensor, Tensor]:
        assert states is not None
        h, c = states.chunk(2) if given.variant in WITH_LAYERS else states.unbind(0)
        output, h, c = given.module.lstm_forward(x, h, c, *weights)
        if given.variant in RETURNED_WITH_LAYERS:
            h, c = (one[0] if one.dim() == 3 else one for one in (h, c))
        return output, torch.cat([h, c]) if given.variant in WITH_LAYERS else torch.stack([h, c])

    return call


def _lstm_linears(given: Given) -> Function:
    lstm, order = given.module.MyLSTM(given.task.input_size, given.task.hidden_size), _order(given, "ifog")
    _fill_linears(given, lstm, order)
    return batch_first(_as_pair(lstm))


def _fill_linears(given: Given, module: Any, order: str) -> None:
    """Fill two nn.Linear, each in an order of its own. One bias does for both where no gate keeps them apart."""
    linears, orders = (module.x2h, module.h2h), (order.split("/") * 2)[:2]
    if not all(isinstance(linear, nn.Linear) for linear in linears):
        raise WrongError("a weight is no nn.Linear")
    alone = sum(linear.bias is not None for linear in linears) == 1 and given.task.cell == "LSTM"
    if not alone and any(linear.bias is None for linear in linears):
        raise WrongError("a weight has no bias")
    for linear, kind, own in zip(linears, ("ih", "hh"), orders, strict=True):
        given.wiring.fill(linear.weight, _rows(f"weight_{kind}_l0", own))
        both = [_rows(f"bias_{one}_l0", own) for one in ("ih", "hh")]
        if alone and linear.bias is not None:
            given.wiring.fill(linear.bias, _sum(*both), both[0])
        elif linear.bias is not None:
            given.wiring.fill(linear.bias, _rows(f"bias_{kind}_l0", own))


def _lstm_per_gate(given: Given) -> Function:
    lstm, order = given.module.NaiveLSTM(given.task.input_size, given.task.hidden_size), _order(given, "ifgo")
    for letter, gate in zip("ifco", "ifgo", strict=True):
        given.wiring.fill(getattr(lstm, f"W_{letter}"), _gate("weight_ih_l0", gate, order, transposed=True))
        given.wiring.fill(getattr(lstm, f"U_{letter}"), _gate("weight_hh_l0", gate, order, transposed=True))
        both = [_gate(f"bias_{kind}_l0", gate, order) for kind in ("ih", "hh")]
        given.wiring.fill(getattr(lstm, f"b_{letter}"), _sum(*both), both[0])
    return batch_first(_as_pair(lstm))


def _lstm_joined(given: Given) -> Function:
    cell = given.module.LSTMCell(given.task.input_size, given.task.hidden_size)
    order = _order(given, "fiog")
    kinds = ("hh", "ih") if order.startswith("h") else ("ih", "hh")
    order = order.removeprefix("h")
    parts = [_rows(f"weight_{kind}_l0", order) for kind in kinds]
    given.wiring.fill(cell.gates.weight, lambda w: torch.cat([part(w) for part in parts], dim=1))
    both = [_rows(f"bias_{kind}_l0", order) for kind in ("ih", "hh")]
    given.wiring.fill(cell.gates.bias, _sum(*both), both[0])
    return _looped_lstm(lambda x_t, h, c: cell(x_t, (h, c)))


def _looped_lstm(step: Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]) -> Function:
    """A step in the loop that its user writes."""

    def call(x: Tensor, states: Tensor | None) -> tuple[Tensor, Tensor]:
        assert states is not None
        (h, c), outputs = states.unbind(0), []
        for x_t in x:
            h, c = step(x_t, h, c)
            outputs.append(h)
        return torch.stack(outputs), torch.stack([h, c])

    return call


def _lstm_of_cells(given: Given) -> Function:
    task = given.task
    lstm = given.module.StackedLSTM(task.input_size, task.hidden_size, num_layers=task.num_layers)
    _filled_cells(lstm.cells, given)
    return _as_pair(lstm, layered=True)


def _lstm_step(given: Given) -> Function:
    weights = given.wiring.leaves("l0")
    return _looped_lstm(lambda x_t, h, c: given.module.lstm_step(x_t, h, c, *weights))


# -- GRU ---------------------------------------------------------------------------------------------------------------


def _gru_dropin(given: Given) -> Function:
    return in_layout(given.task, optional(_dropin(given)))


def _gru_functional(given: Given) -> Function:
    weights = given.wiring.leaves("l0")
    return one_layer(lambda x, h: given.module.gru_forward(x, h, *weights))


def _gru_linears(given: Given) -> Function:
    gru, order = given.module.MyGRU(given.task.input_size, given.task.hidden_size), _order(given, "zrn")
    _fill_linears(given, gru, order)
    return batch_first(one_layer(optional(gru)))


def _gru_per_gate(given: Given) -> Function:
    gru, order = given.module.GatedRNN(given.task.input_size, given.task.hidden_size), _order(given, "rzn")
    for gate in "rzn":
        for letter, kind in (("i", "ih"), ("h", "hh")):
            linear = getattr(gru, f"W_{letter}{gate}")
            if not isinstance(linear, nn.Linear) or linear.bias is None:
                raise WrongError("a weight is no nn.Linear with a bias")
            given.wiring.fill(linear.weight, _gate(f"weight_{kind}_l0", gate, order))
            given.wiring.fill(linear.bias, _gate(f"bias_{kind}_l0", gate, order))
    return optional(gru)


def _gru_of_cells(given: Given) -> Function:
    task = given.task
    gru = given.module.StackedGRU(task.input_size, task.hidden_size, num_layers=task.num_layers)
    _filled_cells(gru.cells, given)
    return optional(gru)


def _gru_two_ways(given: Given) -> Function:
    gru = given.module.BiGRU(given.task.input_size, given.task.hidden_size)
    given.wiring.fill_cell(gru.left, "l0")
    given.wiring.fill_cell(gru.right, "l0_reverse")
    return optional(gru)


def _gru_step(given: Given) -> Function:
    weights = given.wiring.leaves("l0")
    return looped(lambda x_t, h: (given.module.gru_step(x_t, h, *weights),) * 2)


LSTM, GRU = "--cell LSTM", "--cell GRU"
DEEP = "--layers 2 --bidirectional --batch-first"
JOINED = (*(f"h{order}" for order in _orders("LSTM")), *_orders("LSTM"))
MIXED = tuple("/".join(orders) for orders in product(_orders("GRU"), repeat=2))
STYLES = (
    Style(
        "lstm_dropin",
        "LSTM",
        _lstm_dropin,
        (LSTM, f"{LSTM} {DEEP}", f"{LSTM} --no-bias"),
        optional_h_0=True,
        tastes=UNUSED,
    ),
    Style("lstm_functional", "lstm_forward", _lstm_functional, (LSTM,), tastes=WITH_LAYERS + RETURNED_WITH_LAYERS),
    Style("lstm_linears", "MyLSTM", _lstm_linears, (LSTM,), optional_h_0=True, variants=_orders("LSTM")),
    Style("lstm_per_gate", "NaiveLSTM", _lstm_per_gate, (LSTM,), optional_h_0=True, tastes=_orders("LSTM")),
    Style("lstm_joined", "LSTMCell", _lstm_joined, (LSTM,), variants=JOINED),
    Style("lstm_of_cells", "StackedLSTM", _lstm_of_cells, (LSTM, f"{LSTM} --layers 2"), optional_h_0=True),
    Style("lstm_step", "lstm_step", _lstm_step, (LSTM,)),
    Style(
        "gru_dropin", "GRU", _gru_dropin, (GRU, f"{GRU} {DEEP}", f"{GRU} --no-bias"), optional_h_0=True, tastes=UNUSED
    ),
    Style("gru_functional", "gru_forward", _gru_functional, (GRU,), rank_in_words=True),
    Style("gru_linears", "MyGRU", _gru_linears, (GRU,), optional_h_0=True, variants=MIXED, rank_in_words=True),
    Style(
        "gru_per_gate", "GatedRNN", _gru_per_gate, (GRU,), optional_h_0=True, tastes=_orders("GRU"), rank_in_words=True
    ),
    Style("gru_of_cells", "StackedGRU", _gru_of_cells, (GRU, f"{GRU} --layers 2"), optional_h_0=True),
    Style("gru_two_ways", "BiGRU", _gru_two_ways, (f"{GRU} --bidirectional",), optional_h_0=True),
    Style("gru_step", "gru_step", _gru_step, (GRU,)),
)
