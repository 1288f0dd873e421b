"""Which mistake a wrong candidate makes: the faults of the catalogue, and pairs of them, held against what it computes.

A fault of values is named only where nn.RNN with that fault gives the candidate's own values, in float64, on more than
one probe, one of them with equal sizes; the others by what they do. Where nothing reproduces the candidate, what is
known is told: which tensors, from where on, and which arguments make it go away.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import torch

from rnncli.candidate.load import canonical
from rnncli.case import Case, Changes, altered, as_flags, changed_by
from rnncli.catalogue import CATALOGUE
from rnncli.errors import CandidateError
from rnncli.parity.evaluate import Candidate, Values, values_by
from rnncli.parity.faults import plant
from rnncli.parity.judge import Judge, is_wrong
from rnncli.parity.probe import Probe, draw, equal_sizes
from rnncli.records import Check, Diagnosis, Verdict

SAME = 1e-9  # of a tensor's largest value: a few steps in float64
SIZES = {"input_size": 8, "hidden_size": 9}  # with 7 steps of 5 sequences, pairwise distinct, D*num_layers too
MOST_LAYERS = 3
UNEXPLAINED = "unexplained"
EVIDENCE = {  # what a check says of faults that are found by what they do
    "backward-breaks": "backward raises",
    "h0-mutated": "h_0 is overwritten",
    "state-leaks-between-calls": "(state-leaks-between-calls)",
    "downcast-float32": "(downcast-float32)",
}


@dataclass(frozen=True)
class Trial:
    """A small case with a probe, and what the candidate computes on it; None where it raises."""

    case: Case
    probe: Probe
    values: Values | None

    def distance(self, ids: Sequence[str], forward_alone: bool = False) -> float | None:
        """How far the candidate is from nn.RNN with these faults, of the largest value; None where in another form."""
        case = altered(self.case, run={"gradients": False}) if forward_alone else self.case
        try:
            planted = values_by(canonical("planted", plant(*ids)), case, self.probe)
        except CandidateError:
            return 0.0 if self.values is None else None
        return None if self.values is None else _distance(self.values, planted)


def diagnosed(case: Case, device: torch.device, candidate: Candidate, checks: Sequence[Check]) -> tuple[Diagnosis, ...]:
    """What explains the mismatches of a candidate, the checks of a case; empty where there are none."""
    if not is_wrong(tuple(checks)):
        return ()
    by_conduct = tuple(_by_what_it_does(checks))
    if by_conduct:
        return by_conduct
    trials = list(_trials(case, device, candidate))
    right = _on_all(trials, ()) is not None  # what is wrong is no equation
    found = None if right else _single(trials) or _pair(trials)
    if found:
        ids, distance = found
        names = " and ".join(f"`{id}`" for id in ids)
        exactly = f"to {distance:.0e}" if distance else "bit for bit"
        evidence = f"the candidate equals nn.RNN with {names}, {exactly}, on {len(trials)} probes"
        return tuple(Diagnosis(id=id, evidence=evidence, fix=CATALOGUE[id].fix) for id in ids)
    return (_what_is_known(case, device, candidate, checks),)


def _by_what_it_does(checks: Sequence[Check]) -> Iterator[Diagnosis]:
    for id, said in EVIDENCE.items():
        reason = next(
            (check.reason for check in checks if check.verdict == Verdict.MISMATCH and said in (check.reason or "")),
            None,
        )
        if reason:
            yield Diagnosis(id=id, evidence=reason, fix=CATALOGUE[id].fix)
            return


# -- faults of values --------------------------------------------------------------------------------------------------


def _trials(case: Case, device: torch.device, candidate: Candidate) -> Iterator[Trial]:
    """The case at small sizes, twice, and at equal sizes; with the arguments, layout and mode it has."""
    small = _small(case)
    first = _trial(small, draw(small, 1), device, candidate)
    if first.values is None:  # it takes its own sizes alone
        own = altered(case, run={"weight_scale": min(1.0, case.run.weight_scale)})
        of_own_sizes = _trial(own, draw(own, 1), device, candidate)
        if of_own_sizes.values is not None:
            small, first = own, of_own_sizes
    yield first
    yield _trial(small, draw(small, 2), device, candidate)
    equals = (_trial(equal, draw(equal, 3), device, candidate) for equal in equal_sizes(small))
    last = next((trial for trial in equals if trial.values is not None), None)
    if last is not None:
        yield last


def _trial(case: Case, probe: Probe, device: torch.device, candidate: Candidate) -> Trial:
    probe = probe.to(torch.float64, device)
    try:
        return Trial(case, probe, values_by(candidate, case, probe))
    except CandidateError:
        return Trial(case, probe, None)


def _small(case: Case) -> Case:
    given: dict[str, Any] = {"seq_len": 7, "batch_size": 5, "lengths": None}
    given |= {"h_0": "random"} if case.input.h_0 == "zeros" else {}
    rnn = {**SIZES, "num_layers": min(case.rnn.num_layers, MOST_LAYERS)}
    return altered(case, rnn=rnn, input=given, run={"weight_scale": 1.0, "dtype": "float64"})


def _possible(trials: Sequence[Trial]) -> list[str]:
    return [
        id
        for id, fault in CATALOGUE.items()
        if id not in EVIDENCE
        and id != "device-hardcoded"
        and all(fault.applies(trial.case) is None for trial in trials)
    ]


def _single(trials: Sequence[Trial]) -> tuple[tuple[str, ...], float] | None:
    """The fault that reproduces the candidate on every probe."""
    if len(trials) < 2 or not any(trial.values for trial in trials):
        return None
    for id in _possible(trials):
        if (distance := _on_all(trials, (id,))) is not None:
            return (id,), distance
    return None


def _pair(trials: Sequence[Trial]) -> tuple[tuple[str, ...], float] | None:
    """Two faults that reproduce it together. Pairs are first held against the last, smallest probe, forward alone."""
    if len(trials) < 2 or trials[-1].values is None:
        return None
    last = trials[-1]
    for ids in combinations(_possible(trials), 2):
        near = last.distance(ids, forward_alone=True)
        if near is not None and near <= SAME and (distance := _on_all(trials, ids)) is not None:
            return ids, distance
    return None


def _on_all(trials: Sequence[Trial], ids: Sequence[str]) -> float | None:
    farthest = 0.0
    for trial in trials:
        distance = trial.distance(ids)
        if distance is None or distance > SAME:
            return None
        farthest = max(farthest, distance)
    return farthest


def _distance(values: Values, planted: Values) -> float | None:
    """The largest difference of any tensor, of its largest value; None where one side has what the other has not."""
    farthest = 0.0
    for name, expected in planted.tensors.items():
        actual = values.tensors.get(name)
        claimed = values.findings.get(name, (Verdict.MATCH, ""))[0] != Verdict.NOT_COMPARABLE
        if not claimed:
            continue
        if actual is None or expected is None:
            if actual is not expected:
                return None
            continue
        if actual.shape != expected.shape:
            return None
        scale = expected.abs().max().item() or 1.0
        difference = (actual.double() - expected.double()).abs().max().item() / scale
        if not difference <= SAME:
            return None
        farthest = max(farthest, difference)
    return farthest


# -- what is known without a name --------------------------------------------------------------------------------------


def _what_is_known(case: Case, device: torch.device, candidate: Candidate, checks: Sequence[Check]) -> Diagnosis:
    wrong = [check for check in checks if check.verdict == Verdict.MISMATCH]
    right = [check.tensor for check in checks if check.verdict == Verdict.MATCH and check.stage == wrong[0].stage]
    names = list(dict.fromkeys(check.tensor for check in wrong))
    said = [f"no fault of the catalogue, and no two of them, give its values; wrong: {', '.join(names[:6])}"]
    if all(name.startswith("grad ") for name in names):
        said.append("the forward is right, gradients alone are wrong")
    elif names == ["h_n"] or ("output" in right and "h_n" in names):
        said.append("output is right: it is h_n's form or order")
    first = next((check.first_divergence for check in wrong if check.tensor == "output"), None)
    if first is not None and first.time is not None:
        said.append(f"output is wrong from step {first.time} of the {first.direction} direction on")
    gone = [as_flags(changes) for changes in _simpler(case) if _is_right(case, changes, device, candidate)]
    said.append(f"right with {', or with '.join(gone)}" if gone else "no simpler arguments make it right")
    fix = "look at what " + (gone[0] + " takes out of the computation" if gone else "one step computes, h_0 first")
    return Diagnosis(id=UNEXPLAINED, evidence="; ".join(said), fix=fix)


def _simpler(case: Case) -> Iterator[Changes]:
    """Changes that each take one thing out of the computation."""
    small = _small(case)
    rnn, given, run = small.rnn, small.input, small.run
    changes: list[tuple[bool, Changes]] = [
        (rnn.num_layers > 1, {"rnn.num_layers": 1}),
        (rnn.bidirectional, {"rnn.bidirectional": False}),
        (rnn.bias, {"rnn.bias": False}),
        (rnn.nonlinearity == "relu", {"rnn.nonlinearity": "tanh"}),
        (rnn.batch_first, {"rnn.batch_first": False}),
        (given.layout != "batched", {"input.layout": "batched", "input.lengths": None}),
        (given.h_0 == "random", {"input.h_0": "omitted"}),
        (run.train, {"run.train": False}),
        (True, {"input.seq_len": 1}),
    ]
    yield from (change for possible, change in changes if possible)


def _is_right(case: Case, changes: Changes, device: torch.device, candidate: Candidate) -> bool:
    changed = changed_by(_small(case), changes)
    if changed is None:
        return False
    try:
        values = values_by(candidate, changed, draw(changed).to(torch.float64, device))
        return not is_wrong(Judge(changed, device).checks("algorithm", candidate, values))
    except CandidateError:
        return False
