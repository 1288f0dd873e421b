"""The computation of a case in words, sizes, a picture and code. One file per format, imported when it is asked for."""

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rnncli.explain.blocks import Page

FORMATS = ("table", "markdown", "html")


def renderer(name: str) -> "Callable[[Page], Iterator[str]]":
    """Return the function of a format: a page in, the text in pieces."""
    render: Callable[[Page], Iterator[str]] = import_module(f"rnncli.explain.{name}").render
    return render
