"""YAML and flags into cases: flags over file over defaults, with a grid, and every error with its place."""

import glob
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rnncli.config.grid import Grid, put
from rnncli.config.schema import describe_key, place_of
from rnncli.config.schema import leaves as leaves
from rnncli.core.case import Candidate
from rnncli.core.errors import ConfigError, KeyPath, nearest, shown

MOST_CASES = 1_000_000


@dataclass(frozen=True)
class Flag:
    """A value given on the command line for one leaf of the config, and the flag's name for messages."""

    name: str
    value: Any


def load(
    path: Path | None,
    flags: Mapping[str, Flag],
    *,
    with_values: bool = False,
    over: Mapping[str, Sequence[Any]] | None = None,
    named: Callable[[str], str] | None = None,
) -> Grid:
    """Return the cases of the config at `path`, or of the defaults, with `flags` (by dotted leaf name) over it.

    `with_values` refuses the meta device, whose tensors have none. `over`: further axes of the grid, from --over.
    `named` completes the name of a candidate, as my_rnn.py with the one RNN in it; it may raise ConfigError.

    Raises ConfigError; each line of its message is one problem: file, line, key, value seen and what is allowed.
    """
    values: dict[str, Any] = {}
    places: dict[KeyPath, str] = {}
    if path is not None:
        from rnncli.config.yamlfile import read_yaml

        values, places = read_yaml(path)
    grid = _checked_grid(values.pop("grid", None), places)
    for name, flag in flags.items():
        leaf = leaves()[name]
        grid.pop(name, None)
        put(values, leaf, flag.value)
        for stale in [place for place in places if place[: len(leaf)] == leaf]:
            del places[stale]
        places[leaf] = flag.name
    for name, axis in (over or {}).items():
        grid[name] = list(axis)
        places.update({("grid", name, index): "--over" for index in range(len(axis))})
    if named is not None:
        _name_candidates(values, grid, places, named)
    cases = Grid(values, grid, places)
    if len(cases) > MOST_CASES:
        raise ConfigError(f"{place_of(places, ('grid',))}grid: {len(cases)} cases; allowed: up to {MOST_CASES}")
    cases.check(with_values)
    return cases


def found(paths: Iterable[Path]) -> list[Path]:
    """Return the config files of some paths: one with *, ? or [ in it that is no file stands for those that it fits.
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
    except OSError as error:
        return not isinstance(error, FileNotFoundError | NotADirectoryError)
    return True


def _name_candidates(
    values: dict[str, Any], grid: dict[str, list[Any]], places: Mapping[KeyPath, str], named: Callable[[str], str]
) -> None:
    def completed(value: Any, path: KeyPath) -> Any:
        if isinstance(value, dict) and isinstance(value.get("target"), str):
            with suppress(ValidationError):  # what is wrong is told when the case is validated
                Candidate.model_validate({**value, "target": "FILE.py:NAME"})
                return {**value, "target": completed(value["target"], (*path, "target"))}
        if not isinstance(value, str):
            return value
        try:
            return named(value)
        except ConfigError as error:
            raise ConfigError(f"{describe_key(places, path)}: {error}") from None

    if "candidate" in values:
        values["candidate"] = completed(values["candidate"], ("candidate",))
    if "candidate" in grid:
        found = enumerate(grid["candidate"])
        grid["candidate"] = [completed(value, ("grid", "candidate", index)) for index, value in found]


def _checked_grid(grid: Any, places: dict[KeyPath, str]) -> dict[str, list[Any]]:
    if grid is None:
        return {}
    axes = [name for name in leaves() if name != "expect"]
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
