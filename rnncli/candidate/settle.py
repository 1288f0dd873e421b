"""How a candidate of some layers and directions is called, told by trial calls and the shapes of what comes back.

The plain reading wins: a candidate that runs on a whole batch is read so, whatever comes out.
"""

import re
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch

from rnncli.candidate import constructor, docstrings, source
from rnncli.candidate.convention import LAYOUTS, NESTED, Reading, part_of
from rnncli.candidate.items import shown
from rnncli.candidate.lookalikes import AnotherCellError, gated_by_source
from rnncli.candidate.objects import AnyNative, Object
from rnncli.candidate.returned import Returned
from rnncli.candidate.trial import Trial, equal, trial_of
from rnncli.candidate.weights import Missing
from rnncli.core.case import Case
from rnncli.core.errors import CandidateError, described

_STATED = {"time-first": ("LNI", "L,NI"), "batch-first": ("NLI",), "features-first": ("INL", "LIN"),
           "unbatched": ("LI", "L,I1", "IL", "L,I")}  # fmt: skip
_STATED_STATES = {"as nn.RNN": "SNH", "(N, H_out)": "NH"}
_BY_TIME_AXIS = (("LNI", "L,NI", "LIN"), ("NLI",), ("INL",))
_TIME_AXIS = re.compile(r"\(\s*(l|t|time|seq\w*|steps?|n_steps|seq_len)\s*,|,\s*(t|l|time|seq\w*|steps|seq_len)\s*,")
_BATCH_FIRST = ("batch_first", "(n,l", "(n,t", "(b,t", "(b,l", "(batch,", "[batch,", "b,t,")
_WHATEVER = (RecursionError, MemoryError, NameError, ImportError, NotImplementedError, SyntaxError, SystemExit, OSError)
# said by errors of kinds that other calls raise too
_SAID_WHATEVER = ("allocate memory", "AttributeError: module '", "unexpected keyword argument")

_LACKS = 3  # the rank of a call that lacks a value: what else stopped a call is told first


class Unreadable(CandidateError):
    """No way was found to call the candidate, or to set its weights.

    `faults`: what is wrong with its own tensors, which may be why: the parameter, the cause, the reason. `own`: its
    own code ends every call, and no adapter would help.
    """

    faults: tuple[tuple[str, str, str], ...] = ()
    own = False


