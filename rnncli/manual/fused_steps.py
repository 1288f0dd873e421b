"""The steps of RNN, GRU and LSTM that `fused.py` walks, forward and backward.

A forward returns what it keeps of all steps, the states first; the views of it that a step works on; and the step. This
takes its own rows of the views and the states before, and returns the states. What only a backward needs is kept if the
forward is recorded. A backward takes `total`, the gradient of h from outside, to which each step adds. It returns those
of W_ih x + b_ih, in blocks of columns, and of W_hh h + b_hh, which its steps fill in, and likewise views and a step,
which takes the gradients of the states from the step after and returns those for the step before. What they multiply by
is found for all steps at once. A step is made for a number of sequences, and has room of its own.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .equations import States, Step, gru_step, lstm_step, relu_step, tanh_step

Weights = tuple[Tensor, Tensor, Tensor | None, Tensor | None, Tensor | None]  # W_ih, W_hh, b_ih, b_hh, W_hr
WalkedStep = Callable[[Sequence[Tensor], States], States]
StepOf = Callable[[int], WalkedStep]
Forward = tuple[States, States, StepOf]
Backward = tuple[States, Tensor, States, StepOf]


class Cell(NamedTuple):
    """A cell forward and backward, and its equation, of which second derivatives are taken."""

    forward: Callable[[bool, Tensor, Weights, Tensor], Forward]
    backward: Callable[[Tensor, States, States, Weights], Backward]
    equation: Step


def rnn_forward(relu: bool, _recorded: bool, x: Tensor, weights: Weights, W_hh_t: Tensor) -> Forward:
    """Write each h over the input's share of its step; nothing else is allocated."""
    activation = torch.relu_ if relu else torch.tanh_

    def step(row: Sequence[Tensor], before: States) -> States:
        return (activation(row[0].addmm_(before[0], W_hh_t)),)

    h = input_share(x, weights)
    return (h,), (h,), lambda _: step


def rnn_backward(relu: bool, total: Tensor, kept: States, _before: States, weights: Weights) -> Backward:
    """Multiply by tanh' = 1 - h^2; where h is 0 after relu, set even a gradient that is not finite to 0."""
    h, W_hh = kept[0], weights[1]

    def step(row: Sequence[Tensor], after: States) -> States:
        total, slope = row
        total.add_(after[0])
        return ((total.masked_fill_(slope, 0) if relu else total.mul_(slope)) @ W_hh,)

    return (total,), total, (total, h <= 0 if relu else 1 - h * h), lambda _: step


def gru_forward(recorded: bool, x: Tensor, weights: Weights, W_hh_t: Tensor) -> Forward:
    """Write n over the input's share, and r and z if they are kept. W_hn h + b_hn is kept apart."""
    W_ih, _, b_ih, b_hh, _ = weights
    share, size = F.linear(x, W_ih, b_ih), W_hh_t.shape[0]
    bias = x.new_zeros(3 * size) if b_hh is None else b_hh
    h, *all_h_n = (x.new_empty(*x.shape[:-1], size) for _ in range(2 if recorded else 1))

    def step_of(rows: int) -> WalkedStep:
        product = x.new_empty(rows, 3 * size)
        r_z, (r, z, h_n) = product[:, : 2 * size], product.split_with_sizes([size] * 3, 1)

        def step(row: Sequence[Tensor], before: States) -> States:
            h, share_r_z, n = row[:3]
            torch.addmm(bias, before[0], W_hh_t, out=product)
            r_z.add_(share_r_z).sigmoid_()
            n.addcmul_(r, h_n).tanh_()
            torch.lerp(n, before[0], z, out=h)  # n + z * (h - n)
            if recorded:
                share_r_z.copy_(r_z)
                row[3].copy_(h_n)
            return (h,)

        return step

    return (h, share, *all_h_n), (h, *share.split_with_sizes([2 * size, size], -1), *all_h_n), step_of


