"""Cases on a Dask cluster: an executor whose tasks run on its workers."""

import asyncio
import importlib
import logging
import pickle
import re
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from concurrent.futures import wait as wait_for
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from rnncli.core.errors import CandidateError, ConfigError, RnncliError, UnavailableError, described
from rnncli.execution.dask_worker import Requirements, check_worker, other_version, run_task

CONNECT_S = 10.0  # for the connection and the handshake together
WORKERS_S = 30.0  # for a first worker to come
NO_WORKER_S = 60.0  # without any worker, until a run is given up
WATCH_S = 1.0  # between two counts of the workers
CLOSE_S = 0.3  # for the end of the connection; the scheduler drops what a client that is gone has asked for
MOST_TOLD = 5  # workers that do not meet the requirements
COMPARED = ("python", "rnncli", "torch", "dask", "distributed")
_ADDRESS = re.compile(r"((tcp|tls|ws|wss|ucx)://)?(\[[0-9a-fA-F:.%]+\]|[\w.-]+):(\d{1,5})")
_LOGGERS = ("distributed", "distributed.client", "tornado", "asyncio", "concurrent.futures")


def require(address: str) -> None:
    """Raise ConfigError for what is no address, and UnavailableError where Dask is not installed."""
    found = _ADDRESS.fullmatch(address)
    if not found or not 0 < int(found[4]) < 65536:
        raise ConfigError(
            f'--dask: "{address}" is not allowed; allowed: the address of a scheduler, tcp://HOST:PORT or'
            " tls://HOST:PORT, as tcp://127.0.0.1:8786"
        )
    _distributed()


def _distributed() -> Any:
    try:
        with warnings.catch_warnings(action="ignore"):
            return importlib.import_module("distributed")
    except ImportError:
        raise UnavailableError("--dask needs Dask, which is not installed: pip install 'rnncli[dask]'") from None


