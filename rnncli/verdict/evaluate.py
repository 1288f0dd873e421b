"""One implementation with a probe in it: its outputs, and the gradients of everything that went in."""

import contextlib
import re
import traceback
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from rnncli.candidate.load import Canonical, Sequence, default_dtype
from rnncli.core.case import Case
from rnncli.core.causes import BACKWARD_BREAKS, H0_MUTATED, Cause
from rnncli.core.errors import CandidateError, described
from rnncli.core.records import Verdict
from rnncli.numerics import reference
from rnncli.numerics.device import differentiable, seed_dropout
from rnncli.numerics.probe import Probe, packer, packing, rows_of

OURS, TORCHS = Path(__file__).parents[1], Path(torch.__file__).parent  # folders of code that no candidate wrote
ITS_OWN = "its own "  # what a reason begins with where the candidate's backward raises
Change = tuple[str, tuple[str, ...]]  # to a candidate's file: FILE:LINE of its first line, lines that go and come
Results = dict[str, Sequence | None]
Regimes = dict[str, Tensor | str | None]  # see `regimes.observed`


class Finding(NamedTuple):
    """A verdict on a tensor reached without a comparison of its values. `cause`: a Cause, or the id of a fault."""

    verdict: Verdict
    cause: str
    reason: str


@dataclass(frozen=True)
class Values:
    """The values an implementation computed, by tensor name: results, and `grad <leaf>`, None where there is none.

    `returned` are the results themselves, of which `tensors` has copies: a later call must leave them alone. Of a
    candidate in another process `ask_overwritten` looks at them there.
    """

    tensors: dict[str, Tensor | None] = field(default_factory=dict)
    findings: dict[str, Finding] = field(default_factory=dict)
    returned: dict[str, Tensor] = field(default_factory=dict)
    ask_overwritten: Callable[[], str | None] | None = None

    @property
    def overwritten(self) -> str | None:
        """Return the name of a returned tensor that has changed since, or None."""
        if self.ask_overwritten:
            return self.ask_overwritten()
        for name, value in self.returned.items():
            before = self.tensors[name]
            if before is None or not has_values(value) or torch.equal(value, before):
                continue
            if not torch.equal(value.nan_to_num(), before.nan_to_num()):  # a NaN does not equal itself
                return name
        return None


class Candidate(Protocol):
    """An implementation under inspection, wherever it runs. What it raises comes as CandidateError."""

    built_in: bool  # tested with rnncli itself: not asked for what only a stranger's code gets wrong
    h_0_may_be_omitted: bool  # by its signature
    asks_if_training: bool  # by its code
    takes_all_states: bool  # and does not start some of them itself
    takes_dropout: bool  # an argument p, of a candidate that has its layers itself
    order_is_assumed: bool  # of the rows of its gates, which no experiment told
    takes_lengths: bool  # beside padded sequences, or packed sequences alone
    uses_numpy: bool

    @property
    def exit_error(self) -> CandidateError | None:
        """The error that ended its process, where it has one and it ended."""

    def evaluate(self, case: Case, probe: Probe, plain: bool = False) -> Values:
        """Return what `evaluate` gives. Raises CandidateError."""

    def regimes(self, case: Case, probe: Probe) -> Regimes:
        """Return what `regimes.observed` gives. Raises CandidateError."""

    def float32_line(self, case: Case, probe: Probe, plain: bool) -> str | None:
        """Return the line that makes a float32 tensor in the middle of float64 work. Raises CandidateError."""

    def unwritten(self, case: Case, probe: Probe) -> str | None:
        """Return the result with memory of torch.empty that nothing was written to. Raises CandidateError."""

    def repaired(self, case: Case, faults: Iterable[str], trials: Iterable[tuple[Case, Probe]]) -> list[Change | None]:
        """Return for each of the faults found together the change that fixes it, or None. Raises CandidateError."""


class FunctionCandidate:
    """A function of the canonical arguments in this process, as the built-in ones are. It gives values and no more."""

    built_in = takes_all_states = True
    h_0_may_be_omitted = asks_if_training = uses_numpy = takes_dropout = takes_lengths = order_is_assumed = False
    exit_error = None

    def __init__(self, call: Canonical) -> None:
        self.call = call

    def evaluate(self, case: Case, probe: Probe, plain: bool = False) -> Values:
        return evaluate(candidate_side(self.call, case, probe), case, plain)

    def regimes(self, case: Case, probe: Probe) -> Regimes:
        del case, probe
        return {}

    def float32_line(self, case: Case, probe: Probe, plain: bool) -> str | None:
        del case, probe, plain
        return None

    def unwritten(self, case: Case, probe: Probe) -> str | None:
        del case, probe
        return None

    def repaired(self, case: Case, faults: Iterable[str], trials: Iterable[tuple[Case, Probe]]) -> list[Change | None]:
        del case, trials
        return [None for _ in faults]


def as_candidate(candidate: Candidate | Canonical) -> Candidate:
    """Return a function of the canonical arguments as a candidate, and a candidate as it is."""
    return FunctionCandidate(candidate) if callable(candidate) else candidate


