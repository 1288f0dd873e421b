"""What makes a command start quickly, beside importing nothing it does not need."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quick_imports() -> Iterator[None]:
    """Import without collecting garbage: torch makes a million objects that all stay, and looking them over again and
    again is an eighth of its import. Afterwards they are left out of every later collection."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
