"""Records as JSON and back: a case in a line of its own, or all that a document holds."""

import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from functools import cache
from typing import TYPE_CHECKING, Any

from rnncli.core.records import CaseRecord, Gate, Growth

if TYPE_CHECKING:
    from pydantic import TypeAdapter


def case_to_json(case: CaseRecord, indent: int | None = None) -> str:
    """Return a case as JSON, in the order of its fields. A number that is not finite becomes null."""
    return _adapter(CaseRecord).dump_json(case, by_alias=True, indent=indent).decode()


def parts_to_json(parts: Sequence[Growth | Gate]) -> list[dict[str, Any]]:
    """Return what stands beside the cases as plain values under the names it has in JSON."""
    return [{name.removesuffix("_"): value for name, value in asdict(part).items()} for part in parts]


def parts_from_json(document: dict[str, Any]) -> tuple[list[Growth], list[Gate]]:
    """Return the growth and gates that `parts_to_json` gave. Raises ValueError, which says what is wrong with them."""
    growth, gates = (document.get(name) or [] for name in ("growth", "gates"))
    return _adapter(list[Growth]).validate_python(growth), _adapter(list[Gate]).validate_python(gates)


def line_of(head: dict[str, Any], case: CaseRecord) -> str:
    """Return a case as a line of JSON after the entries of `head`. What did not run is left out of nested records."""
    body = _adapter(CaseRecord).dump_json(case, by_alias=True, exclude_none=True).decode()
    absent = "".join(f',"{field.name}":null' for field in fields(case) if getattr(case, field.name) is None)
    before = "".join(f"{json.dumps(name)}:{json.dumps(value, ensure_ascii=False)}," for name, value in head.items())
    return f"{{{before}{body[1:-1]}{absent}}}\n"


def case_from_json(text: bytes) -> CaseRecord:
    """Return the case of a line or of an item of `cases`. Raises ValueError, which says what is wrong with it."""
    case: CaseRecord = _adapter(CaseRecord).validate_json(text)
    return case


@cache
def _adapter(kind: Any) -> "TypeAdapter[Any]":
    from pydantic import TypeAdapter

    return TypeAdapter(kind)
