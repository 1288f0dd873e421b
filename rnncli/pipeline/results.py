"""Results in a file, a line of JSON for each case: the place of each, its record, and the refusal of other files."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from math import inf
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Self

from pydantic import Field, TypeAdapter, ValidationError

from rnncli.core.case import Case
from rnncli.core.errors import AmbiguousError, CandidateError, ConfigError, RnncliError, UnavailableError, dotted
from rnncli.core.lines import case_from_json
from rnncli.core.records import SCHEMA_VERSION, CaseRecord, Gate, Growth, Verdict

LONGEST_LINE = 2**26  # bytes; a case of the largest kind that was seen takes 1 MB
KINDS = {error.kind for error in (AmbiguousError, CandidateError, ConfigError, RnncliError, UnavailableError)}
VERSIONS = ("rnncli", "torch")  # of the environment: results go together where these agree
Count = Annotated[int, Field(ge=0, le=10**9)]


@dataclass(frozen=True)
class _Origin:
    config: Annotated[str, Field(max_length=64)] = ""
    index: int = -1
    cases: Count = 0
    shard: Annotated[str, Field(pattern=r"^\d{1,6}/\d{1,6}$")] | None = None
    shard_cases: Count | None = None


@dataclass(frozen=True)
class _Line:
    """The part of a line that tells where a result belongs."""

    schema_version: Annotated[int, Field(le=SCHEMA_VERSION)] = 1
    id: str = field(kw_only=True)
    config: dict[str, Any] = field(kw_only=True)
    verdict: Verdict | None = field(kw_only=True)
    command: str = "None"
    environment: dict[str, Any] | None = None
    origin: _Origin | None = None


_LINE = TypeAdapter(_Line)


@dataclass(frozen=True)
class Run:
    """What results that go together have in common. `config` is that of their Origin."""

    command: str
    config: str
    environment: dict[str, Any] = field(default_factory=dict)

    def differs_from(self, other: Self) -> str | None:
        """Return in words how another run differs from this one; None where their results go together."""
        if self.command != other.command:
            return f"of rnncli {other.command}, not of rnncli {self.command}"
        for name in VERSIONS:
            required, version = self.environment.get(name), other.environment.get(name)
            if required != version:
                return f"from {name} {version}, not {required}"
        return "of another config, candidate or policy" if self.config != other.config else None


@dataclass(frozen=True, slots=True)
class Place:
    """Where the line of a case begins in its file."""

    offset: int
    shard: str | None = None
    has_verdict: bool = True


@dataclass
class ResultFile:
    """A file of results: the place of each case, by its index in the run, and the run they are of.

    `of_document`: the lines are the cases of a JSON document at `path`. `cases`: of the run, in all its shards.
    `end`: of the last whole line; a line without an end was cut by a kill.
    """

    path: Path
    file: BinaryIO
    of_document: bool = False
    run: Run | None = None
    cases: int = 0
    places: dict[int, Place] = field(default_factory=dict)  # of two lines of a case, the later
    sizes: dict[str, int] = field(default_factory=dict)  # of the shards
    growth: list[Growth] = field(default_factory=list)
    gates: list[Gate] = field(default_factory=list)
    missing: tuple[str, ...] = ()  # as the document says
    end: int = 0

    @property
    def finished(self) -> set[int]:
        """Return the index of every case that has a verdict."""
        return {index for index, place in self.places.items() if place.has_verdict}

    def scan(self) -> Self:
        """Find the cases. Raises ConfigError for a line that is no result, and for lines of different runs."""
        self.file.seek(0)
        for number, text in enumerate(iter(partial(self.file.readline, LONGEST_LINE + 1), b""), 1):
            if len(text) > LONGEST_LINE:
                raise no_result(f"{self.path}:{number}", f"a line of more than {LONGEST_LINE} bytes")
            if not text.endswith(b"\n"):
                break
            self._add(text, self._name(number))
            self.end += len(text)
        return self

    def _add(self, text: bytes, name: str) -> None:
        line = _parsed(text, name)
        origin = line.origin or _Origin(index=len(self.places))
        run = Run(line.command, origin.config, line.environment or {})
        if self.run is None:
            self.run, self.cases = run, origin.cases
        elif difference := self.run.differs_from(run):
            raise ConfigError(f"{name}: a result {difference} as the lines before; allowed: results of one run")
        if origin.cases != self.cases or (origin.config and not 0 <= origin.index < origin.cases):
            raise no_result(name, "origin is not that of the lines before, or of no case of the run")
        before = self.places.get(origin.index)
        if before and before.has_verdict:
            raise ConfigError(f"{name}: a case that stands before in the file too; allowed: every case once")
        self.places[origin.index] = Place(self.end, origin.shard, line.verdict is not None)
        if origin.shard:
            self.sizes[origin.shard] = origin.shard_cases or 0

    def case(self, index: int) -> CaseRecord:
        """Return a case by its index in the run. Raises ConfigError for a line that is no result."""
        offset = self.places[index].offset
        self.file.seek(offset)
        try:
            case = case_from_json(self.file.readline())
            if wrong := _contradiction(case):
                raise ValueError(f"case {case.id}: {wrong}")
            try:
                return replace(case, config=Case.model_validate(case.config).config)  # with keys of later versions
            except ValueError as error:
                raise ValueError(f"case {case.id}: its config: {first_problem(error)}") from None
        except ValueError as error:
            self.file.seek(0)
            number = 1
            while self.file.tell() < offset:
                self.file.readline()
                number += 1
            raise no_result(self._name(number), first_problem(error)) from None

    def _name(self, number: int) -> str:
        return f"{self.path}: case {number}" if self.of_document else f"{self.path}:{number}"


class Results(Sequence[CaseRecord]):
    """Cases in files, in the order of their run. A case is read when it is asked for; its place alone is in memory."""

    def __init__(self, files: Iterable[ResultFile]) -> None:
        cases = [(index, file) for file in files for index in file.places]
        self._cases = sorted(cases, key=lambda case: case[0])

    def __len__(self) -> int:
        return len(self._cases)

    def __getitem__(self, place: int) -> CaseRecord:  # type: ignore[override]  # no slices
        """Return the case at a place in the order of the run. Raises ConfigError for a line that is no result."""
        index, file = self._cases[place]
        return file.case(index)


def _parsed(text: bytes, name: str) -> _Line:
    try:
        line = _LINE.validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        if first["loc"] == ("schema_version",):
            version = str(first["input"])[:20]
            raise ConfigError(f"{name}: schema_version {version} is newer than this rnncli knows; update it") from None
        raise no_result(name, first_problem(error)) from None
    number, count = map(int, ((line.origin and line.origin.shard) or "1/1").split("/"))
    if not 1 <= number <= count:
        raise no_result(name, "origin.shard: no run has it")
    return line


def _contradiction(case: CaseRecord) -> str | None:
    # in a case whose fields are each of the right kind: somebody has changed the file
    checks = case.checks or ()
    if case.error and case.error.kind not in KINDS:
        return f"error.kind is none of {', '.join(sorted(KINDS))}"
    if case.verdict != Verdict.MISMATCH and any(check.verdict == Verdict.MISMATCH for check in checks):
        return f"the verdict is {case.verdict}, and that of a check is mismatch"
    for check, name in product(checks, ("error_by_step", "reference_error_by_step", "allowed_by_step")):
        for direction, steps in (getattr(check, name) or {}).items():
            expected = (check.error_by_step or {}).get(direction, ())
            if not steps or len(steps) != len(expected):
                return f"{name} of {direction} has {len(steps)} steps"
            if any(step is not None and not 0 <= step < inf for step in steps):
                return f"{name} of {direction} has a step that is not 0 or more and finite, nor null"
    return None


def first_problem(error: Exception) -> str:
    """Return the first problem that the validation library found, in a line; the text of another error."""
    if not isinstance(error, ValidationError):
        return str(error)
    problem = error.errors(include_url=False, include_input=False)[0]
    return f"{dotted(problem['loc'])}: {problem['msg']}" if problem["loc"] else problem["msg"]


def no_result(name: object, why: str) -> ConfigError:
    """Return the error for what is no result. `name`: the file, with the line where it is known."""
    reason = " ".join(why.split())[:160]
    return ConfigError(f"{name}: not a result of rnncli ({reason}); allowed: files of --format jsonl or --format json")
