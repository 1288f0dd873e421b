"""Settles how a candidate is called and what its results are, before any value is compared with nn.RNN's.

What settles it: the signature, names and source; the shapes of what comes back at pairwise distinct sizes; experiments
on the candidate alone.
"""

import traceback
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch.nn.utils.rnn import pack_sequence

from rnncli.candidate.adapter import Adapted
from rnncli.candidate.convention import Reading
from rnncli.candidate.function import Function
from rnncli.candidate.load import default_dtype
from rnncli.candidate.lookalikes import AnotherCellError, other_cell, other_cell_inside
from rnncli.candidate.objects import Candidate, Object, native_of
from rnncli.candidate.places import held_by
from rnncli.candidate.proof import Proof, faults_by_name
from rnncli.candidate.settle import Settling, Unreadable
from rnncli.candidate.trial import equal, trial_of
from rnncli.core.case import Case, altered
from rnncli.core.errors import CandidateError

__all__ = ["Reader", "Unreadable", "read"]


def read(target: object, name: str, case: Case, stated: Mapping[str, Any] | None = None) -> list[Adapted]:
    """Read a candidate, for cases with the layers and directions of this one.

    `stated` are parts of the reading that the config gives: convention, layout, weights, returns.
    Returns the reading, or the readings that evidence leaves open, the plain one first. Raises Unreadable, and
    AnotherCellError for an LSTM or a GRU.
    """
    if another := other_cell(target):
        raise AnotherCellError(f"candidate {name}: {another}")
    native = native_of(target, name)
    if isinstance(native, Object) and native.is_module:
        _require_no_other_cell(native, case)
    if case.rnn.batch_first and native.claims("batch_first"):
        # one that takes the argument and always walks the second axis is right where the case asks for batch_first
        asked = native_of(target, name)
        asked.tried_batch_first = True
        try:
            found = Reader(asked, case, stated or {}).readings()
        except Unreadable:
            found = []
        if found and all(adapted.reading.fits for adapted in found):
            return found
    try:
        return Reader(native, case, stated or {}).readings()
    except Unreadable as error:
        error.faults = faults_by_name(native, case) if isinstance(native, Object) else ()
        raise


def _require_no_other_cell(native: Object, case: Case) -> None:
    try:
        made = trial_of(case, native, 1, 1, torch.float32).made(torch.float32)
    except (Exception, SystemExit):
        return  # it cannot be constructed, which its own call tells
    if inside := other_cell_inside(made):
        raise AnotherCellError(f"candidate {native.name}: {inside}")


