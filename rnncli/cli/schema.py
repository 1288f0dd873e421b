"""`rnncli schema`."""

from rnncli.cli.options import switch


def schema(results: bool = switch("--results", "Of the JSON results instead")) -> None:
    """The JSON Schema of the YAML config, for editors.

    \b
    Examples:
      rnncli schema > rnncli.schema.json
      rnncli schema --results
    """
    import json

    from pydantic import TypeAdapter

    from rnncli.cli.output import write_text
    from rnncli.config.schema import json_schema
    from rnncli.core.records import RunRecord

    described = json_schema()
    if results:
        found = TypeAdapter(RunRecord).json_schema()
        described = {"$schema": "https://json-schema.org/draft/2020-12/schema", **found, "title": "rnncli results"}
    write_text(json.dumps(described, indent=2) + "\n", None)
