"""Records into text. One file per format, imported when it is asked for, and what several of them share.

Rendering never computes.
"""

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rnncli.core.records import RunRecord

FORMATS = ("table", "json", "jsonl", "junit", "markdown", "html", "github", "csv")
OF_ONE_COMMAND = ("table", "json")  # of commands whose result is not a list of verdicts
SUFFIXES = {".json": "json", ".jsonl": "jsonl", ".xml": "junit", ".md": "markdown", ".csv": "csv", ".txt": "table"}
SUFFIXES |= dict.fromkeys((".html", ".htm"), "html")  # a file with any other suffix is a table
DRAWS_ENVELOPES = ("html",)  # `verify` works the noise envelope of every case out for them


def renderer(name: str) -> "Callable[[RunRecord], Iterator[str]]":
    """Return the function of a format: a record in, the text in pieces, written whole to a file or to stdout.

    The record may be of any command. Its cases may come from files as they are read; a case may have no verdict, since
    it failed. A function escapes text from elsewhere for its format, and takes control characters out by `printable`.
    """
    render: Callable[[RunRecord], Iterator[str]] = import_module(f"rnncli.report.{name}").render
    return render
