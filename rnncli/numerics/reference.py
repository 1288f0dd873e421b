"""Builds the reference: `torch.nn.RNN` from a case."""

import warnings

import torch
from torch import Tensor, nn

from rnncli.core.case import Case
from rnncli.numerics.probe import Probe, packer


def build(case: Case, dtype: torch.dtype, device: torch.device) -> nn.RNN:
    """nn.RNN with its own initialisation, in the mode the case asks for."""
    arguments = case.rnn.model_dump()
    if _needs_training_mode(case, device):
        arguments["dropout"] = 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # shapes.warnings_for says it in our words
        module = nn.RNN(**arguments, dtype=dtype, device=device)
    set_mode(module, case, device)
    return module


def built(case: Case, probe: Probe) -> nn.RNN:
    """nn.RNN with copies of the probe's weights, in its dtype and on its device. KeyError where one is missing."""
    module = build(case, probe.input.dtype, probe.input.device)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.copy_(probe.parameters[name])
    return module


def set_mode(module: nn.RNN, case: Case, device: torch.device) -> None:
    """Training or evaluation, as the case asks and the backend of the device allows."""
    module.train(case.run.train or _needs_training_mode(case, device))


def _needs_training_mode(case: Case, device: torch.device) -> bool:
    """cuDNN's backward exists in training mode alone: an eval case runs there, without dropout."""
    return device.type == "cuda" and case.run.cudnn and case.run.gradients and not case.run.train


def values(case: Case, probe: Probe) -> dict[str, Tensor]:
    """Return what nn.RNN computes on a probe: output, h_n and, where the case has gradients, `grad <leaf>`."""
    module, device = built(case, probe), probe.input.device
    given = {name: leaf.clone() for name, leaf in probe.leaves.items() if name not in probe.parameters}
    leaves = {name: leaf.requires_grad_(case.run.gradients) for name, leaf in given.items()}
    leaves |= dict(module.named_parameters())
    torch.default_generator.manual_seed(case.run.seed)  # of the dropout masks
    with torch.set_grad_enabled(case.run.gradients):
        output, h_n = module(packer(case, device)(leaves["input"]), leaves.get("h_0"))
        found = {"output": output.data if case.input.layout == "packed" else output, "h_n": h_n}
        losses = [(value * probe.cotangents[name]).sum() for name, value in found.items()]
        gradients = torch.autograd.grad(losses, list(leaves.values())) if case.run.gradients else ()
    found = {name: value.detach() for name, value in found.items()}
    return found | {f"grad {name}": gradient for name, gradient in zip(leaves, gradients, strict=False)}
