"""The error of `output` over time: what is drawn of it, in how few numbers, and as a line of blocks."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from rnncli.core.records import Check, Verdict

BLOCKS = "▁▂▃▄▅▆▇█"
NOT_FINITE = "x"
MOST_BLOCKS = 32

Steps = Sequence[float | None]


@dataclass(frozen=True)
class Course:
    """One direction of a check of `output`. What was not measured is None; a step that is None is not finite."""

    direction: str
    error: Steps
    reference: Steps | None  # the own error of torch's layer
    allowed: Steps | None  # by the noise envelope
    layer: str = "nn.RNN"

    @property
    def lines(self) -> dict[str, Steps]:
        """The lines that there are to draw, by what they are called."""
        lines = {"error": self.error, f"{self.layer}'s own": self.reference, "allowed": self.allowed}
        return {name: steps for name, steps in lines.items() if steps is not None}

    def parts(self, most: int = MOST_BLOCKS) -> list[tuple[range, int]]:
        """Return the steps in at most that many parts, and of each the step that stands for it, whose values are shown.

        That is one that is not finite, else the one whose error is the largest beside what is allowed: the largest of
        each line by itself would put the error of one step beside what another is allowed.
        """
        count = min(len(self.error), most)
        bounds = [len(self.error) * index // count for index in range(count + 1)] if count else []
        parts = [range(*ends) for ends in pairwise(bounds)]
        return [(part, max(part, key=self._excess)) for part in parts]

    def shown(self, most: int = MOST_BLOCKS) -> dict[str, list[float | None]]:
        """Return the values of each line at the steps that stand for its parts."""
        steps = [at for _, at in self.parts(most)]
        return {name: [line[at] for at in steps] for name, line in self.lines.items()}

    def _excess(self, at: int) -> float:
        error, allowed = self.error[at], self.allowed[at] if self.allowed else 1.0
        if error is None:
            return math.inf
        return 0.0 if allowed is None else error / allowed if allowed else error and math.inf


def courses(check: Check, layer: str = "nn.RNN") -> list[Course]:
    """Return a check's error over time beside that of torch's layer, a course for each direction."""
    reference, allowed = check.reference_error_by_step or {}, check.allowed_by_step or {}
    return [
        Course(direction, steps, reference.get(direction), allowed.get(direction), layer)
        for direction, steps in (check.error_by_step or {}).items()
    ]


def most_telling(checks: Sequence[Check]) -> Check | None:
    """Return the check whose error over time says most: the first mismatch, else one with a reason, else the last."""
    told = [check for check in checks if check.error_by_step]
    wrong = (check for check in told if check.verdict == Verdict.MISMATCH)
    return next(wrong, next((check for check in told if check.reason), told[-1] if told else None))


def scale_of(lines: Sequence[Steps]) -> tuple[float, float] | None:
    """Return the smallest and the largest value that is not zero; None where there is none."""
    values = [value for steps in lines for value in steps if value]
    return (min(values), max(values)) if values else None


def sparkline(steps: Steps, low: float, high: float) -> str:
    """Draw each value as a block, on a logarithmic scale of at least a decade for each of its eight heights."""
    decades = max(len(BLOCKS), math.log10(high) - math.log10(low))
    blocks = ""
    for value in steps:
        below = len(BLOCKS) * (math.log10(high) - math.log10(value)) / decades if value else 0.0
        blocks += BLOCKS[max(len(BLOCKS) - 1 - int(below), 0)] if value else " " if value == 0 else NOT_FINITE
    return blocks
