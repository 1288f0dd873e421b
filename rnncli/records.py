"""What a command found out, as frozen records: every report is rendered from these and nothing else.

The field names are the keys of the JSON; a unit stands in the name. What did not run is None, never zero.
"""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, ClassVar, Literal

SCHEMA_VERSION = 1

Stage = Literal["algorithm", "precision"]


class Verdict(StrEnum):
    """What a check, a case or a run comes to."""

    MATCH = "match"
    MISMATCH = "mismatch"
    NOT_COMPARABLE = "not-comparable"


def combine(verdicts: Iterable[Verdict | None]) -> Verdict | None:
    """Any mismatch is a mismatch; else any match is a match; else not-comparable. None where nothing was judged."""
    seen = {verdict for verdict in verdicts if verdict is not None}
    for verdict in (Verdict.MISMATCH, Verdict.MATCH, Verdict.NOT_COMPARABLE):
        if verdict in seen:
            return verdict
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorShape:
    """One tensor's axes and its sizes: as predicted by rule, as observed on either side, and as the config expects."""

    name: str
    axes: tuple[str, ...]
    predicted: tuple[int, ...]
    reference: tuple[int, ...] | None = None
    candidate: tuple[int, ...] | None = None
    expected: tuple[int, ...] | None = None

    @property
    def agrees(self) -> bool:
        """Whether every size that is known equals the predicted one."""
        others = (self.reference, self.candidate, self.expected)
        return all(size is None or size == self.predicted for size in others)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter under `nn.RNN`'s name: shape by rule, shape observed in `nn.RNN`, number of elements."""

    name: str
    shape: tuple[int, ...]
    count: int
    reference: tuple[int, ...] | None = None
    expected: tuple[int, ...] | None = None

    @property
    def agrees(self) -> bool:
        """Whether every shape that is known equals the predicted one."""
        return all(shape is None or shape == self.shape for shape in (self.reference, self.expected))


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A line of code a person looks up every time, filled in for the case, and the shape it gives."""

    code: str
    shape: tuple[int, ...] | None
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """An element by its place in the computation. `column` is the input feature of a weight's element."""

    layer: int | None = None
    direction: Literal["forward", "reverse"] | None = None
    time: int | None = None
    batch: int | None = None
    unit: int | None = None
    column: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The comparison of one tensor at one stage.

    `max_abs_error` is against the reference at the algorithm stage, against the oracle at the precision stage;
    `min_tolerance` is that error over the reference's largest magnitude: the smallest tolerance that would have passed.
    `allowed` is the bound the policy sets on `min_tolerance`, None where the policy is not a bound on it.
    """

    tensor: str
    stage: Stage
    dtype: str
    verdict: Verdict
    policy: str
    max_abs_error: float | None = None
    reference_max_abs_error: float | None = None
    noise_ratio: float | None = None
    min_tolerance: float | None = None
    allowed: float | None = None
    worst: Location | None = None
    first_divergence: Location | None = None
    error_by_step: dict[str, tuple[float, ...]] | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultResult:
    """Whether a case sees one fault of the catalogue: by which tensor and stage, or after which change to the case.

    `change` is the smallest change found that reveals it, as flags; `reason` says why it does not apply, or what shows.
    """

    id: str
    status: Literal["caught", "not-visible", "equivalent", "not-applicable"]
    tensor: str | None = None
    stage: Stage | None = None
    change: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """A fault that explains a mismatch, what shows that it does, and the line to change, in words.

    Two faults together are two of these, with the same evidence. `unexplained` is no fault: then the evidence is what
    is known, and the fix where to look.
    """

    id: str
    evidence: str
    fix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long one pass of one implementation takes: median and interquartile range over `runs` measurements."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"alias_generator": lambda name: name.removesuffix("_")}

    implementation: str
    pass_: Literal["forward", "forward+backward", "inference"]  # "pass" in JSON, a keyword in Python
    median_s: float
    iqr_s: float
    runs: int
    ratio_to_reference: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a case has no verdict."""

    kind: str
    message: str
    traceback: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRecord:
    """Everything found out about one case.

    Of a mismatch, `replay` is the command that shows it again in the smallest case found, `replay_config` that case.
    """

    id: str
    config: dict[str, Any]
    verdict: Verdict | None
    device: str | None = None
    backend: str | None = None
    reading: str | None = None
    warnings: tuple[str, ...] = ()
    shapes: tuple[TensorShape, ...] | None = None
    parameters: tuple[Parameter, ...] | None = None
    recipes: tuple[Recipe, ...] | None = None
    checks: tuple[Check, ...] | None = None
    diagnosis: tuple[Diagnosis, ...] | None = None
    faults: tuple[FaultResult, ...] | None = None
    timing: tuple[Timing, ...] | None = None
    replay: str | None = None
    replay_config: dict[str, Any] | None = None
    error: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """The result of one command."""

    schema_version: int = SCHEMA_VERSION
    command: str
    environment: dict[str, Any] | None
    verdict: Verdict | None
    cases: tuple[CaseRecord, ...]

    @classmethod
    def of(cls, command: str, environment: dict[str, Any], cases: Sequence[CaseRecord]) -> "RunRecord":
        """The record of a run: its verdict is that of its cases, None where one failed and none is a mismatch."""
        verdict = combine(case.verdict for case in cases)
        if verdict != Verdict.MISMATCH and any(case.error for case in cases):
            verdict = None
        return cls(command=command, environment=environment, verdict=verdict, cases=tuple(cases))


def to_json(record: RunRecord) -> str:
    """The record as JSON, in the order of its fields. A number that is not finite becomes null."""
    return json.dumps(_plain(asdict(record)), indent=2, allow_nan=False, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key.removesuffix("_"): _plain(inner) for key, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
