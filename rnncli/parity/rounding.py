"""How far rounding alone moves nn.RNN on a case, seen by nudging its weights and input in their last digit."""

from functools import cached_property

import torch

from rnncli.case import Case
from rnncli.parity.evaluate import Values, evaluate, reference_side
from rnncli.parity.probe import Probe, nudged

NUDGES = 3
UNIT_ROUNDOFF = {"float64": 2**-53, "float32": 2**-24, "bfloat16": 2**-8, "float16": 2**-11, "tf32": 2**-11}


def arithmetic(case: Case, dtype: torch.dtype, device: torch.device) -> str:
    """What the case computes in: its dtype, or TF32."""
    name = str(dtype).removeprefix("torch.")
    return "tf32" if name == "float32" and device.type == "cuda" and case.run.tf32 else name


def unit_of(case: Case, dtype: torch.dtype, device: torch.device) -> float:
    """The unit roundoff of what the case computes in."""
    return UNIT_ROUNDOFF[arithmetic(case, dtype, device)]


class Rounding:
    """How far nn.RNN moves under nudges. Evaluated only where it is asked for: an ordinary case never needs it."""

    def __init__(self, case: Case, probe: Probe, expected: Values, unit: float = UNIT_ROUNDOFF["float64"]) -> None:
        """`expected` are the values of nn.RNN in float64 on `probe`."""
        self._case, self._probe, self._expected, self._unit = case, probe, expected, unit

    def spread(self, tensor: str) -> float:
        """The largest change of any element of a tensor over a few nudges; infinite where one overflows."""
        return self._spreads[tensor]

    @cached_property
    def _spreads(self) -> dict[str, float]:
        spreads = dict.fromkeys(self._expected.tensors, 0.0)
        for seed in range(NUDGES):
            moved = evaluate(reference_side(self._case, nudged(self._probe, self._unit, seed)), self._case)
            for name, value in self._expected.tensors.items():
                other = moved.tensors[name]
                if value is not None and other is not None and value.numel():
                    spreads[name] = max(spreads[name], (other - value).abs().nan_to_num(torch.inf).max().item())
        return spreads
