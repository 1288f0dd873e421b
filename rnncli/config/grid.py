"""A grid of cases: the cross product of some axes, by which parts of it are chosen and its faults are found."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from heapq import merge
from itertools import compress, product
from operator import attrgetter, not_
from typing import Any

from pydantic import BaseModel, ValidationError

from rnncli.config.schema import describe_key, explain_errors, join_problems, leaves, place_of
from rnncli.core.case import Case
from rnncli.core.errors import ConfigError, KeyPath, nearest
from rnncli.core.shapes import parameter_sizes

# Validators of a case look at one leaf each, but for those that refuse some leaves together, or derive a leaf that is
# not given from another.
LENGTHS, CELL = "input.lengths", "rnn.cell"
VALIDATED_TOGETHER = (
    (LENGTHS, "input.seq_len"),
    (LENGTHS, "input.batch_size", "input.layout"),
    (CELL, "rnn.nonlinearity"),
    (CELL, "rnn.proj_size", "rnn.hidden_size"),
)
DERIVED_FROM = {"input.seq_len": LENGTHS, "input.batch_size": LENGTHS, "rnn.nonlinearity": CELL}


class Grid(Sequence[Case]):
    """The cross product of some axes, over the values of a config. Each case is built when it is asked for."""

    def __init__(self, values: dict[str, Any], axes: dict[str, list[Any]], places: dict[KeyPath, str]) -> None:
        """`axes`: values by dotted leaf. `places`: where each value was given, for messages."""
        self.axes, self._values, self._places = axes, values, places
        self._known: dict[str, list[str]] = {}
        self._strides: dict[str, int] = {}  # between cases that differ by one step along an axis
        self._count = 1
        for name, axis in reversed(axes.items()):
            self._strides[name] = self._count
            self._count *= len(axis)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Case:  # type: ignore[override]  # no slices
        """Return a case by its place in the cross product, whose last axis varies fastest. Raises ConfigError."""
        choice = self._choice(range(self._count)[index])
        for name, at in choice.items():
            put(self._values, leaves()[name], self.axes[name][at])
        given = {key: value for key, value in self._values.items() if value is not None or key not in Case.model_fields}
        try:
            return Case.model_validate(given)
        except ValidationError as error:
            raise ConfigError(explain_errors(error, self._places_of(choice))) from None

    def check(self, with_values: bool) -> None:
        """Raise ConfigError for the first case that is not allowed; `with_values`: also for the meta device.

        A case is refused for the value of one leaf, or for those of one group. So the first case that is refused has
        the first value of every axis that is not this leaf's or of this group.
        """
        groups = [*((name,) for name in self.axes), *VALIDATED_TOGETHER]
        for index in merge(*(self._indices_over(group) for group in groups)):
            case = self[index]
            if case.expect:
                _check_expected(case, self._places_of(self._choice(index)))
            if with_values and case.run.device == "meta":
                name = describe_key(self._places_of(self._choice(index)), ("run", "device"))
                problem = '"meta" has no values to compare, only shapes takes it; allowed: auto, cpu, cuda, cuda:N'
                raise ConfigError(f"{name}: {problem}")

    def to_yaml(self) -> str:
        """Return a config, with every key, that gives the same cases again."""
        from rnncli.config.yamlfile import write_yaml

        values = self[0].config
        if CELL in self.axes and values["rnn"]["nonlinearity"] == "tanh":  # which a gated cell is not to be given
            values["rnn"]["nonlinearity"] = None
        return write_yaml({**values, "grid": self.axes})

    def along(self, leaf: str) -> range:
        """Return the indices of one case for each value of a leaf: all other axes have their first value."""
        axis = self._axis(leaf)
        return range(1) if axis is None else range(0, len(self.axes[axis]) * self._strides[axis], self._strides[axis])

    def values(self, leaf: str) -> list[str]:
        """Return the value of a leaf in each of the cases along its axis, as JSON."""
        if leaf not in self._known:
            found = (attrgetter(leaf)(self[at]) for at in self.along(leaf))
            self._known[leaf] = [json.dumps(value, sort_keys=True, default=BaseModel.model_dump) for value in found]
        return self._known[leaf]

    @cached_property
    def _value_sets(self) -> list[frozenset[str]]:
        return [frozenset(self.values(leaf)) for leaf in leaves()]

    def only(self, index: int) -> "Grid":
        """Return the grid of a single case."""
        return self._with({name: [self.axes[name][at]] for name, at in self._choice(index).items()})

    def distinct(self) -> "Grid":
        """Return the grid without repeated values on its axes, as float32 and fp32."""
        unique = {name: dict(zip(self.values(name), axis, strict=True)) for name, axis in self.axes.items()}
        return self._with({name: list(axis.values()) for name, axis in unique.items()})

    def where(self, leaf: str, holds: Iterable[bool]) -> "list[Grid]":
        """Return the grid of the cases with some values of a leaf, for each of which, along its axis, `holds` is true;
        no grid where no case is left.
        """
        axis, held = self._axis(leaf), list(holds)
        if not any(held):
            return []
        return [self if axis is None else self._with({**self.axes, axis: list(compress(self.axes[axis], held))})]

    def apart(self) -> "list[Grid]":
        """Return the grid in parts in which no leaf is derived from one that varies."""
        bases = [name for name in (LENGTHS, CELL) if name in self.axes]
        chosen = product(*([[value] for value in self.axes[name]] for name in bases))
        return [self._with({**self.axes, **dict(zip(bases, values, strict=True))}) for values in chosen]

    def split(self, other: "Grid") -> "tuple[list[Grid], list[Grid]]":
        """Return the cases that are in `other` too, and those that are not, as grids without a common case.

        No leaf of `other` may be derived from one that varies. The candidates are divided last, so that cases which
        differ in the candidate alone stay in one grid.
        """
        if any(map(frozenset.isdisjoint, self._value_sets, other._value_sets)):
            return [], [self]
        common, rest = self, list[Grid]()
        for leaf, theirs in zip(leaves(), other._value_sets, strict=True):
            shared = [value in theirs for value in common.values(leaf)]
            if not any(shared):
                return [], [self]
            rest += common.where(leaf, map(not_, shared))
            (common,) = common.where(leaf, shared)
        return [common], rest

    def largest(self) -> "Grid":
        """Return the grid with the largest number alone on each axis of numbers: its cases need the most memory."""
        numbers = {name for name, axis in self.axes.items() if all(type(value) in (int, float) for value in axis)}
        return self._with({name: [max(axis)] if name in numbers else axis for name, axis in self.axes.items()})

    def _with(self, axes: dict[str, list[Any]]) -> "Grid":
        return self if axes == self.axes else Grid(self._values, axes, self._places)

    def _axis(self, leaf: str) -> str | None:
        return next((name for name in (leaf, DERIVED_FROM.get(leaf)) if name in self.axes), None)

    def _indices_over(self, names: Iterable[str]) -> Iterator[int]:
        return map(sum, product(*(self.along(name) for name in self.axes if name in names)))

    def _choice(self, index: int) -> dict[str, int]:
        return {name: index // self._strides[name] % len(axis) for name, axis in self.axes.items()}

    def _places_of(self, choice: dict[str, int]) -> dict[KeyPath, str]:
        return {**self._places, **{leaves()[name]: self._places["grid", name, at] for name, at in choice.items()}}


def put(values: dict[str, Any], path: KeyPath, value: Any) -> None:
    """Set the value at `path`, with sections as needed."""
    for key in path[:-1]:
        if values.get(str(key)) is None:
            values[str(key)] = {}
        values = values[str(key)]
        if not isinstance(values, dict):
            return  # what is wrong is told when it is validated
    values[str(path[-1])] = value


def _check_expected(case: Case, places: Mapping[KeyPath, str]) -> None:
    names = [*case.cell.tensors, *parameter_sizes(case)]
    allowed = f"{', '.join(names[:8])}{', ...' if len(names) > 8 else ''}"
    unknown = [name for name in case.expect if name not in names]
    problems = (
        f"{place_of(places, ('expect', name))}expect.{name}: this case has no such tensor{nearest(name, names)}"
        f"; allowed: {allowed}"
        for name in unknown
    )
    if unknown:
        raise ConfigError(join_problems(problems, len(unknown)))
