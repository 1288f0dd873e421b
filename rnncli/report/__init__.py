"""Records into text. One file per format, imported when it is asked for; rendering never computes."""

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rnncli.core.records import RunRecord

FORMATS = ("table", "json", "jsonl", "junit", "markdown", "html", "github", "csv")
OF_ONE_COMMAND = ("table", "json")  # of commands whose result is not a list of verdicts


def renderer(name: str) -> "Callable[[RunRecord], Iterator[str]]":
    """The function of a format: a record in, the text in pieces, written whole to a file or to stdout."""
    render: Callable[[RunRecord], Iterator[str]] = import_module(f"rnncli.report.{name}").render
    return render
