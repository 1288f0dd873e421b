"""Many cases, counted in one pass, by their verdicts and by the leaves of their configs."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from rnncli.core.records import CaseRecord, Verdict
from rnncli.core.words import explained_by, not_compared

_ENCODER = json.JSONEncoder(ensure_ascii=False)
MOST_NOTES = 100  # different ones that are kept of a run


@dataclass
class Tally:
    """The counts from which a summary, the notes on stderr and the exit code are made."""

    cases: int = 0
    verdicts: Counter[Verdict] = field(default_factory=Counter)  # of cases
    checks: dict[tuple[str, str], Counter[Verdict]] = field(default_factory=dict)  # by stage and dtype
    worst: dict[tuple[str, str], float] = field(default_factory=dict)  # the tolerance all would pass at, likewise
    compared: int = 0  # cases in which values of `output` were compared
    unseen: int = 0  # faults that are not visible
    kinds: Counter[str] = field(default_factory=Counter)  # of errors
    candidates: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)  # what failed
    diagnoses: Counter[str] = field(default_factory=Counter)  # of mismatches: the faults of each, together
    failing: list[int] = field(default_factory=list)  # the places of cases that are a mismatch or could not be judged
    left_open: Counter[str] = field(default_factory=Counter)  # why cases are not-comparable
    partly_open: Counter[str] = field(default_factory=Counter)  # why checks of matching cases are, by case
    every: Counter[tuple[str, str]] = field(default_factory=Counter)  # cases by leaf of the config and its value
    failed: Counter[tuple[str, str]] = field(default_factory=Counter)  # the failing ones of them

    @classmethod
    def of(cls, cases: Iterable[CaseRecord]) -> "Tally":
        tally = cls()
        for case in cases:
            tally.add(case)
        return tally

    def add(self, case: CaseRecord) -> None:
        """Count a further case."""
        self.candidates[case.candidate] += 1
        values = list(leaves_of(case.config))
        self.every.update(values)
        if case.failed:
            self.failed.update(values)
            self.diagnoses.update([" and ".join(explained_by(case))] if case.diagnosis else [])
            self.failing.append(self.cases)
        elif case.verdict == Verdict.NOT_COMPARABLE:
            why = case.why_not_compared
            if len(self.left_open) < MOST_NOTES or why in self.left_open:
                self.left_open[why] += 1
        elif left := "; ".join(not_compared(case)):
            self.partly_open[left if len(self.partly_open) < MOST_NOTES else ""] += 1
        self.cases += 1
        self.verdicts.update([case.verdict] if case.verdict else [])
        for check in case.checks or ():
            self.checks.setdefault((check.stage, check.dtype), Counter())[check.verdict] += 1
        judged = [check for check in case.checks or () if check.verdict != Verdict.NOT_COMPARABLE]
        self.compared += any(check.tensor == "output" for check in judged)
        for check in judged:
            key = check.stage, check.dtype
            self.worst[key] = max(self.worst.get(key, 0.0), check.passes_at)
        self.unseen += sum(fault.status == "not-visible" for fault in case.faults or ())
        if len(self.warnings) < MOST_NOTES:
            self.warnings.update(case.warnings)
        if case.error:
            self.kinds[case.error.kind] += 1
            if len(self.errors) < MOST_NOTES:
                own = "\n".join(f"  {line}" for line in (case.error.traceback or "").rstrip().splitlines())
                self.errors[f"{case.error.message}\n{own}" if own.count("\n") else case.error.message] += 1

    @property
    def open_checks(self) -> int:
        """Return the number of checks that are not-comparable."""
        return sum(counted[Verdict.NOT_COMPARABLE] for counted in self.checks.values())


def leaves_of(config: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield every leaf of a config by its dotted name, and its value as it would stand in YAML."""
    for name, value in config.items():
        if name in ("rnn", "input", "run"):
            yield from ((f"{name}.{leaf}", _short(inner)) for leaf, inner in value.items())
        else:
            yield name, _short(value)


def _short(value: Any) -> str:
    if type(value) in (int, float):  # by far the most: a quarter of the time of a report otherwise
        return repr(value)
    return value if isinstance(value, str) else _ENCODER.encode(value)
