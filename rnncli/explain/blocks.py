"""A page as data: sections of prose, tables, code and the picture. Every format renders these and nothing else.

In all texts, code stands between backticks.
"""

import re
from typing import NamedTuple

from rnncli.core.words import NO_BREAK
from rnncli.explain.grid import Grid


class Prose(NamedTuple):
    """A paragraph."""

    text: str


class Table(NamedTuple):
    """Rows under column heads; a column whose head ends in ">" is right-aligned."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Code(NamedTuple):
    """Python to be copied, under a line that says what it is."""

    title: str
    text: str


Block = Prose | Table | Code | Grid


class Section(NamedTuple):
    """A heading and what stands below it."""

    title: str
    blocks: tuple[Block, ...]


class Page(NamedTuple):
    """A title, a line about the axes, and the sections in reading order."""

    title: str
    axes: str
    sections: tuple[Section, ...]


def unbroken_sizes(text: str) -> str:
    """Return the text with no-break spaces in its sizes: (10, 40), (N=10, H_in=20)."""
    return re.sub(r"\([\w=*]+(?:, [\w=*]+)+\)", lambda found: found[0].replace(" ", NO_BREAK), text)
