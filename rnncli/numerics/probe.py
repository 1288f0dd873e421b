"""The concrete weights, input, h_0 and cotangents a case is checked with."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from rnncli.core.case import Case, altered
from rnncli.core.shapes import predict_parameters, predict_tensors

_NEXT_ATTEMPT = 2**61 + 1  # between the seeds of two attempts: no seed a person would give is one attempt from another


SEQUENCES = ("input", "output")


def is_state(name: str) -> bool:
    """Return whether a tensor is a state before the first step or after the last: h_0, h_n, and of an LSTM c_0, c_n."""
    return name in ("h_0", "h_n", "c_0", "c_n")


@dataclass(frozen=True)
class Probe:
    """The values both sides are given. Shapes are those of `shapes`; a packed input is its `.data`."""

    parameters: dict[str, Tensor]
    input: Tensor
    h_0: Tensor | None
    cotangents: dict[str, Tensor]  # of output and of the final states
    c_0: Tensor | None = None  # of an LSTM

    @property
    def leaves(self) -> dict[str, Tensor]:
        """`input`, the initial states unless they are left out, and every parameter."""
        states = {name: state for name, state in (("h_0", self.h_0), ("c_0", self.c_0)) if state is not None}
        return {"input": self.input, **states, **self.parameters}

    @property
    def initial_names(self) -> tuple[str, ...]:
        """The names of the initial states, left out or not: h_0, and c_0 of an LSTM."""
        return tuple(name.replace("_n", "_0") for name in self.cotangents if is_state(name))

    def initial_states(self, leaves: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        """Return the initial states among some leaves; zeros for those that are left out."""
        zeros = {name: torch.zeros_like(self.cotangents[name.replace("_0", "_n")]) for name in self.initial_names}
        return tuple(leaves.get(name, zero) for name, zero in zeros.items())

    def changed(self, change: Callable[[str, Tensor], Tensor]) -> "Probe":
        """Return the probe of the values that `change` makes of those of this one, given their names."""
        return Probe(
            parameters={name: change(name, value) for name, value in self.parameters.items()},
            input=change("input", self.input),
            h_0=None if self.h_0 is None else change("h_0", self.h_0),
            cotangents={name: change(name, value) for name, value in self.cotangents.items()},
            c_0=None if self.c_0 is None else change("c_0", self.c_0),
        )

    def to(self, dtype: torch.dtype, device: torch.device) -> "Probe":
        """Return the same values in another dtype, on another device; this probe where they lie there already."""
        if (self.input.dtype, self.input.device) == (dtype, device):
            return self
        return self.changed(lambda _, value: value.to(device, dtype))


def draw(case: Case, attempt: int = 0) -> Probe:
    """Return the probe of a case: float64 on the CPU, the same for the same seed; another for each further attempt.

    Weights and biases are uniform in +-weight_scale/sqrt(H_out) (the initialisation of `torch.nn.RNN`, scaled); input,
    h_0 and the cotangents of output and h_n are standard normal.
    """
    generator = torch.Generator().manual_seed((case.run.seed + attempt * _NEXT_ATTEMPT) % 2**63)
    bound = case.run.weight_scale / case.rnn.hidden_size**0.5
    parameters = {
        parameter.name: torch.empty(parameter.shape, dtype=torch.float64).uniform_(-bound, bound, generator=generator)
        for parameter in predict_parameters(case)
    }
    drawn = {
        tensor.name: torch.randn(tensor.predicted, generator=generator, dtype=torch.float64)
        for tensor in predict_tensors(case)
        if tensor.name not in ("output", "h_n") or tensor.name in case.returns
    }
    cotangents = {
        tensor.name: drawn.get(tensor.name, torch.zeros(tensor.predicted, dtype=torch.float64))
        for tensor in predict_tensors(case)
        if tensor.name in ("output", "h_n")
    }
    return Probe(parameters, drawn["input"], _initial_state(case, drawn["h_0"]), cotangents)


def shortened(case: Case, probe: Probe, steps: int) -> tuple[Case, Probe]:
    """Return the case and its probe on the first `steps` steps of the input."""
    lengths = tuple(min(length, steps) for length in case.input.sequence_lengths)
    shorter = altered(case, input={"seq_len": steps} | ({"lengths": lengths} if _is_packed(case) else {}))

    def cut(name: str, value: Tensor) -> Tensor:
        return in_layout(shorter, time_first(case, value)[:steps]) if name in SEQUENCES else value

    return shorter, probe.changed(cut)


def first_sequence(case: Case, probe: Probe) -> tuple[Case, Probe]:
    """Return the case and its probe with the first sequence of the batch alone. Not for an unbatched input."""
    length = case.input.sequence_lengths[0] if _is_packed(case) else case.input.seq_len
    given = {"batch_size": 1, "seq_len": length} | ({"lengths": (length,)} if _is_packed(case) else {})
    alone = altered(case, input=given)
    return alone, probe.changed(lambda name, value: _of_first_sequence(case, alone, name, value))


def of_first_sequence(case: Case, alone: Case, values: Mapping[str, Tensor | None]) -> dict[str, Tensor | None]:
    """Return output and the final states of a case, cut to its first sequence: `alone` is that of `first_sequence`."""
    returned = {name: value for name, value in values.items() if value is not None and not name.startswith("grad ")}
    return {name: _of_first_sequence(case, alone, name, value) for name, value in returned.items()}


def _of_first_sequence(case: Case, alone: Case, name: str, value: Tensor) -> Tensor:
    if name in SEQUENCES:
        return in_layout(alone, time_first(case, value)[: alone.input.seq_len, :1])
    return value[:, :1] if is_state(name) else value


def first_layer(case: Case, probe: Probe) -> tuple[Case, Probe]:
    """Return the case and its probe with the first layer alone, without dropout and gradients."""
    one = altered(case, rnn={"num_layers": 1, "dropout": 0.0}, run={"gradients": False, "train": False})
    parameters = {name: value for name, value in probe.parameters.items() if re.search(r"_l0(_reverse)?$", name)}
    cut = probe.changed(lambda name, value: value[: case.rnn.directions] if is_state(name) else value)
    return one, replace(cut, parameters=parameters)


def without_h_0(case: Case, probe: Probe) -> tuple[Case, Probe]:
    """Return the case and its probe with the initial states left out."""
    return altered(case, input={"h_0": "omitted"}), replace(probe, h_0=None, c_0=None)


def equal_sizes(case: Case) -> Iterator[Case]:
    """The case with I = H and N = T, where a transposed weight or axis does not raise; then with I = D*H, where a layer
    that reads another's input does not; then with one layer alone. None has more steps than the case: what raises for
    want of a step raises there too.
    """
    steps = min(3, case.input.seq_len)
    given = {"seq_len": steps, "batch_size": steps, "lengths": None}
    sizes = {"input_size": 4, "hidden_size": 4}
    yield altered(case, rnn=sizes, input=given)
    if case.rnn.num_layers > 1 and case.rnn.bidirectional:
        yield altered(case, rnn={**sizes, "input_size": 8}, input=given)
    if case.rnn.num_layers > 1:
        yield altered(case, rnn={**sizes, "num_layers": 1}, input=given)


def blank(case: Case, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor | None]:
    """An input and h_0 of zeros, for looking at shapes: on the meta device nothing is allocated."""
    sizes = {tensor.name: tensor.predicted for tensor in predict_tensors(case)}
    input = torch.zeros(sizes["input"], dtype=dtype, device=device)
    return input, _initial_state(case, torch.zeros(sizes["h_0"], dtype=dtype, device=device))


def _is_packed(case: Case) -> bool:
    return case.input.layout == "packed"


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


def time_first(case: Case, sequence: Tensor) -> Tensor:
    """An input or output in the case's layout as (L, N, features), zero where a packed sequence has ended."""
    if case.input.layout == "unbatched":
        return sequence.unsqueeze(1)
    if case.input.layout == "packed":
        time, batch = rows_of(case, sequence.device)
        x = sequence.new_zeros(int(time[-1]) + 1, case.input.batch_size, sequence.shape[-1])
        x[time, batch] = sequence
        return x
    return sequence.transpose(0, 1) if case.rnn.batch_first else sequence


