"""Ratios held against a bound, and against an earlier run."""

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path

from rnncli.core.errors import ConfigError, nearest
from rnncli.core.records import CaseRecord, Gate, Pass, Timing
from rnncli.core.words import spread
from rnncli.pipeline.merge import merged

PASSES: tuple[Pass, ...] = ("inference", "forward", "forward+backward")
_CONDITION = re.compile(r"\s*(\S.*)\.([A-Za-z+_]+)\s*(<=|>=|<|>)\s*(\S+)\s*")


@dataclass(frozen=True)
class Condition:
    """A condition under which a run fails: `manual.forward > 1.1`, of the ratio to torch's layer."""

    text: str
    implementation: str
    pass_: str
    above: bool
    bound: float

    @classmethod
    def parse(cls, text: str, implementations: Sequence[str], passes: Sequence[str], layer: str) -> "Condition":
        """Return the condition of a text. Raises ConfigError, also for what is not measured in the run."""
        found, bound = _CONDITION.fullmatch(text), inf
        with suppress(ValueError):
            bound = float(found[4]) if found else inf
        if not found or not 0 < bound < inf:
            raise ConfigError(
                f'--fail-if: "{text}" is not allowed; allowed: IMPLEMENTATION.PASS, one of < <= > >=, and a ratio to'
                f" {layer}, as manual.forward > 1.1"
            )
        for name, measured in ((found[1], implementations), (found[2], passes)):
            if name not in measured:
                hint = nearest(name, measured)
                raise ConfigError(f"--fail-if: {text}: {name} is not measured{hint}; allowed: {', '.join(measured)}")
        return cls(text, found[1], found[2], found[3][0] == ">", bound)

    def of(self, case: CaseRecord) -> Gate | None:
        """Return the gate of a case; None where that was not timed."""
        names = {self.implementation, *([case.candidate] if self.implementation == "candidate" else [])}
        for timing in case.timing or ():
            ratio = timing.ratio_to_reference
            if timing.implementation in names and timing.pass_ == self.pass_ and ratio is not None:
                low, high = spread(timing)
                failed = low > self.bound if self.above else high < self.bound
                return Gate(
                    condition=self.text, case=case.id, ratio=ratio, ratio_low=low, ratio_high=high, failed=failed
                )
        return None


class Baseline:
    """The ratios of an earlier run."""

    def __init__(self, path: Path) -> None:
        """Read them. Raises ConfigError for a file that holds no result of `bench`."""
        self._path = path
        with merged([path]) as record:
            if record.command != "bench":
                allowed = "a result of rnncli bench"
                raise ConfigError(f"--baseline: {path} is of rnncli {record.command}; allowed: {allowed}")
            timings = ((case.id, timing) for case in record.cases for timing in case.timing or ())
            self._timings = {(id, timing.implementation, timing.pass_): timing for id, timing in timings}

    def require_any(self, ids: Iterable[str]) -> None:
        """Raise ConfigError, before anything is measured, where it holds none of the cases."""
        if not {id for id, *_ in self._timings} & set(ids):
            raise ConfigError(f"--baseline: {self._path} holds none of these cases; allowed: a run of the same config")

    def beside(self, case: CaseRecord) -> CaseRecord:
        """Return a case with the earlier ratio beside each timing."""
        timings = [(timing, (case.id, timing.implementation, timing.pass_)) for timing in case.timing or ()]
        compared = tuple(_compared(timing, self._timings.get(key)) for timing, key in timings)
        return replace(case, timing=compared or None)


def _compared(timing: Timing, before: Timing | None) -> Timing:
    if before is None:
        return timing
    changed = None
    if None not in (timing.ratio_low, timing.ratio_high, before.ratio_low, before.ratio_high):
        changed = timing.ratio_low > before.ratio_high or timing.ratio_high < before.ratio_low  # type: ignore[operator]
    return replace(timing, baseline_ratio=before.ratio_to_reference, changed=changed)
