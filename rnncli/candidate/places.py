"""Where the tensors of an object are, and which of nn.RNN's parameters each of them stands for.

nn.RNN's own names say it. Other names are believed as far as shapes agree: at sizes that are pairwise distinct the
shape of a matrix tells what it multiplies, and how it lies.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from torch import Tensor, nn

from rnncli.candidate.names import slot

TRIAL_INPUT, TRIAL_HIDDEN, TRIAL_OUTPUT = 5, 7, 9  # sizes at which a class shows what its tensors are
EXACT = re.compile(r"(weight|bias)_(ih|hh)_l(\d+)(_reverse)?$")


class Place:
    """A tensor of an object: where it is, and what it stands for. `stacked`: for one direction after the other."""

    def __init__(self, name: str, path: tuple[Any, ...], shape: tuple[int, ...], linear: bool) -> None:
        self.name, self.path, self.shape, self.linear = name, path, shape, linear
        self.kind, self.layer, self.reverse, self.transposed, self.stacked = "", 0, False, False, False
        self.numbers = [int(number) for number in re.findall(r"(?<![a-z])\d+|(?<=_)\d+|(?<=[a-z])\d+$", name.lower())]

    def set(self, owner: Any, value: Any) -> None:
        """Put a value there: differentiable, so no longer as a parameter."""
        *inward, last = self.path
        for key in inward:
            owner = _inside(owner, key)
        if isinstance(owner, nn.Module) and last in owner._parameters:
            owner._parameters[last] = value  # where named_parameters() finds it too
            if isinstance(owner, nn.RNNBase):
                owner._flat_weights = [owner._parameters[name] for name in owner._flat_weights_names]
        elif isinstance(owner, nn.Module) and last in owner._buffers:
            owner._buffers[last] = value
        elif isinstance(owner, list | dict):
            owner[last] = value
        else:
            setattr(owner, last, value)


def planned(places: Sequence[Place], layers: int, directions: int, placement: int = 0) -> list[Place]:
    """The places that are weights, by name where it is nn.RNN's, else by shape, and by name where shapes are equal."""
    used = [place for place in places if _named(place)]
    _placed([place for place in used if not EXACT.search(place.name)], layers, directions, placement)
    _shaped(used, directions)
    return [place for place in used if place.kind]


def biases_of(plan: Sequence[Place]) -> int:
    """How many biases a layer has in a direction."""
    return sum(place.kind.startswith("bias") for place in plan if place.layer == 0 and not place.reverse)


def places_of(made: Any) -> list[Place]:
    found = []
    modules = made.named_modules() if isinstance(made, nn.Module) else [("", made)]
    for prefix, owner in modules:
        path = tuple(prefix.split(".")) if prefix else ()
        linear = isinstance(owner, nn.Linear)
        own = {**getattr(owner, "_parameters", {}), **getattr(owner, "_buffers", {})}
        own |= {key: value for key, value in vars(owner).items() if not (key.startswith("_") and prefix)}
        for key, value in own.items():
            if key in ("_parameters", "_buffers", "_modules", "_flat_weights") or key.startswith("_state_dict"):
                continue
            for inner, item in _items(value):
                name = ".".join(map(str, (*path, key, *inner)))
                found.append(Place(name, (*path, key, *inner), tuple(item.shape), linear))
            if not isinstance(made, nn.Module) and hasattr(value, "__dict__") and not callable(value):
                found += [
                    Place(f"{key}.{place.name}", (key, *place.path), place.shape, place.linear)
                    for place in places_of(value)
                ]
    return found


def shapes_of(made: Any) -> str:
    return ", ".join(f"{place.name} {place.shape}" for place in places_of(made)[:6]) or "it has none"


def is_array(value: Any) -> bool:
    return isinstance(value, Tensor) or (type(value).__module__ == "numpy" and type(value).__name__ == "ndarray")


def _inside(owner: Any, key: Any) -> Any:
    if isinstance(owner, nn.Module):
        return owner._modules[key] if key in owner._modules else getattr(owner, key)
    return owner[key] if isinstance(owner, list | dict | tuple) else getattr(owner, key)


def _items(value: Any) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if is_array(value):
        yield (), value
    elif isinstance(value, list):
        for index, item in enumerate(value):
            for inner, array in _items(item):
                yield (index, *inner), array
    elif isinstance(value, dict):
        for key, item in value.items():
            for inner, array in _items(item):
                yield (key, *inner), array


