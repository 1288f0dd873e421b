"""Dropout whose masks are not nn.RNN's: what can be judged of it without them.

With p = 0 nothing is dropped, with p = 1 everything is, and one layer alone drops nothing, whatever the masks. In
between, a probe on which every layer but the first passes its input on shows which elements were kept, and how scaled.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from rnncli.core.case import Case, altered
from rnncli.core.causes import Cause
from rnncli.core.errors import CandidateError
from rnncli.core.records import Check, Verdict
from rnncli.numerics.probe import Probe, draw, results, time_first
from rnncli.verdict.evaluate import Candidate
from rnncli.verdict.problem import Problem
from rnncli.verdict.stage import is_wrong, stage_checks

_Part = tuple[Tensor, Tensor]  # which elements are kept, and which there are
PASSED_ON = 1e-4  # how much of what dropout kept and scaled a layer passes on: so little that tanh is linear to 1e-8
SCALE = 1e-6  # how exactly what is kept must be scaled
DEVIATIONS = 7.0  # standard ones: pairs of neighbours overlap, and several shares are looked at
STEPS = (64, 1024)  # at least, at most
TAKEN_BACK: dict[str, Any] = {
    "verdict": Verdict.NOT_COMPARABLE,
    "cause": Cause.DROPOUT_MASKS,
    "worst": None,
    "first_divergence": None,
}
PASSING = ("a", "n", "g")  # the gate that holds new values: the activation of an RNN, n of a GRU, g of an LSTM
HELD = {"z": -50.0, "i": 50.0, "f": -50.0, "o": 50.0}  # biases whose sigmoid is 0 or 1 in float64
ENOUGH = 4096  # elements, to count what is kept


def own_masks(problem: Problem, candidate: Candidate, checks: tuple[Check, ...]) -> str | None:
    """Why the values cannot be compared though the dropout is right; None where they can be, or where it is wrong.

    `checks` are those of the algorithm stage. On the CPU a candidate that draws as nn.RNN does has nn.RNN's masks.
    """
    rnn = problem.case.rnn
    if not (problem.case.run.train and rnn.num_layers > 1 and 0 < rnn.dropout < 1):
        return None
    other_values = any(check.verdict == Verdict.MISMATCH and check.max_abs_error is not None for check in checks)
    if problem.device.type == "cpu" and not other_values:
        return None
    without_masks: tuple[Mapping[str, float], ...] = ({"dropout": 0.0}, {"dropout": 1.0}, {"num_layers": 1})
    if any(_is_wrong(problem, candidate, changes) for changes in without_masks) or _keeps_wrongly(problem, candidate):
        return None
    whose = "this device draws dropout masks" if problem.device.type != "cpu" else "the candidate draws dropout masks"
    return f"{whose} of its own: what it keeps, and all values with p = 0, p = 1 and with one layer, are right"


def without_values(checks: tuple[Check, ...], reason: str) -> tuple[Check, ...]:
    """The checks with every verdict that rests on values taken back."""
    return tuple(
        check
        if check.verdict == Verdict.MISMATCH and check.max_abs_error is None
        else replace(check, reason=reason, **TAKEN_BACK)
        for check in checks
    )


def _is_wrong(problem: Problem, candidate: Candidate, changes: Mapping[str, float]) -> bool:
    """Whether the candidate is another function where no mask matters."""

    def make() -> tuple[Case, Probe]:
        case = altered(problem.case, rnn=dict(changes))
        return case, draw(case) if "num_layers" in changes else problem.probe

    other = problem.derived(("without masks", *changes.items()), make)
    try:
        values = other.values("algorithm", candidate)
    except CandidateError:
        return False  # it need not take other arguments than the case's
    forward = [value for name in results(problem.case) if (value := values.tensors[name]) is not None]
    if changes.get("dropout") == 1.0 and not all(bool(value.isfinite().all()) for value in forward):
        return False  # 0 / 0, of the usual x * mask / (1 - p)
    return is_wrong(stage_checks(other, "algorithm", candidate, values))


def _keeps_wrongly(problem: Problem, candidate: Candidate) -> bool:
    """Whether the share of elements that are kept, their scale, or their independence over time is wrong."""
    given, rnn = problem.case.input, problem.case.rnn
    if len(problem.case.cell.gates) > 1 and not rnn.bias:
        return False  # its gates cannot be held open
    in_a_step = rnn.h_out * rnn.directions * (1 if given.layout == "unbatched" else given.batch_size)
    steps = max(STEPS[0], min(STEPS[1], ENOUGH // in_a_step))
    lengths = {"seq_len": steps} | ({"lengths": None} if given.layout == "packed" else {})
    case = altered(problem.case, input=lengths, run={"gradients": False})
    try:
        shares = _shares(problem, candidate, case)
    except CandidateError:  # it need not take another length than the case's
        case = altered(problem.case, run={"gradients": False})
        shares = _shares(problem, candidate, case)
    if shares is None:
        return True
    rate = (1 - case.rnn.dropout) ** (case.rnn.num_layers - 1)
    is_kept = shares > 0.5 / rate
    if not torch.where(is_kept, shares * rate - 1, shares).abs().max() < SCALE:
        return True
    if _is_unlikely(is_kept, rate):
        return True
    running = time_first(case, torch.ones_like(shares)) > 0  # (L, N, D*H_out)
    return any(
        _is_unlikely((one == other)[both], rate**2 + (1 - rate) ** 2)
        for (one, first), (other, second) in _neighbours(time_first(case, is_kept), running, case.rnn.h_out)
        if (both := first & second).any()
    )


def _is_unlikely(events: Tensor, probability: float) -> bool:
    """Whether chance would not give so many of them, or so few."""
    deviation = (probability * (1 - probability) / events.numel()) ** 0.5
    share: float = events.double().mean().item()
    most: float = DEVIATIONS * deviation + 1 / events.numel()
    return abs(share - probability) > most


def _neighbours(is_kept: Tensor, running: Tensor, hidden_size: int) -> Iterator[tuple[_Part, _Part]]:
    """Pairs of parts that independent masks do not share: along time, the batch, the features, the directions."""
    for axis, apart in ((0, 1), (0, 2), (0, 4), (1, 1), (2, 1), (2, hidden_size), (2, max(1, hidden_size // 2))):
        length = is_kept.shape[axis] - apart
        if length > 0:
            one, other = ((start, length) for start in (0, apart))
            yield (
                (is_kept.narrow(axis, *one), running.narrow(axis, *one)),
                (is_kept.narrow(axis, *other), running.narrow(axis, *other)),
            )


def _shares(problem: Problem, candidate: Candidate, case: Case) -> Tensor | None:
    """What the candidate passes on, of what nn.RNN without dropout does, by element of output; None in another form."""
    probe, steps = _passing_on(case, problem.device), case.input.seq_len
    dropping = problem.derived(("passing on", steps), lambda: (case, probe))
    whole = problem.derived(("passing on whole", steps), lambda: (altered(case, rnn={"dropout": 0.0}), probe))
    kept, full = (
        dropping.values("algorithm", candidate).tensors["output"],
        whole.reference("algorithm").tensors["output"],
    )
    return None if kept is None or full is None or kept.shape != full.shape else kept / full


def _passing_on(case: Case, device: torch.device) -> Probe:
    """Return a probe whose first layer sees positive inputs and no state; the other layers pass on what they read.

    The gates of a GRU or an LSTM are held open or closed by their biases, so that each step is that of its new values.
    """
    rnn, gates, probe = case.rnn, case.cell.gates, draw(case).to(torch.float64, device)
    parameters = {name: torch.zeros_like(value) for name, value in probe.parameters.items()}
    for name, value in parameters.items():
        for gate, rows in zip(gates, value.chunk(len(gates)), strict=True) if "weight_hr" not in name else []:
            if name.startswith("bias_ih"):
                rows += HELD.get(gate, 0.0)
            elif name.startswith("weight_ih_l0") and gate in PASSING:
                rows += probe.parameters[name][: len(rows)].abs() + 0.1 / rnn.input_size
            elif name.startswith("weight_ih") and gate in PASSING:
                start = rnn.h_out if name.endswith("_reverse") else 0
                rows[:, start : start + rnn.h_out].fill_diagonal_(PASSED_ON * (1 - rnn.dropout))
        if "weight_hr" in name:
            value.fill_diagonal_(1.0)
    states = {name: torch.zeros_like(value) for name, value in probe.states.items()}
    return replace(probe, parameters=parameters, input=probe.input.abs() + 0.5, states=states)
