"""Implementations made of a step of each cell, and of the layers and layouts of `equations.py`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from .equations import Bias, Params, States, recurrent


def made_of(steps: Mapping[str, Any], recurrent: Callable[..., tuple[Any, States]] = recurrent) -> Callable[..., Any]:
    """Return an implementation of the cells in `steps`, by name; an RNN has two, "tanh" and "relu".

    It takes states as torch's layers do: h_0 (D*num_layers, N, H_out), of an LSTM (h_0, c_0), None for zeros; and it
    returns output and h_n, of an LSTM output and (h_n, c_n).
    """

    def implementation(
        input: Tensor | PackedSequence,
        states: Tensor | States | None,
        params: Params,
        *,
        cell: str = "RNN",
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        training: bool = False,
    ) -> tuple[Tensor | PackedSequence, Tensor | States]:
        step = steps[nonlinearity if cell == "RNN" else cell]
        directions, p = 2 if bidirectional else 1, dropout if training else 0.0
        rows = num_layers * directions
        if states is None:
            states = zeros(input, params, cell, rows, batch_first)
        start = (states,) if isinstance(states, Tensor) else states
        if start[0].shape[0] != rows:
            raise RuntimeError(f"states of {rows} layers and directions expected, not of {start[0].shape[0]}")
        output, last = recurrent(step, input, start, params, directions, batch_first, p)
        return output, last if cell == "LSTM" else last[0]

    return implementation


def zeros(input: Tensor | PackedSequence, params: Params, cell: str, rows: int, batch_first: bool) -> States:
    """Return the initial states where none are given: (rows, N, H_out) each, or (rows, H_out) unbatched."""
    weight_hh = params["weight_hh_l0"]
    sizes = [weight_hh.shape[1], len(weight_hh) // 4] if cell == "LSTM" else [weight_hh.shape[1]]
    if isinstance(input, PackedSequence):
        return tuple(input.data.new_zeros(rows, int(input.batch_sizes[0]), size) for size in sizes)
    batch = [] if input.dim() == 2 else [input.shape[0 if batch_first else 1]]
    return tuple(input.new_zeros(rows, *batch, size) for size in sizes)


def blocks(weight: Bias, sizes: Sequence[int]) -> Sequence[Bias]:
    """Return the rows of a weight or bias in blocks, of gates; each is 0.0 of a bias that is not there."""
    return weight.split_with_sizes(sizes) if isinstance(weight, Tensor) else [weight] * len(sizes)