@dataclass(frozen=True)
class Side:
    """One implementation, ready to run: `leaves` are copies of the probe's input, states and parameters, by name.

    `call` takes tensors for all leaves and returns the results by name, None for one that is not returned. `claimed`
    are the results that are compared.
    """

    name: str
    call: Callable[[Mapping[str, Tensor]], Results]
    leaves: dict[str, Tensor]
    probe: Probe
    claimed: tuple[str, ...]

    @property
    def given(self) -> tuple[str, ...]:
        """The names of the leaves that are no parameters: input, and states that are not omitted."""
        return ("input", *self.probe.states)

    def copies(self) -> dict[str, Tensor]:
        """Return the leaves, input and states as tensors of their own, which the implementation may overwrite."""
        return {name: leaf.clone() if name in self.given else leaf for name, leaf in self.leaves.items()}

    def forward(self) -> Results:
        """Return the results by name."""
        return self.call(self.leaves)

    def forward_backward(self) -> dict[str, Tensor | None]:
        """Return the gradient of every leaf, under the cotangents of all results."""
        return self.gradients(returned_values(self.forward()))

    def gradients(self, returned: Mapping[str, Tensor]) -> dict[str, Tensor | None]:
        """Return the gradient of each leaf, and take it from the leaf."""
        self.backward(returned)
        gradients = {name: leaf.grad for name, leaf in self.leaves.items()}
        for leaf in self.leaves.values():
            leaf.grad = None
        return gradients

    def backward(self, returned: Mapping[str, Tensor], retain_graph: bool = False) -> None:
        """Run backward from the sum over the results of sum(result * cotangent), as a training step does.

        Reentrant checkpoints refuse `torch.autograd.grad`.
        """
        parts = [(value * self.probe.cotangents[name]).sum() for name, value in returned.items()]
        sum(parts[1:], parts[0]).backward(retain_graph=retain_graph)  # type: ignore[no-untyped-call]


def has_values(tensor: Tensor) -> bool:
    """Return whether a tensor has values beside each other to compare: a meta or a sparse tensor has none."""
    return not tensor.is_meta and tensor.layout == torch.strided


def reference_side(case: Case, probe: Probe, module: nn.RNNBase | None = None) -> Side:
    """Return torch's layer with the probe's weights. The probe lies in the dtype and on the device it is to run in.

    `module`: one that was built for the same arguments and has these weights already.
    """
    module = module or reference.built(case, probe)
    reference.set_mode(module, case, probe.input.device)
    leaves = _leaves(case, {"input": probe.input, **probe.states}) | dict(module.named_parameters())
    pack = packer(case, probe.input.device)

    def call(given: Mapping[str, Tensor]) -> Results:
        states = probe.states_among(given)
        # oneDNN warns that it knows no projection
        with warnings.catch_warnings(action="ignore") if case.rnn.proj_size else contextlib.nullcontext():
            return named_results(case, *module(pack(given["input"]), states))

    return Side(case.cell.layer, call, leaves, probe, case.returns)


def named_results(case: Case, output: Sequence | None, states: Any) -> Results:
    """Return what a layer or a candidate returned, by name."""
    return {"output": output, **dict(zip_longest(case.cell.final, states if isinstance(states, tuple) else (states,)))}


def candidate_side(candidate: Canonical, case: Case, probe: Probe) -> Side:
    """Return a candidate with copies of the probe's weights."""
    pack = packer(case, probe.input.device)

    def call(given: Mapping[str, Tensor]) -> Results:
        parameters = {name: given[name] for name in probe.parameters}
        states = probe.states_among(given)
        with differentiable(case.run, probe.input.device):
            return named_results(case, *candidate(pack(given["input"]), states, parameters, case))

    return Side(case.target or str(case.candidate), call, _leaves(case, probe.leaves), probe, case.returns)


def evaluate(side: Side, case: Case, plain: bool = False) -> Values:
    """Return every value the side computes, and what can be said of it without a comparison.

    torch's default dtype follows the probe's in float64, so that a buffer made without a dtype is float64 too; `plain`
    leaves the default at float32. The generator that dropout draws from is seeded first, so that every side that draws
    in nn.RNN's order draws its masks.
    """
    seed_dropout(side.leaves["input"].device, case.run.seed)
    with torch.set_grad_enabled(case.run.gradients), default_dtype(torch.float32 if plain else side.probe.input.dtype):
        given = side.copies()
        found = side.call(given)
        wrong_packing = _wrong_packing(case, found["output"])
        if not wrong_packing:
            found["output"] = _in_row_order(case, found["output"])
        returned = returned_values(found)
        tensors = {name: returned[name].detach().clone() if name in returned else None for name in found}
        gradients, refusal = _backward(side, returned) if case.run.gradients else ({}, None)
    findings = {name: _not_returned(name) for name in found if name not in returned}
    if wrong_packing:
        findings["output"] = Finding(Verdict.MISMATCH, Cause.PACKING, wrong_packing)
    for name, gradient in gradients.items():
        tensors[f"grad {name}"] = gradient
        if refusal:
            findings[f"grad {name}"] = refusal
    for name, before in side.probe.leaves.items():
        if not torch.equal(given[name].detach(), before):
            is_state = name in case.cell.initial
            tensor = f"grad {name}" if case.run.gradients else name.replace("_0", "_n") if is_state else "output"
            reason = f"{name} is overwritten: the caller's tensor is changed"
            findings[tensor] = Finding(Verdict.MISMATCH, H0_MUTATED if is_state else Cause.INPUT_MUTATED, reason)
    return Values(tensors, findings, {name: value.detach() for name, value in returned.items()})


