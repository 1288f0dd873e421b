"""The parameters of a candidate's call and of its constructor, and a call with those of them that are given."""

import functools
import inspect
import itertools
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from rnncli.candidate import source
from rnncli.candidate.names import option
from rnncli.core.errors import CandidateError

_DEFAULTS = {"num_layers": 1, "nonlinearity": "tanh", "bias": True, "batch_first": False, "dropout": 0.0}
_DEFAULTS |= {"bidirectional": False, "proj_size": 0}


def parameters_of(call: Callable[..., Any]) -> list[inspect.Parameter]:
    """Return the free parameters of a call, without self. Raises CandidateError without a signature."""
    bound = call.keywords if isinstance(call, functools.partial) else ()  # they keep their values
    starred = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    found = [p for p in _all_parameters_of(call) if p.kind not in starred and p.name not in bound]
    return found[1:] if found and (found[0].name == "self" or _is_method(call)) else found


def _is_method(call: Callable[..., Any]) -> bool:
    """Return whether a function is a method of a class of its module, whose first argument may have any name."""
    owner: Any = sys.modules.get(getattr(call, "__module__", None) or "")
    *owners, name = getattr(call, "__qualname__", "").split(".")
    for part in owners:
        owner = getattr(owner, part, None)
    return bool(owners) and inspect.isclass(owner) and inspect.isfunction(inspect.getattr_static(owner, name, None))


def _all_parameters_of(call: Callable[..., Any]) -> list[inspect.Parameter]:
    if isinstance(call, torch.jit.ScriptFunction):
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        return [inspect.Parameter(one.name, kind) for one in getattr(call, "schema").arguments]  # noqa: B009
    try:
        return [*inspect.signature(call).parameters.values()]
    except (TypeError, ValueError) as error:
        raise CandidateError(f"candidate {getattr(call, '__name__', call)}: it has no signature to read") from error


