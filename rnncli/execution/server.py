"""Imported first by the server that processes are forked from: on Linux it ends with the process that started it.

The server of multiprocessing looks after that process too, but only when it has loaded torch.
"""

import os
import sys

from rnncli.execution.process import SAFE_PATH, SAFE_PATH_OF_SERVER, end_with_writer


def _pipe_of_starter() -> int | None:
    # multiprocessing hands this descriptor to the function that imports this module, and keeps it nowhere else
    frame = sys._getframe().f_back
    while frame:
        if frame.f_globals.get("__name__") == "multiprocessing.forkserver" and "alive_r" in frame.f_locals:
            return int(frame.f_locals["alive_r"])
        frame = frame.f_back
    return None


if sys.platform.startswith("linux") and (pipe := _pipe_of_starter()) is not None:
    end_with_writer(pipe, os.getpid())

if os.environ.get(SAFE_PATH) == SAFE_PATH_OF_SERVER:
    del os.environ[SAFE_PATH]
