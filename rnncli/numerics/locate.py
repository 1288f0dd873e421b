"""An element's place in the computation, by name: which layer, direction, time step, sequence and unit."""

import re
from typing import Literal

import torch
from torch import Tensor

from rnncli.core.case import Case
from rnncli.core.records import Location
from rnncli.numerics.probe import in_layout, rows_of, time_first

DIRECTIONS: tuple[Literal["forward"], Literal["reverse"]] = ("forward", "reverse")


def locate(case: Case, tensor: str, index: tuple[int, ...]) -> Location:
    """Return the place of element `index` of a tensor: output, h_n, `grad input`, `grad h_0`, `grad <parameter>`."""
    name = tensor.removeprefix("grad ")
    if name in states_of(case):
        layer, direction = divmod(index[0], case.rnn.directions)
        batch = None if case.input.layout == "unbatched" else index[1]
        return Location(layer=layer, direction=DIRECTIONS[direction], batch=batch, unit=index[-1])
    if name in ("output", "input"):
        time, batch = _time_and_batch(case, index)
        if name == "input":
            return Location(layer=0, time=time, batch=batch, unit=index[-1])
        direction, unit = divmod(index[-1], case.rnn.h_out)
        layer = case.rnn.num_layers - 1
        return Location(layer=layer, direction=DIRECTIONS[direction], time=time, batch=batch, unit=unit)
    return _locate_parameter(name, index)


def states_of(case: Case) -> tuple[str, ...]:
    """Return the names of all states, initial and final."""
    return case.cell.initial + case.cell.final


def by_group(case: Case, tensor: str, magnitudes: Tensor) -> Tensor:
    """Return the largest magnitude in each group of elements that rounding moves alike. Magnitudes are 0 or more.

    output: (L, D), by time step and direction; grad input: (L,); h_n and grad h_0: (D*num_layers,); a parameter's
    gradient, which belongs to one layer and direction: (). Packed sequences end at different steps, and each is a group
    of its own: (L, N, D), (L, N) and (D*num_layers, N).
    """
    name, packed = tensor.removeprefix("grad "), case.input.layout == "packed"
    if name in states_of(case):
        return magnitudes.amax(-1) if packed else magnitudes.flatten(1).amax(1)
    if name not in ("output", "input"):
        return magnitudes.amax()
    steps = time_first(case, magnitudes)  # (L, N, features)
    if name == "input":
        return steps.amax(-1) if packed else steps.amax((1, 2))
    by_direction = torch.unflatten(steps, -1, (case.rnn.directions, -1))  # (L, N, D, H_out)
    return by_direction.amax(-1) if packed else by_direction.amax((1, 3))


def over_elements(case: Case, tensor: str, groups: Tensor) -> Tensor:
    """Return the groups of `by_group`, shaped to stand against the elements of the tensor."""
    name = tensor.removeprefix("grad ")
    if name in states_of(case):
        return groups[:, None, None] if case.input.layout == "batched" else groups.unsqueeze(-1)
    if name not in ("output", "input"):
        return groups
    steps = groups if case.input.layout == "packed" else groups.unsqueeze(1)  # (L, N or 1, D), of input (L, N or 1)
    return in_layout(case, steps.repeat_interleave(case.rnn.h_out, -1) if name == "output" else steps.unsqueeze(-1))


def first_in_order(case: Case, tensor: str, outside: Tensor) -> Location:
    """Return the first True of a mask in the order the computation runs, forward for values and backward for gradients.

    In `output` that is by the step of the walk (the reverse direction's first step is a sequence's last), then by
    direction, batch element and unit; elsewhere by layer and time.
    """
    name = tensor.removeprefix("grad ")
    if name == "output":
        return _first_of_output(case, time_first(case, outside))
    if name == "input":
        steps = time_first(case, outside)  # (L, N, H_in)
        time = int(steps.flatten(1).any(1).nonzero()[-1])
        batch, unit = (int(place) for place in steps[time].nonzero()[0])
        unbatched = case.input.layout == "unbatched"
        return Location(layer=0, time=time, batch=None if unbatched else batch, unit=unit)
    places = outside.nonzero()
    index = tuple(int(place) for place in places[0])
    if name in case.cell.initial:
        last = places[places[:, 0] == places[:, 0].max()][0]
        index = tuple(int(place) for place in last)
    return locate(case, tensor, index)


def _first_of_output(case: Case, steps: Tensor) -> Location:
    """steps: (L, N, D*H_out)."""
    directions, hidden_size = case.rnn.directions, case.rnn.h_out
    time, batch, feature = steps.nonzero().unbind(1)
    direction, unit = feature // hidden_size, feature % hidden_size
    lengths = torch.full((steps.shape[1],), steps.shape[0], device=steps.device)
    if case.input.layout == "packed":
        lengths = torch.tensor(case.input.sequence_lengths, device=steps.device)
    step = torch.where(direction == 1, lengths[batch] - 1 - time, time)
    first = ((step * directions + direction) * steps.shape[1] + batch) * hidden_size + unit
    at = int(first.argmin())
    return Location(
        layer=case.rnn.num_layers - 1,
        direction=DIRECTIONS[int(direction[at])],
        time=int(time[at]),
        batch=None if case.input.layout == "unbatched" else int(batch[at]),
        unit=int(unit[at]),
    )


def _locate_parameter(name: str, index: tuple[int, ...]) -> Location:
    match = re.fullmatch(r"(?:weight_[ih]h|bias_[ih]h|weight_hr)_l(\d+)(_reverse)?", name)
    if match is None:
        raise ValueError(f"not a parameter of torch's layers: {name}")
    direction = DIRECTIONS[match[2] is not None]
    column = index[1] if len(index) == 2 else None
    return Location(layer=int(match[1]), direction=direction, unit=index[0], column=column)


def _time_and_batch(case: Case, index: tuple[int, ...]) -> tuple[int, int | None]:
    if case.input.layout == "unbatched":
        return index[0], None
    if case.input.layout == "packed":
        time, batch = rows_of(case, torch.device("cpu"))
        return int(time[index[0]]), int(batch[index[0]])
    return (index[1], index[0]) if case.rnn.batch_first else (index[0], index[1])
