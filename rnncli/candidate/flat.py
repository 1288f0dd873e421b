"""A flat buffer that holds all weights, as cuDNN's: which part of it is which, told by what each element moves."""

import itertools
import math
from collections.abc import Mapping, Sequence

from rnncli.candidate.experiments import Experiments, View
from rnncli.candidate.places import Held
from rnncli.candidate.wiring import Unwired

MOST_ELEMENTS = 600  # that are looked at one by one

_MULTIPLIES = {"b": "0", "x": "x", "h": "h0"}  # the experiment in which it acts and none before it does

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
    for letter in found.pop():
        stop = start + math.prod(shapes[letter])
        lies_turned = letter != "b" and _lies_in_columns(experiments, flat, range(start, stop), shapes[letter], letter)
        views.append(View(flat, slice(start, stop), shapes[letter][::-1] if lies_turned else shapes[letter]))
        start = stop
    if s.gates > 1:
        experiments.fill_anew(flat, zeros=[view for view in views if len(view.shape) == 1])
    return views


def _act_of(experiments: Experiments, element: View) -> str:
    """Return what an element multiplies: x, or h; or b where it acts without either, and "-" where it does not act."""
    return next((letter for letter, when in _MULTIPLIES.items() if experiments.effect(element, when).any), "-")


def _lies_in_columns(experiments: Experiments, flat: Held, part: range, shape: tuple[int, ...], letter: str) -> bool:
    """Return whether a matrix lies as (columns, rows): which hidden unit an element moves tells in which row it is.

    Rows of gates lie gate by gate, or unit by unit. A square matrix lies as its neighbours do, which is told later.
    """
    s, (rows, columns) = experiments.sizes, shape
    moved = dict[int, set[int]]()
    for at in range(1, len(part), len(part) // 8):
        element = View(flat, slice(part[at], part[at] + 1), (1,))
        moved[at] = experiments.units(element, _MULTIPLIES[letter], (0,), 0, 0)

    def row_of(at: int, in_columns: bool) -> int:
        return at % rows if in_columns else at // columns

    lies = {
        in_columns
        for in_columns, by_unit in itertools.product((False, True), repeat=2)
        if all(
            units == {row // s.gates if by_unit else row % s.C}
            for row, units in ((row_of(at, in_columns), units) for at, units in moved.items() if units)
        )
    }
    return rows != columns and lies == {True}


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