class Cluster(Executor):
    """An executor of the workers there are, whose `threads` are counted all the time.

    A task raises CandidateError where its process died or took too long, or the workers that took it died one after
    another; and UnavailableError where the cluster is gone. A context manager; `prepare` comes before the first task.
    """

    def __init__(self, address: str, targets: Iterable[str], timeout_s: float) -> None:
        """Connect. `targets`: the users' candidates. `timeout_s`: of a task. Raises UnavailableError."""
        require(address)
        self.address, self._timeout_s = address, timeout_s
        self._requirements = Requirements.of_this_process(targets)
        self._client = _client(address)
        self._executor = self._client.get_executor(pure=False)
        self._pending: set[Future[Any]] = set()
        self._lock = threading.Lock()
        self._failure: UnavailableError | None = None  # of the whole cluster
        self._stopped = False
        with self._connection_errors():
            self.threads = self._count()

    def prepare(self, wait_s: float = WORKERS_S) -> None:
        """Wait for a worker, and check that all there are can judge as this process would. Raises UnavailableError."""
        deadline = time.monotonic() + wait_s
        with self._connection_errors():
            while not self.threads:
                if time.monotonic() > deadline:
                    raise UnavailableError(f"--dask: {self.address} has no workers; {wait_s:g} s were waited for one")
                time.sleep(0.1)
                self.threads = self._count()
            self._check_workers()
        threading.Thread(target=self._watch, daemon=True).start()

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        """Run a function of a module in a process on one of the workers."""
        future: Future[Any] = Future()
        with self._lock:
            self._pending.add(future)
        if self._failure:
            self._fail(self._failure)
            return future
        task = pickle.dumps(partial(function, *arguments, **named))
        try:
            remote = self._executor.submit(run_task, self._requirements, task, self._timeout_s)
        except Exception:  # of a client that has closed itself
            self._fail(self._unavailable("the scheduler is gone"))
        else:
            remote.add_done_callback(partial(self._deliver, future))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the cluster; with `cancel_futures` at once: nothing of what is queued is begun."""
        if self._stopped:
            return
        if wait and not cancel_futures:
            wait_for(list(self._pending))
        self._stopped = True
        closing = threading.Thread(target=self._close, daemon=True)
        closing.start()
        closing.join(CLOSE_S)

    def _close(self) -> None:
        with suppress(Exception):  # the scheduler may be gone
            self._executor.shutdown(wait=False)
        with suppress(Exception):
            self._client.close()

    def _deliver(self, future: Future[Any], remote: Future[Any]) -> None:  # in the event loop: nothing may wait there
        if remote.cancelled():
            self._fail(self._unavailable("the scheduler is gone"))
            return
        try:
            reply = remote.result()
            result = pickle.loads(reply) if isinstance(reply, bytes) else reply
        except _distributed().KilledWorker:
            result = CandidateError("every worker that took it died while it ran: out of memory?")
        except Exception as error:  # neither ours nor a case's
            threading.Thread(target=self._fail_with_cause, args=(error,), daemon=True).start()
            return
        with self._lock:
            if future not in self._pending:
                return
            self._pending.remove(future)
        if isinstance(result, RnncliError):
            future.set_exception(result)
        else:
            future.set_result(result)

    def _fail(self, failure: UnavailableError) -> None:
        with self._lock:
            self._failure = self._failure or failure  # of tasks to come too
            pending, self._pending = self._pending, set()
        for future in pending:
            future.set_exception(self._failure)

    def _unavailable(self, what: str) -> UnavailableError:
        return UnavailableError(f"--dask: {self.address}: {what}")

    @contextmanager
    def _connection_errors(self) -> Iterator[None]:
        try:
            yield
        except UnavailableError:
            raise
        except Exception as error:
            raise self._unavailable(f"the connection broke: {described(error)}") from None

    def _watch(self) -> None:
        seen = time.monotonic()
        while not self._stopped:
            time.sleep(WATCH_S)
            with suppress(Exception):  # between connections: where the scheduler is gone, the tasks are cancelled
                self.threads = self._count()
                seen = time.monotonic() if self.threads else seen
            if time.monotonic() - seen > NO_WORKER_S:
                self._fail(UnavailableError(f"--dask: {self.address} had no worker for {NO_WORKER_S:g} s"))

    def _fail_with_cause(self, error: Exception) -> None:
        try:
            self._check_workers()
        except UnavailableError as failure:
            self._fail(failure)
        except Exception:  # nobody can say
            pass
        self._fail(self._unavailable(f"a worker could not run a task: {described(error)}"))

    def _count(self) -> int:
        return sum(self._client.nthreads().values())

    def _check_workers(self) -> None:
        wrong = dict(self._wrong_versions())  # as Dask knows them, where rnncli may be missing
        if not wrong:  # so that each knows what it is asked
            replies = self._client.run(check_worker, self._requirements, on_error="return")
            wrong = {worker: str(reply) for worker, reply in replies.items() if reply is not None}
        if wrong:
            told = [f"--dask: worker {worker}: {what}" for worker, what in list(wrong.items())[:MOST_TOLD]]
            told += [f"--dask: and {len(wrong) - MOST_TOLD} more workers"] if len(wrong) > MOST_TOLD else []
            raise UnavailableError("\n".join(told))

    def _wrong_versions(self) -> Iterator[tuple[str, str]]:
        found = self._client.get_versions(packages=["rnncli", "torch"])
        required = _versions_of(found["client"])
        for worker, answer in found["workers"].items():
            versions = _versions_of(answer) if answer else required  # without an answer, it may be about to go
            different = next((name for name in COMPARED if versions[name] != required[name]), None)
            if different:
                yield worker, other_version(different, versions[different], required[different])


def _versions_of(answer: dict[str, Any]) -> dict[str, str | None]:
    packages = answer["packages"]
    python = ".".join(packages["python"].split(".")[:2])
    return {name: packages.get(name) for name in COMPARED} | {"python": python}


def _client(address: str) -> Any:
    distributed = _distributed()
    warnings.filterwarnings("ignore", category=distributed.versions.VersionMismatchWarning)  # refused where it matters
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)  # what matters of it is told in words of ours
    try:
        asyncio.run(asyncio.wait_for(_require_scheduler(address), CONNECT_S))
        return distributed.Client(address, timeout=CONNECT_S, set_as_default=False, name="rnncli")
    except Exception as error:
        why = str(error) if isinstance(error, UnavailableError) else described(error)
        why = f"nothing answered as one within {CONNECT_S:g} s" if isinstance(error, TimeoutError) else why
        raise UnavailableError(f"--dask: no Dask scheduler was reached at {address}: {why}") from None


async def _require_scheduler(address: str) -> None:
    """Ask once who is there: what is no scheduler would hold the client for minutes."""
    distributed = _distributed()
    arguments = distributed.Security().get_connection_args("client")
    async with distributed.rpc(address, timeout=CONNECT_S, connection_args=arguments) as remote:
        kind = (await remote.identity())["type"]
    if kind != "Scheduler":
        raise UnavailableError(f"it is the address of a {kind}")
