"""The tensors that an object holds, each once, whatever number of names it has; and how one is put in its place."""

import functools
import itertools
import math
import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.jit import ScriptModule
from torch.nn.parameter import is_lazy

_TABLES = ("_parameters", "_buffers", "_modules")
_MODULE_OWN = set(vars(nn.Module()))
_DEPTH = 7
_PLAIN = (str, bytes, int, float, complex, bool, type(None), torch.dtype, torch.device, type, types.ModuleType)
_LINEAR = (nn.Linear, nn.RNNCellBase, nn.RNNBase)
_NORMS = (nn.LayerNorm, nn.GroupNorm, nn.RMSNorm, nn.modules.batchnorm._NormBase)
_LARGE = 1e4  # gradients that a clamp would change

Path = tuple[Any, ...]  # of attributes, keys and indices


@dataclass(eq=False)
class Held:
    """A tensor of an object.

    `paths`: every place where it stands. `turned`: the places of a transposed view of it. `objects`: all that stand
    there, over the same memory. `linear`: it belongs to a linear layer or a cell of torch; `scales`: to a layer that
    normalises. `detached`: the places of tensors that need no gradient: of all of them, or of `.data` beside a
    parameter.
    """

    value: Any
    shape: tuple[int, ...]
    paths: list[Path] = field(default_factory=list)
    turned: list[Path] = field(default_factory=list)
    objects: list[Any] = field(default_factory=list)
    detached: list[Path] = field(default_factory=list)
    parameter: bool = False
    linear: bool = False
    scales: bool = False

    @property
    def names(self) -> list[str]:
        """Return its names, as attributes and keys joined by dots."""
        return [".".join(str(key) for key in path if key not in _TABLES) for path in self.paths]

    @property
    def name(self) -> str:
        return self.names[0]

    def hook_changes_gradient(self) -> bool:
        """Return whether a hook that is called when a gradient was accumulated changes it, or the parameter itself.

        The hook is called, so the object is of no further use.
        """
        hooks, own = getattr(self.value, "_post_accumulate_grad_hooks", None) or {}, self.value
        for hook in hooks.values():
            before = own.detach().clone()
            gradient = torch.linspace(-_LARGE, _LARGE, own.numel()).reshape(own.shape).to(own.dtype)
            own.grad = gradient.clone()
            hook(own)
            if own.grad is None or not torch.equal(own.grad, gradient) or not torch.equal(own, before):
                return True
        return False

    def set(self, owner: Any, value: Any) -> None:
        """Put a value everywhere the tensor stands; a parameter becomes a plain tensor, so that a gradient passes.

        Hooks that were registered on it see that gradient. Where `.data` of a parameter stands, none passes.
        """
        hooks = getattr(self.value, "_backward_hooks", None) or {}
        if hooks and value.requires_grad:
            value = value.view_as(value)  # of this call alone
            for hook in hooks.values():
                value.register_hook(hook)
        places = [*((path, value) for path in self.paths), *((path, value.T) for path in self.turned)]
        trained = len(self.detached) < len(places)
        for path, given in places:
            _put(owner, path, given.detach() if trained and path in self.detached else given)


def is_array(value: Any) -> bool:
    """Return whether a value is a tensor or a numpy array."""
    kind = type(value)  # and not `isinstance`: an object may say that it is of another class
    return issubclass(kind, Tensor) or (kind.__module__ == "numpy" and kind.__name__ == "ndarray")


def big(shape: Sequence[int]) -> tuple[int, ...]:
    """Return the sizes of a shape beside those of 1."""
    return tuple(size for size in shape if size > 1)


def held_by(made: Any) -> list[Held]:
    """Return every floating tensor or array that an object holds, in the order of its attributes."""
    found: dict[Any, Held] = {}
    _walk(made, (), None, found, set(), 0)
    return list(found.values())


class _SlicedAsLists(nn.ParameterList):
    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[k] for k in range(len(self))[index]]
        return super().__getitem__(index)


def with_own_tensors_in_slices(made: nn.Module) -> nn.Module:
    """Return a module where a slice of a ParameterList holds what the list holds.

    A slice of torch's own makes a new Parameter of each tensor that is none, which cuts its gradient off.
    """
    for one in made.modules():
        if type(one) is nn.ParameterList:
            one.__class__ = _SlicedAsLists
    return made


