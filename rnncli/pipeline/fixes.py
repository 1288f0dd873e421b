"""The search of a change to a candidate's file with which it computes what torch's layer does."""

import contextlib
import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from rnncli.candidate import repair, repair_gates
from rnncli.candidate.edited import Exchange
from rnncli.candidate.find import from_source
from rnncli.candidate.load import Canonical, canonical
from rnncli.candidate.reading import read
from rnncli.candidate.repair import Edit, Source, applied, difference, edits, everywhere
from rnncli.candidate.small_edits import small_edits
from rnncli.core.case import Case, altered
from rnncli.core.errors import CandidateError
from rnncli.faults.catalogue import CATALOGUES
from rnncli.numerics.probe import Probe, draw
from rnncli.verdict.evaluate import Change, FunctionCandidate, Regimes, candidate_side
from rnncli.verdict.judge import Judgement
from rnncli.verdict.problem import Problem
from rnncli.verdict.regimes import observed

if TYPE_CHECKING:
    from rnncli.candidate.adapter import Adapted

SEARCH_S = 5.0  # an edit takes 2 ms to run in place, and 0.1 to 0.7 s to be read
WAYS = repair.EDITS | repair_gates.EDITS
ORDER = "gates-in-another-order"
MOST_LINES = 3  # times as many as run of the file, that may run of an edited one
MAX_EDITS = 60  # that are tried for a fault


