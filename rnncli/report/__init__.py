"""Records into text. One file per format, imported when it is asked for; rendering never computes."""

from collections.abc import Callable
from importlib import import_module

from rnncli.records import RunRecord

FORMATS = ("table", "json")


def renderer(name: str) -> Callable[[RunRecord], str]:
    """The function of a format: a record in, the text that is written whole to a file or to stdout."""
    render: Callable[[RunRecord], str] = import_module(f"rnncli.report.{name}").render
    return render
