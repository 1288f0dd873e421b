"""`rnncli schema`."""

from typing import Annotated

import typer


def schema(
    results: Annotated[bool, typer.Option("--results", help="Of the JSON results instead")] = False,
) -> None:
    """The JSON Schema of the YAML config, for editors.

    \b
    Examples:
      rnncli schema > rnncli.schema.json
      rnncli schema --results
    """
    import json

    from rnncli.cli.output import write_text

    if results:
        from pydantic import TypeAdapter

        from rnncli.core.records import RunRecord

        found = TypeAdapter(RunRecord).json_schema()
        described = {"$schema": "https://json-schema.org/draft/2020-12/schema", **found, "title": "rnncli results"}
    else:
        from rnncli.config.schema import json_schema

        described = json_schema()
    write_text(json.dumps(described, indent=2) + "\n", None)