def in_layout(case: Case, x: Tensor) -> Tensor:
    """The inverse of `time_first`; further axes may stand in front of (L, N, features)."""
    if case.input.layout == "unbatched":
        return x.squeeze(-2)
    if case.input.layout == "packed":
        time, batch = rows_of(case, x.device)
        return x[..., time, batch, :]
    return x.transpose(-3, -2) if case.rnn.batch_first else x


def rows_of(case: Case, device: torch.device) -> tuple[Tensor, Tensor]:
    """The time step and the sequence of each row of a packed `.data`: (sum of lengths,) each."""
    return _rows_of(tuple(case.input.sequence_lengths), device)


@lru_cache(maxsize=16)  # each tensor of a case asks again
def _rows_of(lengths: tuple[int, ...], device: torch.device) -> tuple[Tensor, Tensor]:
    batch_sizes, sorted_indices = _packing(lengths)
    time, rank = (torch.arange(len(sorted_indices)) < batch_sizes[:, None]).nonzero(as_tuple=True)
    return time.to(device), sorted_indices[rank].to(device)


def packing(case: Case) -> tuple[Tensor, Tensor]:
    """How the case packs: batch_sizes (L,), the sequences still running at each step, and sorted_indices (N,)."""
    return _packing(case.input.sequence_lengths)


def _packing(sequence_lengths: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    lengths = torch.tensor(sequence_lengths)
    ended = torch.bincount(lengths).cumsum(0)[:-1]  # (L,): sequences that have ended before step t
    return len(lengths) - ended, torch.argsort(lengths, descending=True, stable=True)
