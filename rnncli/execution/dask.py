"""Cases on a Dask cluster: an executor whose tasks run on its workers, each in a process of our own there.

In that process nothing else changes torch's settings or draws its random numbers, whatever threads and tasks a worker
has: a verdict is that of a local run, bit by bit. A case that crashes or hangs costs its process, and not the worker.
"""

import asyncio
import importlib
import importlib.metadata
import logging
import os
import pickle
import re
import sys
import threading
import time
import uuid
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from concurrent.futures import wait as wait_for
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache, partial
from queue import Empty, SimpleQueue
from typing import Any

from rnncli import __version__
from rnncli.config.selection import digests
from rnncli.core import memory
from rnncli.core.errors import CandidateError, ConfigError, RnncliError, UnavailableError, described
from rnncli.execution.process import ChildProcess
from rnncli.execution.server import start_server
from rnncli.execution.workers import start_worker

CONNECT_S = 10.0  # for the connection and the handshake together
WORKERS_S = 30.0  # for a first worker to come
GONE_S = 60.0  # without any worker, until a run is given up
LOOK_S = 1.0  # between looks at which workers there are
CLOSE_S = 0.3  # when it is left; the scheduler drops what a client that is gone has asked for
IDLE_S = 60.0  # that a process on a worker stays for the next task
MOST_TOLD = 5  # workers that are not as they must be
COMPARED = ("python", "rnncli", "torch", "dask", "distributed")
_ADDRESS = re.compile(r"((tcp|tls|ws|wss|ucx)://)?(\[[0-9a-fA-F:.%]+\]|[\w.-]+):(\d{1,5})")
_NOISY = ("distributed", "distributed.client", "tornado", "asyncio", "concurrent.futures")


def require(address: str) -> None:
    """Raises ConfigError for what is no address, and UnavailableError where Dask is not installed."""
    found = _ADDRESS.fullmatch(address)
    if not found or not 0 < int(found[4]) < 65536:
        raise ConfigError(
            f'--dask: "{address}" is not allowed; allowed: the address of a scheduler, tcp://HOST:PORT or'
            " tls://HOST:PORT, as tcp://127.0.0.1:8786"
        )
    _distributed()


def _distributed() -> Any:
    """Dask's module, which is imported for nobody else. Raises UnavailableError."""
    try:
        with warnings.catch_warnings(action="ignore"):
            return importlib.import_module("distributed")
    except ImportError:
        raise UnavailableError("--dask needs Dask, which is not installed: pip install 'rnncli[dask]'") from None


@dataclass(frozen=True)
class Wanted:
    """What a process on a worker must have for its verdicts to be those of the client."""

    run: str  # a name of its own: the next run looks again
    folder: str  # that a candidate's path is taken from
    targets: tuple[str, ...]
    versions: tuple[tuple[str, str], ...]
    files: tuple[tuple[str, str], ...]

    @classmethod
    def by(cls, targets: Iterable[str]) -> "Wanted":
        """What this process has."""
        targets = tuple(targets)
        versions, files = tuple(_versions().items()), tuple(digests(targets).items())
        return cls(uuid.uuid4().hex, os.getcwd(), targets, versions, files)

    def missing(self) -> str | None:
        """What this process has not, or has otherwise; None where it is as it must be."""
        versions = _versions()
        for name, own in self.versions:
            if versions[name] != own:
                return _other_version(name, versions[name], own)
        files = digests(self.targets)
        for name, digest in self.files:
            if files.get(name) != digest:
                what = "is not the file that it is here" if name in files else "is missing"
                return f"{name} {what}; the files of a candidate must be on every worker, at the same path"
        return None


def _versions() -> dict[str, str]:
    import torch

    python = ".".join(map(str, sys.version_info[:2]))
    ours = {"python": python, "rnncli": __version__, "torch": torch.__version__}
    return ours | {name: importlib.metadata.version(name) for name in ("dask", "distributed")}


def _other_version(name: str, its: str | None, own: str | None) -> str:
    if its is None:
        return f"{name} is not installed there; allowed: {name} {own}, as here"
    return f"{name} is {its} there and {own} here; install the same on both sides"


