"""YAML and flags into cases: flags over file over defaults, grids expanded, every error with the place it stands at."""

import glob
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from heapq import merge
from itertools import compress, product
from operator import attrgetter, not_
from pathlib import Path
from typing import Any, overload

from pydantic import BaseModel, ValidationError

from rnncli.core.case import Candidate, Case
from rnncli.core.errors import ConfigError, KeyPath, dotted, nearest, shown
from rnncli.core.shapes import TENSORS, predict_parameters

MOST_CASES = 1_000_000
MOST_TOLD = 20  # problems of a config
LONGEST_LINE = 1000  # characters of one
# What the validators of a case know of more than one leaf at a time: which together can be refused, and which follow.
LENGTHS = "input.lengths"
JUDGED_TOGETHER = ((LENGTHS, "input.seq_len"), (LENGTHS, "input.batch_size", "input.layout"))
FOLLOWS = {"input.seq_len": LENGTHS, "input.batch_size": LENGTHS}


@dataclass(frozen=True)
class Flag:
    """A value given on the command line for one leaf of the config, and the flag's name for messages."""

    name: str
    value: Any


class Cases(Sequence[Case]):
    """The cross product of the axes of a grid, over the values of a config. Each case is built when it is asked for."""

    def __init__(self, values: dict[str, Any], grid: dict[str, list[Any]], places: dict[KeyPath, str]) -> None:
        """`places`: where each value was given, for messages."""
        self.grid, self._values, self._places = grid, values, places
        self._paths = [leaves()[name] for name in grid]
        self._known: dict[str, list[str]] = {}
        self._strides: dict[str, int] = {}  # between cases that differ by one step along an axis
        self._count = 1
        for name, axis in reversed(grid.items()):
            self._strides[name] = self._count
            self._count *= len(axis)

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Case: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Case, ...]: ...
    def __getitem__(self, index: int | slice) -> Case | tuple[Case, ...]:
        """A case by its place in the cross product, whose last axis varies fastest. Raises ConfigError."""
        if isinstance(index, slice):
            return tuple(self[at] for at in range(*index.indices(self._count)))
        choice = self._choice(range(self._count)[index])
        for (name, at), path in zip(choice.items(), self._paths, strict=True):
            _put(self._values, path, self.grid[name][at])
        try:
            return _validated(self._values)
        except ValidationError as error:
            places = self._places_of(choice)
            found = error.errors(include_url=False)
            problems = [_explain(dict(problem), places) for problem in found[:MOST_TOLD]]
            raise ConfigError(_told(problems, len(found))) from None

    def check(self, with_values: bool) -> None:
        """Raise ConfigError for the first case that is not allowed; `with_values`: also for the meta device.

        A value is refused whatever the others are, or together with the others of its group. So the first case that is
        refused has the first value of every axis, but for one axis or one group.
        """
        groups = [*((name,) for name in self.grid), *JUDGED_TOGETHER]
        for index in merge(*(self._indices_over(group) for group in groups)):
            case = self[index]
            if case.expect:
                _check_expected(case, self._places_of(self._choice(index)))
            if with_values and case.run.device == "meta":
                at, key = _named(self._places_of(self._choice(index)), ("run", "device"))
                problem = '"meta" has no values to compare, only shapes takes it; allowed: auto, cpu, cuda, cuda:N'
                raise ConfigError(f"{at}{key}: {problem}")

    def along(self, leaf: str) -> range:
        """The indices of a case for each value of the axis that decides a leaf; of the first case where none does."""
        axis = self._axis(leaf)
        return range(1) if axis is None else range(0, len(self.grid[axis]) * self._strides[axis], self._strides[axis])

    def values(self, leaf: str) -> list[str]:
        """The value of a leaf in each of the cases along it, as JSON."""
        if leaf not in self._known:
            of_case = attrgetter(leaf)
            self._known[leaf] = [_as_json(of_case(self[at])) for at in self.along(leaf)]
        return self._known[leaf]

    def only(self, index: int) -> "Cases":
        """The grid of one case."""
        return self._with({name: [self.grid[name][at]] for name, at in self._choice(index).items()})

    def distinct(self) -> "Cases":
        """The grid without the values of an axis that are equal to one before, as fp32 is to float32."""
        unique = {name: dict(zip(self.values(name), axis, strict=True)) for name, axis in self.grid.items()}
        return self._with({name: list(axis.values()) for name, axis in unique.items()})

    def where(self, leaf: str, holds: Iterable[bool]) -> "list[Cases]":
        """The grid of the cases for which something holds, by the cases along a leaf; none where it holds for none."""
        axis, held = self._axis(leaf), list(holds)
        if all(held) or not any(held):
            return [self] if any(held) else []
        assert axis is not None
        return [self._with({**self.grid, axis: list(compress(self.grid[axis], held))})]

    def apart(self) -> "list[Cases]":
        """The grid in parts in which no leaf follows from the axis of another."""
        return [self._with({**self.grid, LENGTHS: [each]}) for each in self.grid.get(LENGTHS, ())] or [self]

    def split(self, other: "Cases") -> "tuple[list[Cases], list[Cases]]":
        """The cases that `other`, a grid apart, has too, and those it has not: as grids without a common case."""
        common, rest = self, list[Cases]()
        for leaf in leaves():
            shared = list(map(set(other.values(leaf)).__contains__, common.values(leaf)))
            if not any(shared):
                return [], [self]
            rest += common.where(leaf, map(not_, shared))
            (common,) = common.where(leaf, shared)
        return [common], rest

    def largest(self) -> "Cases":
        """The grid with the largest value alone of every axis of numbers: no case takes more memory than these do."""
        numbers = {name for name, axis in self.grid.items() if all(type(value) in (int, float) for value in axis)}
        return self._with({name: [max(axis)] if name in numbers else axis for name, axis in self.grid.items()})

    def _with(self, grid: dict[str, list[Any]]) -> "Cases":
        return Cases(self._values, grid, self._places)

    def _axis(self, leaf: str) -> str | None:
        """The axis that decides a leaf: its own; or that of the lengths, which sizes follow that are not given."""
        return next((name for name in (leaf, FOLLOWS.get(leaf)) if name in self.grid), None)

    def _indices_over(self, names: Iterable[str]) -> Iterator[int]:
        """The indices, in order, of the cases with the first value of every axis but some."""
        return map(sum, product(*(self.along(name) for name in self.grid if name in names)))

    def _choice(self, index: int) -> dict[str, int]:
        """Which value of each axis of the grid a case has."""
        return {name: index // self._strides[name] % len(axis) for name, axis in self.grid.items()}

    def _places_of(self, choice: dict[str, int]) -> dict[KeyPath, str]:
        chosen = {path: self._places["grid", *at] for path, at in zip(self._paths, choice.items(), strict=True)}
        return {**self._places, **chosen}


@dataclass(frozen=True)
class Config:
    """One config with the flags applied: its cases, and the grid they are expanded from."""

    cases: Cases
    grid: dict[str, list[Any]]

    def to_yaml(self) -> str:
        """The merged result, with every key: a config that gives the same cases again."""
        from rnncli.config.yamlfile import write_yaml

        return write_yaml({**self.cases[0].config, "grid": self.grid})


def leaves() -> dict[str, KeyPath]:
    """Every leaf of a case by its dotted name, as in `rnn.num_layers`."""
    paths: list[KeyPath] = []
    for name, field in Case.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            paths += [(name, leaf) for leaf in section.model_fields]
        else:
            paths.append((name,))
    return {".".join(map(str, path)): path for path in paths}


def load(
    path: Path | None,
    flags: Mapping[str, Flag],
    *,
    with_values: bool = False,
    over: Mapping[str, Sequence[Any]] | None = None,
    named: Callable[[str], str] | None = None,
) -> Config:
    """The config at `path`, or the defaults, with `flags` (by dotted leaf name) over it.

    `with_values` refuses the meta device, whose tensors have none. `over`: further axes of the grid, from --over.
    `named` completes what a candidate is called, as my_rnn.py with the one RNN in it; it may raise ConfigError.

    Raises ConfigError; each line of its message is one problem: file, line, key, value seen and what is allowed.
    """
    values: dict[str, Any] = {}
    places: dict[KeyPath, str] = {}
    if path is not None:
        from rnncli.config.yamlfile import read_yaml

        values, places = read_yaml(path)
    grid = _checked_grid(values.pop("grid", None), places)
    known = leaves()
    for name, flag in flags.items():
        grid.pop(name, None)
        _put(values, known[name], flag.value)
        for stale in [place for place in places if place[: len(known[name])] == known[name]]:
            del places[stale]
        places[known[name]] = flag.name
    for name, axis in (over or {}).items():
        grid[name] = list(axis)
        places.update({("grid", name, index): "--over" for index in range(len(axis))})
    if named is not None:
        _name_candidates(values, grid, places, named)
    cases = Cases(values, grid, places)
    if len(cases) > MOST_CASES:
        raise ConfigError(f"{places[('grid',)]}: grid: {len(cases)} cases; allowed: up to {MOST_CASES}")
    cases.check(with_values)
    return Config(cases=cases, grid=grid)


def found(paths: Iterable[Path]) -> list[Path]:
    """The config files of some paths: a path with *, ? or [ in it that is no file stands for those it fits.

    Raises ConfigError where it fits none.
    """
    files: list[Path] = []
    for path in paths:
        if is_there(path) or not glob.has_magic(str(path)):
            files.append(path)
            continue
        fitting = sorted(Path(name) for name in glob.glob(str(path), recursive=True) if Path(name).is_file())
        if not fitting:
            raise ConfigError(f"{path}: no file fits; allowed: a YAML file, or a pattern of names as configs/*.yaml")
        files += fitting
    return files


def is_there(path: Path) -> bool:
    """Return whether something has this name. What cannot be looked at (a name too long) is told where it is read."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a config."""
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


def _name_candidates(
    values: dict[str, Any], grid: dict[str, list[Any]], places: Mapping[KeyPath, str], named: Callable[[str], str]
) -> None:
    """Replace what candidates are called by what `named` makes of it. Raises ConfigError with the place."""

    def completed(value: Any, path: KeyPath) -> Any:
        if isinstance(value, dict) and _is_valid({**value, "target": "FILE.py:NAME"}):
            if not isinstance(value.get("target"), str):
                return value
            return {**value, "target": completed(value["target"], (*path, "target"))}
        if not isinstance(value, str):
            return value
        try:
            return named(value)
        except ConfigError as error:
            at, key = _named(places, path)
            raise ConfigError(f"{at}{key}: {error}") from None

    if "candidate" in values:
        values["candidate"] = completed(values["candidate"], ("candidate",))
    if "candidate" in grid:
        grid["candidate"] = [
            completed(value, ("grid", "candidate", index)) for index, value in enumerate(grid["candidate"])
        ]


def _is_valid(candidate: dict[str, Any]) -> bool:
    """Return whether a mapping describes a candidate; what is wrong in it is told when the case is validated."""
    try:
        Candidate.model_validate(candidate)
    except ValidationError:
        return False
    return True


def _as_json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=BaseModel.model_dump)


