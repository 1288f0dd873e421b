"""Further calls of a candidate: values and sizes that code may make an exception of, and training mode."""

from contextlib import suppress
from dataclasses import replace

import torch
from torch import Tensor

from rnncli.core.case import Case, altered
from rnncli.core.causes import Cause
from rnncli.core.errors import CandidateError
from rnncli.numerics.probe import Probe, draw, in_layout, shortened, time_first, with_another_seed, without_states
from rnncli.verdict.evaluate import Candidate, Values, same_results
from rnncli.verdict.problem import Problem
from rnncli.verdict.regimes import CLOSED, TOLERANCE, sizes_in_words, small_probe
from rnncli.verdict.stage import Difference, first_difference

Changed = dict[str, object]  # fields of a section of a case
LARGE_INPUTS, LARGE_WEIGHTS, LARGE_CELLS = 3.0, 10.0, 100.0  # times the probe's: weights above 1, sums of some tens
LARGE_STEP = 10.0  # times the input of the second of two large steps: values of some tens
GROWING = 64  # large steps of a cell state that starts at zero: it grows by 1 in each
SMALL = 1e-6  # of the largest value: what float32 rounds where values are large
HUNDREDS = 256  # times the input, as of pixels
STEPS, SEQUENCES = 260, 66  # of one long sequence, of many short ones
WIDE = 130  # features: code may take blocks of 64 or 128
ONE_LONG_SEQUENCE = f"given one sequence (N = 1) of {STEPS} steps"
MOST_WORK = 1e7  # multiply-adds of one gate forward, beyond which other sizes are not given


def in_unusual_calls(problem: Problem, candidate: Candidate) -> Difference | None:
    """Return the first difference that one of these calls shows in float64. A built-in candidate is not asked."""
    if candidate.built_in:
        return None
    small = problem.derived(small_probe)
    try:
        calls = (
            _with_large_values,
            _with_saturated_gradients,
            _of_other_sizes,
            _without_gradients,
            _of_several_lengths,
            _in_training,
        )
        return next(filter(None, (call(small, candidate) for call in calls)), None)
    except CandidateError as error:
        return Difference("output", Cause.CALL_RAISES, str(error))


def _with_large_values(small: Problem, candidate: Candidate) -> Difference | None:
    """Take steps with values far beyond the probe's, where a clamp or a saturation shows; forward alone."""
    problem = small.derived(_large_steps)
    try:
        values = problem.values("algorithm", candidate)
    except CandidateError as error:
        if problem.case.input.seq_len > small.case.input.seq_len:
            return None  # it need not take more steps than the case has
        return Difference("output", Cause.CALL_RAISES, f"given large values, {sizes_in_words(problem.case)}: {error}")
    if any(value is not None and not value.isfinite().all() for value in values.tensors.values()):
        return None  # an overflow of its own, as of tanh written with exp; the case's values decide
    if _are_close(problem, values):
        return None
    plain = small.forward_alone.derived(shortened, min(2, small.case.input.seq_len))
    with suppress(CandidateError):
        when = f"given {plain.case.input.seq_len} steps"  # then it is no size of the values
        if found := first_difference(plain, "algorithm", candidate, when, Cause.REGIME):
            return found
    when = "given large states and inputs, and weights that are 10 times as large"
    return first_difference(problem, "algorithm", candidate, when, Cause.LARGE_VALUES, values)


def _are_close(problem: Problem, values: Values) -> bool:
    """Return whether values are right but for what a clip of large arguments changes.

    A sigmoid of arguments that are clipped to 30 is another by 1e-13, one of 20 by 2e-9. Where gates are closed a state
    may be as small as the rounding of 1, which `0.5 * (1 + tanh(a / 2))` is rounded to.
    """
    expected = problem.reference("algorithm").tensors
    tolerance = SMALL if problem.dtype != torch.float64 else TOLERANCE["float64"]

    def is_close(value: Tensor, right: Tensor | None) -> bool:
        if right is None or value.shape != right.shape:
            return False
        return bool((value - right).abs().max() <= tolerance * max(right.abs().max().item(), CLOSED))

    return all(value is None or is_close(value, expected[name]) for name, value in values.tensors.items())


def _large_steps(case: Case, probe: Probe) -> tuple[Case, Probe]:
    """Return the case at two large steps; at GROWING where c_0 is not given, and c becomes large by growing."""
    case, _ = shortened(case, probe, min(2, case.input.seq_len))
    grows = len(case.cell.states) == 2 and "c_0" not in case.given_states and case.input.layout != "packed"
    if grows and case.input.seq_len > 1:
        case = altered(case, input={"seq_len": GROWING})
    drawn = draw(case)
    parameters = {name: value * LARGE_WEIGHTS for name, value in drawn.parameters.items()}
    changed = drawn.changed(lambda name, value: value * (LARGE_CELLS if name == "c_0" else LARGE_INPUTS))
    x = time_first(case, changed.input).clone()
    x[1:] = x[1:2] * LARGE_STEP
    large = replace(changed, parameters=parameters, input=in_layout(case, x))
    return altered(case, run={"gradients": False}), large


