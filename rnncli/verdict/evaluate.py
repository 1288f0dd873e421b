"""One implementation with a probe in it: its outputs, and the gradients of everything that went in."""

import contextlib
import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from rnncli.candidate.load import Canonical, Sequence, default_dtype
from rnncli.core.case import Case
from rnncli.core.errors import CandidateError, described
from rnncli.core.records import Timing, Verdict
from rnncli.numerics import reference
from rnncli.numerics.probe import Probe, packer, packing

GIVEN = ("input", "h_0")


Change = tuple[str, tuple[str, ...]]  # to a candidate's file: FILE:LINE of its first line, lines that go and come


class Elsewhere(Protocol):
    """A candidate in another process, which takes a case and a probe, and gives what it computes on them."""

    @property
    def lost(self) -> CandidateError | None:
        """Why that process is gone, where it is."""

    def evaluate(self, case: Case, probe: Probe, plain: bool = False) -> "Values":
        """What `evaluate` gives for a candidate in this one. Raises CandidateError."""

    def regimes(self, case: Case, probe: Probe) -> dict[str, Tensor | str | None]:
        """What `regimes` gives for a candidate in this one. Raises CandidateError."""

    def time(self, case: Case, probe: Probe) -> tuple[Timing, ...]:
        """Its cost beside nn.RNN's, where it is."""

    def repaired(
        self, case: Case, faults: Iterable[str], trials: Iterable[tuple[Case, Probe]]
    ) -> "list[Change | None]":
        """Return the change that fixes each of the faults found together, or None. Raises CandidateError."""


Candidate = Canonical | Elsewhere


@dataclass(frozen=True)
class Side:
    """One implementation, ready to run: `leaves` are copies of the probe's input, h_0 and parameters, by name."""

    name: str
    call: Callable[[Mapping[str, Tensor]], tuple[Sequence, Tensor]]
    leaves: dict[str, Tensor]
    probe: Probe
    returned: tuple[str, ...] = ("output", "h_n")

    def forward(self) -> tuple[Sequence, Tensor]:
        """output and h_n."""
        return self.call(self.leaves)

    def forward_backward(self) -> tuple[Tensor | None, ...]:
        """The gradient of every leaf, under the cotangents of both outputs."""
        return self.gradients(*self.forward())

    def gradients(self, output: Sequence | None, h_n: Tensor | None) -> tuple[Tensor | None, ...]:
        """The gradient of each leaf: that of the scalar sum(output * cotangent) + sum(h_n * cotangent)."""
        returned = (("output", None if output is None else values_of(output)), ("h_n", h_n))
        parts = [(value * self.probe.cotangents[name]).sum() for name, value in returned if value is not None]
        self.backward(sum(parts[1:], parts[0]))
        return self.collected()

    def backward(self, total: Tensor) -> None:
        """Run backward as a training step does: `torch.autograd.grad` is refused by reentrant checkpoints."""
        total.backward()  # type: ignore[no-untyped-call]

    def collected(self) -> tuple[Tensor | None, ...]:
        """The gradient that each leaf has accumulated, which is taken from it."""
        gradients = tuple(leaf.grad for leaf in self.leaves.values())
        for leaf in self.leaves.values():
            leaf.grad = None
        return gradients


@dataclass(frozen=True)
class Values:
    """What a side computed, by tensor name: output, h_n, and `grad <leaf>`; None where no gradient reaches a leaf.

    `findings` are verdicts reached without looking at a tensor's values, with the reason. `returned` are output and h_n
    themselves, of which `tensors` has copies: a later call must leave them alone. `look` asks where they are elsewhere.
    """

    tensors: dict[str, Tensor | None] = field(default_factory=dict)
    findings: dict[str, tuple[Verdict, str]] = field(default_factory=dict)
    returned: dict[str, Tensor] = field(default_factory=dict)
    look: Callable[[], str | None] | None = None

    @property
    def overwritten(self) -> str | None:
        """Which of output and h_n is not what it was when it was returned."""
        if self.look:
            return self.look()
        for name, value in self.returned.items():
            before = self.tensors[name]
            if before is None or not has_values(value) or torch.equal(value, before):
                continue
            if not torch.equal(value.nan_to_num(), before.nan_to_num()):  # a NaN does not equal itself
                return name
        return None


def has_values(tensor: Tensor) -> bool:
    """Return whether a tensor has values beside each other to compare: a meta or a sparse tensor has none."""
    return not tensor.is_meta and tensor.layout == torch.strided


