"""The checks an envelope leaves open: where rounding is amplified or overflows, and where a relu is at its kink.

The first are judged on the longest prefix of the input on which rounding stays small, and on single steps from the
oracle's own states; the second on another draw of the probe, or on one reduced until no relu is near its kink.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from rnncli.core.case import Case, altered
from rnncli.core.errors import CandidateError
from rnncli.core.records import Check, Stage, Verdict
from rnncli.numerics.oracle import Oracle
from rnncli.numerics.probe import Probe, draw, first_layer, in_layout, shortened, time_first
from rnncli.verdict.compare import Comparison, loosest
from rnncli.verdict.evaluate import Candidate, Values
from rnncli.verdict.one_step import first_wrong_step, wrong_step

if TYPE_CHECKING:
    from rnncli.verdict.judge import Judge

FORWARD = ("output", "h_n")
OVER_TIME = ("error_by_step", "reference_error_by_step", "allowed_by_step")
ATTEMPTS = 20  # draws of a probe, in search of one that keeps every relu off its kink
HOPELESS = 3  # kinks in one draw: so many will not all be gone in the next
MOST_REDRAWN = 2**18  # pre-activations of a probe that is drawn again
MANY = 64  # values of output, enough for their size to mean something
ANOTHER_SIZE = 3.0  # times nn.RNN's, root mean square: a course of its own does not take a recurrence that far
FEW = 64  # pre-activations of a probe that is reduced


def settled(
    judge: "Judge", stage: Stage, candidate: Candidate, values: Values, comparisons: Sequence[Comparison]
) -> tuple[Check, ...]:
    """Every check, those that were open with a verdict, a reason, and the figures that the verdict rests on."""
    by_steps: dict[int, list[Comparison]] = {}
    for unclear in comparisons:
        if unclear.open in ("amplified", "overflow"):
            by_steps.setdefault(_longest_clear(judge, stage, unclear.check.tensor), []).append(unclear)
    kinked = [found for found in comparisons if found.open == "kink"]
    found: dict[str, Check] = {}
    for steps, unclear_together in by_steps.items():
        found |= _or_refused(_on_a_prefix, judge, stage, candidate, unclear_together, steps)
    if kinked:
        found |= _or_refused(_off_the_kink, judge, stage, candidate, kinked)
    if "output" in found and found["output"].verdict != Verdict.MISMATCH:
        steps = next(steps for steps, unclear in by_steps.items() if any(u.check.tensor == "output" for u in unclear))
        found |= _by_its_own_steps(judge, stage, candidate, values, found) or _by_the_whole_run(
            judge, stage, candidate, values, found, steps
        )
    return tuple(found.get(comparison.check.tensor, comparison.check) for comparison in comparisons)


def _by_its_own_steps(
    judge: "Judge", stage: Stage, candidate: Candidate, values: Values, found: dict[str, Check]
) -> dict[str, Check]:
    """output as a mismatch where a step is not what the candidate's own state before it leads to; else nothing.

    Of several layers only the last one's states are seen: then the candidate is run on the first layer alone.
    """
    seen, whose = judge, "a step"
    if judge.case.rnn.num_layers > 1:
        seen, whose = _first_layer(judge), "a step of the first layer, run alone,"
        try:
            values = seen.values(stage, candidate)
        except CandidateError:
            return {}
    output, probe = values.tensors["output"], seen.probe_at(stage).to(torch.float64, judge.device)
    wrong = first_wrong_step(seen.case, probe, output, seen.kind(stage)) if output is not None else None
    if wrong is None:
        return {}
    check = found["output"]
    reason = f"from the candidate's own state before it, {whose} is not what the equations give; {check.reason}"
    told = {"output": replace(check, verdict=Verdict.MISMATCH, reason=reason, first_divergence=wrong)}
    if "h_n" in found and found["h_n"].verdict == Verdict.MATCH:
        told["h_n"] = replace(found["h_n"], verdict=Verdict.NOT_COMPARABLE, reason="a step before it is wrong")
    return told


def _first_layer(judge: "Judge") -> "Judge":
    first = judge.other("first layer", lambda: first_layer(judge.case, judge.probe))
    assert first is not None
    return first


def _by_the_whole_run(
    judge: "Judge", stage: Stage, candidate: Candidate, values: Values, found: dict[str, Check], steps: int
) -> dict[str, Check]:
    """What the values of the whole run, and not those of a shorter input, still show of `output`; else nothing.

    Going forward alone, the first steps do not know how long the input is. The values after them follow another course
    than nn.RNN's, but are of its size.
    """
    output, check = values.tensors["output"], found["output"]
    expected = judge.reference(stage).tensors["output"]
    if output is None or expected is None or check.verdict != Verdict.MATCH:
        return {}
    if judge.case.rnn.directions == 1 and not (judge.case.run.train and judge.case.rnn.dropout):
        shorter = _on_steps(judge, steps)
        first = in_layout(shorter.case, time_first(judge.case, output)[:steps])
        alone = shorter.checks(stage, candidate, Values({"output": first}), only=("output",))
        if any(check.verdict == Verdict.MISMATCH for check in alone):
            reason = f"in the run on the whole input its first {steps} steps are others than on these alone"
            return {"output": replace(check, verdict=Verdict.MISMATCH, reason=f"{reason}; {check.reason}")}
    if judge.case.rnn.nonlinearity == "tanh" and output.numel() >= MANY:
        size, usual = (value.double().square().mean().sqrt().item() for value in (output, expected))
        if not usual / ANOTHER_SIZE < size < usual * ANOTHER_SIZE:
            reason = f"over the whole input its values are of size {size:.1e}, nn.RNN's of {usual:.1e}; {check.reason}"
            return {"output": replace(check, verdict=Verdict.NOT_COMPARABLE, reason=reason)}
    return {}


def _or_refused(
    settle: Callable[..., dict[str, Check]],
    judge: "Judge",
    stage: Stage,
    candidate: Candidate,
    comparisons: Sequence[Comparison],
    *more: int,
) -> dict[str, Check]:
    """What a way of settling finds; not comparable where the candidate does not take the other sizes that needs."""
    try:
        return settle(judge, stage, candidate, comparisons, *more)
    except CandidateError as error:
        reason = f"rounding leaves the case itself open, and on a smaller one: {error}"
        checks = (found.check for found in comparisons)
        return {check.tensor: replace(check, verdict=Verdict.NOT_COMPARABLE, reason=reason) for check in checks}


def _on_a_prefix(
    judge: "Judge", stage: Stage, candidate: Candidate, unclear: Sequence[Comparison], steps: int
) -> dict[str, Check]:
    checks = {found.check.tensor: found.check for found in unclear}
    why = _why(judge, stage, unclear)
    wrong = _wrong_step(judge, stage, candidate) if set(checks) & set(FORWARD) else None
    if not steps:
        unknown = f"{why}, from the first step on"
        return {
            name: replace(check, verdict=Verdict.MISMATCH, reason=wrong)
            if wrong and name in FORWARD
            else replace(check, verdict=Verdict.NOT_COMPARABLE, reason=unknown)
            for name, check in checks.items()
        }
    where = f"judged on the first {steps} of {judge.case.input.seq_len} steps: beyond them {why}"
    found = {}
    for check in _on_steps(judge, steps).checks(stage, candidate, only=checks):
        if wrong and check.tensor in FORWARD and check.verdict != Verdict.MISMATCH:
            check = replace(check, verdict=Verdict.MISMATCH, reason=wrong)
        reason = f"{check.reason}; {where}" if check.reason else where
        whole = checks[check.tensor] if checks[check.tensor].error_by_step else check
        found[check.tensor] = replace(check, reason=reason, **{name: getattr(whole, name) for name in OVER_TIME})
    return found


def _why(judge: "Judge", stage: Stage, unclear: Sequence[Comparison]) -> str:
    if any(found.open == "overflow" for found in unclear):
        return f"nn.RNN's values leave the range of {unclear[0].check.dtype}"
    decade = judge.oracle(stage).envelope(judge.kind(stage)).steps_per_decade()
    growth = f" (this recurrence amplifies it 10x every {decade:.3g} steps)" if decade else ""
    return f"rounding alone moves nn.RNN by more than {loosest(judge.kind(stage)):.2g} of its largest value{growth}"


def _longest_clear(judge: "Judge", stage: Stage, name: str) -> int:
    """How many steps of the input its longest prefix has whose envelope decides a tensor; 0 where one is too many.

    To an eighth: finding the last few steps would cost more than they show.
    """
    clear, unclear = 0, judge.case.input.seq_len
    step = 1
    while unclear - clear > max(1, clear // 8):
        steps = min(step, (clear + unclear) // 2)
        if _decides(_on_steps(judge, steps), stage, name):
            clear, step = steps, 2 * step
        else:
            unclear, step = steps, unclear
    return clear


def _decides(judge: "Judge", stage: Stage, name: str) -> bool:
    values, kind = judge.oracle(stage).values, judge.kind(stage)
    needed = {needed: values[needed] for needed in dict.fromkeys((*FORWARD, name))}
    limit = torch.finfo(torch.float64 if stage == "algorithm" else judge.dtype).max / 16
    if not all(value.abs().max() < limit for value in needed.values()):
        return False
    envelope = judge.oracle(stage).envelope(kind)
    if envelope.kinks and name not in FORWARD:  # those are settled on the prefix, off the kink
        del needed[name]
    return all(envelope.decides(name, value, loosest(kind)) for name, value in needed.items())


def _on_steps(judge: "Judge", steps: int) -> "Judge":
    shorter = judge.other(("steps", steps), lambda: shortened(judge.case, judge.probe, steps))
    assert shorter is not None
    return shorter


def _wrong_step(judge: "Judge", stage: Stage, candidate: Candidate) -> str | None:
    """What is wrong with single steps from the oracle's states, or None."""
    if judge.case.run.train and judge.case.rnn.dropout:
        return None
    dtype = torch.float64 if stage == "algorithm" else judge.dtype
    return wrong_step(judge.case, judge.probe, judge.oracle(stage), dtype, judge.kind(stage), candidate)


