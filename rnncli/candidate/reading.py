"""Settles how a candidate is called and what its results are, before any value is compared with nn.RNN's.

What settles it: the signature, names and source; the shapes of what comes back at pairwise distinct sizes; experiments
on the candidate alone.
"""

import contextlib
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import torch

from rnncli.candidate.adapter import Adapted
from rnncli.candidate.arguments import Arguments
from rnncli.candidate.convention import Reading
from rnncli.candidate.forms import ways_to_hold_weights
from rnncli.candidate.function import Function
from rnncli.candidate.lookalikes import AnotherCellError, other_cell
from rnncli.candidate.objects import AnyNative, Object, native_of, plan_key
from rnncli.candidate.observed import observe_layouts, overwritten_by, trial_of_whole, unlike_heads
from rnncli.candidate.places import held_by
from rnncli.candidate.proof import Proof, faults_by_name, require_no_other_cell
from rnncli.candidate.settle import Settling, Unreadable
from rnncli.candidate.trial import equal, trial_of
from rnncli.core.case import Case, altered
from rnncli.core.errors import CandidateError

__all__ = ["Reader", "Unreadable", "read"]


@torch.no_grad()
def read(target: object, name: str, case: Case, stated: Mapping[str, Any] | None = None) -> list[Adapted]:
    """Read a candidate, for cases with the layers and directions of this one.

    `stated` are parts of the reading that the config gives: convention, layout, weights, returns, states.
    Returns the reading, or the readings that evidence leaves open, the plain one first. Raises Unreadable, and
    AnotherCellError for an LSTM or a GRU.
    """
    stated = stated or {}
    if another := other_cell(target, case.cell):
        raise AnotherCellError(f"candidate {name}: {another}")
    native = native_of(target, name, case.cell)
    if native.is_module:
        require_no_other_cell(native, case)
    if native.states.pair and "takes" in stated:
        raise Unreadable(f"candidate {name}: it takes {native.states.names[0]} apart into h and c: it is not h_0 alone")
    if not (case.rnn.batch_first and native.claims("batch_first")):
        return _in_its_forms(native, case, stated)
    # one that takes the argument and always walks the second axis is right where the case asks for batch_first
    asked, found = native_of(target, name, case.cell), list[Adapted]()
    asked.tried_batch_first = True
    with contextlib.suppress(Unreadable):
        found = Reader(asked, case, stated).readings()
    if found and all(adapted.reading.fits for adapted in found):
        return found
    try:
        others = _in_its_forms(native, case, stated)
    except Unreadable:
        if found:
            return found
        raise
    return others if all(adapted.reading.fits for adapted in others) else found or others


def _in_its_forms(native: AnyNative, case: Case, stated: Mapping[str, Any]) -> list[Adapted]:
    """Return the readings of the first form of weights in which a candidate can be read. Raises Unreadable."""
    if isinstance(native, Object) and (sizes := native.other_sizes(case)):
        raise Unreadable(f"candidate {native.name}: {sizes}")
    errors = []
    ways = ways_to_hold_weights(native, case, "takes" in stated)
    for one, equal_sizes in [(one, False) for one in ways[:-1]] + [(one, True) for one in ways]:
        try:
            found = Reader(one, case, stated, equal_sizes).readings()
            if native.looks_at_rank and found[0].reading.state == "NH" and case.input.layout == "unbatched":
                found = _unbatched(native.target, native.name, case, stated) or found
            told = one.states.h_alone or one.states.may_be_pair
            return found if told else _with_h_alone(found, ways, case, stated)
        except Unreadable as error:
            error.faults = faults_by_name(one, case) if isinstance(one, Object) and one is native else ()
            errors.append(error)
    if isinstance(native, Object) and (why := native.told_of_one()):
        raise Unreadable(f"candidate {native.name}: {why}") from errors[0]
    raise errors[len(ways) - 1]  # of the first, where it was tried at equal sizes too


def _unbatched(target: object, name: str, case: Case, stated: Mapping[str, Any]) -> list[Adapted]:
    """Return how it is called with (L, H_in), where that has results of the right shapes."""
    native, one_sequence = native_of(target, name, case.cell), {"layout": "unbatched", **stated}
    with contextlib.suppress(Unreadable):
        found = Reader(native, case, one_sequence, equal_sizes=False).readings()
        return found if all(one.reading.fits for one in found) else []
    return []


