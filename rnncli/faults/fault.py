"""What a table of faults is made of: conditions on a case, edits of `equations.py`, and the fault itself. No torch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from itertools import permutations
from typing import TYPE_CHECKING, NamedTuple

from rnncli.core.cells import CELLS

if TYPE_CHECKING:
    from rnncli.core.case import Case

KEPT = "outputs.append(states[0])"  # in the loop of a layer
STEP = "step"  # every step function of the cell: an RNN has two, tanh_step and relu_step


class Need(Enum):
    """A condition on a case, in words and as a test."""

    what: str
    met: "Callable[[Case], bool]"

    # To be written
    BIAS = "bias", lambda case: case.rnn.bias
    LAYERS = "num_layers 2 or more", lambda case: case.rnn.num_layers > 1
    DIRECTIONS = "bidirectional", lambda case: case.rnn.bidirectional
    PROJECTION = "proj_size above 0", lambda case: case.rnn.proj_size > 0
    BATCH_FIRST = "batch_first", lambda case: case.rnn.batch_first
    BATCHED = "layout batched", lambda case: case.input.layout == "batched"
    BATCH_AXIS = "layout batched or packed", lambda case: case.input.layout != "unbatched"
    PACKED = "layout packed", lambda case: case.input.layout == "packed"
    H_0 = "h_0 given", lambda case: case.input.h_0 != "omitted"
    DROPOUT = "dropout above 0", lambda case: case.rnn.dropout > 0
    TRAIN = "train", lambda case: case.run.train
    EVAL = "train off", lambda case: not case.run.train
    # To be seen where it is written
    GRADIENTS = "gradients", lambda case: case.run.gradients
    SEQUENCES = "2 sequences or more", lambda case: Need.BATCH_AXIS.met(case) and case.input.batch_size > 1
    TWO_STEPS = "2 steps or more", lambda case: _longest(case) > 1
    START = (
        "h_0 random, or gradients",
        lambda case: case.input.h_0 == "random" or (case.input.h_0 == "zeros" and case.run.gradients),
    )
    STATE = "2 steps or more, or h_0 random", lambda case: Need.TWO_STEPS.met(case) or Need.START.met(case)
    STEPS_OR_SEQUENCES = (
        "2 steps or 2 sequences or more",
        lambda case: max(case.input.seq_len, case.input.batch_size) > 1,
    )
    ROWS_OR_SEQUENCES = (
        "2 sequences or 2 rows of h_n or more",
        lambda case: max(case.input.batch_size, case.rnn.num_layers * case.rnn.directions) > 1,
    )
    PADDING = (
        "bias, h_0 random, or num_layers 2 or more",
        lambda case: case.rnn.bias or Need.START.met(case) or Need.LAYERS.met(case),
    )
    UNEQUAL = "unequal lengths", lambda case: len(set(case.input.sequence_lengths)) > 1
    UNSORTED = (
        "lengths not in descending order",
        lambda case: list(case.input.sequence_lengths) != sorted(case.input.sequence_lengths, reverse=True),
    )

    def __init__(self, what: str, met: "Callable[[Case], bool]") -> None:
        self.what, self.met = what, met


class Edit(NamedTuple):
    """Text that takes the place of other text in one function of `manual/equations.py`, where that stands exactly once.

    Lines after the first are indented as the line it stands in. `made_of` and `zeros` are in `manual/stepwise.py`: they
    choose the step, and make the states where none are given.
    """

    function: str
    before: str
    after: str


Forms = Mapping[str, tuple[Edit, ...]]  # edits by the name of a form


def inserted(function: str, before: str, *lines: str) -> Edit:
    """Return the edit that puts lines before the one that begins with `before`."""
    return Edit(function, before, "\n".join([*lines, before]))


def left_out(function: str, *lines: str) -> Edit:
    """Return the edit that takes lines out."""
    return Edit(function, "\n" + "\n".join(lines), "")


def orders(step: str, *lines: str, gates: str, known: dict[str, str]) -> tuple[Forms, Forms]:
    """Return the edits that read rows of gates in another order: by the names of the known ones, and all the others.

    `lines` are those of the step that cut the rows, with "{}" for each gate.
    """

    def read(order: str) -> tuple[Edit, ...]:
        return tuple(Edit(step, line.format(*gates), line.format(*order)) for line in lines)

    others = sorted({"".join(order) for order in permutations(gates)} - {gates, *known})
    return {known[order]: read(order) for order in known}, {",".join(order): read(order) for order in others}


@dataclass(frozen=True, slots=True)
class Fault:
    """One named way of writing a recurrent layer wrongly.

    `written` is what a person wrote, `shows` how it shows and when it does not, `fix` the line to change. `edits` are
    the fault itself; `forms` are, by name, those of a fault that is written in several ways, and `rare` further ones,
    which a diagnosis tries alone and not in pairs. A fault with `own_evidence` is found by what it does (raises,
    overwrites, remembers), not by the size of an error. `needs` makes it possible in a case, and `seen_with` visible,
    as far as a rule can tell; `cells` are those that can have it.
    """

    id: str
    written: str
    shows: str
    fix: str
    edits: tuple[Edit, ...] = ()
    forms: Forms = field(default_factory=dict)
    rare: Forms = field(default_factory=dict)
    needs: tuple[Need, ...] = ()
    seen_with: tuple[Need, ...] = ()
    own_evidence: bool = False
    cells: tuple[str, ...] = tuple(CELLS)

    def unmet(self, case: "Case") -> str | None:
        """Return None if the fault can be written for the case's arguments, layout and mode, else what the case lacks.

        Whether a fault that applies can also be seen depends on sizes and values, and is found by planting it.
        """
        unmet = _unmet(self.needs, case)
        return f"needs {unmet}" if unmet else None

    def unseen(self, case: "Case") -> str | None:
        """Return what a case the fault applies to lacks to see it, by rule; None where no rule says it is blind."""
        return _unmet(self.seen_with, case) or None

    def edits_as(self, form: str = "") -> tuple[Edit, ...]:
        """Return the edits of one form, without a name of the first. Raises KeyError for an unknown one."""
        return {**self.forms, **self.rare}[form] if form else self.edits or next(iter(self.forms.values()))

    def as_written(self, rare: bool = True) -> list[str]:
        """Return the id, or "ID:FORM" for each form; without the rare ones if these are not asked for."""
        forms = [f"{self.id}:{form}" for form in (*self.forms, *(self.rare if rare else ()))]
        return forms if self.forms else [self.id, *forms]


def _unmet(needs: tuple[Need, ...], case: "Case") -> str:
    return " and ".join(need.what for need in needs if not need.met(case))


def _longest(case: "Case") -> int:
    return max(case.input.sequence_lengths) if case.input.layout == "packed" else case.input.seq_len