def parameters_of_constructor(target: Any) -> list[inspect.Parameter]:
    """Return the parameters of a factory, or of a constructor and of the one of a base class that gets its *args.

    Of what a constructor takes by `**kwargs`, those that it asks for, and those of what it hands them on to.
    """
    if inspect.isclass(target) and issubclass(target, nn.RNNBase) and target.__module__.startswith("torch.nn"):
        return _of_torchs_layer(target)
    if not inspect.isclass(target):
        return [*parameters_of(target), *handed_on(target, {p.name for p in parameters_of(target)})]
    found: dict[str, inspect.Parameter] = {}
    for base in target.__mro__:
        own = vars(base).get("__init__")
        of_torch = base in (object, nn.Module) or base.__module__.startswith("torch.nn")
        if of_torch and issubclass(base, nn.RNNBase) and own is not None:
            found = {p.name: p for p in _of_torchs_layer(base)} | found
            break
        if own is None or (of_torch and base is not object and not inspect.isfunction(own)):
            continue
        if of_torch:
            break
        parameters = list(inspect.signature(own).parameters.values())[1:]
        named = {p.name: p for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
        found |= {name: p for name, p in named.items() if name not in found}
        if len(named) == len(parameters):
            break
        found |= {p.name: p for p in handed_on(own, set(found))}
    return list(found.values())


def _of_torchs_layer(layer: type[nn.RNNBase]) -> list[inspect.Parameter]:
    """Return what torch's own layers are constructed with, of which RNN and GRU refuse proj_size."""
    known = list(inspect.signature(nn.RNNBase.__init__).parameters.values())[2:]  # without self and mode
    left_out = {"device", "dtype", *(() if layer in (nn.RNNBase, nn.LSTM) else ("proj_size",))}
    found = [p for p in known if p.name not in left_out]
    keyword = inspect.Parameter.KEYWORD_ONLY
    return [*found, inspect.Parameter("nonlinearity", keyword, default="tanh")] if layer is nn.RNN else found


def handed_on(call: Any, named: set[str]) -> list[inspect.Parameter]:
    """Return the parameters that a function takes by `*args` and `**kwargs`, beside those that it names."""
    kinds = {p.kind for p in inspect.signature(call).parameters.values()}
    if not kinds & {inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL}:
        return []
    found: dict[str, inspect.Parameter] = {}
    by_name = inspect.Parameter.VAR_KEYWORD in kinds
    for text in getattr(getattr(call, "__code__", None), "co_consts", ()) if by_name else ():
        if isinstance(text, str) and (meant := option(text)) in _DEFAULTS:
            found[text] = inspect.Parameter(text, inspect.Parameter.KEYWORD_ONLY, default=_DEFAULTS[meant])
    for taker, given in source.takers_of_starred(call):
        beyond = parameters_of_constructor(taker)[given.count("") :]
        found |= {p.name: p for p in beyond if p.name not in given and p.name not in found}
    return [p for p in found.values() if p.name not in named]


def record_of(annotation: Any, module: Any) -> type | None:
    """Return the dataclass or named tuple that an annotation names, also in quotes."""
    named = vars(module).get(annotation) if isinstance(annotation, str) and module is not None else annotation
    return named if inspect.isclass(named) and fields_of(named) else None


def fields_of(record: Any) -> list[str]:
    """Return the fields of a dataclass or of a named tuple."""
    return list(getattr(record, "__dataclass_fields__", ()) or getattr(record, "_fields", ()))


def starred(call: Callable[..., Any]) -> str | None:
    """Return the name of the argument that takes any number of positional values."""
    try:
        parameters = inspect.signature(call).parameters.values()
    except (TypeError, ValueError):
        return None
    return next((p.name for p in parameters if p.kind == p.VAR_POSITIONAL), None)


def with_constructor(target: type) -> type:
    """Return the class, of the same module, whose constructor a class uses; itself where that is one of torch's."""
    bases = (base for base in target.__mro__ if base.__module__ == target.__module__)
    return next((base for base in bases if "__init__" in vars(base)), target)


def takes_any_keyword(target: type) -> bool:
    """Return whether a class has a constructor, not one of torch's, that takes keyword arguments of any name."""
    if "__init__" not in vars(with_constructor(target)) or issubclass(target, nn.RNN):
        return False
    return any(p.kind == p.VAR_KEYWORD for p in inspect.signature(target).parameters.values())


def _starred_values(parameters: Mapping[str, inspect.Parameter], given: Mapping[str, Any]) -> list[Any]:
    """Return what `*w` takes: what is given for it, or, one by one, what is given by names that are no parameters."""
    kinds = {p.kind: name for name, p in parameters.items()}
    star = kinds.get(inspect.Parameter.VAR_POSITIONAL)
    if star is None or inspect.Parameter.VAR_KEYWORD in kinds:
        return []
    return list(given.get(star, ())) or [value for name, value in given.items() if name not in parameters]


def _signed(call: Callable[..., Any]) -> Callable[..., Any]:
    """Return what has the signature of a call: `forward` of a module that is called itself."""
    module = getattr(call, "__self__", None)
    if not isinstance(module, nn.Module) or getattr(call, "__func__", None) is not nn.Module.__call__:
        return call
    return module.forward if inspect.ismethod(module.forward) else call


def called(call: Callable[..., Any], given: Mapping[str, Any]) -> Any:
    """Call with arguments by position, as people do: backward hooks of a module see no others.

    What comes behind an argument that is left out is given by name. A generator's values come as a list. A process that
    the candidate forks off ends here.
    """
    own = {p.name: p for p in _all_parameters_of(_signed(call))}
    rest = _starred_values(own, given)
    by_place = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    placed = [name for name, p in own.items() if p.kind in by_place]
    positional = placed if rest else [*itertools.takewhile(given.__contains__, placed)]
    kinds = {name: own[name].kind if name in own else None for name in given if name not in positional}
    named = {name: given[name] for name, kind in kinds.items() if not rest or kind == inspect.Parameter.KEYWORD_ONLY}
    for name in [name for name, kind in kinds.items() if kind == inspect.Parameter.VAR_KEYWORD]:
        named |= named.pop(name)  # `**w`
    process = os.getpid()
    try:
        result = call(*(given.get(name, own[name].default) for name in positional), *rest, **named)
        return list(result) if inspect.isgenerator(result) else result
    finally:
        if os.getpid() != process:
            os._exit(0)
