"""`rnncli faults`."""

import json
from textwrap import fill
from typing import TYPE_CHECKING, Annotated

import typer

from rnncli.cli.options import Format, Output, option
from rnncli.core.cells import CELLS

if TYPE_CHECKING:
    from rnncli.core.records import Detail
    from rnncli.faults.fault import Fault

PAGE_WIDTH = 80
KEYS = ("id", "written", "shows", "fix", "own_evidence")  # of a fault, in JSON


def _ids() -> list[str]:
    from rnncli.faults.catalogue import CATALOGUES

    return [*dict.fromkeys(id for catalogue in CATALOGUES.values() for id in catalogue)]


def faults(
    id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="One fault, in full", autocompletion=_ids, show_default=False)
    ] = None,
    cell: str = option("--cell CELL", "RNN, GRU or LSTM  [RNN]", values=tuple(CELLS), default="RNN"),
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
      rnncli faults --cell LSTM
      rnncli faults --format json
    """
    from rnncli.cli.output import check_destination, write_text
    from rnncli.core.records import SCHEMA_VERSION
    from rnncli.faults.catalogue import CATALOGUES

    format, catalogue = check_destination(format, output), CATALOGUES[_cell(cell)]
    command = "rnncli faults" if catalogue is CATALOGUES["RNN"] else f"rnncli faults --cell {_cell(cell)}"
    if id is not None and id not in catalogue:
        raise _unknown(id, catalogue, command)
    if format == "json":
        found = [{key: getattr(fault, key) for key in KEYS} for fault in catalogue.values() if id in (None, fault.id)]
        told = {"schema_version": SCHEMA_VERSION, "command": "faults", "cell": _cell(cell), "faults": found}
        text = json.dumps(told, indent=2)
    elif detail == "quiet":
        text = f"{id}: {catalogue[id].written}" if id else f"{len(catalogue)} faults"
    else:
        text = _entry(catalogue[id]) if id else _table(list(catalogue.values()), command)
    write_text(f"{text}\n", output)


def _cell(given: str) -> str:
    from rnncli.core.errors import ConfigError, nearest, shown

    if given.upper() in CELLS:
        return given.upper()
    raise ConfigError(
        f"--cell: {shown(given)} is not allowed{nearest(given, tuple(CELLS))}; allowed: {', '.join(CELLS)}"
    )


def _unknown(id: str, catalogue: "dict[str, Fault]", command: str) -> Exception:
    from rnncli.core.errors import ConfigError, nearest
    from rnncli.faults.catalogue import CATALOGUES

    elsewhere = [cell for cell, faults in CATALOGUES.items() if id in faults]
    if elsewhere:
        return ConfigError(f'ID: "{id}" is a fault of cell {" and ".join(elsewhere)}; add --cell {elsewhere[0]}')
    hint = nearest(id, catalogue)
    return ConfigError(f'ID: "{id}" is not a fault of the catalogue{hint}; `{command}` lists all of them')


def _table(faults: "list[Fault]", command: str) -> str:
    rows = {fault.id: fault.written for fault in faults if not fault.own_evidence}
    others = {fault.id: fault.written for fault in faults if fault.own_evidence}
    width = max(len(fault.id) for fault in faults)
    parts = [_folded({"id": "what was written"}, width), _folded(rows, width)]
    parts += ["found by their own evidence, not by values:", _folded(others, width)]
    return "\n\n".join([*parts, f"{len(faults)} faults; `{command} ID` shows how one shows, and how to fix it"])


def _entry(fault: "Fault") -> str:
    needs = " and ".join(need.what for need in fault.needs)
    parts = {
        "written": fault.written,
        **({"in forms": "; ".join(fault.forms)} if fault.forms else {}),
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
