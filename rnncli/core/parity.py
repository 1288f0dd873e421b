"""The checks of a case, tensor by tensor, as the lines of a table."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rnncli.core.causes import FURTHER_CALLS
from rnncli.core.records import Check, Verdict, combine
from rnncli.core.words import tolerance

FEWEST_TOGETHER = 3
MOST_NOISE = 1e4  # envelopes; an honest error is below 3, one of another equation about 1e14 in float64


@dataclass(frozen=True, slots=True)
class OfTensor:
    """The checks of one tensor by stage, in the order they were judged."""

    tensor: str
    stages: dict[str, Check]

    @property
    def verdict(self) -> Verdict | None:
        return combine(check.verdict for check in self.stages.values())

    @property
    def decisive(self) -> Check:
        """Return the check whose figures stand for all: that of a mismatch, else the last."""
        checks = list(self.stages.values())
        return next((check for check in checks if check.verdict == Verdict.MISMATCH), checks[-1])

    @property
    def errors(self) -> tuple[float | None, float | None, float | None]:
        """Return the error in float64, in the working dtype where that is another, and torch's own there."""
        algorithm, precision = self.stages.get("algorithm"), self.stages.get("precision")
        working = precision.max_abs_error if precision and precision.dtype != "float64" else None
        own = precision.reference_max_abs_error if precision else None
        of_this_call = algorithm and algorithm.cause not in FURTHER_CALLS
        return algorithm.max_abs_error if algorithm and of_this_call else None, working, own

    @property
    def noise(self) -> bool:
        """Return whether the error in envelopes says something; beyond MOST_NOISE it is not rounding."""
        ratio = self.decisive.noise_ratio
        return ratio is not None and ratio < MOST_NOISE

    @property
    def bounded(self) -> bool:
        """Return whether there is a tolerance the tensor would pass at."""
        return not math.isinf(self.decisive.passes_at)


def passes_at(check: Check) -> str:
    """Return the tolerance a check would pass at."""
    return tolerance(check.min_tolerance if check.verdict == Verdict.NOT_COMPARABLE else check.passes_at)


def by_tensor(checks: Sequence[Check]) -> list[OfTensor]:
    """Return the checks, those of the same tensor together."""
    found: dict[str, dict[str, Check]] = {}
    for check in checks:
        found.setdefault(check.tensor, {})[check.stage] = check
    return [OfTensor(tensor, stages) for tensor, stages in found.items()]


def working_dtype(checks: Sequence[Check]) -> str | None:
    """Return the dtype of the precision stage; None where the two stages are one, in float64."""
    return next((check.dtype for check in checks if check.stage == "precision" and check.dtype != "float64"), None)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table of parity: a tensor, or several gradients with the largest error of them; a `note` on it."""

    name: str
    verdict: Verdict | None
    error: float | None
    reference_error: float | None
    note: str = ""


def rows(checks: Sequence[Check]) -> list[Row]:
    """Return a line for each tensor; the gradients after the first one that came to the same stand together."""
    lines: list[Row] = []
    gradients: dict[Verdict | None, list[Row]] = {}
    for of in by_tensor(checks):
        row = Row(of.tensor, of.verdict, of.decisive.max_abs_error, of.decisive.reference_max_abs_error)
        if of.decisive.cause in FURTHER_CALLS:
            row = replace(row, error=None, note="(in a further call)")
        alone = not of.tensor.startswith("grad ") or of.tensor == "grad input"
        (lines if alone else gradients.setdefault(of.verdict, [])).append(row)
    what = "more gradients" if lines and lines[-1].name == "grad input" else "gradients"
    for verdict, found in gradients.items():
        error = max((row.error for row in found if row.error is not None), default=None)
        own = max((row.reference_error for row in found if row.reference_error is not None), default=None)
        together = Row(f"{len(found)} {what}", verdict, error, own, "(largest)" if error is not None else found[0].note)
        lines += [together] if len(found) >= FEWEST_TOGETHER else found
    return lines
