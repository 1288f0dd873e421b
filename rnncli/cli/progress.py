"""Signs of life on stderr, for work that takes longer than a moment."""

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any, TypeVar

T = TypeVar("T")

DRAWN_AFTER_S = 1.0  # on a terminal
FIRST_LINE_S = 10.0  # elsewhere, a CI log: then after twice as long, up to a minute


def with_progress(records: Iterable[T], total: int, unit: str = "cases") -> Iterator[T]:
    """Yield the records as they come, with how many are done shown meanwhile."""
    done, failing, start, ended = 0, 0, time.monotonic(), threading.Event()

    def told() -> tuple[int, str]:
        if total <= 1:
            return done, "working"
        parts = [f"{done} of {total} {unit} done", *([f"{failing} failing"] if failing else [])]
        if done:
            rate = done / (time.monotonic() - start)
            parts += [f"{rate:.3g}/s", f"{timedelta(seconds=round((total - done) / rate))} left"]
        return done, ", ".join(parts)

    show = _bar if sys.stderr.isatty() else _lines if total > 1 else _nothing
    thread = threading.Thread(target=show, args=(told, total, ended.wait), daemon=True) if show else None
    if thread:
        thread.start()
    try:
        for record in records:
            done += 1
            failing += getattr(record, "failed", False)
            yield record
    finally:
        ended.set()
        if thread:
            thread.join()


def _bar(told: Callable[[], tuple[int, str]], total: int, ended_within: Callable[[float], bool]) -> None:
    if ended_within(DRAWN_AFTER_S):
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = TextColumn("{task.description}"), BarColumn(bar_width=20)
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=total if total > 1 else None)
        while True:
            done, description = told()
            progress.update(task, completed=done, description=description)
            if ended_within(0.1):
                return


def _lines(told: Callable[[], tuple[int, str]], _: int, ended_within: Callable[[float], bool]) -> None:
    wait_s = FIRST_LINE_S
    while not ended_within(wait_s):
        print(f"rnncli: {told()[1]}", file=sys.stderr, flush=True)
        wait_s = min(2 * wait_s, 60.0)


_nothing: Any = None  # of a single piece of work, in a log
