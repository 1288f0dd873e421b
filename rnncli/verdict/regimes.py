"""A candidate in other regimes than one call with everything: called often, not contiguous, one loss alone, and so on.

They run on a small probe that no recurrence amplifies, where 1e-8 of the largest value is far above rounding.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from rnncli.candidate.load import default_dtype
from rnncli.core.case import Case, altered
from rnncli.core.causes import Cause
from rnncli.core.errors import CandidateError, described
from rnncli.numerics.probe import Probe, draw, in_layout, time_first
from rnncli.verdict import stage
from rnncli.verdict.evaluate import (
    Candidate,
    Regimes,
    Side,
    has_values,
    reference_side,
    seed_dropout,
    values_of,
)
from rnncli.verdict.problem import Difference, Problem

MAX_STEPS, MAX_SEQUENCES = 16, 3  # of the probe
TOLERANCE = {torch.float64: 1e-8, torch.float32: 1e-3}  # of the largest value
LARGE_INPUTS, LARGE_WEIGHTS = 3.0, 10.0  # times the probe's values: weights above 1, sums of some tens
CALLS = 9  # with equal values; a tenth one has another input


def first_difference(problem: Problem, candidate: Candidate, dtype: torch.dtype = torch.float64) -> Difference | None:
    """Return the first difference to nn.RNN in another regime. A built-in candidate is not asked: its tests do."""
    if candidate.built_in:
        return None
    small = problem.derived("regimes", lambda: _small(problem.case))
    probe = small.probe.to(dtype, problem.device)
    expected = small.remembered(("regimes", dtype), lambda: observed(reference_side(small.case, probe), small.case))
    try:
        found = candidate.regimes(small.case, probe)
    except CandidateError as error:
        return Difference("output", Cause.RAISES, str(error))
    different = _first_other(expected, found, TOLERANCE[dtype])
    return different or (_with_large_values(small, candidate) if dtype == torch.float64 else None)


def observed(side: Side, case: Case) -> Regimes:
    """Return what a side computes in each regime, by the regime and the tensor; a text says what was raised."""
    found: Regimes = {}
    with default_dtype(side.probe.input.dtype):
        seed_dropout(side.leaves["input"].device, case.run.seed)
        for regime, run in _REGIMES.items():
            for leaf in side.leaves.values():
                leaf.grad = None
            try:
                with torch.set_grad_enabled(case.run.gradients):
                    found |= {f"{regime}: {name}": value for name, value in run(side, case).items()}
            except CandidateError as error:
                found[regime] = str(error)
            except (MemoryError, torch.OutOfMemoryError):
                raise
            except Exception as error:
                found[regime] = f"backward raises {described(error)}".partition(" Hint: ")[0]
            for name in side.given:
                side.leaves[name].requires_grad_(case.run.gradients)
    return found


def _called_ten_times(side: Side, _: Case) -> Mapping[str, Tensor | None]:
    """The results of the first call are looked at after the others, which must leave them alone."""
    with torch.no_grad():
        first = _results(side, side.copies())
        calls = [_results(side, side.copies(), copy=True) for _ in range(CALLS - 1)]
        side.call({**side.copies(), "input": -side.leaves["input"]})
    return {
        f"{name} of the calls": _stacked([value, *(call.get(name) for call in calls)]) for name, value in first.items()
    }


def _stacked(values: list[Tensor | None]) -> Tensor:
    """The values of all calls; the first that has another shape by itself."""
    first = values[0]
    assert first is not None
    for value in values:
        if value is None or value.shape != first.shape:
            return first.new_empty(0) if value is None else value
    return torch.stack([value for value in values if value is not None])


def _not_contiguous(side: Side, _: Case) -> Mapping[str, Tensor | None]:
    given = {name: _strided(leaf) if name in side.given else leaf for name, leaf in side.leaves.items()}
    with torch.no_grad():
        return _results(side, given, copy=True)


def _without_gradient_of(leaf: str) -> Callable[[Side, Case], Mapping[str, Tensor | None]]:
    def run(side: Side, case: Case) -> Mapping[str, Tensor | None]:
        if not case.run.gradients or leaf not in side.leaves:
            return {}
        side.leaves[leaf].requires_grad_(False)
        return _gradients(side, side.claimed)

    return run


def _with_a_loss_on(name: str) -> Callable[[Side, Case], Mapping[str, Tensor | None]]:
    def run(side: Side, case: Case) -> Mapping[str, Tensor | None]:
        return _gradients(side, (name,)) if case.run.gradients and name in side.claimed else {}

    return run


def _two_backward_calls(side: Side, case: Case) -> Mapping[str, Tensor | None]:
    if not case.run.gradients:
        return {}
    side.backward(side.loss(_of(side, side.claimed)))
    for leaf in side.leaves.values():  # two leaves may have been given one tensor, and would add into it twice
        leaf.grad = None if leaf.grad is None else leaf.grad.clone()
    return _gradients(side, side.claimed)


_REGIMES: dict[str, Callable[[Side, Case], Mapping[str, Tensor | None]]] = {
    "called ten times": _called_ten_times,
    "given an input and h_0 that are not contiguous": _not_contiguous,
    "given an input that needs no gradient": _without_gradient_of("input"),
    "given an h_0 that needs no gradient": _without_gradient_of("h_0"),
    "given a c_0 that needs no gradient": _without_gradient_of("c_0"),
    "with a loss on output alone": _with_a_loss_on("output"),
    "with a loss on h_n alone": _with_a_loss_on("h_n"),
    "with a loss on c_n alone": _with_a_loss_on("c_n"),
    "after two backward calls": _two_backward_calls,
}


def _results(side: Side, given: Mapping[str, Tensor], copy: bool = False) -> dict[str, Tensor]:
    found = {name: values_of(value) for name, value in side.call(given).items() if value is not None}
    return {name: value.clone() for name, value in found.items()} if copy else found


def _of(side: Side, names: Iterable[str]) -> dict[str, Tensor]:
    return {name: value for name, value in _results(side, side.copies(), copy=True).items() if name in names}


def _gradients(side: Side, names: Iterable[str]) -> dict[str, Tensor | None]:
    wanted = {name: leaf.requires_grad for name, leaf in side.leaves.items()}
    gradients = dict(zip(side.leaves, side.gradients(_of(side, names)), strict=True))
    return {f"grad {name}": gradient for name, gradient in gradients.items() if wanted[name]}


def _strided(value: Tensor) -> Tensor:
    """Return the same values, laid out in memory the other way round."""
    order = tuple(reversed(range(value.dim())))
    return value.detach().permute(order).contiguous().permute(order)


def _first_other(expected: Regimes, found: Regimes, tolerance: float) -> Difference | None:
    for key, value in found.items():
        regime, _, name = key.partition(": ")
        tensor = name.partition(" of the ")[0] or "output"
        if isinstance(value, str):
            cause = "backward-breaks" if "backward" in value else Cause.RAISES
            return Difference("grad input" if "backward" in value else tensor, cause, f"{regime}, {value}")
        wanted = expected.get(key)
        if not isinstance(wanted, Tensor) or (value is None and not tensor.startswith("grad ")):
            continue
        if value is None:
            return Difference(tensor, Cause.NO_GRADIENT, f"{regime}: no gradient reaches it")
        if value.shape != wanted.shape:
            reason = f"{regime}: shape {tuple(value.shape)}, expected {tuple(wanted.shape)}"
            return Difference(tensor, Cause.SHAPE, reason)
        if not has_values(value):
            reason = f"{regime}: {'on meta' if value.is_meta else value.layout}"
            return Difference(tensor, Cause.MEMORY_LAYOUT, reason)
        allowed = tolerance * (wanted.abs().max().item() or 1.0)
        error = (value.double() - wanted.double()).abs().max().item() if value.numel() else 0.0
        if error <= allowed:
            continue
        if regime != "called ten times":
            return Difference(tensor, Cause.REGIME, f"{regime}: an error of {error:.1e}")
        if (value.double() - value[:1].double()).abs().max().item() <= allowed:
            reason = f"given a step of zeros and a repeated one: an error of {error:.1e}"
            return Difference(tensor, Cause.REGIME, reason)
        return Difference(tensor, "state-leaks-between-calls", f"{regime}: an error of {error:.1e}")
    return None


def _with_large_values(small: Problem, candidate: Candidate) -> Difference | None:
    """Two steps with values far beyond the probe's, where a clamp or a saturation shows; forward alone."""
    problem = small.derived("large values", lambda: _two_large_steps(small.case))
    try:
        values = problem.values("algorithm", candidate)
    except CandidateError as error:
        return Difference("output", Cause.RAISES, str(error))
    if any(value is not None and not value.isfinite().all() for value in values.tensors.values()):
        return None  # an overflow of its own, as of tanh written with exp; the case's values decide
    when = "given weights that are 10 times as large"
    return stage.first_difference(problem, candidate, values, when, Cause.LARGE_VALUES)


