"""The fault catalogue: every named way of writing a recurrent layer wrongly, and where it can happen.

The tables are in `rnn.py`, `gru.py` and `lstm.py`; reading them costs no torch. `bias_ih` and `bias_hh` swapped is the
same function, and so not a fault.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rnncli.core.records import Diagnosis
from rnncli.faults import gru, lstm, rnn
from rnncli.faults.edits import STEP_FUNCTIONS, difference
from rnncli.faults.fault import Edit, Fault

if TYPE_CHECKING:
    from rnncli.core.case import Case

GATED = {"RNN": (), "GRU": gru.FAULTS, "LSTM": lstm.FAULTS}


def _worded(fault: Fault, cell: str) -> Fault:
    """Return a fault as one of a cell: without the equation of an RNN's step, with nn.LSTM where nn.RNN is said, and
    with the forms of one of two states.
    """
    if cell == "RNN":
        return fault
    shows, fix = (text.replace("nn.RNN", f"nn.{cell}") for text in (fault.shows, fault.fix))
    rare = {**fault.rare, **(lstm.OF_ONE_STATE.get(fault.id, {}) if cell == "LSTM" else {})}
    return replace(fault, written=fault.written.partition(": h = tanh(")[0], shows=shows, fix=fix, rare=rare)


CATALOGUES: dict[str, dict[str, Fault]] = {
    cell: {fault.id: _worded(fault, cell) for fault in (*rnn.FAULTS, *own) if cell in fault.cells}
    for cell, own in GATED.items()
}
CATALOGUE = CATALOGUES["RNN"]


def edits_of(ids: Iterable[str], cell: str = "RNN") -> list[Sequence[Edit]]:
    """Return the edits of faults, in the order of the catalogue; an id may name a form, as in "ID:FORM".

    Raises KeyError for an unknown id or form.
    """
    order, found = list(CATALOGUES[cell]), dict[tuple[int, str], Sequence[Edit]]()
    for id in ids:
        name, _, form = id.partition(":")
        found[order.index(name), id] = CATALOGUES[cell][name].edits_as(form)
    return [found[place] for place in sorted(found)]


def blind_spots(case: "Case") -> str | None:
    """Return a line that names the faults a case is blind to by rule, and what it lacks; None where there are none.

    Whether it sees the others depends on values too: `power` plants them all.
    """
    if case.input.layout != "unbatched" and case.input.batch_size == 0:
        return None  # nothing is compared at all, and the checks say so
    lacking: dict[str, list[str]] = {}
    for fault in CATALOGUES[case.rnn.cell].values():
        if fault.unmet(case) is None and (missing := fault.unseen(case)):
            lacking.setdefault(missing, []).append(fault.id)
    if not lacking:
        return None
    said = "; ".join(f"{', '.join(ids)} (needs {missing})" for missing, ids in lacking.items())
    return f"this case cannot see {said}; rnncli power plants all faults and says what to change"


def named(id: str, evidence: str, case: "Case | None" = None) -> Diagnosis:
    """Return the diagnosis that is a fault of the catalogue; an id may name a form, as in "ID:FORM".

    `case` tells the cell, and the step whose lines are shown. Raises KeyError for an unknown id or form.
    """
    cell, nonlinearity = ("RNN", "tanh") if case is None else (case.rnn.cell, case.rnn.nonlinearity)
    name, _, form = id.partition(":")
    fault = CATALOGUES[cell][name]
    step = f"{nonlinearity}_step" if cell == "RNN" else STEP_FUNCTIONS[cell][0]
    written = f"{fault.written.partition(':')[0]}: {form}" if form else fault.written
    lines = difference(fault.edits_as(form), step)
    return Diagnosis(id=name, evidence=evidence, fix=fault.fix, written=written, equations=lines)