def _walk(value: Any, path: Path, owner: Any, found: dict[Any, Held], seen: set[int], depth: int) -> None:
    if isinstance(value, _PLAIN) or depth > _DEPTH:
        return
    if is_array(value):
        _hold(value, path, owner, found)
    elif id(value) not in seen:
        seen.add(id(value))
        for key, item in _items(value):
            _walk(item, (*path, *key), value, found, seen, depth + 1)


def _hold(value: Any, path: Path, owner: Any, found: dict[Any, Held]) -> None:
    if is_lazy(value):  # it has no shape before the first call
        return
    tensor, shape = isinstance(value, Tensor), tuple(value.shape)
    if not (value.is_floating_point() if tensor else value.dtype.kind == "f") or 0 in shape:
        return
    if not shape and not isinstance(value, nn.Parameter):  # a number; one that is trained acts as any other parameter
        return
    memory = value.data_ptr() if tensor else value.__array_interface__["data"][0]
    strides = tuple(value.stride() if tensor else value.strides)
    key = memory, str(value.dtype), math.prod(shape)
    held = found.setdefault(key, Held(value, shape))
    same = tuple(held.value.stride() if tensor else held.value.strides) == strides and held.shape == shape
    turned = not same and len(shape) == 2 and held.shape == shape[::-1]
    if not same and not turned:  # another view of the same memory: a tensor of its own
        held = found.setdefault((*key, shape, strides), Held(value, shape))
    held.detached += [] if tensor and value.requires_grad else [path]
    if turned:
        held.turned.append(path)
        return
    held.paths.append(path)
    held.objects.append(value)
    held.parameter = held.parameter or isinstance(value, nn.Parameter)
    held.linear = held.linear or isinstance(owner, _LINEAR)
    held.scales = held.scales or isinstance(owner, _NORMS)


def _items(value: Any) -> Iterator[tuple[Path, Any]]:
    """Yield what a container or an object holds, with the keys that lead to it."""
    if isinstance(value, types.MethodType | types.FunctionType):
        function: Any = getattr(value, "__func__", value)
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            try:
                yield (_Cell(name, cell),), cell.cell_contents
            except ValueError:  # not bound yet
                continue
        yield ("__self__",), getattr(value, "__self__", None)
    elif isinstance(value, functools.partial):
        yield ("keywords",), value.keywords
    elif isinstance(value, ScriptModule):  # which keeps them in C++
        named = (value.named_parameters(recurse=False), value.named_buffers(recurse=False), value.named_children())
        yield from (((name,), item) for name, item in itertools.chain(*named))
    elif isinstance(value, nn.Module):
        yield from (((table, key), item) for table in _TABLES for key, item in vars(value).get(table, {}).items())
        yield from (((key,), item) for key, item in list(vars(value).items()) if key not in _MODULE_OWN)
    elif isinstance(value, list | tuple):
        yield from (((index,), item) for index, item in enumerate(value))
    elif isinstance(value, dict) or hasattr(value, "__dict__"):
        yield from (((key,), item) for key, item in list((value if isinstance(value, dict) else vars(value)).items()))


@dataclass(frozen=True)
class _Cell:
    """A variable of an enclosing function: a place like an attribute."""

    name: str
    cell: types.CellType

    def __str__(self) -> str:
        return self.name


def _put(owner: Any, path: Path, value: Any) -> None:
    *inward, last = path
    holder = functools.reduce(_inside, inward, owner)
    if isinstance(last, _Cell):
        last.cell.cell_contents = value
    elif isinstance(holder, tuple):
        rebuilt = [*holder[:last], value, *holder[last + 1 :]]
        _put(owner, tuple(inward), type(holder)(*rebuilt) if hasattr(holder, "_fields") else tuple(rebuilt))
    elif isinstance(holder, ScriptModule):
        setattr(holder, str(last), value)
    else:
        (holder if isinstance(holder, list | dict) else vars(holder))[last] = value


def _inside(owner: Any, key: Any) -> Any:
    if isinstance(key, _Cell):
        return key.cell.cell_contents
    if isinstance(owner, list | dict | tuple):
        return owner[key]
    return vars(owner)[key] if key in getattr(owner, "__dict__", ()) else getattr(owner, key)