def _off_the_kink(judge: "Judge", stage: Stage, candidate: Candidate, kinked: Sequence[Comparison]) -> dict[str, Check]:
    kinks = judge.oracle(stage).envelope(judge.kind(stage)).kinks
    near = f"{kinks} pre-activation{'s' if kinks > 1 else ''} of this probe within rounding of relu's kink"
    checks = {found.check.tensor: found.check for found in kinked}
    redrawn = _clear_draw(judge, stage, judge.case, range(1, 1 + ATTEMPTS)) if _worth_redrawing(judge, kinks) else None
    other = redrawn or _clear_draw(judge, stage, _reduced(judge.case), range(ATTEMPTS))
    if other is None:
        reason = f"{near}, and no draw found clears it: float64 decides"
        return {name: replace(check, verdict=Verdict.NOT_COMPARABLE, reason=reason) for name, check in checks.items()}
    sizes = f"T={other.case.input.seq_len}, H={other.case.rnn.hidden_size}"
    where = f"{near}: judged on {'another draw' if redrawn else f'a smaller probe ({sizes})'}"
    found = {}
    for check in other.checks(stage, candidate, only=checks):
        reason = f"{check.reason}; {where}" if check.reason else where
        if check.verdict == Verdict.MATCH and not redrawn:
            reason = f"{near}; on a smaller probe that clears it ({sizes}) the gradients match"
            check = replace(checks[check.tensor], verdict=Verdict.NOT_COMPARABLE)
        found[check.tensor] = replace(check, reason=reason)
    return found


def _worth_redrawing(judge: "Judge", kinks: int) -> bool:
    return kinks <= HOPELESS and _pre_activations(judge.case) <= MOST_REDRAWN


def _clear_draw(judge: "Judge", stage: Stage, case: Case, attempts: Iterable[int]) -> "Judge | None":
    """The case on the first draw of a probe that keeps every relu off its kink and whose rounding stays small."""

    def make() -> tuple[Case, Probe] | None:
        for probe in (draw(case, attempt).to(torch.float64, judge.device) for attempt in attempts):
            dtype = torch.float64 if stage == "algorithm" else judge.dtype
            oracle, kind = (
                Oracle(case, probe.to(dtype, judge.device).to(torch.float64, judge.device)),
                judge.kind(stage),
            )
            if not oracle.kinks(kind):
                return case, probe
        return None

    return judge.other(("off the kink", stage, case.rnn, case.input), make)


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
