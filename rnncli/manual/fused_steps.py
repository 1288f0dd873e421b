"""The steps of RNN, GRU and LSTM as `fused.py` walks them, forward and backward.

A forward returns what it keeps for the backward, first the states of all steps; what one step reads and writes of it,
first its own states; and the step, which writes in place and is given the states before. A backward returns the
gradients of W_ih x + b_ih and of W_hh h + b_hh at all steps, and likewise views and a step, which is given the
gradients of its states from the step after, and returns those for the step before. Both take rows, (R, features), R the
number of steps of all sequences together.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .equations import States, Step, gru_step, lstm_step, relu_step, tanh_step

Views = Sequence[Tensor]
Walked = Callable[[Any, Any], Any]  # (the views of one step, states before or gradients after) -> states or gradients
Walks = Callable[[int], Walked]


class Cell(NamedTuple):
    """A cell, forward and backward, and the equation, of which second derivatives are taken."""

    forward: Callable[..., tuple[States, Views, Walks]]
    backward: Callable[..., tuple[States, Tensor, Views, Walks]]
    equation: Step


def rnn_forward(
    activation: Callable[[Tensor], Tensor],
    recorded: bool,
    x: Tensor,
    W_ih: Tensor,
    W_hh_t: Tensor,
    b_ih: Tensor | None,
    b_hh: Tensor | None,
    W_hr: None,
) -> tuple[States, Views, Walks]:
    """Keep the states alone: each is written over the input's share of its step, and nothing else is allocated."""

    def step(row: Views, before: States) -> Views:
        activation(row[0].addmm_(before[0], W_hh_t))
        return row

    kept = (F.linear(x, W_ih, _sum(b_ih, b_hh)),)
    return kept, kept, lambda _: step


def rnn_backward(
    slopes_of: Callable[[Tensor], Tensor],
    multiply: Callable[[Tensor, Tensor], Tensor],
    totals: Tensor,
    kept: States,
    before: States,
    W_hh: Tensor,
    W_hr: None,
) -> tuple[States, Tensor, Views, Walks]:
    """The gradient of the sum inside the activation is written over the total."""

    def step(row: Views, after: States) -> States:
        total, slope = row
        return (multiply(total.add_(after[0]), slope) @ W_hh,)

    return (totals,), totals, (totals, slopes_of(kept[0])), lambda _: step


def gru_forward(
    recorded: bool, x: Tensor, W_ih: Tensor, W_hh_t: Tensor, b_ih: Tensor | None, b_hh: Tensor | None, W_hr: None
) -> tuple[States, Views, Walks]:
    """Keep h, W_hn h + b_hn and, beside n, what r and z are the sigmoids of, written over the input's share."""
    share, size = F.linear(x, W_ih, b_ih), W_hh_t.shape[0]
    bias = x.new_zeros(3 * size) if b_hh is None else b_hh
    h, *h_n = (x.new_empty(x.shape[0], size) for _ in range(2 if recorded else 1))

    def step_of(rows: int) -> Walked:
        product = x.new_empty(rows, 3 * size)
        r, z, h_n = product.chunk(3, 1)
        r_z = product[:, : 2 * size]

        def step(row: Views, before: States) -> Views:
            h, share_r_z, n, *kept_h_n = row
            torch.addmm(bias, before[0], W_hh_t, out=product)
            torch.sigmoid(share_r_z.add_(r_z), out=r_z)
            torch.tanh_(n.addcmul_(r, h_n))
            torch.lerp(n, before[0], z, out=h)  # n + z * (h - n)
            if kept_h_n:
                kept_h_n[0].copy_(h_n)
            return (h,)

        return step

    return (h, share, *h_n), (h, *share.split_with_sizes([2 * size, size], 1), *h_n), step_of


def gru_backward(
    totals: Tensor, kept: States, before: States, W_hh: Tensor, W_hr: None
) -> tuple[States, Tensor, Views, Walks]:
    """The gradients of r, z, W_hn h + b_hn and n inside their activations are multiples of that of h."""
    _, share, h_n = kept
    size = h_n.shape[1]
    r_z, n = share.split_with_sizes([2 * size, size], 1)
    r_z = torch.sigmoid(r_z)
    r, z = r_z.chunk(2, 1)
    d = n.new_empty(n.shape[0], 4 * size)
    d_r, d_z, d_h_n, d_n = d.chunk(4, 1)
    rest = 1 - z
    torch.addcmul(rest, rest * n, n, value=-1, out=d_n)  # dh/dn (1 - n^2)
    torch.mul(d_n, r, out=d_h_n)
    torch.addcmul(r_z, r_z, r_z, value=-1, out=d[:, : 2 * size])  # s (1 - s)
    d_r.mul_(d_n).mul_(h_n)
    d_z.mul_(before[0] - n)

    def step(row: Views, after: States) -> States:
        total, total_of_each, d, d_state, z = row
        total.add_(after[0])
        d.mul_(total_of_each)
        return ((total * z).addmm_(d_state, W_hh),)

    d_state = d[:, : 3 * size]
    return (d[:, : 2 * size], d_n), d_state, (totals, totals[:, None], d.view(-1, 4, size), d_state, z), lambda _: step


