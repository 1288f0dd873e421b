"""A process that holds an object, and the calls of its methods: a crash or a hang there costs no more than a call.

What the process prints is kept here, its memory is limited, and it is ended where a call takes too long. However this
process ends, by SIGKILL too, the other leaves nothing: on Linux the kernel then ends it with all it has started.
"""

import contextlib
import json
import os
import pickle
import re
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, NoReturn

from rnncli.core.errors import CandidateError, ConfigError, RnncliError
from rnncli.execution.channel import CANDIDATE, CONFIG, INTERNAL, VALUE, exchange
from rnncli.execution.child import SIGNALS
from rnncli.execution.linux import end_descendants
from rnncli.execution.server import ForkedProcess

MOST_LINES = 10  # of what is printed there
MOST_LINES_OF_A_CRASH = 1000  # the interpreter prints 100 frames of each thread
MOST_BYTES = 2**36  # of a reply, where nothing is known of its size
LONGEST_TEXT = 100_000  # characters of an error
STARTED_S = 60.0  # for the process to make its object
EXTRA_BYTES = 4 * 2**30  # more than the case itself needs


class TookTooLong(CandidateError):
    """A call that was ended because of its time."""


class ChildProcess:
    """A process that holds one object, made from `entry` ("module:class"), and calls its methods.

    `failure` says why the process is gone, where it is. `printed` holds the first of the `lines` that it has printed.
    """

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
        """Start the process. Raises CandidateError, and UnavailableError where no process can be started at all.

        `subject`: whose process it is, for messages. `timeout_s`: of a call. `memory`: bytes the process may take.
        `file`: of the user's code that runs there, whose line a crash is told with. `loads`: makes of the bytes of a
        reply, of which there are no more than `most_bytes`, what the method returned; `dumps` of the class, where it
        has one, makes these bytes. Where users' code runs, nothing may be unpickled.
        """
        self._subject, self.timeout_s, self._file = subject, timeout_s, file
        self._loads, self._most_bytes = loads, most_bytes
        self.failure: CandidateError | None = None
        self.printed: list[str] = []
        self.lines = 0
        output, printed = os.pipe()
        self._reader = threading.Thread(target=self._read_output, args=(output,), daemon=True)
        self._reader.start()
        try:
            self._process = ForkedProcess(printed)
        except OSError as error:  # the server is gone: the next start begins with another
            raise CandidateError(f"{subject}: it could not be started: {error}") from None
        path = [os.path.abspath(folder) for folder in sys.path]
        try:
            start = pickle.dumps((entry, memory, os.getcwd(), path, sys.argv))
            self._exchange(start, "starting", time.monotonic() + STARTED_S)
        except BaseException:
            self.close()
            raise

    def call(self, doing: str, method: str, *arguments: Any) -> Any:
        """Return what a method of the object returns.

        Raises CandidateError for what the candidate does, which names `doing`, and RnncliError for a defect of ours.
        """
        if self.failure:
            raise self.failure
        return self._exchange(pickle.dumps((method, arguments)), doing, time.monotonic() + self.timeout_s)

    def close(self) -> None:
        """End the process and what it started; see `kill`."""
        self.kill()
        self._process.close()
        self._reader.join(timeout=1)

    def kill(self) -> None:
        """End the process at once, and on Linux all it started; a call under way then raises.

        What it started in a session of its own is left where the process has ended before, as by a crash.
        """
        pid, runs = self._process.pid, self._process.exit_code() is None
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if runs:
                end_descendants(pid)
            os.killpg(pid, signal.SIGKILL)
        if runs:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)  # which has no group yet where it has just been started
        self._process.exit_code(wait_s=5)

    def _exchange(self, request: bytes, doing: str, deadline: float) -> Any:
        try:
            kind, data = exchange(self._process.connection, request, deadline, self._most_bytes)
            reply = self._loads(data) if kind == VALUE else _error(kind, data)
        except TimeoutError:
            what = f"{doing} took longer than {self.timeout_s:g} s and was ended; --timeout allows more"
            self._fail(TookTooLong(f"{self._subject}: {what}"))
        except (EOFError, ConnectionError):
            self._fail(CandidateError(f"{self._subject}: {doing} {self._how_it_ended()}"))
        except Exception:  # what was sent is no reply
            what = f"{doing} wrote into the pipe that its results are read from, and was ended; it may write into files"
            self._fail(CandidateError(f"{self._subject}: {what} that it has opened"))
        if kind != VALUE:
            raise reply
        return reply

    def _fail(self, failure: CandidateError) -> NoReturn:
        self.kill()
        self.failure = failure
        raise failure from None

    def _how_it_ended(self) -> str:
        self._reader.join(timeout=1)
        code = self._process.exit_code(wait_s=5)
        if code is None or code >= 0:
            what = f"ended its own process with exit code {code}"
        elif code == -signal.SIGKILL:
            what = "was killed (SIGKILL): out of memory?"
        else:
            name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
            what = f"was ended with {name}" if -code in SIGNALS else f"crashed with {name}"
        at = self._line_of_crash()
        return f"{what} at {at}" if at else what

    def _line_of_crash(self) -> str | None:
        folder = re.escape(os.path.dirname(os.path.abspath(self._file)) + "/") if self._file else None
        for line in self.printed if folder else ():
            frame = re.fullmatch(rf'\s+File "{folder}(.*)", line (\d+) in (.*?)\s*', line)
            if frame and "/site-packages/" not in line:
                return "{}:{} ({})".format(*frame.groups())
        return None

    def _read_output(self, output: int) -> None:
        """Keep the first lines of what is printed, and of the report of a crash; count the lines."""
        crashed, begins = False, True
        with open(output, "rb") as printed:
            while text := printed.readline(2**16):
                if begins:
                    crashed = crashed or text.startswith(b"Fatal Python error")
                    self.lines += not crashed
                    if len(self.printed) < (MOST_LINES_OF_A_CRASH if crashed else MOST_LINES):
                        self.printed.append(text.removesuffix(b"\n").decode(errors="replace")[:200])
                begins = text.endswith(b"\n")


def _error(kind: bytes, data: bytearray) -> RnncliError:
    """Return the error that a reply tells of. Raises an exception of any kind for what is none."""
    said, trace = (text and text.encode("utf-8", "replace").decode()[:LONGEST_TEXT] for text in json.loads(data))
    if kind == CANDIDATE:
        return CandidateError(said, trace)
    if kind == CONFIG:
        return ConfigError(said)
    if kind != INTERNAL:
        raise ValueError(kind)
    defect = RnncliError(f"internal error: {said}; please report it")
    defect.add_note(trace)
    return defect