def _small(case: Case) -> tuple[Case, Probe]:
    """The case at a size that costs little and a scale that amplifies nothing, without dropout."""
    given: dict[str, object] = {"seq_len": min(case.input.seq_len, MAX_STEPS)}
    if case.input.layout != "unbatched":
        given["batch_size"] = min(case.input.batch_size, MAX_SEQUENCES)
    if case.input.layout == "packed":
        lengths = tuple(min(length, MAX_STEPS) for length in case.input.sequence_lengths[:MAX_SEQUENCES])
        given |= {"lengths": lengths, "seq_len": max(lengths)}
    small = altered(case, input=given, run={"weight_scale": min(1.0, case.run.weight_scale), "train": False})
    probe = draw(small)
    x = time_first(small, probe.input).clone()
    if len(x) > 1:
        x[1] = 0.0  # a step of zeros and a repeated one: some take them for padding
    if len(x) > 3:
        x[3] = x[2]
    return small, replace(probe, input=in_layout(small, x))


def _two_large_steps(small: Case) -> tuple[Case, Probe]:
    steps = min(2, small.input.seq_len)
    lengths = tuple(min(length, steps) for length in small.input.sequence_lengths)
    given = {"seq_len": steps} | ({"lengths": lengths} if small.input.layout == "packed" else {})
    case = altered(small, input=given, run={"gradients": False})
    drawn = draw(case)
    return case, replace(
        drawn,
        input=drawn.input * LARGE_INPUTS,
        states={name: value * LARGE_INPUTS for name, value in drawn.states.items()},
        parameters={name: value * LARGE_WEIGHTS for name, value in drawn.parameters.items()},
    )
