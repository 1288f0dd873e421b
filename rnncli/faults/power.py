"""Which faults a case would see: every fault that can be written for it is planted and judged as a candidate is."""

from collections.abc import Iterator, Sequence
from itertools import combinations

import torch

from rnncli.candidate.load import canonical
from rnncli.core.case import Case, Changes, as_flags, changed_by
from rnncli.core.causes import DEVICE_HARDCODED
from rnncli.core.errors import CandidateError
from rnncli.core.records import FaultResult
from rnncli.faults.catalogue import CATALOGUES
from rnncli.faults.planted import plant
from rnncli.verdict.judge import Judgement
from rnncli.verdict.problem import Problem

MOST_CHANGES = 3  # at once, in search of a case that sees a fault


def power(case: Case, device: torch.device) -> Iterator[FaultResult]:
    """Yield for each fault of the catalogue how the case sees it, or the smallest change with which it would."""
    problem = Problem(case, device)
    for id, fault in CATALOGUES[case.rnn.cell].items():
        if unmet := fault.unmet(case):
            yield FaultResult(id=id, status="not-applicable", reason=unmet)
        else:
            yield _seen(problem, id) or _unseen(case, device, id)


def _seen(problem: Problem, id: str) -> FaultResult | None:
    """Return the fault as the first mismatch catches it; None where the candidate would pass."""
    planted = plant(id, cell=problem.case.rnn.cell)
    if id == DEVICE_HARDCODED:  # the values are right on this device: the guard over meta tensors sees it
        from rnncli.faults.device_guard import check_devices

        found = check_devices(planted, problem.case).status == "found"
        return FaultResult(id=id, status="caught", reason="by the device guard") if found else None
    try:
        check = Judgement(problem, canonical(id, planted)).mismatch
    except CandidateError as error:
        return FaultResult(id=id, status="caught", reason=f"{error}")
    if check is None:
        return None
    return FaultResult(id=id, status="caught", tensor=check.tensor, stage=check.stage, reason=check.reason)


def _unseen(case: Case, device: torch.device, id: str) -> FaultResult:
    """Return "not-visible" where other values, sizes of the input or run settings would show it, else "equivalent"."""
    if change := _first_that_shows(case, device, id, _of_input(case)):
        return FaultResult(id=id, status="not-visible", change=change)
    return FaultResult(id=id, status="equivalent", change=_first_that_shows(case, device, id, _of_arguments(case)))


def _first_that_shows(case: Case, device: torch.device, id: str, single: Sequence[Changes]) -> str | None:
    """Return the flags of the first change that shows the fault: each alone, then every two together, then three."""
    for count in range(1, MOST_CHANGES + 1):
        for chosen in combinations(single, count):
            changes = {leaf: value for change in chosen for leaf, value in change.items()}
            changed = changed_by(case, changes)
            if changed is None or CATALOGUES[case.rnn.cell][id].unmet(changed):
                continue
            if _seen(Problem(changed, device), id):
                return as_flags(changes)
    return None


def _of_input(case: Case) -> list[Changes]:
    """Return the changes that leave the layer what it is, the smallest first."""
    given, run = case.input, case.run
    steps, count = max(3, given.seq_len), max(3, given.batch_size)
    small = given.layout == "packed" and (given.seq_len, given.batch_size) != (steps, count)
    changes: list[tuple[bool, Changes]] = [
        (not run.gradients, {"run.gradients": True}),
        (given.h_0 == "zeros", {"input.h_0": "random"}),
        (small, {"input.lengths": None, "input.seq_len": steps, "input.batch_size": count}),
        (given.seq_len < steps, {"input.seq_len": steps}),
        (given.layout != "unbatched" and given.batch_size < 3, {"input.batch_size": 3}),
        (given.lengths is not None, {"input.lengths": None}),
        (run.weight_scale != 1, {"run.weight_scale": 1.0}),
        (True, {"run.seed": run.seed + 1 if run.seed < 2**63 - 1 else 0}),
    ]
    return [change for possible, change in changes if possible]


def _of_arguments(case: Case) -> list[Changes]:
    """Return the changes that make it another layer: what they reveal is, in this one, the same function."""
    rnn = case.rnn
    changes: list[tuple[bool, Changes]] = [
        (rnn.hidden_size < 3, {"rnn.hidden_size": 3}),
        (rnn.input_size < 3, {"rnn.input_size": 4}),
        (rnn.dropout in (0.0, 1.0), {"rnn.dropout": 0.5}),
        (rnn.num_layers < 3, {"rnn.num_layers": 3}),
    ]
    return [change for possible, change in changes if possible]
