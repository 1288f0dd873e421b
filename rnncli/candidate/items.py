"""What stands in a candidate's result: tensors and lists of them, each with its path."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rnncli.candidate.convention import EACH, EACH_OF_EACH, Path
from rnncli.candidate.names import is_cell_state, role
from rnncli.candidate.places import is_array

KEY_STEMS = {"output": r"out|seq|all|ys", "h_n": r"hidden|state|final|last|h_?n|^h"}


@dataclass(eq=False)
class Item:
    """A tensor of a result, and its axes as output, as each state, and as the output of a head; None where not."""

    path: Path
    value: Any
    output: str | None
    finals: tuple[str | None, ...]
    of_head: str | None

    @property
    def final(self) -> str | None:
        """Return the axes that it has as one of the states."""
        return next((axes for axes in self.finals if axes), None)


def in_one_list(items: list[tuple[Path, Any]], states: int) -> list[tuple[Path, Any]]:
    """Return items with one list of what a list for each layer holds: lists, or pairs, of both directions.

    `states`: of a cell; where there are several, each direction has a tuple of them.
    """
    found = list[tuple[Path, Any]]()
    for path, value in items:
        layers = value if isinstance(value, list | tuple) else ()
        nested = bool(layers) and all(isinstance(one, list | tuple) and len(one) == 2 for one in layers)
        nested = nested and all(isinstance(one, tuple) == (states > 1) for both in layers for one in both)
        found.append(((*path, EACH_OF_EACH), [one for both in value for one in both]) if nested else (path, value))
    return found


def items_of(returned: Any, steps: int, states: int) -> list[tuple[Path, Any]]:
    """Return what stands in a result, by its path: the tensor itself, the items of a tuple, a dict or a record.

    Of a list over time of (h, c), the list of all h and that of all c.
    """
    listed = isinstance(returned, list) and len(returned) == steps > 1
    pairs = listed and states > 1 and all(isinstance(one, tuple) and len(one) == states for one in returned)
    if pairs and all(is_array(value) for one in returned for value in one):
        return [((EACH, index), [one[index] for one in returned]) for index in range(states)]
    over_time = listed and all(map(is_array, returned))
    if is_array(returned) or over_time or isinstance(returned, float):
        return [((), returned)]
    if isinstance(returned, dict):
        return [((key,), value) for key, value in returned.items()]
    if names := getattr(returned, "_fields", None) or getattr(returned, "__dataclass_fields__", None):
        return [((name,), getattr(returned, name)) for name in names]
    return [((index,), value) for index, value in enumerate(returned)] if isinstance(returned, list | tuple) else []


def inner(items: list[tuple[Path, Any]]) -> list[tuple[Path, Any]]:
    """Return the tensors that stand first in a tuple of a result, or in a dict under the name of a state."""
    found: list[tuple[Path, Any]] = []
    for path, value in items:
        if isinstance(value, tuple):
            found += [((*path, 0), item) for item in value[:1] if is_array(item)]
        elif isinstance(value, dict):
            named = [(key, item) for key, item in value.items() if is_array(item) and isinstance(key, str)]
            found += [((*path, key), item) for key, item in named if re.search(KEY_STEMS["h_n"], key.lower())]
    return found


def names_states(names: Iterable[Any], count: int) -> bool:
    """Return whether names are those of h and of c, if there is one; those of gates are not, though one may be c."""
    texts = [name for name in names if isinstance(name, str)]
    return any(role(name) == "state" for name in texts) and (count == 1 or any(map(is_cell_state, texts)))


def after_h(name: Any) -> bool:
    return isinstance(name, str) and is_cell_state(name)


def is_tensor_like(value: Any) -> bool:
    if isinstance(value, list | tuple):  # an empty list: outputs that were never collected
        alike = all(map(is_array, value)) and len({tuple(item.shape) for item in value}) == 1
        return alike or value == []
    return is_array(value) or isinstance(value, float)


def shape_of(value: Any) -> tuple[int, ...]:
    return tuple(value.shape) if is_array(value) else ()


def shown(returned: Any) -> str:
    """Return what was returned, in short."""
    if is_array(returned):
        return f"a tensor of shape {tuple(returned.shape)}"
    if returned is None:
        return "None"
    if isinstance(returned, tuple | list) and len(returned) <= 4:
        return f"({', '.join(shown(item) for item in returned)})"
    return f"a {type(returned).__name__}"
