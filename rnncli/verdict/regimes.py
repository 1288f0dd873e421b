"""A candidate in other regimes than one call with everything: called often, not contiguous, one loss alone, and so on.

They run on a small probe that no recurrence amplifies, where 1e-8 of the largest value is far above rounding.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from rnncli.candidate.load import default_dtype
from rnncli.core.case import Case, altered
from rnncli.core.causes import LEAK, Cause
from rnncli.core.errors import CandidateError
from rnncli.numerics.device import seed_dropout, without_cudnn
from rnncli.numerics.probe import Probe, draw, in_layout, shortened, time_first
from rnncli.numerics.rounding import arithmetic
from rnncli.verdict import stage
from rnncli.verdict.compare import wrong_form
from rnncli.verdict.evaluate import (
    ITS_OWN,
    Candidate,
    Regimes,
    Results,
    Side,
    cause_of_raise,
    reference_side,
    returned_values,
    same_results,
    what_backward_raises,
)
from rnncli.verdict.problem import Problem
from rnncli.verdict.stage import Difference

MAX_STEPS, MAX_SEQUENCES = 16, 3  # of the probe
TOLERANCE = {"float64": 1e-8, "float32": 1e-3, "tf32": 1e-2}  # of the largest value; not measured for TF32
LARGE_INPUTS, LARGE_WEIGHTS, LARGE_CELLS = 3.0, 10.0, 100.0  # times the probe's: weights above 1, sums of some tens
Changed = dict[str, object]  # fields of a section of a case
LARGE_STEP = 10.0  # times the input of the second of two large steps: values of some tens
LARGE_LOSS = 4096  # times the loss; a power of two, which rounds nothing
STEPS, SEQUENCES, EQUAL = 130, 37, 4  # of one long sequence, of many short ones, of sizes that are all the same
MOST_WORK = 1e7  # multiply-adds of one gate forward, beyond which other sizes are not given
CALLS = 9  # with equal values; a tenth one has another input
WITHOUT_H_0 = "called without h_0"
TEN_TIMES = "called ten times"


def difference(
    problem: Problem, candidate: Candidate, dtype: torch.dtype = torch.float64, starts_narrow: bool = False
) -> Difference | None:
    """Return the first difference to nn.RNN in another regime. A built-in candidate is not asked: its tests do.

    `starts_narrow`: where h_0 is omitted it starts in float32, which float64 cannot follow.
    """
    if candidate.built_in:
        return None
    small = problem.derived(_small)
    probe = small.probe.to(dtype, problem.device)
    expected = small.remembered(("regimes", dtype), lambda: observed(reference_side(small.case, probe), small.case))
    try:
        found = candidate.regimes(small.case, probe)
        if starts_narrow or not candidate.h_0_may_be_omitted:
            found = {key: value for key, value in found.items() if not key.startswith(WITHOUT_H_0)}
        different = _first_other(expected, found, TOLERANCE[arithmetic(small.case, dtype, problem.device)])
        if different or dtype != torch.float64:
            return different
        further = (_with_large_values, _of_other_sizes, _in_training)
        return next(filter(None, (call(small, candidate) for call in further)), None)
    except CandidateError as error:
        return Difference("output", Cause.RAISES, str(error))


def observed(side: Side, case: Case) -> Regimes:
    """Return what a side computes in each regime, by the regime and the tensor; a text says what was raised."""
    found: Regimes = {}
    with default_dtype(side.probe.input.dtype), torch.set_grad_enabled(case.run.gradients):
        seed_dropout(side.leaves["input"].device, case.run.seed)
        for regime, run in _regimes(side, case):
            for leaf in side.leaves.values():
                leaf.grad = None
            try:
                found |= {f"{regime}: {name}": value for name, value in run().items()}
            except CandidateError as error:
                found[regime] = str(error)
            except (MemoryError, torch.OutOfMemoryError):
                raise
            except Exception as error:
                found[regime] = what_backward_raises(error)
            for name in side.given:
                side.leaves[name].requires_grad_(case.run.gradients)
    return found


def _regimes(side: Side, case: Case) -> Iterator[tuple[str, Callable[[], Mapping[str, Tensor | None]]]]:
    yield TEN_TIMES, partial(_ten_calls, side)
    yield "given an input and h_0 that are not contiguous", partial(_not_contiguous, side)
    if side.probe.states:
        yield WITHOUT_H_0, partial(_without_states, side, case.run.gradients)
    if case.run.gradients:
        for leaf in side.given:
            article = "a" if leaf == "c_0" else "an"
            yield f"given {article} {leaf} that needs no gradient", partial(_gradients, side, side.claimed, leaf)
        for name in side.claimed:
            yield f"with a loss on {name} alone", partial(_gradients, side, (name,))
        yield "after two backward calls", partial(_two_backward_calls, side)
        yield "in a second backward of one call", partial(_second_backward, side)
        yield f"with a loss that is {LARGE_LOSS:,} times as large", partial(_gradients_of_a_large_loss, side)
        yield "with another call before its backward", partial(_gradients_after_another_call, side)


@torch.no_grad()
def _ten_calls(side: Side) -> Mapping[str, Tensor | None]:
    """Return the results of nine calls, those of the first as they are after all others."""
    first = returned_values(side.call(side.copies()))
    calls = [_copies(side.call(side.copies())) for _ in range(CALLS - 1)]
    side.call({**side.copies(), "input": -side.leaves["input"]})
    return {
        f"{name} of the calls": _stacked(value, [call.get(name) for call in calls]) for name, value in first.items()
    }


def _stacked(first: Tensor, others: list[Tensor | None]) -> Tensor:
    """Return the values of all calls; the first that has another shape by itself."""
    for value in others:
        if value is None or value.shape != first.shape:
            return first.new_empty(0) if value is None else value
    return torch.stack([first, *(value for value in others if value is not None)])


@torch.no_grad()
def _not_contiguous(side: Side) -> Mapping[str, Tensor | None]:
    with without_cudnn():
        return _copies(side.call({**side.leaves, **{name: _strided(side.leaves[name]) for name in side.given}}))


def _without_states(side: Side, gradients: bool) -> Mapping[str, Tensor | None]:
    """Return the results with initial states omitted, and the gradients of what is left."""
    results = side.call({name: leaf for name, leaf in side.copies().items() if name not in side.probe.states})
    found: dict[str, Tensor | None] = {**{name: value.detach() for name, value in _copies(results).items()}}
    if gradients:
        of_leaves = side.gradients(_copies(results, side.claimed))
        found |= {f"grad {name}": value for name, value in of_leaves.items() if name not in side.probe.states}
    return found


def _strided(value: Tensor) -> Tensor:
    """Return the same values, laid out in memory the other way round."""
    order = tuple(reversed(range(value.dim())))
    return value.detach().permute(order).contiguous().permute(order)


def _two_backward_calls(side: Side) -> Mapping[str, Tensor | None]:
    side.backward(_copies(side.call(side.copies()), side.claimed))
    for leaf in side.leaves.values():  # two leaves may have been given one tensor, and would add into it twice
        leaf.grad = None if leaf.grad is None else leaf.grad.clone()
    return _gradients(side, side.claimed)


def _second_backward(side: Side) -> Mapping[str, Tensor | None]:
    """Return the gradients of the second of two backward calls over one graph, as of two losses."""
    results = _copies(side.call(side.copies()), side.claimed)
    side.backward(results, retain_graph=True)
    for leaf in side.leaves.values():
        leaf.grad = None
    return {f"grad {name}": gradient for name, gradient in side.gradients(results).items()}


def _gradients_of_a_large_loss(side: Side) -> Mapping[str, Tensor | None]:
    """Return the gradients where none of them is small: a clamp on the way shows."""
    results = {name: value * LARGE_LOSS for name, value in _copies(side.call(side.copies()), side.claimed).items()}
    return {f"grad {name}": gradient for name, gradient in side.gradients(results).items()}


def _gradients_after_another_call(side: Side) -> Mapping[str, Tensor | None]:
    results = _copies(side.call(side.copies()), side.claimed)
    side.call({**side.copies(), "input": -side.leaves["input"]})
    return {f"grad {name}": gradient for name, gradient in side.gradients(results).items()}


def _gradients(side: Side, names: Iterable[str], without: str | None = None) -> Mapping[str, Tensor | None]:
    """Return the gradients of a loss on the results of these names; the leaf `without` needs none."""
    if without:
        side.leaves[without].requires_grad_(False)
    wanted = [name for name, leaf in side.leaves.items() if leaf.requires_grad]
    gradients = side.gradients(_copies(side.call(side.copies()), names))
    return {f"grad {name}": gradients[name] for name in wanted}


def _copies(results: Results, names: Iterable[str] | None = None) -> dict[str, Tensor]:
    """Return copies of the results, or of those of these names."""
    returned = returned_values(results)
    return {name: value.clone() for name, value in returned.items() if names is None or name in names}


def _first_other(expected: Regimes, found: Regimes, tolerance: float) -> Difference | None:
    for key, value in found.items():
        regime, _, name = key.partition(": ")
        tensor = name.partition(" of the ")[0] or "output"
        if isinstance(value, str):
            if value.removeprefix(ITS_OWN).startswith("backward raises "):
                return Difference("grad input", cause_of_raise(value), f"{regime}, {value}")
            return Difference(tensor, Cause.RAISES, f"{regime}, {value}")
        wanted = expected.get(key)
        if not isinstance(wanted, Tensor) or (value is None and not tensor.startswith("grad ")):
            continue
        if form := wrong_form(value, wanted):
            return Difference(tensor, form.cause, f"{regime}: {form.reason}")
        assert value is not None  # that is a wrong form
        if not value.numel():
            continue
        error = (value.double() - wanted.double()).abs().max().item()
        allowed = tolerance * (wanted.abs().max().item() or 1.0)
        if error <= allowed:
            continue
        told, cause = f"an error of {error:.1e}", str(Cause.REGIME)
        if regime == TEN_TIMES:
            if (value.double() - value[:1].double()).abs().max().item() <= allowed:  # the calls agree
                regime = "given a step of zeros and a repeated one"
            else:
                cause = LEAK
        return Difference(tensor, cause, f"{regime}: {told}")
    return None


def _with_large_values(small: Problem, candidate: Candidate) -> Difference | None:
    """Take two steps with values far beyond the probe's, where a clamp or a saturation shows; forward alone."""
    problem = small.derived(_two_large_steps)
    values = problem.values("algorithm", candidate)
    if any(value is not None and not value.isfinite().all() for value in values.tensors.values()):
        return None  # an overflow of its own, as of tanh written with exp; the case's values decide
    when = "given large states and inputs, and weights that are 10 times as large"
    return stage.first_difference(problem, "algorithm", candidate, when, Cause.LARGE_VALUES, values)


