"""Cases through the pipeline: probe -> both sides -> comparison and timing -> record."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rnncli.candidate.load import load
from rnncli.core import memory
from rnncli.core.case import Case
from rnncli.core.errors import AmbiguousError, CandidateError, ConfigError, UnavailableError
from rnncli.core.records import CaseRecord, Check, Diagnosis, Failure, Timing, Verdict, Wire, combine
from rnncli.core.shapes import confront, predict_parameters
from rnncli.faults.catalogue import CATALOGUE, blind_spots, named
from rnncli.faults.shrink import replay_command, shrunk
from rnncli.numerics import device as devices
from rnncli.verdict.compare import Policy
from rnncli.verdict.evaluate import GIVEN, Candidate, has_values
from rnncli.verdict.judge import ENVELOPE, Judge, is_wrong

if TYPE_CHECKING:
    from rnncli.pipeline.candidate_process import Own, Read

TIMEOUT_S = 30.0  # for a user's candidate, a call

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


def verify(case: Case, options: VerifyOptions, target: object = None, judges: "Judges | None" = None) -> CaseRecord:
    """Shapes, parity and timing of the candidate against nn.RNN.

    `target` is the candidate itself, where the case's is no file to be loaded but an object of this process. `judges`
    keeps what nn.RNN and the oracle make of a case for the next that differs in a built-in candidate alone.
    Raises UnavailableError and ConfigError, and CandidateError where the candidate itself fails.
    """
    device = devices.resolve(case.run.device)
    if case.target is None:
        return _verified(case, device, load(case), options, judges)
    from rnncli.pipeline.candidate_process import Here, Isolated

    if target is not None:
        return _own(case, device, Here(target), options)
    with Isolated(case, options.timeout_s, device) as candidate:
        return _own(case, device, candidate, options)


class Judges:
    """The judge of the last case, for the next one where that differs from it in nothing but a built-in candidate."""

    def __init__(self) -> None:
        self._last: Judge | None = None

    def of(self, case: Case, device: torch.device, policy: Policy) -> Judge:
        """The judge of a case."""
        last = self._last
        if last is None or case.target or last.case.model_copy(update={"candidate": case.candidate}) != case:
            last = Judge(case, device, policy)
        last.case = case
        self._last = None if case.target else last
        return last


def _own(case: Case, device: torch.device, candidate: "Own", options: VerifyOptions) -> CaseRecord:
    """The record of a user's own candidate, by the reading that evidence leaves.

    Raises AmbiguousError where evidence leaves several that lead to different verdicts.
    """
    read = candidate.read(case)
    record = _as_read(case, device, candidate, options, read)
    if read.readings == 1:
        return record
    verdicts = {read.reading: record.verdict}
    for which in range(1, read.readings):
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


def _as_read(case: Case, device: torch.device, candidate: "Own", options: VerifyOptions, read: "Read") -> CaseRecord:
    """The record of a candidate under one reading of it."""
    wiring = tuple(Wire(tensor=tensor, weight=weight, evidence=evidence) for tensor, weight, evidence in read.wiring)
    if read.unsupported:
        return replace(_not_supported(case, device, read.unsupported), reading=read.reading, wiring=wiring)
    claimed = read.claimed(case)
    try:
        if read.raises:
            raise CandidateError(read.raises)
        record = _verified(claimed, device, candidate, options, claimed_by=read.claimed)
    except CandidateError:
        if not read.faults:
            raise
        record = CaseRecord(id=case.id, config=case.config, verdict=None, device=str(device), checks=())
    lost = candidate.lost
    if lost and record.verdict != Verdict.MISMATCH:
        raise lost
    # before the guard, which may cost the candidate its process
    warnings = (*record.warnings, *([f"while it was diagnosed: {lost}"] if lost else _seen_of(candidate)))
    leaks = any(found.id == "state-leaks-between-calls" for found in record.diagnosis or ())  # and so onto any device
    if read.untried and record.verdict == Verdict.MATCH and options.shrink:
        warnings = (*warnings, _not_tried(read.untried))
    hardwired = _device_fault(claimed, candidate) if options.guard and not leaks and not lost else None
    own = tuple(_fault_of_tensor(name, reason) for name, _, reason in read.faults)
    known = tuple(_diagnosis_of_tensor(cause, reason) for _, cause, reason in read.faults[:1])
    checks = (*own, *(record.checks or ()), *_unclaimed(case, claimed))
    return replace(
        record,
        id=case.id,
        config=case.config,
        verdict=Verdict.MISMATCH if own else record.verdict,
        reading=read.reading,
        wiring=wiring,
        warnings=(*warnings, hardwired.evidence) if hardwired else warnings,
        diagnosis=(*known, *(record.diagnosis or ()), *([hardwired] if hardwired else [])),
        checks=checks,
    )


def _not_tried(names: tuple[str, ...]) -> str:
    from rnncli.pipeline.candidate_process import TRIED

    flags = " ".join(TRIED[name] for name in names)
    them = "them" if len(names) > 1 else "it"
    return f"the candidate takes {', '.join(names)}, and this case does not try {them}: add {flags}"


def _fault_of_tensor(name: str, reason: str) -> Check:
    """The check of a tensor of the candidate's that is not what a parameter of nn.RNN is."""
    return replace(_not_claimed(f"grad {name}", reason), verdict=Verdict.MISMATCH)


