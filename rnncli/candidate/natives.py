"""A candidate by what it is: a function, an object, or a class or factory that is constructed with its weights."""

import functools
import inspect
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from rnncli.candidate import signature, source
from rnncli.candidate.function import Function
from rnncli.candidate.names import option, role, slot
from rnncli.candidate.objects import Object, constructor_of
from rnncli.candidate.places import held_by
from rnncli.core.errors import CandidateError

Candidate = Function | Object


def native_of(target: Any, name: str) -> Candidate:
    """Return the candidate by what it is. Raises CandidateError where it is nothing that can be called."""
    module = source.module_of(target)
    if inspect.isclass(target) or (inspect.isfunction(target) and _is_factory(target)):
        return _constructed(target, name, module) if _is_made_with_weights(target) else Object(name, target, module)
    if isinstance(target, functools.partial) and inspect.isfunction(target.func):
        return Function(name, target, source.module_of(target.func))
    if inspect.isroutine(target) or isinstance(target, torch.jit.ScriptFunction):
        return Function(name, target, module)
    if callable(target):
        return Object(name, target, sys.modules.get(type(target).__module__))
    raise CandidateError(f"candidate {name}: it is a {type(target).__name__}; expected a function or a class")


def _is_factory(function: Callable[..., Any]) -> bool:
    """Return whether a function takes sizes or weights and no input: it makes an RNN."""
    parameters = signature.parameters_of(function)
    meanings = [option(p.name) or role(p.name) or ("slot" if slot(p.name).kind else None) for p in parameters]
    required = [p for p in parameters if p.default is p.empty]
    made = {"input_size", "hidden_size"} <= set(meanings) or (meanings.count("slot") >= 2 and len(required) >= 2)
    return made and None not in meanings and not {"input", "projected", "state"} & set(meanings)


def _is_made_with_weights(target: Any) -> bool:
    if inspect.isclass(target) and issubclass(target, nn.RNNBase):
        return False
    found = signature.arguments_of_constructor(constructor_of(target))
    return bool(signature.weights_among(found)) or "params" in found.values()


def _constructed(target: Any, name: str, module: Any) -> Function:
    """Return a class or factory that is constructed with its weights as a function that constructs and calls it."""
    made_with = constructor_of(target)
    method, sources = "__call__", [target]
    if inspect.isclass(target):
        method = "__call__" if issubclass(target, nn.Module) else signature.method_of(target)
        call = target.forward if issubclass(target, nn.Module) else getattr(target, method)
        sources = [value for value in vars(target).values() if inspect.isfunction(value)]
    else:
        call = _inner(target, made_with)
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
    found = Function(name, run, module)
    found.kind = f"{'class' if inspect.isclass(target) else 'factory'} constructed with its weights"
    return found


def _inner(factory: Any, made_with: list[inspect.Parameter]) -> Any:
    """Return the function that a factory returns, found with weights of small sizes."""
    shapes = {"weight_ih": (7, 5), "weight_hh": (7, 7)}
    slots = signature.weights_among(signature.arguments_of_constructor(made_with))
    made = factory(**{name: torch.zeros(shapes.get(of.kind or "", (7,))) for name, of in slots.items()})
    return made if inspect.isfunction(made) else type(made).__call__


def _relink(made: nn.Module, given: list[Any]) -> None:
    """Put the tensors that a module was made with in the place of the Parameters it made of them."""
    items = [value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else [value]
             for value in given]  # fmt: skip
    tensors = [item for values in items for item in values if isinstance(item, Tensor)]
    for one in [one for one in held_by(made) if one.parameter]:
        own = one.value.detach()
        same = (value for value in tensors
                if value.shape == own.shape and torch.equal(value.detach().to(own.dtype), own))  # fmt: skip
        if (value := next(same, None)) is not None:
            one.set(made, value)
