"""The record as JSON, as `rnncli schema --results` describes it."""

from rnncli.records import RunRecord, to_json


def render(record: RunRecord) -> str:
    """JSON text, ending in a newline."""
    return to_json(record) + "\n"
