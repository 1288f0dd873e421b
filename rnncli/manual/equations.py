"""An Elman RNN written out: a step is the equation, a layer walks it through time, a stack joins the layers.

L sequence length, N batch, D directions (2 if bidirectional, else 1), H_in and H_out features in and out. `rnn`
computes what `torch.nn.RNN` computes, with every gradient. This file needs torch and nothing else: paste it where you
like. What `rnncli` runs as `manual` is the same function in a faster form, in `fused.py`.
"""

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

Step = Callable[..., Tensor]
Bias = Tensor | float  # (H_out,); 0.0 where there is none


def tanh_step(x_t: Tensor, h: Tensor, W_ih: Tensor, W_hh: Tensor, b_ih: Bias, b_hh: Bias) -> Tensor:
    """One time step: x_t (N, H_in), h (N, H_out) -> the next h (N, H_out). From the documentation of `torch.nn.RNN`."""
    return torch.tanh(x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh)


def relu_step(x_t: Tensor, h: Tensor, W_ih: Tensor, W_hh: Tensor, b_ih: Bias, b_hh: Bias) -> Tensor:
    """The same with nonlinearity="relu"."""
    return torch.relu(x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh)


def layer(
    step: Step, x: Tensor, h: Tensor, weights: list[Bias], reverse: bool, lengths: Tensor | None
) -> tuple[Tensor, Tensor]:
    """One layer in one direction: x (L, N, H_in), h (N, H_out) -> h at every step (L, N, H_out), and the last one.

    The reverse direction starts at the last step; its last h is the one at t = 0. `lengths` (N,), on the CPU, are those
    of sequences padded to L: outside its own sequence an h stays what it was.
    """
    inputs = x.unbind(0)  # x[t] in the loop would do, but makes the backward pass quadratic in L
    times = range(len(inputs))
    inside = None if lengths is None else (torch.tensor(times)[:, None] < lengths)[:, :, None].to(x.device)  # (L, N, 1)
    outputs = list(inputs)
    for t in reversed(times) if reverse else times:
        new = step(inputs[t], h, *weights)
        h = new if inside is None else torch.where(inside[t], new, h)
        outputs[t] = h
    return torch.stack(outputs), h


def stack(
    step: Step,
    x: Tensor,
    h_0: Tensor,
    params: Mapping[str, Tensor],
    num_layers: int,
    directions: int,
    dropout: float,
    lengths: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """All layers: x (L, N, H_in), h_0 (D*num_layers, N, H_out) -> output (L, N, D*H_out), h_n (D*num_layers, N, H_out).

    Each layer reads the output of the one below. Rows of h_0 and h_n are ordered by layer, then direction.
    """
    final = []
    for k in range(num_layers):
        halves = []
        for d in range(directions):
            suffix = f"l{k}_reverse" if d else f"l{k}"
            weights = [params[f"{name}_{suffix}"] for name in ("weight_ih", "weight_hh")]
            biases = [params.get(f"{name}_{suffix}", 0.0) for name in ("bias_ih", "bias_hh")]
            half, h = layer(step, x, h_0[k * directions + d], [*weights, *biases], d == 1, lengths)
            halves.append(half)
            final.append(h)
        x = torch.cat(halves, dim=-1)  # (L, N, D*H_out): forward features first
        if dropout and k < num_layers - 1:
            x = dropped(x, dropout, lengths)
    return x, torch.stack(final)


def rnn(
    input: Tensor | PackedSequence,
    h_0: Tensor | None,
    params: Mapping[str, Tensor],
    *,
    num_layers: int = 1,
    nonlinearity: str = "tanh",
    batch_first: bool = False,
    dropout: float = 0.0,
    bidirectional: bool = False,
    training: bool = False,
    step: Step | None = None,
) -> tuple[Tensor | PackedSequence, Tensor]:
    """What `torch.nn.RNN` computes, from its arguments and parameters (named as in its state_dict, biases optional).

    input: (L, N, H_in), (N, L, H_in) with `batch_first`, (L, H_in) unbatched, or a PackedSequence.
    h_0: (D*num_layers, N, H_out) even with `batch_first`, (D*num_layers, H_out) unbatched, None for zeros.
    Returns output, laid out like input with D*H_out features, and h_n, laid out like h_0.
    Raises KeyError if a weight is missing, and RuntimeError (from the product it breaks) if a shape is wrong.
    """
    step = step or {"tanh": tanh_step, "relu": relu_step}[nonlinearity]
    directions, p = 2 if bidirectional else 1, dropout if training else 0.0

    def run(x: Tensor, h: Tensor | None, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        start = x.new_zeros(num_layers * directions, x.shape[1], len(params["weight_hh_l0"])) if h is None else h
        return stack(step, x, start, params, num_layers, directions, p, lengths)

    if isinstance(input, PackedSequence):  # its sequences are sorted, longest first, and so must be the states
        into, back = input.sorted_indices, input.unsorted_indices
        x, lengths = pad_packed_sequence(input._replace(sorted_indices=None, unsorted_indices=None))
        h = h_0 if h_0 is None or into is None else h_0.index_select(1, into)
        output, h_n = run(x, h, lengths)
        rows = pack_padded_sequence(output, lengths).data
        return input._replace(data=rows), h_n if back is None else h_n.index_select(1, back)
    if input.dim() == 2:  # one sequence: a batch of one, and back
        output, h_n = run(input[:, None], None if h_0 is None else h_0[:, None])
        return output[:, 0], h_n[:, 0]
    if batch_first:
        output, h_n = run(input.transpose(0, 1), h_0)
        return output.transpose(0, 1), h_n
    return run(input, h_0)


def dropped(x: Tensor, p: float, lengths: Tensor | None) -> Tensor:
    """Dropout between layers, with the masks `nn.RNN` draws on the CPU: of x (L, N, D*H_out), or of its packed rows."""
    if lengths is None:
        return F.dropout(x, p)
    packed = pack_padded_sequence(x, lengths)
    return pad_packed_sequence(packed._replace(data=F.dropout(packed.data, p)))[0]