class Reader:
    """Reads one candidate: how one call is made, what of layers and directions it claims, and what its weights are."""

    def __init__(self, native: Candidate, case: Case, stated: Mapping[str, Any]) -> None:
        self.native, self.case, self.stated = native, case, stated
        self.settling = Settling(native, case, stated)
        self.settled = self.settling.settled

    def readings(self) -> list[Adapted]:
        """Return the readings that evidence leaves, the plain one first. Raises Unreadable."""
        base, always = self._base()
        found: list[Adapted] = []
        for reading in base:
            adapted = Adapted(self.native, self._claimed(self._with_joined_order(reading), always), always)
            found.append(adapted)
            if self._wire(adapted) and "weights" not in self.stated:
                other = native_of(self.native.target, self.native.name)
                found += Reader(other, self.case, {**self.stated, "weights": "behaves"}).readings()
        self._tell_layouts(found[0])
        return found

    def _base(self) -> tuple[list[Reading], tuple[int, int]]:
        """Return the reading at one layer and one direction, or at as many as the candidate always has."""
        partly: list[Reading] = []
        rnn, native = self.case.rnn, self.native
        by_layers, by_directions = native.claims("num_layers"), native.claims("bidirectional")
        asked = min(rnn.num_layers, 2) if by_layers else 1, rnn.directions if by_directions else 1
        for layers, directions in dict.fromkeys(((1, 1), asked, (1, 2), (2, 1), (2, 2))):
            claimed = (layers, directions) == asked
            told = by_directions and (partly or native.asks_for_directions)
            if not claimed and ((layers > 1 and by_layers) or (directions > 1 and told)):
                continue
            found = self.settled(layers, directions)
            if found and (layers, directions) == (1, 1) and self._leaves_weights(found[0]):
                partly = found
                continue
            plain = claimed or (layers, directions) == (1, 1)
            if found and found[0].fits and (plain or found[0].output is not None):
                return found, (1, 1) if claimed else (layers, directions)
            partly = partly or found
        partly = partly or self.settled(1, 1, equal=True)
        if partly:
            return partly, (1, 1)
        raise self.settling.unreadable()

    def _leaves_weights(self, reading: Reading) -> bool:
        """Return whether a matrix has no effect in one layer and direction, and another of its name and shape has one.

        A class that zips its directions with the rows of h_0 runs with a single row, and leaves the others out.
        """
        rnn, native = self.case.rnn, self.native
        if not isinstance(native, Object) or (rnn.num_layers == 1 and not rnn.bidirectional):
            return False
        try:
            found = Proof(native, self.case, reading, False).wiring(1, 1, rnn.bias)
        except (CandidateError, SystemExit):
            return False
        used = {(name.rpartition(".")[2], one.shape) for name, one in found.tensors.items()}
        held = held_by(trial_of(self.case, native, 1, 1, reading.dtype).made(reading.dtype))
        unused = [one for one in held if one.name in found.buffers and len(one.shape) == 2]
        return any((one.name.rpartition(".")[2], one.shape) in used for one in unused)

    def _with_joined_order(self, reading: Reading) -> Reading:
        """Return the reading with h before x in a joined matrix, where a function multiplies x by what is for h."""
        native, binding = self.native, reading.binding
        if not isinstance(native, Function) or not native.joined:
            return reading
        trial = trial_of(self.case, native, 1, 1, reading.dtype)
        other = replace(trial, params={**trial.params, "weight_hh_l0": trial.params["weight_hh_l0"] + 1.0})
        try:
            one, two = (which.computed(reading, trial.x[:1], torch.zeros_like(trial.h)) for which in (trial, other))
        except Exception:
            return reading
        if equal(one, two):
            return reading
        return replace(reading, binding=replace(binding, state_first=not binding.state_first))

    def _claimed(self, reading: Reading, always: tuple[int, int]) -> Reading:
        """Return the reading with what it claims of the case's layers and directions, tried where it does."""
        rnn, binding, native = self.case.rnn, reading.binding, self.native
        by_form = binding.listed or binding.form in ("tuples", "flat")
        layers = always[0] > 1 or native.claims("num_layers") or by_form
        directions = always[1] > 1 or native.claims("bidirectional")
        wanted = min(rnn.num_layers, 2) if layers else 1, rnn.directions if directions else 1
        if always != (1, 1) and wanted <= always:
            return replace(reading, layers=layers, directions=always[1] > 1)
        if wanted == (1, 1):
            several = rnn.num_layers > 1 or rnn.bidirectional
            return self._by_behaviour(reading) if several else replace(reading, layers=layers, directions=directions)
        if found := self.settled(*wanted, like=reading) or self.settled(*wanted, like=reading, equal=True):
            return replace(found[0], layers=layers, directions=directions)
        state = "SNH" if reading.state == "NH" else reading.state
        return replace(reading, state=state, layers=layers, directions=directions)

    def _by_behaviour(self, reading: Reading) -> Reading:
        """Give a function that does not say how many layers it has one for each state that it gives back."""
        most, both = min(2, self.case.rnn.num_layers), self.case.rnn.directions
        if isinstance(self.native, Object) or reading.steps or not self.native.takes_state:
            return reading
        for layers, directions in dict.fromkeys([(most, both), (1, both), (most, 1)]):
            for equal_sizes in (False, True) if (layers, directions) != (1, 1) else ():
                for found in self.settled(layers, directions, like=reading, equal=equal_sizes)[:1]:
                    rows = found.output is not None and found.h_n is not None and "S" in found.h_n.axes
                    if found.fits and rows and self._uses_rows(found, layers, directions, equal_sizes):
                        return replace(found, layers=layers > 1, directions=directions > 1)
        return reading

    def _uses_rows(self, reading: Reading, layers: int, directions: int, equal_sizes: bool) -> bool:
        """Return whether each row of h_0 moves its own row of h_n."""
        trial = trial_of(self.case, self.native, layers, directions, reading.dtype, equal_sizes)
        for row in range(trial.sizes.rows):
            h = trial.h.clone()
            h[row] += 1.0
            after, same = (trial.computed(reading, trial.x[:1], one)[1] for one in (h, trial.h))
            if after is None or same is None or not bool((after[row] != same[row]).any()):
                return False
        return True

    def _wire(self, adapted: Adapted) -> bool:
        """Wire an object for the case's own arguments now, so that what cannot be told is told; for others when asked.

        Return whether a square matrix of it behaves otherwise than its neighbours lie: a second reading.
        """
        native, case, reading = self.native, self.case, adapted.reading
        if not isinstance(native, Object):
            return False
        turned = False

        def prepare(case: Case) -> None:
            nonlocal turned
            key = case.rnn.num_layers, case.rnn.directions, case.rnn.bias
            if key not in native.plans:
                proof = Proof(native, self.case, adapted.reading, self.stated.get("weights") == "behaves")
                native.plans[key] = proof.wiring(*key)
                turned = turned or proof.turned

        adapted.prepare = prepare
        layers, bidirectional = case.rnn.num_layers if reading.layers else 1, case.rnn.bidirectional
        one = altered(case, rnn={"num_layers": layers, "bidirectional": bidirectional and reading.directions})
        unsupported = adapted.always[1] > one.rnn.directions or adapted.always[0] not in (1, one.rnn.num_layers)
        if (reading.output is None and reading.h_n is None) or unsupported:
            return False  # which is told
        prepare(one)
        plan = native.plans[one.rnn.num_layers, one.rnn.directions, one.rnn.bias]
        if Proof(native, case, reading, False).has_bent_head(plan, one):
            neither = (*reading.neither, "output, which is not the states but what a head makes of them,")
            adapted.reading = replace(reading, output=None, neither=neither)
        return turned

    # -- what it takes itself ------------------------------------------------------------------------------------------

    def _tell_layouts(self, adapted: Adapted) -> None:
        native, layout = self.native, self.case.input.layout
        if layout == "unbatched":
            takes = self._takes(adapted, "unbatched") if native.drop_in else self._refuses_two_axes(adapted.reading)
            adapted.unbatched = takes
        if layout == "packed" and (native.drop_in or native.names_packed):
            adapted.packs = self._takes(adapted, "packed")
        adapted.outside_autograd = native.outside_autograd and not self._carries_gradients(adapted.reading)

    def _carries_gradients(self, reading: Reading) -> bool:
        trial = trial_of(self.case, self.native, 1, 1, reading.dtype)
        try:
            with torch.enable_grad():
                results = trial.computed(reading, trial.x.clone().requires_grad_(), trial.h)
        except Exception:
            return True
        return any(value is not None and value.requires_grad for value in results)

    def _takes(self, adapted: Adapted, layout: str) -> bool:
        """Return whether a drop-in for nn.RNN takes an input of that layout itself."""
        native, reading, rnn = self.native, adapted.reading, self.case.rnn
        if not reading.whole(self.case) or (layout == "unbatched" and reading.state not in ("SNH", None)):
            return False
        layers = rnn.num_layers if reading.layers else 1
        trial = trial_of(self.case, native, layers, rnn.directions if reading.directions else 1, reading.dtype)
        x: Any = trial.x[:, 0]
        state, given = trial.h[:, 0], {"batch_size": 2, "layout": layout}
        if layout == "packed":
            x, given["lengths"] = pack_sequence([trial.x[:, 0], trial.x[:2, 1]]), (trial.sizes.L, 2)
            state = reading.as_state(trial.h[:, :2])
        try:
            with default_dtype(reading.dtype), torch.no_grad():
                adapted.prepare(trial.case)
                native.call(x, state, trial.params, altered(trial.case, input=given), reading.binding)
        except Exception:
            return native.names_packed if layout == "packed" else True  # it claims nn.RNN's interface
        return True

    def _refuses_two_axes(self, reading: Reading) -> bool:
        """Return whether a module raises by a statement of its own for a 2-D input, which it then refuses."""
        native = self.native
        if not isinstance(native, Object) or not native.is_module or "N" not in reading.input:
            return False
        trial = trial_of(self.case, native, 1, 1, reading.dtype)
        try:
            trial.call(reading, trial.x[:, :1])(trial.x[:, 0], trial.h[:, 0])
        except Exception as error:
            frames = traceback.extract_tb(error.__traceback__)
            return bool(frames) and str(frames[-1].line).startswith(("raise ", "assert "))
        return False