def _diagnosis_of_tensor(cause: str, reason: str) -> Diagnosis:
    if cause in CATALOGUE:
        return named(cause, reason)
    return Diagnosis(id="unexplained", evidence=reason, fix="make it what a parameter of nn.RNN is")


def _device_fault(case: Case, candidate: "Own") -> Diagnosis | None:
    """A tensor made on the CPU whatever the input's device, found without a GPU; it changes no verdict of a CPU run."""
    try:
        found = candidate.device_fault(case)
    except CandidateError:
        return None
    if found is None:
        return None
    return named("device-hardcoded", found)


def _not_supported(case: Case, device: torch.device, reason: str) -> CaseRecord:
    """The record of a case that asks for more than the candidate claims to do."""
    check = _not_claimed("output", reason)
    verdict = Verdict.NOT_COMPARABLE
    return CaseRecord(id=case.id, config=case.config, verdict=verdict, device=str(device), checks=(check,))


def _unclaimed(case: Case, claimed: Case) -> Iterator[Check]:
    """A check for each gradient of the case that the candidate does not claim."""
    if not case.run.gradients:
        return
    if not claimed.run.gradients:
        names = ["input", "h_0"] if case.input.h_0 != "omitted" else ["input"]
        for name in [*names, *(parameter.name for parameter in predict_parameters(case))]:
            yield _not_claimed(f"grad {name}", "the candidate computes with numpy, which knows no gradients")
    elif claimed.input.h_0 != case.input.h_0:
        yield _not_claimed("grad h_0", "the candidate takes no h_0")


def _not_claimed(tensor: str, reason: str) -> Check:
    return Check(
        tensor=tensor,
        stage="algorithm",
        dtype="float64",
        verdict=Verdict.NOT_COMPARABLE,
        policy="envelope",
        reason=reason,
    )


def _seen_of(candidate: "Own") -> Iterator[str]:
    """What a candidate did beside computing."""
    yield from candidate.seen()
    count, lines = candidate.printed
    if count:
        yield f"the candidate prints {count} line{'s' if count > 1 else ''}, as: {lines[0] if lines else ''}"


