"""The search of a change to a candidate's file with which it computes what torch's layer does."""

import contextlib
import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from rnncli.candidate import repair, repair_gates
from rnncli.candidate.find import from_source
from rnncli.candidate.load import canonical
from rnncli.candidate.reading import read
from rnncli.candidate.repair import Edit, applied, difference, edits
from rnncli.core.case import Case, altered
from rnncli.numerics.probe import Probe
from rnncli.verdict.evaluate import Change, FunctionCandidate

if TYPE_CHECKING:
    from rnncli.candidate.adapter import Adapted

SEARCH_S = 5.0  # on a busy machine; an edit takes about 0.03 s to read and run
WAYS = repair.EDITS | repair_gates.EDITS
MAX_EDITS = 60  # that are tried for a fault


@dataclass
class Search:
    """Edits of a candidate's file, tried until one fixes it: the edited file is read and run on every trial.

    `target` names the candidate, and `adapted` is the candidate as it was read; None of one in the canonical form.
    `trials` are cases with their probes. A notebook and a module are not edited.
    """

    target: str
    case: Case
    adapted: "Adapted | None"
    trials: Sequence[tuple[Case, Probe]]
    deadline: float = field(default_factory=lambda: time.monotonic() + SEARCH_S)

    def changes(self, faults: Sequence[str]) -> list[Change | None]:
        """Return the change that fixes each fault: with it the candidate has the other faults alone."""
        file = self.target.rpartition(":")[0]
        if not file.endswith(".py"):
            return [None for _ in faults]
        source, left, found = Path(file).read_text(), list(faults), dict[str, Change]()
        for fault in faults:
            others = [other for other in left if other != fault]
            for remaining in [others, []][: 2 if others else 1]:  # an edit may fix one fault, or all at once
                edit = self._fixing(source, fault, remaining) if left else None
                if edit:
                    source, left = applied(source, edit), remaining
                    found[fault] = (f"{file}:{edit[0].line}", difference(edit))
                    break
        return [found.get(fault) for fault in faults]

    def _fixing(self, source: str, fault: str, remaining: Sequence[str]) -> Edit | None:
        for edit in itertools.islice(edits(source, fault.partition(":")[0], WAYS), MAX_EDITS):
            if time.monotonic() > self.deadline:
                return None
            if self._computes(applied(source, edit), remaining):
                return edit
        return None

    def _computes(self, source: str, faults: Sequence[str]) -> bool:
        from rnncli.faults.trial import Trial

        target, case, adapted = self.target, self.case, self.adapted
        try:
            with contextlib.redirect_stdout(None), contextlib.redirect_stderr(None):
                edited: Any = from_source(target, source)
                if adapted is not None:
                    with torch.no_grad():
                        edited, *others = read(edited, target, case, case.stated)
                    if others or edited.unsupported(case) or edited.faults(case):
                        return False
                    if not _wired_alike(adapted, edited, case):
                        return False
                run = FunctionCandidate(canonical(target, edited, partial=True))
                tried = [*self.trials, *self._further(edited, *self.trials[0])]
                return all(Trial(one, probe, run.evaluate(one, probe)).is_explained_by(faults) for one, probe in tried)
        except Exception:
            return False

    def _further(self, edited: Any, case: Case, probe: Probe) -> Iterator[tuple[Case, Probe]]:
        # cases that an edited candidate must match in too, if it can: h_0 omitted, and the other nonlinearity
        if self.adapted is None:
            return
        native = edited.native
        if native.states.optional and probe.states:
            yield altered(case, input={"h_0": "omitted"}), replace(probe, states={})
        if native.claims("nonlinearity"):
            other = "relu" if case.rnn.nonlinearity == "tanh" else "tanh"
            yield altered(case, rnn={"nonlinearity": other}), probe


def _wired_alike(one: "Adapted", other: "Adapted", case: Case) -> bool:
    first, second = ([wire[:2] for wire in adapted.wiring(case)] for adapted in (one, other))
    return first == second and one.described(case) == other.described(case)
