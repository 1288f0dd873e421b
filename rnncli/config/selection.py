"""The cases of a run: those of its configs that fulfil the filters, each once; of a shard, its part of them."""

import hashlib
import json
import operator
import re
import sys
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.machinery import PathFinder
from itertools import accumulate, chain
from pathlib import Path
from typing import Any

from rnncli.config.grid import Grid
from rnncli.config.schema import leaves
from rnncli.config.yamlfile import read_value
from rnncli.core.case import Case
from rnncli.core.errors import ConfigError, nearest
from rnncli.core.records import Origin
from rnncli.core.tally import leaves_of

MOST_SEEN = 8  # values that are told where no case fulfils a filter
_COMPARED: dict[str, Callable[[Any, Any], bool]] = {">=": operator.ge, "<=": operator.le, "!=": operator.ne}
_COMPARED |= {"==": operator.eq, "=": operator.eq, ">": operator.gt, "<": operator.lt}
_FILTER = re.compile(rf"\s*([\w.]+)\s*({'|'.join(_COMPARED)})\s*(.*\S)\s*")


@dataclass(frozen=True)
class Filter:
    """A condition on one leaf of a case, or on its id, as rnn.num_layers>=2."""

    text: str
    leaf: str
    compare: str
    value: Any

    @classmethod
    def parse(cls, text: str) -> "Filter":
        """Return the filter that a text stands for. Raises ConfigError."""
        found = _FILTER.fullmatch(text)
        if not found or found[3][0] in "<>=!" or re.search(r"\b(and|or)\b", found[3]):
            raise ConfigError(
                f'--filter: "{text}" is not allowed; allowed: KEY, one of {" ".join(_COMPARED)}, and a value, as'
                " rnn.num_layers>=2; several of them as --filter A --filter B, which must all hold"
            )
        name, compare, value = found.groups()
        names = {"id": "id"} | {each: leaf for leaf in leaves() for each in (leaf, leaf.rpartition(".")[2])}
        if name not in names:
            allowed = f"id, {', '.join(leaves())}"
            raise ConfigError(f"--filter: {text}: unknown key {name}{nearest(name, names)}; allowed: {allowed}")
        leaf, wanted = names[name], value if name == "id" else read_value(value)
        if compare[0] in "<>" and type(wanted) not in (int, float):
            raise ConfigError(f"--filter: {text}: {value} is not a number; allowed with {value}: == and !=")
        return cls(text, leaf, compare, wanted)

    def select(self, cases: Grid) -> list[Grid]:
        """Return the cases of a grid that fulfil the condition, as grids without a common case."""
        if self.leaf != "id":
            return cases.where(self.leaf, (self.holds(cases[at]) for at in cases.along(self.leaf)))
        place = next((at for at, case in enumerate(cases) if case.id == self.value), None)
        same, others = ([], [cases]) if place is None else cases.split(cases.only(place))
        return others if self.compare == "!=" else same

    def holds(self, case: Case) -> bool:
        seen = self.seen(case)
        if self.compare[0] in "<>" and type(seen) not in (int, float):
            return False
        same_kind = isinstance(seen, bool) == isinstance(self.value, bool)  # 1 is not true
        return _COMPARED[self.compare](seen if same_kind else str(seen), self.value)

    def seen(self, case: Case) -> Any:
        value = (case.target or case.candidate) if self.leaf == "candidate" else operator.attrgetter(self.leaf)(case)
        return list(value) if isinstance(value, tuple) else value


def parse_shard(text: str) -> tuple[int, int]:
    """Return the numbers of "3/8". Raises ConfigError."""
    found = re.fullmatch(r"\s*(\d{1,6})\s*/\s*(\d{1,6})\s*", text)
    number, count = map(int, found.groups()) if found else (0, 0)
    if not 1 <= number <= count:
        raise ConfigError(f'--shard: "{text}" is not allowed; allowed: K/N with K from 1 to N, as 3/8')
    return number, count