def _verified(
    case: Case,
    device: torch.device,
    candidate: Candidate,
    options: VerifyOptions,
    judges: "Judges | None" = None,
    claimed_by: Callable[[Case], Case] = lambda case: case,
) -> CaseRecord:
    with told_as_user_errors(case, device), devices.backend_settings(case.run):
        judge = (judges or Judges()).of(case, device, options.policy)
        judgement = judge.judge(candidate)
        if not callable(candidate) and candidate.lost:
            raise candidate.lost
        nn_rnn, timing = judge.reference_side(), None
        if options.timing and not is_wrong(judgement.checks):  # the cost of a wrong one is worth nothing
            timing = _timed(judge, candidate)
    given = _sizes(nn_rnn.leaves)  # what the candidate was given too
    record = confront(
        case,
        {**given, **_sizes(judgement.reference.tensors)},
        {**given, **_sizes(judgement.candidate.tensors)},
        {name: size for name, size in given.items() if name not in GIVEN},
    )
    checks = judge.with_envelopes(judgement.checks) if options.envelope else judgement.checks
    blind = blind_spots(case)
    diagnosis = None
    returned = judgement.candidate.tensors.values()
    if case.target is not None and all(value is None or has_values(value) for value in returned):
        from rnncli.faults.diagnose import diagnosed

        with devices.backend_settings(case.run):
            diagnosis = diagnosed(case, device, candidate, checks, repair=options.shrink)
        if judgement.downcast and not any(found.id == "downcast-float32" for found in diagnosis):
            diagnosis = (*diagnosis, named("downcast-float32", judgement.downcast))
    verdict = combine(check.verdict for check in checks) if record.verdict == Verdict.MATCH else record.verdict
    again = None
    if verdict == Verdict.MISMATCH:
        again = _smallest(case, device, candidate, options, claimed_by) if is_wrong(checks) else case
        if (
            diagnosis
            and again != case
            and not _is_told_alike(claimed_by(again), device, candidate, options.policy, diagnosis)
        ):
            again = case.model_copy(update={"expect": {}})
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


def _timed(judge: Judge, candidate: Candidate) -> tuple[Timing, ...]:
    if not callable(candidate):
        return candidate.time(judge.case, judge.probe_at("precision"))
    from rnncli.cost.timing import time_sides

    return time_sides((judge.reference_side(), judge.candidate_side(candidate)), judge.case.run.gradients)


def policy_flags(policy: Policy) -> tuple[str, ...]:
    """The flags that set a policy."""
    if policy.atol is not None and policy.rtol is not None:
        return ("--atol", str(policy.atol).removesuffix(".0"), "--rtol", str(policy.rtol).removesuffix(".0"))
    return () if policy == ENVELOPE else ("--policy", policy.name)


def _is_told_alike(
    case: Case, device: torch.device, candidate: Candidate, policy: Policy, diagnosis: tuple[Diagnosis, ...]
) -> bool:
    """Return whether a smaller case has the diagnosis of the whole one; a finding beside the verdict does not count."""
    from rnncli.faults.diagnose import diagnosed

    try:
        with devices.backend_settings(case.run):
            checks = Judge(case, device, policy).judge(candidate).checks
            found = diagnosed(case, device, candidate, checks)
    except CandidateError:
        return False
    beside = "downcast-float32"
    return [one.id for one in found if one.id != beside] == [one.id for one in diagnosis if one.id != beside]


def _smallest(
    case: Case,
    device: torch.device,
    candidate: Candidate,
    options: VerifyOptions,
    claimed_by: Callable[[Case], Case],
) -> Case:
    """A case in which the candidate is wrong as well, shrunk where the run has a turn left; without expected shapes."""

    def still_wrong(case: Case) -> bool:
        case = claimed_by(case)
        try:
            memory.require_fits(case, memory.needed_for_verify(case), devices.available_memory(device))
            with devices.backend_settings(case.run):
                return is_wrong(Judge(case, device, options.policy).judge(candidate).checks)
        except Exception:  # another failure is not the mismatch to be shown
            return False

    return shrunk(case, still_wrong) if options.shrink else case.model_copy(update={"expect": {}})


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
