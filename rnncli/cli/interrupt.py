"""The signals that end a command early: SIGINT (Ctrl-C), SIGTERM and SIGHUP.

The first signal raises Interrupted in the main thread, so that the command keeps what was finished. The process ends at
once for a second signal, before there is anything to keep, and where the main thread does not return to Python within
a moment (inside one long call of torch). A signal that was ignored when the process started stays ignored: SIGHUP under
nohup, SIGINT in a background job of a shell script.
"""

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from rnncli.core.errors import INTERRUPTIONS, ExitCode

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
TOGETHER_S = 0.5  # Signals this close are one request: `timeout` sends two, to the process and to its group.
GRACE_S = 1.0  # Time for the main thread to return to Python; a call of torch that ends sooner costs no result.
SHOW_CURSOR = b"\x1b[?25h"  # The progress bar hides the cursor of a terminal.
_NOTICED = b"\0"  # Sent to the watcher where it otherwise receives the numbers of signals.


class Interrupted(KeyboardInterrupt):
    """A signal that asks the command to end."""

    def __init__(self, number: int) -> None:
        super().__init__(INTERRUPTIONS[ExitCode(128 + number)])
        self.exit_code = ExitCode(128 + number)


def exit_code_of(error: KeyboardInterrupt) -> ExitCode:
    """Return the exit code for an interruption: 130 unless the signal is known to be another than SIGINT."""
    return error.exit_code if isinstance(error, Interrupted) else ExitCode.INTERRUPTED


class _Watch:
    """The signal handlers of a command, and the thread that ends the process where no handler can run."""

    def __init__(self) -> None:
        self._first: int | None = None
        self._again_from = 0.0  # when a further signal is a second request, on the monotonic clock
        self._ending = threading.Lock()
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._wake, False)
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._handlers = {
            number: signal.signal(number, self._handle)
            for number in SIGNALS
            if signal.getsignal(number) not in (signal.SIG_IGN, None)
        }
        self._wakeup_fd = signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        self._unraisable, sys.unraisablehook = sys.unraisablehook, self._raised_where_it_is_dropped
        self._thread.start()

    def stop(self) -> None:
        sys.unraisablehook = self._unraisable
        signal.set_wakeup_fd(self._wakeup_fd)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        os.close(self._wake)
        self._thread.join()
        os.close(self._woken)

    def _handle(self, number: int, _: FrameType | None) -> None:
        if self._first is not None or not _keeps_results:
            return  # the other thread ends the process
        self._again_from = time.monotonic() + TOGETHER_S
        self._first = number
        with suppress(OSError):
            os.write(self._wake, _NOTICED)
        raise Interrupted(number)

    def _watch(self) -> None:
        pending: int | None = None  # the first signal, until the handler in the main thread has seen it
        again_from = 0.0
        timeout_s: float | None = None
        woken = select.poll()
        woken.register(self._woken, select.POLLIN)
        while True:
            if not woken.poll(timeout_s and 1000 * timeout_s):
                if self._first is None and pending is not None:
                    self._end_at_once(pending)
                timeout_s = None
                continue
            received = os.read(self._woken, 1)
            if not received:
                return
            if received == _NOTICED:
                timeout_s = None
            elif received[0] in self._handlers:
                now = time.monotonic()
                if pending is None and self._first is None and _keeps_results:
                    pending, again_from, timeout_s = received[0], now + TOGETHER_S, GRACE_S
                elif now >= max(again_from, self._again_from):
                    self._end_at_once(received[0])

    def _end_at_once(self, number: int) -> None:
        if not self._ending.acquire(blocking=False):  # the other thread is ending the process
            return
        code = ExitCode(128 + number)
        with suppress(OSError):  # not print: this thread may be inside one
            os.write(2, (SHOW_CURSOR if os.isatty(2) else b"") + f"rnncli: {INTERRUPTIONS[code]}\n".encode())
        os._exit(code)

    def _raised_where_it_is_dropped(self, unraisable: Any) -> None:
        if issubclass(unraisable.exc_type, Interrupted):  # in a destructor, from which no exception leaves
            self._end_at_once(self._first or signal.SIGINT)
        self._unraisable(unraisable)


_keeps_results = False


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let SIGINT, SIGTERM and SIGHUP end this command, but for those that this process ignores."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    watch = _Watch()
    try:
        yield
    finally:
        watch.stop()


@contextmanager
def keeping_results(keeps: bool = True) -> Iterator[None]:
    """Raise Interrupted for a signal here; with `keeps` false, end the process at once instead."""
    global _keeps_results
    before, _keeps_results = _keeps_results, keeps
    try:
        yield
    finally:
        _keeps_results = before
