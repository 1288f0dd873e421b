"""Processes that run cases: torch loaded, one torch thread each. A task that crashes or hangs costs itself alone."""

import pickle
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

from rnncli.core.errors import CandidateError
from rnncli.execution.process import ChildProcess


class Workers(Executor):
    """An executor of `jobs` processes. A task raises CandidateError where its process died or took too long."""

    def __init__(self, jobs: int, timeout_s: float) -> None:
        """`timeout_s`: of a task."""
        self._timeout_s = timeout_s
        self._hosts: dict[int, ChildProcess] = {}  # by thread: each has a process of its own
        self._stopped = False
        self._threads = ThreadPoolExecutor(jobs)

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        """Run a function of a module in one of the processes."""
        return self._threads.submit(self._run, function, arguments, named)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes; with `cancel_futures` at once, whatever they are at."""
        self._stopped = cancel_futures
        if cancel_futures:
            self._end()
        self._threads.shutdown(wait, cancel_futures=cancel_futures)
        self._end()

    def _run(self, function: Callable[..., Any], arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        own = threading.get_ident()
        if self._stopped:
            raise CandidateError("stopped")
        if own not in self._hosts:
            self._hosts[own] = start_worker(self._timeout_s)
        host = self._hosts[own]
        try:
            return host.call("the case", "run", function, arguments, named)
        finally:
            if host.failure:
                self._hosts.pop(own).close()

    def _end(self) -> None:
        for host in list(self._hosts.values()):
            host.kill()


def start_worker(timeout_s: float) -> ChildProcess:
    """Return a process that calls functions of ours: users' code runs in processes that it starts, and what it returns
    itself may be unpickled.
    """
    return ChildProcess("rnncli.execution.workers:Worker", "worker process", timeout_s, loads=pickle.loads)


class Worker:
    """What runs in such a process."""

    dumps = staticmethod(pickle.dumps)

    def __init__(self) -> None:
        import torch  # here alone: a worker of a cluster that starts such processes needs none

        torch.set_num_threads(1)

    def run(self, function: Callable[..., Any], arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """What the function returns."""
        return function(*arguments, **named)


class Inline(Executor):
    """An executor that runs each task at once, in this process."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        """Run a function; what it raises is raised here."""
        future: Future[Any] = Future()
        future.set_result(function(*arguments, **named))
        return future
