"""Signs of life on stderr, for work that takes longer than a moment."""

import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

T = TypeVar("T")

DRAWN_AFTER_S = 1.0  # on a terminal
FIRST_LINE_S = 10.0  # elsewhere, a CI log: then after twice as long, up to a minute


def with_progress(records: Iterable[T], total: int, unit: str = "cases") -> Iterator[T]:
    """The records as they come, with how many are done shown meanwhile."""
    done = [0, 0]
    shown = _bar if sys.stderr.isatty() else _lines if total > 1 else _nothing
    with shown(done, total, unit):
        for record in records:
            done[0] += 1
            done[1] += getattr(record, "failed", False)
            yield record


def _describe(done: list[int], total: int, unit: str, elapsed_s: float) -> str:
    """How many are done, how many of them fail, and of many how fast and how long still."""
    if total <= 1:
        return "working"
    parts = [f"{done[0]} of {total} {unit} done", *([f"{done[1]} failing"] if done[1] else [])]
    if done[0]:
        rate = done[0] / elapsed_s
        parts += [f"{rate:.3g}/s", f"{timedelta(seconds=round((total - done[0]) / rate))} left"]
    return ", ".join(parts)


@contextmanager
def _bar(done: list[int], total: int, unit: str) -> Iterator[None]:
    """A bar that goes away when the work is done."""
    stop, start = threading.Event(), time.monotonic()

    def draw() -> None:
        if stop.wait(DRAWN_AFTER_S):
            return
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        columns = (TextColumn("{task.description}"), BarColumn(bar_width=20))
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("", total=total if total > 1 else None)
            while True:
                described = _describe(done, total, unit, time.monotonic() - start)
                progress.update(task, completed=done[0], description=described)
                if stop.wait(0.1):
                    return

    yield from _alongside(draw, stop)


@contextmanager
def _nothing(*_: object) -> Iterator[None]:
    """No sign of life of a single piece of work in a log."""
    yield


@contextmanager
def _lines(done: list[int], total: int, unit: str) -> Iterator[None]:
    """A plain line now and then."""
    stop, start = threading.Event(), time.monotonic()

    def write() -> None:
        wait = FIRST_LINE_S
        while not stop.wait(wait):
            described = _describe(done, total, unit, time.monotonic() - start)
            print(f"rnncli: {described}", file=sys.stderr, flush=True)
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
