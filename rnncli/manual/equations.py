"""RNN, GRU and LSTM written out: a step is the equation, a layer walks it through time, a stack joins the layers.

L sequence length, N batch, D directions (2 if bidirectional, else 1), H_in and H_out features in and out. `recurrent`
gives what torch's layer gives, gradients included; `fused.py` is its fast form. This file needs torch alone.
"""

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

States = tuple[Tensor, ...]  # (h,), of an LSTM (h, c)
Step = Callable[..., States]  # (x_t, states, *weights) -> the next states
Bias = Tensor | float  # 0.0 where there is none
Params = Mapping[str, Tensor]  # named as in the state_dict of torch's layer; biases are optional


def tanh_step(x_t: Tensor, states: States, W_ih: Tensor, W_hh: Tensor, b_ih: Bias, b_hh: Bias) -> States:
    """One step of `torch.nn.RNN`: x_t (N, H_in), h (N, H_out), W_ih (H_out, H_in), W_hh (H_out, H_out) -> next h."""
    (h,) = states
    return (torch.tanh(x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh),)


def relu_step(x_t: Tensor, states: States, W_ih: Tensor, W_hh: Tensor, b_ih: Bias, b_hh: Bias) -> States:
    """The same with nonlinearity="relu"."""
    (h,) = states
    return (torch.relu(x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh),)


def gru_step(x_t: Tensor, states: States, W_ih: Tensor, W_hh: Tensor, b_ih: Bias, b_hh: Bias) -> States:
    """One step of `torch.nn.GRU`. Weights and biases have 3*H_out rows: of r (reset), z (update), n (new), in turn."""
    (h,) = states
    x_r, x_z, x_n = (x_t @ W_ih.T + b_ih).chunk(3, dim=-1)  # (N, H_out) each
    h_r, h_z, h_n = (h @ W_hh.T + b_hh).chunk(3, dim=-1)
    r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
    n = torch.tanh(x_n + r * h_n)  # r scales all that comes from h: a product and a bias
    return ((1 - z) * n + z * h,)  # z near 1 keeps h, near 0 takes n


def lstm_step(
    x_t: Tensor, states: States, W_ih: Tensor, W_hh: Tensor, b_ih: Bias, b_hh: Bias, W_hr: Tensor | None = None
) -> States:
    """One step of `torch.nn.LSTM`. Rows: i (input), f (forget), g (cell), o (output). W_hr, if any: (H_out, H_cell)."""
    h, c = states
    i, f, g, o = (x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh).chunk(4, dim=-1)  # (N, H_cell), as c
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    h = torch.sigmoid(o) * torch.tanh(c)
    return h if W_hr is None else h @ W_hr.T, c


def layer(step: Step, x: Tensor, first: States, weights: list[Bias], lengths: Tensor | None) -> tuple[Tensor, States]:
    """One layer, forwards: x (L, N, H_in), first states (N, H_out) -> h at every step (L, N, H_out), the last states.

    `lengths` (N,), on the CPU, of padded sequences: past its own end (`inside`, (L, N, 1), is False) a state stays.
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

    Each layer reads the output of the one below: of the second on, H_in is D*H_out. States: l0, l0_reverse, l1, ...
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
            # the reverse direction reads x from its end: its last state is the one at t = 0
            half, last = layer(step, flipped(x, lengths) if d else x, first, weights, lengths)
            halves.append(flipped(half, lengths) if d else half)
            final.append(last)
        output = torch.cat(halves, dim=-1)  # (L, N, D*H_out): forward features first
        if dropout and k < num_layers - 1:
            output = dropped(output, dropout, lengths)
    return output, tuple(torch.stack(rows) for rows in zip(*final, strict=True))  # all h, all c


def recurrent(
    step: Step, input: Tensor | PackedSequence, states: States, params: Params, directions: int = 1,
    batch_first: bool = False, dropout: float = 0.0,
) -> tuple[Tensor | PackedSequence, States]:  # fmt: skip
    """All layers, laid out as torch's layer takes and returns them. In eval mode the caller gives `dropout` 0.

    input: (L, N, H_in), (N, L, H_in) with `batch_first`, (L, H_in) unbatched, or a PackedSequence; output likewise.
    states: (D*num_layers, N, H_out) even with `batch_first`, (D*num_layers, H_out) unbatched.
    Raises KeyError if a weight is missing, and RuntimeError (of the product it breaks) if a weight has another shape.
    """
    if isinstance(input, PackedSequence):  # its sequences lie longest first, and so must the states; x is left so
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
    """x (L, N, features) read from its last step, or each padded sequence from its own last: the padding stays."""
    if lengths is None:
        return x.flip(0)
    return torch.stack([torch.cat([s[: lengths[n]].flip(0), s[lengths[n] :]]) for n, s in enumerate(x.unbind(-2))], -2)
