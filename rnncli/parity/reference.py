"""Builds the reference: `torch.nn.RNN` from a case."""

import warnings

import torch
from torch import Tensor, nn

from rnncli.case import Case


def build(case: Case, dtype: torch.dtype, device: torch.device) -> nn.RNN:
    """nn.RNN with its own initialisation, in the mode the case asks for."""
    arguments = case.rnn.model_dump()
    if _needs_training_mode(case, device):
        arguments["dropout"] = 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # shapes.warnings_for says it in our words
        module = nn.RNN(**arguments, dtype=dtype, device=device)
    return module.train(case.run.train or _needs_training_mode(case, device))


def set_parameters(module: nn.RNN, values: dict[str, Tensor]) -> None:
    """Copy values by name into the module, which keeps its own storage. Raises KeyError where one is missing."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.copy_(values[name])


def _needs_training_mode(case: Case, device: torch.device) -> bool:
    """cuDNN's backward exists in training mode alone: an eval case runs there, without dropout."""
    return device.type == "cuda" and case.run.cudnn and case.run.gradients and not case.run.train
