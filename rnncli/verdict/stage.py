"""One stage: every tensor compared, and the checks settled that an envelope leaves open.

Where rounding is amplified or overflows, the longest prefix of the input is judged on which rounding stays small, and
single steps from the oracle's own states; where a relu is at its kink, another draw of the probe, or one reduced until
no relu is near its kink.
"""

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import replace

import torch

from rnncli.core.case import Case, altered
from rnncli.core.causes import Cause
from rnncli.core.errors import CandidateError
from rnncli.core.records import Check, Stage, Verdict
from rnncli.numerics.oracle import Oracle
from rnncli.numerics.probe import Probe, draw, in_layout, results, time_first
from rnncli.verdict.compare import SAME_IN_FLOAT64, Comparison, Sides, compare, loosest, told_by_size
from rnncli.verdict.evaluate import Candidate, Values
from rnncli.verdict.one_step import error_of_a_step, first_wrong_step, wrong_step
from rnncli.verdict.problem import Difference, Problem

OVER_TIME = ("error_by_step", "reference_error_by_step", "allowed_by_step")
ATTEMPTS = 20  # draws of a probe, in search of one that keeps every relu off its kink
HOPELESS = 3  # kinks in one draw: so many will not all be gone in the next
MOST_REDRAWN = 2**18  # pre-activations of a probe that is drawn again
MANY = 64  # values of output, enough for their size to mean something
ANOTHER_SIZE = 3.0  # times nn.RNN's, root mean square: a course of its own does not take a recurrence that far
FEW = 64  # pre-activations of a probe that is reduced


def stage_checks(
    problem: Problem,
    stage: Stage,
    candidate: Candidate,
    values: Values | None = None,
    same_algorithm: bool = True,
    only: Container[str] | None = None,
    measure: bool = False,
) -> tuple[Check, ...]:
    """Return the checks of one stage, of all tensors or some, on values the candidate gave or now gives.

    `measure`: a wrong output is measured in single steps too, which tells small wrongs from another equation.
    Raises CandidateError.
    """
    reference, oracle = problem.reference(stage), problem.oracle(stage)
    values = problem.values(stage, candidate) if values is None else values
    sides = Sides(
        case=problem.case,
        stage=stage,
        reference=reference,
        candidate=values,
        expected=reference.tensors if stage == "algorithm" else oracle.values,
        envelope=oracle.envelope,
        policy=problem.policy,
        same_algorithm=same_algorithm,
    )
    comparisons = compare(sides, only)
    if measure:
        comparisons = tuple(_in_one_step(problem, candidate, comparison) for comparison in comparisons)
    return _settled(problem, stage, candidate, values, comparisons)


def first_difference(
    problem: Problem, candidate: Candidate, values: Values, when: str, cause: str | None = None
) -> Difference | None:
    """Return the first tensor that is a mismatch in the algorithm stage, said of the call that gave the values.

    `cause` replaces that of the check.
    """
    for check in stage_checks(problem, "algorithm", candidate, values):
        if check.verdict == Verdict.MISMATCH:
            reason = f"{when}: {check.reason or 'other values'}"
            return Difference(check.tensor, cause or check.cause or Cause.VALUES, reason)
    return None


def is_wrong(checks: Iterable[Check]) -> bool:
    """Return whether any check is a mismatch."""
    return any(check.verdict == Verdict.MISMATCH for check in checks)


def _in_one_step(problem: Problem, candidate: Candidate, comparison: Comparison) -> Comparison:
    """Measure a large error of output again where nothing amplifies it: even weights rounded to bfloat16 err by little
    in one step of one layer.
    """
    check = comparison.check
    if check.tensor != "output" or comparison.open or check.cause != Cause.VALUES or check.min_tolerance is None:
        return comparison
    error = error_of_a_step(problem.case, problem.probe, problem.oracle("algorithm"), candidate)
    if not SAME_IN_FLOAT64 < error < 1:  # right in one step: it is how steps are put together
        return comparison
    cause, reason = told_by_size(check, error)
    return Comparison(replace(check, cause=cause, reason=reason))


