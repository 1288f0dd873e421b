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
from rnncli.core.causes import DEVICE_HARDCODED, DOWNCAST, FURTHER_CALLS, LEAK, UNEXPLAINED, Cause
from rnncli.core.errors import AmbiguousError, CandidateError, ConfigError, RnncliError, UnavailableError
from rnncli.core.records import CaseRecord, Check, Diagnosis, Failure, Timing, Verdict, Wire, combine
from rnncli.core.shapes import confront
from rnncli.faults.catalogue import CATALOGUES, blind_spots, named
from rnncli.faults.shrink import OF_A_CANDIDATE, OF_SIZES, PROPOSALS, replay_command, shrunk
from rnncli.numerics import device as devices
from rnncli.numerics.probe import results
from rnncli.verdict import claims
from rnncli.verdict.dropout import is_wrong_in_training
from rnncli.verdict.evaluate import Candidate, FunctionCandidate, candidate_side, has_values
from rnncli.verdict.judge import Judgement, with_envelopes
from rnncli.verdict.problem import ENVELOPE, Policy, Problem, Problems
from rnncli.verdict.stage import is_wrong
from rnncli.verdict.unusual_calls import draws_in_training, overflows, raised_by_more_steps

if TYPE_CHECKING:
    from rnncli.pipeline.candidate_process import CandidateProxy, Claims

TIMEOUT_S = 30.0  # for a user's candidate, a call
FLAGS_THAT_TRY = {"num_layers": "--layers 2", "bidirectional": "--bidirectional", "batch_first": "--batch-first"}
FLAGS_THAT_TRY |= {"packed": "--layout packed", "reverse": "--bidirectional"}
IN_WORDS = {"num_layers": "several layers", "bidirectional": "both directions", "packed": "packed input"}
COSTS_ITS_CASE = (UnavailableError, CandidateError, ConfigError, AmbiguousError)  # and no other


@dataclass(frozen=True)
class VerifyOptions:
    """The options of `verify` beside the case. `timeout_s`: for a call of a user's candidate. `guard`: look for tensors
    that it makes on the wrong device. `shrink`: look for a smaller case that shows a mismatch too, which may take
    seconds. `every_envelope`: work out what is allowed over time, to be drawn, where no verdict needs it.
    """

    timing: bool = True
    policy: Policy = ENVELOPE
    timeout_s: float = TIMEOUT_S
    guard: bool = True
    shrink: bool = True
    every_envelope: bool = False


def run_cases(
    cases: Sequence[Case], work: Callable[[Case], CaseRecord], needed: Callable[[Case], int]
) -> Iterator[CaseRecord]:
    """Yield the record of each case in turn. A device, a candidate or memory that fails costs its own case alone.

    Raises ConfigError before anything runs where a case needs more bytes than its device has.
    """
    largest(cases, needed)
    for case in cases:
        yield attempted(case, work)


def attempted(case: Case, work: Callable[[Case], CaseRecord]) -> CaseRecord:
    """Return the record of a case, or of why there is none."""
    try:
        return work(case)
    except COSTS_ITS_CASE as error:
        return failed(case, failure_of(error))


def failure_of(error: RnncliError) -> Failure:
    """Return an error as a record."""
    return Failure(kind=error.kind, message=str(error), traceback=getattr(error, "trace", None))


def failed(case: Case, failure: Failure) -> CaseRecord:
    """Return the record of a case without a verdict."""
    return CaseRecord(id=case.id, config=case.config, verdict=None, error=failure)


