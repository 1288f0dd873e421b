"""The error of `output` over time as it changes from save to save: what `verify --watch` shows below the tables."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from rich.text import Text

from rnncli.core import words
from rnncli.core.records import CaseRecord, Check, RunRecord, Verdict, printable
from rnncli.report.over_time import MOST_BLOCKS, Course, Steps, courses, most_telling, scale_of, sparkline
from rnncli.report.table import PAGE_WIDTH, STYLES

MOST_SAVES = 5


@dataclass(frozen=True)
class _Save:
    """What a case came to at one time: its checks of output, or why it could not run."""

    clock: str
    verdict: Verdict | None
    checks: tuple[Check, ...]
    error: str | None

    def at(self, stage: str) -> Check | None:
        return next((check for check in self.checks if check.stage == stage), None)


class History:
    """The last saves of each case."""

    def __init__(self) -> None:
        self._saves: dict[str, deque[_Save]] = {}

    def add(self, clock: str, record: RunRecord) -> None:
        """Keep what the cases of a run came to at that time."""
        for case in record.cases:
            self._saves.setdefault(case.id, deque(maxlen=MOST_SAVES)).append(_saved(clock, case))

    def lines(self, record: RunRecord) -> Iterator[Text]:
        """Of the first case that fails, or the first: a line for each direction and save, all on one scale.

        They are of the stage that tells most of the last save that ran.
        """
        case = next((case for case in record.cases if case.failed), record.cases[0])
        saves = self._saves[case.id]
        telling = next((check for save in reversed(saves) if (check := most_telling(save.checks))), None)
        if telling is None:
            return
        found = [(save, save.at(telling.stage)) for save in saves]
        known = [course.error for _, check in found if check for course in courses(check)]
        scale = scale_of(known) or (1.0, 1.0)
        which = f" of case {case.id}" if len(record.cases) > 1 else ""
        yield Text(f"\nover time, from save to save: output{which}, {telling.stage} {telling.dtype}", "bold")
        for direction in telling.error_by_step or {}:
            for save, check in found:
                yield _line(save, check, direction, scale)


def _saved(clock: str, case: CaseRecord) -> _Save:
    of_output = tuple(check for check in case.checks or () if check.tensor == "output")
    failed = case.error and case.error.message.splitlines()[0].removeprefix(f"candidate {case.candidate}: ")
    return _Save(clock, case.verdict, of_output, f"failed: {failed}" if failed else None)


def _line(save: _Save, check: Check | None, direction: str, scale: tuple[float, float]) -> Text:
    """The clock time, the error as blocks, the largest one and where it diverges first; or why there is none."""
    head = f"{save.clock} {direction:<7} "
    course = next((course for course in courses(check) if course.direction == direction), None) if check else None
    if check is None or course is None:
        why = save.error or (check.reason if check else None) or "no error over time"
        line = f"{head}{printable(why)}"
        style = "bold red" if save.error else ""
    else:
        blocks = f"{sparkline(course.shown()['error'], *scale):<{min(len(course.error), MOST_BLOCKS)}}"
        line = f"{head}{blocks} {_largest(course.error):>7}  {_came_to(save, check, course)}"
        style = STYLES[check.verdict]
    return Text(line[:PAGE_WIDTH].rstrip(), style, no_wrap=True)


def _largest(steps: Steps) -> str:
    finite = [value for value in steps if value is not None]
    return words.number(max(finite)) if len(finite) == len(steps) else "not finite"


def _came_to(save: _Save, check: Check, course: Course) -> str:
    if check.verdict == Verdict.MATCH:
        return "match" if save.verdict == Verdict.MATCH else f"match in {check.dtype}"
    if check.verdict == Verdict.NOT_COMPARABLE:
        return "not-comparable"
    first = check.first_divergence
    here = first is not None and first.direction in (None, course.direction)
    return f"from t={first.time}" if first and here else ""