def _settled(
    problem: Problem, stage: Stage, candidate: Candidate, values: Values, comparisons: Sequence[Comparison]
) -> tuple[Check, ...]:
    by_steps: dict[int, list[Comparison]] = {}
    for unclear in comparisons:
        if unclear.open in (Cause.AMPLIFIED, Cause.OVERFLOW):
            by_steps.setdefault(_longest_clear(problem, stage, unclear.check.tensor), []).append(unclear)
    kinked = [found for found in comparisons if found.open == Cause.RELU_KINK]
    found: dict[str, Check] = {}
    for steps, unclear_together in by_steps.items():
        found |= _or_refused(_on_a_prefix, problem, stage, candidate, unclear_together, steps)
    if kinked:
        found |= _or_refused(_off_the_kink, problem, stage, candidate, kinked)
    if "output" in found and found["output"].verdict != Verdict.MISMATCH:
        steps = next(steps for steps, unclear in by_steps.items() if any(u.check.tensor == "output" for u in unclear))
        found |= _by_its_own_steps(problem, stage, candidate, values, found) or _by_the_whole_run(
            problem, stage, candidate, values, found, steps
        )
    return tuple(found.get(comparison.check.tensor, comparison.check) for comparison in comparisons)


def _by_its_own_steps(
    problem: Problem, stage: Stage, candidate: Candidate, values: Values, found: dict[str, Check]
) -> dict[str, Check]:
    """output as a mismatch where a step is not what the candidate's own state before it leads to; else nothing.

    Of several layers only the last one's states are seen: then the candidate is run on the first layer alone.
    """
    seen, whose = problem, "a step"
    if problem.case.rnn.num_layers > 1:
        seen, whose = problem.first_layer(), "a step of the first layer, run alone,"
        try:
            values = seen.values(stage, candidate)
        except CandidateError:
            return {}
    output, probe = values.tensors["output"], seen.probe_at(stage).to(torch.float64, problem.device)
    wrong = first_wrong_step(seen.case, probe, output, seen.kind(stage)) if output is not None else None
    if wrong is None:
        return {}
    check = found["output"]
    reason = f"from the candidate's own state before it, {whose} is not what the equations give; {check.reason}"
    told = {
        "output": replace(
            check, verdict=Verdict.MISMATCH, cause=Cause.WRONG_STEP, reason=reason, first_divergence=wrong
        )
    }
    for name in problem.case.cell.final:
        if name in found and found[name].verdict == Verdict.MATCH:
            told[name] = _open(found[name], Cause.WRONG_STEP, "a step before it is wrong")
    return told


def _by_the_whole_run(
    problem: Problem, stage: Stage, candidate: Candidate, values: Values, found: dict[str, Check], steps: int
) -> dict[str, Check]:
    """What the values of the whole run, and not those of a shorter input, still show of `output`; else nothing.

    Going forward alone, the first steps do not know how long the input is. The values after them follow another course
    than nn.RNN's, but are of its size.
    """
    output, check = values.tensors["output"], found["output"]
    expected = problem.reference(stage).tensors["output"]
    if output is None or expected is None or check.verdict != Verdict.MATCH:
        return {}
    if problem.case.rnn.directions == 1 and not (problem.case.run.train and problem.case.rnn.dropout):
        shorter = problem.shortened(steps)
        first = in_layout(shorter.case, time_first(problem.case, output)[:steps])
        if is_wrong(stage_checks(shorter, stage, candidate, Values({"output": first}), only=("output",))):
            reason = f"in the run on the whole input its first {steps} steps are others than on these alone"
            reason = f"{reason}; {check.reason}"
            return {"output": replace(check, verdict=Verdict.MISMATCH, cause=Cause.VALUES, reason=reason)}
    if problem.case.rnn.nonlinearity != "relu" and output.numel() >= MANY:
        size, usual = (value.double().square().mean().sqrt().item() for value in (output, expected))
        if not usual / ANOTHER_SIZE < size < usual * ANOTHER_SIZE:
            layer = problem.case.cell.layer
            reason = f"over the whole input its values are of size {size:.1e}, {layer}'s of {usual:.1e}; {check.reason}"
            return {"output": _open(check, Cause.AMPLIFIED, reason)}
    return {}


