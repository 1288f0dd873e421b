"""Processes that run cases: torch loaded, one torch thread each. A task that crashes or hangs costs itself alone."""

import pickle
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

from rnncli.core.errors import CandidateError
from rnncli.execution.process import ChildProcess


class Worker:
    """The object in such a process."""

    dumps = staticmethod(pickle.dumps)

    def __init__(self) -> None:
        import torch  # here alone: a worker of a cluster that starts such processes needs none

        torch.set_num_threads(1)

    def run(self, function: Callable[..., Any], arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """Return what a function of ours returns. Users' code runs in further processes: a reply may be unpickled."""
        return function(*arguments, **named)


class ProcessPool:
    """As many processes as tasks run at once. An idle process takes the next task."""

    def __init__(self, idle_s: float | None = None) -> None:
        """`idle_s`: end a process that was idle for as long, and twice as long at most; None keeps all."""
        self._idle: list[tuple[float, ChildProcess]] = []  # and since when
        self._busy: set[ChildProcess] = set()
        self._lock = threading.Lock()
        self._closed = False
        if idle_s is not None:
            threading.Thread(target=self._end_idle, args=(idle_s,), daemon=True).start()

    def run(self, timeout_s: float, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Any:
        """Return what a function returns in a process. Raises CandidateError where that dies or takes too long."""
        with self._lock:
            process = self._idle.pop()[1] if self._idle else None
        process = process or ChildProcess(f"{__name__}:Worker", "worker process", timeout_s, loads=pickle.loads)
        process.timeout_s = timeout_s
        try:
            with self._lock:
                if self._closed:
                    raise CandidateError("stopped")
                self._busy.add(process)
            return process.call("the case", "run", function, arguments, named)
        finally:
            with self._lock:
                self._busy.discard(process)
                stays = not (self._closed or process.failure)
                self._idle += [(time.monotonic(), process)] if stays else []
            if not stays:
                process.close()

    def close(self) -> None:
        """End all processes at once, whatever they compute."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            busy = list(self._busy)
        for process in busy:
            process.kill()
        for _, process in idle:
            process.close()

    def _end_idle(self, idle_s: float) -> None:
        while not self._closed:
            time.sleep(idle_s)
            with self._lock:
                old = [process for since, process in self._idle if time.monotonic() - since >= idle_s]
                self._idle = [(since, process) for since, process in self._idle if process not in old]
            for process in old:
                process.close()


class Workers(Executor):
    """An executor of `jobs` processes. A task raises CandidateError where its process died or took too long."""

    def __init__(self, jobs: int, timeout_s: float) -> None:
        """`timeout_s`: of a task."""
        self._timeout_s, self._processes, self._threads = timeout_s, ProcessPool(), ThreadPoolExecutor(jobs)

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        """Run a function of a module in one of the processes."""
        return self._threads.submit(self._processes.run, self._timeout_s, function, *arguments, **named)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes; with `cancel_futures` at once, whatever they compute."""
        if cancel_futures:
            self._processes.close()
        self._threads.shutdown(wait, cancel_futures=cancel_futures)
        self._processes.close()


class Inline(Executor):
    """An executor that runs each task at once, in this process."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        """Run a function; what it raises is raised here."""
        future: Future[Any] = Future()
        future.set_result(function(*arguments, **named))
        return future