@dataclass
class Search:
    """Edits of a candidate's file, tried until one fixes it: the edited file is read and run on every trial.

    `target` names the candidate, `candidate` is what runs, in `module`, and `adapted` is the candidate as it was read;
    None of one in the canonical form. `trials` are cases with their probes. A notebook and a module are not edited.
    """

    target: str
    case: Case
    candidate: Canonical
    module: Any
    adapted: "Adapted | None"
    trials: Sequence[tuple[Case, Probe]]
    deadline: float = field(default_factory=lambda: time.monotonic() + SEARCH_S)

    def changes(self, faults: Sequence[str]) -> list[Change | None]:
        """Return the change that fixes each fault: with it the candidate has the other faults alone.

        One that fixes all that are left is returned for each of them.
        """
        file = self.target.rpartition(":")[0]
        if not file.endswith(".py"):
            return [None for _ in faults]
        source, left, found = Path(file).read_text(), list(faults), dict[str, Change]()
        for fault in faults:
            others = [other for other in left if other != fault]
            for remaining in [others, []][: 2 if others else 1]:  # an edit may fix one fault, or all at once
                edit = self._fixing(source, fault, remaining) if left else None
                if edit:
                    fixed = [one for one in left if one not in remaining]
                    source, left = applied(source, edit), remaining
                    found |= dict.fromkeys(fixed, (f"{file}:{edit[0].line}", difference(edit)))
                    break
        return [found.get(fault) for fault in faults]

    def _fixing(self, source: str, fault: str, remaining: Sequence[str]) -> Edit | None:
        of_fault = itertools.islice(edits(source, fault.partition(":")[0], WAYS), MAX_EDITS)
        for edit in itertools.chain(of_fault, self._small(source, remaining)):
            if time.monotonic() > self.deadline:
                return None
            if self._computes(applied(source, edit), remaining):
                return edit
        return None

    def _small(self, source: str, faults: Sequence[str]) -> Iterator[Edit]:
        """Yield small edits with which the candidate, called as it was read, has these faults alone; and those that
        read a tensor that nothing reads.
        """
        from rnncli.faults.trial import Trial

        if self.adapted is None or self.module is None:
            return
        exchange, runs = Exchange(self.module), FunctionCandidate(self.candidate)

        def run(case: Case, probe: Probe) -> Trial:
            with contextlib.suppress(CandidateError), _silent():
                return Trial(case, probe, runs.evaluate(case, probe))
            return Trial(case, probe, None)

        with exchange.holding(source):
            tried = [*self._further(self.adapted, *self.trials[0]), *self.trials]
            wrong = [one for one in tried if not run(*one).is_explained_by(faults)]
            if not wrong:
                return
            case, probe = wrong[-1]  # a small one
            _, lines = exchange.watched(partial(run, case, probe))
        aims = [Trial(case, probe, None).planted(ids) for ids in self._aims(faults)]

        def gives_an_aim(edited: str) -> bool:
            with contextlib.suppress(SyntaxError), exchange.holding(edited):
                trial, _ = exchange.watched(partial(run, case, probe), MOST_LINES * len(lines))
                return any(trial.distance_from(aim) is not None for aim in aims)
            return False

        plan = self.adapted.plan(self.case)
        unread = [f".{name.rpartition('.')[2]}" for name in (plan.buffers if plan else ())]
        for hunk in small_edits(Source(source), set(lines)):
            reads = any(name in line for name in unread for line in hunk.after)
            for edit in dict.fromkeys([(hunk,), everywhere(source, hunk)]):
                if time.monotonic() > self.deadline:
                    return
                if reads or gives_an_aim(applied(source, edit)):
                    yield edit

    def _aims(self, faults: Sequence[str]) -> Iterator[Sequence[str]]:
        """Yield the faults that are aimed at, and with them each order of gates that a mistake may have hidden."""
        yield faults
        order = CATALOGUES[self.case.rnn.cell].get(ORDER)
        yield from ((*faults, form) for form in (order.as_written() if order else ()))

    def _computes(self, source: str, faults: Sequence[str]) -> bool:
        from rnncli.faults.trial import Trial

        target, case, adapted = self.target, self.case, self.adapted
        try:
            with _silent():
                edited: Any = from_source(target, source)
                if adapted is not None:
                    with torch.no_grad():
                        edited, *others = read(edited, target, case, case.stated)
                    if others or edited.unsupported(case) or edited.faults(case):
                        return False
                    if not _wired_alike(adapted, edited, case):
                        return False
                run = _Edited(canonical(target, edited, partial=True), adapted and edited)
                tried = [*self.trials, *self._further(edited, *self.trials[0])]
                trials = (Trial(one, probe, run.evaluate(one, probe)) for one, probe in tried)
                right = all(trial.is_explained_by(faults) for trial in trials)
                return right and (bool(faults) or not self._right_at_first or self._matches(run))
        except Exception:
            return False

    def _matches(self, candidate: "_Edited") -> bool:
        """Return whether a candidate is no mismatch, its further calls included."""
        problem = Problem(self.case, self.trials[0][1].input.device)
        return Judgement(problem, candidate).mismatch is None

    @cached_property
    def _right_at_first(self) -> bool:
        """Return whether the file is right where it is called once: a further call is what is to be fixed."""
        from rnncli.faults.trial import Trial

        case, probe = self.trials[0]
        with contextlib.suppress(CandidateError), _silent():
            return Trial(case, probe, FunctionCandidate(self.candidate).evaluate(case, probe)).is_explained_by(())
        return False

    def _further(self, adapted: Any, case: Case, probe: Probe) -> Iterator[tuple[Case, Probe]]:
        """Yield what a candidate must match in too, if it can: h_0 omitted, the other nonlinearity, one layer more."""
        if adapted is None:
            return
        native = adapted.native
        if native.states.optional and probe.states:
            yield altered(case, input={"h_0": "omitted"}), replace(probe, states={})
        if native.claims("nonlinearity"):
            other = "relu" if case.rnn.nonlinearity == "tanh" else "tanh"
            yield altered(case, rnn={"nonlinearity": other}), probe
        if case.rnn.num_layers > 1:
            higher = altered(case, rnn={"num_layers": case.rnn.num_layers + 1})
            if not adapted.unsupported(higher):
                yield higher, draw(higher).to(probe.input.dtype, probe.input.device)


class _Edited(FunctionCandidate):
    """An edited candidate in this process, asked for all that a candidate is asked for."""

    built_in = False

    def __init__(self, call: Canonical, adapted: "Adapted | None") -> None:
        super().__init__(call)
        if adapted:
            native = adapted.native
            self.h_0_may_be_omitted, self.takes_all_states = native.states.optional, native.states.takes == "all"
            self.asks_if_training = native.is_module and native.asks_if_training
            self.takes_lengths = adapted.takes_lengths or native.packed_alone

    def regimes(self, case: Case, probe: Probe) -> Regimes:
        return observed(candidate_side(self.call, case, probe), case)


def _wired_alike(one: "Adapted", other: "Adapted", case: Case) -> bool:
    """Return whether two candidates are called alike, and what the first reads is the same weights in the other."""
    plans = one.plan(case), other.plan(case)
    first, second = (plan.places if plan else {wire[:2] for wire in adapted.wiring(case)}
                     for plan, adapted in zip(plans, (one, other), strict=True))  # fmt: skip
    return first <= second and one.described(case) == other.described(case)


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    with contextlib.redirect_stdout(None), contextlib.redirect_stderr(None):
        yield
