"""How many gates a tensor holds the rows of, and along which axis, by its shape."""

from collections.abc import Iterable

from rnncli.candidate.experiments import View
from rnncli.candidate.names import gates_among, slot
from rnncli.candidate.trial import Sizes
from rnncli.core.cells import Cell


def divide(views: Iterable[View], sizes: Sizes, cell: Cell) -> None:
    """Tell how many gates each view holds the rows of, and take its name without that of its gate."""
    views = list(views)
    named = gates_among([view.tensor for view in views], cell)
    for view in views:
        view.cell, (view.axis, view.blocks) = cell, _rows_in(view.big, sizes, view.held.linear)
        view.big = tuple(size // view.blocks if at == view.axis else size for at, size in enumerate(view.big))
        if view.blocks == 1 and view.tensor in named:
            claim = slot(named[view.tensor][0])
            view.claim = claim._replace(kind=None) if claim.kind == "readout" else claim


def _rows_in(big: tuple[int, ...], sizes: Sizes, linear: bool) -> tuple[int, int]:
    """Return the axis of a shape along which it holds rows of gates, and of how many gates."""
    one, whole = sizes.C, sizes.gates * sizes.C
    if len(big) == 2 and one in big and (axis := _axis_of_some_gates(big, sizes, linear)) is not None:
        return axis, big[axis] // one
    if len(big) not in (1, 2) or (whole not in big and one in big):
        return (big.index(one) if one in big else 0), 1
    parts = [size for size in big if size == whole] or [size for size in big if size % one == 0 and size < whole]
    return (big.index(parts[0]), parts[0] // one) if parts else (0, 1)


def _axis_of_some_gates(big: tuple[int, ...], sizes: Sizes, linear: bool) -> int | None:
    """Return the axis along which a matrix for h holds rows of several gates, though not of all, as in (2 H, H)."""
    axis = 1 - big.index(sizes.C)
    size = big[axis]
    several = size % sizes.C == 0 and sizes.C < size < sizes.gates * sizes.C and size != sizes.I
    if linear:
        return axis if several and axis == 0 else None
    columns_of_two = sizes.layers * sizes.directions > 1  # of a layer above: [x, h], or both directions
    return axis if several and not columns_of_two else None
