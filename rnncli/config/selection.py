"""Which cases of some configs are run: those that fulfil the filters, each once; of a shard, those with its turn."""

import hashlib
import operator
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any, overload

from rnncli.config.cases import Cases, Config, leaves
from rnncli.config.yamlfile import read_value
from rnncli.core.case import Case
from rnncli.core.errors import ConfigError, nearest
from rnncli.core.records import Origin, leaves_of

_COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "!=": operator.ne,
    "==": operator.eq,
    "=": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}
_FILTER = re.compile(rf"\s*([\w.]+)\s*({'|'.join(_COMPARED)})\s*(.*\S)\s*")


@dataclass(frozen=True)
class Filter:
    """A condition on one leaf of a case, or on its id: rnn.num_layers>=2."""

    text: str
    leaf: str
    compare: str
    value: Any

    @classmethod
    def parse(cls, text: str) -> "Filter":
        """Raises ConfigError."""
        found = _FILTER.fullmatch(text)
        if not found or found[3][0] in "<>=!" or re.search(r"\b(and|or)\b", found[3]):
            raise ConfigError(
                f'--filter: "{text}" is not allowed; allowed: KEY, one of {" ".join(_COMPARED)}, and a value, as'
                " rnn.num_layers>=2; several of them as --filter A --filter B, which must all hold"
            )
        name, compare, value = found.groups()
        names = {
            "id": "id",
            **{leaf: leaf for leaf in leaves()},
            **{leaf.rpartition(".")[2]: leaf for leaf in leaves()},
        }
        if name not in names:
            raise ConfigError(
                f"--filter: {text}: unknown key {name}{nearest(name, names)}; allowed: id, {', '.join(leaves())}"
            )
        leaf, wanted = names[name], value if name == "id" else read_value(value)
        if compare[0] in "<>" and (isinstance(wanted, bool) or not isinstance(wanted, int | float)):
            raise ConfigError(f"--filter: {text}: {value} is not a number; allowed with {value}: == and !=")
        return cls(text, leaf, compare, wanted)

    def holds(self, case: Case) -> bool:
        """Whether a case fulfils it."""
        seen = self.seen(case)
        if self.compare[0] in "<>" and (isinstance(seen, bool) or not isinstance(seen, int | float)):
            return False
        same_kind = isinstance(seen, bool) == isinstance(self.value, bool)  # 1 is not true
        return _COMPARED[self.compare](seen if same_kind else str(seen), self.value)

    def seen(self, case: Case) -> Any:
        """The value a case has there."""
        if self.leaf == "id":
            return case.id
        if self.leaf == "candidate":
            return case.target or case.candidate
        value: Any = case
        for key in self.leaf.split("."):
            value = getattr(value, key)
        return list(value) if isinstance(value, tuple) else value


def parse_shard(text: str) -> tuple[int, int]:
    """The numbers of "3/8". Raises ConfigError."""
    found = re.fullmatch(r"\s*(\d{1,6})\s*/\s*(\d{1,6})\s*", text)
    number, count = map(int, found.groups()) if found else (0, 0)
    if not 1 <= number <= count:
        raise ConfigError(f'--shard: "{text}" is not allowed; allowed: K/N with K from 1 to N, as 3/8')
    return number, count