def _validated(values: dict[str, Any]) -> Case:
    return Case.model_validate(
        {key: value for key, value in values.items() if value is not None or key not in Case.model_fields}
    )


def _check_expected(case: Case, places: Mapping[KeyPath, str]) -> None:
    """Raise ConfigError for an expected shape of a tensor that the case does not have."""
    names = [*TENSORS, *(parameter.name for parameter in predict_parameters(case))]
    unknown = [name for name in case.expect if name not in names]
    if unknown:
        problems = [
            f"{_at(places, ('expect', name))}expect.{name}: this case has no such tensor{nearest(name, names)}"
            f"; allowed: {', '.join(names[:8])}{', ...' if len(names) > 8 else ''}"
            for name in unknown[:MOST_TOLD]
        ]
        raise ConfigError(_told(problems, len(unknown)))


def _told(problems: list[str], count: int) -> str:
    """The first problems of many, each in a line that a terminal can show."""
    lines = [line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 3]}..." for line in problems]
    more = [f"and {count - len(lines)} more problems"] if count > len(lines) else []
    return "\n".join([*dict.fromkeys(lines), *more])


def _explain(problem: dict[str, Any], places: dict[KeyPath, str]) -> str:
    """One problem found by the validation library, in our words."""
    path: KeyPath = problem["loc"]
    at, key = _named(places, path)
    if problem["type"] == "rnncli":
        return f"{at}{key}: {problem['msg']}"
    if problem["type"] == "extra_forbidden":
        return f"{at}{key}: unknown key{_where_it_belongs(path)}"
    schema = _schema_at(path)
    value = problem["input"]
    near = nearest(value, schema["enum"]) if isinstance(value, str) and "enum" in schema else ""
    return f"{at}{key}: {shown(value)} is not allowed{near}; allowed: {_allowed(schema)}"


