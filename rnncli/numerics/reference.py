"""Builds the reference: torch's own layer from a case."""

import warnings

import torch
from torch import nn

from rnncli.core.case import Case
from rnncli.numerics.probe import Probe


def build(case: Case, dtype: torch.dtype, device: torch.device) -> nn.RNNBase:
    """nn.RNN, nn.GRU or nn.LSTM with its own initialisation, in the mode the case asks for."""
    arguments = case.rnn.arguments
    if _needs_training_mode(case, device):
        arguments["dropout"] = 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # shapes.warnings_for says it in our words
        module: nn.RNNBase = getattr(nn, case.cell.name)(**arguments, dtype=dtype, device=device)
    set_mode(module, case, device)
    return module


def built(case: Case, probe: Probe) -> nn.RNNBase:
    """The layer with copies of the probe's weights, in its dtype and on its device. KeyError where one is missing."""
    module = build(case, probe.input.dtype, probe.input.device)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.copy_(probe.parameters[name])
    return module


def set_mode(module: nn.RNNBase, case: Case, device: torch.device) -> None:
    """Training or evaluation, as the case asks and the backend of the device allows."""
    module.train(case.run.train or _needs_training_mode(case, device))


def _needs_training_mode(case: Case, device: torch.device) -> bool:
    """cuDNN's backward exists in training mode alone: an eval case runs there, without dropout."""
    return device.type == "cuda" and case.run.cudnn and case.run.gradients and not case.run.train
