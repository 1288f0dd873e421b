"""Every key of a config and what it allows; the problems of a config in words, with the place of each value."""

from collections.abc import Iterable, Mapping
from functools import cache
from itertools import islice
from typing import Any

from pydantic import ValidationError

from rnncli.core.case import Case, Section
from rnncli.core.errors import KeyPath, dotted, nearest, shown

MOST_TOLD = 20  # problems of a config
LONGEST_LINE = 1000  # characters of one


@cache
def leaves() -> dict[str, KeyPath]:
    """Return the path of every leaf of a case by its dotted name, as in `rnn.num_layers`."""
    found: dict[str, KeyPath] = {}
    for name, field in Case.model_fields.items():
        section = field.annotation
        inner = section.model_fields if isinstance(section, type) and issubclass(section, Section) else None
        found |= {name: (name,)} if inner is None else {f"{name}.{leaf}": (name, leaf) for leaf in inner}
    return found


@cache
def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a config."""
    schema = Case.model_json_schema()
    axes = {name: {"type": "array", "minItems": 1} for name in leaves() if name != "expect"}
    schema["properties"]["grid"] = {
        "type": ["object", "null"],
        "description": "values by dotted key: the cross product of these, over the values above",
        "properties": axes,
        "additionalProperties": False,
    }
    for section in ("rnn", "input", "run", "expect"):  # a section whose keys are all commented out is null
        found = schema["properties"][section]
        described = {key: found.pop(key) for key in ("title", "description") if key in found}
        schema["properties"][section] = {**described, "anyOf": [found, {"type": "null"}]}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "rnncli config"}


def explain_errors(error: ValidationError, places: Mapping[KeyPath, str]) -> str:
    """Return the problems that pydantic found, in our words. `places`: where each value was given."""
    found = error.errors(include_url=False)
    return join_problems((_explain(dict(problem), places) for problem in found), len(found))


def join_problems(problems: Iterable[str], count: int) -> str:
    """Return the first of `count` problems, each in a line that a terminal can show. No other is put into words."""
    told = islice(problems, MOST_TOLD)
    lines = [line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 3]}..." for line in told]
    more = [f"and {count - MOST_TOLD} more problems"] if count > MOST_TOLD else []
    return "\n".join([*dict.fromkeys(lines), *more])


def describe_key(places: Mapping[KeyPath, str], path: KeyPath) -> str:
    """Return the place and the name of the value at `path`: a key of a file, or a flag."""
    at = place_of(places, path)
    return at.removesuffix(": ") if at.startswith("--") else at + dotted(path)


def place_of(places: Mapping[KeyPath, str], path: KeyPath) -> str:
    """Return where the value at `path`, or the nearest thing around it, was given: "file:line: ", or nothing."""
    return next((f"{places[path[:end]]}: " for end in range(len(path), -1, -1) if path[:end] in places), "")


def _explain(problem: dict[str, Any], places: Mapping[KeyPath, str]) -> str:
    path: KeyPath = problem["loc"]
    name = describe_key(places, path)
    if problem["type"] == "rnncli":
        return f"{name}: {problem['msg']}"
    if problem["type"] == "extra_forbidden":
        return f"{name}: unknown key{_where_it_belongs(path)}"
    schema = _schema_at(path)
    value = problem["input"]
    near = nearest(value, schema["enum"]) if isinstance(value, str) and "enum" in schema else ""
    return f"{name}: {shown(value)} is not allowed{near}; allowed: {_allowed(schema)}"


def _where_it_belongs(path: KeyPath) -> str:
    key, siblings = str(path[-1]), list(_schema_at(path[:-1])["properties"])
    elsewhere = [name for name, leaf in leaves().items() if leaf[-1] == {"layers": "num_layers"}.get(key, key)]
    hint = f" (did you mean {elsewhere[0]}?)" if elsewhere else nearest(key, siblings)
    hint = hint or nearest(key, [str(leaf[-1]) for leaf in leaves().values()])
    return f"{hint}; allowed: {', '.join(siblings)}"


def _schema_at(path: KeyPath) -> dict[str, Any]:
    schema = _resolved(json_schema())
    for key in path:
        named = schema.get("properties", {}).get(key, schema.get("additionalProperties") or {})
        schema = _resolved(schema.get("items", {}) if isinstance(key, int) else named)
    return schema


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    described = {"description": schema["description"]} if "description" in schema else {}
    if "anyOf" in schema:  # or null
        schema = {**schema["anyOf"][0], "nullable": True}
    if "$ref" in schema:
        schema = json_schema()["$defs"][schema["$ref"].rpartition("/")[2]]
    return {**schema, **described}


def _allowed(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if "pattern" in schema:
        return str(schema["description"])
    match schema.get("type"):
        case "boolean":
            return "true or false"
        case "integer" | "number" as kind:
            noun = "an integer" if kind == "integer" else "a number"
            low, above, high = (schema.get(key) for key in ("minimum", "exclusiveMinimum", "maximum"))
            bound = f" above {above:g} up to" if above is not None else f" from {low or 0:g} to"
            return f"{noun}{bound} {high}" if high is not None else f"{noun}, {low or 0} or more"
        case "array":
            words = f"a list, each element {_allowed(schema['items'])}" if schema.get("items") else "a list of values"
            return f"{words}, or null" if schema.get("nullable") else words
        case "object" if "properties" in schema:
            return f"a mapping with the keys {', '.join(schema['properties'])}"
    return "a mapping of names to lists of sizes"