def _placed(places: Sequence[Place], layers: int, directions: int, placement: int) -> None:
    """The layer and the direction of each place, by the words and numbers in its name."""
    owners = {place.name.partition(".")[0].lower() for place in places}
    if directions == 2 and not any(place.reverse for place in places):
        for pair in (("f", "b"), ("l", "r")):  # self.f and self.b: two cells
            if set(pair) <= owners:
                for place in places:
                    place.reverse = place.name.lower().startswith(f"{pair[1]}.")
    by_name = any(place.reverse for place in places)
    first = min((place.layer for place in places), default=0) if layers > 1 else 0
    for place in places:
        number = place.layer - first
        if directions == 2 and not by_name and len(place.numbers) > 1:
            one, other = place.numbers[-2:]
            place.layer, place.reverse = (other, one == 1) if placement == 0 else (one, other == 1)
        elif directions == 2 and not by_name:
            place.layer, reverse = divmod(number, 2) if placement == 0 else (number % layers, number // layers)
            place.reverse = reverse == 1
        else:
            place.layer = number
        place.layer = 0 if layers == 1 else place.layer


def _named(place: Place) -> bool:
    exact = EXACT.search(place.name)
    if exact:
        place.kind, place.layer, place.reverse = f"{exact[1]}_{exact[2]}", int(exact[3]), exact[4] is not None
        return True
    meant = slot(place.name)
    place.kind, place.layer, place.reverse = meant.kind or "", meant.layer or 0, meant.reverse
    return bool(meant.kind) or TRIAL_HIDDEN in place.shape


def _shaped(places: Sequence[Place], directions: int) -> None:
    """The kind of each place by its shape; its orientation."""
    hidden = TRIAL_HIDDEN
    groups: dict[tuple[int, bool], set[str]] = {}
    by_stem: dict[str, str] = {}  # what the first layer shows of a name without its number
    turned: bool | None = None
    for place in sorted(places, key=lambda place: place.layer):
        if EXACT.search(place.name):
            continue
        stem = re.sub(r"\d+", "#", place.name)
        features = TRIAL_INPUT if place.layer == 0 else hidden * directions
        shape = tuple(size for size in place.shape if size != 1)
        place.stacked = directions == 2 and len(shape) > 1 and shape[0] == 2
        shape = shape[1:] if place.stacked else shape
        have = groups.setdefault((place.layer, place.reverse), set())
        named = place.kind
        if TRIAL_OUTPUT in shape:
            place.kind = "readout"
        elif shape in ((hidden, features + hidden), (features + hidden, hidden)):
            place.kind, place.transposed = "weight", shape[0] != hidden
        elif len(shape) == 2 and set(shape) == {hidden, features} and features != hidden:
            place.kind, place.transposed = by_stem.setdefault(stem, "weight_ih"), shape[0] != hidden
            turned = place.transposed if turned is None else turned
        elif shape == (hidden, hidden):
            other = "weight_hh" if features != hidden or "weight_ih" in have else "weight_ih"
            place.kind = (
                named if named in ("weight_ih", "weight_hh") and (named == "weight_hh" or features == hidden) else other
            )
            place.kind = by_stem.setdefault(stem, place.kind)
            place.transposed = bool(turned) and not place.linear
        elif shape == (hidden,):
            place.kind = named if named.startswith("bias") else "bias"
            continue
        else:
            place.kind = ""
        if place.kind in have and place.kind != "readout":  # a second one: a state that is kept, a readout of that size
            place.kind = ""
        have.add(place.kind)
    _paired(places)


def _paired(places: Sequence[Place]) -> None:
    """Of two biases of a layer and direction, one is b_ih and the other b_hh: which is the same function."""
    by_group: dict[tuple[int, bool], list[Place]] = {}
    for place in places:
        if place.kind.startswith("bias"):
            by_group.setdefault((place.layer, place.reverse), []).append(place)
    for group in by_group.values():
        if len(group) > 1 and len({place.kind for place in group[:2]} & {"bias_ih", "bias_hh"}) < 2:
            swapped = group[0].kind == "bias_hh" or group[1].kind == "bias_ih"
            group[0].kind, group[1].kind = ("bias_hh", "bias_ih") if swapped else ("bias_ih", "bias_hh")
        for further in group[2:]:
            further.kind = ""
