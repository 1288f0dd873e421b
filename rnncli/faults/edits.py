"""Faults as text: the functions of the equations with the edits of some faults in them, and the lines that differ.

The text is that of `manual/equations.py` and `manual/stepwise.py`, which chooses the step. No torch.
"""

import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path
from typing import NamedTuple

from rnncli.faults.fault import STEP, Edit

STEP_FUNCTIONS = {"RNN": ("tanh_step", "relu_step"), "GRU": ("gru_step",), "LSTM": ("lstm_step",)}
HEAD = ""  # what stands before the first function: imports and types
FILES = ("equations.py", "stepwise.py")
NEAR = 1  # up to twice as many lines between two changes are shown with them


class Hunk(NamedTuple):
    """Text that takes the place of what stands from `start` to `end` in a function."""

    function: str
    start: int
    end: int
    text: str

    def meets(self, other: "Hunk") -> bool:
        """Return whether both change the same words."""
        return self.function == other.function and self.start < other.end and other.start < self.end


@cache
def functions() -> dict[str, str]:
    """Return the functions of the equations by name, in their order; under HEAD what stands before them."""
    folder, found = Path(__file__).parent.parent / "manual", {HEAD: ""}
    for name in FILES:
        head, *rest = re.split(r"^(?=def )", (folder / name).read_text(encoding="utf-8"), flags=re.MULTILINE)
        found[HEAD] += re.sub(r"^from \.equations import .*\n", "", head, flags=re.MULTILINE)
        found |= {text[len("def ") : text.index("(")]: text for text in rest}
    return found


def edited(faults: Iterable[Sequence[Edit]], cell: str = "RNN") -> dict[str, str]:
    """Return the functions that the edits of some faults change; of two that change the same words, the first is made.

    Raises ValueError if an edit does not match exactly once.
    """
    made: list[Hunk] = []
    for edits in faults:
        hunks = [
            _hunk(edit, name)
            for edit in edits
            for name in (STEP_FUNCTIONS[cell] if edit.function == STEP else [edit.function])
        ]
        hunks = [hunk for hunk in hunks if hunk not in made]
        made += [] if any(one.meets(other) for one in hunks for other in made) else hunks
    return {name: _replaced(name, made) for name in dict.fromkeys(hunk.function for hunk in made)}


def difference(edits: Sequence[Edit], step: str = "tanh_step") -> tuple[str, ...]:
    """Return the lines of the equations with a fault ("- ...") and without it ("+ ..."), and "..." between places.

    `step` is the step that is looked at: those of an RNN differ in their activation alone.
    """
    cell = next(cell for cell, steps in STEP_FUNCTIONS.items() if step in steps)
    told: list[str] = []
    for name, text in edited([edits], cell).items():
        if name in STEP_FUNCTIONS[cell] and name != step:
            continue
        wrong, right = (re.sub("  # .*", "", version).splitlines() for version in (text, functions()[name]))
        for group in SequenceMatcher(None, wrong, right, autojunk=False).get_grouped_opcodes(NEAR):
            told += ["..."] if told else []
            inner = [code for n, code in enumerate(group) if code[0] != "equal" or 0 < n < len(group) - 1]
            for tag, a, b, c, d in inner:
                told += [f"{' ' if tag == 'equal' else '-'} {line}" for line in wrong[a:b]]
                told += [f"+ {line}" for line in right[c:d] if tag != "equal"]
    margin = min((len(line) - len(line[1:].lstrip()) - 1 for line in told if line != "..."), default=0)
    return tuple(line if line == "..." else line[:2] + line[1 + margin :] for line in told)


@cache
def _hunk(edit: Edit, function: str) -> Hunk:
    """Return the smallest change: what the two texts begin and end with stays."""
    text = functions()[function]
    lead = edit.before.strip("\n").partition("\n")[0]
    line = next((line for line in text.split("\n") if lead in line), "")
    indent = "\n" + line[: len(line) - len(line.lstrip())]
    before, after = edit.before.replace("\n", indent), edit.after.replace("\n", indent)
    if text.count(before) != 1:
        raise ValueError(f"{edit.before!r} stands {text.count(before)} times in {function}, not once")
    start = text.index(before) + (same := _common_length(before, after))
    before, after = before[same:], after[same:]
    ends = _common_length(before[::-1], after[::-1])
    return Hunk(function, start, start + len(before) - ends, after[: len(after) - ends])


def _common_length(one: str, other: str) -> int:
    shorter = min(len(one), len(other))
    return next((n for n in range(shorter) if one[n] != other[n]), shorter)


def _replaced(function: str, hunks: Iterable[Hunk]) -> str:
    text = functions()[function]
    for hunk in sorted((hunk for hunk in hunks if hunk.function == function), key=lambda hunk: hunk[1:3], reverse=True):
        text = text[: hunk.start] + hunk.text + text[hunk.end :]
    return text
