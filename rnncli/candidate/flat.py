"""A flat buffer that holds all weights, as cuDNN's: which part of it is which, told by what each element moves."""

import itertools
import math
from collections.abc import Mapping, Sequence

from rnncli.candidate.experiments import Experiments, View
from rnncli.candidate.places import Held
from rnncli.candidate.wiring import Unwired

MOST_ELEMENTS = 600  # that are looked at one by one

Shapes = Mapping[str, tuple[int, ...]]


def parts_of_flat(experiments: Experiments, flat: Held) -> list[View]:
    """Return the parts of a flat buffer, each with the shape of a weight of torch. Raises Unwired."""
    s, told = experiments.sizes, f"{flat.name} {flat.shape}"
    if flat.shape[0] > MOST_ELEMENTS or s.rows > 1:
        raise Unwired(f"{told} holds many weights at once, of several layers or directions")
    if s.gates > 1:
        experiments.fill_anew(flat)  # where all is zero, gates have no effect
    acts = "".join(_act_of(experiments, View(flat, slice(at, at + 1), (1,))) for at in range(flat.shape[0]))
    rows = s.gates * s.C
    shapes = {"x": (rows, s.I), "h": (rows, s.H), "b": (rows,)}
    biases = (len(acts) - rows * (s.I + s.H)) // rows
    orders = itertools.permutations("xh" + "b" * biases) if biases <= 2 else ()
    found = {order for order in orders if _is_in_order(acts, order, shapes)}
    if len(found) != 1:
        raise Unwired(f"{told}: its elements act in no order of a matrix for x, one for h, and biases")
    views, start = [], 0
    for shape in (shapes[letter] for letter in found.pop()):
        views.append(View(flat, slice(start, start + math.prod(shape)), shape))
        start += math.prod(shape)
    if s.gates > 1:
        experiments.fill_anew(flat, zeros=[view for view in views if len(view.shape) == 1])
    return views


def _act_of(experiments: Experiments, element: View) -> str:
    """Return what an element multiplies: x, or h; or b where it acts without either, and "-" where it does not act."""
    conditions = {"b": "0", "x": "x", "h": "h0"}
    return next((letter for letter, when in conditions.items() if experiments.effect(element, when).any), "-")


def _is_in_order(acts: str, order: Sequence[str], shapes: Shapes) -> bool:
    """Return whether parts in an order are what the elements say: a matrix for x, one for h, or a bias.

    Without effect is an element of a bias that is left out, or of a gate whose product is zero; what is added to a gate
    that multiplies h alone acts as the weights of h do.
    """
    may_be, start = {"x": "x-", "h": "h-", "b": "bh-"}, 0
    for letter in order:
        part = acts[start : start + math.prod(shapes[letter])]
        start += len(part)
        left_out = letter == "b" and set(part) == {"-"}
        if not set(part) <= set(may_be[letter]) or (letter not in part and not left_out):
            return False
    return start == len(acts)
