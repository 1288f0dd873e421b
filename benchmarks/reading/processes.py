"""Jobs in forked processes: a mutant may hang, crash or leave things behind, and costs its own job alone.

The process that forks must not have computed with torch before.
"""

import os
import pickle
import select
import signal
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

LENGTH = struct.Struct("<Q")


@dataclass
class _Child:
    """A forked process, the jobs it still has to do, and when the present one is given up."""

    pid: int
    results: int
    jobs: list[Any]
    deadline: float
    received: bytes = b""

    def end(self) -> None:
        """End the process and all it started."""
        for end in (os.killpg, os.kill):
            try:
                end(self.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue
        os.close(self.results)
        os.waitpid(self.pid, 0)


def results_of(
    jobs: Sequence[Any], work: Callable[[Any], Any], batch: int, timeout_s: float, processes: int = 2
) -> Iterator[tuple[Any, Any]]:
    """Yield each job with the result of its work as it is done: None where the process died or took longer.

    `batch`: jobs done by one process, one after another. `timeout_s`: for one job.
    """
    waiting = [list(jobs[start : start + batch]) for start in range(0, len(jobs), batch)][::-1]
    children: dict[int, _Child] = {}
    try:
        while waiting or children:
            while waiting and len(children) < processes:
                child = _forked(waiting.pop(), work, timeout_s)
                children[child.results] = child
            ready, _, _ = select.select(list(children), [], [], 1.0)
            for child in list(children.values()):
                gone = False
                if child.results in ready:
                    read = os.read(child.results, 2**20)
                    gone = not read
                    child.received += read
                    for result in _results(child):
                        yield child.jobs.pop(0), result
                        child.deadline = time.monotonic() + timeout_s
                if gone or time.monotonic() > child.deadline:
                    del children[child.results]
                    child.end()
                    if child.jobs:
                        yield child.jobs.pop(0), None
                    if child.jobs:
                        waiting.append(child.jobs)
    finally:
        for child in children.values():
            child.end()


def _forked(jobs: list[Any], work: Callable[[Any], Any], timeout_s: float) -> _Child:
    read, write = os.pipe()
    pid = os.fork()
    if pid:
        os.close(write)
        return _Child(pid, read, jobs, time.monotonic() + timeout_s)
    try:
        os.setsid()
        os.close(read)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        for job in jobs:
            packed = pickle.dumps(work(job))
            os.write(write, LENGTH.pack(len(packed)) + packed)
    finally:
        os._exit(0)


def _results(child: _Child) -> Iterator[Any]:
    while len(child.received) >= LENGTH.size:
        (length,) = LENGTH.unpack(child.received[: LENGTH.size])
        end = LENGTH.size + length
        if len(child.received) < end:
            return
        packed, child.received = child.received[LENGTH.size : end], child.received[end:]
        yield pickle.loads(packed)
