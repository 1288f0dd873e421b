"""The failing cases of a run, grouped by what is wrong with them: one diagnosis, or one error, is one group."""

import re
from dataclasses import dataclass, field
from typing import Any, Literal

from rnncli.core import summary
from rnncli.core.causes import UNEXPLAINED
from rnncli.core.records import CaseRecord
from rnncli.core.tally import Tally, leaves_of
from rnncli.core.words import explained_by

MOST_GROUPS = 50  # groups that are kept apart; a run whose every case raises a message of its own has thousands
LISTED = 10  # cases of a group that a page names without scripts
NUMBER = re.compile(r"\d+(\.\d+)?(e[+-]?\d+)?")

Leaf = tuple[str, str]  # of a config: its dotted name and its value
Kind = Literal["fault", "error", "unexplained"]
ORDER: tuple[Kind, ...] = ("fault", "error", "unexplained")  # those that say what to change first


@dataclass
class Group:
    """Failing cases that one diagnosis or one error explains."""

    name: str
    kind: Kind
    places: list[int] = field(default_factory=list)  # of its cases in the run
    first: list[CaseRecord] = field(default_factory=list)  # at most LISTED of them
    shared: set[Leaf] = field(default_factory=set)
    smallest_by_loss: dict[frozenset[Leaf], CaseRecord] = field(default_factory=dict)  # by what its replay leaves out

    def add(self, place: int, case: CaseRecord) -> None:
        """Count a further case of the group."""
        leaves = _leaves(case.config)
        self.shared = self.shared & leaves if self.places else leaves
        self.places.append(place)
        self.first += [case] if len(self.first) < LISTED else []
        left_out = leaves - _leaves(case.replay_config or case.config)
        lost = frozenset((leaf, value) for leaf, value in left_out if not value.isdecimal())
        self.smallest_by_loss[lost] = min(self.smallest_by_loss.get(lost, case), case, key=_size)

    def smallest(self, tally: Tally) -> CaseRecord:
        """Return the case to begin with: the smallest whose replay command keeps most of what the cases have in common.

        A command found by shrinking may fail for another reason; then it has lost an argument that all of them share.
        """

        def rank(lost: frozenset[Leaf]) -> tuple[int, ...]:
            telling = sum(tally.every[pair] < tally.cases for pair in lost & self.shared)
            return telling, *_size(self.smallest_by_loss[lost])

        return self.smallest_by_loss[min(self.smallest_by_loss, key=rank)]

    def arguments(self, tally: Tally) -> list[str]:
        """Return the arguments that all of its cases have and others of the run have not, the most telling first."""
        return summary.telling(self.shared, tally)


class Failures:
    """The groups of a run, filled case by case."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, ...], Group] = {}

    def add(self, place: int, case: CaseRecord) -> None:
        """Put a failing case to those of its candidate with the same faults, or the same message but for numbers."""
        kind = _kind(case)
        message = () if kind == "fault" else (NUMBER.sub("0", in_short(case)),)
        key, name = (case.candidate, name_of(case), *message), name_of(case)
        if key not in self._groups and len(self._groups) >= MOST_GROUPS:
            key, name = (), "other failures"
        self._groups.setdefault(key, Group(name, kind)).add(place, case)

    def groups(self) -> list[Group]:
        """Return faults of the catalogue first, then errors, then what is unexplained; of each the largest first."""
        return sorted(self._groups.values(), key=lambda group: (ORDER.index(group.kind), -len(group.places)))


def name_of(case: CaseRecord) -> str:
    """Return the faults that explain a failing case, or how it failed."""
    if case.error:
        return "failed to run"
    return " and ".join(explained_by(case)) or "not diagnosed"


def in_short(case: CaseRecord) -> str:
    """Return why a case fails, in few words: the faults, and of what is unexplained where to look."""
    if case.error or not case.diagnosis:
        return summary.reason(case)
    return name_of(case) if _kind(case) == "fault" else f"{name_of(case)}: {case.diagnosis[0].fix}"


def _kind(case: CaseRecord) -> Kind:
    if case.error:
        return "error"
    return "fault" if case.diagnosis and case.diagnosis[0].id != UNEXPLAINED else "unexplained"


def _leaves(config: dict[str, Any]) -> set[Leaf]:
    return {(leaf, value) for leaf, value in leaves_of(config) if leaf != "candidate"}


def _size(case: CaseRecord) -> tuple[int, int]:
    """The multiplications of the case that the replay command runs, and the length of that command."""
    config = case.replay_config or case.config
    rnn, given = config["rnn"], config["input"]
    directions = 2 if rnn["bidirectional"] else 1
    steps = given["seq_len"] * (1 if given["layout"] == "unbatched" else given["batch_size"])
    features = rnn["hidden_size"] * (rnn["input_size"] + rnn["hidden_size"])
    return steps * features * rnn["num_layers"] * directions, len(case.replay or "")
