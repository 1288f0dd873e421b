"""Dropout whose masks are not nn.RNN's: what can be judged of it without them.

With p = 0 nothing is dropped, with p = 1 everything is, and one layer alone drops nothing, whatever the masks. In
between, a probe on which every layer but the first passes its input on shows which elements were kept, and how scaled.
"""

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from rnncli.core.case import Case, altered
from rnncli.core.causes import Cause
from rnncli.core.errors import CandidateError
from rnncli.core.records import Check, Stage, Verdict
from rnncli.numerics.probe import Probe, draw, results, time_first, with_another_seed
from rnncli.verdict.evaluate import Candidate
from rnncli.verdict.problem import Problem
from rnncli.verdict.regimes import small_probe
from rnncli.verdict.stage import is_wrong, stage_checks

PASSED_ON = 1e-4  # how much of what dropout kept and scaled a layer passes on: so little that tanh is linear to 1e-8
SCALE = 1e-6  # how exactly what is kept must be scaled
DROPPED = 1e-3  # of the largest value: what is less was dropped
DEVIATIONS = 7.0  # standard ones: pairs of neighbours overlap, and several shares are looked at
FEWEST_STEPS, MOST_STEPS = 64, 1024
ENOUGH = 4096  # elements, to count what is kept
BY_CHANCE = 40  # elements at most, of which two draws keep the same by chance
HELD = {  # biases with which the sigmoid of a gate is 0 or 1 in float64, so that new values alone are passed on
    "RNN": {}, "GRU": {"z": -50.0}, "LSTM": {"i": 50.0, "f": -50.0, "o": 50.0}
}  # fmt: skip


def own_masks(
    problem: Problem, candidate: Candidate, checks: tuple[Check, ...], stage: Stage = "algorithm"
) -> str | None:
    """Return why the values cannot be compared though the dropout is right; None where they can be, or it is wrong.

    `checks` are those of the stage. On the CPU a candidate that draws as nn.RNN does has nn.RNN's masks, and so has one
    whose output is nn.RNN's; one that draws numbers of the dtype may have them in float64 alone.
    """
    rnn, on_cpu = problem.case.rnn, problem.device.type == "cpu"
    if not (problem.drops and rnn.num_layers > 1 and rnn.dropout < 1):
        return None
    of_values = [check for check in checks if check.max_abs_error is not None]
    wrong = [check.tensor for check in of_values if check.verdict == Verdict.MISMATCH]
    has_torchs = not wrong or ("output" not in wrong and any(check.tensor == "output" for check in of_values))
    if on_cpu and has_torchs and not _equal_by_chance(problem, candidate):
        return None
    without_masks = (("dropout", 0.0), ("dropout", 1.0), ("num_layers", 1))
    otherwise = any(_is_wrong(problem, candidate, stage, *change) for change in without_masks)
    if otherwise or _keeps_wrongly(problem, candidate):
        return None
    if stage == "precision" and _has_torchs_masks(problem, candidate):
        return None
    whose = "the candidate draws dropout masks" if on_cpu else "this device draws dropout masks"
    return f"{whose} of its own: what it keeps, and all values with p = 0, p = 1 and with one layer, are right"


def is_wrong_in_training(problem: Problem, candidate: Candidate) -> bool:
    """Return whether a candidate that takes p drops otherwise than nn.RNN, where the case has p and does not train."""
    rnn = problem.case.rnn
    if problem.drops or not 0 < rnn.dropout < 1 or not candidate.takes_dropout:
        return False
    training = problem.derived(_small_in_training)
    try:
        values = training.values("algorithm", candidate)
    except CandidateError:
        return True
    checks = stage_checks(training, "algorithm", candidate, values)
    return is_wrong(checks) and not own_masks(training, candidate, checks)


def _small_in_training(case: Case, probe: Probe) -> tuple[Case, Probe]:
    small, probe = small_probe(case, probe)
    return altered(small, rnn={"dropout": case.rnn.dropout}, run={"train": True}), probe


def _has_torchs_masks(problem: Problem, candidate: Candidate) -> bool:
    """Return whether the same elements are dropped in the working dtype: what is wrong there are no other masks."""
    dropping = problem.derived(_passing_on, None)
    kept = dropping.values("precision", candidate).tensors["output"]
    torchs = dropping.reference("precision").tensors["output"]
    if kept is None or torchs is None or kept.shape != torchs.shape:
        return True
    ours, theirs = (one.abs() > one.abs().max() * DROPPED for one in (kept, torchs))
    return bool((ours == theirs).all())


def without_values(checks: tuple[Check, ...], reason: str) -> tuple[Check, ...]:
    """Return the checks with every verdict that rests on values taken back."""

    def without(check: Check) -> Check:
        if check.verdict == Verdict.MISMATCH and check.max_abs_error is None:
            return check
        check = replace(check, worst=None, first_divergence=None)
        return replace(check, verdict=Verdict.NOT_COMPARABLE, cause=Cause.DROPOUT_MASKS, reason=reason)

    return tuple(map(without, checks))


def _is_wrong(problem: Problem, candidate: Candidate, stage: Stage, argument: str, value: float) -> bool:
    """Return whether the candidate is another function with an argument with which no mask matters."""
    other, rnn = problem.derived(_changed, argument, value), problem.case.rnn
    try:
        values = other.values(stage, candidate)
    except CandidateError:
        return False  # it need not take other arguments than the case's
    returned, only = {name: values.tensors[name] for name in results(problem.case)}, None
    if other.case.rnn.dropout == 1.0:
        if not all(one is None or bool(one.isfinite().all()) for one in returned.values()):
            return False  # 0 / 0, of the usual x * mask / (1 - p)
        only = returned if rnn.nonlinearity == "relu" else None  # relu(0), without a bias: any gradient is right there
    return is_wrong(stage_checks(other, stage, candidate, values, only=only))


