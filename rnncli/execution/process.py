"""Work in a process of its own: what happens there, a crash or a hang, costs no more than a call.

A server with torch loaded is forked for every process (forking a process that has computed with torch deadlocks). In
the child, what it prints goes to a pipe, memory is bounded, and a call that takes too long ends with the process.

However this process ends, by SIGKILL too, it leaves nothing: on Linux the kernel then ends the server and every child
with all that the child has started, and no file leads to the server's socket.
"""

import contextlib
import faulthandler
import fcntl
import importlib
import json
import multiprocessing
import os
import pickle
import re
import select
import signal
import struct
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing import connection
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from rnncli.core.errors import CandidateError, ConfigError, RnncliError, UnavailableError, described

PRELOADED = ("rnncli.execution.server", "rnncli.pipeline.grid")  # by name: they stand above this room
PRELOADED_FOR_USERS_CODE = ("rnncli.pipeline.candidate_server", "rnncli.candidate.reading")
PRELOADED_FOR_MANY = ("rnncli.faults.warm",)  # takes as long again as torch itself; a guard that is needed loads it
MOST_LINES = 10  # of what is printed there
MOST_LINES_OF_A_CRASH = 1000  # the interpreter prints 100 frames of each thread
MOST_BYTES = 2**36  # of a reply, where nothing is known of its size
READ_BYTES = 2**20  # at a time
LONGEST_TEXT = 100_000  # characters of an error
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # that end a command, which then ends its processes
STARTED_S = 60.0  # for the server to load torch and fork
SAFE_PATH = "PYTHONSAFEPATH"
SAFE_PATH_OF_SERVER = "rnncli"  # the server takes this value out again, so that no process of a candidate inherits it
PR_SET_CHILD_SUBREAPER = 36  # of <linux/prctl.h>
EXTRA_BYTES = 4 * 2**30  # more than the case itself needs
_HEAD = struct.Struct("!4scQ")  # of a message: a mark, its kind, and the bytes that follow
_MARK = b"rnn\n"
_EXIT_CODES = threading.Lock()  # each can be read once, and a process that is started reads those of all the others
_MAIN = threading.Lock()  # of two threads that put something in its place, the second would put that back


class TookTooLong(CandidateError):
    """A call that was ended because of its time."""


def start_server(users_code: bool = True, many: bool = False) -> None:
    """Start loading torch in the server, and what its processes need, beside whatever comes next here. Where it runs,
    nothing. `many`: there are many cases, which share what is loaded once. Raises UnavailableError.
    """
    from multiprocessing import forkserver, resource_tracker

    for_users_code = (*PRELOADED_FOR_USERS_CODE, *(PRELOADED_FOR_MANY if many else ()))
    _context().set_forkserver_preload([*PRELOADED, *(for_users_code if users_code else ())])
    try:
        with _without_main(), _without_current_folder():
            with _blocked_signals():
                resource_tracker.ensure_running()  # which unblocks signals when it is up
            with _blocked_signals(), _unlinked_socket():
                forkserver.ensure_running()
    except OSError as error:  # no temporary folder, or one with a path that is too long for a socket
        raise UnavailableError(f"no process can be started here: {error}; TMPDIR names another folder") from None


