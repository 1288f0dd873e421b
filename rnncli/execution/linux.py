"""What the kernel is asked for: to end processes with the one that needs them, and to limit their memory.

All of it is Linux's; elsewhere processes end less surely and have no limit of memory.
"""

import contextlib
import fcntl
import os
import select
import signal
import sys
import threading
from collections.abc import Iterator

LINUX = sys.platform.startswith("linux")
PR_SET_CHILD_SUBREAPER = 36  # of <linux/prctl.h>


def end_with_writer(pipe: int, owner: int) -> None:
    """Have the kernel send SIGKILL to `owner`, a process or minus a process group, when no writer of the pipe is left.

    A thread could not do so while a regular expression or an import holds the interpreter. On other systems than Linux
    a thread does it for the group of this process.
    """
    if not LINUX:
        threading.Thread(target=_end_group_with_writer, args=(pipe,), daemon=True).start()
        return
    fcntl.fcntl(pipe, fcntl.F_SETOWN, owner)
    fcntl.fcntl(pipe, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(pipe, fcntl.F_SETFL, fcntl.fcntl(pipe, fcntl.F_GETFL) | os.O_ASYNC)
    if _hung_up(pipe, timeout_ms=0):  # before the kernel was asked
        os.kill(owner, signal.SIGKILL)


def _end_group_with_writer(pipe: int) -> None:
    _hung_up(pipe)
    os.killpg(0, signal.SIGKILL)


def _hung_up(pipe: int, timeout_ms: int | None = None) -> bool:
    waiting = select.poll()
    waiting.register(pipe, 0)
    return bool(waiting.poll(timeout_ms))


def adopt_orphans() -> None:
    """Keep this process the ancestor of everything it starts, in whatever session that is and whoever ends first."""
    import ctypes

    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_descendants(pid: int) -> None:
    """End all that a process has started, in whatever session. The process itself is stopped."""
    if not any(_children(pid)):
        return
    os.kill(pid, signal.SIGSTOP)
    ended: set[int] = set()
    while found := set(_descendants(pid)) - ended:
        for descendant in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(descendant, signal.SIGKILL)
        ended |= found


def _descendants(pid: int) -> Iterator[int]:
    for child in _children(pid):
        yield child
        yield from _descendants(child)


def _children(pid: int) -> Iterator[int]:
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{thread}/children") as children:
                yield from map(int, children.read().split())


def limit_memory(limit: int | None) -> None:
    """Let this process allocate `limit` bytes more than it has, and be the first to go where the machine has none left.

    None sets no limit.
    """
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
        score.write("1000")
    if limit is None or not LINUX:
        return
    import resource

    with open("/proc/self/statm") as sizes:
        allocated = int(sizes.read().split()[5]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_DATA, (allocated + limit, allocated + limit))