def _open(check: Check, cause: Cause, reason: str) -> Check:
    return replace(check, verdict=Verdict.NOT_COMPARABLE, cause=cause, reason=reason)


def _or_refused(
    settle: Callable[..., dict[str, Check]],
    problem: Problem,
    stage: Stage,
    candidate: Candidate,
    comparisons: Sequence[Comparison],
    *more: int,
) -> dict[str, Check]:
    """What a way of settling finds; not comparable where the candidate does not take the other sizes that needs."""
    try:
        return settle(problem, stage, candidate, comparisons, *more)
    except CandidateError as error:
        reason = f"rounding leaves the case itself open, and on a smaller one: {error}"
        return {found.check.tensor: _open(found.check, found.open or Cause.AMPLIFIED, reason) for found in comparisons}


def _on_a_prefix(
    problem: Problem, stage: Stage, candidate: Candidate, unclear: Sequence[Comparison], steps: int
) -> dict[str, Check]:
    checks = {found.check.tensor: found.check for found in unclear}
    overflow = any(found.open == Cause.OVERFLOW for found in unclear)
    why = _why(problem, stage, unclear[0].check.dtype if overflow else None)
    wrong = _wrong_step(problem, stage, candidate) if set(checks) & set(results(problem.case)) else None

    def as_wrong_step(check: Check) -> Check:
        return replace(check, verdict=Verdict.MISMATCH, cause=Cause.WRONG_STEP, reason=wrong)

    if not steps:
        cause, reason = Cause.OVERFLOW if overflow else Cause.AMPLIFIED, f"{why}, from the first step on"
        return {
            name: as_wrong_step(check) if wrong and name in results(problem.case) else _open(check, cause, reason)
            for name, check in checks.items()
        }
    where = f"judged on the first {steps} of {problem.case.input.seq_len} steps: beyond them {why}"
    found = {}
    for check in stage_checks(problem.shortened(steps), stage, candidate, only=checks):
        if wrong and check.tensor in results(problem.case) and check.verdict != Verdict.MISMATCH:
            check = as_wrong_step(check)
        reason = f"{check.reason}; {where}" if check.reason else where
        whole = checks[check.tensor] if checks[check.tensor].error_by_step else check
        found[check.tensor] = replace(check, reason=reason, **{name: getattr(whole, name) for name in OVER_TIME})
    return found


def _why(problem: Problem, stage: Stage, overflowing: str | None) -> str:
    if overflowing:
        return f"{problem.case.cell.layer}'s values leave the range of {overflowing}"
    decade = problem.oracle(stage).envelope(problem.kind(stage)).steps_per_decade()
    growth = f" (this recurrence amplifies it 10x every {decade:.3g} steps)" if decade else ""
    limit = f"{loosest(problem.kind(stage)):.2g} of its largest value"
    return f"rounding alone moves {problem.case.cell.layer} by more than {limit}{growth}"


