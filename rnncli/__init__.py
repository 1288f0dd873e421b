"""rnncli: the tool to run before trusting a recurrent layer."""

import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnncli.api import Report, assert_parity, verify

__version__ = "0.1.0"
__all__ = ["Report", "__version__", "assert_parity", "verify"]

# torch works without numpy, and says so at import; nobody who runs rnncli can use that line
warnings.filterwarnings("ignore", message="Failed to initialize NumPy", category=UserWarning)


def __getattr__(name: str) -> Any:
    """`verify`, `assert_parity` and `Report`, imported when they are first asked for."""
    if name in ("Report", "assert_parity", "verify"):
        from rnncli import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
