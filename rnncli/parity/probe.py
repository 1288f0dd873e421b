"""The concrete weights, input, h_0 and cotangents a case is checked with."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from rnncli.case import Case
from rnncli.shapes import predict_parameters, predict_tensors


@dataclass(frozen=True)
class Probe:
    """The values both sides are given. Shapes are those of `shapes`; a packed input is its `.data`."""

    parameters: dict[str, Tensor]
    input: Tensor
    h_0: Tensor | None
    cotangents: dict[str, Tensor]

    def named(self, name: str) -> Tensor:
        """`input`, `h_0` or a parameter. Raises KeyError for a name that is none of them, or an h_0 left out."""
        given = {"input": self.input, **({} if self.h_0 is None else {"h_0": self.h_0})}
        return given[name] if name in given else self.parameters[name]

    def to(self, dtype: torch.dtype, device: torch.device) -> "Probe":
        """The same values in another dtype, on another device."""
        return Probe(
            parameters={name: value.to(device, dtype) for name, value in self.parameters.items()},
            input=self.input.to(device, dtype),
            h_0=None if self.h_0 is None else self.h_0.to(device, dtype),
            cotangents={name: value.to(device, dtype) for name, value in self.cotangents.items()},
        )


def draw(case: Case) -> Probe:
    """The probe of a case: float64 on the CPU, the same for the same seed.

    Weights and biases are uniform in +-weight_scale/sqrt(H_out) (the initialisation of `torch.nn.RNN`, scaled); input,
    h_0 and the cotangents of output and h_n are standard normal.
    """
    generator = torch.Generator().manual_seed(case.run.seed)
    bound = case.run.weight_scale / case.rnn.hidden_size**0.5

    def normal(shape: tuple[int, ...]) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    def uniform(shape: tuple[int, ...]) -> Tensor:
        return torch.empty(shape, dtype=torch.float64).uniform_(-bound, bound, generator=generator)

    sizes = {tensor.name: tensor.predicted for tensor in predict_tensors(case)}
    return Probe(
        parameters={parameter.name: uniform(parameter.shape) for parameter in predict_parameters(case)},
        input=normal(sizes["input"]),
        h_0=_initial_state(case, normal(sizes["h_0"])),
        cotangents={name: normal(sizes[name]) for name in ("output", "h_n")},
    )


def nudged(probe: Probe, unit: float, seed: int) -> Probe:
    """The probe with every value moved by about `unit` of itself: what rounding its values differently could be."""
    generator = torch.Generator().manual_seed(seed)

    def nudge(value: Tensor) -> Tensor:
        noise = torch.randn(value.shape, generator=generator, dtype=value.dtype).to(value.device)
        return value * (1 + unit * noise)

    return Probe(
        parameters={name: nudge(value) for name, value in probe.parameters.items()},
        input=nudge(probe.input),
        h_0=None if probe.h_0 is None else nudge(probe.h_0),
        cotangents={name: nudge(value) for name, value in probe.cotangents.items()},
    )


def blank(case: Case, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor | None]:
    """An input and h_0 of zeros, for looking at shapes: on the meta device nothing is allocated."""
    sizes = {tensor.name: tensor.predicted for tensor in predict_tensors(case)}
    input = torch.zeros(sizes["input"], dtype=dtype, device=device)
    return input, _initial_state(case, torch.zeros(sizes["h_0"], dtype=dtype, device=device))


def _initial_state(case: Case, random: Tensor) -> Tensor | None:
    return {"random": random, "zeros": torch.zeros_like(random), "omitted": None}[case.input.h_0]


def packer(case: Case, device: torch.device) -> Callable[[Tensor], Tensor | PackedSequence]:
    """What makes data an input of the case's layout: nothing, or packing it with the case's lengths.

    The rows of `.data` are those `pack_padded_sequence(..., enforce_sorted=False)` would give: by time step, longest
    sequence first.
    """
    if case.input.layout != "packed":
        return lambda data: data
    batch_sizes, sorted_indices = packing(case)
    sorted_indices = sorted_indices.to(device)
    unsorted_indices = torch.argsort(sorted_indices)
    return lambda data: PackedSequence(data, batch_sizes, sorted_indices, unsorted_indices)


def packing(case: Case) -> tuple[Tensor, Tensor]:
    """How the case packs: batch_sizes (L,), the sequences still running at each step, and sorted_indices (N,)."""
    lengths = torch.tensor(case.input.sequence_lengths)
    ended = torch.bincount(lengths).cumsum(0)[:-1]  # (L,): sequences that have ended before step t
    return len(lengths) - ended, torch.argsort(lengths, descending=True, stable=True)