def reference_side(case: Case, probe: Probe, module: nn.RNN | None = None) -> Side:
    """nn.RNN with the probe's weights. The probe lies in the dtype and on the device it is to run in.

    `module`: one that was built for the same arguments and has these weights already.
    """
    module = module or reference.built(case, probe)
    reference.set_mode(module, case, probe.input.device)
    leaves = _given_leaves(case, probe) | dict(module.named_parameters())
    pack = packer(case, probe.input.device)
    return Side("nn.RNN", lambda given: module(pack(given["input"]), given.get("h_0")), leaves, probe, case.returns)


def candidate_side(candidate: Canonical, case: Case, probe: Probe) -> Side:
    """A candidate with copies of the probe's weights."""
    names = list(probe.parameters)
    pack = packer(case, probe.input.device)
    leaves = _given_leaves(case, probe) | {name: _leaf(value, case) for name, value in probe.parameters.items()}

    def call(given: Mapping[str, Tensor]) -> tuple[Sequence, Tensor]:
        parameters = {name: given[name] for name in names}
        return candidate(pack(given["input"]), given.get("h_0"), parameters, case)

    return Side(case.target or str(case.candidate), call, leaves, probe, case.returns)


def values_by(candidate: Candidate, case: Case, probe: Probe, plain: bool = False) -> Values:
    """What a candidate computes, wherever it is. Raises CandidateError."""
    if callable(candidate):
        return evaluate(candidate_side(candidate, case, probe), case, plain)
    return candidate.evaluate(case, probe, plain)


def regimes_by(candidate: Candidate, case: Case, probe: Probe) -> dict[str, Tensor | str | None]:
    """What a candidate computes in other regimes, wherever it is. Raises CandidateError."""
    if callable(candidate):
        return regimes(candidate_side(candidate, case, probe), case)
    return candidate.regimes(case, probe)


def evaluate(side: Side, case: Case, plain: bool = False) -> Values:
    """Every value the side computes, and what can be said of it without a comparison.

    torch's default dtype follows the probe's in float64, so that a buffer made without a dtype is float64 too; `plain`
    leaves the default at float32. The generator that dropout draws from is seeded first, so that every side that draws
    in nn.RNN's order draws its masks.
    """
    _seed(side.leaves["input"].device, case.run.seed)
    with torch.set_grad_enabled(case.run.gradients), default_dtype(torch.float32 if plain else side.probe.input.dtype):
        return _evaluated(side, case)


def _evaluated(side: Side, case: Case) -> Values:
    with torch.set_grad_enabled(case.run.gradients):
        given = {name: leaf.clone() if name in GIVEN else leaf for name, leaf in side.leaves.items()}
        output, h_n = side.call(given)
        wrong_packing = None if output is None else _wrong_packing(case, output)
        data = output if output is None else values_of(output) if wrong_packing else _in_our_order(case, output)
    both = {"output": data, "h_n": h_n}
    returned = {name: value.detach() for name, value in both.items() if value is not None}
    tensors: dict[str, Tensor | None] = {"output": None, "h_n": None}
    tensors |= {name: value.clone() for name, value in returned.items()}
    findings = {"output": (Verdict.MISMATCH, wrong_packing)} if wrong_packing else {}
    for name in tensors.keys() - returned.keys():
        findings[name] = (Verdict.NOT_COMPARABLE, "the candidate does not return it")
    if case.run.gradients:
        gradients, refusal = _backward(side, data, h_n)
        for name, gradient in zip(side.leaves, gradients, strict=True):
            tensors[f"grad {name}"] = gradient
            if refusal:
                findings[f"grad {name}"] = refusal
    before = side.probe.leaves
    for name, leaf in given.items():
        if not torch.equal(leaf.detach(), before[name]):
            tensor = f"grad {name}" if case.run.gradients else "h_n" if name == "h_0" else "output"
            findings[tensor] = (Verdict.MISMATCH, f"{name} is overwritten: the caller's tensor is changed")
    return Values(tensors, findings, returned)


def regimes(side: Side, case: Case) -> dict[str, Tensor | str | None]:
    """What a side computes where it is used in other ways than once with everything: by the way and the tensor.

    Called ten times; given an input and h_0 that are not contiguous; an input that needs no gradient; a loss on output
    alone, and on h_n alone; the gradients of two backward calls, accumulated. A text instead of a tensor says what was
    raised. Gradients are left out where the case has none.
    """
    found: dict[str, Tensor | str | None] = {}
    with default_dtype(side.probe.input.dtype):
        _seed(side.leaves["input"].device, case.run.seed)
        for way, run in _WAYS.items():
            for leaf in side.leaves.values():
                leaf.grad = None
            try:
                with torch.set_grad_enabled(case.run.gradients):
                    found |= {f"{way}: {name}": value for name, value in run(side, case).items()}
            except CandidateError as error:
                found[way] = str(error)
            except (MemoryError, torch.OutOfMemoryError):
                raise
            except Exception as error:
                found[way] = f"backward raises {described(error)}".partition(" Hint: ")[0]
            for name in GIVEN:
                if name in side.leaves:
                    side.leaves[name].requires_grad_(case.run.gradients)
    return found


