"""RNN, GRU and LSTM written out: a step is the equation, a layer walks it through time, a stack joins the layers.

L sequence length, N batch, D directions (2 if bidirectional, else 1), H_in and H_out features in and out. `recurrent`
is torch's layer, gradients included; `fused.py` is its fast form. This file needs torch alone: paste it where you like.
"""

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

States = tuple[Tensor, ...]  # (h,), of an LSTM (h, c)
Step = Callable[..., States]
Bias = Tensor | float  # 0.0 where there is none
Params = Mapping[str, Tensor]  # named as in the state_dict of torch's layer; biases are optional


def tanh_step(x_t: Tensor, states: States, W_ih: Tensor, W_hh: Tensor, b_ih: Bias, b_hh: Bias) -> States:
    """One step of an RNN: x_t (N, H_in), h (N, H_out) -> the next h. From the documentation of `torch.nn.RNN`."""
    (h,) = states
    return (torch.tanh(x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh),)


def relu_step(x_t: Tensor, states: States, W_ih: Tensor, W_hh: Tensor, b_ih: Bias, b_hh: Bias) -> States:
    """The same with nonlinearity="relu"."""
    (h,) = states
    return (torch.relu(x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh),)


def gru_step(x_t: Tensor, states: States, W_ih: Tensor, W_hh: Tensor, b_ih: Bias, b_hh: Bias) -> States:
    """One step of a GRU, from `torch.nn.GRU`. Weights and biases hold the rows of three gates: r, z, n."""
    (h,) = states
    x_r, x_z, x_n = (x_t @ W_ih.T + b_ih).chunk(3, dim=-1)  # (N, H_out) each
    h_r, h_z, h_n = (h @ W_hh.T + b_hh).chunk(3, dim=-1)
    r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
    n = torch.tanh(x_n + r * h_n)  # r acts after the product with h, and on its bias
    return ((1 - z) * n + z * h,)


def lstm_step(
    x_t: Tensor, states: States, W_ih: Tensor, W_hh: Tensor, b_ih: Bias, b_hh: Bias, W_hr: Tensor | None = None
) -> States:
    """One step of an LSTM, from `torch.nn.LSTM`: four gates, i, f, g, o. W_hr (proj_size, H_out) projects h."""
    h, c = states
    i, f, g, o = (x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh).chunk(4, dim=-1)  # (N, H_out) each
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    h = torch.sigmoid(o) * torch.tanh(c)
    return h if W_hr is None else h @ W_hr.T, c


def layer(step: Step, x: Tensor, first: States, weights: list[Bias], lengths: Tensor | None) -> tuple[Tensor, States]:
    """One layer, forwards: x (L, N, H_in), first states (N, H_out) -> h at every step (L, N, H_out), the last states.

    `lengths` (N,), on the CPU, are those of sequences padded to L: past its own end a state stays what it was.
    """
    inside = None if lengths is None else (torch.arange(len(x))[:, None, None] < lengths[:, None]).to(x.device)
    states, outputs = first, []
    for t, x_t in enumerate(x.unbind(0)):  # x[t] would do, but makes the backward pass quadratic in L
        new = step(x_t, states, *weights)
        states = new if inside is None else tuple(map(torch.where, [inside[t]] * len(new), new, states))
        outputs.append(states[0])
    return torch.stack(outputs), states


def stack(
    step: Step, input: Tensor, states: States, params: Params, directions: int, dropout: float, lengths: Tensor | None
) -> tuple[Tensor, States]:
    """All layers: input (L, N, H_in), states (D*num_layers, N, H_out) -> output (L, N, D*H_out), and the last states.

    Each layer reads the output of the one below. Rows of the states are ordered by layer, then direction.
    """
    output, final, num_layers = input, [], len(states[0]) // directions
    for k in range(num_layers):
        x, halves = output, []
        for d in range(directions):
            suffix = f"l{k}" + ("_reverse" if d else "")
            weights: list[Bias] = [params[f"{name}_{suffix}"] for name in ("weight_ih", "weight_hh")]
            weights += [params.get(f"{name}_{suffix}", 0.0) for name in ("bias_ih", "bias_hh")]
            weights += [params[name] for name in [f"weight_hr_{suffix}"] if name in params]
            first = tuple(rows[k * directions + d] for rows in states)
            # the reverse direction reads x from its end: its last h is the one at t = 0
            half, last = layer(step, flipped(x, lengths) if d else x, first, weights, lengths)
            halves.append(flipped(half, lengths) if d else half)
            final.append(last)
        output = torch.cat(halves, dim=-1)  # (L, N, D*H_out): forward features first
        if dropout and k < num_layers - 1:
            output = dropped(output, dropout, lengths)
    return output, tuple(torch.stack(rows) for rows in zip(*final, strict=True))


def recurrent(
    step: Step, input: Tensor | PackedSequence, states: States, params: Params, directions: int = 1,
    batch_first: bool = False, dropout: float = 0.0,
) -> tuple[Tensor | PackedSequence, States]:  # fmt: skip
    """All layers, laid out as torch's layer takes and returns them; `dropout` is 0 unless it is training.

    input: (L, N, H_in), (N, L, H_in) with `batch_first`, (L, H_in) unbatched, or a PackedSequence; output likewise.
    states: (D*num_layers, N, H_out) even with `batch_first`, (D*num_layers, H_out) unbatched.
    Raises KeyError if a weight is missing, and RuntimeError (from the product it breaks) if a shape is wrong.
    """
    if isinstance(input, PackedSequence):  # its sequences are sorted, longest first, and so must be the states
        into, back = input.sorted_indices, input.unsorted_indices
        x, lengths = pad_packed_sequence(input._replace(sorted_indices=None, unsorted_indices=None))
        states = states if into is None else tuple(rows.index_select(1, into) for rows in states)
        output, states = stack(step, x, states, params, directions, dropout, lengths)
        states = states if back is None else tuple(rows.index_select(1, back) for rows in states)
        return input._replace(data=pack_padded_sequence(output, lengths).data), states
    if input.dim() == 2:  # one sequence: a batch of one, and back
        output, last = stack(step, input[:, None], tuple(h[:, None] for h in states), params, directions, dropout, None)
        return output[:, 0], tuple(h[:, 0] for h in last)
    x = input.transpose(0, 1) if batch_first else input
    output, states = stack(step, x, states, params, directions, dropout, None)
    return output.transpose(0, 1) if batch_first else output, states


def dropped(x: Tensor, p: float, lengths: Tensor | None) -> Tensor:
    """Dropout between layers, with the masks torch draws on the CPU: of x (L, N, D*H_out), or of its packed rows."""
    if lengths is None:
        return F.dropout(x, p)
    packed = pack_padded_sequence(x, lengths)
    return pad_packed_sequence(packed._replace(data=F.dropout(packed.data, p)))[0]


def flipped(x: Tensor, lengths: Tensor | None) -> Tensor:
    """x (L, N, features) from its end, or each of its padded sequences from its own."""
    if lengths is None:
        return x.flip(0)
    return torch.stack([torch.cat([s[: lengths[n]].flip(0), s[lengths[n] :]]) for n, s in enumerate(x.unbind(-2))], -2)