def _longest_clear(problem: Problem, stage: Stage, name: str) -> int:
    """Return how many steps the longest prefix of the input has whose envelope decides a tensor, or 0.

    To an eighth: finding the last few steps would cost more than they show.
    """
    clear, unclear = 0, problem.case.input.seq_len
    step = 1
    while unclear - clear > max(1, clear // 8):
        steps = min(step, (clear + unclear) // 2)
        if _decides(problem.shortened(steps), stage, name):
            clear, step = steps, 2 * step
        else:
            unclear, step = steps, unclear
    return clear


def _decides(problem: Problem, stage: Stage, name: str) -> bool:
    values, kind, forward = problem.oracle(stage).values, problem.kind(stage), results(problem.case)
    needed = {needed: values[needed] for needed in dict.fromkeys((*forward, name))}
    limit = torch.finfo(torch.float64 if stage == "algorithm" else problem.dtype).max / 16
    if not all(value.abs().max() < limit for value in needed.values()):
        return False
    envelope = problem.oracle(stage).envelope(kind)
    if envelope.kinks and name not in forward:  # those are settled on the prefix, off the kink
        del needed[name]
    return all(envelope.decides(name, value, loosest(kind)) for name, value in needed.items())


def _wrong_step(problem: Problem, stage: Stage, candidate: Candidate) -> str | None:
    """Return what is wrong with single steps from the oracle's states, or None."""
    if problem.case.run.train and problem.case.rnn.dropout:
        return None
    dtype = torch.float64 if stage == "algorithm" else problem.dtype
    oracle, kind = problem.oracle(stage), problem.kind(stage)
    return wrong_step(problem.case, problem.probe, oracle, dtype, kind, candidate)


def _off_the_kink(
    problem: Problem, stage: Stage, candidate: Candidate, kinked: Sequence[Comparison]
) -> dict[str, Check]:
    kinks = problem.oracle(stage).envelope(problem.kind(stage)).kinks
    near = f"{kinks} pre-activation{'s' if kinks > 1 else ''} of this probe within rounding of relu's kink"
    checks = {found.check.tensor: found.check for found in kinked}
    worth_redrawing = kinks <= HOPELESS and _pre_activations(problem.case) <= MOST_REDRAWN
    redrawn = _clear_draw(problem, stage, problem.case, range(1, 1 + ATTEMPTS)) if worth_redrawing else None
    other = redrawn or _clear_draw(problem, stage, _reduced(problem.case), range(ATTEMPTS))
    if other is None:
        reason = f"{near}, and no draw found clears it: float64 decides"
        return {name: _open(check, Cause.RELU_KINK, reason) for name, check in checks.items()}
    sizes = f"T={other.case.input.seq_len}, H={other.case.rnn.hidden_size}"
    where = f"{near}: judged on {'another draw' if redrawn else f'a smaller probe ({sizes})'}"
    found = {}
    for check in stage_checks(other, stage, candidate, only=checks):
        reason = f"{check.reason}; {where}" if check.reason else where
        if check.verdict == Verdict.MATCH and not redrawn:
            reason = f"{near}; on a smaller probe that clears it ({sizes}) the gradients match"
            check = _open(checks[check.tensor], Cause.RELU_KINK, reason)
        found[check.tensor] = replace(check, reason=reason)
    return found


def _clear_draw(problem: Problem, stage: Stage, case: Case, attempts: Iterable[int]) -> Problem | None:
    """Return the case on the first draw of a probe that keeps every relu off its kink, or None."""
    dtype, kind = torch.float64 if stage == "algorithm" else problem.dtype, problem.kind(stage)

    def make() -> tuple[Case, Probe] | None:
        for probe in (draw(case, attempt).to(torch.float64, problem.device) for attempt in attempts):
            rounded = probe.to(dtype, problem.device).to(torch.float64, problem.device)
            if not Oracle(case, rounded).kinks(kind):
                return case, probe
        return None

    return problem.derived_if(("off the kink", stage, case.rnn, case.input), make)


def _reduced(case: Case) -> Case:
    """The case with at most about FEW pre-activations, as many steps as possible first, then units, then sequences."""
    left = max(1, FEW // (case.rnn.num_layers * case.rnn.directions))
    steps = min(case.input.seq_len, 4, left)
    hidden_size = min(case.rnn.hidden_size, max(1, left // steps))
    batch_size = min(case.input.batch_size, max(1, left // (steps * hidden_size)), 3)
    lengths = case.input.sequence_lengths[:batch_size] if case.input.layout == "packed" else None
    if lengths:  # in the same order, and as unequal as they were
        ranks = sorted(set(lengths), reverse=True)
        lengths = tuple(max(1, steps - ranks.index(length)) for length in lengths)
    given = {"seq_len": steps, "batch_size": batch_size, "lengths": lengths}
    return altered(case, rnn={"hidden_size": hidden_size, "input_size": min(case.rnn.input_size, 5)}, input=given)


def _pre_activations(case: Case) -> int:
    batch_size = 1 if case.input.layout == "unbatched" else case.input.batch_size
    return case.input.seq_len * batch_size * case.rnn.hidden_size * case.rnn.num_layers * case.rnn.directions
