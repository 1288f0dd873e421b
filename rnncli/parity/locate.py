"""An element's place in the computation, by name: which layer, direction, time step, sequence and unit."""

import re
from typing import Literal

import torch

from rnncli.case import Case
from rnncli.parity.probe import packing
from rnncli.records import Location

DIRECTIONS: tuple[Literal["forward"], Literal["reverse"]] = ("forward", "reverse")


def locate(case: Case, tensor: str, index: tuple[int, ...]) -> Location:
    """The place of element `index` of a tensor: output, h_n, `grad input`, `grad h_0` or `grad <parameter>`."""
    name = tensor.removeprefix("grad ")
    if name in ("h_n", "h_0"):
        layer, direction = divmod(index[0], case.rnn.directions)
        batch = None if case.input.layout == "unbatched" else index[1]
        return Location(layer=layer, direction=DIRECTIONS[direction], batch=batch, unit=index[-1])
    if name in ("output", "input"):
        time, batch = _time_and_batch(case, index)
        if name == "input":
            return Location(layer=0, time=time, batch=batch, unit=index[-1])
        direction, unit = divmod(index[-1], case.rnn.hidden_size)
        layer = case.rnn.num_layers - 1
        return Location(layer=layer, direction=DIRECTIONS[direction], time=time, batch=batch, unit=unit)
    return _locate_parameter(name, index)


def _locate_parameter(name: str, index: tuple[int, ...]) -> Location:
    match = re.fullmatch(r"(?:weight|bias)_[ih]h_l(\d+)(_reverse)?", name)
    if match is None:
        raise ValueError(f"not a parameter of nn.RNN: {name}")
    direction = DIRECTIONS[match[2] is not None]
    column = index[1] if len(index) == 2 else None
    return Location(layer=int(match[1]), direction=direction, unit=index[0], column=column)


def _time_and_batch(case: Case, index: tuple[int, ...]) -> tuple[int, int | None]:
    if case.input.layout == "unbatched":
        return index[0], None
    if case.input.layout == "packed":
        batch_sizes, sorted_indices = packing(case)
        first_row = batch_sizes.cumsum(0) - batch_sizes  # (L,)
        time = int(torch.searchsorted(first_row, index[0], right=True)) - 1
        return time, int(sorted_indices[index[0] - first_row[time]])
    return (index[1], index[0]) if case.rnn.batch_first else (index[0], index[1])