def _of_other_sizes(small: Problem, candidate: Candidate) -> Difference | None:
    """Call with sizes that code may make an exception of, with gradients; a candidate need not take them."""
    for when in _other_sizes(small.case):
        problem = small.derived(_of_sizes, when)
        rnn, given = problem.case.rnn, problem.case.input
        rows = given.seq_len * (1 if given.layout == "unbatched" else given.batch_size)
        if rows * rnn.num_layers * rnn.directions * rnn.hidden_size * (rnn.hidden_size + rnn.input_size) > MOST_WORK:
            continue
        with suppress(CandidateError):
            if found := stage.first_difference(problem, "algorithm", candidate, when, Cause.REGIME):
                return found
    return None


def _of_sizes(case: Case, _: Probe, when: str) -> tuple[Case, Probe]:
    one = altered(case, **_other_sizes(case)[when])
    return one, draw(one)


def _other_sizes(case: Case) -> dict[str, dict[str, Changed]]:
    """Return sizes by when they are given: one long sequence, many short ones, and sizes that are all the same."""
    steps, found = case.input.seq_len, dict[str, dict[str, Changed]]()

    def given(*lengths: int) -> Changed:
        of_each = lengths if case.input.layout == "packed" else None
        return {"seq_len": lengths[0], "batch_size": len(lengths), "lengths": of_each}

    if 1 < steps < STEPS:
        found[f"given one sequence of {STEPS} steps"] = {"input": given(STEPS)}
    if case.input.layout != "unbatched":
        found[f"given {SEQUENCES} short sequences"] = {"input": given(*[min(2, steps)] * SEQUENCES)}
    if steps >= EQUAL:
        rnn: Changed = {"input_size": EQUAL, "hidden_size": EQUAL, "proj_size": min(case.rnn.proj_size, EQUAL - 1)}
        when = f"given equal sizes (L, N, H_in and H_out of {EQUAL})"
        found[when] = {"rnn": rnn, "input": given(EQUAL, *[EQUAL] * (EQUAL - 1))}
    return found