def _not_returned(name: str) -> Finding:
    what = "the states of every step" if name == "output" else "it"
    return Finding(Verdict.NOT_COMPARABLE, Cause.NOT_CLAIMED, f"the candidate does not return {what}")


def values_of(sequence: Sequence) -> Tensor:
    """Return the tensor itself, or the `.data` of a PackedSequence."""
    return sequence.data if isinstance(sequence, PackedSequence) else sequence


def returned_values(results: Results) -> dict[str, Tensor]:
    """Return the values of those results that are there."""
    return {name: values_of(value) for name, value in results.items() if value is not None}


def _backward(side: Side, returned: Mapping[str, Tensor]) -> tuple[Mapping[str, Tensor | None], Finding | None]:
    none = dict.fromkeys(side.leaves)
    for name, value in returned.items():
        cotangent = side.probe.cotangents[name]
        if (value.shape, value.dtype, value.device) != (cotangent.shape, cotangent.dtype, cotangent.device):
            reason = f"not run: {name} does not have the form of nn.RNN's"
            return none, Finding(Verdict.NOT_COMPARABLE, Cause.NOT_RUN, reason)
    if not any(value.requires_grad for value in returned.values()):
        return none, None
    try:
        return side.gradients(returned), None
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        reason = what_backward_raises(error)
        cause = cause_of_raise(reason)
        reason += _saved_at(side) if cause == BACKWARD_BREAKS else ""
        return none, Finding(Verdict.MISMATCH, cause, reason)


def what_backward_raises(error: Exception) -> str:
    """Return the reason of an error that autograd raised, or a backward that the candidate wrote."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    what = described(error).partition(" Hint: ")[0].removesuffix(".")
    autograds = any(Path(last.filename).is_relative_to(folder) for folder in (OURS, TORCHS))
    autograds = autograds or "saved_tensors" in (last.line or "")
    return f"{'' if type(error) is RuntimeError and autograds else ITS_OWN}backward raises {what}"


def cause_of_raise(reason: str) -> str:
    """Return the cause of what a backward raises, which torch tells in words alone."""
    if reason.startswith(ITS_OWN):
        return Cause.RAISES
    known = {"inplace operation": BACKWARD_BREAKS, "does not require grad": Cause.NO_GRADIENT}
    return next((cause for words, cause in known.items() if words in reason), Cause.RAISES)


def _saved_at(side: Side) -> str:
    """Return the candidate's line whose values backward no longer finds, as autograd tells in a further run."""
    with warnings.catch_warnings(record=True) as said, torch.autograd.set_detect_anomaly(True, check_nan=False):
        warnings.simplefilter("always")
        with contextlib.suppress(Exception):
            side.forward_backward()
    trace = "".join(str(warning.message) for warning in said)
    places = re.findall(r'File "([^"]+)", line (\d+), in .*\n +(.*)', trace)
    calling = max((at for at, place in enumerate(places) if Path(place[0]).is_relative_to(OURS)), default=len(places))
    own = [place for place in places[calling + 1 :] if not Path(place[0]).is_relative_to(TORCHS)]
    if not own:
        return ""
    path, line, code = own[-1]
    return f". It was saved for backward at {Path(path).name}:{line}: {code.strip()}"


def _wrong_packing(case: Case, output: Sequence | None) -> str | None:
    if output is None:
        return None
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


def _in_row_order(case: Case, output: Sequence | None) -> Tensor | None:
    """Return the values, those of a PackedSequence in the order of the input's rows, in whatever order it is sorted."""
    if not isinstance(output, PackedSequence):
        return output
    if output.sorted_indices is None or torch.equal(output.sorted_indices.cpu(), packing(case)[1]):
        return output.data
    padded, _ = pad_packed_sequence(output)  # (L, N, D*H_out), in the caller's order
    return padded[rows_of(case, padded.device)]


def _leaves(case: Case, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().clone().requires_grad_(case.run.gradients) for name, value in values.items()}


def same_results(values: Values, others: Values) -> bool:
    """Return whether two calls returned the same tensors, dtype included, to rounding."""
    returned = [name for name in values.tensors if not name.startswith("grad ")]
    return all(_same(values.tensors[name], others.tensors[name]) for name in returned)


def _same(one: Tensor | None, other: Tensor | None) -> bool:
    if one is None or other is None:
        return one is other
    if (one.shape, one.dtype) != (other.shape, other.dtype):
        return False
    return not (has_values(one) and has_values(other)) or torch.allclose(one, other, 1e-9, 1e-12, equal_nan=True)