def largest(cases: Sequence[Case], needed: Callable[[Case], int]) -> tuple[int, int]:
    """Return the bytes that the largest case needs, and those there are, of the machine or of its GPU.

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
    """Return shapes, parity and timing of the candidate against torch's layer.

    `target` is the candidate itself, where the case's is no file to be loaded but an object of this process. `problems`
    keeps what torch and the oracle make of a case for the next that differs in a built-in candidate alone.
    Raises UnavailableError and ConfigError, and CandidateError where the candidate itself fails.
    """
    device = devices.resolve(case.run.device)
    if case.target is None:
        return _Verification(case, device, FunctionCandidate(load(case)), options).record(problems)
    from rnncli.pipeline.candidate_process import InProcessCandidate, SubprocessCandidate

    if target is not None:
        return _by_its_readings(case, device, InProcessCandidate(target), options)
    with SubprocessCandidate(case, options.timeout_s, device) as candidate:
        return _by_its_readings(case, device, candidate, options)


def _by_its_readings(
    case: Case, device: torch.device, candidate: "CandidateProxy", options: VerifyOptions
) -> CaseRecord:
    from rnncli.pipeline.candidate_process import readings_in_words

    reading = candidate.read(case)
    record = _as_read(case, device, candidate, options, reading)
    quick = replace(options, shrink=False, timing=False, guard=False)
    readings = [(reading, record.verdict)]
    for which in range(1, reading.readings):
        other = candidate.choose(case, which)
        if other.reading not in {reading.reading for reading, _ in readings}:  # else the first one counts
            readings.append((other, _as_read(case, device, candidate, quick, other).verdict))
    if len({verdict for _, verdict in readings}) == 1:
        shown = _shows_again(record, case, device, candidate, quick)
        return record if shown else _without_shrinking(record, case, options)
    raise AmbiguousError(
        f"candidate {case.target}: two readings lead to different verdicts: {readings_in_words(readings)}"
    )


def _shows_again(
    record: CaseRecord, case: Case, device: torch.device, candidate: "CandidateProxy", options: VerifyOptions
) -> bool:
    """Return whether the case of the replay is a mismatch for a reading of its own: where it has other layers or
    directions, the candidate may be called in another way.
    """
    again = Case.model_validate(record.replay_config) if record.replay_config else case
    called_alike = again.rnn.num_layers == case.rnn.num_layers and again.rnn.directions == case.rnn.directions
    if called_alike or candidate.exit_error:
        return True
    with suppress(CandidateError):
        return _as_read(again, device, candidate, options, candidate.read(again)).verdict == Verdict.MISMATCH
    return False


def _without_shrinking(record: CaseRecord, case: Case, options: VerifyOptions) -> CaseRecord:
    whole = case.model_copy(update={"expect": {}})
    return replace(record, replay=replay_command(whole, *policy_flags(options.policy)), replay_config=whole.config)


def _as_read(
    case: Case, device: torch.device, candidate: "CandidateProxy", options: VerifyOptions, reading: "Claims"
) -> CaseRecord:
    wiring = tuple(Wire(tensor=tensor, weight=weight, evidence=evidence) for tensor, weight, evidence in reading.wiring)
    nothing = CaseRecord(id=case.id, config=case.config, verdict=None, device=str(device), checks=())
    if reading.unsupported:
        check = claims.not_supported(reading.unsupported)
        return replace(nothing, verdict=check.verdict, checks=(check,), reading=reading.reading, wiring=wiring)
    claimed = reading.claimed(case)
    try:
        if reading.raises:
            raise CandidateError(reading.raises)
        record = _Verification(claimed, device, candidate, options, reading.claimed).record()
    except CandidateError:
        if not reading.faults:
            raise
        record = nothing
    if candidate.exit_error and record.verdict != Verdict.MISMATCH:
        raise candidate.exit_error
    warnings = [*record.warnings, *_side_effects(candidate)]  # before the guard, which may cost it its process
    if reading.untried and record.verdict == Verdict.MATCH and options.shrink:
        flags = " ".join(dict.fromkeys(FLAGS_THAT_TRY[name] for name in reading.untried))
        them = "them" if len(reading.untried) > 1 else "it"
        names = ", ".join(IN_WORDS.get(name, name) for name in reading.untried)
        warnings.append(f"the candidate takes {names}, and this case does not try {them}: add {flags}")
    own = [_of_own_tensor(case, *fault) for fault in reading.faults[:1]]
    follows = {UNEXPLAINED, *(["gates-in-another-order"] if reading.order_is_assumed else [])} if own else set()
    diagnosis = [*own, *(found for found in record.diagnosis or () if found.id not in follows)]
    beside = DOWNCAST if case.run.dtype != "float64" else ""  # no reason of the verdict: it comes last
    diagnosis.sort(key=lambda found: (found.id == beside, found.id == UNEXPLAINED))
    leaks = any(found.id == LEAK for found in record.diagnosis or ())  # and so onto any device
    if options.guard and not leaks and not candidate.exit_error and not reading.raises:
        with suppress(CandidateError):
            if evidence := candidate.device_fault(claimed):
                diagnosis = [found for found in diagnosis if found.id != DEVICE_HARDCODED]  # told without the line
                diagnosis.append(named(DEVICE_HARDCODED, evidence))
                warnings.append(f"it will fail on a GPU: {evidence}")
    checks = claims.with_faults(case, reading.faults, record.checks or ())
    return replace(
        record,
        id=case.id,
        config=case.config,
        verdict=combine([record.verdict, *(check.verdict for check in checks)]),
        reading=reading.reading,
        wiring=wiring,
        warnings=tuple(warnings),
        diagnosis=tuple(diagnosis),
        checks=(*checks, *claims.not_claimed(case, claimed)),
    )


def _of_own_tensor(case: Case, name: str, cause: str, reason: str) -> Diagnosis:
    if cause in CATALOGUES[case.rnn.cell]:
        return named(cause, reason, case)
    fixes: dict[str, str] = {
        Cause.INPUT_MUTATED: "write into a copy, as of w = w.clone()",
        Cause.GRADIENT_LOST: "leave zero_grad() and .grad to the loop that trains",
        Cause.SHAPE: f"return torch.stack({name}), one tensor",
        Cause.ORDER: f"return {', '.join(results(case))}, in this order",
        Cause.EXTRA_PARAMETER: f"compute the states without it, as {case.cell.layer} does",
        Cause.WRONG_SHAPE: "make it of the shape that the case's input_size, hidden_size and num_layers give",
        Cause.NOT_A_PARAMETER: "make it an nn.Parameter of the module that is trained; several are an nn.ParameterList",
        Cause.BIAS_KEPT: "make it None where bias=False",
        Cause.ONE_TENSOR: "make a tensor of its own for each, as of x.clone()",
    }
    fix = fixes.get(cause, f"make it what a parameter of {case.cell.layer} is")
    of_result = cause in (Cause.SHAPE, Cause.ORDER)
    return Diagnosis(id=UNEXPLAINED, evidence=f"{name}: {reason}" if of_result else reason, fix=fix)


def _side_effects(candidate: "CandidateProxy") -> list[str]:
    if candidate.exit_error:
        return [f"while it was diagnosed: {candidate.exit_error}"]
    side_effects, (count, lines) = candidate.side_effects(), candidate.printed
    printed = f"the candidate prints {count} line{'s' if count > 1 else ''}, as: {lines[0] if lines else ''}"
    return [*side_effects, *([printed] if count else [])]


@dataclass(frozen=True)
class _Verification:
    """One candidate held against torch's layer in one case. `claimed`: another case without what it does not claim."""

    case: Case
    device: torch.device
    candidate: Candidate
    options: VerifyOptions
    claimed: Callable[[Case], Case] = lambda case: case

    def record(self, problems: Problems | None = None) -> CaseRecord:
        case, device, candidate, options = self.case, self.device, self.candidate, self.options
        with told_as_user_errors(case, device), devices.backend_settings(case.run):
            problem = (problems or Problems()).of(case, device, options.policy)
            judgement = Judgement(problem, candidate)
            checks = judgement.checks
            if candidate.exit_error:
                raise candidate.exit_error
            side, reference = problem.reference_side(), problem.reference("precision")
            # the cost of a wrong one is worth nothing
            timing = self._timing(problem) if options.timing and not is_wrong(checks) else None
            draws = not is_wrong(checks) and draws_in_training(problem, candidate)
            too_large = not is_wrong(checks) and overflows(problem, candidate)
            raised = None if is_wrong(checks) else raised_by_more_steps(problem, candidate)
            drops_otherwise = not is_wrong(checks) and is_wrong_in_training(problem, candidate)
            if options.every_envelope:
                checks = with_envelopes(problem, checks)
        given = _sizes(side.leaves)  # what the candidate was given too
        seen, own = given | _sizes(reference.tensors), given | _sizes(judgement.values.tensors)
        record = confront(case, seen, own, {name: size for name, size in given.items() if name not in side.given})
        warnings = [*record.warnings, *filter(None, [blind_spots(case), raised])]
        if draws:
            warnings.append("in training mode the candidate draws at random: without --train that mode is not compared")
        if drops_otherwise:
            told = f"in training mode, with p = {case.rnn.dropout:g}, the candidate is not {case.cell.layer}"
            warnings.append(f"{told}: --train judges its dropout")
        if too_large:
            told = f"given inputs of some hundreds the candidate overflows in {case.run.dtype}"
            warnings.append(f"{told}, as a tanh made of exp does; {case.cell.layer} stays finite")
        verdict = combine(check.verdict for check in checks) if record.verdict == Verdict.MATCH else record.verdict
        diagnosis = self._diagnosis(judgement, checks)
        again = None
        if verdict == Verdict.MISMATCH:
            again = self._smallest(diagnosis or (), checks) if is_wrong(checks) else case
        return replace(
            record,
            verdict=verdict,
            device=str(device),
            backend=devices.describe_backend(device, case.run),
            warnings=tuple(warnings),
            checks=checks,
            diagnosis=diagnosis,
            timing=timing,
            replay=replay_command(again, *policy_flags(options.policy)) if again else None,
            replay_config=again.config if again else None,
        )

    def _timing(self, problem: Problem) -> tuple[Timing, ...]:
        from rnncli.cost.timing import time_sides

        case, probe = self.case, problem.probe_at("precision")
        if isinstance(self.candidate, FunctionCandidate):
            sides = (problem.reference_side(), candidate_side(self.candidate.call, case, probe))
            return time_sides(sides, case.run.gradients)
        return cast("CandidateProxy", self.candidate).time(case, probe)

    def _diagnosis(self, judgement: Judgement, checks: tuple[Check, ...]) -> tuple[Diagnosis, ...] | None:
        """Return None for a built-in candidate, and for one whose tensors have no values on the right device."""
        returned = judgement.values.tensors.values()
        comparable = all(value is None or has_values(value) for value in returned)
        if self.case.target is None or not (comparable or any(check.cause == Cause.DEVICE for check in checks)):
            return None
        diagnosis = self._diagnosed(self.case, checks, repair=self.options.shrink)
        if judgement.downcast and not any(found.id == DOWNCAST for found in diagnosis):
            return (*diagnosis, named(DOWNCAST, judgement.downcast))
        return diagnosis

    def _diagnosed(self, case: Case, checks: tuple[Check, ...], repair: bool) -> tuple[Diagnosis, ...]:
        from rnncli.faults.diagnose import diagnosed

        with devices.backend_settings(case.run):
            return diagnosed(case, self.device, self.candidate, checks, repair=repair)

    def _smallest(self, diagnosis: tuple[Diagnosis, ...], checks: tuple[Check, ...]) -> Case:
        """Return a case in which the candidate is wrong in the same way, without expected shapes; shrunk if that is
        asked. A finding beside the verdict does not count.
        """
        whole = self.case.model_copy(update={"expect": {}})
        if not self.options.shrink:
            return whole
        for proposals in (PROPOSALS if self.case.target is None else OF_A_CANDIDATE, OF_SIZES):
            again = shrunk(self.case, self._still_wrong, proposals=proposals)
            if again == self.case or not diagnosis or self._is_told_alike(again, diagnosis, checks):
                return again
        return whole

    def _still_wrong(self, case: Case) -> bool:
        case = self.claimed(case)
        try:
            return is_wrong(self._checks_of(case))
        except Exception:  # another failure is not the mismatch to be shown
            return False

    def _is_told_alike(self, case: Case, diagnosis: tuple[Diagnosis, ...], checks: tuple[Check, ...]) -> bool:
        case = self.claimed(case)
        try:
            again = self._checks_of(case)
            told = self._diagnosed(case, again, repair=False)
        except CandidateError:
            return False
        first, second = ([found.id for found in those if found.id != DOWNCAST] for those in (diagnosis, told))
        return first == second and _is_wrong_at_once(checks) == _is_wrong_at_once(again)

    def _checks_of(self, case: Case) -> tuple[Check, ...]:
        memory.require_fits(case, memory.needed_for_verify(case), devices.available_memory(self.device))
        with devices.backend_settings(case.run):
            return Judgement(Problem(case, self.device, self.options.policy), self.candidate).checks


