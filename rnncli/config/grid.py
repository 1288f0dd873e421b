"""A grid of cases: the cross product of some axes. Parts of it are chosen, and faults in it found, by its axes."""

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
from rnncli.core.shapes import predict_parameters

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
        self._paths = [leaves()[name] for name in axes]
        self._known: dict[str, list[str]] = {}
        self._strides: dict[str, int] = {}  # between cases that differ by one step along an axis
        self._count = 1
        for name, axis in reversed(axes.items()):
            self._strides[name] = self._count
            self._count *= len(axis)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Case:  # type: ignore[override]  # no slices
        """A case by its place in the cross product, whose last axis varies fastest. Raises ConfigError."""
        choice = self._choice(range(self._count)[index])
        for (name, at), path in zip(choice.items(), self._paths, strict=True):
            put(self._values, path, self.axes[name][at])
        try:
            return _validated(self._values)
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

    def along(self, leaf: str) -> range:
        """The indices of one case for each value of a leaf: all other axes have their first value."""
        axis = self._axis(leaf)
        return range(1) if axis is None else range(0, len(self.axes[axis]) * self._strides[axis], self._strides[axis])

    def values(self, leaf: str) -> list[str]:
        """The value of a leaf in each of the cases along its axis, as JSON."""
        if leaf not in self._known:
            of_case = attrgetter(leaf)
            self._known[leaf] = [_as_json(of_case(self[at])) for at in self.along(leaf)]
        return self._known[leaf]

    @cached_property
    def _value_sets(self) -> list[frozenset[str]]:
        return [frozenset(self.values(leaf)) for leaf in leaves()]

    def only(self, index: int) -> "Grid":
        """The grid of a single case."""
        return self._with({name: [self.axes[name][at]] for name, at in self._choice(index).items()})

    def distinct(self) -> "Grid":
        """The grid without repeated values on its axes, as float32 and fp32."""
        unique = {name: dict(zip(self.values(name), axis, strict=True)) for name, axis in self.axes.items()}
        return self._with({name: list(axis.values()) for name, axis in unique.items()})

    def where(self, leaf: str, holds: Iterable[bool]) -> "list[Grid]":
        """The grid of the cases with some values of a leaf: `holds` says which, for each case along its axis.

        A list of one grid, or of none where no case is left.
        """
        axis, held = self._axis(leaf), list(holds)
        if axis is None or not any(held):
            return [self] if any(held) else []
        return [self._with({**self.axes, axis: list(compress(self.axes[axis], held))})]

    def apart(self) -> "list[Grid]":
        """The grid in parts in which no leaf is derived from one that varies."""
        bases = [name for name in (LENGTHS, CELL) if name in self.axes]
        chosen = product(*(self.axes[name] for name in bases))
        return [self._with({**self.axes, **{n: [value] for n, value in zip(bases, c, strict=True)}}) for c in chosen]

    def split(self, other: "Grid") -> "tuple[list[Grid], list[Grid]]":
        """The cases that are in `other` too, and those that are not, as grids without a common case.

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
        """The grid with the largest number alone on each axis of numbers: its cases need the most memory."""
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
        chosen = {path: self._places["grid", *at] for path, at in zip(self._paths, choice.items(), strict=True)}
        return {**self._places, **chosen}


def put(values: dict[str, Any], path: KeyPath, value: Any) -> None:
    """Set the value at `path`, with sections as needed."""
    for key in path[:-1]:
        if not isinstance(values.get(str(key)), dict):
            values[str(key)] = {} if values.get(str(key)) is None else values[str(key)]
            if not isinstance(values[str(key)], dict):
                return  # the section is not a mapping: told when it is validated
        values = values[str(key)]
    values[str(path[-1])] = value


def _as_json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=BaseModel.model_dump)


def _validated(values: dict[str, Any]) -> Case:
    return Case.model_validate(
        {key: value for key, value in values.items() if value is not None or key not in Case.model_fields}
    )


def _check_expected(case: Case, places: Mapping[KeyPath, str]) -> None:
    names = [*case.cell.tensors, *(parameter.name for parameter in predict_parameters(case))]
    allowed = f"{', '.join(names[:8])}{', ...' if len(names) > 8 else ''}"
    unknown = [name for name in case.expect if name not in names]
    problems = (
        f"{place_of(places, ('expect', name))}expect.{name}: this case has no such tensor{nearest(name, names)}"
        f"; allowed: {allowed}"
        for name in unknown
    )
    if unknown:
        raise ConfigError(join_problems(problems, len(unknown)))
