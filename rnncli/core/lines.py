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
    """A case as JSON, in the order of its fields. A number that is not finite becomes null."""
    return _adapter().dump_json(case, by_alias=True, indent=indent).decode()


def parts_to_json(parts: Sequence[Growth | Gate]) -> list[dict[str, Any]]:
    """What stands beside the cases, as plain values under the names it has in JSON."""
    return [{name.removesuffix("_"): value for name, value in asdict(part).items()} for part in parts]


def parts_from_json(document: dict[str, Any]) -> tuple[list[Growth], list[Gate]]:
    """What `parts_to_json` gave of growth and gates. Raises ValueError, which says what is wrong, for anything else."""
    from pydantic import TypeAdapter

    growth = TypeAdapter(list[Growth]).validate_python(document.get("growth") or [])
    return growth, TypeAdapter(list[Gate]).validate_python(document.get("gates") or [])


def line_of(head: dict[str, Any], case: CaseRecord) -> str:
    """A case as one line of JSON, the entries of `head` before it. What did not run is left out of nested records."""
    body = _adapter().dump_json(case, by_alias=True, exclude_none=True).decode()
    absent = "".join(f',"{name}":null' for name in CASE_FIELDS if getattr(case, name) is None)
    before = "".join(f"{json.dumps(name)}:{json.dumps(value, ensure_ascii=False)}," for name, value in head.items())
    return f"{{{before}{body[1:-1]}{absent}}}\n"


def case_from_json(text: bytes) -> CaseRecord:
    """The case of a line, or of an item of `cases`. Raises ValueError, which says what is wrong, for anything else."""
    return _adapter().validate_json(text)


@cache
def _adapter() -> "TypeAdapter[CaseRecord]":
    from pydantic import TypeAdapter

    return TypeAdapter(CaseRecord)


CASE_FIELDS = tuple(entry.name for entry in fields(CaseRecord))