def _with_h_alone(found: list[Adapted], ways: list[AnyNative], case: Case, stated: Mapping[str, Any]) -> list[Adapted]:
    """Return the readings, and the one of h alone, where c in the same argument has no effect: `h_0[0]` may be either.

    It takes their place where its shapes fit alone: NumPy takes (h_0, c_0) for one array.
    """
    alone, first = [one for one in ways if one.states.h_alone], found[0]
    trial, fits = trial_of(case, first.native, *first.always, first.reading.dtype), first.reading.fits
    if not alone or (fits and trial.depends_on_c(first.reading)):
        return found
    for one in alone:
        with contextlib.suppress(CandidateError):
            others = Reader(one, case, stated).readings()
            if all(other.reading.fits for other in others):
                return [*found, *others] if fits else others
            return found
    return found


class Reader:
    """Reads one candidate: how one call is made, what of layers and directions it claims, and what its weights are."""

    def __init__(self, native: AnyNative, case: Case, stated: Mapping[str, Any], equal_sizes: bool = True) -> None:
        """`equal_sizes`: whether a candidate that runs where all sizes are equal alone is read."""
        self.native, self.case, self.stated, self.equal_sizes = native, case, stated, equal_sizes
        self.settling = Settling(native, case, stated)
        self.settled = self.settling.settled

    def readings(self) -> list[Adapted]:
        """Return the readings that evidence leaves, the plain one first. Raises Unreadable."""
        base, always = self._base()
        if trial_of(self.case, self.native, 1, 1, base[0].dtype).memory_first(base[0]):
            self.native.states.exchange()
            base, always = self._base()
        found: list[Adapted] = []
        for reading in base:
            adapted = Adapted(self.native, self._claimed(self._with_joined_order(reading), always), always)
            whole = trial_of_whole(adapted, self.case)
            whole.let_build(adapted.reading)
            adapted.reverses = whole.reverses(adapted.reading)
            found.append(adapted)
            if self._wire(adapted) and "weights" not in self.stated:
                other = native_of(self.native.target, self.native.name, self.case.cell)
                other = Arguments(other) if isinstance(other, Function) and self.native.lies_as_told else other
                found += Reader(other, self.case, {**self.stated, "weights": "behaves"}).readings()
        observe_layouts(found[0], self.case)
        for adapted in found:
            adapted.overwrites = overwritten_by(adapted, self.case)
            adapted.unlike_heads = adapted.unlike_heads or unlike_heads(adapted, self.case)
        return found

    def _base(self) -> tuple[list[Reading], tuple[int, int]]:
        """Return the reading at one layer and one direction, or at as many as the candidate always has."""
        partly, always, drops = list[Reading](), (1, 1), False
        asked, by_directions = self._asked(), self.native.claims("bidirectional")
        for sizes in self._sizes_tried(asked):
            claimed, single = sizes == asked, sizes == (1, 1)
            if not claimed and self._is_left_out(sizes, bool(partly)):
                continue
            found, has = (self.settled(*sizes), sizes) if claimed else self._by_its_rows(*sizes)
            if has != sizes:
                return found, has
            if not found:
                continue
            first, drops = found[0], drops or (single and not by_directions and self._drops_a_result(found[0]))
            if single and (drops or self._leaves_weights(first)):
                partly = found
                continue
            if drops and not (first.output and self._runs_backward(first, sizes)):
                continue
            if first.fits and (claimed or single or first.output is not None):
                return found, (1, 1) if claimed else sizes
            of_all = not claimed and self._claims_fewer(sizes)  # one layer, or one direction, raises alone
            if partly and first.gives_output > partly[0].gives_output:
                # an output of one direction's size, or of both
                tells = always == (1, 2) if sizes[1] == 1 else of_all and self._runs_backward(first, sizes)
                partly = [] if tells else partly
            if not partly:
                partly, always = found, sizes if of_all else always
        partly = partly or (self.settled(1, 1, equal=True) if self.equal_sizes else [])
        if partly:
            return partly, always
        raise self.settling.unreadable()

    def _asked(self) -> tuple[int, int]:
        """Return the layers, two at most, and the directions of the case that the candidate claims to have."""
        rnn, claims = self.case.rnn, self.native.claims
        return min(rnn.num_layers, 2) if claims("num_layers") else 1, rnn.directions if claims("bidirectional") else 1

    def _sizes_tried(self, asked: tuple[int, int]) -> Iterable[tuple[int, int]]:
        """Return the layers and directions at which it is tried: those that it claims, then what it may always have."""
        rnn, native = self.case.rnn, self.native
        if native.states.h_alone:
            return dict.fromkeys([(1, 1), asked])  # two rows of h would be taken for h and c
        return dict.fromkeys(
            [(1, 1), asked, (1, 2), (2, 1), (2, 2), (native.layers, asked[1]), (rnn.num_layers, asked[1])]
        )

    def _is_left_out(self, sizes: tuple[int, int], runs: bool) -> bool:
        """Return whether a number of layers or directions that it does not claim need not be tried."""
        (layers, directions), native = sizes, self.native
        told = native.claims("bidirectional") and (runs or native.asks_for_directions)
        if (layers > 1 and native.claims("num_layers")) or (directions > 1 and told):
            return True
        # without states any number of layers has the right shapes
        return 1 < layers < self.case.rnn.num_layers and not native.states.taken

    def _claims_fewer(self, sizes: tuple[int, int]) -> bool:
        (layers, directions), claims = sizes, self.native.claims
        return (directions > 1 and not claims("bidirectional")) or (layers > 1 and not claims("num_layers"))

    def _by_its_rows(self, layers: int, directions: int) -> tuple[list[Reading], tuple[int, int]]:
        """Return the readings of a candidate that takes as many rows of h_0, and of how many layers and directions.

        What they are of is told by what moves: rows of layers would do for directions, and output has one direction's
        size where both are added up.
        """
        found, sizes = self.settled(layers, directions), (layers, directions)
        if not found:
            return found, sizes
        trial = trial_of(self.case, self.native, layers, directions, found[0].dtype)
        if directions > 1 and not found[0].fits and trial.chains_rows(found[0]):
            return [], sizes
        if sizes == (2, 1) and found[0].fits and not trial.chains_rows(found[0]) and trial.runs_backward(found[0]):
            of_one = self.settled(1, 2)
            return (of_one, (1, 2)) if of_one else (found, sizes)
        return found, sizes

    def _drops_a_result(self, reading: Reading) -> bool:
        """Return whether states come back in their shapes, and something else in output's place."""
        return reading.fits and reading.output is None and any("result[0]" in one for one in reading.neither)

    def _runs_backward(self, reading: Reading, sizes: tuple[int, int]) -> bool:
        return trial_of(self.case, self.native, *sizes, reading.dtype).runs_backward(reading)

    def _leaves_weights(self, reading: Reading) -> bool:
        """Return whether a matrix has no effect in one layer and direction, and another of its name and shape has one.

        A class that zips its directions with the rows of h_0 runs with a single row, and leaves the others out.
        """
        rnn, native = self.case.rnn, self.native
        if not isinstance(native, Object) or (rnn.num_layers == 1 and not rnn.bidirectional):
            return False
        try:
            found = Proof(native, self.case, reading).wiring(1, 1, rnn.bias)
        except Unreadable:
            return not native.states.taken  # it may have several layers, which no state tells
        except (CandidateError, SystemExit):
            return False
        used = {(name.rpartition(".")[2], one.shape) for name, one in found.tensors.items()}
        held = held_by(trial_of(self.case, native, 1, 1, reading.dtype).made(reading.dtype))
        unused = [one for one in held if one.name in found.buffers and len(one.shape) == 2]
        return any((one.name.rpartition(".")[2], one.shape) in used for one in unused)

    def _with_joined_order(self, reading: Reading) -> Reading:
        """Return the reading with h before x in a joined matrix, where a function multiplies x by what is for h."""
        if not self.native.joined:
            return reading
        trial = trial_of(self.case, self.native, 1, 1, reading.dtype)
        other = replace(trial, params={**trial.params, "weight_hh_l0": trial.params["weight_hh_l0"] + 1.0})
        try:
            zeros = tuple(map(torch.zeros_like, trial.states))
            one, two = (which.computed(reading, trial.x[:1], zeros) for which in (trial, other))
        except Exception:
            return reading
        exchanged = replace(reading.binding, state_first=not reading.binding.state_first)
        return reading if equal(one, two) else replace(reading, binding=exchanged)

    def _claimed(self, reading: Reading, always: tuple[int, int]) -> Reading:
        """Return the reading with what it claims of the case's layers and directions, tried where it does.

        A function that does not say how many layers it has has one for each state that it gives back.
        """
        rnn, native = self.case.rnn, self.native
        by_form = reading.binding.listed or reading.binding.form in ("tuples", "triples", "flat", "numbered")
        layers = always[0] > 1 or native.claims("num_layers") or by_form
        most, both = min(rnn.num_layers, 2), rnn.directions
        in_lists = by_form or (isinstance(native, Arguments) and native.holds_all_in_lists)
        directions = always[1] > 1 or native.claims("bidirectional")
        directions = directions or (in_lists and self._runs_both_directions(reading, most if layers else 1))
        wanted = most if layers else 1, both if directions else 1
        claimed = replace(reading, layers=layers, directions=directions)
        if always != (1, 1) and wanted <= always:
            return replace(claimed, directions=always[1] > 1)
        if wanted != (1, 1):
            found = self.settled(*wanted, like=reading) or self.settled(*wanted, like=reading, equal=True)
            state = "SNH" if reading.state == "NH" else reading.state
            return replace(found[0], layers=layers, directions=directions) if found else replace(claimed, state=state)
        if (most, both) == (1, 1):
            return claimed
        if isinstance(native, Object) or reading.steps or not native.states.taken:
            return reading
        several = [sizes for sizes in dict.fromkeys([(most, both), (1, both), (most, 1)]) if sizes != (1, 1)]
        for sizes, equal_sizes in itertools.product(several, (False, True)):
            for found_one in self.settled(*sizes, like=reading, equal=equal_sizes)[:1]:
                trial = trial_of(self.case, native, *sizes, reading.dtype, equal_sizes)
                if found_one.output is not None and found_one.fits and trial.uses_rows(found_one):
                    return replace(found_one, layers=sizes[0] > 1, directions=sizes[1] > 1)
        return reading

    def _runs_both_directions(self, reading: Reading, layers: int) -> bool:
        """Return whether it gives both halves of output where its lists hold the weights of both directions."""
        asked = (False, True) if self.case.rnn.bidirectional else ()
        found = (self.settled(layers, 2, like=reading, equal=alike) for alike in asked)
        return any(one.output is not None and one.output.fits for some in found for one in some)

    def _wire(self, adapted: Adapted) -> bool:
        """Wire an object for the case's own arguments now, so that what cannot be told is told; for others when asked.

        Return whether a square matrix of it behaves otherwise than its neighbours lie: a second reading.
        """
        native, reading = self.native, adapted.reading
        if not isinstance(native, Object):
            return False

        @torch.no_grad()
        def prepare(case: Case) -> None:
            if (key := plan_key(case)) not in native.plans:
                behaves = self.stated.get("weights") == "behaves"
                native.plans[key] = Proof(native, self.case, adapted.reading, behaves).wiring(*key)

        adapted.prepare = prepare
        layers = self.case.rnn.num_layers if reading.layers else 1
        bidirectional = self.case.rnn.bidirectional and reading.directions
        one = altered(self.case, rnn={"num_layers": layers, "bidirectional": bidirectional})
        alone = adapted.always[0] > 1 and self.case.rnn.bidirectional and not reading.directions
        unsupported = alone or adapted.always[1] > one.rnn.directions or adapted.always[0] not in (1, layers)
        if reading.nothing or unsupported:
            return False  # which is told
        prepare(one)
        plan = native.plans[plan_key(one)]
        acts = Proof(native, self.case, reading).head_acts(plan, one) if plan.heads else "after"
        if acts == "within":
            adapted.unlike_heads = plan.heads
        elif acts == "bent" and reading.output:
            place = "".join(f"[{key!r}]" for key in reading.output.path)
            what = f"result{place} (which a head makes of the states by more than a product)"
            neither = (*reading.neither, what)
            adapted.reading = replace(reading, output=None, neither=neither)
        return plan.turned
