"""What a command found out, as frozen records: every report is rendered from these and nothing else.

The field names are the keys of the JSON; a unit stands in the name. What did not run is None, never zero.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from functools import cache, cached_property
from math import inf
from typing import TYPE_CHECKING, Any, ClassVar, Literal

if TYPE_CHECKING:
    from pydantic import TypeAdapter

SCHEMA_VERSION = 1
MOST_NOTES = 100  # different ones that are kept of a run

Stage = Literal["algorithm", "precision"]
Pass = Literal["forward", "forward+backward", "inference"]
BySteps = dict[str, tuple[float | None, ...]]  # by direction


class Verdict(StrEnum):
    """What a check, a case or a run comes to."""

    MATCH = "match"
    MISMATCH = "mismatch"
    NOT_COMPARABLE = "not-comparable"


class Detail(StrEnum):
    """Amount of a result that a person is shown: its last line alone, what the verdict rests on, or everything."""

    QUIET = "quiet"
    NORMAL = "normal"
    VERBOSE = "verbose"


def combine(verdicts: Iterable[Verdict | None]) -> Verdict | None:
    """Any mismatch is a mismatch; else any match is a match; else not-comparable. None where nothing was judged."""
    seen = {verdict for verdict in verdicts if verdict is not None}
    for verdict in (Verdict.MISMATCH, Verdict.MATCH, Verdict.NOT_COMPARABLE):
        if verdict in seen:
            return verdict
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorShape:
    """One tensor's axes and its sizes: as predicted by rule, as observed on either side, and as the config expects.

    `given_by`: the flags of one other argument with which it would have the sizes that are expected.
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
    given_by: str | None = None

    @property
    def agrees(self) -> bool:
        """Whether every shape that is known equals the predicted one."""
        return all(shape is None or shape == self.shape for shape in (self.reference, self.expected))


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A line of code a person looks up every time, filled in for the case, and the shape it gives."""

    code: str
    shape: tuple[int, ...] | None = None
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
    `cause`: the id of a fault of the catalogue, or one of `causes.Cause`: why the verdict is what it is, where it is no
    match by its values alone; `reason` says it in words.
    `allowed` is the bound the policy sets on `min_tolerance`, None where the policy is not a bound on it.
    Of `output`, for each direction the largest error of each time step: the candidate's, and at the precision stage
    nn.RNN's own; `allowed_by_step` is what the noise envelope allows, where that was worked out. None: not finite.
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
        """The smallest tolerance it would pass at: infinite where none lets it through, as another shape, or NaN."""
        if self.min_tolerance is None:
            return inf if self.verdict == Verdict.MISMATCH else 0.0
        return self.min_tolerance


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
    """A fault that explains a mismatch, what shows that it does, and how to fix it, in words.

    Two faults together are two of these, with the same evidence. `unexplained` is no fault: then the evidence is what
    is known, and the fix where to look. `written` is what a person writes who makes the fault. `change` holds the lines
    of the candidate's file that go ("- ...") and come ("+ ...") where an edit was found with which the candidate
    matches; `at` is the file and line of the first of them. `equations` holds, likewise, lines of `manual/equations.py`
    as they are with the fault and without it.
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
    """A tensor of the candidate, the parameter of nn.RNN it was given, and what settled that."""

    tensor: str
    weight: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long one pass of one implementation takes: median and interquartile range over `runs` measurements.

    Half of the ratios of single measurements to nn.RNN's beside them lie from `ratio_low` to `ratio_high`. The rates
    count the matrix products of the case alone; `products_share` is the share of the time that these products take by
    themselves, measured beside it. `peak_bytes`: allocated at once, beyond what went in. `wrong`: it is timed though it
    does not compute what nn.RNN does. `baseline_ratio`: the ratio in an earlier run, and `changed` whether the two are
    further apart than both spreads.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"alias_generator": lambda name: name.removesuffix("_")}

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
    def noisy(self) -> bool:
        """Whether the spread makes the ratio meaningless."""
        if self.ratio_low is None or self.ratio_high is None:
            return self.iqr_s > self.median_s / 2
        return self.ratio_high > 1.5 * self.ratio_low


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """How the time of a pass grows over a range of cases: as the product of each size to its exponent."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"alias_generator": lambda name: name.removesuffix("_")}

    implementation: str
    pass_: Pass
    exponents: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What --fail-if came to in one case. It fails where the ratio is beyond the bound by more than its spread."""

    condition: str
    case: str
    ratio: float
    ratio_low: float
    ratio_high: float
    failed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a case has no verdict."""

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
    """Everything found out about one case.

    Of a mismatch, `replay` is the command that shows it again in the smallest case found, `replay_config` that case.
    """

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
        """Whether it is a mismatch or could not be judged."""
        return self.error is not None or self.verdict == Verdict.MISMATCH

    @property
    def candidate(self) -> str:
        """What the candidate is called: a built-in one's name, or where a user's own is found."""
        named = self.config["candidate"]
        return str(named["target"] if isinstance(named, dict) else named)


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
        """The record of a run. Its verdict is that of its cases; None where one failed or is missing and none is a
        mismatch.
        """
        tally = Tally.of(cases)
        verdict = combine(tally.verdicts)
        if verdict != Verdict.MISMATCH and (tally.kinds or missing):
            verdict = None
        record = cls(
            command=command,
            environment=environment,
            verdict=verdict,
            strict=strict,
            missing=tuple(missing),
            growth=tuple(growth) or None,
            gates=tuple(gates) or None,
            cases=cases,
        )
        vars(record)["tally"] = tally
        return replace(record, verdict=None) if verdict == Verdict.MATCH and record.unjudged else record

    def shown_with(self, detail: Detail) -> "RunRecord":
        """Return the record with another level of detail, without counting its cases again."""
        shown = replace(self, detail=detail)
        if "tally" in vars(self):
            vars(shown)["tally"] = self.tally
        return shown

    @property
    def verbose(self) -> bool:
        """Return whether a table shows everything."""
        return self.detail == Detail.VERBOSE

    @property
    def unjudged(self) -> int:
        """How many cases of `verify` have neither a verdict nor an error, as those of --list."""
        tally = self.tally
        return tally.cases - tally.verdicts.total() - tally.kinds.total() if self.command == "verify" else 0

    @property
    def passed(self) -> bool:
        """Whether everything asked for matches: a run that ends with exit code 0."""
        left_open = self.strict and (self.tally.open_checks or self.tally.unseen)
        failed = self.verdict == Verdict.MISMATCH or self.tally.kinds or self.missing or self.unjudged
        failed = failed or any(gate.failed for gate in self.gates or ())
        failed = failed or (self.command == "verify" and self.tally.cases > 0 and not self.tally.compared)
        return not failed and not left_open

    @cached_property
    def tally(self) -> "Tally":
        """What its cases come to, counted in one pass."""
        return Tally.of(self.cases)


@dataclass
class Tally:
    """Many cases, counted: what a summary, the notes on stderr and the exit code are made from."""

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
    every: Counter[tuple[str, str]] = field(default_factory=Counter)  # cases by leaf of the config and its value
    failed: Counter[tuple[str, str]] = field(default_factory=Counter)  # the failing ones of them

    @classmethod
    def of(cls, cases: Iterable[CaseRecord]) -> "Tally":
        """The tally of cases."""
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
            self.diagnoses.update([" and ".join(found.id for found in case.diagnosis)] if case.diagnosis else [])
            self.failing.append(self.cases)
        elif case.verdict == Verdict.NOT_COMPARABLE:
            why = next((check.reason for check in case.checks or () if check.reason), "nothing could be compared")
            if len(self.left_open) < MOST_NOTES or why in self.left_open:
                self.left_open[why] += 1
        self.cases += 1
        if case.verdict is not None:
            self.verdicts[case.verdict] += 1
        self.compared += any(
            check.tensor == "output" and check.verdict != Verdict.NOT_COMPARABLE for check in case.checks or ()
        )
        for check in case.checks or ():
            key = check.stage, check.dtype
            self.checks.setdefault(key, Counter())[check.verdict] += 1
            if check.verdict != Verdict.NOT_COMPARABLE:
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
        """Checks that are not-comparable."""
        return sum(counted[Verdict.NOT_COMPARABLE] for counted in self.checks.values())


def leaves_of(config: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every leaf of a config by its dotted name, and its value as it would stand in YAML."""
    for name, value in config.items():
        if name in ("rnn", "input", "run"):
            yield from ((f"{name}.{leaf}", _short(inner)) for leaf, inner in value.items())
        else:
            yield name, _short(value)


