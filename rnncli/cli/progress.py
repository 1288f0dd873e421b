"""Signs of life on stderr, for work that takes longer than a moment."""

import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar


class Ended(Protocol):
    """What is known of a case that is done."""

    @property
    def failed(self) -> bool:
        """Whether it is a mismatch or could not be judged."""


T = TypeVar("T", bound=Ended)

DRAWN_AFTER_S = 1.0  # on a terminal
FIRST_LINE_S = 10.0  # elsewhere, a CI log: then after twice as long, up to a minute


def with_progress(records: Iterable[T], total: int) -> Iterator[T]:
    """The records as they come, with how many are done shown meanwhile."""
    done = [0, 0]
    with _bar(done, total) if sys.stderr.isatty() else _lines(done, total):
        for record in records:
            done[0] += 1
            done[1] += record.failed
            yield record


def _describe(done: list[int], total: int) -> str:
    failing = f", {done[1]} failing" if done[1] else ""
    return f"{done[0]} of {total} cases done{failing}" if total > 1 else "working"


@contextmanager
def _bar(done: list[int], total: int) -> Iterator[None]:
    """A bar with the time left, that goes away when the work is done."""
    stop = threading.Event()

    def draw() -> None:
        if stop.wait(DRAWN_AFTER_S):
            return
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        columns: list[Any] = [TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()]
        columns += [TextColumn("left"), TimeRemainingColumn()] if total > 1 else []
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task(_describe(done, total), total=total if total > 1 else None)
            while not stop.wait(0.1):
                progress.update(task, completed=done[0], description=_describe(done, total))

    yield from _alongside(draw, stop)


@contextmanager
def _lines(done: list[int], total: int) -> Iterator[None]:
    """A plain line now and then."""
    stop = threading.Event()

    def write() -> None:
        wait = FIRST_LINE_S
        while not stop.wait(wait):
            print(f"rnncli: {_describe(done, total)}", file=sys.stderr, flush=True)
            wait = min(2 * wait, 60.0)

    yield from _alongside(write, stop)


def _alongside(target: Any, stop: threading.Event) -> Iterator[None]:
    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
