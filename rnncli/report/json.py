"""The record as JSON, as `rnncli schema --results` describes it."""

import json
import textwrap
from collections.abc import Iterator

from rnncli.core.lines import case_to_json, parts_to_json
from rnncli.core.records import RunRecord


def render(record: RunRecord) -> Iterator[str]:
    """JSON text, a case at a time."""
    head = {
        "schema_version": record.schema_version,
        "command": record.command,
        "environment": record.environment,
        "verdict": record.verdict,
        "strict": record.strict,
        "missing": record.missing,
    }
    head |= {name: parts_to_json(getattr(record, name)) for name in ("growth", "gates") if getattr(record, name)}
    yield json.dumps(head, indent=2, ensure_ascii=False).removesuffix("\n}") + ',\n  "cases": ['
    between = ""
    for case in record.cases:
        yield f"{between}\n{textwrap.indent(case_to_json(case, indent=2), '    ')}"
        between = ","
    yield "\n  ]\n}\n" if between else "]\n}\n"
