"""Cases through the pipeline: probe -> both sides -> comparison and timing -> record."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor

from rnncli.candidate.load import load
from rnncli.core import memory
from rnncli.core.case import Case
from rnncli.core.causes import DOWNCAST, LEAK
from rnncli.core.errors import AmbiguousError, CandidateError, ConfigError, UnavailableError
from rnncli.core.records import CaseRecord, Check, Diagnosis, Failure, Timing, Verdict, Wire, combine
from rnncli.core.shapes import confront
from rnncli.faults.catalogue import CATALOGUES, blind_spots, named
from rnncli.faults.shrink import replay_command, shrunk
from rnncli.numerics import device as devices
from rnncli.verdict import claims
from rnncli.verdict.compare import ENVELOPE, Policy
from rnncli.verdict.evaluate import Candidate, FunctionCandidate, candidate_side, has_values
from rnncli.verdict.judge import Judgement, with_envelopes
from rnncli.verdict.problem import Problem, Problems
from rnncli.verdict.stage import is_wrong

if TYPE_CHECKING:
    from rnncli.pipeline.candidate_process import CandidateProxy, Reading

TIMEOUT_S = 30.0  # for a user's candidate, a call
FLAGS_THAT_TRY = {"num_layers": "--layers 2", "bidirectional": "--bidirectional", "batch_first": "--batch-first"}

Sizes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class VerifyOptions:
    """What `verify` does beside what the case says. `timeout_s` is for a call of a user's candidate, and `guard`
    whether one is looked over for tensors made on the wrong device.
    `shrink`: whether a smaller case is looked for that shows a mismatch too, which may take seconds.
    `envelope`: whether what it allows over time is worked out where no verdict needs it, to be drawn.
    """

    timing: bool = True
    policy: Policy = ENVELOPE
    timeout_s: float = TIMEOUT_S
    guard: bool = True
    shrink: bool = True
    envelope: bool = False


def run_cases(
    cases: Sequence[Case], work: Callable[[Case], CaseRecord], needed: Callable[[Case], int]
) -> Iterator[CaseRecord]:
    """The record of each case in turn. A device, a candidate or memory that fails costs its own case alone.

    Raises ConfigError before anything runs where a case needs more bytes than its device has.
    """
    largest(cases, needed)
    for case in cases:
        yield attempted(case, work)


def attempted(case: Case, work: Callable[[Case], CaseRecord]) -> CaseRecord:
    """The record of a case, or of why there is none."""
    try:
        return work(case)
    except (UnavailableError, CandidateError, ConfigError, AmbiguousError) as error:
        trace = error.trace if isinstance(error, CandidateError) else None
        return failed(case, Failure(kind=error.kind, message=str(error), traceback=trace))


def failed(case: Case, failure: Failure) -> CaseRecord:
    """The record of a case without a verdict."""
    return CaseRecord(id=case.id, config=case.config, verdict=None, error=failure)


def largest(cases: Sequence[Case], needed: Callable[[Case], int]) -> tuple[int, int]:
    """The bytes that the largest case needs, and those there are, of the machine or of its GPU.

    Raises ConfigError where a case needs more than its device has.
    """
    most, have = 0, 2**63
    available: dict[str, int | None] = {}
    for case in cases:
        name = case.run.device
        if name not in available:
            with suppress(UnavailableError):  # told when the case is run
                available[name] = devices.available_memory(devices.resolve(name))
                have = min(have, available[name] or have)
        if name in available:
            memory.require_fits(case, needed(case), available[name])
            most = max(most, needed(case))
    return most, have


def verify(case: Case, options: VerifyOptions, target: object = None, problems: Problems | None = None) -> CaseRecord:
    """Return shapes, parity and timing of the candidate against nn.RNN.

    `target` is the candidate itself, where the case's is no file to be loaded but an object of this process. `problems`
    keeps what nn.RNN and the oracle make of a case for the next that differs in a built-in candidate alone.
    Raises UnavailableError and ConfigError, and CandidateError where the candidate itself fails.
    """
    device = devices.resolve(case.run.device)
    if case.target is None:
        return _verified(case, device, FunctionCandidate(load(case)), options, problems)
    from rnncli.pipeline.candidate_process import InProcessCandidate, SubprocessCandidate

    if target is not None:
        return _by_its_readings(case, device, InProcessCandidate(target), options)
    with SubprocessCandidate(case, options.timeout_s, device) as candidate:
        return _by_its_readings(case, device, candidate, options)


def _by_its_readings(
    case: Case, device: torch.device, candidate: "CandidateProxy", options: VerifyOptions
) -> CaseRecord:
    """Return the record of a user's own candidate, by the reading that evidence leaves.

    Raises AmbiguousError where evidence leaves several that lead to different verdicts.
    """
    reading = candidate.read(case)
    record = _as_read(case, device, candidate, options, reading)
    if reading.readings == 1:
        return record
    verdicts = {reading.reading: record.verdict}
    for which in range(1, reading.readings):
        other = candidate.choose(case, which)
        quick = replace(options, shrink=False, timing=False, guard=False)
        verdicts[other.reading] = _as_read(case, device, candidate, quick, other).verdict
    if len(set(verdicts.values())) == 1:
        return record
    told = "; or ".join(f"read as {reading}: {verdict}" for reading, verdict in verdicts.items())
    raise AmbiguousError(
        f"candidate {case.target}: two readings lead to different verdicts: {told}; state which one is meant in the"
        " config, with a mapping candidate: and its keys target, convention, layout, weights or returns"
    )


def _as_read(
    case: Case, device: torch.device, candidate: "CandidateProxy", options: VerifyOptions, reading: "Reading"
) -> CaseRecord:
    """Return the record of a candidate under one reading of it."""
    wiring = tuple(Wire(tensor=tensor, weight=weight, evidence=evidence) for tensor, weight, evidence in reading.wiring)
    nothing = CaseRecord(id=case.id, config=case.config, verdict=None, device=str(device), checks=())
    if reading.unsupported:
        checks = (claims.not_supported(reading.unsupported),)
        return replace(nothing, verdict=checks[0].verdict, checks=checks, reading=reading.reading, wiring=wiring)
    claimed = reading.claimed(case)
    try:
        if reading.raises:
            raise CandidateError(reading.raises)
        record = _verified(claimed, device, candidate, options, claimed_by=reading.claimed)
    except CandidateError:
        if not reading.faults:
            raise
        record = nothing
    if candidate.exit_error and record.verdict != Verdict.MISMATCH:
        raise candidate.exit_error
    warnings = _side_effects(candidate)  # before the guard, which may cost the candidate its process
    if reading.untried and record.verdict == Verdict.MATCH and options.shrink:
        warnings = (*warnings, _not_tried(reading.untried))
    leaks = any(found.id == LEAK for found in record.diagnosis or ())  # and so onto any device
    guarded = options.guard and not leaks and not candidate.exit_error
    hardwired = _device_fault(claimed, candidate) if guarded else None
    own = tuple(claims.tensors_at_fault(reading.faults))
    known = tuple(_diagnosis_of_tensor(case, cause, reason) for _, cause, reason in reading.faults[:1])
    return replace(
        record,
        id=case.id,
        config=case.config,
        verdict=combine([record.verdict, *(check.verdict for check in own)]),
        reading=reading.reading,
        wiring=wiring,
        warnings=(*record.warnings, *warnings, *([hardwired.evidence] if hardwired else [])),
        diagnosis=(*known, *(record.diagnosis or ()), *([hardwired] if hardwired else [])),
        checks=(*own, *(record.checks or ()), *claims.not_claimed(case, claimed)),
    )


def _not_tried(names: tuple[str, ...]) -> str:
    flags = " ".join(FLAGS_THAT_TRY[name] for name in names)
    them = "them" if len(names) > 1 else "it"
    return f"the candidate takes {', '.join(names)}, and this case does not try {them}: add {flags}"


def _diagnosis_of_tensor(case: Case, cause: str, reason: str) -> Diagnosis:
    if cause in CATALOGUES[case.rnn.cell]:
        return named(cause, reason, case)
    return Diagnosis(id="unexplained", evidence=reason, fix=f"make it what a parameter of {case.cell.layer} is")


def _device_fault(case: Case, candidate: "CandidateProxy") -> Diagnosis | None:
    """Return the diagnosis of a tensor made on the CPU whatever the input's device, found without a GPU."""
    try:
        found = candidate.device_fault(case)
    except CandidateError:
        return None
    return named("device-hardcoded", found) if found else None


