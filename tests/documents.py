"""The fenced blocks of a page: files, changes to them, sessions in a terminal, code and what it prints.

A block says what it is in its first line, where Markdown shows nothing of it but the language:

- `python title="FILE"`, `yaml title="FILE"`: a file, written where the commands of the page run.
- `diff title="FILE"`: the lines with `-` are replaced by those with `+`.
- `console`: commands. Where they begin with `$ `, what stands below them is what they print.
- `python`: code to run; a `text` block right below it is what the code prints.

A line `...` in what is printed stands for any lines.
"""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r'^```(?P<language>\w+)(?: title="(?P<title>[^"]+)")?\n(?P<text>.*?)^```$', re.M | re.S)
# Errors of 1e-5 and below are rounding, which differs between machines; so does what it does to a recurrence.
ROUNDING = re.compile(r"\d(\.\d)?e-(0[5-9]|[1-9]\d)|(?<=judged on the first )\d+|(?<=amplifies it 10x every )[\d.]+")
# What a benchmark measures; units and columns move with it.
MEASURED = re.compile(r"~?\d[\d.,]*(-[\d.]+)?%?(?: (?:[num]?s|[KM]iB)\b)?|threads?\b")


@dataclass(frozen=True)
class Block:
    """A fenced block, and the line of the page where its text begins."""

    language: str
    title: str | None
    text: str
    line: int


@dataclass(frozen=True)
class Command:
    """A line of a terminal, and what the page shows below it; None where it shows nothing."""

    words: tuple[str, ...]
    shown: str | None


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page; a fence that cannot be read is an error."""
    text = page.read_text()
    found = [
        Block(match["language"], match["title"], match["text"], text.count("\n", 0, match.start("text")) + 1)
        for match in FENCE.finditer(text)
    ]
    if 2 * len(found) != len(re.findall(r"^\s*```", text, flags=re.M)):
        raise ValueError(f"{page.name} has a fence without a language, or one that is indented")
    return found


def commands(text: str) -> list[Command]:
    """Return the commands of a console block; those without `$ ` show nothing."""
    if not text.startswith("$ "):
        return [Command(tuple(shlex.split(line)), None) for line in text.splitlines()]
    found = []
    for part in re.split(r"^\$ ", text, flags=re.M)[1:]:
        line, _, shown = part.partition("\n")
        found.append(Command(tuple(shlex.split(line)), shown or None))
    return found


def same(shown: str, printed: str, measured: bool = False) -> bool:
    """Compare a page with a screen, without the figures that differ between machines; `...` stands for any lines."""

    def stable(text: str) -> str:
        text = ROUNDING.sub("#", text)
        return re.sub(r"[ ─]+", " ", MEASURED.sub("#", text)) if measured else text

    parts = [re.escape(part) for part in re.split(r"^\.\.\.\n", stable(shown), flags=re.M)]
    return re.fullmatch(r"(?:.*\n)*?".join(parts), stable(printed)) is not None


def changed(source: str, diff: str) -> str:
    """Return a file with a change made: the lines with `-`, which are there once, replaced by those with `+`."""
    old, new = ("".join(f"{line[1:]}\n" for line in diff.splitlines() if line.startswith(sign)) for sign in "-+")
    if source.count(old) != 1:
        raise ValueError(f"not there, or not once:\n{old}")
    return source.replace(old, new)
