"""On a worker of a Dask cluster: tasks run in processes of their own.

In such a process no other thread or task of the worker changes torch's settings or draws its random numbers: a verdict
is that of a local run, bit by bit. A case that crashes or hangs costs its process, and not the worker.
"""

import asyncio
import importlib.metadata
import os
import pickle
import sys
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

from rnncli import __version__
from rnncli.config.selection import digests
from rnncli.core import memory
from rnncli.core.errors import CandidateError, RnncliError, UnavailableError
from rnncli.execution.server import start_server
from rnncli.execution.workers import ProcessPool

CHECK_S = 30.0  # for the first process of a worker to start, and to be checked
IDLE_S = 60.0  # that a process stays for the next task: it holds memory, of a GPU too


@dataclass(frozen=True)
class Requirements:
    """What a process on a worker must have for its verdicts to be those of the client."""

    run: str  # a name of its own: the next run checks again
    folder: str  # that a candidate's path is taken from
    targets: tuple[str, ...]
    versions: tuple[tuple[str, str], ...]
    files: tuple[tuple[str, str], ...]

    @classmethod
    def of_this_process(cls, targets: Iterable[str]) -> "Requirements":
        """Return what this process has. `targets`: the users' candidates."""
        targets = tuple(targets)
        versions, files = tuple(_versions().items()), tuple(digests(targets).items())
        return cls(uuid.uuid4().hex, os.getcwd(), targets, versions, files)

    def unmet(self) -> str | None:
        """Return what this process lacks, or has otherwise; None where it has everything."""
        versions, files = _versions(), digests(self.targets)
        for name, required in self.versions:
            if versions[name] != required:
                return other_version(name, versions[name], required)
        for name, digest in self.files:
            if files.get(name) != digest:
                what = "is not the file that it is here" if name in files else "is missing"
                return f"{name} {what}; the files of a candidate must be on every worker, at the same path"
        return None


def _versions() -> dict[str, str]:
    import torch

    python = ".".join(map(str, sys.version_info[:2]))
    versions = {"python": python, "rnncli": __version__, "torch": torch.__version__}
    return versions | {name: importlib.metadata.version(name) for name in ("dask", "distributed")}


def other_version(name: str, version: str | None, required: str | None) -> str:
    """Return in words that a worker has another version of a package, or None, than the client."""
    if version is None:
        return f"{name} is not installed there; allowed: {name} {required}, as here"
    return f"{name} is {version} there and {required} here; install the same on both sides"


def run_task(requirements: Requirements, task: bytes, timeout_s: float) -> bytes | RnncliError:
    """Return what the function of a pickled task returns, pickled, from a process of this worker.

    An error is returned, not raised: Dask would write its traceback into the worker's log.
    """
    from distributed import get_worker

    worker = get_worker()
    try:
        reply = _in_process(timeout_s, run_if_met, requirements, task, worker.memory_manager.memory_limit)
    except CandidateError as error:
        return error
    return reply if isinstance(reply, bytes) else UnavailableError(f"--dask: worker {worker.address}: {reply}")


async def check_worker(requirements: Requirements) -> str | None:
    """Return what the processes of this worker lack; None where they have everything."""
    try:
        why: str | None = await asyncio.to_thread(_in_process, CHECK_S, unmet_here, requirements)
    except CandidateError as error:
        return str(error)
    return why


def _in_process(timeout_s: float, function: Callable[..., Any], requirements: Requirements, *arguments: Any) -> Any:
    start_server(users_code=bool(requirements.targets), many=True)
    return _pool().run(timeout_s, function, requirements, *arguments)


@cache
def _pool() -> ProcessPool:
    return ProcessPool(IDLE_S)


# In such a process


def run_if_met(requirements: Requirements, task: bytes, limit: int | None) -> bytes | str:
    """Return what the task returns, pickled; or in words what this process lacks.

    `limit`: bytes that the worker may take; 0 and None are no limit.
    """
    if why := unmet_here(requirements):
        return why
    memory.limit(limit or None)
    return pickle.dumps(pickle.loads(task)())


def unmet_here(requirements: Requirements) -> str | None:
    """Go to the folder of the client, and return what this process lacks."""
    with suppress(OSError):
        os.chdir(requirements.folder)  # each time: the process serves other runs in turn
    return _unmet(requirements)


@cache
def _unmet(requirements: Requirements) -> str | None:
    return requirements.unmet()