def _side_effects(candidate: "CandidateProxy") -> tuple[str, ...]:
    """Return in words what a candidate did beside computing."""
    if candidate.exit_error:
        return (f"while it was diagnosed: {candidate.exit_error}",)
    side_effects, (count, lines) = candidate.side_effects(), candidate.printed
    printed = f"the candidate prints {count} line{'s' if count > 1 else ''}, as: {lines[0] if lines else ''}"
    return (*side_effects, *([printed] if count else []))


def _verified(
    case: Case,
    device: torch.device,
    candidate: Candidate,
    options: VerifyOptions,
    problems: Problems | None = None,
    claimed_by: Callable[[Case], Case] = lambda case: case,
) -> CaseRecord:
    with told_as_user_errors(case, device), devices.backend_settings(case.run):
        problem = (problems or Problems()).of(case, device, options.policy)
        judgement = Judgement(problem, candidate)
        checks = judgement.checks
        if candidate.exit_error:
            raise candidate.exit_error
        side, reference, timing = problem.reference_side(), problem.reference("precision"), None
        if options.timing and not is_wrong(checks):  # the cost of a wrong one is worth nothing
            timing = _timed(case, problem, candidate)
        if options.envelope:
            checks = with_envelopes(problem, checks)
    given = _sizes(side.leaves)  # what the candidate was given too
    record = confront(
        case,
        {**given, **_sizes(reference.tensors)},
        {**given, **_sizes(judgement.values.tensors)},
        {name: size for name, size in given.items() if name not in side.given},
    )
    blind = blind_spots(case)
    verdict = combine(check.verdict for check in checks) if record.verdict == Verdict.MATCH else record.verdict
    diagnosis = _diagnosed(case, device, candidate, judgement, checks, options)
    again = None
    if verdict == Verdict.MISMATCH:
        again = _smallest(case, device, candidate, options, claimed_by, diagnosis) if is_wrong(checks) else case
    return replace(
        record,
        verdict=verdict,
        device=str(device),
        backend=devices.describe_backend(device, case.run),
        warnings=(*record.warnings, blind) if blind else record.warnings,
        checks=checks,
        diagnosis=diagnosis,
        timing=timing,
        replay=replay_command(again, *policy_flags(options.policy)) if again else None,
        replay_config=again.config if again else None,
    )