class Cluster(Executor):
    """An executor of the workers there are. A task raises CandidateError where its process died or took too long, or
    the workers that took it died one after another; and UnavailableError where the cluster is lost.

    A context manager; `prepare` comes before the first task.
    """

    def __init__(self, address: str, targets: Iterable[str], timeout_s: float) -> None:
        """`targets`: the users' candidates. `timeout_s`: of a task. Raises UnavailableError."""
        require(address)
        self.address, self._timeout_s = address, timeout_s
        self._wanted = Wanted.by(targets)
        self._client = _client(address)
        self._executor = self._client.get_executor(pure=False)
        self._waiting: set[Future[Any]] = set()
        self._lock = threading.RLock()
        self._lost: UnavailableError | None = None
        self._stopped = False
        self._strange: SimpleQueue[BaseException] = SimpleQueue()  # errors that are neither ours nor a case's
        with self._told():
            self.threads = self._count()

    def prepare(self, wait_s: float = WORKERS_S) -> None:
        """Wait for a worker, and see that all there are can judge as this process would. Raises UnavailableError."""
        deadline = time.monotonic() + wait_s
        with self._told():
            while not self.threads:
                if time.monotonic() > deadline:
                    raise UnavailableError(f"--dask: {self.address} has no workers; {wait_s:g} s were waited for one")
                time.sleep(0.1)
                self.threads = self._count()
            self._check()
        threading.Thread(target=self._watch, daemon=True).start()

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        """Run a function of a module in a process on one of the workers."""
        future: Future[Any] = Future()
        task = pickle.dumps(partial(function, *arguments, **named))
        with self._lock:
            self._waiting.add(future)
            if self._lost:
                self._end(self._lost)
                return future
        try:
            there = self._executor.submit(run_there, self._wanted, task, self._timeout_s)
        except Exception:  # of a client that has closed itself
            self._end(self._gone())
        else:
            there.add_done_callback(partial(self._settle, future))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the cluster; with `cancel_futures` at once: nothing of what is queued is begun."""
        if self._stopped:
            return
        if wait and not cancel_futures:
            wait_for(list(self._waiting))
        self._stopped = True
        closing = threading.Thread(target=self._close, daemon=True)
        closing.start()
        closing.join(CLOSE_S)

    def _close(self) -> None:
        with suppress(Exception):  # the scheduler may be gone
            self._executor.shutdown(wait=False)
        with suppress(Exception):
            self._client.close()

    def _settle(self, future: Future[Any], there: Future[Any]) -> None:
        """Hand on what came of a task. It runs in the client's event loop, where nothing may wait for the cluster."""
        if there.cancelled():
            self._end(self._gone())
            return
        try:
            reply = there.result()
            came = pickle.loads(reply) if isinstance(reply, bytes) else reply
        except _distributed().KilledWorker:
            came = CandidateError("every worker that took it died while it ran: out of memory?")
        except Exception as error:
            self._strange.put(error)
            return
        with self._lock:
            if future not in self._waiting:
                return
            self._waiting.remove(future)
        if isinstance(came, RnncliError):
            future.set_exception(came)
        else:
            future.set_result(came)

    def _end(self, why: UnavailableError) -> None:
        """Fail every task there is, and every one that comes."""
        with self._lock:
            self._lost = self._lost or why
            waiting, self._waiting = self._waiting, set()
        for future in waiting:
            future.set_exception(self._lost)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What Dask raises where the connection breaks, as the error a user is told."""
        try:
            yield
        except UnavailableError:
            raise
        except Exception as error:
            raise UnavailableError(f"--dask: {self.address}: the connection broke: {described(error)}") from None

    def _gone(self) -> UnavailableError:
        return UnavailableError(f"--dask: {self.address}: the scheduler is gone")

    def _watch(self) -> None:
        """Follow which workers there are, and find out what is wrong where a task ended in an error of another kind."""
        seen = time.monotonic()
        while not self._stopped:
            error: BaseException | None = None
            with suppress(Empty):
                error = self._strange.get(timeout=LOOK_S)
            try:
                self.threads = self._count()
                if error:
                    self._check()
            except UnavailableError as told:
                self._end(told)
            except Exception:  # between connections: where the scheduler is gone, the tasks are cancelled
                if not error:
                    continue
            if error:
                what = f"a worker could not run a task: {described(error)}"
                self._end(UnavailableError(f"--dask: {self.address}: {what}"))
            seen = time.monotonic() if self.threads else seen
            if time.monotonic() - seen > GONE_S:
                self._end(UnavailableError(f"--dask: {self.address} had no worker for {GONE_S:g} s"))

    def _count(self) -> int:
        return sum(self._client.nthreads().values())

    def _check(self) -> None:
        """Raises UnavailableError where a worker cannot judge as this process would."""
        wrong = dict(self._wrong_versions())
        if not wrong:  # so that each knows what it is asked
            replies = self._client.run(look_there, self._wanted, on_error="return")
            wrong = {worker: str(reply) for worker, reply in replies.items() if reply is not None}
        if wrong:
            told = [f"--dask: worker {worker}: {what}" for worker, what in list(wrong.items())[:MOST_TOLD]]
            told += [f"--dask: and {len(wrong) - MOST_TOLD} more workers"] if len(wrong) > MOST_TOLD else []
            raise UnavailableError("\n".join(told))

    def _wrong_versions(self) -> Iterator[tuple[str, str]]:
        """What Dask itself says of each worker, where rnncli may be missing."""
        found = self._client.get_versions(packages=["rnncli", "torch"])
        own = _compared(found["client"])
        for worker, said in found["workers"].items():
            its = _compared(said) if said else own  # it did not answer, and may be about to go
            different = next((name for name in COMPARED if its[name] != own[name]), None)
            if different:
                yield worker, _other_version(different, its[different], own[different])


def _compared(said: dict[str, Any]) -> dict[str, str | None]:
    packages = said["packages"]
    python = ".".join(packages["python"].split(".")[:2])
    return {name: packages.get(name) for name in COMPARED} | {"python": python}


def _client(address: str) -> Any:
    """Raises UnavailableError."""
    distributed = _distributed()
    warnings.filterwarnings("ignore", category=distributed.versions.VersionMismatchWarning)  # refused where it matters
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)  # what matters of it is told in words of ours
    try:
        asyncio.run(asyncio.wait_for(_greet(address), CONNECT_S))
        return distributed.Client(address, timeout=CONNECT_S, set_as_default=False, name="rnncli")
    except Exception as error:
        why = str(error) if isinstance(error, UnavailableError) else described(error)
        why = f"nothing answered as one within {CONNECT_S:g} s" if isinstance(error, TimeoutError) else why
        what = f"--dask: no Dask scheduler was reached at {address}: {why}"
        raise UnavailableError(what) from None


async def _greet(address: str) -> None:
    """Connect once, and ask who is there: what is no scheduler would hold the client for minutes."""
    comms, distributed = importlib.import_module("distributed.comm"), _distributed()
    arguments = distributed.Security().get_connection_args("client")
    comm = await comms.connect(address, timeout=CONNECT_S, **arguments)
    try:
        await comm.write({"op": "identity", "reply": True})
        kind = (await comm.read())["type"]
        if kind != "Scheduler":
            raise UnavailableError(f"it is the address of a {kind}")
    finally:
        comm.abort()


# On a worker


def run_there(wanted: Wanted, task: bytes, timeout_s: float) -> bytes | RnncliError:
    """What the function of a pickled task returns, pickled, from a process of this worker; or why there is nothing.

    A thread of a worker runs it. An error is returned: Dask would write its traceback into the worker's log.
    """
    worker = _distributed().get_worker()
    start_server(users_code=bool(wanted.targets), many=True)
    try:
        done, reply = _processes().run(timeout_s, judged, wanted, task, worker.memory_manager.memory_limit)
    except CandidateError as error:
        return error
    return reply if done else UnavailableError(f"--dask: worker {worker.address}: {reply}")


async def look_there(wanted: Wanted) -> str | None:
    """What this worker's processes have not of what is wanted."""

    def look() -> str | None:
        start_server(users_code=bool(wanted.targets), many=True)
        try:
            why: str | None = _processes().run(WORKERS_S, missing, wanted)
        except CandidateError as error:
            return str(error)
        return why

    return await asyncio.to_thread(look)