def lstm_forward(
    recorded: bool,
    x: Tensor,
    W_ih: Tensor,
    W_hh_t: Tensor,
    b_ih: Tensor | None,
    b_hh: Tensor | None,
    W_hr: Tensor | None,
) -> tuple[States, Views, Walks]:
    """Keep h, what the gates but g are the sigmoids of, over the input's share, c and what W_hr projects, if it does."""
    share = F.linear(x, W_ih, _sum(b_ih, b_hh))
    count, size = x.shape[0], share.shape[1] // 4
    h, W_hr_t = x.new_empty(count, W_hh_t.shape[0]), None if W_hr is None else W_hr.t()

    def with_states(gates: Tensor) -> States:
        states = (x.new_empty(gates.shape[0], size) for _ in range(1 if W_hr is None else 2))
        return gates, gates[:, 2 * size : 3 * size], *states

    def step_of(rows: int) -> Walked:
        scratch = () if recorded else with_states(x.new_empty(rows, 4 * size))
        sigmoids = x.new_empty(rows, 4 * size)
        i, f, _, o = sigmoids.chunk(4, 1)

        def step(row: Views, before: States) -> States:
            gates, g, c, *hidden = row[1:] if recorded else scratch
            torch.addmm(row[1], before[0], W_hh_t, out=gates)
            torch.tanh_(g)
            torch.sigmoid(gates, out=sigmoids)  # of g too: one operation takes less time than two
            torch.mul(f, before[1], out=c).addcmul_(i, g)
            if W_hr_t is None:
                torch.tanh(c, out=row[0]).mul_(o)
            else:
                torch.mm(torch.tanh(c, out=hidden[0]).mul_(o), W_hr_t, out=row[0])
            return row[0], c

        return step

    if not recorded:
        return (h,), (h, share), step_of
    _, g, c, *hidden = with_states(share)
    return (h, c, share, *hidden), (h, share, g, c, *hidden), step_of


def lstm_backward(
    totals: Tensor, kept: States, before: States, W_hh: Tensor, W_hr: Tensor | None
) -> tuple[States, Tensor, Views, Walks]:
    """The gradient of o inside its sigmoid is a multiple of that of h, those of i, f and g are multiples of c's."""
    _, c, share, *_ = kept
    gates, size = torch.sigmoid(share), c.shape[1]
    g = share[:, 2 * size : 3 * size]
    i, f, _, o = gates.chunk(4, 1)
    d = torch.addcmul(gates, gates, gates, value=-1)  # s (1 - s)
    d_i, d_f, d_g, d_o = d.chunk(4, 1)
    tanh_c = torch.tanh(c)
    d_i.mul_(g)
    d_f.mul_(before[1])
    torch.addcmul(i, i * g, g, value=-1, out=d_g)  # i (1 - g^2)
    d_o.mul_(tanh_c)
    into_c = torch.addcmul(o, o * tanh_c, tanh_c, value=-1)  # dh/dc

    def step(row: Views, after: States) -> States:
        total, into_c, d, d_i_f_g, d_o, f = row
        total.add_(after[0])
        y = total if W_hr is None else total @ W_hr
        grad_c = torch.addcmul(after[1], y, into_c)
        d_i_f_g.mul_(grad_c.unsqueeze(1))
        d_o.mul_(y)
        return d @ W_hh, grad_c.mul_(f)

    return (d,), d, (totals, into_c, d, d.view(-1, 4, size)[:, :3], d_o, f), lambda _: step


def _sum(b_ih: Tensor | None, b_hh: Tensor | None) -> Tensor | None:
    return None if b_ih is None or b_hh is None else b_ih + b_hh


CELLS = {
    "tanh": Cell(partial(rnn_forward, torch.tanh_), partial(rnn_backward, lambda h: 1 - h * h, Tensor.mul_), tanh_step),
    "relu": Cell(
        partial(rnn_forward, torch.relu_),
        partial(rnn_backward, lambda h: h <= 0, lambda total, dead: total.masked_fill_(dead, 0)),
        relu_step,
    ),
    "GRU": Cell(gru_forward, gru_backward, gru_step),
    "LSTM": Cell(lstm_forward, lstm_backward, lstm_step),
}