def _with_saturated_gradients(small: Problem, candidate: Candidate) -> Difference | None:
    """Compare the gradients of two steps whose gates and states are near their limits."""
    problem, when = small.derived(_saturated), "given weights that are 10 times as large"
    with suppress(CandidateError):
        values = problem.values("algorithm", candidate)
        if not _are_close(problem, values):
            return first_difference(problem, "algorithm", candidate, when, Cause.REGIME, values)
    return None


def _saturated(case: Case, _: Probe) -> tuple[Case, Probe]:
    large = altered(case, run={"weight_scale": LARGE_WEIGHTS})
    return shortened(large, draw(large), min(2, case.input.seq_len))


def _of_other_sizes(small: Problem, candidate: Candidate) -> Difference | None:
    """Call with sizes that code may make an exception of, with gradients; a candidate need not take them."""
    for when in _other_sizes(small.case):
        problem = small.derived(_of_sizes, when)
        if _is_too_much_work(problem.case):
            continue
        mode = ", in training mode" if problem.case.run.train else ""
        mode += "" if problem.case.run.gradients else ", without gradients"
        more = problem.case.input.batch_size == SEQUENCES  # zeros that are kept may have fewer rows
        if found := _with_h_0_and_without(problem, candidate, f"{when}{mode}", more):
            return found
    return None


def _with_h_0_and_without(problem: Problem, candidate: Candidate, when: str, without: bool) -> Difference | None:
    """Call a candidate, `without`: then without h_0 too, if it takes that. None where it raises."""
    calls = [(when, problem)]
    if without and candidate.h_0_may_be_omitted:
        calls.append((f"{when}, without h_0", problem.derived(without_states)))
    for when, call in calls:
        with suppress(CandidateError):
            if found := first_difference(call, "algorithm", candidate, when, Cause.REGIME):
                return found
    return None


def _is_too_much_work(case: Case) -> bool:
    rnn, given = case.rnn, case.input
    rows = given.seq_len * (1 if given.layout == "unbatched" else given.batch_size)
    return rows * rnn.num_layers * rnn.directions * rnn.hidden_size * (rnn.hidden_size + rnn.input_size) > MOST_WORK


def _without_gradients(small: Problem, candidate: Candidate) -> Difference | None:
    """Call with other sizes where nothing needs a gradient, as a server does, one step of one sequence at a time."""
    return _of_other_sizes(small.forward_alone, candidate) if small.case.run.gradients else None


def _of_sizes(case: Case, _: Probe, when: str) -> tuple[Case, Probe]:
    one = altered(case, **_other_sizes(case)[when])
    return one, draw(one)


def _other_sizes(case: Case) -> dict[str, dict[str, Changed]]:
    """Return sizes by when they are given: one step, one long sequence, many short ones, sizes that are all the same,
    and many features.
    """
    steps, found = case.input.seq_len, dict[str, dict[str, Changed]]()

    def given(*lengths: int) -> Changed:
        of_each = lengths if case.input.layout == "packed" else None
        return {"seq_len": lengths[0], "batch_size": len(lengths), "lengths": of_each}

    if steps > 1:
        found["given one step of one sequence (L = N = 1)"] = {"input": given(1)}
    if 1 < steps < STEPS:
        found[ONE_LONG_SEQUENCE] = {"input": given(STEPS)}
    if case.input.layout != "unbatched":
        found[f"given {SEQUENCES} short sequences"] = {"input": given(*[min(3, steps)] * SEQUENCES)}
        rows = case.rnn.num_layers * case.rnn.directions
        if 1 < rows <= SEQUENCES:
            found[f"given {rows} sequences, as many as h_0 has rows"] = {"input": given(*[min(2, steps)] * rows)}
    equal = 4 if case.rnn.hidden_size % 2 else 5  # code may be wrong at odd sizes alone
    if steps >= equal:
        rnn: Changed = {"input_size": equal, "hidden_size": equal, "proj_size": min(case.rnn.proj_size, equal - 1)}
        when = f"given equal sizes (L, N, H_in and H_out of {equal})"
        found[when] = {"rnn": rnn, "input": given(equal, *[equal] * (equal - 1))}
    if case.rnn.hidden_size < WIDE:
        wide: Changed = {"input_size": WIDE + 1, "hidden_size": WIDE}
        when = f"given many features (H_in of {WIDE + 1}, H_out of {WIDE})"
        found[when] = {"rnn": wide, "input": given(*[min(2, steps)] * 3)}
    return found


