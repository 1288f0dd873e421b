"""The shapes of a case: predicted by rule, observed in torch's layer, observed in the candidate."""

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from rnncli.candidate.load import load
from rnncli.core.case import Case
from rnncli.core.records import CaseRecord
from rnncli.core.shapes import confront, tensor_sizes
from rnncli.numerics import device as devices
from rnncli.numerics import reference
from rnncli.numerics.probe import packer
from rnncli.pipeline.verify import told_as_user_errors
from rnncli.verdict.evaluate import values_of


def look(case: Case) -> CaseRecord:
    """Return the record of the shapes that a case has."""
    device, dtype = devices.resolve(case.run.device), getattr(torch, case.run.dtype)
    with told_as_user_errors(case, device), torch.no_grad():
        module = reference.build(case, dtype, device)
        parameters = dict(module.named_parameters())
        names = ("input", *case.given_states)
        sizes = tensor_sizes(case)  # on the meta device nothing is allocated:
        given = {name: torch.zeros(sizes[name], dtype=dtype, device=device) for name in names}
        input = packer(case, device)(given["input"])
        states = tuple(given[name] for name in case.cell.initial if name in given)
        of_torch = states if len(states) > 1 else states[0] if states else None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of oneDNN, which knows no projection
            seen = _sizes(case, given, module(input, of_torch))
        candidate = None if case.target else load(case)  # a user's own is run by verify alone
        own = _sizes(case, given, candidate(input, of_torch, parameters, case)) if candidate else None
    record = confront(case, seen, own, {name: tuple(value.shape) for name, value in parameters.items()})
    warned = (f"shapes does not run {case.target}: rnncli verify does",) if case.target else ()
    return replace(record, device=str(device), warnings=(*record.warnings, *warned))


def _sizes(case: Case, given: Mapping[str, Tensor], returned: Any) -> dict[str, tuple[int, ...]]:
    output, states = returned
    last = states if isinstance(states, tuple) else (states,)
    values = {**given, "output": values_of(output), **dict(zip(case.cell.final, last, strict=True))}
    return {name: tuple(value.shape) for name, value in values.items()}
