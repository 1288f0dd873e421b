"""`rnncli faults`."""

from typing import TYPE_CHECKING, Annotated

import typer

from rnncli.cli.options import Format, Output

if TYPE_CHECKING:
    from rnncli.core.records import Detail
    from rnncli.faults.fault import Fault

PAGE_WIDTH = 80


def _ids() -> list[str]:
    from rnncli.faults.catalogue import CATALOGUE

    return list(CATALOGUE)


def faults(
    id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="One fault, in full", autocompletion=_ids, show_default=False)
    ] = None,
    format: Format = None,
    output: Output = None,
    *,
    detail: "Detail",
) -> None:
    """The fault catalogue: how each one shows, how to fix it.

    \b
    Examples:
      rnncli faults
      rnncli faults reverse-not-restored
      rnncli faults --format json
    """
    from rnncli.cli.output import check_destination, write_text
    from rnncli.core.errors import ConfigError, nearest
    from rnncli.faults.catalogue import CATALOGUE

    format = check_destination(format, output)
    if id is not None and id not in CATALOGUE:
        raise ConfigError(
            f'ID: "{id}" is not a fault of the catalogue{nearest(id, CATALOGUE)}; `rnncli faults` lists all of them'
        )
    if format == "json":
        text = _json(CATALOGUE[id]) if id else _json(*CATALOGUE.values(), many=True)
    elif detail == "quiet":
        text = f"{id}: {CATALOGUE[id].written}\n" if id else f"{len(CATALOGUE)} faults\n"
    else:
        text = _entry(CATALOGUE[id]) if id else _table(list(CATALOGUE.values()))
    write_text(text, output)


def _table(faults: "list[Fault]") -> str:
    """Id and what was written, in two columns of a page; below them, where there is more."""
    width = max(len(fault.id) for fault in faults)
    by_values = [_folded(fault.id, fault.written, width) for fault in faults if not fault.own_evidence]
    by_evidence = [_folded(fault.id, fault.written, width) for fault in faults if fault.own_evidence]
    lines = [_folded("id", "what was written", width), "", *by_values]
    lines += ["", "found by their own evidence, not by values:", "", *by_evidence]
    lines += ["", f"{len(faults)} faults; `rnncli faults ID` shows how one shows, and how to fix it"]
    return "\n".join(lines) + "\n"


def _entry(fault: "Fault") -> str:
    """Everything the catalogue says of one fault."""
    needs = " and ".join(need.what for need in fault.needs)
    parts = {
        "written": fault.written,
        "shows": fault.shows,
        "fix": fault.fix,
        "applies to": f"cases with {needs}" if needs else "every case",
        "found by": "its own evidence" if fault.own_evidence else "values, shapes or gradients",
    }
    width = max(map(len, parts))
    return "\n".join([fault.id, "", *(_folded(label, text, width) for label, text in parts.items())]) + "\n"


def _folded(label: str, text: str, width: int) -> str:
    """A label in a column of `width`, and beside it the text, folded at the width of the page."""
    import textwrap

    indent = " " * (width + 2)
    return textwrap.fill(
        text, PAGE_WIDTH, initial_indent=f"{label:{width}}  ", subsequent_indent=indent, break_on_hyphens=False
    )


def _json(*faults: "Fault", many: bool = False) -> str:
    import json

    keys = ("id", "written", "shows", "fix", "own_evidence")
    described = [{key: getattr(fault, key) for key in keys} for fault in faults]
    return json.dumps(described if many else described[0], indent=2) + "\n"
