"""`rnncli faults`."""

import json
from textwrap import fill
from typing import TYPE_CHECKING, Annotated

import typer

from rnncli.cli.options import Format, Output

if TYPE_CHECKING:
    from rnncli.core.records import Detail
    from rnncli.faults.fault import Fault

PAGE_WIDTH = 80
KEYS = ("id", "written", "shows", "fix", "own_evidence")  # of a fault, in JSON


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
        found = [{key: getattr(fault, key) for key in KEYS} for fault in CATALOGUE.values() if id in (None, fault.id)]
        text = json.dumps(found[0] if id else found, indent=2)
    elif detail == "quiet":
        text = f"{id}: {CATALOGUE[id].written}" if id else f"{len(CATALOGUE)} faults"
    else:
        text = _entry(CATALOGUE[id]) if id else _table(list(CATALOGUE.values()))
    write_text(f"{text}\n", output)


def _table(faults: "list[Fault]") -> str:
    rows = {fault.id: fault.written for fault in faults if not fault.own_evidence}
    others = {fault.id: fault.written for fault in faults if fault.own_evidence}
    width = max(len(fault.id) for fault in faults)
    parts = [_folded({"id": "what was written"}, width), _folded(rows, width)]
    parts += ["found by their own evidence, not by values:", _folded(others, width)]
    return "\n\n".join([*parts, f"{len(faults)} faults; `rnncli faults ID` shows how one shows, and how to fix it"])


def _entry(fault: "Fault") -> str:
    needs = " and ".join(need.what for need in fault.needs)
    parts = {
        "written": fault.written,
        "shows": fault.shows,
        "fix": fault.fix,
        "applies to": f"cases with {needs}" if needs else "every case",
        "found by": "its own evidence" if fault.own_evidence else "values, shapes or gradients",
    }
    return f"{fault.id}\n\n{_folded(parts, max(map(len, parts)))}"


def _folded(rows: dict[str, str], width: int) -> str:
    indent = " " * (width + 2)
    return "\n".join(
        fill(text, PAGE_WIDTH, initial_indent=f"{label:{width}}  ", subsequent_indent=indent, break_on_hyphens=False)
        for label, text in rows.items()
    )