def _where_it_belongs(path: KeyPath) -> str:
    """For an unknown key: the nearest valid name, or the section it belongs to, and what is allowed here."""
    key = str(path[-1])
    elsewhere = [name for name, leaf in leaves().items() if leaf[-1] == {"layers": "num_layers"}.get(key, key)]
    siblings = list(_schema_at(path[:-1])["properties"])
    hint = f" (did you mean {elsewhere[0]}?)" if elsewhere else nearest(key, siblings)
    if not hint:
        hint = nearest(key, [leaf[-1] for leaf in leaves().values() if isinstance(leaf[-1], str)])
    return f"{hint}; allowed: {', '.join(siblings)}"


@cache
def _schema() -> dict[str, Any]:
    return json_schema()


def _schema_at(path: KeyPath) -> dict[str, Any]:
    """The JSON Schema of the value at `path`."""
    whole = _schema()
    schema: dict[str, Any] = whole
    for key in path:
        schema = _inner(whole, schema)
        if isinstance(key, int):
            schema = schema.get("items", {})
        else:
            schema = schema.get("properties", {}).get(key, schema.get("additionalProperties") or {})
    return _inner(whole, schema)


def _inner(whole: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """What an "anyOf ... or null" or a reference stands for."""
    described = {key: schema[key] for key in ("description",) if key in schema}
    if "anyOf" in schema:
        schema = {**schema["anyOf"][0], "nullable": True}
    if "$ref" in schema:
        schema = whole["$defs"][schema["$ref"].rpartition("/")[2]]
    return {**schema, **described}


def _allowed(schema: dict[str, Any]) -> str:
    """What a JSON Schema allows, in words."""
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


def _named(places: Mapping[KeyPath, str], path: KeyPath) -> tuple[str, str]:
    """Where the value at `path` was given and what it is called there: a key of a file, or a flag."""
    at = _at(places, path)
    return ("", at.removesuffix(": ")) if at.startswith("--") else (at, dotted(path))


def _at(places: Mapping[KeyPath, str], path: KeyPath) -> str:
    """Where the value at `path`, or the nearest thing around it, was given."""
    for end in range(len(path), -1, -1):
        if path[:end] in places:
            return f"{places[path[:end]]}: "
    return ""


def _put(values: dict[str, Any], path: KeyPath, value: Any) -> None:
    for key in path[:-1]:
        if not isinstance(values.get(str(key)), dict):
            values[str(key)] = {} if values.get(str(key)) is None else values[str(key)]
            if not isinstance(values[str(key)], dict):
                return  # the section is not a mapping: told when it is validated
        values = values[str(key)]
    values[str(path[-1])] = value


def _checked_grid(grid: Any, places: dict[KeyPath, str]) -> dict[str, list[Any]]:
    axes = [name for name in leaves() if name != "expect"]
    if grid is None:
        return {}
    if not isinstance(grid, dict):
        raise ConfigError(f"{places['grid',]}: grid: {shown(grid)} is not allowed; allowed: a mapping of keys to lists")
    for name, values in grid.items():
        at = f"{places['grid', name]}: grid.{name}: "
        if name not in axes:
            by_leaf = [axis for axis in axes if axis.endswith(f".{name}")]
            hint = f" (did you mean {by_leaf[0]}?)" if by_leaf else nearest(name, axes)
            raise ConfigError(f"{at}unknown key{hint}; allowed: {', '.join(axes)}")
        if not isinstance(values, list) or not values:
            raise ConfigError(f"{at}{shown(values)} is not allowed; allowed: a list of one or more values")
    return grid
