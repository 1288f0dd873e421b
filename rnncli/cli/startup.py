"""A quick import of torch."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from rnncli.cli.interrupt import keeping_results


@contextmanager
def quick_imports() -> Iterator[None]:
    """Import without collecting garbage: torch makes a million objects that all stay, and looking them over again and
    again is an eighth of its import. Afterwards they are left out of every later collection. A signal ends the process
    at once here: an exception from it, raised inside the import of an extension module, might come out as another."""
    gc.disable()
    try:
        with keeping_results(False):
            yield
    finally:
        gc.freeze()
        gc.enable()
