"""Which mistake a wrong candidate makes: the faults of the catalogue, and pairs of them, held against what it computes.

A fault of values is named only where torch's layer with that fault gives the candidate's own values, in float64, on
more than one probe, one of them with equal sizes; the others by what they do. Where nothing reproduces the candidate,
what is known is told: which tensors, from where on, and which arguments make it go away.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache
from itertools import chain, combinations, islice
from typing import Any

import torch
from torch import Tensor

from rnncli.candidate.load import Canonical
from rnncli.core.case import Case, Changes, altered, as_flags, changed_by
from rnncli.core.causes import BACKWARD_BREAKS, DOWNCAST, FURTHER_CALLS, H0_MUTATED, LEAK, UNEXPLAINED, Cause
from rnncli.core.errors import CandidateError
from rnncli.core.records import Check, Diagnosis, Verdict
from rnncli.faults.catalogue import CATALOGUES, named
from rnncli.faults.fault import Need
from rnncli.faults.trial import Trial
from rnncli.numerics.probe import Probe, draw, equal_sizes, in_layout, results, time_first
from rnncli.verdict.evaluate import Candidate, Values, as_candidate, same_results
from rnncli.verdict.problem import Problem
from rnncli.verdict.stage import is_wrong, stage_checks

SIZES = {"input_size": 8, "hidden_size": 9}  # with 7 steps of 5 sequences, pairwise distinct, D*num_layers too
MOST_LAYERS = 3
SIMPLEST = {"rnn.num_layers": 1, "rnn.bidirectional": False, "rnn.bias": False, "rnn.nonlinearity": "tanh"}
SIMPLEST |= {"rnn.batch_first": False, "input.layout": "batched", "input.h_0": "omitted", "run.train": False}
SIMPLEST |= {"input.seq_len": 1, "rnn.proj_size": 0}
_LOOK_AT_AXIS = {"L": "steps output holds, the first and the last", "D*H_out": "features each step of output holds"}
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
            return (named(id, wrong[id].reason or "", case),)
    if Cause.DEVICE in wrong:
        return (named("device-hardcoded", f"{wrong[Cause.DEVICE].tensor}: {wrong[Cause.DEVICE].reason}", case),)
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
        return (replace(named("batch-mixed", mixed, case), fix=fix, equations=None),)  # it may be mixed in another way
    return (_what_is_known(case, device, candidate, checks, trials[0]),)


def _reproduced(
    case: Case, candidate: Candidate, trials: Sequence[Trial], ids: tuple[str, ...], distance: float, repair: bool
) -> tuple[Diagnosis, ...]:
    names = " and ".join(f"`{id}`" for id in ids)
    exactly = f"to {distance:.0e}" if distance else "bit for bit"
    evidence = f"the candidate equals {case.cell.layer} with {names}, {exactly}, on {len(trials)} probes"
    told = [named(id, evidence, case) for id in ids]
    with suppress(CandidateError):
        tried = [(trial.case, trial.probe) for trial in trials]
        for n, edit in enumerate(candidate.repaired(case, ids, tried) if repair else []):
            told[n] = replace(told[n], at=edit[0], change=edit[1]) if edit else told[n]
    return tuple(told)


def _in_float64(values: Values | None) -> bool:
    returned = [values.tensors[name] for name in ("output", "h_n")] if values else []
    return any(value is not None and value.dtype == torch.float64 for value in returned)


def _small(case: Case) -> Case:
    given: dict[str, Any] = {"seq_len": 7, "batch_size": 5, "lengths": None}
    given |= {"h_0": "random"} if case.input.h_0 == "zeros" else {}
    rnn = {**SIZES, "num_layers": min(case.rnn.num_layers, MOST_LAYERS), "proj_size": min(case.rnn.proj_size, 4)}
    return altered(case, rnn=rnn, input=given, run={"weight_scale": 1.0, "dtype": "float64"})


def _forward_alone(case: Case, device: torch.device) -> tuple[Case, Probe]:
    small = altered(_small(case), run={"gradients": False, "train": False})
    return small, draw(small, 1).to(torch.float64, device)


def _unwritten(case: Case, device: torch.device, candidate: Candidate) -> Diagnosis | None:
    with suppress(CandidateError):
        if name := candidate.unwritten(*_forward_alone(case, device)):
            evidence = f"{name} holds memory of torch.empty that nothing is written to"
            return Diagnosis(id=UNEXPLAINED, evidence=evidence, fix="write every element of it")
    return None


def _leaks(case: Case, device: torch.device, candidate: Candidate) -> str | None:
    """Return how two calls with the same values differ, by something that is kept; None where they do not."""
    small, probe = _forward_alone(case, device)
    with suppress(CandidateError):
        first, second = (candidate.evaluate(small, probe).tensors for _ in range(2))
        for name in ("output", "h_n"):
            one, other = first[name], second[name]
            if one is not None and other is not None and one.shape == other.shape and not _close(one, other):
                return f"called again with the same input, {name} differs ({LEAK})"
    return None


def _draws(case: Case, device: torch.device, candidate: Candidate) -> bool:
    """Return whether two calls with the same values and other seeds differ: something in it is random."""
    small, probe = _forward_alone(case, device)
    with suppress(CandidateError):
        one, other = (candidate.evaluate(altered(small, run={"seed": seed}), probe) for seed in (1, 2))
        return not same_results(one, other)
    return False


def _mixes_the_batch(case: Case, device: torch.device, candidate: Candidate) -> str | None:
    """Return what moves in other sequences when one of a batch changes; None where nothing does."""
    if case.input.layout == "unbatched" or case.input.batch_size < 2:
        return None
    small, probe = _forward_alone(case, device)

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
        if any(not _close(before[name], again[name]) for name in before):
            return None  # it depends on the call
        for which, changed, others in (("first", 0, slice(1, None)), ("last", -1, slice(None, -1))):
            after = computed(with_another(changed))
            for name in before.keys() & after.keys():
                if not _close(before[name][:, others], after[name][:, others]):
                    return f"when the {which} sequence of the batch changes, {name} of the others changes too"
    return None


def _close(one: Tensor, other: Tensor) -> bool:
    return torch.allclose(one, other, rtol=1e-9, atol=1e-12, equal_nan=True)


def _trials(case: Case, device: torch.device, candidate: Candidate, dtype: str) -> list[Trial]:
    """Try the case at small sizes, twice, and at equal sizes; with the arguments, layout and mode it has."""

    def trial(case: Case, attempt: int) -> Trial:
        probe = draw(case, attempt).to(getattr(torch, dtype), device)
        with suppress(CandidateError):
            return Trial(case, probe, candidate.evaluate(case, probe))
        return Trial(case, probe, None)

    small = altered(_small(case), run={"dtype": dtype})
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
    catalogue, found_otherwise = CATALOGUES[last.case.rnn.cell], (*BY_CAUSE, "device-hardcoded")
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


def _what_is_known(
    case: Case, device: torch.device, candidate: Candidate, checks: Sequence[Check], trial: Trial
) -> Diagnosis:
    wrong = [check for check in checks if check.verdict == Verdict.MISMATCH]
    right = [check.tensor for check in checks if check.verdict == Verdict.MATCH and check.stage == wrong[0].stage]
    names = list(dict.fromkeys(check.tensor for check in wrong))
    said = [f"no fault of the catalogue, and no two of them, give its values; wrong: {', '.join(names[:6])}"]
    where = "one step computes, h_0 first"
    first = next((check.first_divergence for check in wrong if check.tensor == "output"), None)
    if first is not None and first.time and first.direction == "forward":
        where = f"step {first.time} does otherwise than those before it"
    if _draws(case, device, candidate):
        said.append("with another seed it gives other values")
        where = "draws at random: dropout or noise that is always on, or weights of its own"
    found, fix = _by_values_elsewhere(case, trial, names)
    said += found
    if fix:
        return Diagnosis(id=UNEXPLAINED, evidence="; ".join(said), fix=fix)
    if all(name.startswith("grad ") for name in names):
        said.append("the forward is right, gradients alone are wrong")
        where = "autograd follows: a backward of its own, detach(), .data, no_grad(), terms that add 0 to the forward"
    elif shapeless := [check for check in wrong if check.tensor == "output" and check.max_abs_error is None]:
        said.append(f"of output: {shapeless[0].reason or 'no value'}")
        axis = trial.axis_of_another_size()
        where = _LOOK_AT_AXIS.get(axis, "axes the steps of output are stacked along, and its directions joined along")
        if shapeless[0].cause == Cause.NOT_FINITE:
            where = "is not finite: a division by 0, a logarithm or a root of 0 or less, an exp that overflows"
    elif "output" in right and any(check.tensor == "h_n" and check.cause not in FURTHER_CALLS for check in wrong):
        said.append("output is right: it is the step that h_n comes from, its form or its order")
        where = "h_n is made from: which step of which layer and direction, in which order"
    if first is not None and first.time is not None:
        said.append(f"output is wrong from step {first.time} of the {first.direction} direction on")
    reason = wrong[0].reason  # none where the error of the working dtype alone is too large
    right_where_small = reason is not None and _is_right(_small(case), device, candidate)
    if reason is not None and (right_where_small or wrong[0].cause in {*FURTHER_CALLS, Cause.RAISES}):
        fix = "look at what the candidate does in that call alone"
        if right_where_small and not _is_right(case, device, candidate):
            smallest = 1 in (case.input.seq_len, case.input.batch_size)
            said.append(f"right at {'other' if smallest else 'smaller'} sizes")
            fix = "look at what depends on the sizes, or on how large values become"
        return Diagnosis(id=UNEXPLAINED, evidence="; ".join([*said, reason]), fix=fix)
    if layer := trial.first_wrong_layer():
        said.append(f"h_n of layer {layer - 1} is right, that of layer {layer} is wrong")
        fix = f"look at what layer {layer} does otherwise than the one below it"
        return Diagnosis(id=UNEXPLAINED, evidence="; ".join(said), fix=fix)
    gone = [as_flags(changes) for changes in _simpler(case) if _is_right_with(changes, case, device, candidate)]
    said.append(f"right with {', or with '.join(gone)}" if gone else "no single simpler argument makes it right")
    fix = "look at what " + (gone[0] + " takes out of the computation" if gone else where)
    return Diagnosis(id=UNEXPLAINED, evidence="; ".join(said), fix=fix)


def _by_values_elsewhere(case: Case, trial: Trial, wrong: list[str]) -> tuple[list[str], str]:
    """Return where torch's values stand, if in other axes, in another result or added up, and the fix; "" if none."""
    exchanged = trial.in_other_axes()
    said = [f"{name} has {case.cell.layer}'s values as ({', '.join(seen)})" for name, (seen, _) in exchanged.items()]
    if exchanged and all(name in exchanged or name.startswith("grad ") for name in wrong):
        return said, "; ".join(f"return {name} as ({', '.join(axes)})" for name, (_, axes) in exchanged.items())
    if others := trial.in_place_of_others():
        said += [f"{name} has the values of {case.cell.layer}'s {other}" for name, other in others.items()]
        return said, f"return {', '.join(results(case))}, in this order"
    if ignored := trial.argument_without_effect():
        said.append(f"output is what it is without {ignored}: the argument has no effect")
        return said, f"run as many {'layers' if ignored == 'num_layers' else 'directions'} as {ignored} says"
    if made := trial.directions_made_one():
        said.append(f"output is {made} of its two directions")
        return said, "join both directions: torch.cat([forward, reverse], -1)"
    return said, ""


def _simpler(case: Case) -> Iterator[Changes]:
    for leaf, simplest in SIMPLEST.items():
        section, name = leaf.split(".")
        if getattr(getattr(_small(case), section), name) != simplest:
            yield {leaf: simplest}


def _is_right_with(changes: Changes, case: Case, device: torch.device, candidate: Candidate) -> bool:
    """Return whether a candidate is right in a case that is changed: in a small one first, which costs little."""
    changed = (changed_by(one, changes) for one in (_small(case), case))
    return all(one is not None and _is_right(one, device, candidate) for one in changed)


def _is_right(case: Case, device: torch.device, candidate: Candidate) -> bool:
    """Return whether a candidate is right in two calls: one that keeps something may be right in the first alone."""
    try:
        draws = (Problem(case, device, probe=draw(case, attempt)) for attempt in (0, 1))
        return not any(is_wrong(stage_checks(problem, "algorithm", candidate)) for problem in draws)
    except CandidateError:
        return False