def end_with_writer(pipe: int, owner: int) -> None:
    """Have the kernel send SIGKILL to `owner`, a process or minus a process group, when no writer of the pipe is left.

    For Linux. A thread could not do so while a regular expression or an import holds the interpreter.
    """
    fcntl.fcntl(pipe, fcntl.F_SETOWN, owner)
    fcntl.fcntl(pipe, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(pipe, fcntl.F_SETFL, fcntl.fcntl(pipe, fcntl.F_GETFL) | os.O_ASYNC)
    watched = select.poll()
    watched.register(pipe, 0)
    if watched.poll(0):  # the last writer was gone before
        os.kill(owner, signal.SIGKILL)


class Host:
    """A process that holds one object, made from `entry` ("module:class"), and calls its methods."""

    def __init__(
        self,
        entry: str,
        subject: str,
        timeout_s: float,
        memory: int | None = None,
        file: str | None = None,
        loads: Callable[[bytearray], Any] = json.loads,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        """`subject`: whose process it is, for messages. `timeout_s`: of a call. `memory`: bytes the process may take.
        `file`: of the user's code that runs there, whose line a crash is told with. `loads`: makes of the bytes of a
        reply, of which there are no more than `most_bytes`, what the method returned; `dumps` of the class, where it
        has one, makes these bytes. Where users' code runs, nothing may be unpickled.
        """
        self._subject, self.timeout_s, self._file = subject, timeout_s, file
        self._loads, self._most_bytes = loads, most_bytes
        self.lost: CandidateError | None = None
        self.printed: list[str] = []
        self.lines = 0
        self._own, theirs = _context().Pipe()
        os.set_blocking(self._own.fileno(), False)
        self._output, written = _context().Pipe(duplex=False)
        lives, self._lives = _context().Pipe(duplex=False)  # nothing is written: it closes with this process
        arguments = (theirs, written, lives, entry, memory)
        try:
            start_server()
            self._process = _context().Process(target=_serve, args=(*arguments, _server_address()), daemon=True)
            with _without_main(), _though_a_daemon(), _EXIT_CODES:
                self._process.start()
        except (OSError, EOFError) as error:  # the server is gone: the next start begins with another
            raise CandidateError(f"{subject}: it could not be started: {error or type(error).__name__}") from None
        finally:
            theirs.close()
            written.close()
            lives.close()
        self._reader = threading.Thread(target=self._read_output, daemon=True)
        self._reader.start()
        self._received("starting", time.monotonic() + STARTED_S)

    def call(self, doing: str, method: str, *arguments: Any) -> Any:
        """Return what a method of the object returns.

        Raises CandidateError for what the candidate does, which names `doing`, and RnncliError for a defect of ours.
        """
        if self.lost:
            raise self.lost
        deadline = time.monotonic() + self.timeout_s
        self._send(pickle.dumps((method, arguments)), doing, deadline)
        return self._received(doing, deadline)

    def close(self) -> None:
        """End the process and what it started; see `kill`."""
        self.kill()
        self._own.close()
        self._lives.close()
        self._reader.join(timeout=1)

    def _send(self, request: bytes, doing: str, deadline: float) -> None:
        left = memoryview(_HEAD.pack(_MARK, b"?", len(request)) + request)
        while left:
            try:
                left = left[os.write(self._own.fileno(), left) :]
            except BlockingIOError:
                self._wait(doing, deadline, to_write=True)
            except (BrokenPipeError, ConnectionError):
                self._end(doing)

    def _received(self, doing: str, deadline: float) -> Any:
        """The reply to a request. The process that sends it runs a user's code: every length and every kind in it may
        be wrong.
        """
        mark, kind, length = _HEAD.unpack(self._read(_HEAD.size, doing, deadline))
        if mark != _MARK or length > self._most_bytes:
            self._refuse(doing)
        data = self._read(length, doing, deadline)
        try:
            value = self._loads(data) if kind == b"v" else _texts(data)
        except Exception:
            self._refuse(doing)
        match kind, value:
            case b"v", _:
                return value
            case b"f", (str() as message, str() | None as trace):
                raise CandidateError(message, trace)
            case b"c", (str() as message, _):
                raise ConfigError(message)
            case b"i", (str() as message, str() as trace):
                defect = RnncliError(f"internal error: {message}; please report it")
                defect.add_note(trace)
                raise defect
        return self._refuse(doing)

    def _read(self, count: int, doing: str, deadline: float) -> bytearray:
        """Read as many bytes, before the deadline. Memory is taken as they come, and not for a number."""
        data = bytearray()
        while len(data) < count:
            try:
                read = os.read(self._own.fileno(), min(READ_BYTES, count - len(data)))
            except BlockingIOError:
                self._wait(doing, deadline)
                continue
            except ConnectionError:
                read = b""
            if not read:
                self._end(doing)
            data += read
        return data

    def _wait(self, doing: str, deadline: float, to_write: bool = False) -> None:
        """Wait until the pipe can be read, or written. Raises CandidateError at the deadline, and for a process that is
        gone: what it has started may hold the pipe open.
        """
        left = deadline - time.monotonic()
        if left <= 0:
            self.kill()
            self.lost = TookTooLong(
                f"{self._subject}: {doing} took longer than {self.timeout_s:g} s and was ended; --timeout allows more"
            )
            raise self.lost
        ready = select.poll()
        ready.register(self._own, select.POLLOUT if to_write else select.POLLIN)
        ready.register(self._process.sentinel, select.POLLIN)
        ready.poll(1000 * left)
        if self._exit_code() is not None and not self._own.poll(0):
            self._end(doing)

    def _refuse(self, doing: str) -> NoReturn:
        """Raise for a reply that is none."""
        self.kill()
        self.lost = CandidateError(
            f"{self._subject}: {doing} wrote into the pipe that its results are read from, and was ended; it may write"
            " into files that it has opened"
        )
        raise self.lost

    def _end(self, doing: str) -> NoReturn:
        """Raise for a process that is gone."""
        self._reader.join(timeout=1)
        code = self._exit_code(wait_s=5)
        if code is not None and code < 0:
            name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
            what = f"was ended with {name}" if -code in SIGNALS else f"crashed with {name}"
            what = what if name != "SIGKILL" else "was killed (SIGKILL): out of memory?"
        else:
            what = f"ended its own process with exit code {code}"
        at = self._line_of_crash()
        self.lost = CandidateError(f"{self._subject}: {doing} {what}{f' at {at}' if at else ''}")
        self.kill()
        raise self.lost

    def _line_of_crash(self) -> str | None:
        """The line of the user's code a crash was in, as the interpreter has printed it."""
        if self._file is None:
            return None
        folder = os.path.dirname(os.path.abspath(self._file))
        crash = [line.strip() for line in self.printed if re.match(r'\s+File ".*", line \d+ in ', line)]
        own = next((line for line in crash if f'File "{folder}/' in line and "/site-packages/" not in line), None)
        return (
            re.sub(r'File "(.*)", line (\d+) in (.*)', r"\1:\2 (\3)", own.replace(f"{folder}/", "", 1)) if own else None
        )

    def kill(self) -> None:
        """End the process at once, and on Linux all it started; a call under way then raises.

        What it started in a session of its own is left where the process has ended before, as by a crash.
        """
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if pid := self._process.pid:
                if self._exit_code() is None:
                    _end_descendants(pid)
                os.killpg(pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError, ValueError):
            self._process.kill()
        self._exit_code(wait_s=5)

    def _exit_code(self, wait_s: float = 0) -> int | None:
        """With what the process has ended; None where it still runs."""
        connection.wait([self._process.sentinel], timeout=wait_s)
        with _EXIT_CODES:
            return self._process.exitcode  # type: ignore[no-any-return]

    def _read_output(self) -> None:
        """Keep the first lines of what is printed, and of the report of a crash; count the rest."""
        rest = b""
        crashed = False
        while True:
            try:
                read = os.read(self._output.fileno(), 2**16)
            except OSError:
                return
            if not read:
                break
            *lines, rest = (rest + read).split(b"\n")
            for line in lines:
                crashed = crashed or line.startswith(b"Fatal Python error")
                if len(self.printed) < (MOST_LINES_OF_A_CRASH if crashed else MOST_LINES):
                    self.printed.append(line.decode(errors="replace")[:200])
            self.lines += 0 if crashed else len(lines)
            rest = rest[-200:]
        if rest:
            self.printed.append(rest.decode(errors="replace"))
            self.lines += 1
        self._output.close()


def _serve(requests: Any, output: Any, lives: Any, entry: str, memory: int | None, server: str | None) -> None:
    """The child: one object, its methods called one after another until the parent is gone.

    `server`: the address of the server that this process was forked from.
    """
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)  # the server has them blocked
    if sys.platform.startswith("linux"):
        end_with_writer(lives.fileno(), -os.getpgrp())
        _adopt_orphans()
    else:
        threading.Thread(target=_end_with, args=(lives.fileno(),), daemon=True).start()
    for stream in (1, 2):
        os.dup2(output.fileno(), stream)
    output.close()
    sys.stdout = open(1, "w", buffering=1, closefd=False, errors="replace")  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, closefd=False, errors="replace")  # noqa: SIM115
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    faulthandler.enable(file=sys.stderr)
    _bound_memory(memory)
    _share_server(server)
    _leave_tracker()
    own = os.getpid()
    module, _, name = entry.partition(":")
    served = getattr(importlib.import_module(module), name)()
    dumps = getattr(served, "dumps", _as_json)
    kind, reply = b"v", dumps(None)
    while True:
        try:
            _write(requests.fileno(), _HEAD.pack(_MARK, kind, len(reply)) + reply)
            _, _, length = _HEAD.unpack(_read(requests.fileno(), _HEAD.size))
            method, arguments = pickle.loads(_read(requests.fileno(), length))
        except (EOFError, OSError):
            os._exit(0)
        kind, reply = _answered(served, dumps, method, arguments)
        if os.getpid() != own:  # the candidate has forked, and this is not the one that was called
            os._exit(0)


