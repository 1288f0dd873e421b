"""The error of `output` over time as it changes from save to save: what `verify --watch` shows below the tables."""

from collections import deque
from collections.abc import Iterator

from rich.text import Text

from rnncli.core import words
from rnncli.core.records import CaseRecord, Check, RunRecord, Verdict, printable
from rnncli.report.over_time import MOST_BLOCKS, Course, courses, most_telling, scale_of, sparkline
from rnncli.report.table import PAGE_WIDTH, STYLES

MOST_SAVES = 5


class History:
    """The last saves of each case, with the time of each."""

    def __init__(self) -> None:
        self._saves: dict[str, deque[tuple[str, CaseRecord]]] = {}

    def add(self, clock: str, record: RunRecord) -> None:
        """Keep what the cases of a run came to at that time."""
        for case in record.cases:
            self._saves.setdefault(case.id, deque(maxlen=MOST_SAVES)).append((clock, case))

    def lines(self, record: RunRecord) -> Iterator[Text]:
        """Yield, of the first case that fails, or the first, a line for each direction and save, all on one scale.

        They are of the stage that tells most of the last save that ran.
        """
        last = next((case for case in record.cases if case.failed), record.cases[0])
        saves = self._saves[last.id]
        telling = next((check for _, case in reversed(saves) if (check := most_telling(_of_output(case)))), None)
        if telling is None:
            return
        found = [
            (clock, case, next((check for check in _of_output(case) if check.stage == telling.stage), None))
            for clock, case in saves
        ]
        scale = scale_of([course.error for *_, check in found if check for course in courses(check)]) or (1.0, 1.0)
        which = f" of case {last.id}" if len(record.cases) > 1 else ""
        yield Text(f"\nover time, from save to save: output{which}, {telling.stage} {telling.dtype}", "bold")
        for direction in telling.error_by_step or {}:
            yield from (_line(clock, case, check, direction, scale) for clock, case, check in found)


def _of_output(case: CaseRecord) -> list[Check]:
    return [check for check in case.checks or () if check.tensor == "output"]


def _line(clock: str, case: CaseRecord, check: Check | None, direction: str, scale: tuple[float, float]) -> Text:
    course = next((course for course in courses(check) if course.direction == direction), None) if check else None
    if check and course:
        blocks = f"{sparkline(course.shown()['error'], *scale):<{min(len(course.error), MOST_BLOCKS)}}"
        finite = [value for value in course.error if value is not None]
        largest = words.number(max(finite)) if len(finite) == len(course.error) else "not finite"
        said, style = f"{blocks} {largest:>7}  {_came_to(case, check, course)}", STYLES[check.verdict]
    elif case.error:
        message = case.error.message.splitlines()[0].removeprefix(f"candidate {case.candidate}: ")
        said, style = printable(f"failed: {message}"), "bold red"
    else:
        said, style = printable((check.reason if check else None) or "no error over time"), ""
    return Text(f"{clock} {direction:<7} {said}"[:PAGE_WIDTH].rstrip(), style, no_wrap=True)


def _came_to(case: CaseRecord, check: Check, course: Course) -> str:
    if check.verdict == Verdict.MATCH:
        return "match" if case.verdict == Verdict.MATCH else f"match in {check.dtype}"
    if check.verdict == Verdict.NOT_COMPARABLE:
        return "not-comparable"
    first = check.first_divergence
    return f"from t={first.time}" if first and first.direction in (None, course.direction) else ""
