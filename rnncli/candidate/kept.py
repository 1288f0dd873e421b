"""What a candidate's file keeps between calls, put back as it was when it was imported."""

import inspect
from collections import deque
from types import ModuleType
from typing import Any

from torch import Tensor

_PLAIN = (int, float, str, tuple, type(None), Tensor)
_HOLDERS = (dict, list, set, deque)


class Kept:
    """The plain values of a module, and of its functions and classes, and what their lists and dicts hold: those that
    are the default of an argument, too.

    The calls that a candidate is read by count, cache and append as any call does; a verdict is on the calls after an
    import. A tensor that is written into stays as it is.
    """

    def __init__(self, module: Any) -> None:
        names = vars(module).values() if isinstance(module, ModuleType) else ()
        own = [one for one in names if _is_defined_in(one, module)]
        self._owners = [module, *own] if names else []
        self._values = [
            {name: value for name, value in vars(owner).items() if not name.startswith("__")} for owner in self._owners
        ]
        values = [value for owner in self._owners for value in vars(owner).values()]
        defaults = [value for one in values if inspect.isfunction(one) for value in one.__defaults__ or ()]
        plain = [value for kept in self._values for value in kept.values()]
        self._held = [(value, value.copy()) for value in [*plain, *defaults] if type(value) in _HOLDERS]

    def put_back(self) -> None:
        """Put back each plain value that is another one now, and what each list, dict and set held."""
        for owner, values in zip(self._owners, self._values, strict=True):
            for name, value in values.items():
                if type(value) in _PLAIN + _HOLDERS and vars(owner).get(name, self) is not value:
                    setattr(owner, name, value)
        for holder, before in self._held:
            if not _holds_the_same(holder, before):
                holder.clear()
                (holder.extend if isinstance(holder, list | deque) else holder.update)(before)


def _is_defined_in(value: Any, module: ModuleType) -> bool:
    return (inspect.isfunction(value) or inspect.isclass(value)) and value.__module__ == module.__name__


def _holds_the_same(holder: Any, before: Any) -> bool:
    """Return whether a holder has the very values that it had before."""
    if isinstance(holder, dict):
        return [*map(id, holder), *map(id, holder.values())] == [*map(id, before), *map(id, before.values())]
    return [*map(id, holder)] == [*map(id, before)]