def _write(file: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]


def _read(file: int, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        read = os.read(file, min(READ_BYTES, count - len(data)))
        if not read:
            raise EOFError
        data += read
    return bytes(data)


def _as_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def _texts(data: bytearray) -> list[str | None]:
    """The texts of an error, none of them longer than a reader would look at."""
    texts = json.loads(data)
    return [text.encode("utf-8", "replace").decode()[:LONGEST_TEXT] if text is not None else None for text in texts]


def _adopt_orphans() -> None:
    """Stay the ancestor of everything that this process starts, whatever session it goes to and whoever ends first."""
    import ctypes

    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _end_descendants(pid: int) -> None:
    """End what a process has started, in whatever session that is. The process is stopped meanwhile."""
    ended: set[int] = set()
    if not os.path.isdir(f"/proc/{pid}/task") or not list(_children(pid)):
        return
    os.kill(pid, signal.SIGSTOP)
    while found := [one for one in _descendants(pid) if one not in ended]:
        for one in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(one, signal.SIGKILL)
            ended.add(one)


def _descendants(pid: int) -> Iterator[int]:
    for child in _children(pid):
        yield child
        yield from _descendants(child)


def _children(pid: int) -> Iterator[int]:
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{thread}/children") as children:
                yield from map(int, children.read().split())


def _end_with(pipe: int) -> None:
    """End this process when the one at the other end of the pipe is gone, whatever is being computed here."""
    hung_up = select.poll()
    hung_up.register(pipe, 0)
    hung_up.poll()
    os.killpg(0, signal.SIGKILL)  # its own group: also what the user's code has started


def _answered(
    served: Any, dumps: Callable[[Any], bytes], method: str, arguments: tuple[Any, ...]
) -> tuple[bytes, bytes]:
    """The reply to a request: its kind, and its bytes."""
    trace: str | None = None
    try:
        return b"v", dumps(getattr(served, method)(*arguments))
    except CandidateError as error:
        kind, message, trace = b"f", str(error), error.trace
    except ConfigError as error:
        kind, message = b"c", str(error)
    except BaseException as error:
        kind, message, trace = _told(error)
        changes: list[str] = getattr(served, "changes", list)() if kind == b"i" else []
        if changes:
            kind, message, trace = b"f", f"{changes[0]}: {message}", None
    return kind, _as_json([message, trace])


def _told(error: BaseException) -> tuple[bytes, str, str | None]:
    """An error of another kind: the candidate's, where the memory is used up, where only Python raises such a thing, or
    where a line of the candidate's is on the way to it; ours, if not.
    """
    import traceback

    what = described(error)
    if isinstance(error, MemoryError) or "allocate memory" in what:
        reason = what.removeprefix("MemoryError: ").removeprefix("RuntimeError: ")
        return b"f", f"the candidate asks for more memory than it is given: {reason or 'MemoryError'}", None
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in frames if not frame.filename.startswith((*_folders_of_others(), "<"))]
    if theirs or not isinstance(error, Exception):
        at = f" ({Path(theirs[-1].filename).name}:{theirs[-1].lineno})" if theirs else ""
        return b"f", f"the candidate raised {what}{at}", None
    at = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return b"i", f"{what}{at}", "".join(traceback.format_exception(error))


