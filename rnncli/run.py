"""Cases through the pipeline: probe -> both sides -> comparison and timing -> record."""

import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from rnncli import device as devices
from rnncli import memory
from rnncli.candidate.load import load
from rnncli.case import Case
from rnncli.errors import CandidateError, ConfigError, UnavailableError
from rnncli.parity import probe as probes
from rnncli.parity import reference
from rnncli.parity.compare import ElementwiseTolerance, compare
from rnncli.parity.evaluate import GIVEN, candidate_side, evaluate, reference_side, values_of
from rnncli.parity.rounding import Rounding, unit_of
from rnncli.records import CaseRecord, Failure, Verdict, combine
from rnncli.shapes import confront

Sizes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class VerifyOptions:
    """What `verify` does beside comparing at the tolerances of the table."""

    timing: bool = True
    tolerance: ElementwiseTolerance | None = None


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
    device, dtype = devices.resolve(case.run.device), getattr(torch, case.run.dtype)
    candidate, gradients = load(case), case.run.gradients
    with _told_as_user_errors(case, device), devices.backend_settings(case.run):
        probe = probes.draw(case).to(torch.float64, device)
        expected = evaluate(reference_side(case, probe), case)
        in_float64 = evaluate(candidate_side(candidate, case, probe), case)
        checks = compare(case, "algorithm", expected, in_float64, expected, rounding=Rounding(case, probe, expected))

        working = probe.to(dtype, device)
        exact = working.to(torch.float64, device)
        oracle = expected if case.run.dtype == "float64" else evaluate(reference_side(case, exact), case)
        sides = reference_side(case, working), candidate_side(candidate, case, working)
        reference_values, candidate_values = (evaluate(side, case) for side in sides)
        rounding = Rounding(case, exact, oracle, unit_of(case, dtype, device))
        checks += compare(
            case, "precision", reference_values, candidate_values, oracle, rounding, tolerance=options.tolerance
        )
        timing = None
        wrong = any(check.verdict == Verdict.MISMATCH for check in checks)
        if options.timing and not wrong:  # what a wrong implementation costs is worth nothing, and it may raise
            from rnncli.timing import time_sides

            timing = time_sides(sides, gradients)
    reference_leaves, candidate_leaves = (side.leaves for side in sides)
    parameters = {name: value for name, value in reference_leaves.items() if name not in GIVEN}
    record = confront(
        case,
        _sizes(reference_leaves | reference_values.tensors),
        _sizes(candidate_leaves | candidate_values.tensors),
        _sizes(parameters),
    )
    verdict = combine(check.verdict for check in checks) if record.verdict == Verdict.MATCH else record.verdict
    return replace(
        record,
        verdict=verdict,
        device=str(device),
        backend=devices.describe_backend(device, case.run),
        checks=checks,
        timing=timing,
    )


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
