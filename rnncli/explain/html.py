"""The page as HTML that needs no network: the picture as SVG, drawn once for a wide window and once for a phone."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from rnncli.explain.blocks import Page, unbroken_sizes
from rnncli.explain.grid import Grid, Row

BOX = 26  # height of a box, in pixels
ROW = 34  # from a row to the next one of the same layer
ARROW = 26  # length of an arrow upwards
HEIGHTS = {"steps": 22, "output": BOX, "input": BOX, "up": ARROW, "folded": BOX}
CHARACTER = 7.3  # width of a character at 12 pixels


@dataclass(frozen=True, slots=True)
class Scale:
    """The measures of a drawing in pixels: how many steps it has, how wide a box is, and the space beside the boxes."""

    name: str
    steps: int
    box: int
    gap: int
    margin: int


SCALES = (Scale("wide", 6, 96, 44, 88), Scale("narrow", 2, 84, 22, 60))  # the window of a desk, and of a phone


@dataclass(frozen=True, slots=True)
class Box:
    """A box or, without a kind, a text alone. `x` is its middle, `y` its top."""

    x: float
    y: float
    width: int
    text: str
    kind: str
    font: float = 12


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture in pixels: boxes and texts, and arrows as paths with their kind."""

    name: str
    width: int
    height: int
    boxes: list[Box]
    arrows: list[tuple[str, str]]


def render(page: Page) -> Iterator[str]:
    """Return the page in pieces."""
    yield _templates().get_template("page.html").render(page=page).encode("ascii", "xmlcharrefreplace").decode()


def _drawing(grid: Grid, scale: Scale) -> Drawing:
    count = len(grid.steps(scale.steps))
    columns = [scale.margin + scale.box / 2 + at * (scale.box + scale.gap) for at in range(count)]
    width = round(columns[-1] + scale.box / 2 + scale.margin)
    boxes: list[Box] = []
    arrows: list[tuple[str, str]] = []
    y, height = 0, ROW * grid.directions + 12  # of a layer
    for row in grid.rows(scale.steps):
        cells = list(zip(columns, row.cells, strict=False))
        if row.kind == "up":
            arrows += ((f"M{x} {y + ARROW - 1}L{x} {y + 2}", "up") for x, text in cells if text)
        elif row.kind == "steps":
            boxes += (_text(x, y, scale, text) for x, text in cells)
        elif row.kind == "folded":
            boxes.append(Box(width / 2, y, width, row.name, ""))
        elif row.kind in ("output", "input"):
            font = min(12, 12 * (scale.box - 8) / (CHARACTER * max(map(len, row.cells))))
            kind = "result" if row.kind == "output" else "input"
            boxes += (Box(x, y, scale.box, text, "" if text == "..." else kind, round(font, 1)) for x, text in cells)
            boxes.append(_text(scale.margin / 2, y, scale, row.name))
        else:
            if row.name:
                frame = f"h{scale.box}v{height}h-{scale.box}z"
                arrows += ((f"M{x - scale.box / 2} {y}{frame}", "frame") for x, text in cells if text != "...")
                boxes.append(_text(scale.margin / 2, y - 22, scale, row.name))
                y += 10
            boxes += _states(row, scale, columns, y)
            arrows += _along(row, scale, columns, y)
        y += HEIGHTS.get(row.kind, ROW)
        y += 2 if row.kind == ("reverse" if grid.directions == 2 else "forward") else 0
    return Drawing(scale.name, width, y + 2, boxes, arrows)


def _states(row: Row, scale: Scale, columns: list[float], top: int) -> Iterator[Box]:
    final = columns[0 if row.kind == "reverse" else -1]
    for x, text in zip(columns, row.cells, strict=True):
        yield Box(x, top, 34, text, "" if text == "..." else f"{row.kind} final" if x == final else row.kind)
    yield _text((scale.margin - 14) / 2, top, scale, row.left)
    yield _text(columns[-1] + scale.box / 2 + (scale.margin + 14) / 2, top, scale, row.right)


def _along(row: Row, scale: Scale, columns: list[float], top: int) -> Iterator[tuple[str, str]]:
    """Return the arrows of a row, from one state to the next."""
    y = top + BOX / 2
    for here, there in pairwise([scale.margin - 14, *columns, columns[-1] + scale.box / 2 + 14]):
        begin, end = here + (20 if here in columns else 0), there - (20 if there in columns else 0)
        begin, end = (end, begin) if row.kind == "reverse" else (begin, end)
        yield f"M{begin} {y}L{end} {y}", row.kind


def _text(x: float, y: float, scale: Scale, text: str) -> Box:
    room = scale.margin - 14
    return Box(x, y, room, text, "", round(min(12, 12 * room / (CHARACTER * len(text))), 1))


def _marked(text: str) -> Markup:
    """Return a text with the code between its backticks marked as code, in which no size breaks."""
    parts = re.split(r"`([^`]*)`", unbroken_sizes(text))
    marked = [f"<code>{escape(part)}</code>" if at % 2 else str(escape(part)) for at, part in enumerate(parts)]
    return Markup("".join(marked))  # every part is escaped


@cache
def _templates() -> Environment:
    folder = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=folder, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.lstrip_blocks = True
    environment.filters["marked"] = _marked
    environment.globals.update(drawings=lambda grid: [_drawing(grid, scale) for scale in SCALES], box_height=BOX)
    environment.tests["of_kind"] = lambda block, name: type(block).__name__ == name
    return environment