def _is_wrong_at_once(checks: tuple[Check, ...]) -> bool:
    """Return whether a check is wrong in the first call, and not in a further one alone."""
    return is_wrong(check for check in checks if check.cause not in FURTHER_CALLS)


def policy_flags(policy: Policy) -> tuple[str, ...]:
    """Return the flags that set a policy."""
    if policy.atol is not None and policy.rtol is not None:
        return ("--atol", str(policy.atol).removesuffix(".0"), "--rtol", str(policy.rtol).removesuffix(".0"))
    return () if policy == ENVELOPE else ("--policy", policy.name)


def plant_faults(case: Case) -> CaseRecord:
    """Return the record of the faults that the case would see. Raises UnavailableError and ConfigError."""
    from rnncli.faults.power import power

    device = devices.resolve(case.run.device)
    with told_as_user_errors(case, device), devices.backend_settings(case.run):
        faults = tuple(power(case, device))
    backend = devices.describe_backend(device, case.run)
    return CaseRecord(id=case.id, config=case.config, verdict=None, device=str(device), backend=backend, faults=faults)


@contextmanager
def told_as_user_errors(case: Case, device: torch.device) -> Iterator[None]:
    """Raise what torch raises for a dtype it lacks or memory it cannot get as the errors a user is told."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        if isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in reason:
            raise ConfigError(f"the case does not fit into the memory of {device}: {reason}") from error
        if "not implemented for" in reason or "not supported" in reason:
            raise UnavailableError(f"dtype {case.run.dtype} on {device}: torch says {reason}") from error
        raise


def _sizes(values: Mapping[str, Tensor | None]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in values.items() if value is not None}