def _in_training(small: Problem, candidate: Candidate) -> Difference | None:
    """Call in training mode, without dropout, a candidate whose code asks for the mode.

    One that draws at random there is not compared.
    """
    if not candidate.asks_if_training or small.case.run.train:
        return None
    problem = small.derived(_trained)
    try:
        values = problem.values("algorithm", candidate)
        again = problem.derived(_with_another_seed).values("algorithm", candidate)
    except CandidateError:
        return None  # what it raises there is told where the case trains
    if not same_results(values, again):
        return None
    when = "called in training mode, without dropout"
    return stage.first_difference(problem, "algorithm", candidate, when, Cause.REGIME, values)


def _trained(case: Case, probe: Probe) -> tuple[Case, Probe]:
    return altered(case, run={"train": True}), probe


def _with_another_seed(case: Case, probe: Probe) -> tuple[Case, Probe]:
    return altered(case, run={"seed": case.run.seed ^ 1}), probe


def _small(case: Case, _: Probe) -> tuple[Case, Probe]:
    """Return the case at a size that costs little and a scale that amplifies nothing, without dropout."""
    given: dict[str, object] = {"seq_len": min(case.input.seq_len, MAX_STEPS)}
    if case.input.layout != "unbatched":
        given["batch_size"] = min(case.input.batch_size, MAX_SEQUENCES)
    if case.input.layout == "packed":
        lengths = tuple(min(length, MAX_STEPS) for length in case.input.sequence_lengths[:MAX_SEQUENCES])
        given |= {"lengths": lengths, "seq_len": max(lengths)}
    small = altered(case, rnn={"dropout": 0.0}, input=given, run={"weight_scale": min(1.0, case.run.weight_scale)})
    probe = draw(small)
    x = time_first(small, probe.input).clone()
    x[1:2] = 0.0  # a step of zeros and a repeated one: some take them for padding
    x[3:4] = x[2:3]
    return small, replace(probe, input=in_layout(small, x))


def _two_large_steps(case: Case, probe: Probe) -> tuple[Case, Probe]:
    case, _ = shortened(case, probe, min(2, case.input.seq_len))
    drawn = draw(case)
    parameters = {name: value * LARGE_WEIGHTS for name, value in drawn.parameters.items()}
    changed = drawn.changed(lambda name, value: value * (LARGE_CELLS if name == "c_0" else LARGE_INPUTS))
    x = time_first(case, changed.input).clone()
    x[1:2] *= LARGE_STEP
    large = replace(changed, parameters=parameters, input=in_layout(case, x))
    return altered(case, run={"gradients": False}), large