class Selection(Sequence[Case]):
    """The cases of a run. Each is built when it is asked for; what stays in memory is its id and where it stands."""

    def __init__(
        self, configs: Sequence[Config], filters: Sequence[Filter] = (), shard: tuple[int, int] | None = None
    ) -> None:
        """Raises ConfigError where no case is left.

        A unit is the cases that differ in nothing but a built-in candidate: they are run together, and of a shard.
        """
        self._where: list[tuple[Cases, int]] = []
        self.ids: dict[str, int] = {}  # and the index of the case
        self.twice = 0  # how many were given before
        self._shard = shard
        self.targets: dict[str, None] = {}  # candidates whose code is a user's, in order
        units: dict[object, list[int]] = {}
        for config in configs:
            for place, case in enumerate(config.cases):
                if all(condition.holds(case) for condition in filters):
                    self._take(config.cases, place, case, units)
        if not self._where:
            raise ConfigError(_nothing_fulfils(configs, filters))
        self.units = self._turn(list(units.values()), *shard) if shard else list(units.values())
        self.varying = _varying(configs)

    def _take(self, cases: Cases, place: int, case: Case, units: dict[object, list[int]]) -> None:
        id, index = case.id, len(self._where)
        if self.ids.setdefault(id, index) != index:
            self.twice += 1
            return
        self._where.append((cases, place))
        if case.target:
            self.targets[case.target] = None
        problem = index if case.target else case.model_copy(update={"candidate": "manual"}).id
        units.setdefault(problem, []).append(index)

    def _turn(self, units: list[list[int]], number: int, count: int) -> list[list[int]]:
        """The units of a shard. They are dealt in the order of their ids, which has nothing to do with the grid's: else
        a shard could have all that is slow.
        """
        ids = list(self.ids)
        dealt = sorted(range(len(units)), key=lambda unit: ids[units[unit][0]])
        return [units[unit] for unit in sorted(dealt[number - 1 :: count])]

    def __len__(self) -> int:
        return sum(len(unit) for unit in self.units)

    @property
    def whole(self) -> int:
        """How many cases there are in all shards."""
        return len(self._where)

    @overload
    def __getitem__(self, place: int) -> Case: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Case, ...]: ...
    def __getitem__(self, place: int | slice) -> Case | tuple[Case, ...]:
        """A case of the run by its place in it."""
        if isinstance(place, slice):
            return tuple(self.case(index) for index in self.indices[place])
        return self.case(self.indices[place])

    @cached_property
    def indices(self) -> list[int]:
        """Of each case to be run, its index among those of all shards."""
        return sorted(index for unit in self.units for index in unit)

    def case(self, index: int) -> Case:
        """A case by its index among those of all shards."""
        cases, place = self._where[index]
        return cases[place]

    def origins(self, flags: Iterable[str]) -> Callable[[int], Origin]:
        """The origin of each case, by its index. `flags`: what beside the config decides how cases are judged."""
        digest = hashlib.sha256()
        for text in (*self.ids, *flags, *self._candidates()):
            digest.update(text.encode(errors="replace") + b"\0")
        config = digest.hexdigest()[:12]
        shard = "{}/{}".format(*self._shard) if self._shard else None
        own = len(self) if shard else None
        return lambda index: Origin(config=config, index=index, cases=self.whole, shard=shard, shard_cases=own)

    def _candidates(self) -> Iterator[str]:
        """What the files of the candidates hold: another implementation is another run."""
        for file in self.sources:
            yield _digest(file)

    @cached_property
    def sources(self) -> list[Path]:
        """The Python files that candidates are made of: those of their folders, or of their packages."""
        return list(_sources(self.targets))

    def described(self, case: Case) -> str:
        """What tells a case from the others."""
        values = dict(leaves_of(case.config))
        return " ".join(f"{leaf.rpartition('.')[2]}={values[leaf]}" for leaf in self.varying)


def digests(targets: Iterable[str]) -> dict[str, str]:
    """What the files of candidates hold, by a name that is the same wherever a module is installed."""
    return {name: _digest(file) for file, name in _sources(targets).items()}


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _sources(targets: Iterable[str]) -> dict[Path, str]:
    """The Python files that candidates are made of, each with its place in the candidate's folder or package."""
    files: dict[Path, str] = {}
    for target in targets:
        name = target.rpartition(":")[0]
        found = [Path(name)] if Path(name).is_file() else _files_of_module(name.partition(".")[0])
        for file in found:
            folder = file.parent
            beside = sorted(folder.rglob("*.py") if file.stem == "__init__" else folder.glob("*.py"))
            for path in [file, *(beside if folder.name != "site-packages" else [])]:
                files.setdefault(path, f"{folder.name}/{path.relative_to(folder)}".lstrip("/"))
    return {file: name for file, name in files.items() if file.is_file()}


def _files_of_module(name: str) -> list[Path]:
    """The file a module would be imported from."""
    spec = PathFinder.find_spec(name, [str(Path.cwd()), *sys.path])
    return [Path(spec.origin)] if spec and spec.origin and spec.origin.endswith(".py") else []


def _varying(configs: Sequence[Config]) -> list[str]:
    """The leaves that differ between cases: those of the grids, and those in which the configs differ."""
    firsts = [dict(leaves_of(config.cases[0].config)) for config in configs]
    grids = {name for config in configs for name, axis in config.grid.items() if len(axis) > 1}
    differ = {name for name in firsts[0] if any(first[name] != firsts[0][name] for first in firsts)}
    return [name for name in firsts[0] if name in grids | differ]


def _nothing_fulfils(configs: Sequence[Config], filters: Sequence[Filter]) -> str:
    """Why no case is left: what the values are, for the first filter that no case fulfils."""
    count = sum(len(config.cases) for config in configs)
    for condition in filters:
        seen: dict[str, None] = {}
        for config in configs:
            for case in config.cases:
                if condition.holds(case):
                    break
                if len(seen) < 8:
                    seen[str(condition.seen(case))] = None
            else:
                continue
            break
        else:
            if condition.leaf == "id":
                return f"--filter: {condition.text}: none of {count} cases; --list shows their ids"
            near = nearest(str(condition.value), seen) if condition.compare in ("=", "==") else ""
            return f"--filter: {condition.text}: none of {count} cases{near}; they have: {', '.join(seen)}"
    texts = " and ".join(condition.text for condition in filters)
    return f"--filter: {texts}: none of {count} cases fulfils them together"