class Units(Sequence[list[int]]):
    """The units of a run, or of a shard: the indices of cases that differ in nothing but a built-in candidate.

    Of as many consecutive units as there are shards, each shard takes one. Which one is pseudo-random, so that no shard
    has all the slow cases of a regular grid.
    """

    def __init__(self, grids: Sequence[Grid], shard: tuple[int, int] | None) -> None:
        number, self._shards = shard or (1, 1)
        self._grids: list[tuple[int, range, list[list[int]]]] = []  # first case, candidates, and which are in one unit
        self._first_units = [0]
        cases = 0
        for grid in grids:
            along = grid.along("candidate")
            groups: dict[int | None, list[int]] = {}
            for index in along:
                groups.setdefault(index if grid[index].target else None, []).append(index)
            self._grids.append((cases, along, list(groups.values())))
            self._first_units.append(self._first_units[-1] + len(grid) // len(along) * len(groups))
            cases += len(grid)
        self._turns = range(number - 1, self._first_units[-1], self._shards)

    def __len__(self) -> int:
        return len(self._turns)

    def __getitem__(self, at: Any) -> Any:
        turn = self._turns[at]
        first = turn - turn % self._shards  # of the consecutive units that are dealt at once
        random = int.from_bytes(hashlib.sha256(str(first).encode()).digest())
        unit = first + (random + turn) % min(self._shards, self._first_units[-1] - first)
        number = bisect_right(self._first_units, unit) - 1
        start, along, groups = self._grids[number]
        outer, inner = divmod(unit - self._first_units[number], along.step)  # axes before and after the candidates
        outer, group = divmod(outer, len(groups))
        return [start + outer * along.stop + index + inner for index in groups[group]]

    @property
    def cases(self) -> int:
        """Return the number of cases in all units."""
        sizes = {len(group) for _, _, groups in self._grids for group in groups}
        return len(self) * sizes.pop() if len(sizes) == 1 else sum(map(len, self))


class Selection:
    """The cases of a run, each once, as grids: those of some configs that fulfil the filters, or a shard of these."""

    def __init__(
        self, configs: Sequence[Grid], filters: Sequence[Filter] = (), shard: tuple[int, int] | None = None
    ) -> None:
        """Raise ConfigError where no case is left."""
        self.grids: list[Grid] = []
        earlier: list[Grid] = []
        given = 0
        for config in configs:
            chosen = [config]
            for condition in sorted(filters, key=lambda condition: condition.leaf == "id"):  # which looks at every case
                chosen = [left for cases in chosen for left in condition.select(cases)]
            given += sum(map(len, chosen))
            chosen = [cases.distinct() for cases in chosen]
            for grid in earlier:
                chosen = [new for cases in chosen for new in cases.split(grid)[1]]
            self.grids += chosen
            earlier += [grid for cases in chosen for grid in cases.apart()]
        if not self.grids:
            raise ConfigError(_nothing_fulfils(configs, filters))
        self._starts = [0, *accumulate(map(len, self.grids))]
        self.whole = self._starts[-1]  # number of cases in all shards
        self.twice = given - self.whole  # number of cases that repeat an earlier one
        self._shard, self.units = shard, Units(self.grids, shard)
        self._own = self.units.cases if shard else self.whole
        targets = (cases[at].target for cases in self.grids for at in cases.along("candidate"))
        self.targets = list(dict.fromkeys(target for target in targets if target))  # candidates that are a user's
        self.varying = [
            leaf for leaf in leaves() if len({value for config in configs for value in config.values(leaf)}) > 1
        ]

    def __len__(self) -> int:
        return self._own

    def __iter__(self) -> Iterator[Case]:
        return map(self.case, self.indices)

    @property
    def indices(self) -> Iterable[int]:
        """Return the indices, among the cases of all shards, of those to be run."""
        return chain.from_iterable(self.units) if self._shard else range(self.whole)

    def case(self, index: int) -> Case:
        """Return a case by its index among those of all shards."""
        number = bisect_right(self._starts, index) - 1
        return self.grids[number][index - self._starts[number]]

    def origins(self, flags: Iterable[str]) -> Callable[[int], Origin]:
        """Return the function from an index to the origin of the case.

        `flags`: what decides, besides the cases and the code of the candidates, how they are judged.
        """
        texts = [*map(_as_text, self.grids), *flags, *map(_digest, self.sources)]
        config = hashlib.sha256("\0".join(texts).encode(errors="replace")).hexdigest()[:12]
        shard = "{}/{}".format(*self._shard) if self._shard else None
        own = len(self) if shard else None
        return lambda index: Origin(config=config, index=index, cases=self.whole, shard=shard, shard_cases=own)

    @cached_property
    def sources(self) -> list[Path]:
        """Return the Python files of the candidates: those of their folders, or of their packages."""
        return list(_sources(self.targets))

    def described(self, case: Case) -> str:
        """Return the values in which the case differs from others, as key=value."""
        values = dict(leaves_of(case.config))
        return " ".join(f"{leaf.rpartition('.')[2]}={values[leaf]}" for leaf in self.varying)


def _as_text(cases: Grid) -> str:  # the same for the same cases in the same order
    order = [name for name, axis in cases.axes.items() if len(axis) > 1]
    return json.dumps([order, {leaf: cases.values(leaf) for leaf in leaves()}])


def digests(targets: Iterable[str]) -> dict[str, str]:
    """Return the digest of each file of the candidates, by a name that does not depend on where it is installed."""
    return {name: _digest(file) for file, name in _sources(targets).items()}


def _digest(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:  # one beside the candidate's, which may be nobody's to read, or gone by now
        return "unreadable"


def _sources(targets: Iterable[str]) -> dict[Path, str]:  # each with its place in the candidate's folder or package
    files: dict[Path, str] = {}
    for target in targets:
        name = target.rpartition(":")[0]
        file = Path(name) if Path(name).is_file() else _file_of_module(name.partition(".")[0])
        if file is None:
            continue
        folder = file.parent
        beside = sorted(folder.rglob("*.py") if file.stem == "__init__" else folder.glob("*.py"))
        for path in [file, *(beside if folder.name != "site-packages" else [])]:
            files.setdefault(path, f"{folder.name}/{path.relative_to(folder)}".lstrip("/"))
    return {file: name for file, name in files.items() if file.is_file()}


def _file_of_module(name: str) -> Path | None:
    spec = PathFinder.find_spec(name, [str(Path.cwd()), *sys.path])
    return Path(spec.origin) if spec and spec.origin and spec.origin.endswith(".py") else None


def _nothing_fulfils(configs: Sequence[Grid], filters: Sequence[Filter]) -> str:
    count = sum(map(len, configs))
    for condition in filters:
        if any(condition.select(config) for config in configs):
            continue
        if condition.leaf == "id":
            return f"--filter: {condition.text}: none of {count} cases; --list shows their ids"
        along = (config[at] for config in configs for at in config.along(condition.leaf))
        seen = list(dict.fromkeys(str(condition.seen(case)) for case in along))
        near = nearest(str(condition.value), seen) if condition.compare in ("=", "==") else ""
        return f"--filter: {condition.text}: none of {count} cases{near}; they have: {', '.join(seen[:MOST_SEEN])}"
    texts = " and ".join(condition.text for condition in filters)
    return f"--filter: {texts}: none of {count} cases fulfils them together"
