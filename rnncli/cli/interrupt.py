"""Ctrl-C while torch is inside one long call, where Python would not look until the call returns."""

import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rnncli.errors import ExitCode

GRACE_S = 1.0  # for the main thread to notice by itself


@contextmanager
def prompt_interrupts() -> Iterator[None]:
    """A SIGINT that the main thread does not get to within a moment ends the process with 130."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    wake, woken = socket.socketpair()
    wake.setblocking(False)
    noticed = threading.Event()

    def watch() -> None:
        while (received := woken.recv(1)) != bytes([signal.SIGINT]):
            if not received:
                return
        if not noticed.wait(GRACE_S):
            print("rnncli: interrupted", file=sys.stderr, flush=True)
            os._exit(ExitCode.INTERRUPTED)

    before = signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        noticed.set()
        signal.set_wakeup_fd(before)
        wake.close()
        watcher.join()
        woken.close()
