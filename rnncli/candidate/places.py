"""The tensors that an object holds, each once, whatever number of names it has; and how one is put in its place."""

import functools
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

_MODULE_OWN = set(vars(nn.Module())) - {"_parameters", "_buffers", "_modules"}
_DEPTH = 7
_PLAIN = (str, bytes, int, float, complex, bool, type(None), torch.dtype, torch.device, type, types.ModuleType)
_LINEAR = (nn.Linear, nn.RNNCellBase, nn.RNNBase)


@dataclass(eq=False)
class Held:
    """A tensor of an object. `paths`: every place where it stands. `owners`: the modules it is a parameter of."""

    value: Any
    paths: list[tuple[Any, ...]] = field(default_factory=list)
    turned: list[tuple[Any, ...]] = field(default_factory=list)  # places of a transposed view of it
    others: list[Any] = field(default_factory=list)  # further objects over the same memory
    parameter: bool = False
    linear: bool = False

    @property
    def names(self) -> list[str]:
        """Its names, as attributes and keys joined by dots."""
        return [".".join(str(key) for key in path if key not in ("_parameters", "_buffers", "_modules"))
                for path in self.paths]  # fmt: skip

    @property
    def name(self) -> str:
        """The name that says the most: nn.RNN's own, else the first."""
        return self.names[0]

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.value.shape)

    def set(self, owner: Any, value: Any) -> None:
        """Put a value everywhere the tensor stands; a parameter becomes a plain tensor, so that a gradient passes."""
        for path in self.paths:
            _put(owner, path, value)
        for path in self.turned:
            _put(owner, path, value.T)


def is_array(value: Any) -> bool:
    """Return whether a value is a tensor or a numpy array."""
    kind = type(value)  # and not `isinstance`: an object may say that it is of another class
    return issubclass(kind, Tensor) or (kind.__module__ == "numpy" and kind.__name__ == "ndarray")


def held_by(made: Any) -> list[Held]:
    """Return every floating tensor or array that an object holds, in the order of its attributes."""
    found: dict[Any, Held] = {}
    seen: set[int] = set()
    _walk(made, (), False, found, seen, 0)
    return list(found.values())


def _walk(value: Any, path: tuple[Any, ...], linear: bool, found: dict[Any, Held], seen: set[int], depth: int) -> None:
    if isinstance(value, _PLAIN) or depth > _DEPTH:
        return
    if is_array(value):
        if _is_weight(value):
            key = _memory(value)
            held = found.setdefault(key, Held(value))
            same = tuple(held.value.shape) == tuple(value.shape) and _strides(held.value) == _strides(value)
            if not same and value.ndim == 2 and tuple(held.value.shape) == tuple(value.shape)[::-1]:
                held.turned.append(path)
                return
            if not same:  # another view of the same memory: a tensor of its own
                held = found.setdefault((*key, tuple(value.shape), _strides(value)), Held(value))
            held.paths.append(path)
            held.others.append(value)
            held.parameter = held.parameter or isinstance(value, nn.Parameter)
            held.linear = held.linear or linear
        return
    if id(value) in seen:
        return
    seen.add(id(value))
    linear = isinstance(value, _LINEAR)
    for key, item in _items(value):
        _walk(item, (*path, *key), linear, found, seen, depth + 1)


def _is_weight(value: Any) -> bool:
    if isinstance(value, Tensor):
        return value.is_floating_point() and value.numel() > 0 and value.dim() > 0
    return bool(value.dtype.kind == "f" and value.size and value.ndim)


def _memory(value: Any) -> Any:
    """What two names of one tensor share: where it lies in memory, and how much of it."""
    if isinstance(value, Tensor):
        return value.data_ptr(), value.dtype, value.numel()
    return value.__array_interface__["data"][0], str(value.dtype), value.size


def _strides(value: Any) -> tuple[int, ...]:
    return tuple(value.stride()) if isinstance(value, Tensor) else tuple(value.strides)


def _items(value: Any) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Yield what a container or an object holds, with the keys that lead to it."""
    if isinstance(value, nn.Module):
        for table in ("_parameters", "_buffers", "_modules"):
            for key, item in vars(value).get(table, {}).items():
                yield (table, key), item
        for key, item in list(vars(value).items()):
            if key not in _MODULE_OWN and key not in ("_parameters", "_buffers", "_modules"):
                yield (key,), item
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield (index,), item
    elif isinstance(value, dict):
        for key, item in list(value.items()):
            yield (key,), item
    elif isinstance(value, functools.partial):
        yield ("keywords",), value.keywords
    elif isinstance(value, types.FunctionType | types.MethodType):
        function = value.__func__ if isinstance(value, types.MethodType) else value
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            try:
                yield (_Cell(name, cell),), cell.cell_contents
            except ValueError:  # not bound yet
                continue
        if isinstance(value, types.MethodType):
            yield ("__self__",), value.__self__
    elif hasattr(value, "__dict__") and not isinstance(value, nn.Parameter):
        for key, item in list(vars(value).items()):
            yield (key,), item


class _Cell:
    """A variable of an enclosing function: a place like an attribute."""

    def __init__(self, name: str, cell: types.CellType) -> None:
        self.name, self.cell = name, cell

    def __str__(self) -> str:
        return self.name


def _put(owner: Any, path: tuple[Any, ...], value: Any) -> None:
    *inward, last = path
    trail = [owner]
    for key in inward:
        trail.append(_inside(trail[-1], key))
    holder = trail[-1]
    if isinstance(last, _Cell):
        last.cell.cell_contents = value
    elif isinstance(holder, tuple):
        rebuilt = [*holder[:last], value, *holder[last + 1 :]]
        _put(owner, tuple(inward), type(holder)(*rebuilt) if hasattr(holder, "_fields") else tuple(rebuilt))
    elif isinstance(holder, list | dict):
        holder[last] = value
    elif isinstance(holder, nn.Module) or hasattr(holder, "__dict__"):
        vars(holder)[last] = value
    else:
        setattr(holder, last, value)


def _inside(owner: Any, key: Any) -> Any:
    if isinstance(key, _Cell):
        return key.cell.cell_contents
    if isinstance(owner, list | dict | tuple):
        return owner[key]
    return vars(owner)[key] if hasattr(owner, "__dict__") and key in vars(owner) else getattr(owner, key)
