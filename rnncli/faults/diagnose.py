"""Which mistake a wrong candidate makes: the faults of the catalogue, and pairs of them, held against what it computes.

A fault of values is named only where torch's layer with that fault gives the candidate's own values, in float64, on
more than one probe, one of them with equal sizes; the others by what they do. Where nothing reproduces the candidate,
`unexplained` tells what is known: which tensors, from where on, and which arguments make it go away.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache
from itertools import chain, combinations, islice

import torch
from torch import Tensor

from rnncli.candidate.load import Canonical
from rnncli.core.case import Case, altered
from rnncli.core.causes import BACKWARD_BREAKS, DEVICE_HARDCODED, DOWNCAST, H0_MUTATED, LEAK, UNEXPLAINED, Cause
from rnncli.core.errors import CandidateError
from rnncli.core.records import Check, Diagnosis, Verdict
from rnncli.faults.catalogue import CATALOGUES, named
from rnncli.faults.fault import Need
from rnncli.faults.trial import Trial, close, forward_alone, small_case
from rnncli.faults.unexplained import Unexplained
from rnncli.numerics.probe import Probe, draw, equal_sizes, in_layout, time_first
from rnncli.verdict.evaluate import Candidate, Change, Values, as_candidate
from rnncli.verdict.stage import is_wrong

_ORDER = "gates-in-another-order:"
BY_CAUSE = (H0_MUTATED, BACKWARD_BREAKS, LEAK, DOWNCAST)  # found by what they do, and told by a check


def diagnosed(
    case: Case, device: torch.device, candidate: Candidate | Canonical, checks: Sequence[Check], repair: bool = False
) -> tuple[Diagnosis, ...]:
    """Return the faults that explain the mismatches among the checks of a case; none where there is no mismatch.

    `repair`: whether a change to the candidate's file is looked for that fixes it, which may take seconds.
    """
    if not is_wrong(checks):
        return ()
    candidate = as_candidate(candidate)
    wrong = {check.cause: check for check in reversed(checks) if check.verdict == Verdict.MISMATCH}
    if Cause.INPUT_MUTATED in wrong and wrong.keys() <= {Cause.INPUT_MUTATED, BACKWARD_BREAKS}:
        said = wrong[Cause.INPUT_MUTATED].reason or ""  # nothing else is wrong: a backward breaks by it
        return (Diagnosis(id=UNEXPLAINED, evidence=said, fix="write into a copy, as of x = x.clone()"),)
    if unwritten := _unwritten(case, device, candidate):
        return (unwritten,)
    for id in BY_CAUSE:
        if id in wrong:
            others = _of_values(case, device, candidate, checks, id, repair)
            return (named(id, wrong[id].reason or "", case), *others)
    if Cause.DEVICE in wrong:
        return (named(DEVICE_HARDCODED, f"{wrong[Cause.DEVICE].tensor}: {wrong[Cause.DEVICE].reason}", case),)
    if leak := _leaks(case, device, candidate):
        return (named(LEAK, leak, case),)
    trials = _trials(case, device, candidate, "float64")
    if not any(_in_float64(trial.values) for trial in trials):  # it casts by itself
        in_float32 = _trials(case, device, candidate, "float32")
        trials = in_float32 if any(trial.values for trial in in_float32) else trials
    right = _on_all(trials, ()) is not None  # what is wrong is no equation
    if found := None if right else _reproducing(trials):
        return _reproduced(case, candidate, trials, *found, repair)
    if mixed := _mixes_the_batch(case, device, candidate):
        fix = "let each sequence be read alone: look at the axis of every view, flip, index, mean and product"
        told = replace(named("batch-mixed", mixed, case), fix=fix, equations=None)  # it may be mixed in another way
    else:
        told = Unexplained(case, device, candidate, checks, trials[0]).diagnosis()
    (changed,) = _with_changes(case, candidate, trials, (told,)) if repair else (told,)
    if changed.change:
        evidence = f"with the change it equals {case.cell.layer}, on {len(trials)} probes; {told.evidence}"
        return (replace(changed, evidence=evidence, fix="change the lines as shown"),)
    return (told,)


def _of_values(
    case: Case, device: torch.device, candidate: Candidate, checks: Sequence[Check], id: str, repair: bool
) -> tuple[Diagnosis, ...]:
    """Return what explains wrong values of the forward beside a state that is overwritten or a backward that breaks."""
    others = [check for check in checks if check.cause != id]
    forward = [check for check in others if not check.tensor.startswith("grad ")]
    if id not in (H0_MUTATED, BACKWARD_BREAKS) or not is_wrong(forward):
        return ()
    if id == BACKWARD_BREAKS:
        case, others = altered(case, run={"gradients": False}), forward
    return diagnosed(case, device, candidate, others, repair)


def _reproduced(
    case: Case, candidate: Candidate, trials: Sequence[Trial], ids: tuple[str, ...], distance: float, repair: bool
) -> tuple[Diagnosis, ...]:
    order = next((id for id in ids if candidate.order_is_assumed and id.startswith(_ORDER)), None)
    others = tuple(id for id in ids if id != order)
    ids = others or ids  # beside another fault, an order of its own is none
    names = " and ".join(f"`{id}`" for id in ids)
    names += f", its rows in the order {order.removeprefix(_ORDER)}" if order and others else ""
    exactly = f"to {distance:.0e}" if distance else "bit for bit"
    evidence = f"the candidate equals {case.cell.layer} with {names}, {exactly}, on {len(trials)} probes"
    told = tuple(named(id, evidence, case) for id in ids)
    return _with_changes(case, candidate, trials, told, ids) if repair else told


def _with_changes(
    case: Case,
    candidate: Candidate,
    trials: Sequence[Trial],
    told: tuple[Diagnosis, ...],
    ids: Sequence[str] = (),
) -> tuple[Diagnosis, ...]:
    """Return what is told with the change to the candidate's file that fixes it, where one is found.

    `ids`: of the faults, as they are planted.
    """
    with suppress(CandidateError):
        ids = ids or [one.id for one in told]
        found = candidate.repaired(case, ids, [(trial.case, trial.probe) for trial in trials])
        return tuple(_with_change(one, edit, found.index(edit), told) for one, edit in zip(told, found, strict=True))
    return told


def _with_change(one: Diagnosis, edit: Change | None, first: int, told: tuple[Diagnosis, ...]) -> Diagnosis:
    """Return a diagnosis with its change, or in words that the change of an earlier one fixes it too."""
    if edit and told[first] is not one:
        return replace(one, equations=None, fix=f"the change shown for {told[first].id} fixes it too")
    return replace(one, at=edit[0], change=edit[1]) if edit else one


def _in_float64(values: Values | None) -> bool:
    returned = [values.tensors[name] for name in ("output", "h_n")] if values else []
    return any(value is not None and value.dtype == torch.float64 for value in returned)


def _unwritten(case: Case, device: torch.device, candidate: Candidate) -> Diagnosis | None:
    with suppress(CandidateError):
        if name := candidate.unwritten(*forward_alone(case, device)):
            evidence = f"{name} holds memory of torch.empty that nothing is written to"
            return Diagnosis(id=UNEXPLAINED, evidence=evidence, fix="write every element of it")
    return None


def _leaks(case: Case, device: torch.device, candidate: Candidate) -> str | None:
    """Return how two calls with the same values differ, by something that is kept; None where they do not."""
    small, probe = forward_alone(case, device)
    with suppress(CandidateError):
        first, second = (candidate.evaluate(small, probe).tensors for _ in range(2))
        for name in ("output", "h_n"):
            one, other = first[name], second[name]
            if one is not None and other is not None and one.shape == other.shape and not close(one, other):
                return f"called again with the same input, {name} differs ({LEAK})"
    return None


def _mixes_the_batch(case: Case, device: torch.device, candidate: Candidate) -> str | None:
    """Return what moves in other sequences when one of a batch changes; None where nothing does."""
    if case.input.layout == "unbatched" or case.input.batch_size < 2:
        return None
    small, probe = forward_alone(case, device)

    def computed(probe: Probe) -> dict[str, Tensor]:
        """Return output and h_n with the batch on the second axis."""
        tensors, cotangents = candidate.evaluate(small, probe).tensors, probe.cotangents
        whole = {name: tensors[name] for name in ("output", "h_n")}
        found = {name: v for name, v in whole.items() if v is not None and v.shape == cotangents[name].shape}
        return {name: time_first(small, value) if name == "output" else value for name, value in found.items()}

    def with_another(sequence: int) -> Probe:
        def change(name: str, value: Tensor) -> Tensor:
            whole = name in ("input", "output")
            changed = time_first(small, value).clone() if whole else value.clone()
            changed[:, sequence] += 1.0
            return in_layout(small, changed) if whole else changed

        return probe.changed(change)

    with suppress(CandidateError):
        before, again = computed(probe), computed(probe)
        if any(not close(before[name], again[name]) for name in before):
            return None  # it depends on the call
        for which, changed, others in (("first", 0, slice(1, None)), ("last", -1, slice(None, -1))):
            after = computed(with_another(changed))
            for name in before.keys() & after.keys():
                if not close(before[name][:, others], after[name][:, others]):
                    return f"when the {which} sequence of the batch changes, {name} of the others changes too"
    return None


def _trials(case: Case, device: torch.device, candidate: Candidate, dtype: str) -> list[Trial]:
    """Try the case at small sizes, twice, and at equal sizes; with the arguments, layout and mode it has."""

    def trial(case: Case, attempt: int) -> Trial:
        probe = draw(case, attempt).to(getattr(torch, dtype), device)
        with suppress(CandidateError):
            return Trial(case, probe, candidate.evaluate(case, probe))
        return Trial(case, probe, None)

    small = altered(small_case(case), run={"dtype": dtype})
    first = trial(small, 1)
    if first.values is None:  # it takes its own sizes alone
        own = altered(case, run={"weight_scale": min(1.0, case.run.weight_scale), "dtype": dtype})
        of_own_sizes = trial(own, 1)
        small, first = (own, of_own_sizes) if of_own_sizes.values is not None else (small, first)
    equal = (trial(equal, 3) for equal in equal_sizes(small))
    return [first, trial(small, 2), *islice((trial for trial in equal if trial.values is not None), 1)]


def _reproducing(trials: Sequence[Trial]) -> tuple[tuple[str, ...], float] | None:
    """Return the fault, else the two, with which torch's layer gives the values of every trial, and how nearly."""
    if len(trials) < 2 or not any(trial.values for trial in trials):
        return None
    last = trials[-1]  # the smallest: its forward alone tells nearly all
    catalogue, found_otherwise = CATALOGUES[last.case.rnn.cell], (*BY_CAUSE, DEVICE_HARDCODED)
    possible = [
        fault
        for id, fault in catalogue.items()
        if id not in found_otherwise and not any(fault.unmet(trial.case) for trial in trials)
    ]
    alone, paired = ([id for fault in possible for id in fault.as_written(rare)] for rare in (True, False))
    explains_forward = cache(replace(last, case=altered(last.case, run={"gradients": False})).is_explained_by)
    for ids in chain(combinations(alone, 1), combinations(paired, 2) if last.values else ()):
        seen = tuple(id for id in ids if Need.GRADIENTS not in catalogue[id.partition(":")[0]].seen_with)
        if last.values and not explains_forward(seen):
            continue
        if (distance := _on_all(trials, ids)) is not None:
            return ids, distance
    return None


def _on_all(trials: Sequence[Trial], ids: Sequence[str]) -> float | None:
    farthest = 0.0
    for trial in trials:
        if (distance := trial.distance(ids)) is None:
            return None
        farthest = max(farthest, distance)
    return farthest