def gru_backward(total: Tensor, kept: States, before: States, weights: Weights) -> Backward:
    """Multiply the gradient of h by its slopes along what is inside r, z and n, and along W_hn h + b_hn."""
    (_, share, h_n), W_hh, size = kept, weights[1], kept[0].shape[-1]
    r, z, n = share.split_with_sizes([size] * 3, -1)
    slopes = share.new_empty(*share.shape[:-1], 4 * size)
    d_r, d_z, d_h_n, d_n = slopes.chunk(4, -1)
    new = 1 - z
    torch.addcmul(new, new * n, n, value=-1, out=d_n)  # (1 - z) (1 - n^2)
    torch.mul(d_n, r, out=d_h_n)
    torch.addcmul(r, r, r, value=-1, out=d_r).mul_(d_n).mul_(h_n)  # r (1 - r) h_n d_n
    torch.addcmul(z, z, z, value=-1, out=d_z).mul_(before[0] - n)  # z (1 - z) (h - n)

    def step(row: Sequence[Tensor], after: States) -> States:
        total, total_of_each, d_each, d_state, z = row
        total.add_(after[0])
        d_each.mul_(total_of_each)
        return ((total * z).addmm_(d_state, W_hh),)

    d_state, d_each = slopes[..., : 3 * size], slopes.view(*share.shape[:-1], 4, size)
    return (slopes[..., : 2 * size], d_n), d_state, (total, total.unsqueeze(-2), d_each, d_state, z), lambda _: step


def lstm_forward(recorded: bool, x: Tensor, weights: Weights, W_hh_t: Tensor) -> Forward:
    """Write g, and what i, f and o are the sigmoids of, over the input's share. c is kept apart, and so is o * tanh(c)
    if h is its projection.
    """
    share, W_hr = input_share(x, weights), weights[4]
    size, W_hr_t = share.shape[-1] // 4, None if W_hr is None else W_hr.t()
    h, g = x.new_empty(*x.shape[:-1], W_hh_t.shape[0]), share[..., 2 * size : 3 * size]

    def apart(*rows: int) -> list[Tensor]:
        return [x.new_empty(*rows, size) for _ in range(1 if W_hr is None else 2)]

    def step_of(rows: int) -> WalkedStep:
        own, sigmoids = [] if recorded else apart(rows), x.new_empty(rows, 4 * size)
        i, f, _, o = sigmoids.split_with_sizes([size] * 4, 1)

        def step(row: Sequence[Tensor], before: States) -> States:
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

    kept = apart(*x.shape[:-1]) if recorded else []
    return (h, *kept[:1], share, *kept[1:]), (h, share, g, *kept), step_of


def lstm_backward(total: Tensor, kept: States, before: States, weights: Weights) -> Backward:
    """Multiply the gradient of o * tanh(c) by its slope along what is inside o, that of c by those of i, f and g."""
    (_, W_hh, _, _, W_hr), (_, c, share, *_) = weights, kept
    size, sigmoids, tanh_c = c.shape[-1], torch.sigmoid(share), torch.tanh(c)
    i, f, _, o = sigmoids.chunk(4, -1)
    g = share[..., 2 * size : 3 * size]
    slopes = torch.addcmul(sigmoids, sigmoids, sigmoids, value=-1)  # s (1 - s)
    d_i, d_f, d_g, d_o = slopes.chunk(4, -1)
    d_i.mul_(g)
    d_f.mul_(before[1])
    torch.addcmul(i, i * g, g, value=-1, out=d_g)  # i (1 - g^2)
    d_o.mul_(tanh_c)
    into_c = torch.addcmul(o, o * tanh_c, tanh_c, value=-1)  # o (1 - tanh(c)^2)

    def step(row: Sequence[Tensor], after: States) -> States:
        total, into_c, d_all, d_i_f_g, d_o, f = row
        total.add_(after[0])
        of_hidden = total if W_hr is None else total @ W_hr
        of_c = torch.addcmul(after[1], of_hidden, into_c)
        d_i_f_g.mul_(of_c.unsqueeze(1))
        d_o.mul_(of_hidden)
        return d_all @ W_hh, of_c.mul_(f)

    d_i_f_g = slopes.view(*c.shape[:-1], 4, size)[..., :3, :]
    return (slopes,), slopes, (total, into_c, slopes, d_i_f_g, d_o, f), lambda _: step


def input_share(x: Tensor, weights: Weights) -> Tensor:
    """Return W_ih x + b_ih + b_hh of all steps, in one product."""
    W_ih, _, b_ih, b_hh, _ = weights
    return F.linear(x, W_ih, None if b_ih is None or b_hh is None else b_ih + b_hh)


FAST_CELLS = {
    "tanh": Cell(partial(rnn_forward, False), partial(rnn_backward, False), tanh_step),
    "relu": Cell(partial(rnn_forward, True), partial(rnn_backward, True), relu_step),
    "GRU": Cell(gru_forward, gru_backward, gru_step),
    "LSTM": Cell(lstm_forward, lstm_backward, lstm_step),
}
