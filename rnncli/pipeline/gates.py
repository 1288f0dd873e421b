"""Ratios held against a bound, and against an earlier run."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

from rnncli.core.errors import ConfigError, nearest
from rnncli.core.records import CaseRecord, Gate, Pass, Timing

PASSES: tuple[Pass, ...] = get_args(Pass)
_CONDITION = re.compile(r"\s*(\S.*)\.([A-Za-z+_]+)\s*(<=|>=|<|>)\s*(\S+)\s*")


@dataclass(frozen=True)
class Condition:
    """When a run fails: `manual.forward > 1.1`, of the ratio to nn.RNN."""

    text: str
    implementation: str
    pass_: str
    above: bool
    bound: float

    @classmethod
    def parse(cls, text: str, implementations: Sequence[str], passes: Sequence[str]) -> "Condition":
        """Raises ConfigError: also for what is not measured in the run."""
        found = _CONDITION.fullmatch(text)
        bound = _number(found[4]) if found else None
        if not found or bound is None:
            raise ConfigError(
                f'--fail-if: "{text}" is not allowed; allowed: IMPLEMENTATION.PASS, one of < <= > >=, and a ratio to'
                " nn.RNN, as manual.forward > 1.1"
            )
        name, pass_ = found[1], found[2]
        if name not in implementations:
            raise ConfigError(
                f"--fail-if: {text}: {name} is not measured{nearest(name, implementations)}; allowed:"
                f" {', '.join(implementations)}"
            )
        if pass_ not in passes:
            raise ConfigError(
                f"--fail-if: {text}: {pass_} is not measured{nearest(pass_, passes)}; allowed: {', '.join(passes)}"
            )
        return cls(text, name, pass_, found[3][0] == ">", bound)

    def of(self, case: CaseRecord) -> Gate | None:
        """What it comes to in a case; None where that was not timed."""
        names = {self.implementation, *([case.candidate] if self.implementation == "candidate" else [])}
        for timing in case.timing or ():
            if timing.implementation in names and timing.pass_ == self.pass_ and timing.ratio_to_reference is not None:
                low = timing.ratio_to_reference if timing.ratio_low is None else timing.ratio_low
                high = timing.ratio_to_reference if timing.ratio_high is None else timing.ratio_high
                return Gate(
                    condition=self.text,
                    case=case.id,
                    ratio=timing.ratio_to_reference,
                    ratio_low=low,
                    ratio_high=high,
                    failed=low > self.bound if self.above else high < self.bound,
                )
        return None


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 < number < float("inf") else None


class Baseline:
    """The ratios of an earlier run."""

    def __init__(self, path: Path) -> None:
        """Raises ConfigError for a file that holds no result of `bench`."""
        from rnncli.pipeline.merge import merged

        self._path = path
        with merged([path]) as record:
            if record.command != "bench":
                raise ConfigError(
                    f"--baseline: {path} is of rnncli {record.command}; allowed: a result of rnncli bench"
                )
            self._timings = {
                (case.id, timing.implementation, timing.pass_): timing
                for case in record.cases
                for timing in case.timing or ()
            }

    def require_any(self, ids: Iterable[str]) -> None:
        """Raise ConfigError, before anything is measured, where it holds none of the cases."""
        if not {id for id, *_ in self._timings} & set(ids):
            raise ConfigError(f"--baseline: {self._path} holds none of these cases; allowed: a run of the same config")

    def beside(self, cases: Iterable[CaseRecord]) -> list[CaseRecord]:
        """The cases with the earlier ratio beside each timing."""
        found = []
        for case in cases:
            timings = []
            for timing in case.timing or ():
                before = self._timings.get((case.id, timing.implementation, timing.pass_))
                timings.append(_compared(timing, before) if before else timing)
            found.append(replace(case, timing=tuple(timings) or None))
        return found


def _compared(timing: Timing, before: Timing) -> Timing:
    bounds = timing.ratio_low, timing.ratio_high, before.ratio_low, before.ratio_high
    low, high, its_low, its_high = bounds
    apart = None
    if low is not None and high is not None and its_low is not None and its_high is not None:
        apart = low > its_high or high < its_low
    return replace(timing, baseline_ratio=before.ratio_to_reference, changed=apart)
