"""The steps of RNN, GRU and LSTM that `fused.py` takes, forward and backward: most is done for all steps at once.

A forward returns what it keeps of all steps, the states first; the views of it that a step works on; and the step. The
step is given its own rows of the views and the states before, and returns the states. Only if it is `recorded` does the
forward keep what the backward needs. A backward returns, likewise, the gradients of W_ih x + b_ih (in columns) and of
W_hh h + b_hh, views and a step, which is given the gradients of the states from the step after, and returns those for
the step before. `total` holds those of h from outside. A step is made for a number of sequences, to have its own room.
"""

# ruff: noqa: ARG001  # every cell's functions take what any cell needs

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .equations import States, Step, gru_step, lstm_step, relu_step, tanh_step

Views = Sequence[Tensor]
StepOf = Callable[[int], Callable[[Views, States], States]]
Forward = tuple[States, Views, StepOf]
Backward = tuple[States, Tensor, Views, StepOf]


class Cell(NamedTuple):
    """A cell, forward and backward, and its equation, of which second derivatives are taken."""

    forward: Callable[..., Forward]
    backward: Callable[..., Backward]
    equation: Step


def rnn_forward(
    activation: Callable[[Tensor], Tensor], recorded: bool, x: Tensor, W_ih: Tensor, W_hh_t: Tensor,
    b_ih: Tensor | None, b_hh: Tensor | None, W_hr: None,
) -> Forward:  # fmt: skip
    """Write each h over the input's share of its step: nothing else is allocated."""
    h = F.linear(x, W_ih, _sum(b_ih, b_hh))

    def step(row: Views, before: States) -> States:
        return (activation(row[0].addmm_(before[0], W_hh_t)),)

    return (h,), (h,), lambda _: step


def tanh_backward(total: Tensor, kept: States, before: States, W_hh: Tensor, W_hr: None) -> Backward:
    """Multiply by tanh' = 1 - h^2."""

    def step(row: Views, after: States) -> States:
        total, slope = row
        return (total.add_(after[0]).mul_(slope) @ W_hh,)

    return (total,), total, (total, 1 - kept[0] * kept[0]), lambda _: step


def relu_backward(total: Tensor, kept: States, before: States, W_hh: Tensor, W_hr: None) -> Backward:
    """Set to zero where h is, even what is not finite."""

    def step(row: Views, after: States) -> States:
        total, dead = row
        return (total.add_(after[0]).masked_fill_(dead, 0) @ W_hh,)

    return (total,), total, (total, kept[0] <= 0), lambda _: step


def gru_forward(
    recorded: bool, x: Tensor, W_ih: Tensor, W_hh_t: Tensor, b_ih: Tensor | None, b_hh: Tensor | None, W_hr: None
) -> Forward:
    """Write n, and that of which r and z are the sigmoids, over the input's share. Kept with it: W_hn h + b_hn."""
    share, size = F.linear(x, W_ih, b_ih), W_hh_t.shape[0]
    bias = x.new_zeros(3 * size) if b_hh is None else b_hh
    h, *all_h_n = (x.new_empty(*x.shape[:-1], size) for _ in range(2 if recorded else 1))

    def step_of(rows: int) -> Callable[[Views, States], States]:
        product = x.new_empty(rows, 3 * size)
        r_z, (r, z, h_n) = product[:, : 2 * size], product.chunk(3, 1)

        def step(row: Views, before: States) -> States:
            h, share_r_z, n, *kept_h_n = row
            torch.addmm(bias, before[0], W_hh_t, out=product)
            torch.sigmoid(share_r_z.add_(r_z), out=r_z)
            torch.tanh_(n.addcmul_(r, h_n))
            torch.lerp(n, before[0], z, out=h)  # n + z * (h - n)
            if recorded:
                kept_h_n[0].copy_(h_n)
            return (h,)

        return step

    return (h, share, *all_h_n), (h, *share.split_with_sizes([2 * size, size], -1), *all_h_n), step_of


def gru_backward(total: Tensor, kept: States, before: States, W_hh: Tensor, W_hr: None) -> Backward:
    """Multiply by dh/dz z', dh/dn n' and what follows of them for r and W_hn h + b_hn, known for all steps at once."""
    _, share, h_n = kept
    size = h_n.shape[-1]
    of_r_z, n = share.split_with_sizes([2 * size, size], -1)
    r_z = torch.sigmoid(of_r_z)
    r, z = r_z.chunk(2, -1)
    slopes = share.new_empty(*share.shape[:-1], 4, size)
    s_r, s_z, s_h_n, s_n = slopes.unbind(-2)
    rest = 1 - z
    torch.addcmul(rest, rest * n, n, value=-1, out=s_n)  # (1 - z) (1 - n^2)
    torch.mul(s_n, r, out=s_h_n)
    torch.addcmul(r, r, r, value=-1, out=s_r).mul_(s_n).mul_(h_n)  # r (1 - r)
    torch.addcmul(z, z, z, value=-1, out=s_z).mul_(before[0] - n)

    def step(row: Views, after: States) -> States:
        total, total_of_each, of_each, of_state, z = row
        total.add_(after[0])
        of_each.mul_(total_of_each)
        return ((total * z).addmm_(of_state, W_hh),)

    columns = slopes.flatten(-2)
    of_state = columns[..., : 3 * size]
    views = total, total.unsqueeze(-2), slopes, of_state, z
    return (columns[..., : 2 * size], s_n), of_state, views, lambda _: step


