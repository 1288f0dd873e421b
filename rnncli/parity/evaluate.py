"""One implementation with a probe in it: its outputs, and the gradients of everything that went in."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from rnncli.candidate.load import Canonical, Sequence
from rnncli.case import Case
from rnncli.parity import reference
from rnncli.parity.probe import Probe, as_input


@dataclass(frozen=True)
class Side:
    """One implementation, ready to run: `leaves` are `input`, `h_0` and every parameter by name."""

    name: str
    forward: Callable[[], tuple[Sequence, Tensor]]
    leaves: dict[str, Tensor]
    cotangents: dict[str, Tensor]

    def forward_backward(self) -> tuple[Tensor, ...]:
        """The gradient of every leaf, under the cotangents of both outputs."""
        return self.gradients(*self.forward())

    def gradients(self, output: Sequence, h_n: Tensor) -> tuple[Tensor, ...]:
        """The gradient of each leaf: that of the scalar sum(output * cotangent) + sum(h_n * cotangent)."""
        total = (values_of(output) * self.cotangents["output"]).sum() + (h_n * self.cotangents["h_n"]).sum()
        return torch.autograd.grad(total, list(self.leaves.values()), allow_unused=True)


def reference_side(case: Case, probe: Probe) -> Side:
    """nn.RNN with the probe's weights. The probe lies in the dtype and on the device it is to run in."""
    module = reference.build(case, probe.input.dtype, probe.input.device)
    reference.set_parameters(module, probe.parameters)
    leaves = _given(case, probe)
    inputs = as_input(case, leaves["input"]), leaves.get("h_0")
    return Side("nn.RNN", lambda: module(*inputs), leaves | dict(module.named_parameters()), probe.cotangents)


def candidate_side(candidate: Canonical, case: Case, probe: Probe) -> Side:
    """A candidate with copies of the probe's weights."""
    leaves = _given(case, probe)
    parameters = {name: _leaf(value, case) for name, value in probe.parameters.items()}
    inputs = as_input(case, leaves["input"]), leaves.get("h_0")
    return Side(
        case.candidate,
        lambda: candidate(*inputs, parameters, case),
        leaves | parameters,
        probe.cotangents,
    )


def evaluate(side: Side, case: Case) -> dict[str, Tensor | None]:
    """Every value the side computes, by tensor name: output, h_n, and `grad <leaf>`.

    The generator dropout draws from is seeded first, so that every side that draws in nn.RNN's order draws its masks.
    """
    _seed(side.leaves["input"].device, case.run.seed)
    gradients = case.run.gradients
    with torch.set_grad_enabled(gradients):
        output, h_n = side.forward()
    results: dict[str, Tensor | None] = {"output": values_of(output).detach(), "h_n": h_n.detach()}
    if gradients:
        for name, gradient in zip(side.leaves, side.gradients(output, h_n), strict=True):
            results[f"grad {name}"] = gradient
    return results


def values_of(sequence: Sequence) -> Tensor:
    """The tensor itself, or the `.data` of a PackedSequence."""
    return sequence.data if isinstance(sequence, PackedSequence) else sequence


def _seed(device: torch.device, seed: int) -> None:
    """torch.manual_seed for one device: the function itself walks every device type, 0.3 ms a call."""
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)
    torch.default_generator.manual_seed(seed)


def _given(case: Case, probe: Probe) -> dict[str, Tensor]:
    leaves = {"input": _leaf(probe.input, case)}
    if probe.h_0 is not None:
        leaves["h_0"] = _leaf(probe.h_0, case)
    return leaves


def _leaf(value: Tensor, case: Case) -> Tensor:
    return value.detach().clone().requires_grad_(case.run.gradients)
