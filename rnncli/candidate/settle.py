"""How a candidate of some layers and directions is called, told by trial calls and the shapes of what comes back.

The plain reading wins: a candidate that runs on a whole batch is read so, whatever comes out.
"""

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch

from rnncli.candidate import source
from rnncli.candidate.convention import LAYOUTS, Reading
from rnncli.candidate.lookalikes import AnotherCellError, gated_by_source
from rnncli.candidate.objects import Candidate, Object
from rnncli.candidate.returned import Returned, shown
from rnncli.candidate.trial import Trial, trial_of
from rnncli.candidate.weights import Missing
from rnncli.core.case import Case
from rnncli.core.errors import CandidateError, described

_STATED = {"time-first": ("LNI", "L,NI"), "batch-first": ("NLI",), "features-first": ("INL", "LIN")}
_BY_TIME_AXIS = (("LNI", "L,NI", "LIN"), ("NLI",), ("INL",))
_TIME_AXIS = re.compile(r"\(\s*(l|t|time|seq\w*|steps?|n_steps|seq_len)\s*,|,\s*(t|l|time|seq\w*|steps|seq_len)\s*,")
_BATCH_FIRST = ("batch_first", "(n,l", "(n,t", "(b,t", "(b,l", "(batch,", "[batch,", "b,t,")
_WHATEVER = (RecursionError, MemoryError, NameError, ImportError, NotImplementedError, SyntaxError, SystemExit, OSError)


class Unreadable(CandidateError):
    """No way was found to call the candidate, or to set its weights.

    `faults`: what is wrong with its own tensors, which may be why: the parameter, the cause, the reason.
    """

    faults: tuple[tuple[str, str, str], ...] = ()