def _timed(case: Case, problem: Problem, candidate: Candidate) -> tuple[Timing, ...]:
    from rnncli.cost.timing import time_sides

    probe = problem.probe_at("precision")
    if isinstance(candidate, FunctionCandidate):
        sides = (problem.reference_side(), candidate_side(candidate.call, case, probe))
        return time_sides(sides, case.run.gradients)
    return cast("CandidateProxy", candidate).time(case, probe)


def _diagnosed(
    case: Case,
    device: torch.device,
    candidate: Candidate,
    judgement: Judgement,
    checks: tuple[Check, ...],
    options: VerifyOptions,
) -> tuple[Diagnosis, ...] | None:
    """Return the diagnosis of a user's candidate; None of a built-in one, and of one whose tensors have no values."""
    returned = judgement.values.tensors.values()
    if case.target is None or not all(value is None or has_values(value) for value in returned):
        return None
    from rnncli.faults.diagnose import diagnosed

    with devices.backend_settings(case.run):
        diagnosis = diagnosed(case, device, candidate, checks, repair=options.shrink)
    if judgement.downcast and not any(found.id == DOWNCAST for found in diagnosis):
        return (*diagnosis, named(DOWNCAST, judgement.downcast))
    return diagnosis


def policy_flags(policy: Policy) -> tuple[str, ...]:
    """Return the flags that set a policy."""
    if policy.atol is not None and policy.rtol is not None:
        return ("--atol", str(policy.atol).removesuffix(".0"), "--rtol", str(policy.rtol).removesuffix(".0"))
    return () if policy == ENVELOPE else ("--policy", policy.name)


def _smallest(
    case: Case,
    device: torch.device,
    candidate: Candidate,
    options: VerifyOptions,
    claimed_by: Callable[[Case], Case],
    diagnosis: tuple[Diagnosis, ...] | None,
) -> Case:
    """Return a case in which the candidate is wrong in the same way, without expected shapes; shrunk if that is asked.

    A finding beside the verdict does not count.
    """

    def checks_of(case: Case) -> tuple[Check, ...]:
        memory.require_fits(case, memory.needed_for_verify(case), devices.available_memory(device))
        return Judgement(Problem(case, device, options.policy), candidate).checks

    def still_wrong(case: Case) -> bool:
        case = claimed_by(case)
        try:
            with devices.backend_settings(case.run):
                return is_wrong(checks_of(case))
        except Exception:  # another failure is not the mismatch to be shown
            return False

    def faults_of(diagnosis: tuple[Diagnosis, ...]) -> list[str]:
        return [found.id for found in diagnosis if found.id != DOWNCAST]

    def is_told_alike(case: Case) -> bool:
        from rnncli.faults.diagnose import diagnosed

        case = claimed_by(case)
        try:
            with devices.backend_settings(case.run):
                found = diagnosed(case, device, candidate, checks_of(case))
        except CandidateError:
            return False
        return faults_of(found) == faults_of(diagnosis or ())

    whole = case.model_copy(update={"expect": {}})
    if not options.shrink:
        return whole
    again = shrunk(case, still_wrong)
    return again if again == case or not diagnosis or is_told_alike(again) else whole


def plant_faults(case: Case) -> CaseRecord:
    """Which faults the case would see. Raises UnavailableError and ConfigError."""
    from rnncli.faults.power import power

    device = devices.resolve(case.run.device)
    with told_as_user_errors(case, device), devices.backend_settings(case.run):
        faults = tuple(power(case, device))
    backend = devices.describe_backend(device, case.run)
    return CaseRecord(id=case.id, config=case.config, verdict=None, device=str(device), backend=backend, faults=faults)


@contextmanager
def told_as_user_errors(case: Case, device: torch.device) -> Iterator[None]:
    """What torch raises for a dtype it lacks or memory it cannot get, as the errors a user is told."""
    try:
        yield
    except (MemoryError, torch.OutOfMemoryError, RuntimeError, NotImplementedError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        if isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in reason:
            raise ConfigError(f"the case does not fit into the memory of {device}: {reason}") from error
        if "not implemented for" in reason or "not supported" in reason:
            raise UnavailableError(f"dtype {case.run.dtype} on {device}: torch says {reason}") from error
        raise


def _sizes(values: Mapping[str, Tensor | None]) -> Sizes:
    return {name: tuple(value.shape) for name, value in values.items() if value is not None}
