"""The concrete weights, input, initial states and cotangents a case is checked with."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from rnncli.core.case import Case, altered
from rnncli.core.shapes import predict_parameters, predict_tensors

_NEXT_ATTEMPT = 2**61 + 1  # between the seeds of two attempts: no seed a person would give is one attempt from another


@dataclass(frozen=True)
class Probe:
    """The values both sides are given. Shapes are those of `shapes`; a packed input is its `.data`."""

    parameters: dict[str, Tensor]
    input: Tensor
    states: dict[str, Tensor]  # h_0, of an LSTM c_0 too; none where they are omitted
    cotangents: dict[str, Tensor]

    @property
    def h_0(self) -> Tensor | None:
        """The initial hidden state, (D*num_layers, N, H_out); None where it is omitted."""
        return self.states.get("h_0")

    @property
    def leaves(self) -> dict[str, Tensor]:
        """Return `input`, the initial states unless they are omitted, and every parameter."""
        return {"input": self.input, **self.states, **self.parameters}

    @property
    def initial_names(self) -> list[str]:
        """The names of the initial states of the cell: h_0, and c_0 of an LSTM."""
        return [name.replace("_n", "_0") for name in self.cotangents if name != "output"]

    def initial_states(self, leaves: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        """Return those of the states that are among the leaves; zeros for the others."""
        zeros = {name: torch.zeros_like(self.cotangents[name.replace("_0", "_n")]) for name in self.initial_names}
        return tuple(leaves.get(name, zeros[name]) for name in self.initial_names)

    def states_among(self, leaves: Mapping[str, Tensor]) -> Tensor | tuple[Tensor, ...] | None:
        """Return initial states as torch's layer takes them, with zeros for one that is not given; None for none."""
        given = tuple(leaves[name] for name in self.states if name in leaves)
        return as_argument(self.initial_states(leaves) if 0 < len(given) < len(self.initial_names) else given)

    def changed(self, change: Callable[[str, Tensor], Tensor]) -> "Probe":
        """Return the same parameters with what `change` makes of input, states and cotangents, given their names."""
        states, cotangents = (
            {name: change(name, value) for name, value in part.items()} for part in (self.states, self.cotangents)
        )
        return Probe(self.parameters, change("input", self.input), states, cotangents)

    def to(self, dtype: torch.dtype, device: torch.device) -> "Probe":
        """Return the same values in another dtype, on another device; this probe where they lie there already."""
        if (self.input.dtype, self.input.device) == (dtype, device):
            return self
        parameters = {name: value.to(device, dtype) for name, value in self.parameters.items()}
        return replace(self.changed(lambda _, value: value.to(device, dtype)), parameters=parameters)


def draw(case: Case, attempt: int = 0) -> Probe:
    """The probe of a case: float64 on the CPU, the same for the same seed; another one for each further attempt.

    Weights and biases are uniform in +-weight_scale/sqrt(hidden_size) (torch's own initialisation, scaled); input,
    initial states and the cotangents of output and final states are standard normal.
    """
    generator = torch.Generator().manual_seed((case.run.seed + attempt * _NEXT_ATTEMPT) % 2**63)
    bound = case.run.weight_scale / case.rnn.hidden_size**0.5

    def normal(shape: tuple[int, ...]) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    def uniform(shape: tuple[int, ...]) -> Tensor:
        return torch.empty(shape, dtype=torch.float64).uniform_(-bound, bound, generator=generator)

    sizes = {tensor.name: tensor.predicted for tensor in predict_tensors(case)}
    return Probe(
        parameters={parameter.name: uniform(parameter.shape) for parameter in predict_parameters(case)},
        input=normal(sizes["input"]),
        states=_initial_states(case, {name: normal(sizes[name]) for name in case.cell.initial}),
        cotangents={
            name: normal(sizes[name]) if name in case.returns else torch.zeros(sizes[name], dtype=torch.float64)
            for name in results(case)
        },
    )


def with_another_seed(case: Case, probe: Probe) -> tuple[Case, Probe]:
    """Return the case with another seed of its dropout masks, and the same probe."""
    return altered(case, run={"seed": case.run.seed ^ 1}), probe


def shortened(case: Case, probe: Probe, steps: int) -> tuple[Case, Probe]:
    """Return the case and its probe on the first `steps` steps of the input."""
    lengths = tuple(min(length, steps) for length in case.input.sequence_lengths)
    given = {"seq_len": steps} | ({"lengths": lengths} if case.input.layout == "packed" else {})
    shorter = altered(case, input=given)

    def cut(name: str, value: Tensor) -> Tensor:
        return in_layout(shorter, time_first(case, value)[:steps]) if name in ("input", "output") else value

    return shorter, probe.changed(cut)


