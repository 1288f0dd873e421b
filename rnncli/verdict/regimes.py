"""A candidate in other regimes than one call with everything: called often, not contiguous, one loss alone, and so on.

They run on a small probe that no recurrence amplifies, where 1e-8 of the largest value is far above rounding.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from rnncli.candidate.load import default_dtype
from rnncli.core.case import Case, altered
from rnncli.core.causes import LEAK, Cause
from rnncli.core.errors import CandidateError
from rnncli.core.words import counted
from rnncli.numerics.device import seed_dropout, without_cudnn
from rnncli.numerics.probe import Probe, draw, in_layout, time_first
from rnncli.numerics.rounding import arithmetic
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
    what_backward_raises,
)
from rnncli.verdict.problem import Problem
from rnncli.verdict.stage import Difference

MAX_STEPS, MAX_SEQUENCES = 16, 3  # of the probe
TOLERANCE = {"float64": 1e-8, "float32": 1e-3, "tf32": 1e-2}  # of the largest value; not measured for TF32
CLOSED = 1e-5  # of a state, or a gradient, behind a gate that is closed or a tanh at its limit
LARGE_LOSS = 4096  # times the loss; a power of two, which rounds nothing
CALLS = 9  # with equal values; a tenth one has the negated input
WITHOUT_H_0 = "called without h_0"
_DATA = "data that needs no gradient"
TEN_TIMES = "called ten times"
GIVEN_GRADIENTS = "gradients that it was given"


def difference(
    problem: Problem, candidate: Candidate, dtype: torch.dtype = torch.float64, starts_narrow: bool = False
) -> Difference | None:
    """Return the first difference to nn.RNN in another regime. A built-in candidate is not asked: its tests do.

    `starts_narrow`: where h_0 is omitted it starts in float32, which float64 cannot follow.
    """
    if candidate.built_in:
        return None
    small = problem.derived(small_probe)
    probe = small.probe.to(dtype, problem.device)
    expected = small.remembered(("regimes", dtype), lambda: observed(reference_side(small.case, probe), small.case))
    try:
        found = candidate.regimes(small.case, probe)
        if starts_narrow or not candidate.h_0_may_be_omitted:
            found = {key: value for key, value in found.items() if not key.startswith(WITHOUT_H_0)}
        return _first_other(expected, found, TOLERANCE[arithmetic(small.case, dtype, problem.device)])
    except CandidateError as error:
        return Difference("output", Cause.CALL_RAISES, f"{sizes_in_words(small.case)}, {error}")


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
            for leaf in side.leaves.values():
                leaf.requires_grad_(case.run.gradients)
    return found


def _regimes(side: Side, case: Case) -> Iterator[tuple[str, Callable[[], Mapping[str, Tensor | None]]]]:
    yield TEN_TIMES, partial(_ten_calls, side)
    yield "called again after its weights were changed in place, without gradients", partial(_weights_in_place, side)
    yield "called again after its input was changed in place, without gradients", partial(_input_in_place, side)
    yield "given an input and h_0 that are not contiguous", partial(_not_contiguous, side)
    if side.probe.states:
        yield WITHOUT_H_0, partial(_without_states, side, case.run.gradients)
        for state in side.probe.states:
            article = "a" if state == "c_0" else "an"
            yield f"given {article} {state} of zeros", partial(_from_zeros, side, (state,), case.run.gradients)
        yield "given an h_0 of zeros, without gradients", torch.no_grad()(partial(_from_zeros, side, ("h_0",), False))
    if case.run.gradients:
        for leaf in side.given:
            article = "a" if leaf == "c_0" else "an"
            yield (
                f"given {article} {leaf} that needs no gradient",
                partial(_without_gradients_of, (leaf,), side, _gradients),
            )
        for frozen, names in _frozen(side).items():
            yield f"given {frozen} that need no gradient", partial(_without_gradients_of, names, side, _gradients)
        if states := tuple(side.probe.states):  # as in most training loops
            omitted = partial(_without_states, gradients=True)
            zeros = partial(_from_zeros, states=states, gradients=True)
            yield f"{WITHOUT_H_0}, given {_DATA}", partial(_without_gradients_of, ("input",), side, omitted)
            of = " and a ".join(states)
            yield f"given an {of} of zeros and {_DATA}", partial(_without_gradients_of, side.given, side, zeros)
        for name in side.claimed:
            yield f"with a loss on {name} alone", partial(_gradients, side, names=(name,))
        yield "after two backward calls", partial(_two_backward_calls, side)
        yield "in a second backward of one call", partial(_second_backward, side)
        yield f"with a loss that is {LARGE_LOSS:,} times as large", partial(_gradients_of_a_large_loss, side)
        yield "with another call before its backward", partial(_gradients_after_another_call, side)
        yield "given gradients of its results that are not contiguous", partial(_from_gradients, side, _strided)
        yield "given gradients of its results", partial(_from_gradients, side, torch.clone)
    yield "called in inference mode", partial(_in_inference_mode, side)  # last: autograd refuses what it keeps


def _frozen(side: Side) -> dict[str, tuple[str, ...]]:
    """Return what does not train together, in words and by name: data, a part of the weights, or all of them."""
    weights = tuple(name for name in side.leaves if name not in side.given)
    of_input, of_state, biases = (
        tuple(name for name in weights if name.startswith(kind)) for kind in ("weight_ih", "weight_hh", "bias")
    )
    found = {"weights": weights, "weight_ih matrices": of_input, "weight_hh matrices": of_state, "biases": biases}
    found |= {"an input, weight_ih matrices and biases": ("input", *of_input, *biases)}
    if side.probe.states:
        found[f"an input and {' and '.join(side.probe.states)}"] = side.given
    return {words: names for words, names in found.items() if names}


@torch.no_grad()
def _ten_calls(side: Side) -> Mapping[str, Tensor | None]:
    """Return the results of ten calls, those of the first as they are after all others."""
    first = returned_values(side.call(side.copies()))
    calls = [_copies(side.call(side.copies())) for _ in range(CALLS - 1)]
    calls.append(_copies(side.call({**side.copies(), "input": -side.leaves["input"]})))
    return {
        f"{name} of the calls": _stacked(value, [call.get(name) for call in calls]) for name, value in first.items()
    }


@torch.no_grad()
def _weights_in_place(side: Side) -> Mapping[str, Tensor | None]:
    """Return the results of two calls, the second with negated weights in the same tensors."""
    weights = [leaf for name, leaf in side.leaves.items() if name not in side.given]
    first = _copies(side.call(side.copies()))
    for weight in weights:
        weight.neg_()
    try:
        return _both(first, _copies(side.call(side.copies())))
    finally:
        for weight in weights:
            weight.neg_()


@torch.no_grad()
def _input_in_place(side: Side) -> Mapping[str, Tensor | None]:
    """Return the results of two calls, the second with another input in the memory of the first one's, as of a loop
    that fills one buffer.
    """
    given = side.copies()
    first = _copies(side.call(given))
    given["input"].neg_()
    return _both(first, _copies(side.call(given)))


def _both(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: _stacked(value, [second.get(name)]) for name, value in first.items()}


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


def _in_inference_mode(side: Side) -> Mapping[str, Tensor | None]:
    given = side.copies()
    with torch.inference_mode():
        results = side.call(given)
    return _copies(results)


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
    return _gradients(side)


def _second_backward(side: Side) -> Mapping[str, Tensor | None]:
    """Return the gradients of the second of two backward calls over one graph, as of two losses."""
    results = _copies(side.call(side.copies()), side.claimed)
    side.backward(results, retain_graph=True)
    for leaf in side.leaves.values():
        leaf.grad = None
    return {f"grad {name}": gradient for name, gradient in side.gradients(results).items()}


def _gradients_of_a_large_loss(side: Side) -> Mapping[str, Tensor | None]:
    """Return the gradients where none of them is small, divided again: a clamp on the way shows."""
    results = {name: value * LARGE_LOSS for name, value in _copies(side.call(side.copies()), side.claimed).items()}
    gradients = side.gradients(results).items()
    return {f"grad {name}": None if one is None else one / LARGE_LOSS for name, one in gradients}


def _gradients_after_another_call(side: Side) -> Mapping[str, Tensor | None]:
    results = _copies(side.call(side.copies()), side.claimed)
    side.call({**side.copies(), "input": -side.leaves["input"]})
    return {f"grad {name}": gradient for name, gradient in side.gradients(results).items()}


def _from_gradients(side: Side, laid_out: Callable[[Tensor], Tensor]) -> Mapping[str, Tensor | None]:
    """Run a backward that is given gradients laid out in memory as told. Return the gradient of each leaf, and those
    that the backward was given, which it must leave as they were.

    A hook keeps what is given: `torch.autograd.backward` with gradients imports sympy.
    """
    cotangents = {name: laid_out(value) for name, value in side.probe.cotangents.items()}
    told, given = replace(side, probe=replace(side.probe, cotangents=cotangents)), dict[str, Tensor]()
    results = _copies(side.call(side.copies()), side.claimed)
    for name, value in results.items():
        if value.requires_grad:
            value.register_hook(partial(given.__setitem__, name))  # type: ignore[no-untyped-call]
    found = {f"grad {name}": gradient for name, gradient in told.gradients(results).items()}
    return found | {f"{name} of the {GIVEN_GRADIENTS}": value for name, value in given.items()}


def _from_zeros(side: Side, states: Sequence[str], gradients: bool) -> Mapping[str, Tensor | None]:
    """Return the results and the gradients where all states are given, and these are zero."""
    before = {state: side.leaves[state].detach().clone() for state in states}
    for state in states:
        side.leaves[state].data.zero_()
    try:
        results = _copies(side.call(side.copies()))
        found: dict[str, Tensor | None] = {name: value.detach() for name, value in results.items()}
        if gradients:
            of_claimed = {name: value for name, value in results.items() if name in side.claimed}
            found |= {f"grad {name}": gradient for name, gradient in side.gradients(of_claimed).items()}
        return found
    finally:
        for state, value in before.items():
            side.leaves[state].data.copy_(value)


def _gradients(side: Side, names: Iterable[str] | None = None) -> Mapping[str, Tensor | None]:
    """Return the gradients of a loss on the results of these names, or on all that are claimed."""
    wanted = [name for name, leaf in side.leaves.items() if leaf.requires_grad]
    gradients = side.gradients(_copies(side.call(side.copies()), side.claimed if names is None else names))
    return {f"grad {name}": gradients[name] for name in wanted}


def _without_gradients_of(
    frozen: Iterable[str], side: Side, run: Callable[[Side], Mapping[str, Tensor | None]]
) -> Mapping[str, Tensor | None]:
    """Return what a regime gives where some leaves need no gradient.

    torch's reentrant checkpoint warns that it passes none on where its inputs need none: then nothing is compared.
    """
    for name in frozen:
        side.leaves[name].requires_grad_(False)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            return run(side)
        except RuntimeError:
            if any("None of the inputs have requires_grad" in str(one.message) for one in said):
                return {}
            raise


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
            return Difference(tensor, Cause.CALL_RAISES, f"{regime}, {value}")
        wanted = expected.get(key)
        if not isinstance(wanted, Tensor) or (value is None and not tensor.startswith("grad ")):
            continue
        if value is None and not wanted.any():
            continue
        if form := wrong_form(value, wanted):
            return Difference(tensor, form.cause, f"{regime}: {form.reason}")
        assert value is not None  # that is a wrong form
        if not value.numel():
            continue
        error = (value.double() - wanted.double()).abs().max().item()
        largest = wanted.abs().max().item()
        allowed = tolerance * (max(largest, CLOSED) if largest else 1.0)
        if error <= allowed:
            continue
        told = "it overwrites them" if name.endswith(GIVEN_GRADIENTS) else f"an error of {error:.1e}"
        cause = str(Cause.REGIME)
        if regime == TEN_TIMES:
            if (value[1:].double() - wanted[1:].double()).abs().max().item() <= allowed:
                regime, told = "called again", "it writes over what an earlier call returned"
            elif (value[:CALLS].double() - value[:1].double()).abs().max().item() <= allowed:  # the calls agree
                regime = "given a step of zeros and a repeated one"
            else:
                cause = LEAK
        return Difference(tensor, cause, f"{regime}: {told}")
    return None


def sizes_in_words(small: Case) -> str:
    """Return the sizes of a further call."""
    sizes = counted(max(small.input.sequence_lengths), "step")
    return f"with {sizes} of {counted(len(small.input.sequence_lengths), 'sequence')}"


def small_probe(case: Case, _: Probe) -> tuple[Case, Probe]:
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
