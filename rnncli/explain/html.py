"""The page as HTML that needs no network: the picture as SVG, drawn once for a wide window and once for a phone."""

import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from rnncli.explain.blocks import Page, unbroken_sizes
from rnncli.explain.grid import Grid, Row

# In pixels
BOX = 26  # height of a box
ROW = 34  # from a row to the next one of the same layer
ARROW = 26  # length of an arrow upwards
HEIGHTS = {"steps": 22, "output": BOX, "input": BOX, "up": ARROW, "folded": BOX}
CHARACTER = 7.3  # width of a character of 12 pixels


class Scale(NamedTuple):
    """The measures of a drawing: how many steps it has, how wide a box is, and the space beside the boxes."""

    name: str
    steps: int
    box: int
    gap: int
    margin: int


SCALES = (Scale("wide", 6, 96, 44, 88), Scale("narrow", 2, 84, 22, 60))  # the window of a desk, and of a phone


class Box(NamedTuple):
    """A box or, without a kind, a text alone. `x` is its middle, `y` its top."""

    x: float
    y: float
    width: int
    text: str
    kind: str = ""
    font: float = 12


class Drawing(NamedTuple):
    """A picture: boxes and texts, and arrows as paths with their kind."""

    name: str
    width: int
    height: int
    boxes: list[Box]
    arrows: list[tuple[str, str]]


def render(page: Page) -> Iterator[str]:
    """Return the page in pieces."""
    yield _templates().get_template("page.html").render(page=page).encode("ascii", "xmlcharrefreplace").decode()


def _drawing(grid: Grid, scale: Scale) -> Drawing:
    half, beside = scale.box / 2, scale.margin / 2
    columns = [scale.margin + half + at * (scale.box + scale.gap) for at in range(len(grid.steps(scale.steps)))]
    width, height = round(columns[-1] + half + scale.margin), ROW * grid.directions + 12  # height of a layer
    boxes: list[Box] = []
    arrows: list[tuple[str, str]] = []
    y = 0
    for row in grid.rows(scale.steps):
        cells = list(zip(columns, row.cells, strict=False))
        if row.kind == "up":
            arrows += ((f"M{x} {y + ARROW - 1}L{x} {y + 2}", "up") for x, text in cells if text)
        elif row.kind == "steps":
            boxes += (_text(x, y, scale, text) for x, text in cells)
        elif row.kind == "folded":
            boxes.append(Box(width / 2, y, width, row.name))
        elif row.kind in ("output", "input"):
            font, kind = _font(scale.box - 8, max(map(len, row.cells))), {"output": "result"}.get(row.kind, row.kind)
            boxes += (Box(x, y, scale.box, text, "" if text == "..." else kind, font) for x, text in cells)
            boxes.append(_text(beside, y, scale, row.name))
        else:
            if row.name:
                frame = f"h{scale.box}v{height}h-{scale.box}z"
                arrows += ((f"M{x - half} {y}{frame}", "frame") for x, text in cells if text != "...")
                boxes.append(_text(beside, y - 22, scale, row.name))
                y += 10
            final = columns[0 if row.kind == "reverse" else -1]
            kinds = ((x, text, f"{row.kind}{' final' * (x == final)}" if text != "..." else "") for x, text in cells)
            boxes += (Box(x, y, 34, text, kind) for x, text, kind in kinds)
            boxes += (_text(beside - 7, y, scale, row.left), _text(width - beside + 7, y, scale, row.right))
            arrows += _arrows_along(row, [scale.margin - 14, *columns, columns[-1] + half + 14], y + BOX / 2)
        y += HEIGHTS.get(row.kind, ROW)
        y += 2 if row.kind == ("reverse" if grid.directions == 2 else "forward") else 0
    return Drawing(scale.name, width, y + 2, boxes, arrows)


def _arrows_along(row: Row, points: list[float], y: float) -> Iterator[tuple[str, str]]:
    for begin, end in pairwise(points):
        begin, end = begin + 20 * (begin != points[0]), end - 20 * (end != points[-1])  # half a state's box
        begin, end = (end, begin) if row.kind == "reverse" else (begin, end)
        yield f"M{begin} {y}L{end} {y}", row.kind


def _text(x: float, y: float, scale: Scale, text: str) -> Box:
    return Box(x, y, scale.margin - 14, text, "", _font(scale.margin - 14, len(text)))


def _font(room: int, characters: int) -> float:
    return round(min(12, 12 * room / (CHARACTER * characters)), 1)


def _marked(text: str) -> Markup:
    parts = re.split(r"`([^`]*)`", unbroken_sizes(text))
    marked = [f"<code>{escape(part)}</code>" if at % 2 else str(escape(part)) for at, part in enumerate(parts)]
    return Markup("".join(marked))  # every part is escaped


@cache
def _templates() -> Environment:
    folder = FileSystemLoader(Path(__file__).parent)
    environment = Environment(
        loader=folder, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["marked"] = _marked
    environment.globals.update(drawings=lambda grid: [_drawing(grid, scale) for scale in SCALES], box_height=BOX)
    environment.tests["of_kind"] = lambda block, name: type(block).__name__ == name
    return environment