def _called_ten_times(side: Side, case: Case) -> dict[str, Tensor | None]:
    """The results of ten calls; of the first as it is after the others, which must leave it alone."""
    del case
    with torch.no_grad():
        given = {name: leaf.clone() if name in GIVEN else leaf for name, leaf in side.leaves.items()}
        output, h_n = side.call(given)
        first: dict[str, Tensor | None] = {"output": None if output is None else values_of(output), "h_n": h_n}
        calls = [_both(side) for _ in range(8)]
        other = side.leaves | {"input": -side.leaves["input"]}
        side.call({name: leaf.clone() if name in GIVEN else leaf for name, leaf in other.items()})
        calls = [first, *calls]
    return {
        f"{name} of the calls": None if value is None else _stacked([call[name] for call in calls], value)
        for name, value in first.items()
    }


def _stacked(values: list[Tensor | None], first: Tensor) -> Tensor:
    """The values of all calls; the first that has another shape by itself."""
    other = next((value for value in values if value is None or value.shape != first.shape), first)
    if other is not first:
        return first.new_empty(0) if other is None else other
    return torch.stack([value for value in values if value is not None])


def _not_contiguous(side: Side, case: Case) -> dict[str, Tensor | None]:
    del case
    given = {name: _strided(leaf) if name in GIVEN else leaf for name, leaf in side.leaves.items()}
    with torch.no_grad():
        output, h_n = side.call(given)
        return {"output": None if output is None else values_of(output).clone(), "h_n": h_n}


def _input_without_gradient(side: Side, case: Case) -> dict[str, Tensor | None]:
    if not case.run.gradients:
        return {}
    side.leaves["input"].requires_grad_(False)
    return _gradients_of(side, side.returned)


def _h_0_without_gradient(side: Side, case: Case) -> dict[str, Tensor | None]:
    if not case.run.gradients or "h_0" not in side.leaves:
        return {}
    side.leaves["h_0"].requires_grad_(False)
    return _gradients_of(side, side.returned)


def _output_alone(side: Side, case: Case) -> dict[str, Tensor | None]:
    return _gradients_of(side, ("output",)) if case.run.gradients and "output" in side.returned else {}


def _h_n_alone(side: Side, case: Case) -> dict[str, Tensor | None]:
    return _gradients_of(side, ("h_n",)) if case.run.gradients and "h_n" in side.returned else {}


def _two_backward_calls(side: Side, case: Case) -> dict[str, Tensor | None]:
    if not case.run.gradients:
        return {}
    side.backward(_loss(side, side.returned))
    for leaf in side.leaves.values():  # two leaves may have been given one tensor, and would add into it twice
        leaf.grad = None if leaf.grad is None else leaf.grad.clone()
    return _gradients_of(side, side.returned)


_WAYS: dict[str, Callable[[Side, Case], dict[str, Tensor | None]]] = {
    "called ten times": _called_ten_times,
    "given an input and h_0 that are not contiguous": _not_contiguous,
    "given an input that needs no gradient": _input_without_gradient,
    "given an h_0 that needs no gradient": _h_0_without_gradient,
    "with a loss on output alone": _output_alone,
    "with a loss on h_n alone": _h_n_alone,
    "after two backward calls": _two_backward_calls,
}


def _both(side: Side) -> dict[str, Tensor | None]:
    output, h_n = side.call({name: leaf.clone() if name in GIVEN else leaf for name, leaf in side.leaves.items()})
    return {"output": None if output is None else values_of(output).clone(), "h_n": h_n}


def _loss(side: Side, names: tuple[str, ...]) -> Tensor:
    parts = [(value * side.probe.cotangents[name]).sum() for name, value in _both(side).items()
             if value is not None and name in names]  # fmt: skip
    return sum(parts[1:], parts[0])


def _gradients_of(side: Side, names: tuple[str, ...]) -> dict[str, Tensor | None]:
    side.backward(_loss(side, names))
    wanted = {name: leaf.requires_grad for name, leaf in side.leaves.items()}
    gradients = dict(zip(side.leaves, side.collected(), strict=True))
    return {f"grad {name}": gradients[name] for name in gradients if wanted[name]}


