"""The error of `output` over time: what is drawn of it, in how few numbers, and as a line of blocks."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rnncli.records import Check, Verdict

BLOCKS = "▁▂▃▄▅▆▇█"
NOT_FINITE = "x"
MOST_BLOCKS = 32

Steps = Sequence[float | None]


@dataclass(frozen=True)
class Course:
    """One direction of a check of `output`. What was not measured is None; a step that is None is not finite."""

    direction: str
    error: Steps
    reference: Steps | None  # nn.RNN's own error
    allowed: Steps | None  # by the noise envelope

    @property
    def lines(self) -> dict[str, Steps]:
        """What there is to draw, by what it is called."""
        lines = {"error": self.error, "nn.RNN's own": self.reference, "allowed": self.allowed}
        return {name: steps for name, steps in lines.items() if steps is not None}


def courses(check: Check) -> list[Course]:
    """A check's error over time, a course for each direction."""
    reference, allowed = check.reference_error_by_step or {}, check.allowed_by_step or {}
    return [
        Course(direction, steps, reference.get(direction), allowed.get(direction))
        for direction, steps in (check.error_by_step or {}).items()
    ]


def most_telling(checks: Sequence[Check]) -> Check | None:
    """The check whose error over time says most: the first mismatch, else one with a reason, else the last."""
    told = [check for check in checks if check.error_by_step]
    wrong = (check for check in told if check.verdict == Verdict.MISMATCH)
    return next(wrong, next((check for check in told if check.reason), told[-1] if told else None))


def in_parts(steps: Steps, most: int = MOST_BLOCKS) -> Iterator[tuple[range, float | None]]:
    """Steps in at most that many parts: each with its largest value, None where one in it is not finite."""
    count = min(len(steps), most)
    bounds = [len(steps) * index // count for index in range(count + 1)]
    for start, end in pairwise(bounds):
        values = [value for value in steps[start:end] if value is not None]
        yield range(start, end), max(values) if len(values) == end - start else None


def scale_of(lines: Sequence[Steps]) -> tuple[float, float] | None:
    """The smallest and the largest value that is not zero; None where there is none."""
    values = [value for steps in lines for value in steps if value]
    return (min(values), max(values)) if values else None


def sparkline(steps: Steps, low: float, high: float) -> str:
    """The size of each part as a block, on a logarithmic scale of at least a decade for each of its eight heights."""
    decades = max(len(BLOCKS), math.log10(high) - math.log10(low))

    def block(value: float | None) -> str:
        if not value:
            return " " if value == 0 else NOT_FINITE
        height = len(BLOCKS) - 1 - int(len(BLOCKS) * (math.log10(high) - math.log10(value)) / decades)
        return BLOCKS[max(height, 0)]

    return "".join(block(value) for _, value in in_parts(steps))
