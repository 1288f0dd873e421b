"""The oracle: a case's values in float64, and how far honest rounding moves each of them.

The values are those of the equations. The spread of a few runs of them under `Rounding`, backward pass and all, is the
noise envelope.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from rnncli.core.case import Case
from rnncli.core.memory import NOISY_ELEMENTS, NOISY_RUNS
from rnncli.manual import STEPS
from rnncli.manual.equations import recurrent
from rnncli.numerics.device import seed_dropout
from rnncli.numerics.locate import by_group, states_of
from rnncli.numerics.probe import Probe, in_layout, packer
from rnncli.numerics.rounding import ARITHMETIC, Rounding
from rnncli.numerics.runs import Runs

ENOUGH = 64  # normal numbers, for the largest of them to say how far rounding goes


@dataclass(frozen=True)
class Envelope:
    """How far rounding moves each tensor: the largest spread of any element in a group (see `locate.by_group`)."""

    spread: dict[str, Tensor]
    kinks: int  # how many pre-activations of a relu lie within the noise of zero
    floor: float = 0.0  # what is so near the smallest number of the dtype that it tells nothing of amplification
    sizes: dict[str, Tensor] = field(default_factory=dict)  # of the oracle's own values, in the same groups

    def decides(self, name: str, expected: Tensor, loosest: float) -> bool:
        """Whether rounding moves a tensor by no more than that share of its largest value."""
        return bool(self.spread[name].max() <= loosest * expected.abs().max() + self.floor)

    def steps_per_decade(self) -> float | None:
        """Over how many steps rounding grows tenfold in `output`, or None where it does not grow."""
        rates, spread = [], self.spread["output"]
        by_direction = (spread.amax(1) if spread.dim() == 3 else spread).T.tolist()  # over the sequences, if packed
        for direction, by_step in enumerate(by_direction):
            walked = [spread for spread in (by_step[::-1] if direction else by_step) if 0 < spread < math.inf]
            grown = next(
                (step for step, spread in enumerate(walked) if spread > max(walked) / 10), 0
            )  # then it saturates
            least = min(range(grown + 1), key=walked.__getitem__) if walked else 0
            if grown > least and walked[grown] > 10 * walked[least]:
                rates.append(math.log10(walked[grown] / walked[least]) / (grown - least))
        return 1 / max(rates) if rates else None


class Oracle:
    """A case's values in float64 on one probe, and the noise envelope of any arithmetic around them."""

    def __init__(self, case: Case, probe: Probe) -> None:
        """The probe lies in float64, on the device the oracle is to run on."""
        self._case, self._probe = case, probe
        self._step = STEPS[case.rnn.nonlinearity or case.rnn.cell]
        self._envelopes: dict[str, Envelope] = {}

    @cached_property
    def values(self) -> dict[str, Tensor]:
        """output, h_n and, where the case has gradients, `grad <leaf>`, in the case's layout."""
        case, probe = self._case, self._probe
        leaves = {name: leaf.clone().requires_grad_(case.run.gradients) for name, leaf in probe.leaves.items()}
        dropout = case.rnn.dropout if case.run.train else 0.0
        seed_dropout(probe.input.device, case.run.seed)
        with torch.set_grad_enabled(case.run.gradients):
            x, states = packer(case, probe.input.device)(leaves["input"]), probe.initial_states(leaves)
            output, final = recurrent(self._step, x, states, leaves, case.rnn.directions, case.rnn.batch_first, dropout)
            data = output if isinstance(output, Tensor) else output.data
            returned = dict(zip(probe.cotangents, (data, *final), strict=True))
            losses = [(value * probe.cotangents[name]).sum() for name, value in returned.items()]
            gradients = torch.autograd.grad(losses, list(leaves.values())) if case.run.gradients else ()
        found = {name: value.detach() for name, value in returned.items()}
        return found | {f"grad {name}": gradient for name, gradient in zip(leaves, gradients, strict=False)}

    @cached_property
    def previous_states(self) -> dict[str, Tensor]:
        """The states that each step started from, by the names of the initial ones: (D*num_layers, L, N, features)."""
        return dict(zip(self._probe.initial_names, self._runs.previous_states(), strict=True))

    def envelope(self, kind: str) -> Envelope:
        """The envelope of a kind of arithmetic: a key of ARITHMETIC."""
        if kind not in self._envelopes:
            self._envelopes[kind] = self._measured(kind)
        return self._envelopes[kind]

    def kinks(self, kind: str) -> int:
        """How many pre-activations of a relu lie within the noise of zero, without the gradients' share of the work."""
        return max(kinks for kinks, _ in self._noisy(kind, gradients=False))

    def _measured(self, kind: str) -> Envelope:
        spread, most = dict[str, Tensor](), 0
        for kinks, tensors in self._noisy(kind, self._case.run.gradients):
            for name, runs in tensors.items():
                moved = (runs[1:] - runs[0]).abs_().amax(0).nan_to_num_(math.inf, math.inf)
                moved = in_layout(self._case, moved) if name in ("output", "grad input") else moved
                groups = by_group(self._case, name, moved)
                spread[name] = torch.maximum(spread[name], groups) if name in spread else groups
            most = max(most, kinks)
        sizes = {name: by_group(self._case, name, value.abs()) for name, value in self.values.items()}
        spread = {name: self._pooled(name, groups) for name, groups in spread.items()}
        return Envelope(spread, most, 1000 * ARITHMETIC[kind].smallest, sizes)

    def _noisy(self, kind: str, gradients: bool) -> Iterator[tuple[int, dict[str, Tensor]]]:
        """The kinks and the tensors of NOISY_RUNS, in parts that bound the memory they take."""
        runs, device, seed = self._runs, self._probe.input.device, self._case.run.seed
        weights = sum(value.numel() for value in self._probe.parameters.values())
        at_once = max(1, min(NOISY_RUNS, NOISY_ELEMENTS // max(1, runs.elements, weights)))
        for start in range(0, NOISY_RUNS, at_once):
            count = 1 + min(at_once, NOISY_RUNS - start)
            rounding = Rounding(ARITHMETIC[kind], count, runs.rows, seed + start, device)
            tensors = runs.tensors(rounding, gradients)
            yield runs.kinks(rounding), tensors

    @cached_property
    def _runs(self) -> Runs:
        return Runs(self._case, self._probe, self._step)

    def _pooled(self, name: str, spread: Tensor) -> Tensor:
        """The spread, a group of few elements taken together with its neighbours: a few runs of it alone say little.

        Neighbours are the steps before and after; of states, the other sequences of a packed batch.
        """
        packed, tensor = self._case.input.layout == "packed", name.removeprefix("grad ")
        if tensor in self._probe.parameters:
            return spread
        features = self._case.rnn.input_size if tensor == "input" else self._case.rnn.h_out
        drawn = NOISY_RUNS * features * (1 if packed else self._runs.rows)
        if drawn >= ENOUGH:
            return spread
        if tensor in states_of(self._case):
            return spread.amax(-1, keepdim=True).expand_as(spread) if packed else spread
        reach = min(math.ceil(ENOUGH / drawn) // 2, len(spread) - 1)
        padded = F.pad(spread.movedim(0, -1), (reach, reach))  # (..., L + 2 reach)
        return padded.unfold(-1, 2 * reach + 1, 1).amax(-1).movedim(-1, 0)
