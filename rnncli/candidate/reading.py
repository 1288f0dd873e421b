"""Settles how a candidate is called and what its results are, before any value is compared with nn.RNN's.

What settles it: the signature, names and source; the shapes of what comes back at pairwise distinct sizes; experiments
on the candidate alone. The plain reading wins: a candidate that runs on a whole batch is read so, whatever comes out.
"""

import inspect
import itertools
import re
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from rnncli.candidate import source
from rnncli.candidate.adapter import (
    BATCH_FIRST,
    Adapted,
    Convention,
    Part,
    Reading,
    as_asked,
    as_tensor,
    at,
    unit,
    whole,
)
from rnncli.candidate.calling import Binding, Function, Missing, Native, Object, native_of
from rnncli.candidate.load import default_dtype
from rnncli.candidate.lookalikes import AnotherCellError, gated, gated_by_source, other_cell, other_cell_inside
from rnncli.candidate.places import held_by, is_array
from rnncli.candidate.wiring import Sizes, Unwired, Wiring, wired
from rnncli.core.case import Case, altered
from rnncli.core.errors import CandidateError, described
from rnncli.numerics.device import DispatchMode

_STATES = {
    "LNI": ("SNH", "NH"),
    "NLI": ("SNH", "NH"),
    "L,NI": ("SNH", "NH"),
    "INL": ("HN",),
    "LIN": ("HN",),
    "LI": ("H", "NH", "SNH"),
    "L,I1": ("H1", "H"),
    "IL": ("H", "H1"),
    "L,I": ("H", "NH"),
    "NI": ("NH", "SNH"),
    "I": ("H",),
    "IN": ("HN",),
    "I1": ("H1",),
}
_BATCHES = ("LNI", "NLI", "L,NI", "INL", "LIN")
_SEQUENCES = ("LI", "L,I1", "IL", "L,I")
_STEPS = ("NI", "I", "IN", "I1")
_OUTPUTS = {
    "LNI": ("LNF", "L,NF"),
    "NLI": ("NLF", "L,NF"),
    "L,NI": ("LNF", "L,NF"),
    "INL": ("FNL",),
    "LIN": ("LFN", "L,FN"),
    "LI": ("LF", "L1F", "L,F", "L,1F"),
    "L,I1": ("L,F1", "LF1", "LF"),
    "IL": ("FL",),
    "L,I": ("LF", "L,F", "L1F", "L,1F"),
    "NI": ("NF", "1NF"),
    "I": ("F", "1F"),
    "IN": ("FN",),
    "I1": ("F1",),
}
_FINALS = {
    "INL": ("HN", "SHN"),
    "LIN": ("HN", "SHN"),
    "LI": ("H", "NH", "SNH"),
    "L,I1": ("H1", "H"),
    "IL": ("H", "H1"),
    "L,I": ("H", "NH", "SNH"),
    "I": ("H", "SH"),
    "IN": ("HN",),
    "I1": ("H1",),
}
_LAYOUTS = {
    "time-first": ("LNI", "L,NI"),
    "batch-first": ("NLI",),
    "unbatched": _SEQUENCES,
    "features-first": ("INL", "LIN"),
}
_OUTPUT_KEYS = {"output", "outputs", "out", "outs", "y", "ys", "hs", "hidden_states", "states", "h_all", "all_h", "seq",
                "last_hidden_state", "sequence"}  # fmt: skip
_STATE_KEYS = {"h_n", "hn", "h", "hidden", "state", "last", "final", "h_last", "last_hidden", "h_t", "final_state",
               "last_state", "hx", "next_state"}  # fmt: skip
_KEY_STEMS = {"output": r"out|seq|all|ys", "h_n": r"hidden|state|final|last|h_?n|^h"}
_WHATEVER = (RecursionError, MemoryError, NameError, ImportError, NotImplementedError, SyntaxError, SystemExit, OSError)


class Unreadable(CandidateError):
    """No way was found to call the candidate, or to set its weights.

    `faults`: what is wrong with its own tensors, which may be why: the parameter, the cause, the reason.
    """

    faults: tuple[tuple[str, str, str], ...] = ()


def read(target: object, name: str, case: Case, stated: Mapping[str, Any] | None = None) -> list[Adapted]:
    """Read a candidate, for cases with the layers and directions of this one.

    `stated` are parts of the reading that the config gives: convention, layout, weights, returns.
    Returns the reading, or the readings that evidence leaves open, the plain one first. Raises Unreadable, and
    AnotherCellError for an LSTM or a GRU.
    """
    another = other_cell(target)
    if another:
        raise AnotherCellError(f"candidate {name}: {another}")
    reader = Reader(native_of(target, name), case, stated or {})
    reader.require_no_other_cell()
    if case.rnn.batch_first and (found := _with_batch_first(native_of(target, name), case, stated or {})):
        return found
    try:
        return reader.readings()
    except Unreadable as error:
        error.faults = reader.faults_by_name()
        raise


def _with_batch_first(native: Native, case: Case, stated: Mapping[str, Any]) -> list[Adapted]:
    """The readings of a candidate that is given batch_first in its trials too, where all that comes back then fits.

    One that takes the argument and always walks the second axis is right where the case asks for batch_first.
    """
    if not native.claims("batch_first"):
        return []
    native.tried_batch_first = True
    try:
        found = Reader(native, case, stated).readings()
    except Unreadable:
        return []
    return found if all(adapted.reading.fits for adapted in found) else []


@dataclass(frozen=True)
class Trial:
    """A small case with random values: what a candidate is called with to see the shapes that come back."""

    case: Case
    sizes: Sizes
    x: Tensor
    h: Tensor
    params: Mapping[str, Tensor]

    def letters(self, batch: int, steps: int) -> dict[str, int]:
        """The size of every axis by its letter."""
        s = self.sizes
        return {"L": steps, "N": batch, "I": s.I, "H": s.H, "S": s.rows, "F": s.directions * s.H, "1": 1}


def trial_of(
    case: Case, native: Native, layers: int, directions: int, dtype: torch.dtype, equal: bool = False
) -> Trial:
    """A trial with pairwise distinct sizes; with H_in = D*H_out where `equal`; of a made object, with its own."""
    fixed = native.fixed
    rows = layers * directions
    batch, steps = (4 if rows == 3 else 3), (9 if rows == 6 else 6)
    hidden = case.rnn.hidden_size if fixed else 7
    features = case.rnn.input_size if fixed else directions * hidden if equal else 5
    sizes = Sizes(steps, batch, features, hidden, 9, layers, directions)
    rnn: dict[str, Any] = {"input_size": features, "hidden_size": hidden, "num_layers": layers, "dropout": 0.0,
                           "bidirectional": directions == 2,
                           "batch_first": native.tried_batch_first}  # fmt: skip
    given = {"layout": "batched", "seq_len": steps, "batch_size": batch, "lengths": None, "h_0": "random"}
    small = altered(case, rnn=rnn, input=given, run={"train": False})
    generator = torch.Generator().manual_seed(7)

    def random(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)

    params: dict[str, Tensor] = {}
    for layer, suffix in itertools.product(range(layers), ("", "_reverse")[:directions]):
        shapes: dict[str, tuple[int, ...]] = {
            "weight_ih": (hidden, sizes.features(layer)),
            "weight_hh": (hidden, hidden),
        }
        shapes |= {"bias_ih": (hidden,), "bias_hh": (hidden,)} if case.rnn.bias else {}
        params |= {f"{name}_l{layer}{suffix}": random(*shape) * 0.5 for name, shape in shapes.items()}
    return Trial(small, sizes, random(steps, batch, features), random(rows, batch, hidden), params)