def _folders_of_others() -> tuple[str, ...]:
    """The folders of code that is not a user's: of rnncli, of what is installed and of Python itself."""
    import sysconfig

    paths = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return (str(Path(__file__).parent), *(path for path in paths if path))


def _bound_memory(limit: int | None) -> None:
    """What the process may allocate; and that it goes first where the machine has none left."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
        score.write("1000")
    if limit is None or not sys.platform.startswith("linux"):
        return
    import resource

    with open("/proc/self/statm") as sizes:
        have = int(sizes.read().split()[5]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_DATA, (have + limit, have + limit))


def _share_server(address: str | None) -> None:
    """Fork from the server this process was forked from, as multiprocessing means to; it would start another."""
    from multiprocessing import forkserver

    server: Any = getattr(forkserver, "_forkserver", None)
    if getattr(server, "_forkserver_address", None):
        forkserver.ensure_running = server.ensure_running = lambda: None
        server._forkserver_address = address
        # The pipe that keeps the server alive: of the process that started the server alone, whatever survives here
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, server._forkserver_alive_fd, inheritable=False)
        os.close(nowhere)


def _leave_tracker() -> None:
    """Send what this process would tell multiprocessing's tracker nowhere: it prints a traceback for what it cannot
    read, and a candidate may write into any file.
    """
    from multiprocessing import resource_tracker

    tracker: Any = getattr(resource_tracker, "_resource_tracker")  # noqa: B009  # unknown to typeshed
    if tracker._fd is not None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, tracker._fd, inheritable=False)
        os.close(nowhere)


def _server_address() -> str | None:
    """Return the address of the server as another process may use it while this one lives."""
    from multiprocessing import forkserver

    address: str | None = getattr(forkserver, "_forkserver")._forkserver_address  # noqa: B009  # unknown to typeshed
    return address and address.replace("/proc/self/", f"/proc/{os.getpid()}/")


def _context() -> Any:
    methods = multiprocessing.get_all_start_methods()
    return multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")


@contextlib.contextmanager
def _blocked_signals() -> Iterator[None]:
    """Start a process that no signal ends which a terminal or a supervisor sends to all it runs: it ends with this one.

    Blocked and not ignored, so that none which is sent to this process meanwhile is lost.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _unlinked_socket() -> Iterator[None]:
    """Start the server on a socket that, on Linux, no file leads to as soon as the server is started.

    The socket is reached through a descriptor of this process, by this user's processes alone and whatever the length
    of TMPDIR. One of the abstract namespace would be open to other users.
    """
    if not sys.platform.startswith("linux") or not os.path.isdir("/proc/self/fd"):
        yield
        return
    from multiprocessing import forkserver

    folders: list[tuple[str, int]] = []

    def address(_: str) -> str:
        folder = tempfile.mkdtemp(prefix="rnncli-")
        folders.append((folder, os.open(folder, os.O_PATH | os.O_DIRECTORY)))
        return f"/proc/self/fd/{folders[-1][1]}/socket"

    addresses: Any = connection
    before, addresses.arbitrary_address = addresses.arbitrary_address, address
    try:
        yield
    finally:
        addresses.arbitrary_address = before
        for folder, opened in folders:  # one where a server was started, none where it runs
            with contextlib.suppress(FileNotFoundError):
                socket = os.open("socket", os.O_PATH, dir_fd=opened)
                os.unlink("socket", dir_fd=opened)
                getattr(forkserver, "_forkserver")._forkserver_address = f"/proc/self/fd/{socket}"  # noqa: B009
            os.close(opened)
            os.rmdir(folder)