class Settling:
    """The trial calls that settle how a candidate is called, and what stopped those that failed."""

    def __init__(self, native: Candidate, case: Case, stated: Mapping[str, Any]) -> None:
        self.native, self.case, self.stated = native, case, stated
        self.doc = (inspect.getdoc(native.target) or "").lower()
        self.documents_a_sequence = bool(_TIME_AXIS.search(self.doc))
        self.failures: dict[str, tuple[int, BaseException | None]] = {}
        self._broadcast: Reading | None = None

    def settled(self, layers: int, directions: int, like: Reading | None = None, equal: bool = False) -> list[Reading]:
        """Return the plain reading, or those that evidence leaves open; none where every call raises.

        `like`: a reading at other layers and directions, whose input and weights these share.
        """
        self.failures = {}
        for dtype in (torch.float64, torch.float32):
            trial = trial_of(self.case, self.native, layers, directions, dtype, equal)
            if found := self._by_shape(trial, dtype, like):
                return found
        return []

    def unreadable(self) -> Unreadable | AnotherCellError:
        """Return the error that says what was tried, and what stopped it."""
        name = f"candidate {self.native.name}"
        if gates := gated_by_source(self.native.target):
            return AnotherCellError(f"{name}: {gates}")
        nothing = {"it takes no arguments that look like an RNN's": (1, None)}
        failures: Mapping[str, tuple[int, BaseException | None]] = self.failures or nothing
        said, (rank, error) = min(failures.items(), key=lambda failure: failure[1][0])
        failure = Unreadable(
            f"{name}: its forward raised {said}"
            if rank == 0
            else f"{name}: cannot tell how to call it ({self.native.described()}): tried, among others, {said}"
        )
        failure.__cause__ = error
        return failure

    def _by_shape(self, trial: Trial, dtype: torch.dtype, like: Reading | None) -> list[Reading]:
        one_row = trial.sizes.rows == 1
        batches = self._by_state_form(list(self._ran(trial, dtype, like, "batch")))
        step_like = (like is not None and like.steps) or self.stated.get("convention") == "step"
        says_step = self.native.says_step and not self.documents_a_sequence
        if one_row and (says_step or step_like) and (steps := self._steps(trial, dtype, like)):
            return steps
        plain, misfit = [one for one in batches if one.fits], sorted(batches, key=lambda one: one.misfits)[:1]
        if not plain and self._broadcast:
            return [*misfit, self._broadcast]
        if plain:
            plain = [one for one in plain if self._same_without_state(one, trial)] or plain
            chosen = self._of_layouts(plain, trial)
            may_be_step = chosen.h_n is None and not self.documents_a_sequence and not trial.walks(chosen)
            steps = self._steps(trial, dtype, like, walking=True) if one_row and may_be_step else []
            return steps or [chosen]
        alone = [] if self.native.claims("batch_first") else list(self._ran(trial, dtype, like, "sequence"))
        sequences = [one for one in alone if one.fits and trial.walks(one)]  # batch_first: it has a batch
        steps = self._steps(trial, dtype, like) if one_row and not sequences else []
        misfit_walks = bool(misfit) and trial.walks(misfit[0])
        if misfit and one_row and sequences and not self.documents_a_sequence and not misfit_walks:
            steps = self._steps(trial, dtype, like)
            if steps:
                return steps
        if misfit and misfit[0].output is not None and misfit[0].output.fits:
            return misfit
        if misfit_walks:
            return [*misfit, *sequences[:1], *steps[:1]]
        return [*sequences[:1], *steps[:1]] or misfit

    def _steps(self, trial: Trial, dtype: torch.dtype, like: Reading | None, walking: bool = False) -> list[Reading]:
        """Return the reading as a step, if there is one; unless `walking`, one that walks over its rows is none."""
        found = self._by_state_form(list(self._ran(trial, dtype, like, "step")))
        return [one for one in found if one.fits and (walking or not trial.walks(one))][:1]

    def _by_state_form(self, ran: list[Reading]) -> list[Reading]:
        """Leave out a state of (1, N, H) where the source takes h_0 as it is and (N, H) runs, and the reverse.

        A step broadcasts over a leading axis of size 1, and `h_0[0]` of an (N, H) is one state for all sequences.
        Where only (1, N, H) gives the right shapes, both readings are left: `_broadcast` is that one.
        """
        self._broadcast = None
        unpacks, forms = self.native.unpacks_state, {one.state for one in ran}
        if unpacks is None or not {"SNH", "NH"} <= forms:
            return ran
        with_rows = [one for one in ran if one.state == "SNH" and one.fits]
        if unpacks:
            return [one for one in ran if one.state != "NH"] if with_rows else ran
        self._broadcast = next((one for one in with_rows if not one.steps), None)
        return [one for one in ran if one.state != "SNH"]

    def _same_without_state(self, reading: Reading, trial: Trial) -> bool:
        """Return whether what comes back has the same form where h_0 is omitted, if it may be."""
        if not self.native.takes_state or not self.native.optional_state:
            return True
        try:
            returned = trial.returned(reading, trial.sizes.N, omitted=True)
        except Exception:
            return True
        other = self._parser(trial, reading, trial.sizes.N).parse(returned)
        return other is not None and (other.output, other.h_n) == (reading.output, reading.h_n)

    def _of_layouts(self, plain: list[Reading], trial: Trial) -> Reading:
        """Choose of readings that fit the one whose time axis is the one along which a change spreads."""
        first = plain[0]
        alike = [one for one in reversed(plain) if one.binding == first.binding]
        by_layout = {one.input: one for one in alike}
        if not {"LNI", "NLI"} <= set(by_layout):
            return first
        time_first, x = by_layout["LNI"], trial.x.clone()
        x[2, 1] += 1.0
        before, after = (trial.computed(time_first, one, trial.h)[0] for one in (trial.x, x))
        if before is None or after is None or before.shape != after.shape:
            return first
        moved = (before != after).any(-1)
        along_first, along_second = bool(moved[:, 1].sum() > 1), bool(moved[2].sum() > 1)
        says = any(said in self.doc.replace(" ", "") for said in _BATCH_FIRST)
        if (along_second and not along_first) or (along_first == along_second and says):
            return by_layout["NLI"]
        return time_first

    # -- trial calls ---------------------------------------------------------------------------------------------------

    def _ran(self, trial: Trial, dtype: torch.dtype, like: Reading | None, unit: str) -> Iterator[Reading]:
        """Yield the readings of every way to call that does not raise, in order."""
        for reading in self._conventions(like, unit, trial.sizes.rows, dtype):
            batch = trial.sizes.N if "N" in reading.input else 1
            try:
                returned = trial.returned(reading, batch)
            except (Exception, SystemExit) as error:
                what = described(error)[:200]
                whatever = isinstance(error, _WHATEVER) or "allocate memory" in what
                self.failures.setdefault(what, (0 if whatever else 3 if isinstance(error, Missing) else 2, error))
                continue
            parsed = self._parser(trial, reading, batch).parse(returned)
            if parsed is None:
                self.failures.setdefault(f"a call that returned {shown(returned)}", (1, None))
                continue
            self.native.stateful = self.native.stateful or (reading.steps and reading.state is None)
            yield parsed

    def _parser(self, trial: Trial, reading: Reading, batch: int) -> Returned:
        return Returned(trial, reading, self.stated.get("returns", "both"), batch, trial.sizes.L)

    def _conventions(self, like: Reading | None, unit: str, rows: int, dtype: torch.dtype) -> Iterator[Reading]:
        native, inputs = self.native, [axes for axes, layout in LAYOUTS.items() if layout.unit == unit]
        if like is not None:
            inputs = [axes for axes in inputs if axes == like.input]
        if said := self.stated.get("layout"):
            stated = _STATED.get(said, tuple(axes for axes, layout in LAYOUTS.items() if layout.unit == "sequence"))
            inputs = [axes for axes in inputs if axes in stated or unit == "step"]
        else:
            inputs = self._documented(inputs, unit)
        if said := self.stated.get("convention"):
            inputs = inputs if (said == "step") == (unit == "step") else []
        for binding in native.bindings():
            if like is not None and replace(binding, listed=False, form="") != replace(
                like.binding, listed=False, form=""
            ):
                continue  # lists and forms are what one layer does not need
            said = self.stated.get("weights")
            if said in ("as nn.RNN", "transposed") and binding.transposed != (said == "transposed"):
                continue
            for axes in inputs:
                for state in self._states(axes):
                    batched_row = state == "NH" and rows > 1 and "N" in axes
                    if not batched_row and (unit != "step" or state is not None or isinstance(native, Object)):
                        yield Reading(axes, state, binding, dtype=dtype)

    def _states(self, axes: str) -> tuple[str | None, ...]:
        native, states = self.native, LAYOUTS[axes].states
        if not native.takes_state:
            return (None,)
        if len(native.states) > 1:
            return ("S,NH",) if "N" in axes else ("S,H",)
        if native.states_as_list and LAYOUTS[axes].unit == "batch":
            return ("S,NH",)
        rank = len(native.documented_state or ())
        documented = tuple(one for one in states if len(one) == rank and rank <= 3 and "N" in axes)
        return documented or states

    def _documented(self, inputs: list[str], unit: str) -> list[str]:
        """Return the layouts that docstrings and comments leave: one where they say which axis is time."""
        axes = self.native.documented_input
        if self.native.claims("batch_first") and unit == "batch":
            return [one for one in inputs if one in ("LNI", "L,NI")]
        if axes is None and self.native.rows_by_nature:
            return [one for one in inputs if "N" in one]  # what multiplies rows takes any number of them
        if unit == "step" and axes is not None and len(axes) < 3:
            return [one for one in inputs if len(one) == len(axes)] or inputs
        if axes is None or len(axes) != 3:
            return inputs
        times = [source.is_time(axis) for axis in axes]
        if unit == "batch" and times.count(True) == 1:
            return [one for one in inputs if one in _BY_TIME_AXIS[times.index(True)]]
        return inputs if unit == "batch" else []