class Reader:
    """Trial calls of one candidate on small sizes."""

    def __init__(self, native: Native, case: Case, stated: Mapping[str, Any]) -> None:
        self.native, self.case, self.stated = native, case, stated
        self.target: object = getattr(native, "target", None)
        self._turned = False
        self._broadcast: Reading | None = None
        self.failures: dict[str, tuple[int, BaseException | None]] = {}

    def require_no_other_cell(self) -> None:
        """Raise AnotherCellError where the candidate holds an LSTM or a GRU of torch."""
        native = self.native
        if not isinstance(native, Object) or not native.is_module:
            return
        trial = trial_of(self.case, native, 1, 1, torch.float32)
        try:
            made = native.made(trial.case, torch.float32, 0, trial.sizes.O)
        except (Exception, SystemExit):
            return  # it cannot be constructed, which its own call tells
        inside = other_cell_inside(made)
        if inside:
            raise AnotherCellError(f"candidate {native.name}: {inside}")

    # -- the readings --------------------------------------------------------------------------------------------------

    def readings(self) -> list[Adapted]:
        """The readings that evidence leaves, the plain one first. Raises Unreadable."""
        base, always = self._base()
        found = []
        for reading in base:
            adapted = Adapted(self.native, self._claimed(self._with_joined_order(reading), always), always)
            self._with_wiring(adapted)
            found.append(adapted)
            if self._turned and "weights" not in self.stated:
                other = Reader(
                    native_of(self.target, self.native.name), self.case, {**self.stated, "weights": "behaves"}
                )
                found += other.readings()
        first = found[0]
        if self.case.input.layout == "unbatched":
            first.unbatched = self._takes(first, "unbatched") if self.native.drop_in else self._refuses_two_axes(first)
        if (self.native.drop_in or self.native.names_packed) and self.case.input.layout == "packed":
            first.packs = self._takes(first, "packed")
        first.outside_autograd = self.native.outside_autograd and not self._carries_gradients(first.reading)
        return found

    def _carries_gradients(self, reading: Reading) -> bool:
        """Whether a gradient of the input comes out of it."""
        trial = trial_of(self.case, self.native, 1, 1, reading.dtype)
        try:
            with torch.enable_grad(), default_dtype(reading.dtype):
                x = trial.x.clone().requires_grad_()
                h = trial.h if self.native.takes_state else None
                output, h_n = unit(as_asked(reading, trial.case), self._call(reading, trial, x), x, h)
        except Exception:
            return True
        return any(value is not None and value.requires_grad for value in (output, h_n))

    def _base(self) -> tuple[list[Reading], tuple[int, int]]:
        """The reading at one layer and one direction, or at as many as the candidate always has."""
        partly: list[Reading] = []
        rnn, native = self.case.rnn, self.native
        asked = (min(rnn.num_layers, 2) if native.claims("num_layers") else 1,
                 rnn.directions if native.claims("bidirectional") else 1)  # fmt: skip
        for layers, directions in dict.fromkeys(((1, 1), asked, (1, 2), (2, 1), (2, 2))):
            claimed = (layers, directions) == asked
            if layers > 1 and native.claims("num_layers") and not claimed:
                continue
            if (
                directions > 1
                and native.claims("bidirectional")
                and not claimed
                and (partly or native.asks_for_directions)
            ):
                continue
            found = self._settled(layers, directions)
            if found and (layers, directions) == (1, 1) and self._leaves_weights(found[0]):
                partly = found
                continue
            if found and found[0].fits and (claimed or (layers, directions) == (1, 1) or found[0].output is not None):
                return found, (1, 1) if claimed else (layers, directions)
            partly = partly or found
        partly = partly or self._settled(1, 1, equal=True)
        if partly:
            return partly, (1, 1)
        raise self._unreadable()

    def _leaves_weights(self, reading: Reading) -> bool:
        """Whether a matrix has no effect in one layer and direction, and another of its name and shape has one.

        A class that zips its directions with the rows of h_0 runs with a single row, and leaves the others out.
        """
        rnn, native = self.case.rnn, self.native
        if not isinstance(native, Object) or (rnn.num_layers == 1 and not rnn.bidirectional):
            return False
        try:
            found = self._wiring(Adapted(native, reading, (1, 1)), 1, 1, rnn.bias)
        except (CandidateError, SystemExit):
            return False
        held = held_by(native.made(trial_of(self.case, native, 1, 1, reading.dtype).case, reading.dtype))
        used = {(piece.tensor.rpartition(".")[2], found.shapes[piece.tensor]) for piece in found.pieces}
        unused = [one for one in held if one.name in found.buffers and len(one.shape) == 2]
        return any((one.name.rpartition(".")[2], one.shape) in used for one in unused)

    def _with_joined_order(self, reading: Reading) -> Reading:
        """The reading with h before x in a joined matrix, where a function multiplies x by the columns of weight_hh."""
        native = self.native
        if not isinstance(native, Function) or not native.joined:
            return reading
        trial = trial_of(self.case, native, 1, 1, reading.dtype)
        other = replace(trial, params={**trial.params, "weight_hh_l0": trial.params["weight_hh_l0"] + 1.0})
        nothing = torch.zeros_like(trial.h)
        try:
            one, two = (self._run(reading, which, trial.x[:1], nothing) for which in (trial, other))
        except Exception:
            return reading
        if _equal(one, two):
            return reading
        binding = replace(reading.convention.binding, state_first=not reading.convention.binding.state_first)
        return replace(reading, convention=replace(reading.convention, binding=binding))

    def _claimed(self, reading: Reading, always: tuple[int, int]) -> Reading:
        """The reading with what it claims of the case's layers and directions, tried where it does."""
        rnn, binding = self.case.rnn, reading.convention.binding
        layers = (
            always[0] > 1 or self.native.claims("num_layers") or binding.listed or binding.form in ("tuples", "flat")
        )
        directions = always[1] > 1 or self.native.claims("bidirectional")
        wanted = (min(rnn.num_layers, 2) if layers else 1, rnn.directions if directions else 1)
        if always != (1, 1) and wanted <= always:
            return replace(reading, layers=always[0] > 1 or layers, directions=always[1] > 1)
        if wanted == (1, 1) and (rnn.num_layers > 1 or rnn.bidirectional):
            return self._by_behaviour(reading)
        if wanted == (1, 1):
            return replace(reading, layers=layers, directions=directions)
        found = self._settled(*wanted, like=reading) or self._settled(*wanted, like=reading, equal=True)
        if found:
            return replace(found[0], layers=layers, directions=directions)
        state = reading.convention.state
        convention = replace(reading.convention, state="SNH" if state == "NH" else state)
        return replace(reading, convention=convention, layers=layers, directions=directions)

    def _by_behaviour(self, reading: Reading) -> Reading:
        """A function that does not say how many layers it has has one for each state that it gives back."""
        rnn = self.case.rnn
        wanted = min(2, rnn.num_layers), rnn.directions
        if isinstance(self.native, Object) or reading.convention.steps or not self.native.takes_state:
            return reading
        for layers, directions in dict.fromkeys([wanted, (1, wanted[1]), (wanted[0], 1)]):
            if (layers, directions) == (1, 1):
                continue
            for equal in (False, True):
                for found in self._settled(layers, directions, like=reading, equal=equal)[:1]:
                    rows = found.h_n is not None and "S" in found.h_n.axes
                    if (
                        found.fits
                        and rows
                        and found.output is not None
                        and self._uses_rows(found, layers, directions, equal)
                    ):
                        return replace(found, layers=layers > 1, directions=directions > 1)
        return reading

    def _uses_rows(self, reading: Reading, layers: int, directions: int, equal: bool) -> bool:
        """Whether each row of h_0 moves its own row of h_n."""
        trial = trial_of(self.case, self.native, layers, directions, reading.dtype, equal)
        before = self._run(reading, trial, trial.x, trial.h)
        for row in range(trial.sizes.rows):
            h = trial.h.clone()
            h[row] += 1.0
            after = self._run(reading, trial, trial.x[:1], h)[1]
            same = self._run(reading, trial, trial.x[:1], trial.h)[1]
            if after is None or same is None or not bool((after[row] != same[row]).any()):
                return False
        return before is not None

    # -- settling ------------------------------------------------------------------------------------------------------

    def _settled(self, layers: int, directions: int, like: Reading | None = None, equal: bool = False) -> list[Reading]:
        """The readings by shape: the plain one, or those that evidence leaves open. Empty where every call raises."""
        self.failures = {}
        for dtype in (torch.float64, torch.float32):
            trial = trial_of(self.case, self.native, layers, directions, dtype, equal)
            found = self._of(trial, dtype, like)
            if found:
                return found
        return []

    def _of(self, trial: Trial, dtype: torch.dtype, like: Reading | None) -> list[Reading]:
        rows = trial.sizes.rows
        batches = self._by_state_form(list(self._ran(trial, dtype, like, "batch")))
        step_like = (like is not None and like.convention.steps) or self.stated.get("convention") == "step"
        if rows == 1 and (self.native.says_step or step_like) and not (self._documents_a_sequence() and not step_like):
            steps = self._steps(trial, dtype, like, walking=True)
            if steps:
                return steps
        plain = [one for one in batches if one.fits]
        if not plain and self._broadcast:
            return [*sorted(batches, key=_misfits)[:1], self._broadcast]
        plain = [one for one in plain if self._same_without_state(one, trial)] or plain
        if plain:
            chosen = self._of_layouts(plain, trial)
            if rows == 1 and self._may_be_step(chosen, trial):
                return self._steps(trial, dtype, like) or [chosen]
            return [chosen]
        alone = [] if self.native.claims("batch_first") else list(self._ran(trial, dtype, like, "sequence"))
        sequences = [one for one in alone if one.fits and self._grows(one, trial)]  # batch_first: it has a batch
        steps = []
        if rows == 1 and not sequences:
            steps = self._steps(trial, dtype, like, walking=True)
        misfit = sorted(batches, key=_misfits)[:1]
        if (
            misfit
            and rows == 1
            and steps == []
            and not self._documents_a_sequence()
            and not self._grows(misfit[0], trial)
        ):
            steps = self._steps(trial, dtype, like, walking=True)
            if steps:
                return steps
        if misfit and misfit[0].output is not None and misfit[0].output.fits:
            return misfit
        if misfit and self._grows(misfit[0], trial):
            return [*misfit, *sequences[:1], *steps[:1]]
        return [*sequences[:1], *steps[:1]] or misfit

    def _steps(self, trial: Trial, dtype: torch.dtype, like: Reading | None, walking: bool = False) -> list[Reading]:
        """The reading as a step, if there is one; `walking`: one that walks over the rows of its input is none."""
        found = self._by_state_form(list(self._ran(trial, dtype, like, "step")))
        found = [one for one in found if one.fits and not (walking and self._walks(one, trial))]
        return found[:1]

    def _by_state_form(self, ran: list[Reading]) -> list[Reading]:
        """Without a state of (1, N, H) where the source takes h_0 as it is and (N, H) runs, and the reverse.

        A step broadcasts over a leading axis of size 1, and `h_0[0]` of an (N, H) is one state for all sequences.
        Where only (1, N, H) gives the right shapes, both readings are left: `_broadcast` is that one.
        """
        self._broadcast = None
        unpacks, forms = self.native.unpacks_state, {one.convention.state for one in ran}
        if unpacks is None or not {"SNH", "NH"} <= forms:
            return ran
        self._broadcast = (
            None
            if unpacks
            else next(
                (one for one in ran if one.convention.state == "SNH" and one.fits and not one.convention.steps), None
            )
        )
        if unpacks:
            fitting = any(one.fits for one in ran if one.convention.state == "SNH")
            return [one for one in ran if one.convention.state != "NH"] if fitting else ran
        return [one for one in ran if one.convention.state != "SNH"]

    def _same_without_state(self, reading: Reading, trial: Trial) -> bool:
        """Whether what comes back has the same form where h_0 is omitted, if it may be."""
        if not self.native.takes_state or not self.native.optional_state:
            return True
        try:
            with default_dtype(reading.dtype):
                own = as_asked(reading, trial.case).convention
                returned = self._call(reading, trial, trial.x)(own.as_input(trial.x), None)
        except Exception:
            return True
        other = self._parsed(returned, reading, trial, trial.sizes.N, trial.sizes.L)
        return other is not None and (other.output, other.h_n) == (reading.output, reading.h_n)

    def _of_layouts(self, plain: list[Reading], trial: Trial) -> Reading:
        """Of readings that fit, the one whose time axis is the one along which a change spreads."""
        first = plain[0]
        by_layout = {one.convention.input: one for one in reversed(plain)
                     if one.convention.binding == first.convention.binding}  # fmt: skip
        if not {"LNI", "NLI"} <= set(by_layout):
            return first
        one = by_layout["LNI"]
        before = self._run(one, trial, trial.x, trial.h)[0]
        x = trial.x.clone()
        x[2, 1] += 1.0
        after = self._run(one, trial, x, trial.h)[0]
        if before is None or after is None or before.shape != after.shape:
            return first
        moved = (before != after).any(-1)
        along_first, along_second = moved[:, 1].sum() > 1, moved[2].sum() > 1
        if bool(along_second) and not bool(along_first):
            return by_layout["NLI"]
        if bool(along_first) == bool(along_second) and self._says_batch_first():
            return by_layout["NLI"]
        return one

    def _says_batch_first(self) -> bool:
        text = self._doc().replace(" ", "")
        return any(
            said in text for said in ("batch_first", "(n,l", "(n,t", "(b,t", "(b,l", "(batch,", "[batch,", "b,t,")
        )

    def _may_be_step(self, reading: Reading, trial: Trial) -> bool:
        """Whether one tensor came back, in a number of operations that does not grow with the sequence."""
        return reading.h_n is None and not self._documents_a_sequence() and not self._grows(reading, trial)

    def _documents_a_sequence(self) -> bool:
        """Whether the docstring gives the input a time axis."""
        text = self._doc()
        return bool(
            re.search(
                r"\(\s*(l|t|time|seq\w*|steps?|n_steps|seq_len)\s*,|,\s*(t|l|time|seq\w*|steps|seq_len)\s*,", text
            )
        )

    def _doc(self) -> str:
        return (inspect.getdoc(getattr(self.native, "target", None)) or "").lower()

    def _grows(self, reading: Reading, trial: Trial) -> bool:
        """Whether a longer sequence takes more operations."""
        try:
            batch = 1 if "N" not in reading.convention.input else trial.sizes.N
            x, h = trial.x[:, :batch], trial.h[:, :batch]
            self._operations(reading, trial, x[:-2], h)  # the first traced call of a process counts what torch loads
            return self._operations(reading, trial, x, h) > self._operations(reading, trial, x[:-2], h)
        except Exception:
            return True

    def _walks(self, reading: Reading, trial: Trial) -> bool:
        """Whether what is called with a step takes more operations for more rows: it walks over them."""
        if "N" not in reading.convention.input:
            return False
        try:
            self._operations(reading, trial, trial.x[:1, :2], trial.h[:, :2])
            few = self._operations(reading, trial, trial.x[:1, :2], trial.h[:, :2])
            return self._operations(reading, trial, trial.x[:1], trial.h) > few
        except Exception:
            return True

    def _operations(self, reading: Reading, trial: Trial, x: Tensor, h: Tensor | None = None) -> int:
        count = 0

        def traced(_frame: Any, event: str, _argument: Any) -> Any:
            nonlocal count
            count += event in ("line", "call")
            return traced

        class Counting(DispatchMode):  # type: ignore[no-untyped-call]
            def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
                nonlocal count
                count += 1
                return func(*args, **(kwargs or {}))

        before = sys.gettrace()
        call = self._call(reading, trial, x)
        convention = reading.convention
        given = as_asked(reading, trial.case).convention.as_input(x[0] if convention.steps else x)
        state = convention.as_state(trial.h if h is None else h) if self.native.takes_state else None
        with Counting(), default_dtype(reading.dtype):  # type: ignore[no-untyped-call]
            sys.settrace(traced)
            try:
                call(given, state)
            finally:
                sys.settrace(before)
        return count

    # -- calls ---------------------------------------------------------------------------------------------------------

    def _conventions(self, like: Reading | None, unit: str, rows: int) -> Iterator[Convention]:
        inputs = {"batch": _BATCHES, "sequence": _SEQUENCES, "step": _STEPS}[unit]
        if like is not None:
            inputs = tuple(one for one in inputs if one == like.convention.input)
        layout = self.stated.get("layout")
        if layout is None:
            inputs = self._documented(inputs, unit)
        if layout:
            inputs = tuple(one for one in inputs if one in _LAYOUTS[layout] or unit == "step")
        if said := self.stated.get("convention"):
            inputs = inputs if (said == "step") == (unit == "step") else ()
        for binding in self.native.bindings():
            if like is not None and not _alike(binding, like.convention.binding):
                continue
            if self.stated.get("weights") in ("as nn.RNN", "transposed") and binding.transposed != (
                self.stated["weights"] == "transposed"
            ):
                continue
            for axes in inputs:
                states: Sequence[str | None] = _STATES[axes] if self.native.takes_state else (None,)
                if len(self.native.states) > 1:
                    states = ("S,NH",) if "N" in axes else ("S,H",)
                elif self.native.states_as_list and axes in _BATCHES:
                    states = ("S,NH",)
                elif self.native.documented_state and len(self.native.documented_state) <= 3 and "N" in axes:
                    rank = len(self.native.documented_state)
                    states = tuple(one for one in states if one is None or len(one) == rank) or states
                for state in states:
                    if state == "NH" and rows > 1 and "N" in axes:
                        continue
                    if unit == "step" and state is None and not isinstance(self.native, Object):
                        continue
                    yield Convention(axes, state, binding, unit == "step")

    def _documented(self, inputs: tuple[str, ...], unit: str) -> tuple[str, ...]:
        """The layouts that docstrings and comments leave: one where they say which axis is time."""
        axes = self.native.documented_input
        if self.native.claims("batch_first") and unit == "batch":
            return tuple(one for one in inputs if one in ("LNI", "L,NI"))
        if axes is None and self.native.rows_by_nature:
            return tuple(one for one in inputs if "N" in one)  # what multiplies rows takes any number of them
        if unit == "step" and axes is not None and len(axes) < 3:
            return tuple(one for one in inputs if len(one) == len(axes)) or inputs
        if axes is None or len(axes) != 3:
            return inputs
        if unit != "batch":
            return ()
        times = [source.is_time(axis) for axis in axes]
        if times.count(True) != 1:
            return inputs
        kept = {0: ("LNI", "L,NI", "LIN"), 1: ("NLI",), 2: ("INL",)}[times.index(True)]
        return tuple(one for one in inputs if one in kept)

    def _ran(self, trial: Trial, dtype: torch.dtype, like: Reading | None, unit: str) -> Iterator[Reading]:
        """The readings of every way to call that does not raise, in order."""
        for convention in self._conventions(like, unit, trial.sizes.rows):
            reading = Reading(convention, None, None, dtype=dtype)
            asked = as_asked(reading, trial.case).convention
            batch = 1 if "N" not in convention.input else trial.sizes.N
            x, h = trial.x[:, :batch], trial.h[:, :batch]
            try:
                call = self._call(reading, trial, x)
                with default_dtype(dtype):
                    returned = call(asked.as_input(x[0] if convention.steps else x), convention.as_state(h))
            except (Exception, SystemExit) as error:
                self._failed(error)
                continue
            parsed = self._parsed(returned, reading, trial, batch, x.shape[0])
            if parsed is None:
                self.failures.setdefault(f"a call that returned {_shown(returned)}", (1, None))
            else:
                if convention.steps and convention.state is None:
                    self.native.stateful = True
                yield parsed

    def _failed(self, error: BaseException) -> None:
        what = described(error)[:200]
        whatever = isinstance(error, _WHATEVER) or "allocate memory" in what
        self.failures.setdefault(what, (0 if whatever else 3 if isinstance(error, Missing) else 2, error))

    def _call(self, reading: Reading, trial: Trial, x: Tensor) -> Any:
        """The candidate as a function of a laid-out input and state, with weights of its own where it holds them."""
        case = altered(trial.case, input={"batch_size": x.shape[1], "seq_len": x.shape[0]})
        binding = reading.convention.binding
        native = self.native
        if not isinstance(native, Object):
            return lambda x, h: native.call(_fresh(x), _fresh(h), trial.params, case, binding)
        with default_dtype(reading.dtype):
            made = native.made(trial.case, reading.dtype, 0, trial.sizes.O)
        generator = torch.Generator().manual_seed(5)
        for one in held_by(made):
            if sum(size > 1 for size in one.shape) >= 2:
                value = torch.randn(one.shape, generator=generator, dtype=torch.float64) * 0.4
                one.set(made, binding.value(value.to(reading.dtype)))
        return lambda x, h: native.run(made, _fresh(x), _fresh(h), case, binding)

    def _run(self, reading: Reading, trial: Trial, x: Tensor, h: Tensor) -> tuple[Tensor | None, Tensor | None]:
        with default_dtype(reading.dtype):
            own = as_asked(reading, trial.case)
            return unit(own, self._call(reading, trial, x), x, h if self.native.takes_state else None)

    # -- what comes back -----------------------------------------------------------------------------------------------

    def _parsed(self, returned: Any, reading: Reading, trial: Trial, batch: int, steps: int) -> Reading | None:
        """What of a result is output and h_n; None where nothing in it is a tensor."""
        letters = trial.letters(batch, steps)
        axes = as_asked(reading, trial.case).convention.input
        outputs, finals = _OUTPUTS[axes], _FINALS.get(axes, ("SNH", "NH", "S,NH"))
        if reading.convention.steps:  # what goes into the next step has the form of what came into this one
            outputs = outputs if reading.convention.state == "SNH" else outputs[:1]
            finals = (reading.convention.state,) if reading.convention.state else finals
        else:
            outputs, finals = self._allowed(outputs, finals, reading)
        items = _items(returned, letters["L"])
        said = self.stated.get("returns", "both")
        heads = (
            {**letters, "F": trial.sizes.O} if isinstance(self.native, Object) and self.native.has_output_size else None
        )

        def fitting(value: Any, options: Sequence[str], sizes: Mapping[str, int] | None) -> str | None:
            if isinstance(value, tuple) and options is finals and not self.native.returns_tensors:
                options = (*finals, "S,NH")  # (h_forward, h_reverse)
            return None if sizes is None else next((one for one in options if _fits(value, one, sizes)), None)

        tensors = [(path, value) for path, value in items if _is_tensor_like(value)]
        if (
            len(tensors) == 1 and len(items) > 1 and not reading.convention.steps
        ):  # (output, (h_n, cache)): a state that stands further in
            tensors += [one for one in _inner(items) if fitting(one[1], finals, letters)][:1]
        if not tensors:
            return None
        keyed = _by_key(tensors)
        if keyed is not None:
            places: list[tuple[str, Any]] = self._by_keys(tensors, keyed, outputs, finals, letters)
            if not places:  # no key that means something: by shape, where one shape stands for one
                of_output = [one for one in tensors if fitting(one[1], outputs, letters)]
                of_state = [one for one in tensors if fitting(one[1], finals, letters)]
                if len(of_output) > 1 or len(of_state) > 1:
                    return None
                places = [("output", one) for one in of_output] + [("h_n", one) for one in of_state]
        else:
            tensors = self._without_heads(tensors, reading, trial, outputs, letters)
            first = tensors[0][1]
            of_head = len(tensors) == 2 and not fitting(first, outputs, letters)
            if of_head and self._is_head(first, trial, heads is not None) and fitting(tensors[1][1], outputs, letters):
                tensors = tensors[1:]  # the results of a head, and the states they come from
            if len(tensors) == 1:
                path, value = tensors[0]
                is_state = fitting(value, finals, letters) and not fitting(value, outputs, letters)
                places = [("h_n" if is_state or said == "h_n" else "output", (path, value))]
            else:
                places = self._in_order(
                    tensors,
                    lambda value: fitting(value, outputs, letters) or fitting(value, outputs, heads),
                    lambda value: fitting(value, finals, letters),
                    lambda value: self._is_head(value, trial, heads is not None),
                )
        parts: dict[str, Part | None] = {"output": None, "h_n": None}
        neither = []
        used = set()
        for name, (path, value) in places:
            options = outputs if name == "output" else finals
            fit = fitting(value, options, letters) or (fitting(value, outputs, heads) if name == "output" else None)
            head = fit is None or (heads is not None and trial.sizes.O in _shape(value))
            if (
                head
                and self._is_head(value, trial, heads is not None)
                and (fit is None or not self._head_is_plain(trial))
            ):
                continue  # the result of a head
            turned = name == "output" and axes != reading.convention.input and "," not in (fit or "")
            expected = outputs[0] if name == "output" else finals[0]
            known = fit or f"?{expected}"
            parts[name] = Part(path, known.translate(BATCH_FIRST) if turned else known)
            used.add(path)
        neither = [f"{_path(path)} {_shown(value)}" for path, value in items if path not in used and path != ()]
        classes = None
        if not used:
            neither = [_shown(returned)]
            if len(tensors) == 1 and self._is_head(tensors[0][1], trial, heads is not None):
                classes = _axes_of_head(tensors[0][1], trial, batch, steps)
        if said == "h_n" and parts["h_n"] is not None:
            parts["output"] = None
        if said == "output" and parts["output"] is not None:
            parts["h_n"] = None
        if reading.convention.steps:
            return self._of_step(reading, parts, neither)
        if not used and reading.convention.input not in ("LNI", "NLI"):
            return None
        return replace(reading, output=parts["output"], h_n=parts["h_n"], neither=tuple(neither), head=classes)

    def _allowed(
        self, outputs: tuple[str, ...], finals: tuple[str, ...], reading: Reading
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The forms that output and h_n may have: of lists those that are documented, or that h_0 has too.

        d2l returns a list of states for output; where nn.RNN's names or a shape are promised, a list is another thing,
        and so is a list over time of what came with the batch first. A candidate that has layers or directions returns
        h_n in nn.RNN's form.
        """
        native, state = self.native, reading.convention.state or ""
        layered = native.claims("num_layers") or reading.convention.binding.listed
        promised = native.drop_in or native.returns_tensors or layered
        promised = promised or (reading.convention.input == "NLI" and not native.says_list)
        if promised:
            outputs = tuple(one for one in outputs if "," not in one)
        listed = native.says_list or "," in state or len(native.states) > 1
        if native.drop_in or native.returns_tensors or not listed:
            finals = tuple(one for one in finals if "," not in one) or finals
        if (layered or native.claims("bidirectional")) and state == "SNH":
            finals = tuple(one for one in finals if "S" in one) or finals
        return outputs, finals

    def _head_is_plain(self, trial: Trial) -> bool:
        """Whether a head reads nothing but the state, so that it can be set to the identity."""
        assert isinstance(self.native, Object)
        s = trial.sizes
        with default_dtype(torch.float64):
            held = held_by(self.native.made(trial.case, torch.float64, 0, s.O))
        of_head = [one.shape for one in held if s.O in one.shape and len(one.shape) == 2 and 1 not in one.shape]
        return all(set(shape) <= {s.O, s.H * s.directions} for shape in of_head)

    def _is_head(self, value: Any, trial: Trial, sized: bool) -> bool:
        """Whether a result is of a head's size: no axis of it is H's, and a weight leads from H to it."""
        shape, s = _shape(value), trial.sizes
        if sized and s.O in shape:
            return True
        if not isinstance(self.native, Object) or not shape or shape[-1] in (s.H, s.H * s.directions):
            return False
        held = held_by(self.native.made(trial.case, torch.float64, 0, s.O))
        return any(
            tuple(one.shape) in ((shape[-1], s.H * s.directions), (s.H * s.directions, shape[-1])) for one in held
        )

    @staticmethod
    def _of_step(reading: Reading, parts: dict[str, Part | None], neither: list[str]) -> Reading | None:
        """A step returns its state, or a result and its state."""
        output, h_n = parts["output"], parts["h_n"]
        if reading.convention.state is None:  # it keeps its state itself, and gives what it gives
            return replace(reading, output=output, neither=tuple(neither)) if output is not None else None
        if h_n is None and output is not None and output.fits:
            state = {"NF": "NH", "1NF": "SNH", "F": "H", "1F": "SH", "FN": "HN", "F1": "H1"}[output.axes]
            h_n, output = Part(output.path, state), None
        if h_n is None:
            return None
        return replace(reading, output=output, h_n=h_n, neither=tuple(neither))

    @staticmethod
    def _by_keys(
        tensors: list[tuple[Any, Any]],
        keyed: dict[str, list[tuple[Any, Any]]],
        outputs: Sequence[str],
        finals: Sequence[str],
        letters: Mapping[str, int],
    ) -> list[tuple[str, Any]]:
        """output and h_n by their keys; of several keys for one, and of a key that is not known, by the shape."""

        def fits(value: Any, options: Sequence[str]) -> bool:
            return any(_fits(value, axes, letters) for axes in options)

        found: dict[str, Any] = {}
        for name, options, others in (("output", outputs, finals), ("h_n", finals, outputs)):
            known = keyed.get(name, [])
            fitting = [one for one in known if fits(one[1], options)]
            exchanged = [one for one in known if fits(one[1], others)]
            if fitting or (known and not exchanged):
                found[name] = (fitting or known)[0]
        rest = [one for one in tensors if all(one[0] != taken[0] for taken in found.values())]
        for name, options in (("output", outputs), ("h_n", finals)):
            if keyed and name not in found:
                said = [one for one in rest if re.search(_KEY_STEMS[name], str(one[0][-1]).lower())]
                likely = [one for one in rest if fits(one[1], options)] or said
                if likely:
                    found[name] = likely[0]
                    rest.remove(likely[0])
        return [*found.items()]

    def _without_heads(
        self,
        tensors: list[tuple[Any, Any]],
        reading: Reading,
        trial: Trial,
        outputs: Sequence[str],
        letters: Mapping[str, int],
    ) -> list[tuple[Any, Any]]:
        """The results of a function but for those that its weights after the recurrence move, where others remain.

        One that stands in output's place, with its shape, stays: with an identity for a head it is the states.
        """
        native = self.native
        if not isinstance(native, Function) or not (native.reads_out or reading.convention.binding.form == "with head"):
            return tensors
        batch = 1 if "N" not in reading.convention.input else trial.sizes.N
        x, h = trial.x[:, :batch], trial.h[:, :batch]
        own, results = as_asked(reading, trial.case).convention, []
        for scale in (1.0, 0.5):
            native.head_scale = scale
            try:
                call = self._call(reading, trial, x)
                results.append(call(own.as_input(x[0] if own.steps else x), own.as_state(h)))
            except Exception:
                return tensors
            finally:
                native.head_scale = 1.0
        kept = []
        for place, (path, value) in enumerate(tensors):
            one, other = (as_tensor(at(result, path)) for result in results)
            moved = one.shape != other.shape or bool((one != other).any())
            of_output = place == 0 and any(_fits(value, axes, letters) for axes in outputs)
            if not moved or of_output:
                kept.append((path, value))
        return kept or tensors

    @staticmethod
    def _in_order(tensors: list[tuple[Any, Any]], is_output: Any, is_final: Any, is_head: Any) -> list[tuple[str, Any]]:
        """Of several tensors the first is output, the next h_n; what was computed for a head may stand before."""
        places = []
        if len(tensors) == 2:
            return [("output", tensors[0]), ("h_n", tensors[1])]
        first = tensors[0]
        skips = is_head(first[1]) or (is_array(first[1]) and not _shape(first[1]))
        output = next((one for one in tensors if is_output(one[1])), first) if skips else first
        after = tensors[tensors.index(output) + 1 :]
        final = next((one for one in after if is_final(one[1])), None)
        final = final or next((one for one in after if not is_output(one[1])), None)
        places = [("output", output)]
        if final is not None:
            places.append(("h_n", final))
        return places

    # -- weights -------------------------------------------------------------------------------------------------------

    def _with_wiring(self, adapted: Adapted) -> None:
        """Wire for the case's own arguments now, so that what cannot be told is told, for others when asked."""
        native = self.native
        if not isinstance(native, Object):
            return

        def prepare(case: Case) -> None:
            key = (case.rnn.num_layers, case.rnn.directions, case.rnn.bias)
            if key not in native.plans:
                native.plans[key] = self._wiring(adapted, *key)

        adapted.prepare = prepare
        rnn = self.case.rnn
        reading = adapted.reading
        asked = {
            "num_layers": rnn.num_layers if reading.layers else 1,
            "bidirectional": rnn.bidirectional and reading.directions,
        }
        one = altered(self.case, rnn=asked)
        if reading.output is None and reading.h_n is None:
            return
        layers, directions = adapted.always
        if directions > one.rnn.directions or (layers > 1 and one.rnn.num_layers != layers):
            return  # not supported, which is told
        prepare(one)
        self._without_bent_head(adapted, one)

    def _without_bent_head(self, adapted: Adapted, case: Case) -> None:
        """Leave output out where it is what a head makes of the states by more than a product: a softmax, a tanh."""
        native, reading = self.native, adapted.reading
        assert isinstance(native, Object)
        plan = native.plans.get((case.rnn.num_layers, case.rnn.directions, case.rnn.bias))
        if reading.output is None or plan is None or not any(piece.kind == "readout" for piece in plan.pieces):
            return
        trial = trial_of(case, native, case.rnn.num_layers, case.rnn.directions, reading.dtype)
        outputs = []
        for scale in (1.0, 0.5):
            with default_dtype(reading.dtype):
                made = native.made(trial.case, reading.dtype, 1, trial.sizes.H if native.has_output_size else None)
            held = held_by(made)
            plan.set(made, held, trial.params, reading.convention.binding, trial.case, scale)
            result = self._attempt(adapted, made, trial, trial.h if native.takes_state else None)
            outputs.append(None if result is None else result[0])
        whole_one, half = outputs
        if whole_one is None or half is None or torch.allclose(whole_one * 0.5, half, atol=1e-4):
            return
        neither = (*reading.neither, "output, which is not the states but what a head makes of them,")
        adapted.reading = replace(reading, output=None, neither=neither)

    def _wiring(self, adapted: Adapted, layers: int, directions: int, bias: bool) -> Wiring:
        native, reading = self.native, adapted.reading
        assert isinstance(native, Object)
        case = altered(self.case, rnn={"bias": bias})
        trials = [trial_of(case, self.native, layers, directions, reading.dtype, equal) for equal in (False, True)]
        first: BaseException | None = None
        for trial in trials:  # at equal sizes too: a matrix that is transposed raises at distinct ones
            try:
                return self._wiring_at(adapted, trial)
            except (Unreadable, AnotherCellError):
                raise
            except (Exception, SystemExit) as error:
                first = first or error
        by_name = self._by_name(trials[0])
        if by_name is not None:
            return by_name
        what = described(first) if first else ""
        asked = [f"num_layers={layers}"] if layers > 1 else []
        asked += ["bidirectional=True"] if directions > 1 else []
        told = f" with {' and '.join(asked)}" if asked else ""
        raise CandidateError(f"candidate {native.name}: its forward raised {what}{told}") from first

    def _by_name(self, trial: Trial) -> Wiring | None:
        """The wiring of an object whose calls raise, by names and shapes; None where they do not tell all of it."""
        assert isinstance(self.native, Object)
        try:
            found = wired(self.native, trial.case, trial.sizes, None, Binding(numpy=self.native.arrays == (True,)))
        except Exception:
            return None
        return None if found.missing else found

    def faults_by_name(self) -> tuple[tuple[str, str, str], ...]:
        """What is wrong with the tensors of an object that cannot be called: their shapes."""
        native = self.native
        if not isinstance(native, Object):
            return ()
        rnn = self.case.rnn
        layers = rnn.num_layers if native.claims("num_layers") else 1
        directions = rnn.directions if native.claims("bidirectional") else 1
        trial = trial_of(self.case, self.native, layers, directions, torch.float64)
        found = self._by_name(trial)
        if found is None:
            return ()
        with default_dtype(torch.float64):
            held = held_by(native.made(trial.case, torch.float64, 0, trial.sizes.O))
        return tuple(found.faults(held, trial.params, None))

    def _wiring_at(self, adapted: Adapted, trial: Trial) -> Wiring:
        native, reading = self.native, adapted.reading
        assert isinstance(native, Object)

        def run(made: Any, x: Tensor, h: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
            one = altered(trial.case, input={"batch_size": x.shape[1], "seq_len": x.shape[0]})
            binding = reading.convention.binding
            x, h = x.to(reading.dtype), None if h is None else h.to(reading.dtype)
            begin = None
            if native.stateful:

                def begin() -> None:
                    for name in ("reset", "reset_state", "reset_hidden", "init_hidden", "init_state"):
                        if callable(getattr(made, name, None)):
                            getattr(made, name)()
                            return

            with default_dtype(reading.dtype), torch.no_grad():
                own = as_asked(reading, one)
                return unit(own, lambda x, h: native.run(made, _fresh(x), _fresh(h), one, binding), x, h, begin)

        try:
            found = wired(native, trial.case, trial.sizes, run, reading.convention.binding)
        except Unwired as error:
            with default_dtype(reading.dtype):
                held = held_by(native.made(trial.case, reading.dtype, 0, trial.sizes.O))
            gates = gated([one.shape for one in held], trial.sizes.H) if trial.sizes.rows == 1 else None
            if gates:
                raise AnotherCellError(f"candidate {native.name}: {gates}") from error
            raise Unreadable(f"candidate {native.name}: not readable: {error}") from error
        if found.turned and self.stated.get("weights") != "behaves":
            self._turned = True
            return found.as_its_neighbours()
        try:
            self._prove(adapted, found, trial)
        except Unreadable:
            if not all(piece.evidence == "its name" for piece in found.pieces):
                raise
            found = wired(native, trial.case, trial.sizes, run, reading.convention.binding, named=False)
            self._prove(adapted, found, trial)  # tensors of nn.RNN's names that are not in use
        return replace(found, extra=self._extra(adapted, found, trial))

    def _prove(self, adapted: Adapted, found: Wiring, trial: Trial) -> None:
        """Build the candidate from two seeds with the same weights: equal outputs, or something random is inside."""
        native, reading = self.native, adapted.reading
        assert isinstance(native, Object)
        if native.fixed:
            return
        binding = reading.convention.binding
        results: list[Any] = []
        for seed in (1, 1, 2):
            if results and results[0] is None:
                return  # it raises, which its own call tells
            with default_dtype(reading.dtype):
                made = native.made(trial.case, reading.dtype, seed, trial.sizes.H if native.has_output_size else None)
            held = held_by(made)
            found.set(made, held, trial.params, binding, trial.case)
            h = trial.h if native.takes_state else None
            results.append(self._attempt(adapted, made, trial, h))
        if None in results or not _equal(results[0], results[1]):
            return  # its forward is random, which the judge tells
        if not _equal(results[0], results[2]):
            unset = [one.name for one in held if not any(name in found.shapes for name in one.names)]
            what = ", ".join(unset[:4]) or "something random"
            raise Unreadable(
                f"candidate {native.name}: not readable: {what} was never set, and what comes out depends on it"
            )

    def _extra(self, adapted: Adapted, found: Wiring, trial: Trial) -> tuple[str, ...]:
        """The parameters of a module that hold no weight and act all the same: a gain, a learned start, a skip."""
        native, reading = self.native, adapted.reading
        assert isinstance(native, Object)
        if not native.is_module or native.fixed:
            return ()
        generator = torch.Generator().manual_seed(3)
        size = trial.sizes.H if native.has_output_size else None
        acting: list[str] = []
        with default_dtype(reading.dtype):
            names = [one.name for one in held_by(native.made(trial.case, reading.dtype, 1, size)) if one.parameter
                     and not set(one.names) & set(found.shapes)]  # fmt: skip
        for name in names:
            results = []
            for changed in (False, True):
                with default_dtype(reading.dtype):
                    made = native.made(trial.case, reading.dtype, 1, size)
                held = held_by(made)
                found.set(made, held, trial.params, reading.convention.binding, trial.case)
                one = next((one for one in held if one.name == name), None)
                if one is None:
                    return tuple(acting)
                if changed:
                    noise = torch.randn(one.shape, generator=generator, dtype=torch.float64).to(reading.dtype)
                    one.set(made, one.value.detach() + noise)
                starts = [trial.h if native.takes_state else None, *([None] if native.optional_state else [])]
                results += [self._attempt(adapted, made, trial, h) for h in starts]
            half = len(results) // 2
            pairs = list(zip(results[:half], results[half:], strict=True))
            if any(a is not None and b is not None and not _equal(a, b) for a, b in pairs):
                acting.append(name)
        return tuple(acting)

    def _attempt(self, adapted: Adapted, made: Any, trial: Trial, h: Tensor | None) -> Any:
        native, reading = self.native, adapted.reading
        assert isinstance(native, Object)
        binding = reading.convention.binding
        try:
            with default_dtype(reading.dtype), torch.no_grad():
                call = lambda x, h: native.run(made, _fresh(x), _fresh(h), trial.case, binding)  # noqa: E731
                return unit(as_asked(reading, trial.case), call, trial.x.clone(), h)
        except Exception:
            return None

    def _takes(self, adapted: Adapted, layout: str) -> bool:
        """Whether a drop-in for nn.RNN takes an input of that layout itself."""
        native, reading = self.native, adapted.reading
        if not whole(reading, self.case) or (layout == "unbatched" and reading.convention.state not in ("SNH", None)):
            return False
        layers, directions = (
            (self.case.rnn.num_layers if reading.layers else 1),
            (self.case.rnn.directions if reading.directions else 1),
        )
        trial = trial_of(self.case, self.native, layers, directions, reading.dtype)
        x: Any = trial.x[:, 0]
        h = trial.h[:, 0]
        given = {"batch_size": 2, "layout": layout}
        if layout == "packed":
            x, h = torch.nn.utils.rnn.pack_sequence([trial.x[:, 0], trial.x[:2, 1]]), trial.h[:, :2]
            given["lengths"] = (trial.sizes.L, 2)
        try:
            with default_dtype(reading.dtype), torch.no_grad():
                adapted.prepare(trial.case)
                state = reading.convention.as_state(h) if layout == "packed" and native.takes_state else h
                native.call(x, state, trial.params, altered(trial.case, input=given), reading.convention.binding)
        except Exception:
            return native.names_packed if layout == "packed" else True  # it claims nn.RNN's interface
        return True

    def _refuses_two_axes(self, adapted: Adapted) -> bool:
        """Whether a module raises by a statement of its own for a 2-D input: it says that it does not take one."""
        native, reading = self.native, adapted.reading
        if not isinstance(native, Object) or not native.is_module or "N" not in reading.convention.input:
            return False
        trial = trial_of(self.case, self.native, 1, 1, reading.dtype)
        try:
            self._call(reading, trial, trial.x[:, :1])(trial.x[:, 0], trial.h[:, 0])
        except Exception as error:
            frames = traceback.extract_tb(error.__traceback__)
            return bool(frames) and str(frames[-1].line).startswith(("raise ", "assert "))
        return False

    def _unreadable(self) -> Unreadable | AnotherCellError:
        """What was tried, and what stopped it."""
        gates = gated_by_source(self.target)
        if gates:
            return AnotherCellError(f"candidate {self.native.name}: {gates}")
        telling = sorted(self.failures, key=lambda said: self.failures[said][0])
        said = telling[0] if telling else "it takes no arguments that look like an RNN's"
        rank, error = self.failures[said] if telling else (0, None)
        if rank == 0 and error is not None:  # whatever it is given
            failure = Unreadable(f"candidate {self.native.name}: its forward raised {said}")
        else:
            failure = Unreadable(
                f"candidate {self.native.name}: cannot tell how to call it ({self.native.described()}): tried, among"
                f" others, {said}"
            )
        failure.__cause__ = error
        return failure


# -- what is returned --------------------------------------------------------------------------------------------------


def _items(returned: Any, steps: int) -> list[tuple[tuple[Any, ...], Any]]:
    """What stands in a result, by its path: the tensor itself, the items of a tuple, a dict or a record."""
    if is_array(returned):
        return [((), returned)]
    if hasattr(returned, "_fields"):
        return [((name,), getattr(returned, name)) for name in returned._fields]
    if isinstance(returned, dict):
        return [((key,), value) for key, value in returned.items()]
    if isinstance(returned, list) and len(returned) == steps and steps > 1 and all(map(is_array, returned)):
        return [((), returned)]
    if isinstance(returned, list | tuple):
        return [((index,), value) for index, value in enumerate(returned)]
    if hasattr(returned, "__dataclass_fields__"):
        return [((name,), getattr(returned, name)) for name in returned.__dataclass_fields__]
    return [((), returned)] if isinstance(returned, float | int) and not isinstance(returned, bool) else []


def _inner(items: list[tuple[tuple[Any, ...], Any]]) -> list[tuple[tuple[Any, ...], Any]]:
    """The tensors that stand first in a tuple of a result, or in a dict under the name of a state."""
    found: list[tuple[tuple[Any, ...], Any]] = []
    for path, value in items:
        if isinstance(value, tuple):
            found += [((*path, 0), value[0])] if value and is_array(value[0]) else []
        elif isinstance(value, dict):
            named = [(key, item) for key, item in value.items() if is_array(item) and isinstance(key, str)]
            found += [((*path, key), item) for key, item in named if re.search(_KEY_STEMS["h_n"], key.lower())]
    return found


def _by_key(tensors: list[tuple[Any, Any]]) -> dict[str, list[tuple[Any, Any]]] | None:
    """What the keys of a dict or a record name as output and as h_n; None where nothing has a key."""
    if not all(len(path) == 1 and isinstance(path[0], str) for path, _ in tensors):
        return None
    found: dict[str, list[tuple[Any, Any]]] = {}
    for path, value in tensors:
        key = path[0].lower()
        name = "output" if key in _OUTPUT_KEYS else "h_n" if key in _STATE_KEYS else None
        if name:
            found.setdefault(name, []).append((path, value))
    return found


def _is_tensor_like(value: Any) -> bool:
    if is_array(value) or (isinstance(value, float | int) and not isinstance(value, bool)):
        return True
    if isinstance(value, list) and not value:
        return True  # outputs that were never collected
    if isinstance(value, list | tuple) and len(value) and all(map(is_array, value)):
        return len({tuple(item.shape) for item in value}) == 1
    return False


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(value.shape) if is_array(value) else ()


def _fits(value: Any, axes: str, sizes: Mapping[str, int]) -> bool:
    """Whether a value has these axes."""
    if "," in axes:
        first, rest = axes[0], axes[2:]
        if not isinstance(value, list | tuple) or len(value) != sizes[first]:
            return False
        return all(is_array(item) and tuple(item.shape) == tuple(sizes[one] for one in rest) for item in value)
    if axes == "NH" and sizes["S"] > 1:
        return False
    return is_array(value) and tuple(value.shape) == tuple(sizes[letter] for letter in axes)


def _misfits(reading: Reading) -> int:
    output, h_n = reading.output, reading.h_n
    return 2 * (output is None or not output.fits) + (h_n is not None and not h_n.fits)


def _alike(one: Binding, other: Binding) -> bool:
    """Whether two bindings differ in lists and forms alone, which one layer does not need."""
    return replace(one, listed=False, form="") == replace(other, listed=False, form="")


def _fresh(value: Any) -> Any:
    """A copy, so that a candidate that writes into its arguments does not change the next trial."""
    if isinstance(value, list):
        return [_fresh(item) for item in value]
    return value.clone() if isinstance(value, Tensor) else value


def _equal(one: Sequence[Tensor | None], other: Sequence[Tensor | None]) -> bool:
    return all(
        a is b is None
        or (a is not None and b is not None and a.shape == b.shape and torch.allclose(a, b, equal_nan=True))
        for a, b in zip(one, other, strict=True)
    )


def _axes_of_head(value: Any, trial: Trial, batch: int, steps: int) -> str:
    """The shape of a head's result, as (N, 3): the last axis in figures, or as classes where they are an argument."""
    sizes = _shape(value)
    last = "num_classes" if sizes[-1] == trial.sizes.O else str(sizes[-1])
    letters = {steps: "L", batch: "N"}
    return f"({', '.join([*(letters.get(size, str(size)) for size in sizes[:-1]), last])})"


def _path(path: Sequence[Any]) -> str:
    return f"result{''.join(f'[{key!r}]' for key in path)}"


def _shown(returned: Any) -> str:
    """What was returned, in short."""
    if is_array(returned):
        return f"a tensor of shape {tuple(returned.shape)}"
    if isinstance(returned, tuple | list) and len(returned) <= 4:
        return f"({', '.join(_shown(item) for item in returned)})"
    return f"a {type(returned).__name__}"
