"""A class or a factory that is constructed with its weights: a function that constructs it and calls what was made."""

import inspect
from typing import Any

import torch
from torch import Tensor, nn

from rnncli.candidate import meanings, signature
from rnncli.candidate.function import Function
from rnncli.candidate.places import held_by
from rnncli.core.cells import Cell
from rnncli.core.errors import CandidateError, described
from rnncli.core.words import joined


def constructed(name: str, target: Any, module: Any, cell: Cell) -> Function:
    """Return a class or factory that is constructed with its weights as a function that constructs and calls it."""
    made_with = signature.parameters_of_constructor(target)
    sources = [target]
    if inspect.isclass(target):
        method, call = meanings.call_of(target)
        sources = [value for value in vars(target).values() if inspect.isfunction(value)]
    else:  # the function that it returns, found with weights of small sizes
        shapes = {"weight_ih": (7, 5), "weight_hh": (7, 7)}
        slots = meanings.weights_among(meanings.arguments_of_constructor(made_with))
        given = {name: torch.zeros(shapes.get(of.kind or "", (7,))) for name, of in slots.items()}
        try:
            made = target(**given)
        except Exception as error:
            raise CandidateError(
                f"candidate {name}: called with {joined([*slots])} it raised {described(error)}"
            ) from error
        method, call = "__call__", made if inspect.isfunction(made) else type(made).__call__
    names = {p.name for p in made_with}

    def run(**given: Any) -> Any:
        of_weights = {key: value for key, value in given.items() if key in names}
        made = target(**of_weights)
        if isinstance(made, nn.Module):
            _relink(made, [*of_weights.values()])
        rest = {key: value for key, value in given.items() if key not in names}
        return signature.called(made if inspect.isfunction(made) else getattr(made, method), rest)

    parameters = {p.name: p.replace(kind=p.KEYWORD_ONLY) for p in [*made_with, *signature.parameters_of(call)]}
    run.__signature__ = inspect.Signature([*parameters.values()])  # type: ignore[attr-defined]
    run.__sources__ = sources  # type: ignore[attr-defined]
    found = Function(name, run, module, cell)
    found.kind = f"{'class' if inspect.isclass(target) else 'factory'} constructed with its weights"
    return found


def _relink(made: nn.Module, given: list[Any]) -> None:
    """Put the tensors that a module was made with in the place of the Parameters it made of them."""
    items = [value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else [value]
             for value in given]  # fmt: skip
    tensors = [item for values in items for item in values if isinstance(item, Tensor)]
    for one in [one for one in held_by(made) if one.parameter]:
        own = one.value.detach()
        same = [value for value in tensors
                if value.shape == own.shape and torch.equal(value.detach().to(own.dtype), own)]  # fmt: skip
        if same:
            one.set(made, same[0])