def first_sequence(case: Case, probe: Probe) -> tuple[Case, Probe]:
    """Return the case and its probe with the first sequence of the batch alone. Not for an unbatched input."""
    length = case.input.sequence_lengths[0] if case.input.layout == "packed" else case.input.seq_len
    given = {"batch_size": 1, "seq_len": length} | ({"lengths": (length,)} if case.input.layout == "packed" else {})
    alone = altered(case, input=given)
    return alone, probe.changed(lambda name, value: _of_first_sequence(case, alone, name, value))


def of_first_sequence(case: Case, alone: Case, values: Mapping[str, Tensor | None]) -> dict[str, Tensor | None]:
    """Return the results of a case, cut to its first sequence: `alone` is that of `first_sequence`."""
    named = ((name, values[name]) for name in results(case))
    return {name: _of_first_sequence(case, alone, name, value) for name, value in named if value is not None}


def _of_first_sequence(case: Case, alone: Case, name: str, value: Tensor) -> Tensor:
    if name in ("input", "output"):
        return in_layout(alone, time_first(case, value)[: alone.input.seq_len, :1])
    return value[:, :1]


def first_layer(case: Case, probe: Probe) -> tuple[Case, Probe]:
    """Return the case and its probe with the first layer alone, without dropout and gradients."""
    one = altered(case, rnn={"num_layers": 1, "dropout": 0.0}, run={"gradients": False, "train": False})
    parameters = {name: value for name, value in probe.parameters.items() if re.search(r"_l0(_reverse)?$", name)}
    rows = case.rnn.directions
    cut = probe.changed(lambda name, value: value if name in ("input", "output") else value[:rows])
    return one, replace(cut, parameters=parameters)


def without_states(case: Case, probe: Probe) -> tuple[Case, Probe]:
    """Return the case and its probe with the initial states left out."""
    return altered(case, input={"h_0": "omitted"}), replace(probe, states={})


def with_less(case: Case, probe: Probe, name: str) -> tuple[Case, Probe] | None:
    """Return the case and its probe with one layer (num_layers) or one direction (bidirectional), the first of all.

    None where it has no more.
    """
    rnn, rows = case.rnn, slice(None)
    if name == "num_layers" and rnn.num_layers > 1:
        less, rows = altered(case, rnn={"num_layers": 1, "dropout": 0.0}), slice(rnn.directions)
    elif name == "bidirectional" and rnn.bidirectional and rnn.num_layers == 1:
        less, rows = altered(case, rnn={"bidirectional": False}), slice(1)
    else:
        return None
    states = {state: value[rows] for state, value in probe.states.items()}
    cotangents = {one: value[rows] for one, value in probe.cotangents.items() if one != "output"}
    width = less.rnn.directions * less.rnn.h_out
    cotangents["output"] = probe.cotangents["output"][..., :width]
    parameters = {one.name: probe.parameters[one.name] for one in predict_parameters(less)}
    return less, replace(probe, parameters=parameters, states=states, cotangents=cotangents)


def equal_sizes(case: Case) -> Iterator[Case]:
    """The case with I = H and N = T, where a transposed weight or axis does not raise; then with I = D*H, where a layer
    that reads another's input does not; then with one layer alone. None has more steps than the case: what raises for
    want of a step raises there too.
    """
    steps = min(3, case.input.seq_len)
    given = {"seq_len": steps, "batch_size": steps, "lengths": None}
    sizes = {"input_size": 4, "hidden_size": 4, "proj_size": min(case.rnn.proj_size, 3)}
    yield altered(case, rnn=sizes, input=given)
    if case.rnn.num_layers > 1 and case.rnn.bidirectional:
        yield altered(case, rnn={**sizes, "input_size": 8}, input=given)
    if case.rnn.num_layers > 1:
        yield altered(case, rnn={**sizes, "num_layers": 1}, input=given)


def _initial_states(case: Case, random: dict[str, Tensor]) -> dict[str, Tensor]:
    given = {name: random[name] for name in case.given_states}
    return given if case.input.h_0 == "random" else {name: torch.zeros_like(value) for name, value in given.items()}


def results(case: Case) -> tuple[str, ...]:
    """Return the names of what a layer returns: output and the final states."""
    return ("output", *case.cell.final)


def as_argument(states: Iterable[Tensor]) -> Tensor | tuple[Tensor, ...] | None:
    """Return initial states as torch's layer takes them: h_0, of an LSTM (h_0, c_0), None where they are omitted."""
    given = tuple(states)
    return given if len(given) > 1 else given[0] if given else None


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
    return len(lengths) - ended, torch.argsort(lengths, descending=True)  # as pack_padded_sequence: not stable