def _of_several_lengths(small: Problem, candidate: Candidate) -> Difference | None:
    """Call with sequences of several lengths a candidate that takes packed ones, or padded ones and their lengths.

    Padded ones are given with the longest first, packed ones in an order that sorting does not undo twice.
    """
    given, packed = small.case.input, small.case.input.layout == "packed"
    takes = packed or (candidate.takes_lengths and given.layout == "batched")
    if not takes or min(given.seq_len, given.batch_size) < 2:
        return None
    problem = small.derived(_of_lengths)
    when = f"given sequences of {', '.join(map(str, problem.case.input.sequence_lengths))} steps"
    calls = [(when, problem)]
    calls += [(f"{when}, without h_0", problem.derived(without_states))] if candidate.h_0_may_be_omitted else []
    for when, problem in calls:
        try:
            found = first_difference(problem, "algorithm", candidate, when, Cause.REGIME)
        except CandidateError as error:
            return Difference("output", Cause.CALL_RAISES, f"{when}: {error}")
        if found:
            return found
    return None


def _of_lengths(case: Case, _: Probe) -> tuple[Case, Probe]:
    steps = case.input.seq_len
    lengths = [steps, (steps + 1) // 2, (steps + 1) // 2, 1]
    if case.input.layout == "packed":
        lengths = [*lengths[1:], lengths[0]]
    packed = altered(case, input={"layout": "packed", "lengths": tuple(lengths), "batch_size": len(lengths)})
    return packed, draw(packed)


def _in_training(small: Problem, candidate: Candidate) -> Difference | None:
    """Call in training mode, without dropout, a candidate whose code asks for the mode; with other sizes too.

    One that draws at random there is not compared.
    """
    if not candidate.asks_if_training or small.case.run.train:
        return None
    values, again = _two_calls_in_training(small, candidate)
    if values is None or again is None or not same_results(values, again):
        return None
    when, trained = "called in training mode, without dropout", small.derived(_trained)
    found = first_difference(trained, "algorithm", candidate, when, Cause.REGIME, values)
    found = found or _with_h_0_and_without(trained, candidate, when, True)
    return found or _of_other_sizes(trained, candidate) or _without_gradients(trained, candidate)


def with_another_dropout(problem: Problem, candidate: Candidate) -> Difference | None:
    """Call with another p and seed a candidate that has torch's masks: it may keep p, or draw the same ones again."""
    rnn = problem.case.rnn
    if candidate.built_in or not problem.drops or rnn.num_layers == 1 or rnn.dropout == 1:
        return None
    other = problem.derived(_of_another_dropout)
    return _with_h_0_and_without(other, candidate, f"with p = {other.case.rnn.dropout} and another seed", True)


def _of_another_dropout(case: Case, probe: Probe) -> tuple[Case, Probe]:
    p = case.rnn.dropout / 2 if case.rnn.dropout > 0.25 else 0.5
    return with_another_seed(altered(case, rnn={"dropout": p}), probe)


def overflows(problem: Problem, candidate: Candidate) -> bool:
    """Return whether a candidate leaves the numbers of the working dtype for an input of some hundreds, and torch's
    layer does not: an exp overflows, as of a tanh that is written with it.
    """
    if candidate.built_in:
        return False
    large = problem.derived(small_probe).derived(_of_some_hundreds)
    try:
        values, expected = large.values("precision", candidate).tensors, large.reference("precision").tensors
    except CandidateError:
        return False
    pairs = [(value, expected[name]) for name, value in values.items()]
    return any(
        value is not None and right is not None and bool(right.isfinite().all()) and not value.isfinite().all()
        for value, right in pairs
    )


def raised_by_more_steps(problem: Problem, candidate: Candidate) -> str | None:
    """Return what a candidate raises for more steps than the case has, in words, or None."""
    small = problem.derived(small_probe)
    when = ONE_LONG_SEQUENCE
    if candidate.built_in or when not in _other_sizes(small.case):
        return None
    longer = small.forward_alone.derived(_of_sizes, when)
    if _is_too_much_work(longer.case):
        return None
    try:
        longer.values("precision", candidate)
    except CandidateError as error:
        return f"{when}, {error}; {problem.case.cell.layer} takes any number of steps"
    return None


def _of_some_hundreds(case: Case, probe: Probe) -> tuple[Case, Probe]:
    return altered(case, run={"gradients": False}), replace(probe, input=probe.input * HUNDREDS)


def draws_in_training(problem: Problem, candidate: Candidate) -> bool:
    """Return whether a candidate draws at random in training mode, where the case does not ask for that mode."""
    if not candidate.asks_if_training or problem.case.run.train:
        return False
    values, again = _two_calls_in_training(problem.derived(small_probe), candidate)
    return values is not None and again is not None and not same_results(values, again)


def _two_calls_in_training(small: Problem, candidate: Candidate) -> tuple[Values | None, Values | None]:
    """Return what two calls with other seeds give; None where one raises, which is told where the case trains."""
    problem = small.derived(_trained)
    try:
        values = problem.values("algorithm", candidate)
        return values, problem.derived(with_another_seed).values("algorithm", candidate)
    except CandidateError:
        return None, None


def _trained(case: Case, probe: Probe) -> tuple[Case, Probe]:
    return altered(case, run={"train": True}), probe
