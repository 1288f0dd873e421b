"""Which faults a case would see: every fault that can be written for it is planted and judged as a candidate is."""

from collections.abc import Iterator, Sequence
from itertools import combinations

import torch

from rnncli.candidate.load import canonical
from rnncli.core.case import Case, Changes, as_flags, changed_by
from rnncli.core.errors import CandidateError
from rnncli.core.records import FaultResult
from rnncli.faults.catalogue import CATALOGUES
from rnncli.faults.planted import plant
from rnncli.verdict.judge import Judgement
from rnncli.verdict.problem import Problem

MOST_CHANGES = 3  # at once, in search of a case that sees a fault


def power(case: Case, device: torch.device) -> Iterator[FaultResult]:
    """For each fault of the catalogue, whether the case sees it; where it does not, the smallest change that would."""
    problem = Problem(case, device)
    for id, fault in CATALOGUES[case.rnn.cell].items():
        unmet = fault.applies(case)
        if unmet:
            yield FaultResult(id=id, status="not-applicable", reason=unmet)
        else:
            yield _seen(problem, id) or _unseen(case, device, id)


def _seen(problem: Problem, id: str) -> FaultResult | None:
    """The fault as it is caught, by the first check that is a mismatch; None where the candidate would pass."""
    if id == "device-hardcoded":  # the values are right on this device: the guard over meta tensors sees it
        from rnncli.faults.device_guard import check_devices

        finding = check_devices(plant(id, cell=problem.case.rnn.cell), problem.case)
        found = finding is not None and finding.status == "found"
        return FaultResult(id=id, status="caught", reason="by the device guard") if found else None
    try:
        check = Judgement(problem, canonical(id, plant(id, cell=problem.case.rnn.cell))).mismatch
    except CandidateError as error:
        return FaultResult(id=id, status="caught", reason=f"{error}")
    if check is None:
        return None
    return FaultResult(id=id, status="caught", tensor=check.tensor, stage=check.stage, reason=check.reason)


def _unseen(case: Case, device: torch.device, id: str) -> FaultResult:
    """Not visible where other values, sizes of the input or run settings would show it; else the same function."""
    of_input = _first_that_shows(case, device, id, _of_input(case))
    if of_input:
        return FaultResult(id=id, status="not-visible", change=of_input)
    return FaultResult(id=id, status="equivalent", change=_first_that_shows(case, device, id, _of_arguments(case)))


def _first_that_shows(case: Case, device: torch.device, id: str, single: Sequence[Changes]) -> str | None:
    for changes in _together(single):
        changed = changed_by(case, changes)
        if changed is None or CATALOGUES[case.rnn.cell][id].applies(changed):
            continue
        if _seen(Problem(changed, device), id):
            return as_flags(changes)
    return None


def _together(single: Sequence[Changes]) -> Iterator[Changes]:
    """Each change, then every two together, then every three."""
    for count in range(1, MOST_CHANGES + 1):
        for chosen in combinations(single, count):
            yield {leaf: value for changes in chosen for leaf, value in changes.items()}


def _of_input(case: Case) -> list[Changes]:
    """Changes that leave the RNN what it is, the smallest first."""
    given, run = case.input, case.run
    longer = max(3, given.seq_len)
    changes: list[tuple[bool, Changes]] = [
        (not run.gradients, {"run.gradients": True}),
        (given.h_0 == "zeros", {"input.h_0": "random"}),
        (given.seq_len < longer, {"input.seq_len": longer}),
        (given.layout != "unbatched" and given.batch_size < 3, {"input.batch_size": 3}),
        (given.lengths is not None, {"input.lengths": None}),
        (run.weight_scale != 1, {"run.weight_scale": 1.0}),
        (True, {"run.seed": run.seed + 1 if run.seed < 2**63 - 1 else 0}),
    ]
    if given.layout == "packed" and (given.seq_len < 3 or given.batch_size < 3):
        sizes = {"input.lengths": None, "input.seq_len": longer, "input.batch_size": max(3, given.batch_size)}
        changes.insert(2, (True, sizes))
    return [change for possible, change in changes if possible]


def _of_arguments(case: Case) -> list[Changes]:
    """Changes that make it another RNN: what they reveal is, in this one, the same function."""
    rnn = case.rnn
    changes: list[tuple[bool, Changes]] = [
        (rnn.hidden_size < 3, {"rnn.hidden_size": 3}),
        (rnn.input_size < 3, {"rnn.input_size": 4}),
        (rnn.dropout in (0.0, 1.0), {"rnn.dropout": 0.5}),
        (rnn.num_layers < 3, {"rnn.num_layers": 3}),
    ]
    return [change for possible, change in changes if possible]
