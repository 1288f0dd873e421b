"""The server that processes are forked from: Python with torch loaded, which computes nothing itself.

Importing torch takes a second, and a process that has computed with torch cannot be forked: the child deadlocks.
No file leads to the socket of the server. On Linux the kernel ends the server with the process that started it.
"""

import importlib
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NamedTuple, NoReturn

from rnncli.core.errors import UnavailableError
from rnncli.execution import child
from rnncli.execution.linux import LINUX, end_with_writer

PRELOADED = ("rnncli.pipeline.grid",)  # by name: they stand above this room
PRELOADED_FOR_USERS_CODE = ("rnncli.pipeline.candidate_server", "rnncli.candidate.reading")
PRELOADED_FOR_MANY = ("rnncli.faults.warm",)  # takes as long again as torch itself; a guard that is needed loads it
_NUMBER = struct.Struct("!i")  # of a process, and its exit code
_ROOT = str(Path(__file__).parents[2])
_FILES = 4  # of a request: three for `child.run`, and the pipe for the number and the exit code
_UNKNOWN = 255  # the exit code of a process whose server was killed


class _Server(NamedTuple):
    requests: int  # the socket on which it is asked for processes
    pid: int | None = None  # None in a process that it has forked
    alive: int = -1  # a pipe that closes with this process

    def runs(self) -> bool:
        with suppress(ChildProcessError):  # this process is a fork of the one that started the server
            return self.pid is None or os.waitpid(self.pid, os.WNOHANG)[0] == 0
        return False


_server: _Server | None = None
_starting = threading.Lock()


def start_server(users_code: bool = True, many: bool = False) -> None:
    """Start the server, which loads torch while the caller goes on; do nothing where it runs.

    `users_code`: load what the processes of candidates need. `many`: load also what many cases share.
    Raises UnavailableError.
    """
    global _server
    with _starting:
        if _server and _server.runs():
            return
        if _server:
            os.close(_server.requests)
            os.close(_server.alive)
            _server = None
        preloaded = [*PRELOADED, *(PRELOADED_FOR_USERS_CODE if users_code else ())]
        preloaded += PRELOADED_FOR_MANY if users_code and many else ()
        try:
            _server = _spawn(preloaded)
        except OSError as error:
            raise UnavailableError(f"no process can be started here: {error}") from None


def _spawn(preloaded: Sequence[str]) -> _Server:
    requests, received = (end.detach() for end in socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM))
    watched, alive = os.pipe()
    files = (received, requests, watched)
    for file in files:
        os.set_inheritable(file, True)
    code = f"import sys; sys.path[:] = {[_ROOT, *_import_path()]}; import rnncli; del sys.path[0]; "  # this very one
    code += f"from rnncli.execution.server import serve; serve(*{files}, {preloaded})"
    flags: list[str] = getattr(subprocess, "_args_from_interpreter_flags")()  # noqa: B009  # unknown to typeshed
    command = [sys.executable, *flags, "-c", code]
    try:  # with the signals blocked that a terminal or a supervisor sends to all processes of a command
        pid = os.posix_spawn(sys.executable, command, os.environ, setsigmask=child.SIGNALS)
    finally:
        os.close(received)
        os.close(watched)
        os.set_inheritable(requests, False)
    return _Server(requests, pid, alive)


def _import_path() -> list[str]:
    path = [os.path.abspath(folder) for folder in sys.path]
    return path[1:] if path[0] == os.getcwd() else path  # a torch.py may lie in the current folder


class ForkedProcess:
    """A process that the server has forked: its `pid`, and the socket `connection` to it, which is shut down when the
    process has ended, also where its descendants hold the other end.
    """

    def __init__(self, output: int) -> None:
        """Fork a process that prints into `output`, which is closed here. Raises OSError where the server is gone."""
        start_server()
        assert _server is not None
        with ExitStack() as kept:
            self.connection, requests = socket.socketpair()
            (lives, alive), (exits, status) = os.pipe(), os.pipe()
            kept.callback(os.close, alive)
            kept.enter_context(self.connection)
            given = [requests.detach(), output, lives, status]
            try:
                with socket.fromfd(_server.requests, socket.AF_UNIX, socket.SOCK_DGRAM) as server:
                    socket.send_fds(server, [b"fork"], given)
            finally:
                for file in given:
                    os.close(file)
            number = os.read(exits, _NUMBER.size)
            if not number:
                raise OSError("the server is gone")
            self.pid: int = _NUMBER.unpack(number)[0]
            self.close = kept.pop_all().close  # of the connection, and of the pipe with which the process ends
        self._exit_code: int | None = None
        self._exited = threading.Event()
        threading.Thread(target=self._wait, args=(exits,), daemon=True).start()

    def exit_code(self, wait_s: float = 0) -> int | None:
        """Return the exit code, or minus the number of a signal; None where the process still runs after `wait_s`."""
        self._exited.wait(wait_s)
        return self._exit_code

    def _wait(self, exits: int) -> None:
        code = os.read(exits, _NUMBER.size)
        os.close(exits)
        self._exit_code = _NUMBER.unpack(code)[0] if code else _UNKNOWN
        self._exited.set()
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


def serve(received: int, requests: int, watched: int, preloaded: Sequence[str]) -> NoReturn:
    """Fork a process for each request, in the server.

    `requests`: for the processes, which may ask for others. `watched`: a pipe that closes when the server is to end.
    """
    global _server
    if LINUX:
        end_with_writer(watched, os.getpid())
    for name in preloaded:
        with suppress(Exception):  # told by the process that needs it
            importlib.import_module(name)
    _server = _Server(requests)
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    statuses: dict[int, int] = {}  # the pipe for the exit code of each process
    waiting = select.poll()
    for file in (received, watched, woken):
        waiting.register(file, select.POLLIN)
    listening = socket.socket(fileno=received)
    while True:
        ready = [file for file, _ in waiting.poll()]
        if watched in ready:
            os._exit(0)
        if woken in ready:
            os.read(woken, 2**16)
            _report_exits(statuses)
        if received in ready:
            _fork(socket.recv_fds(listening, 64, _FILES)[1], statuses, (received, watched, woken, wake))


def _fork(files: list[int], statuses: dict[int, int], of_server: Sequence[int]) -> None:
    pid = -1
    if len(files) == _FILES:  # else it is no request: a candidate may write into any file
        with suppress(OSError):  # who asked for the process sees that its pipe is closed
            pid = os.fork()
    if pid == 0:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for file in (*of_server, *statuses.values(), files.pop()):
            os.close(file)
        child.run(*files)
    if pid > 0:
        statuses[pid] = files.pop()
        with suppress(OSError):  # nobody waits for it
            os.write(statuses[pid], _NUMBER.pack(pid))
    for file in files:
        os.close(file)


def _report_exits(statuses: dict[int, int]) -> None:
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            status = statuses.pop(ended[0])
            with suppress(OSError):  # nobody waits for it
                os.write(status, _NUMBER.pack(os.waitstatus_to_exitcode(ended[1])))
            os.close(status)
