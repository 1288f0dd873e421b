"""The page as plain text for a terminal: 80 columns, or those of a wider one."""

import re
import textwrap
from collections.abc import Iterator
from functools import singledispatch

from rnncli.core.words import counted, size
from rnncli.explain.blocks import Code, Page, Prose, Table
from rnncli.explain.grid import Grid, Layer
from rnncli.explain.sizes import NO_BREAK, unbroken_sizes

WIDTH = 80
WIDEST = 120
GAP = 2
BOLD, FORWARD, REVERSE, FAINT, PLAIN = "bold", "cyan", "magenta", "dim", ""
Line = tuple[str, str]  # the text, and the style it has on a terminal in colour


def render(page: Page) -> Iterator[str]:
    """Return the lines as plain text."""
    return (f"{text}\n" for text, _ in lines(page))


def lines(page: Page, width: int = WIDTH) -> Iterator[Line]:
    """Return the lines with their styles."""
    yield from ((text, BOLD) for text in _wrapped(page.title, width))
    yield from ((text, PLAIN) for text in _wrapped(page.axes, width))
    for section in page.sections:
        yield "", PLAIN
        yield from ((text, BOLD) for text in _wrapped(section.title, width))
        for block in section.blocks:
            yield "", PLAIN
            yield from _lines(block, width)


def picture(grid: Grid, width: int = WIDTH) -> Iterator[str]:
    """Return the lines of the picture as plain text."""
    return (text for text, _ in _picture(grid, width))


@singledispatch
def _lines(block: object, width: int) -> Iterator[Line]:
    raise TypeError(block, width)


@_lines.register
def _prose(block: Prose, width: int) -> Iterator[Line]:
    yield from ((text, PLAIN) for text in _wrapped(block.text, width))


@_lines.register
def _code(block: Code, width: int) -> Iterator[Line]:  # noqa: ARG001  # code is not folded
    yield f"# {block.title}", FAINT
    yield from ((text, PLAIN) for text in block.text.splitlines())


# -- tables ----------------------------------------------------------------------------------------------------------


@_lines.register
def _table(block: Table, width: int) -> Iterator[Line]:
    heads = [head.removesuffix(">") for head in block.columns]
    right = [head.endswith(">") for head in block.columns]
    rows = [[_protected(cell) for cell in row] for row in block.rows]
    widths = _widths([heads, *rows], width)
    yield from ((text, BOLD) for text in _row(heads, widths, right))
    yield "─" * (sum(widths) + GAP * (len(widths) - 1)), FAINT
    for row in rows:
        yield from ((text, PLAIN) for text in _row(row, widths, right))


def _row(cells: list[str], widths: list[int], right: list[bool]) -> Iterator[str]:
    folded = [_folded(cell, width) for cell, width in zip(cells, widths, strict=True)]
    for at in range(max(map(len, folded))):
        parts = [cell[at] if at < len(cell) else "" for cell in folded]
        aligned = [
            part.rjust(width) if to_right else part.ljust(width)
            for part, width, to_right in zip(parts, widths, right, strict=True)
        ]
        yield (" " * GAP).join(aligned).rstrip()


def _widths(rows: list[list[str]], width: int) -> list[int]:
    """Return the widths of columns that fit, taken from the widest one first, and no narrower than a word."""
    columns = list(zip(*rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    narrowest = [max((len(word) for cell in column for word in cell.split(" ")), default=0) for column in columns]
    while sum(widths) + GAP * (len(widths) - 1) > width:
        shrinkable = [at for at in range(len(widths)) if widths[at] > narrowest[at]]
        if not shrinkable:
            break
        widths[max(shrinkable, key=lambda at: widths[at])] -= 1
    return widths


def _wrapped(text: str, width: int) -> list[str]:
    return _folded(_protected(text), width)


def _folded(text: str, width: int) -> list[str]:
    folded = textwrap.wrap(text, max(1, width), break_long_words=False, break_on_hyphens=False)
    return [line.replace(NO_BREAK, " ") for line in folded] or [""]


def _protected(text: str) -> str:
    """Return the text without backticks, in which sizes and code do not break."""
    return re.sub(r"`([^`]*)`", lambda found: found[1].replace(" ", NO_BREAK), unbroken_sizes(text))


# -- the picture -----------------------------------------------------------------------------------------------------


@_lines.register
def _picture(grid: Grid, width: int) -> Iterator[Line]:
    drawn = [layer for layer in grid.layers if layer]
    rows = [row for layer in drawn for row in layer.rows]
    label = max(len(f"layer {layer.number}") for layer in drawn) + GAP
    left = label + max(len(row.end if row.reverse else row.start) for row in rows) + 4
    right = max(len(row.start if row.reverse else row.end) for row in rows) + 5
    right = max(right, *(GAP + len(_features(layer.features)) for layer in drawn))
    sizes = [size_of(t) for t in (0, grid.length - 1) for size_of in (grid.input_size, grid.output_size)]
    cell = max(len(f"t={grid.length - 1}"), *(len(size(of_step)) for of_step in sizes)) + GAP
    room = width - left - right + GAP
    most = room // cell if grid.length * cell <= room else max(1, (room - 3 - GAP) // cell)
    yield from _drawn(grid, grid.steps(most), left, cell, label)


def _drawn(grid: Grid, steps: tuple[int | None, ...], left: int, cell: int, label: int) -> Iterator[Line]:
    starts, at = [], left
    for t in steps:
        starts.append(at)
        at += 3 + GAP if t is None else cell
    centres = [start + (1 if t is None else (cell - GAP - 1) // 2) for start, t in zip(starts, steps, strict=True)]

    def labelled(name: str, cells: list[str]) -> str:
        line = name.ljust(left)
        for centre, text in zip(centres, cells, strict=True):
            line = line.ljust(centre - (len(text) - 1) // 2) + text
        return line.rstrip()

    def shown(text_of: object, fold: str = "...") -> list[str]:
        assert callable(text_of)
        return [fold if t is None else str(text_of(t)) for t in steps]

    arrows = labelled("", shown(lambda _: "▲", fold=""))
    yield labelled("", shown(lambda t: f"t={t}")), FAINT
    yield labelled("output", shown(lambda t: size(grid.output_size(t)))), PLAIN
    yield arrows, FAINT
    for layer in grid.layers:
        if layer is None:
            yield f"{'...'.ljust(label)}{grid.folded_layers:,} more layers", FAINT
            yield arrows, FAINT
            continue
        yield from _layer(layer, grid.state, steps, centres, label)
        yield f"{arrows.ljust(at)}{_features(layer.features)}", FAINT
    yield labelled("input", shown(lambda t: size(grid.input_size(t)))), PLAIN


def _layer(layer: Layer, state: str, steps: tuple[int | None, ...], centres: list[int], label: int) -> Iterator[Line]:
    for row in layer.rows:
        name = "" if row.reverse else f"layer {layer.number}"
        line = f"{name.ljust(label)}{row.end if row.reverse else row.start} "
        for centre, t in zip(centres, steps, strict=True):
            text = "..." if t is None else state
            begin = centre - (len(text) - 1) // 2
            line += f"{_arrow(begin - len(line) - 1, row.reverse)} {text} "
        yield (
            f"{line}{_arrow(3, row.reverse)} {row.start if row.reverse else row.end}",
            REVERSE if row.reverse else FORWARD,
        )


def _arrow(length: int, reverse: bool) -> str:
    """Return an arrow of some columns, along or against time."""
    shaft = "─" * (length - 1)
    return f"◀{shaft}" if reverse else f"{shaft}▶"


def _features(number: int) -> str:
    return counted(number, "feature")
