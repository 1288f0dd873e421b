"""The page as plain text for a terminal: 80 columns, or those of a wider one."""

import re
import textwrap
from collections.abc import Iterator
from functools import singledispatch

from rnncli.explain.blocks import NO_BREAK, Code, Page, Prose, Table, unbroken_sizes
from rnncli.explain.grid import Grid, Row

WIDTH = 80
WIDEST = 120
GAP = 2
BOLD, FAINT, PLAIN = "bold", "dim", ""
STYLES = {"forward": "cyan", "reverse": "magenta"}
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
    ends = list(grid.rows(2))  # with the first step and the last, which are the widest
    states = [row for row in ends if row.kind in STYLES]
    label = max(len(row.name) for row in states) + GAP
    left = label + max(len(row.left) for row in states) + 4
    right = max(len(row.right) + (GAP if row.kind == "up" else 5) for row in ends)
    cell = max(len(cell) for row in ends for cell in row.cells) + GAP
    room = width - left - right + GAP
    most = room // cell if grid.length * cell <= room else max(1, (room - 3 - GAP) // cell)
    starts = [left]
    for t in grid.steps(most):
        starts.append(starts[-1] + (3 + GAP if t is None else cell))
    centres = [
        start + (1 if t is None else (cell - GAP - 1) // 2) for start, t in zip(starts, grid.steps(most), strict=False)
    ]
    for row in grid.rows(most):
        line = (row.name if row.kind != "folded" else f"{'...'.ljust(label)}{row.name}").ljust(left)
        if row.kind in STYLES:
            yield _walked(row, centres, label), STYLES[row.kind]
            continue
        for centre, text in zip(centres, row.cells, strict=False):
            line = line.ljust(centre - (len(text) - 1) // 2) + text
        beside = f"{line.ljust(starts[-1])}{row.right}" if row.right else line
        yield beside.rstrip(), PLAIN if row.kind in ("output", "input") else FAINT


def _walked(row: Row, centres: list[int], label: int) -> str:
    """Return the row of a layer in one direction, with its arrows."""
    line = f"{row.name.ljust(label)}{row.left} "
    for centre, text in zip(centres, row.cells, strict=True):
        begin = centre - (len(text) - 1) // 2
        line += f"{_arrow(begin - len(line) - 1, row.kind)} {text} "
    return f"{line}{_arrow(3, row.kind)} {row.right}"


def _arrow(length: int, direction: str) -> str:
    shaft = "─" * (length - 1)
    return f"◀{shaft}" if direction == "reverse" else f"{shaft}▶"