def lstm_forward(
    recorded: bool, x: Tensor, W_ih: Tensor, W_hh_t: Tensor, b_ih: Tensor | None, b_hh: Tensor | None,
    W_hr: Tensor | None,
) -> Forward:  # fmt: skip
    """Write g, and that of which i, f and o are the sigmoids, over the input's share. Kept with it: c, and o * tanh(c)
    if it is projected.
    """
    share = F.linear(x, W_ih, _sum(b_ih, b_hh))
    size, W_hr_t = share.shape[-1] // 4, None if W_hr is None else W_hr.t()
    h, g = x.new_empty(*x.shape[:-1], W_hh_t.shape[0]), share[..., 2 * size : 3 * size]

    def c_and_hidden(*rows: int) -> list[Tensor]:
        return [x.new_empty(*rows, size) for _ in range(1 if W_hr is None else 2)]

    def step_of(rows: int) -> Callable[[Views, States], States]:
        own, sigmoids = [] if recorded else c_and_hidden(rows), x.new_empty(rows, 4 * size)
        i, f, _, o = sigmoids.chunk(4, 1)

        def step(row: Views, before: States) -> States:
            h, share, g, *kept = row
            c, *hidden = kept or own
            share.addmm_(before[0], W_hh_t)
            torch.tanh_(g)
            torch.sigmoid(share, out=sigmoids)  # of g too: one operation takes less time than two
            torch.mul(f, before[1], out=c).addcmul_(i, g)
            if W_hr_t is None:
                torch.tanh(c, out=h).mul_(o)
            else:
                torch.mm(torch.tanh(c, out=hidden[0]).mul_(o), W_hr_t, out=h)
            return h, c

        return step

    kept = c_and_hidden(*x.shape[:-1]) if recorded else []
    return (h, *kept[:1], share, *kept[1:]), (h, share, g, *kept), step_of


def lstm_backward(total: Tensor, kept: States, before: States, W_hh: Tensor, W_hr: Tensor | None) -> Backward:
    """Multiply the gradient of h by dh/do o' and dh/dc, and that of c by dc/di i', dc/df f' and dc/dg g'."""
    _, c, share, *_ = kept
    size, sigmoids, tanh_c = c.shape[-1], torch.sigmoid(share), torch.tanh(c)
    i, f, _, o = sigmoids.chunk(4, -1)
    g = share[..., 2 * size : 3 * size]
    columns = torch.addcmul(sigmoids, sigmoids, sigmoids, value=-1)  # s (1 - s)
    s_i, s_f, s_g, s_o = columns.chunk(4, -1)
    s_i.mul_(g)
    s_f.mul_(before[1])
    torch.addcmul(i, i * g, g, value=-1, out=s_g)  # i (1 - g^2)
    s_o.mul_(tanh_c)
    dh_dc = torch.addcmul(o, o * tanh_c, tanh_c, value=-1)  # o (1 - tanh(c)^2)

    def step(row: Views, after: States) -> States:
        total, dh_dc, of_each, of_i_f_g, of_o, f = row
        total.add_(after[0])
        hidden = total if W_hr is None else total @ W_hr
        of_c = torch.addcmul(after[1], hidden, dh_dc)
        of_i_f_g.mul_(of_c.unsqueeze(1))
        of_o.mul_(hidden)
        return of_each @ W_hh, of_c.mul_(f)

    views = total, dh_dc, columns, torch.unflatten(columns, -1, (4, size))[..., :3, :], s_o, f
    return (columns,), columns, views, lambda _: step


def _sum(b_ih: Tensor | None, b_hh: Tensor | None) -> Tensor | None:
    return None if b_ih is None or b_hh is None else b_ih + b_hh


CELLS = {
    "tanh": Cell(partial(rnn_forward, torch.tanh_), tanh_backward, tanh_step),
    "relu": Cell(partial(rnn_forward, torch.relu_), relu_backward, relu_step),
    "GRU": Cell(gru_forward, gru_backward, gru_step),
    "LSTM": Cell(lstm_forward, lstm_backward, lstm_step),
}