def _short(value: Any) -> str:
    if isinstance(value, str):
        return value
    if type(value) in (int, float):  # by far the most: a quarter of the time of a report otherwise
        return repr(value)
    return _WORDS[value] if value is None or isinstance(value, bool) else json.dumps(value, ensure_ascii=False)


_WORDS = {None: "null", True: "true", False: "false"}


def printable(text: str) -> str:
    """Text from elsewhere, with a space for each character that a terminal, a log or a browser would act on."""
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)


def case_to_json(case: CaseRecord, indent: int | None = None) -> str:
    """A case as JSON, in the order of its fields. A number that is not finite becomes null."""
    return _adapter().dump_json(case, by_alias=True, indent=indent).decode()


def parts_to_json(parts: Sequence[Growth | Gate]) -> list[dict[str, Any]]:
    """What stands beside the cases, as plain values under the names it has in JSON."""
    return [{name.removesuffix("_"): value for name, value in asdict(part).items()} for part in parts]


def parts_from_json(document: dict[str, Any]) -> tuple[list[Growth], list[Gate]]:
    """What `parts_to_json` gave of growth and gates. Raises ValueError, which says what is wrong, for anything else."""
    from pydantic import TypeAdapter

    growth = TypeAdapter(list[Growth]).validate_python(document.get("growth") or [])
    return growth, TypeAdapter(list[Gate]).validate_python(document.get("gates") or [])


def line_of(head: dict[str, Any], case: CaseRecord) -> str:
    """A case as one line of JSON, the entries of `head` before it. What did not run is left out of nested records."""
    body = _adapter().dump_json(case, by_alias=True, exclude_none=True).decode()
    absent = "".join(f',"{name}":null' for name in CASE_FIELDS if getattr(case, name) is None)
    before = "".join(f"{json.dumps(name)}:{json.dumps(value, ensure_ascii=False)}," for name, value in head.items())
    return f"{{{before}{body[1:-1]}{absent}}}\n"


def case_from_json(text: bytes) -> CaseRecord:
    """The case of a line, or of an item of `cases`. Raises ValueError, which says what is wrong, for anything else."""
    return _adapter().validate_json(text)


@cache
def _adapter() -> "TypeAdapter[CaseRecord]":
    from pydantic import TypeAdapter

    return TypeAdapter(CaseRecord)


CASE_FIELDS = tuple(entry.name for entry in fields(CaseRecord))
