"""The page as HTML that needs no network: the picture as SVG, drawn once for a wide window and once for a phone."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from rnncli.core.words import size
from rnncli.explain.blocks import Page
from rnncli.explain.grid import Grid, Layer
from rnncli.explain.sizes import unbroken_sizes

BOX = 26  # height of a box, in pixels
ROW = 34  # from a row to the next one of the same layer
ARROW = 26  # length of an arrow upwards
CHARACTER = 7.3  # width of a character at 12 pixels


@dataclass(frozen=True, slots=True)
class Scale:
    """The measures of a drawing in pixels: how many steps it has, how wide a box is, and the space beside the boxes."""

    name: str
    steps: int
    box: int
    gap: int
    margin: int


SCALES = (Scale("wide", 6, 96, 44, 88), Scale("narrow", 2, 84, 22, 60))


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
    text = _templates().get_template("page.html").render(page=page)
    yield text.encode("ascii", "xmlcharrefreplace").decode()


def drawings(grid: Grid) -> list[Drawing]:
    """Return the picture for a wide window and for a narrow one."""
    return [_drawing(grid, scale) for scale in SCALES]


def _drawing(grid: Grid, scale: Scale) -> Drawing:
    steps = grid.steps(scale.steps)
    columns = [scale.margin + scale.box / 2 + at * (scale.box + scale.gap) for at in range(len(steps))]
    width = round(columns[-1] + scale.box / 2 + scale.margin)
    boxes = [_text(x, 0, scale, "..." if t is None else f"t={t}") for x, t in zip(columns, steps, strict=True)]
    arrows: list[tuple[str, str]] = []
    y = 22
    boxes += _sizes(scale, columns, y, [None if t is None else grid.output_size(t) for t in steps], "result")
    boxes.append(_text(scale.margin / 2, y, scale, "output"))
    y += BOX
    for layer in grid.layers:
        if layer is None:
            arrows += _upwards(columns, steps, y)
            y += ARROW
            boxes.append(Box(width / 2, y, width, f"{grid.folded_layers:,} more layers", ""))
            y += BOX
            continue
        arrows += _upwards(columns, steps, y)
        y += ARROW
        more_boxes, more_arrows = _layer(layer, grid.state, scale, columns, steps, y)
        boxes += more_boxes
        arrows += more_arrows
        y += ROW * len(layer.rows) + 12
    arrows += _upwards(columns, steps, y)
    y += ARROW
    boxes += _sizes(scale, columns, y, [None if t is None else grid.input_size(t) for t in steps], "input")
    boxes.append(_text(scale.margin / 2, y, scale, "input"))
    return Drawing(scale.name, width, y + BOX + 2, boxes, arrows)


def _layer(
    layer: Layer, state: str, scale: Scale, columns: list[float], steps: tuple[int | None, ...], y: int
) -> tuple[list[Box], list[tuple[str, str]]]:
    """Return the boxes and arrows of a layer: a frame for each step, and in it an h for each direction."""
    boxes, arrows = [], []
    height = ROW * len(layer.rows) + 12
    for x, t in zip(columns, steps, strict=True):
        if t is not None:
            arrows.append((f"M{x - scale.box / 2} {y}h{scale.box}v{height}h-{scale.box}z", "frame"))
    boxes.append(_text(scale.margin / 2, y - 22, scale, f"layer {layer.number}"))
    for at, row in enumerate(layer.rows):
        top = y + 10 + at * ROW
        kind = "reverse" if row.reverse else "forward"
        last = 0 if row.reverse else len(steps) - 1
        for place, (x, t) in enumerate(zip(columns, steps, strict=True)):
            kind_of_box = "" if t is None else f"{kind} final" if place == last else kind
            boxes.append(Box(x, top, 34, "..." if t is None else state, kind_of_box))
        edges = [scale.margin - 14, *columns, columns[-1] + scale.box / 2 + 14]
        for here, there in pairwise(edges):
            begin = here + (20 if here in columns else 0)
            end = there - (20 if there in columns else 0)
            arrows.append((_arrow(end, begin, top) if row.reverse else _arrow(begin, end, top), kind))
        left, right = (row.end, row.start) if row.reverse else (row.start, row.end)
        boxes.append(_text((scale.margin - 14) / 2, top, scale, left))
        boxes.append(_text(columns[-1] + scale.box / 2 + (scale.margin + 14) / 2, top, scale, right))
    return boxes, arrows


def _arrow(begin: float, end: float, top: float) -> str:
    y = top + BOX / 2
    return f"M{begin} {y}L{end} {y}"


def _upwards(columns: list[float], steps: tuple[int | None, ...], y: int) -> list[tuple[str, str]]:
    return [(f"M{x} {y + ARROW - 1}L{x} {y + 2}", "up") for x, t in zip(columns, steps, strict=True) if t is not None]


def _sizes(scale: Scale, columns: list[float], y: int, sizes: list[tuple[int, ...] | None], kind: str) -> list[Box]:
    texts = ["..." if sizes_of_step is None else size(sizes_of_step) for sizes_of_step in sizes]
    font = min(12, 12 * (scale.box - 8) / (CHARACTER * max(map(len, texts))))
    return [
        Box(x, y, scale.box, text, "" if text == "..." else kind, round(font, 1))
        for x, text in zip(columns, texts, strict=True)
    ]


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
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["marked"] = _marked
    environment.globals.update(drawings=drawings, box_height=BOX)
    environment.tests["of_kind"] = lambda block, name: type(block).__name__ == name
    return environment
