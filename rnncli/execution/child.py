"""A child process: what it does before it serves an object, the calls it answers, and whose an error is."""

import faulthandler
import importlib
import json
import os
import pickle
import signal
import sys
import sysconfig
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from rnncli.core.errors import CandidateError, ConfigError, described
from rnncli.execution.channel import CANDIDATE, CONFIG, INTERNAL, VALUE, message, read_request
from rnncli.execution.linux import adopt_orphans, end_with_writer, limit_memory

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # that end a command, which then ends its processes


def run(requests: int, output: int, lives: int) -> NoReturn:
    """Serve one object, whose methods are called one after another, until the parent is gone.

    `requests`: the socket of calls and replies. `output`: where what is printed goes. `lives`: a pipe that closes with
    the parent.
    """
    try:
        _serve(requests, output, lives)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(1)


def _serve(requests: int, output: int, lives: int) -> None:
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)  # the server has them blocked
    end_with_writer(lives, -os.getpgrp())
    adopt_orphans()
    for file in (requests, output, lives):
        os.set_inheritable(file, False)
    _redirect_streams(output)
    pid, reader, writer = os.getpid(), open(requests, "rb", closefd=False), open(requests, "wb", closefd=False)  # noqa: SIM115
    entry, memory, folder, sys.path[:], sys.argv[:] = pickle.loads(read_request(reader))
    os.chdir(folder)
    limit_memory(memory)
    module, _, name = entry.partition(":")
    served = getattr(importlib.import_module(module), name)()
    dumps = getattr(served, "dumps", _as_json)
    kind, reply = VALUE, dumps(None)
    while True:
        try:
            writer.write(message(kind, reply))
            writer.flush()
            method, arguments = pickle.loads(read_request(reader))
        except (EOFError, OSError):
            os._exit(0)
        kind, reply = _answer(served, dumps, method, arguments)
        if os.getpid() != pid:  # the candidate has forked, and this is not the process that was called
            os._exit(0)


def _redirect_streams(output: int) -> None:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", buffering=1, closefd=False, errors="replace")  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, closefd=False, errors="replace")  # noqa: SIM115
    faulthandler.enable(file=sys.stderr)


def _as_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def _answer(served: Any, dumps: Callable[[Any], bytes], method: str, arguments: tuple[Any, ...]) -> tuple[bytes, bytes]:
    trace: str | None = None
    try:
        return VALUE, dumps(getattr(served, method)(*arguments))
    except CandidateError as error:
        kind, said, trace = CANDIDATE, str(error), error.trace
    except ConfigError as error:
        kind, said = CONFIG, str(error)
    except BaseException as error:
        kind, said, trace = _attribute(error)
        changes: list[str] = getattr(served, "changes", list)() if kind == INTERNAL else []
        if changes:
            kind, said, trace = CANDIDATE, f"{changes[0]}: {said}", None
    return kind, _as_json([said, trace])


def _attribute(error: BaseException) -> tuple[bytes, str, str | None]:
    """Attribute an error to the candidate where the memory is used up, where only Python raises such an error, or where
    a line of the candidate's is on its traceback; to rnncli otherwise.
    """
    what = described(error)
    if isinstance(error, MemoryError) or "allocate memory" in what:
        reason = what.removeprefix("MemoryError: ").removeprefix("RuntimeError: ")
        return CANDIDATE, f"the candidate asks for more memory than it is given: {reason or 'MemoryError'}", None
    frames = traceback.extract_tb(error.__traceback__)
    users = [frame for frame in frames if not frame.filename.startswith((*_folders_of_libraries(), "<"))]
    of_candidate = bool(users) or not isinstance(error, Exception)
    place = (users if of_candidate else frames)[-1:]
    at = f" ({Path(place[0].filename).name}:{place[0].lineno})" if place else ""
    if of_candidate:
        return CANDIDATE, f"the candidate raised {what}{at}", None
    return INTERNAL, f"{what}{at}", "".join(traceback.format_exception(error))


def _folders_of_libraries() -> list[str]:
    paths = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    return [str(Path(__file__).parents[1]), *(path for path in paths if path)]