def _changed(case: Case, probe: Probe, argument: str, value: float) -> tuple[Case, Probe]:
    case = altered(case, rnn={argument: value})
    return case, draw(case) if argument == "num_layers" else probe


def _keeps_wrongly(problem: Problem, candidate: Candidate) -> bool:
    """Return whether the share of elements that are kept, their scale, or their independence is wrong."""
    rnn = problem.case.rnn
    if len(problem.case.cell.gates) > 1 and not rnn.bias:
        return False  # its gates cannot be held open
    dropping, kept = _passed_on(problem, candidate)
    full = dropping.derived(_changed, "dropout", 0.0).reference("algorithm").tensors["output"]
    if kept is None or full is None or kept.shape != full.shape:
        return True
    shares, rate = kept / full, (1 - rnn.dropout) ** (rnn.num_layers - 1)
    is_kept = shares > 0.5 / rate
    if not torch.where(is_kept, shares * rate - 1, shares).abs().max() < SCALE or _is_unlikely(is_kept, rate):
        return True
    case = dropping.case
    parts = torch.stack([time_first(case, is_kept), time_first(case, torch.ones_like(is_kept))])  # (2, L, N, D*H_out)
    for (one, first), (other, second) in _neighbours(parts, rnn.h_out):
        both = first & second
        if both.any() and _is_unlikely((one == other)[both], rate**2 + (1 - rate) ** 2):
            return True
    again = dropping.derived(with_another_seed).values("algorithm", candidate).tensors["output"]
    kept_again = is_kept if again is None else again / full > 0.5 / rate
    return _is_unlikely(is_kept == kept_again, rate**2 + (1 - rate) ** 2)  # the same masks in every call


def _equal_by_chance(problem: Problem, candidate: Candidate) -> bool:
    """Return whether masks of so few elements may equal torch's by chance: on a longer input they are others."""
    if problem.probe.cotangents["output"].numel() * (problem.case.rnn.num_layers - 1) > BY_CHANCE:
        return False
    dropping, kept = _passed_on(problem, candidate)
    torchs = dropping.reference("algorithm").tensors["output"]
    if kept is None or torchs is None or kept.shape != torchs.shape:
        return True
    return not torch.allclose(kept, torchs, rtol=SCALE, atol=0.0)


def _passed_on(problem: Problem, candidate: Candidate) -> tuple[Problem, Tensor | None]:
    """Return a problem whose upper layers pass on what they read, long enough to count in, and the output on it."""
    given, rnn = problem.case.input, problem.case.rnn
    in_a_step = rnn.h_out * rnn.directions * (1 if given.layout == "unbatched" else given.batch_size)
    try:
        dropping = problem.derived(_passing_on, max(FEWEST_STEPS, min(MOST_STEPS, ENOUGH // in_a_step)))
        return dropping, dropping.values("algorithm", candidate).tensors["output"]
    except CandidateError:  # it need not take another length than the case's
        dropping = problem.derived(_passing_on, None)
        return dropping, dropping.values("algorithm", candidate).tensors["output"]


def _is_unlikely(events: Tensor, probability: float) -> bool:
    """Return whether chance would not give so many of them, or so few."""
    deviation = (probability * (1 - probability) / events.numel()) ** 0.5
    return bool((events.double().mean() - probability).abs() > DEVIATIONS * deviation + 1 / events.numel())


def _neighbours(parts: Tensor, hidden_size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield pairs that independent masks do not share: along time, the batch, the features, the directions.

    `parts`: (2, L, N, D*H_out), which elements are kept, and which there are.
    """
    for axis, apart in ((1, 1), (1, 2), (1, 4), (2, 1), (3, 1), (3, hidden_size), (3, max(1, hidden_size // 2))):
        length = parts.shape[axis] - apart
        if length > 0:
            yield parts.narrow(axis, 0, length), parts.narrow(axis, apart, length)


def _passing_on(case: Case, _: Probe, steps: int | None) -> tuple[Case, Probe]:
    """Give the first layer positive inputs and no state; the other layers pass on what they read. None: as many steps.

    The gates of a GRU or an LSTM are held open or closed by their biases, so that each step is that of its new values.
    """
    if steps:
        case = altered(case, input={"seq_len": steps} | ({"lengths": None} if case.input.layout == "packed" else {}))
    case = altered(case, run={"gradients": False})
    rnn, cell, probe = case.rnn, case.cell, draw(case)
    parameters = {name: torch.zeros_like(value) for name, value in probe.parameters.items()}
    for name, value in parameters.items():
        if "weight_hr" in name:
            value.fill_diagonal_(1.0)
            continue
        for gate, rows in zip(cell.gates, value.chunk(len(cell.gates)), strict=True):
            if name.startswith("bias_ih"):
                rows += HELD[cell.name].get(gate, 0.0)
            elif name.startswith("weight_ih_l0") and gate == cell.source:
                rows += probe.parameters[name][: len(rows)].abs() + 0.1 / rnn.input_size
            elif name.startswith("weight_ih") and gate == cell.source:
                start = rnn.h_out if name.endswith("_reverse") else 0
                rows[:, start : start + rnn.h_out].fill_diagonal_(PASSED_ON * (1 - rnn.dropout))
    states = {name: torch.zeros_like(value) for name, value in probe.states.items()}
    return case, replace(probe, parameters=parameters, input=probe.input.abs() + 0.5, states=states)
