"""The results of a command as frozen records, from which alone every report is rendered.

The field names are the keys of the JSON; a unit stands in the name. What did not run is None, never zero.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from rnncli.core.causes import FURTHER_CALLS
from rnncli.core.cells import CELLS, Cell

if TYPE_CHECKING:
    from rnncli.core.tally import Tally

SCHEMA_VERSION = 1
_PASS_IN_JSON = {"alias_generator": lambda name: name.removesuffix("_")}

Stage = Literal["algorithm", "precision"]
Pass = Literal["forward", "forward+backward", "inference"]
BySteps = dict[str, tuple[float | None, ...]]  # by direction


class Verdict(StrEnum):
    """The outcome of a check, a case or a run."""

    MATCH = "match"
    MISMATCH = "mismatch"
    NOT_COMPARABLE = "not-comparable"


class Detail(StrEnum):
    """Amount of a result that a person is shown: its last line alone, what the verdict rests on, or everything."""

    QUIET = "quiet"
    NORMAL = "normal"
    VERBOSE = "verbose"


def combine(verdicts: Iterable[Verdict | None]) -> Verdict | None:
    """Return mismatch where there is one, else match, else not-comparable; None where nothing was judged."""
    seen = set(verdicts)
    return next((one for one in (Verdict.MISMATCH, Verdict.MATCH, Verdict.NOT_COMPARABLE) if one in seen), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorShape:
    """One tensor's axes and its sizes: as predicted by rule, as observed on either side, and as the config expects.
    `given_by`: the flags of one other argument that gives the expected sizes.
    """

    name: str
    axes: tuple[str, ...]
    predicted: tuple[int, ...]
    reference: tuple[int, ...] | None = None
    candidate: tuple[int, ...] | None = None
    expected: tuple[int, ...] | None = None
    given_by: str | None = None

    @property
    def agrees(self) -> bool:
        """Return whether every size that is known equals the predicted one."""
        return {self.reference, self.candidate, self.expected} <= {None, self.predicted}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter under torch's name: shape by rule, shape observed in torch's layer, number of elements.
    `gates`: whose rows it holds, in this order and as many of each; None where the cell has a single gate.
    """

    name: str
    shape: tuple[int, ...]
    count: int
    gates: tuple[str, ...] | None = None
    reference: tuple[int, ...] | None = None
    expected: tuple[int, ...] | None = None
    given_by: str | None = None

    @property
    def agrees(self) -> bool:
        return {self.reference, self.expected} <= {None, self.shape}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A line of code a person looks up every time, filled in for the case, the shape it gives, and what that is.
    `equals`: another expression with the same values. In `note`, code stands between backticks.
    """

    code: str
    shape: tuple[int, ...] | None = None
    note: str
    equals: str | None = None


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
    `cause`: the id of a fault of the catalogue, or one of `causes.Cause`: why the verdict is what it is, where it is no
    match by its values alone; `reason` says it in words.
    `allowed` is the bound the policy sets on `min_tolerance`, None where the policy is not a bound on it.
    Of `output`, for each direction the largest error of each time step: the candidate's, and at the precision stage
    torch's own; `allowed_by_step` is what the noise envelope allows, where that was worked out. None: not finite.
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
    cause: str | None = None
    allowed: float | None = None
    worst: Location | None = None
    first_divergence: Location | None = None
    error_by_step: BySteps | None = None
    reference_error_by_step: BySteps | None = None
    allowed_by_step: BySteps | None = None
    reason: str | None = None

    @property
    def passes_at(self) -> float:
        """Return the smallest tolerance it would pass at; infinity where it has another shape, or NaN, or where a
        further call is what differs.
        """
        if self.min_tolerance is None or self.cause in FURTHER_CALLS:
            return float("inf") if self.verdict == Verdict.MISMATCH else 0.0
        return self.min_tolerance


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultResult:
    """The status of one fault of the catalogue in a case, with the tensor and stage that see it.
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
    """A fault that explains a mismatch, what shows that it does, and how to fix it, in words.

    A pair of faults yields two records with the same evidence. `unexplained` is no fault: the evidence is what is
    known, and the fix where to look. `written` is what a person writes who makes the fault. `change`: the lines of the
    candidate's file that go ("- ...") and come ("+ ...") so that it matches; `at`: the first of them as FILE.py:LINE,
    the file as it was named.
    `equations`: likewise, lines of `manual/equations.py` as they are with the fault and without it.
    """

    id: str
    evidence: str
    fix: str
    written: str | None = None
    at: str | None = None
    change: tuple[str, ...] | None = None
    equations: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """A tensor of the candidate, the parameter of torch's layer it was given, and what settled that."""

    tensor: str
    weight: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The time of one pass of one implementation: median and interquartile range over `runs` measurements.

    Half of the ratios of single measurements to those of torch beside them lie from `ratio_low` to `ratio_high`. The
    rates count the matrix products of the case; `products_share` is the share of the time that these take alone.
    `peak_bytes`: allocated at once, beyond what went in. `wrong`: it does not compute what torch does.
    `baseline_ratio`: the ratio in an earlier run, and `changed` whether the two are further apart than both spreads.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = _PASS_IN_JSON

    implementation: str
    pass_: Pass  # "pass" in JSON, a keyword in Python
    median_s: float
    iqr_s: float
    runs: int
    ratio_to_reference: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    flops_per_s: float | None = None
    bytes_per_s: float | None = None
    products_share: float | None = None
    peak_bytes: int | None = None
    compile_s: float | None = None
    wrong: bool | None = None
    baseline_ratio: float | None = None
    changed: bool | None = None

    @property
    def is_reference(self) -> bool:
        return any(self.implementation == cell.layer for cell in CELLS.values())

    @property
    def noisy(self) -> bool:
        """Return whether the spread makes the ratio meaningless."""
        low, high = self.ratio_low, self.ratio_high
        return self.iqr_s > self.median_s / 2 if low is None or high is None else high > 1.5 * low


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """The growth of the time of a pass over a range of cases, as the product of each size to its exponent."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _PASS_IN_JSON

    implementation: str
    pass_: Pass
    exponents: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """The outcome of --fail-if in one case. It fails where the ratio is beyond the bound by more than its spread."""

    condition: str
    case: str
    ratio: float
    ratio_low: float
    ratio_high: float
    failed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """The reason why a case has no verdict."""

    kind: str
    message: str
    traceback: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The run a case belongs to. Results whose `config` is the same are of the same cases, judged alike.
    `index` is the place of the case among the `cases` of the run; of a shard "3/8", `shard_cases` are its own.
    """

    config: str
    index: int
    cases: int
    shard: str | None = None
    shard_cases: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRecord:
    """All about one case. Of a mismatch, `replay` is a command that shows it in the smallest case, `replay_config`."""

    id: str
    config: dict[str, Any]
    verdict: Verdict | None
    origin: Origin | None = None
    device: str | None = None
    backend: str | None = None
    reading: str | None = None
    wiring: tuple[Wire, ...] | None = None
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

    @property
    def failed(self) -> bool:
        return self.error is not None or self.verdict == Verdict.MISMATCH

    @property
    def candidate(self) -> str:
        """Return the name of a built-in candidate, or where a user's own is found."""
        named = self.config["candidate"]
        return str(named["target"] if isinstance(named, dict) else named)

    @property
    def cell(self) -> Cell:
        """Return the cell of the case."""
        return CELLS[self.config["rnn"].get("cell", "RNN")]  # results of older versions are of an RNN

    @property
    def why_not_compared(self) -> str:
        """Return the first reason that a check gives."""
        return next((check.reason for check in self.checks or () if check.reason), "nothing could be compared")

    def tensors(self, verdict: Verdict) -> list[str]:
        """Return the names of the tensors of which a check came to a verdict, each once."""
        return list(dict.fromkeys(check.tensor for check in self.checks or () if check.verdict == verdict))


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """The result of one command. `missing` says which cases of the run have no result, and why. `strict`: whether what
    is not-comparable fails, as with --strict. `detail`: how much a person is shown of it, as with -q and -v.
    """

    schema_version: int = SCHEMA_VERSION
    command: str
    environment: dict[str, Any] | None = None
    verdict: Verdict | None
    strict: bool = False
    detail: Detail = Detail.NORMAL
    missing: tuple[str, ...] = ()
    growth: tuple[Growth, ...] | None = None
    gates: tuple[Gate, ...] | None = None
    cases: Sequence[CaseRecord]

    @classmethod
    def of(
        cls,
        command: str,
        environment: dict[str, Any],
        cases: Sequence[CaseRecord],
        missing: Sequence[str] = (),
        strict: bool = False,
        growth: Sequence[Growth] = (),
        gates: Sequence[Gate] = (),
    ) -> "RunRecord":
        """Return the record of a run. Its verdict is that of its cases; None where one failed, is missing or open."""
        record = cls(command=command, environment=environment, verdict=None, strict=strict, cases=cases)
        record = replace(record, missing=tuple(missing), growth=tuple(growth) or None, gates=tuple(gates) or None)
        verdict = combine(record.tally.verdicts)
        failed = verdict != Verdict.MISMATCH and (record.tally.kinds or missing)
        left_open = verdict == Verdict.MATCH and record.unjudged
        return record if failed or left_open else record.changed(verdict=verdict)

    def changed(self, **values: Any) -> "RunRecord":
        """Return the record with other values, as of `detail`, without counting its cases again."""
        record = replace(self, **values)
        vars(record).update((name, tally) for name, tally in vars(self).items() if name == "tally")
        return record

    @property
    def verbose(self) -> bool:
        return self.detail == Detail.VERBOSE

    @property
    def unjudged(self) -> int:
        """Return the number of cases of `verify` with neither a verdict nor an error, as those of --list."""
        judged = self.tally.verdicts.total() + self.tally.kinds.total()
        return self.tally.cases - judged if self.command == "verify" else 0

    @property
    def passed(self) -> bool:
        """Return whether everything asked for matches: a run that ends with exit code 0."""
        tally = self.tally
        failed = self.verdict == Verdict.MISMATCH or tally.kinds or self.missing or self.unjudged
        failed = failed or any(gate.failed for gate in self.gates or ())
        failed = failed or (self.command == "verify" and tally.cases > 0 and not tally.compared)
        return not failed and not (self.strict and (tally.open_checks or tally.unseen))

    @cached_property
    def tally(self) -> "Tally":
        from rnncli.core.tally import Tally

        return Tally.of(self.cases)


def printable(text: str) -> str:
    """Return a text with a space for each character that a terminal, a log or a browser would act on."""
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)