def judged(wanted: Wanted, task: bytes, limit: int | None) -> tuple[bool, Any]:
    """In such a process: what the task comes to, pickled; or what this process has not of what is wanted.

    `limit`: bytes that the worker may take.
    """
    if why := missing(wanted):
        return False, why
    memory.limit(limit or None)
    return True, pickle.dumps(pickle.loads(task)())


def missing(wanted: Wanted) -> str | None:
    """In such a process: what it has not of what is wanted."""
    with suppress(OSError):
        os.chdir(wanted.folder)  # each time: the process serves other runs in turn
    return _missing(wanted)


@cache
def _missing(wanted: Wanted) -> str | None:
    return wanted.missing()


class Processes:
    """The processes of a worker, as many as its threads ask for at once. Those that none asks for any more are ended:
    they hold memory, of a GPU too.
    """

    def __init__(self) -> None:
        self._idle: list[tuple[float, ChildProcess]] = []  # and since when; the last to come is the first to go
        self._lock = threading.Lock()
        self._looked_after = False

    def run(self, timeout_s: float, function: Callable[..., Any], *arguments: Any) -> Any:
        """What the function returns in one of them. Raises CandidateError where it died or took too long."""
        with self._lock:
            host = self._idle.pop()[1] if self._idle else None
        host = host or start_worker(timeout_s)
        host.timeout_s = timeout_s
        try:
            return host.call("the case", "run", function, arguments, {})
        finally:
            if host.failure:
                host.close()
            else:
                self._keep(host)

    def _keep(self, host: ChildProcess) -> None:
        with self._lock:
            self._idle.append((time.monotonic(), host))
            if not self._looked_after:
                self._look_later()

    def _look_later(self) -> None:
        self._looked_after = True
        timer = threading.Timer(IDLE_S, self._end_idle)
        timer.daemon = True
        timer.start()

    def _end_idle(self) -> None:
        with self._lock:
            now = time.monotonic()
            old = [host for since, host in self._idle if now - since >= IDLE_S]
            self._idle = [(since, host) for since, host in self._idle if now - since < IDLE_S]
            self._looked_after = False
            if self._idle:
                self._look_later()
        for host in old:
            host.close()


@cache
def _processes() -> Processes:
    return Processes()
