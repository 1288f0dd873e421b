"""Checks that rest on no values: what a candidate claims, the tensors it holds, and whether it runs."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from rnncli.core.case import Case
from rnncli.core.causes import Cause
from rnncli.core.records import Check, Verdict
from rnncli.core.shapes import predict_parameters


def not_supported(reason: str) -> Check:
    """Return the check of a case that asks for more than the candidate claims to do."""
    return _unjudged("output", reason)


def with_faults(case: Case, faults: Iterable[tuple[str, str, str]], checks: Iterable[Check]) -> tuple[Check, ...]:
    """Return the checks, with a mismatch of each result that is no tensor, and of each own tensor that is not what a
    parameter of nn.RNN is: in place of a check that its values match.

    `faults`: the result or the parameter, the cause and the reason of each.
    """
    found = {}
    for name, cause, reason in faults:
        tensor = name if name in ("output", *case.cell.final) else f"grad {name}"
        found[tensor] = unmeasured(tensor, Verdict.MISMATCH, cause, reason)
    kept = list(checks)
    for place, check in enumerate(kept):
        if check.stage == "algorithm" and check.verdict == Verdict.MATCH:
            kept[place] = found.pop(check.tensor, check)
    return (*found.values(), *kept)


def not_claimed(case: Case, claimed: Case) -> Iterator[Check]:
    """Yield a check for each gradient of the case that the candidate does not claim; `claimed`: the case it does."""
    if not case.run.gradients:
        return
    if not claimed.run.gradients:
        reason = "the candidate computes with numpy or plain numbers, which know no gradients"
        for name in ["input", *case.given_states, *(parameter.name for parameter in predict_parameters(case))]:
            yield _unjudged(f"grad {name}", reason)
    else:
        for name in [name for name in case.given_states if name not in claimed.given_states]:
            yield _unjudged(f"grad {name}", f"the candidate takes no {name}")


def unmeasured(tensor: str, verdict: Verdict, cause: str, reason: str) -> Check:
    """Return a check of the algorithm stage without an error."""
    check = Check(tensor=tensor, stage="algorithm", dtype="float64", verdict=verdict, policy="envelope")
    return replace(check, cause=cause, reason=reason)


def _unjudged(tensor: str, reason: str) -> Check:
    return unmeasured(tensor, Verdict.NOT_COMPARABLE, Cause.NOT_CLAIMED, reason)
