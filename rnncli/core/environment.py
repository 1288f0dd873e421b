"""The part of the environment that is known without torch."""

import os
import platform
import sys
from pathlib import Path
from typing import Any

from rnncli import __version__


def static_environment() -> dict[str, Any]:
    """Return the versions of rnncli and Python, the platform, the processor and the CPUs this process may use."""
    return {
        "rnncli": __version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _processor(),
        "cpus": len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count(),
    }


def _processor() -> str | None:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or None
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else None
