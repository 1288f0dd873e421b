"""A line of JSON for each case: the same record as in the JSON, and on every line the run it is of."""

from collections.abc import Iterator

from rnncli.core.lines import line_of
from rnncli.core.records import RunRecord


def render(record: RunRecord) -> Iterator[str]:
    """Lines, each a case."""
    head = {
        "schema_version": record.schema_version,
        "command": record.command,
        "environment": record.environment,
    }
    for case in record.cases:
        yield line_of(head, case)