@contextlib.contextmanager
def _without_current_folder() -> Iterator[None]:
    """Start an interpreter that imports nothing from the current folder, where a queue.py or a torch.py may lie.

    `python -c` puts that folder first. Where rnncli itself is found there alone, its own folder takes that place.
    """
    root = str(Path(__file__).resolve().parents[1])
    added = {SAFE_PATH: SAFE_PATH_OF_SERVER} if not os.environ.get(SAFE_PATH) else {}
    if root not in [os.path.abspath(entry) for entry in sys.path[1:]]:
        added["PYTHONPATH"] = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    before = {name: os.environ.get(name) for name in added}
    os.environ.update(added)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _without_main() -> Iterator[None]:
    """Start a process without it running this program's main file again, as multiprocessing would have it."""
    with _MAIN:
        before = sys.modules.get("__main__")
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            if before is not None:
                sys.modules["__main__"] = before


@contextlib.contextmanager
def _though_a_daemon() -> Iterator[None]:
    """Start a process from a daemonic one: from another of ours, or from a worker of Dask under its nanny.

    Multiprocessing refuses to, for what may be left behind when that one ends. Ours end with the pipe to it.
    """
    config: dict[str, Any] = multiprocessing.current_process()._config  # type: ignore[attr-defined]
    before = config.pop("daemon", None)
    try:
        yield
    finally:
        if before is not None:
            config["daemon"] = before
