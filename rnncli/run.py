"""Cases through the pipeline: probe -> both sides -> comparison and timing -> record."""

import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from rnncli import device as devices
from rnncli import memory
from rnncli.candidate.load import Canonical, load
from rnncli.case import Case
from rnncli.catalogue import blind_spots
from rnncli.errors import CandidateError, ConfigError, UnavailableError
from rnncli.parity import probe as probes
from rnncli.parity import reference
from rnncli.parity.compare import Policy
from rnncli.parity.evaluate import GIVEN, values_of
from rnncli.parity.judge import ENVELOPE, Judge, is_wrong
from rnncli.parity.shrink import replay_command, shrunk
from rnncli.records import CaseRecord, Failure, Verdict, combine
from rnncli.shapes import confront

MOST_SHRUNK = 5  # cases of a run: the next mismatches of a grid seldom tell more, and each may take seconds

Sizes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class VerifyOptions:
    """What `verify` does beside what the case says.

    `shrinks` has an item for each mismatch that may still be shrunk, in all the cases verified with these options.
    """

    timing: bool = True
    policy: Policy = ENVELOPE
    shrinks: Iterator[int] = field(default_factory=lambda: iter(range(MOST_SHRUNK)), compare=False)


def run_cases(
    cases: Sequence[Case], work: Callable[[Case], CaseRecord], needed: Callable[[Case], int]
) -> Iterator[CaseRecord]:
    """The record of each case in turn. A device, a candidate or memory that fails costs its own case alone.

    Raises ConfigError before anything runs where a case needs more bytes than its device has.
    """
    for case in cases:
        with suppress(UnavailableError):
            available = devices.available_memory(devices.resolve(case.run.device))
            memory.require_fits(case, needed(case), available)
    for case in cases:
        try:
            yield work(case)
        except (UnavailableError, CandidateError, ConfigError) as error:
            cause = error.__cause__ if isinstance(error, CandidateError) else None
            trace = "".join(traceback.format_exception(cause)) if cause else None
            failure = Failure(kind=error.kind, message=str(error), traceback=trace)
            yield CaseRecord(id=case.id, config=case.config, verdict=None, error=failure)


def look(case: Case) -> CaseRecord:
    """The shapes a case has: predicted by rule, observed in nn.RNN, observed in the candidate."""
    device, dtype = devices.resolve(case.run.device), getattr(torch, case.run.dtype)
    with _told_as_user_errors(case, device), torch.no_grad():
        module = reference.build(case, dtype, device)
        data, h_0 = probes.blank(case, dtype, device)
        input = probes.packer(case, device)(data)
        parameters = dict(module.named_parameters())
        given = {"input": data} if h_0 is None else {"input": data, "h_0": h_0}
        reference_output, reference_h_n = module(input, h_0)
        output, h_n = load(case)(input, h_0, parameters, case)
    record = confront(
        case,
        _sizes(given | {"output": values_of(reference_output), "h_n": reference_h_n}),
        _sizes(given | {"output": values_of(output), "h_n": h_n}),
        _sizes(parameters),
    )
    return replace(record, device=str(device))


def verify(case: Case, options: VerifyOptions) -> CaseRecord:
    """Shapes, parity and timing of the candidate against nn.RNN. Raises UnavailableError and ConfigError."""
    device = devices.resolve(case.run.device)
    candidate = load(case)
    with _told_as_user_errors(case, device), devices.backend_settings(case.run):
        judge = Judge(case, device, options.policy)
        judgement = judge.judge(candidate)
        nn_rnn, timing = judge.reference_side(), None
        if options.timing and not is_wrong(judgement.checks):  # the cost of a wrong one is worth nothing
            from rnncli.timing import time_sides

            timing = time_sides((nn_rnn, judge.candidate_side(candidate)), case.run.gradients)
    given = _sizes(nn_rnn.leaves)  # what the candidate was given too
    record = confront(
        case,
        {**given, **_sizes(judgement.reference.tensors)},
        {**given, **_sizes(judgement.candidate.tensors)},
        {name: size for name, size in given.items() if name not in GIVEN},
    )
    checks = judgement.checks
    blind = blind_spots(case)
    verdict = combine(check.verdict for check in checks) if record.verdict == Verdict.MATCH else record.verdict
    again = None
    if verdict == Verdict.MISMATCH:
        again = _smallest(case, device, candidate, options) if is_wrong(checks) else case
    return replace(
        record,
        verdict=verdict,
        device=str(device),
        backend=devices.describe_backend(device, case.run),
        warnings=(*record.warnings, blind) if blind else record.warnings,
        checks=checks,
        timing=timing,
        replay=replay_command(again, *policy_flags(options.policy)) if again else None,
        replay_config=again.config if again else None,
    )


def policy_flags(policy: Policy) -> tuple[str, ...]:
    """The flags that set a policy."""
    if policy.atol is not None and policy.rtol is not None:
        return ("--atol", str(policy.atol).removesuffix(".0"), "--rtol", str(policy.rtol).removesuffix(".0"))
    return () if policy == ENVELOPE else ("--policy", policy.name)


def _smallest(case: Case, device: torch.device, candidate: Canonical, options: VerifyOptions) -> Case:
    """A case in which the candidate is wrong as well, shrunk where the run has a turn left; without expected shapes."""

    def still_wrong(case: Case) -> bool:
        try:
            memory.require_fits(case, memory.needed_for_verify(case), devices.available_memory(device))
            with devices.backend_settings(case.run):
                return is_wrong(Judge(case, device, options.policy).judge(candidate).checks)
        except Exception:  # another failure is not the mismatch to be shown
            return False

    if next(options.shrinks, None) is None:
        return case.model_copy(update={"expect": {}})
    return shrunk(case, still_wrong)


def plant_faults(case: Case) -> CaseRecord:
    """Which faults the case would see. Raises UnavailableError and ConfigError."""
    from rnncli.parity.power import power

    device = devices.resolve(case.run.device)
    with _told_as_user_errors(case, device), devices.backend_settings(case.run):
        faults = tuple(power(case, device))
    backend = devices.describe_backend(device, case.run)
    return CaseRecord(id=case.id, config=case.config, verdict=None, device=str(device), backend=backend, faults=faults)


@contextmanager
def _told_as_user_errors(case: Case, device: torch.device) -> Iterator[None]:
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