def _strided(value: Tensor) -> Tensor:
    """The same values, laid out in memory the other way round."""
    order = tuple(reversed(range(value.dim())))
    return value.detach().permute(order).contiguous().permute(order)


def values_of(sequence: Sequence) -> Tensor:
    """The tensor itself, or the `.data` of a PackedSequence."""
    return sequence.data if isinstance(sequence, PackedSequence) else sequence


def _backward(
    side: Side, data: Tensor | None, h_n: Tensor | None
) -> tuple[tuple[Tensor | None, ...], tuple[Verdict, str] | None]:
    """The gradients, or why there are none."""
    none = (None,) * len(side.leaves)
    returned = {name: value for name, value in (("output", data), ("h_n", h_n)) if value is not None}
    for name, value in returned.items():
        cotangent = side.probe.cotangents[name]
        if (value.shape, value.dtype, value.device) != (cotangent.shape, cotangent.dtype, cotangent.device):
            return none, (Verdict.NOT_COMPARABLE, f"not run: {name} does not have the form of nn.RNN's")
    if not any(value.requires_grad for value in returned.values()):
        return none, None
    try:
        return side.gradients(data, h_n), None
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        what = described(error).partition(" Hint: ")[0]
        return none, (Verdict.MISMATCH, f"backward raises {what}{_saved_at(side)}")


def _saved_at(side: Side) -> str:
    """The candidate's line whose values backward needs and no longer finds, as autograd tells in a further run."""
    ours, torchs = Path(__file__).parents[1], Path(torch.__file__).parent
    with warnings.catch_warnings(record=True) as said, torch.autograd.set_detect_anomaly(True, check_nan=False):
        warnings.simplefilter("always")
        with contextlib.suppress(Exception):
            side.forward_backward()
    trace = "".join(str(warning.message) for warning in said)
    places = re.findall(r'File "([^"]+)", line (\d+), in .*\n +(.*)', trace)
    calling = max((at for at, place in enumerate(places) if Path(place[0]).is_relative_to(ours)), default=len(places))
    own = [place for place in places[calling + 1 :] if not Path(place[0]).is_relative_to(torchs)]
    if not own:
        return ""
    path, line, code = own[-1]
    return f" It was saved for backward at {Path(path).name}:{line}: {code.strip()}"


def _wrong_packing(case: Case, output: Sequence) -> str | None:
    """What is wrong with the kind of an output, tensor or PackedSequence, and with how it is packed."""
    if not isinstance(output, PackedSequence):
        return "a tensor, expected a PackedSequence" if case.input.layout == "packed" else None
    if case.input.layout != "packed":
        return "a PackedSequence, expected a tensor"
    batch_sizes, sorted_indices = packing(case)
    if not torch.equal(output.batch_sizes.cpu(), batch_sizes):
        return "batch_sizes are not the input's"
    in_order = torch.arange(len(sorted_indices))
    order = in_order if output.sorted_indices is None else output.sorted_indices.cpu()
    if order.shape != in_order.shape or not torch.equal(order.sort().values, in_order):
        return "sorted_indices are not an order of the sequences"
    if (torch.tensor(case.input.sequence_lengths)[order].diff() > 0).any():
        return "sorted_indices do not put the sequences in descending order of length"
    undone = in_order if output.unsorted_indices is None else output.unsorted_indices.cpu()
    if not torch.equal(undone, order.argsort()):
        return "unsorted_indices do not undo sorted_indices"
    return None


def _in_our_order(case: Case, output: Sequence) -> Tensor:
    """The values, those of a PackedSequence in the order of the input's rows, whatever order it is sorted in."""
    if not isinstance(output, PackedSequence):
        return output
    batch_sizes, sorted_indices = packing(case)
    if output.sorted_indices is None or torch.equal(output.sorted_indices.cpu(), sorted_indices):
        return output.data
    padded, _ = pad_packed_sequence(output)  # (L, N, D*H_out), in the caller's order
    time, rank = (torch.arange(len(sorted_indices)) < batch_sizes[:, None]).nonzero(as_tuple=True)
    return padded[time.to(padded.device), sorted_indices[rank].to(padded.device)]


def _seed(device: torch.device, seed: int) -> None:
    """torch.manual_seed for one device: the function itself walks every device type, 0.07 ms a call."""
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)
    torch.default_generator.manual_seed(seed)


def _given_leaves(case: Case, probe: Probe) -> dict[str, Tensor]:
    leaves = {"input": _leaf(probe.input, case)}
    if probe.h_0 is not None:
        leaves["h_0"] = _leaf(probe.h_0, case)
    return leaves


def _leaf(value: Tensor, case: Case) -> Tensor:
    return value.detach().clone().requires_grad_(case.run.gradients)
