"""One sequence of a case followed through time: its states, and the gradients of L = output.sum() at each of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rnncli.core.case import Case
from rnncli.explain.sizes import tensor_shapes
from rnncli.explain.traced import MOST_UNITS, MOST_VALUES, Place, Step, Trace, steps_shown
from rnncli.numerics.reference import build


@dataclass(frozen=True)
class _Recorded:
    """The tensors of one step, each (H_out,), and its input (H_in,)."""

    x: Tensor
    h_before: Tensor
    pre_activation: Tensor
    h: Tensor
    h_above: Tensor  # the same values as h, as `output` and the layer above read them


def follow(case: Case, place: Place) -> Trace:
    """Return the numbers of the sequence, layer and direction of a place.

    They are those of the first piece of code that `rnncli explain` shows: float32, on the CPU, the weights, the input
    and h_0 drawn in this order after `torch.manual_seed`, without dropout.
    """
    rnn, x, h_0 = _drawn(case, place.n)
    activation = getattr(torch, case.rnn.nonlinearity)
    followed: dict[int, _Recorded] = {}
    for k in range(case.rnn.num_layers):
        halves = []
        for d in range(case.rnn.directions):
            row = case.rnn.directions * k + d
            steps = _walk(x, h_0[row], rnn.all_weights[row], activation, reverse=d == 1)
            halves.append(torch.stack([steps[t].h_above for t in range(len(x))]))  # (L, H_out)
            if (k, d) == (place.layer, int(place.reverse)):
                followed = steps
        x = torch.cat(halves, -1)  # (L, D*H_out)
    x.sum().backward()  # type: ignore[no-untyped-call]
    return _numbers(case, place, followed, rnn)


def _drawn(case: Case, n: int) -> tuple[nn.RNN, Tensor, Tensor]:
    """Return nn.RNN, one sequence of its input (L, H_in) and the states it starts from (D*num_layers, H_out)."""
    sizes, given = tensor_shapes(case), case.input
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(case.run.seed)
        rnn = build(case, torch.float32, torch.device("cpu"))
        if given.layout == "packed":
            x = [torch.randn(length, case.rnn.input_size) for length in given.sequence_lengths][n]
        else:
            x = torch.randn(sizes["input"])
        h_0 = torch.randn(sizes["h_0"]) if given.h_0 == "random" else torch.zeros(sizes["h_0"])
    if given.layout == "batched":
        x = x[n] if case.rnn.batch_first else x[:, n]
    return rnn, x, h_0 if given.layout == "unbatched" else h_0[:, n]


def _walk(x: Tensor, h: Tensor, weights: Sequence[Tensor], activation: object, reverse: bool) -> dict[int, _Recorded]:
    """Return every step of one layer in one direction, over x (L, H_in) from the state h (H_out,)."""
    assert callable(activation)
    weight_ih, weight_hh, *biases = weights
    steps = {}
    for t in reversed(range(len(x))) if reverse else range(len(x)):
        pre_activation = sum(biases, x[t] @ weight_ih.T + h @ weight_hh.T)
        before, h = h, activation(pre_activation)
        steps[t] = _Recorded(x[t], before, pre_activation, h, h.view_as(h))
        for tensor in (pre_activation, h, steps[t].h_above):
            tensor.retain_grad()
    return steps


def _numbers(case: Case, place: Place, followed: dict[int, _Recorded], rnn: nn.RNN) -> Trace:
    weight_ih, weight_hh, *biases = rnn.all_weights[case.rnn.directions * place.layer + place.reverse]
    chosen = followed[place.t]
    bias_ih, bias_hh = (_first(bias) for bias in biases) if biases else (None, None)
    return Trace(
        steps={t: _step(followed[t]) for t in steps_shown(case, place)},
        weight_hh=[_first(row) for row in weight_hh[:MOST_UNITS]],
        x=_first(chosen.x, MOST_VALUES),
        h_before=_first(chosen.h_before, MOST_VALUES),
        input_term=_first(chosen.x @ weight_ih.T),
        bias_ih=bias_ih,
        state_term=_first(chosen.h_before @ weight_hh.T),
        bias_hh=bias_hh,
    )


def _step(recorded: _Recorded) -> Step:
    grad_h, from_above, grad_pre_activation = (
        tensor.grad if tensor.grad is not None else torch.zeros_like(tensor)
        for tensor in (recorded.h, recorded.h_above, recorded.pre_activation)
    )
    return Step(
        pre_activation=_first(recorded.pre_activation),
        h=_first(recorded.h),
        from_above=_first(from_above),
        from_time=_first(grad_h - from_above),
        grad_h=_first(grad_h),
        grad_pre_activation=_first(grad_pre_activation),
    )


def _first(values: Tensor, most: int = MOST_UNITS) -> list[float]:
    return [float(value) for value in values.detach()[:most]]
