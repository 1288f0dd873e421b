"""The page as plain text for a terminal: 80 columns, or those of a wider one."""

import re
import textwrap
from collections.abc import Iterator
from itertools import zip_longest

from rnncli.core.words import NO_BREAK
from rnncli.explain.blocks import Code, Page, Prose, Table, unbroken_sizes
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
    yield from _wrapped(page.title, width, BOLD)
    yield from _wrapped(page.axes, width)
    for section in page.sections:
        yield "", PLAIN
        yield from _wrapped(section.title, width, BOLD)
        for block in section.blocks:
            yield "", PLAIN
            match block:
                case Prose(text):
                    yield from _wrapped(text, width)
                case Code(title, text):
                    yield f"# {title}", FAINT
                    yield from ((line, PLAIN) for line in text.splitlines())
                case Table():
                    yield from _table(block, width)
                case Grid():
                    yield from picture(block, width)


def _table(block: Table, width: int) -> Iterator[Line]:
    heads = [head.removesuffix(">") for head in block.columns]
    rows = [heads, *([_protected(cell) for cell in row] for row in block.rows)]
    widths = _widths(rows, width)
    for at, row in enumerate(rows):
        folded = (_folded(cell, width) for cell, width in zip(row, widths, strict=True))
        for cells in zip_longest(*folded, fillvalue=""):
            aligned = (
                cell.rjust(width) if head.endswith(">") else cell.ljust(width)
                for cell, head, width in zip(cells, block.columns, widths, strict=True)
            )
            yield (" " * GAP).join(aligned).rstrip(), PLAIN if at else BOLD
        if at == 0:
            yield "─" * (sum(widths) + GAP * (len(widths) - 1)), FAINT


def _widths(rows: list[list[str]], width: int) -> list[int]:
    """Return the widths of columns that fit, taken from the widest one first, and no narrower than a word."""
    columns = list(zip(*rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    narrowest = [max((len(word) for cell in column for word in cell.split(" ")), default=0) for column in columns]
    while sum(widths) + GAP * (len(widths) - 1) > width and widths != narrowest:
        widths[max(range(len(widths)), key=lambda at: (widths[at] > narrowest[at], widths[at]))] -= 1
    return widths


def _wrapped(text: str, width: int, style: str = PLAIN) -> Iterator[Line]:
    return ((line, style) for line in _folded(_protected(text), width))


def _folded(text: str, width: int) -> list[str]:
    folded = textwrap.wrap(text, max(1, width), break_long_words=False, break_on_hyphens=False)
    return [line.replace(NO_BREAK, " ") for line in folded] or [""]


def _protected(text: str) -> str:
    """Return the text without backticks, in which sizes and code do not break."""
    return re.sub(r"`([^`]*)`", lambda found: found[1].replace(" ", NO_BREAK), unbroken_sizes(text))


def picture(grid: Grid, width: int = WIDTH) -> Iterator[Line]:
    """Return the lines of the picture with their styles."""
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
    line = f"{row.name.ljust(label)}{row.left} "
    for centre, text in zip(centres, row.cells, strict=True):
        begin = centre - (len(text) - 1) // 2
        line += f"{_arrow(begin - len(line) - 1, row.kind)} {text} "
    return f"{line}{_arrow(3, row.kind)} {row.right}"


def _arrow(length: int, direction: str) -> str:
    shaft = "─" * (length - 1)
    return f"◀{shaft}" if direction == "reverse" else f"{shaft}▶"