class Settling:
    """The trial calls that settle how a candidate is called, and what stopped those that failed."""

    def __init__(self, native: AnyNative, case: Case, stated: Mapping[str, Any]) -> None:
        self.native, self.case, self.stated = native, case, stated
        self.doc = docstrings.doc_of(native.target).lower()
        axes = native.documented_input or ()
        timed = len(axes) == 3 and any(map(docstrings.is_time, axes))
        self.documents_a_sequence = timed or bool(_TIME_AXIS.search(self.doc))
        self.documents_one_step = len(axes) == 3 and axes[0] == "1" and not timed  # (1, N, I)
        said = self.documents_a_sequence or native.claims("batch_first")
        said = said or any("seq" in name.lower() for name in native.names_of("input"))
        self.is_no_step = said and not (native.says_step or stated.get("convention") == "step")
        self.failures: dict[str, tuple[int, BaseException | None]] = {}
        self._broadcast: list[Reading] = []

    def settled(self, layers: int, directions: int, like: Reading | None = None, equal: bool = False) -> list[Reading]:
        """Return the plain reading, or those that evidence leaves open; none where every call raises.

        `like`: a reading at other layers and directions, whose input and weights these share.
        """
        self.failures = {}
        for dtype in (torch.float64, torch.float32):
            trial = trial_of(self.case, self.native, layers, directions, dtype, equal)
            if found := self._by_shape(trial, dtype, like):
                return found
        return [] if like or (layers, directions) != (1, 1) else self._step_of_three_axes(equal)

    def _step_of_three_axes(self, equal: bool) -> list[Reading]:
        """Return the reading of a step that takes (1, N, H_in), of what says that it is a step or has no loop."""
        native = self.native
        of_layer = any(map(native.claims, ("num_layers", "bidirectional", "lengths")))
        by_code = not of_layer and source.computes_once(native.target, native.module)
        if self.documents_one_step or not (native.says_step or by_code):
            return []
        self.documents_one_step = True
        found = self._steps(trial_of(self.case, self.native, 1, 1, torch.float64, equal), torch.float64, None)
        self.documents_one_step = bool(found)
        return found

    def unreadable(self) -> Unreadable | AnotherCellError:
        """Return the error that says what was tried, and what stopped it."""
        name, nothing = f"candidate {self.native.name}", "it takes no arguments that look like an RNN's"
        if gates := gated_by_source(self.native.target, self.native.words, self.case.cell):
            return AnotherCellError(f"{name}: {gates}")
        failures: Mapping[str, tuple[int, BaseException | None]] = self.failures or {nothing: (1, None)}
        said, (rank, error) = min(failures.items(), key=lambda failure: failure[1][0])
        tried = f"cannot tell how to call it ({self.native.described()}): tried, among others, {said}"
        alone = self.failures and {text for text, (of, _) in self.failures.items() if of != _LACKS} == {said}
        in_constructor = error is not None and _raised_by_constructor(error)
        raised = f"its {'constructor' if in_constructor else 'forward'} raised {said}"
        own = alone and (error is None or in_constructor or _raised_by_statement(error))
        if own and in_constructor:
            tried = raised
        elif own:
            tried = raised if error else f"its forward {said.removeprefix('a call that ')}"
            tried += ", however it was called"
        elif len(self.native.states.names) == 1 < len(self.case.cell.states):
            tried += f"; {self.native.states.names[0]} was given as ({', '.join(self.case.cell.initial)})"
        if rank and not own and self.native.documented_input and "layout" not in self.stated:
            tried += f"; its notes give the input as ({', '.join(self.native.documented_input)}), and a config with"
            tried += " layout states another"
        if error is not None and _raised_by_embedding(error):
            tried = "it looks its input up in an nn.Embedding: name a layer that takes what that gives"
        failure = Unreadable(f"{name}: {tried if rank else raised}")
        failure.__cause__, failure.own = error, bool(own) or not rank
        return failure

    def _by_shape(self, trial: Trial, dtype: torch.dtype, like: Reading | None) -> list[Reading]:
        """Return the readings of the trial calls that run: of a batch first, then of a sequence or a step."""
        batches = self._by_state_form(self._ran(trial, dtype, like, "batch"), trial)
        if self._says_step(trial, like) and (steps := self._steps(trial, dtype, like)):
            return steps
        if plain := [one for one in batches if one.fits]:
            return self._of_a_batch(plain, trial, like)
        least = min((one.misfits for one in batches), default=0)
        misfit = [self._of_layouts([one for one in batches if one.misfits == least], trial)] if batches else []
        return [*self._broadcast, *misfit] if self._broadcast else self._misfit_or_smaller(misfit, trial, dtype, like)

    def _says_step(self, trial: Trial, like: Reading | None) -> bool:
        """Return whether a step is asked for, or the candidate says that it is one and documents no sequence."""
        asked = like.steps if like else self.documents_one_step
        asked = asked or self.stated.get("convention") == "step"
        return trial.sizes.rows == 1 and (asked or (self.native.says_step and not self.documents_a_sequence))

    def _of_a_batch(self, plain: list[Reading], trial: Trial, like: Reading | None) -> list[Reading]:
        """Return the reading of a batch that gives the right shapes, or that of a step that broadcasts over time."""
        plain = [one for one in plain if self._same_without_state(one, trial)] or plain
        chosen = self._of_layouts(self._multiplying_x(plain, trial), trial)
        returns_states = any(
            part and not part.of_every_step for part in chosen.finals
        )  # a step may broadcast over time
        documented = self.documents_a_sequence
        if trial.sizes.rows > 1 or returns_states or documented or trial.walks(chosen):
            return [chosen]
        return self._steps(trial, chosen.dtype, like, walking=True) or [chosen]

    def _misfit_or_smaller(
        self, misfit: list[Reading], trial: Trial, dtype: torch.dtype, like: Reading | None
    ) -> list[Reading]:
        """Return the reading of a batch with other shapes, or that of a sequence or a step with the right ones.

        Both are left where the batch is walked over, too, and output has another shape.
        """
        alone = [] if self.native.claims("batch_first") else self._ran(trial, dtype, like, "sequence")
        sequences = [one for one in alone if one.fits and trial.walks(one)]  # batch_first: it has a batch
        sequences = self._multiplying_x(sequences, trial)
        steps = self._steps(trial, dtype, like) if trial.sizes.rows == 1 and not sequences else []
        if misfit and not steps and trial.sizes.rows == 1 and not (like or trial.walks(misfit[0])):
            steps = self._step_of_three_axes(equal=False)
        broadcasts = bool(misfit and steps) and not trial.walks(misfit[0])  # a cell, over time
        if misfit and misfit[0].output is not None and misfit[0].output.fits and not broadcasts:
            return misfit
        others = [*sequences[:1], *steps]
        return [*misfit, *others] if misfit and trial.walks(misfit[0]) else others or misfit

    def _steps(self, trial: Trial, dtype: torch.dtype, like: Reading | None, walking: bool = False) -> list[Reading]:
        """Return the reading as a step, if there is one; unless `walking`, one that walks over its rows is none."""
        found = [] if self.is_no_step else self._by_state_form(self._ran(trial, dtype, like, "step"), trial)
        steps = [one for one in found if one.fits and (walking or not trial.walks(one))]
        return self._multiplying_x(steps, trial)[:1]

    def _by_state_form(self, ran: list[Reading], trial: Trial) -> list[Reading]:
        """Leave out a state of (1, N, H) where the source takes h_0 as it is and (N, H) runs, and the reverse.

        A step broadcasts over a leading axis of size 1, and `h_0[0]` of an (N, H) is one state for all sequences.
        What takes num_layers has a row for each. Where only (1, N, H) gives the right shapes, both readings are left:
        `_broadcast` is that one.
        """
        self._broadcast = []
        if {"SNH", "NH"} <= {one.state for one in ran if one.fits}:
            alone = [one for one in ran if one.fits and self._runs_alone(one, trial)]
            ran = alone if len({one.state for one in alone} & {"SNH", "NH"}) == 1 else ran
            goes_in_again = {one.state for one in ran if one.fits and one.h_n and one.h_n.axes == one.state}
            if goes_in_again == {"SNH"}:  # both run, and h_n comes back as (1, N, H)
                return [one for one in ran if one.state != "NH"]
        layered = self.native.claims("num_layers")
        unpacks = True if layered else self.native.states.unpacks
        with_rows = [one for one in ran if one.state == "SNH" and one.fits]
        told = bool(with_rows) or (layered and bool(self.native.states.unpacks))
        if unpacks is None or not {"SNH", "NH"} <= {one.state for one in ran} or (unpacks and not told):
            return ran
        self._broadcast = [one for one in with_rows if not one.steps and not unpacks][:1]
        return [one for one in ran if one.state != ("NH" if unpacks else "SNH")]

    def _runs_alone(self, reading: Reading, trial: Trial) -> bool:
        """Return whether a batch of one gives output and states for one: `squeeze(0)` of an (N, H) needs more."""
        steps, states = 1 if reading.steps else len(trial.x), part_of(trial.states, 1, 0, 1)
        try:
            output, h_n, *_ = trial.computed(reading, trial.x[:steps, :1], states)
        except Exception:
            return False
        found = [one.shape[:2] for one in (output, h_n) if one is not None and one.dim() == 3]
        return found in ([(steps, 1), (trial.sizes.rows, 1)], [(steps, 1)], [(trial.sizes.rows, 1)])

    def _same_without_state(self, reading: Reading, trial: Trial) -> bool:
        """Return whether what comes back has the same form where h_0 is omitted, if it may be."""
        if not self.native.states.optional:
            return True
        try:
            returned = trial.returned(reading, omitted=True)
        except Exception:
            return True
        other = self._parsed(returned, trial, reading)
        return other is not None and (other.output, other.finals) == (reading.output, reading.finals)

    def _multiplying_x(self, ran: list[Reading], trial: Trial) -> list[Reading]:
        """Leave out readings with the matrix for h in the place of that for x: code without shapes runs with either."""
        if len({one.binding.order for one in ran}) < 2:
            return ran
        other = replace(trial, params={**trial.params, "weight_ih_l0": trial.params["weight_ih_l0"] + 1.0})
        nothing = torch.zeros_like(trial.x[:1])
        return [
            one for one in ran if equal(*(which.computed(one, nothing, trial.states) for which in (trial, other)))
        ] or ran

    def _of_layouts(self, plain: list[Reading], trial: Trial) -> Reading:
        """Choose of readings that fit the one whose time axis is the one along which a change spreads."""
        by_layout = {one.input: one for one in reversed(plain) if one.binding == plain[0].binding}
        if not {"LNI", "NLI"} <= set(by_layout):
            return plain[0]
        x = trial.x.clone()
        x[2, 1] += 1.0
        before, after = (trial.computed(by_layout["LNI"], one, trial.states)[0] for one in (trial.x, x))
        if before is None or after is None or before.shape != after.shape or before.shape[:-1] != x.shape[:2]:
            return plain[0]
        moved = (before != after).any(-1)
        along_first, along_second = bool(moved[:, 1].sum() > 1), bool(moved[2].sum() > 1)
        says = any(said in self.doc.replace(" ", "") for said in _BATCH_FIRST)
        batch_first = says if along_first == along_second else along_second
        return by_layout["NLI" if batch_first else "LNI"]

    # -- trial calls ---------------------------------------------------------------------------------------------------

    def _ran(self, trial: Trial, dtype: torch.dtype, like: Reading | None, unit: str) -> list[Reading]:
        """Return the readings of every way to call that does not raise, in order."""
        found = []
        for reading in self._conventions(like, unit, trial.sizes.rows, dtype):
            try:
                returned = trial.returned(reading)
            except (Exception, SystemExit) as error:
                what = f"a call that lacks {error}" if isinstance(error, Missing) else described(error)[:200]
                whatever = isinstance(error, _WHATEVER) or any(said in what for said in _SAID_WHATEVER)
                self.failures.setdefault(what, (0 if whatever else _LACKS if isinstance(error, Missing) else 2, error))
                continue
            parsed = self._parsed(returned, trial, reading)
            if parsed is None:
                self.failures.setdefault(f"a call that returned {shown(returned)}", (1, None))
            else:
                self.native.stateful = self.native.stateful or (reading.steps and reading.state is None)
                found.append(parsed)
        return found

    def _parsed(self, returned: Any, trial: Trial, reading: Reading) -> Reading | None:
        return Returned(trial, reading, self.stated.get("returns", "both")).parse(returned)

    def _conventions(self, like: Reading | None, unit: str, rows: int, dtype: torch.dtype) -> Iterator[Reading]:
        native, layout, said = self.native, self.stated.get("layout"), self.stated.get("convention")
        inputs = [axes for axes, one in LAYOUTS.items() if one.unit == unit and (not like or axes == like.input)]
        inputs = [axes for axes in inputs if axes != "1NI" or self.documents_one_step]
        inputs = [axes for axes in inputs if axes == "LNI" or not native.packed_alone]
        if layout and unit != "step":
            inputs = [axes for axes in inputs if axes in _STATED[layout]]
        elif not layout:
            inputs = self._documented(inputs, unit)
        if said and (said == "step") != (unit == "step"):
            return
        weights = self.stated.get("weights")
        for binding in native.bindings():
            if like and binding.of_one_layer != like.binding.of_one_layer:
                continue
            if weights in ("as nn.RNN", "transposed") and binding.transposed != (weights == "transposed"):
                continue
            if native.states.h_alone and unit == "step":
                return  # c would start at zeros in each
            for axes, state in [(one, state) for one in inputs for state in self._possible_states(one, like)]:
                keeps_it = state is None and unit == "step" and not isinstance(native, Object)
                if not keeps_it and not (state == "NH" and rows > 1 and "N" in axes):
                    yield Reading(axes, state, binding, dtype=dtype)

    def _possible_states(self, axes: str, like: Reading | None) -> tuple[str | None, ...]:
        """Return the forms of a state beside an input: the one that is stated, or those of another reading."""
        states, stated = self._states(axes), _STATED_STATES.get(self.stated.get("states", ""))
        if like and like.state == "S,NH":  # one of several layers may be taken for (h, c)
            states = tuple(one for one in states if one in ("S,NH", NESTED)) or states
        return (stated,) if stated in states else states

    def _states(self, axes: str) -> tuple[str | None, ...]:
        native, states = self.native, LAYOUTS[axes].states
        if not native.states.taken:
            return (None,)
        if len(native.states.names) > len(native.cell.states):
            return ("S,NH",) if "N" in axes else ("S,H",)
        in_one = len(native.cell.states) > len(native.states.names)
        if in_one and LAYOUTS[axes].unit == "batch" and "N" in axes:
            states = (*states, "S,NH", NESTED)  # a list of (h, c), one for each layer, or of a list of both directions
        if native.states.takes_part_of_first and "N" in axes:
            states = (*states, "1,SNH")  # (h,)
        if native.states.as_list and LAYOUTS[axes].unit == "batch":
            return ("S,NH",)
        rank = 0 if native.claims("num_layers") else len(native.states.documented or ())  # torch's own says two forms
        return tuple(one for one in states if len(one) == rank and rank <= 3 and "N" in axes) or states

    def _documented(self, inputs: list[str], unit: str) -> list[str]:
        """Return the layouts that docstrings and comments leave: one where they say which axis is time."""
        axes = self.native.documented_input
        if self.documents_one_step and unit == "step":
            return ["1NI"]
        if self.native.claims("batch_first") and unit == "batch":
            lists = () if self.case.rnn.batch_first else ("L,NI",)  # one that is asked for batch_first takes a tensor
            return [one for one in inputs if one in ("LNI", *lists)]
        if axes is None and self.native.rows_by_nature:
            return [one for one in inputs if "N" in one]  # what multiplies rows takes any number of them
        if unit == "step" and axes is not None and len(axes) < 3:
            return [one for one in inputs if len(one) == len(axes)] or inputs
        if axes is None or len(axes) != 3:
            return inputs
        times = [docstrings.is_time(axis) for axis in axes]
        if unit == "batch" and times.count(True) == 1:
            return [one for one in inputs if one in _BY_TIME_AXIS[times.index(True)]]
        return inputs if unit == "batch" else []


def _raised_by_statement(error: BaseException) -> bool:
    frames = traceback.extract_tb(error.__traceback__)[-1:]
    return any(re.match(r"raise\b|assert\b", str(frame.line).strip()) for frame in frames)


def _raised_by_constructor(error: BaseException) -> bool:
    return any(frame.name == "make" and frame.filename == constructor.__file__
               for frame in traceback.extract_tb(error.__traceback__))  # fmt: skip


def _raised_by_embedding(error: BaseException) -> bool:
    frames = traceback.extract_tb(error.__traceback__)
    return any(frame.filename == torch.nn.modules.sparse.__file__ for frame in frames)
