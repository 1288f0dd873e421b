"""The wiring of an object as it is read: found, and proven by building the object anew from another seed."""

import itertools
from dataclasses import dataclass, replace
from typing import Literal

import torch

from rnncli.candidate.convention import Reading, Results, States
from rnncli.candidate.lookalikes import AnotherCellError, gated, gated_by_source, other_cell_inside
from rnncli.candidate.objects import AnyNative, Object
from rnncli.candidate.places import held_by
from rnncli.candidate.roles import wired
from rnncli.candidate.settle import Unreadable
from rnncli.candidate.trial import Trial, as_of_head, equal, trial_of
from rnncli.candidate.weights import Missing, Row
from rnncli.candidate.wiring import Unwired, Wiring
from rnncli.core.case import Case, altered
from rnncli.core.errors import CandidateError, described


@dataclass
class Proof:
    """Wires an object for a reading. `behaves`: a square matrix is taken the way it behaves."""

    native: Object
    case: Case
    reading: Reading
    behaves: bool = False

    def wiring(self, layers: int, directions: int, bias: bool) -> Wiring:
        """Return the wiring for so many layers and directions. Raises Unreadable, AnotherCellError, CandidateError."""
        case, dtype = altered(self.case, rnn={"bias": bias}), self.reading.dtype
        trials = [trial_of(case, self.native, layers, directions, dtype, equal) for equal in (False, True)]
        errors: list[BaseException] = []
        for trial in trials:  # at equal sizes too: a matrix that is transposed raises at distinct ones
            try:
                return self._at(trial)
            except (Unreadable, AnotherCellError):
                raise
            except (Exception, SystemExit) as error:
                errors.append(error)
        if found := _by_name(trials[0]):
            return found
        asked = [f"num_layers={layers}"] * (layers > 1) + ["bidirectional=True"] * (directions > 1)
        lacking, first = isinstance(errors[0], Missing), errors[0]
        told = f"its call lacks {first}" if lacking else f"its forward raised {described(first)}"
        told += f" with {' and '.join(asked)}" if asked else ""
        told += "".join(f", {note}" for note in getattr(first, "__notes__", [])[:1])
        raise CandidateError(f"candidate {self.native.name}: {told}") from first

    def head_acts(self, plan: Wiring, case: Case) -> Literal["after", "bent", "within"]:
        """Return where a head acts: by a product after the recurrence, by more than one, as a softmax, or within it."""
        trial = trial_of(case, self.native, case.rnn.num_layers, case.rnn.directions, self.reading.dtype)

        def results(steps: int) -> list[Results]:
            found = (self._result(plan, trial, trial.states, head=scale, steps=steps) for scale in (1.0, 0.5))
            return [one for one in found if one is not None]

        every, first = results(trial.sizes.L), results(1)
        if not plan.heads or len(every) < 2 or as_of_head(*every):
            return "after"
        after_states = as_of_head(*(one[1:] for one in every))
        return "bent" if after_states and (len(first) < 2 or not as_of_head(*first)) else "within"

    def _at(self, trial: Trial) -> Wiring:
        name = f"candidate {self.native.name}"
        try:
            found = wired(trial, self.reading)
        except Unwired as error:
            shapes = [one.shape for one in held_by(trial.made(self.reading.dtype))]
            if trial.sizes.rows == 1 and (gates := gated(shapes, trial.sizes.C, trial.case.cell, self.native.words)):
                raise AnotherCellError(f"{name}: {gates}") from error
            raise Unreadable(f"{name}: not readable: {error}") from error
        if any(name.startswith("weight_") for name in found.missing):
            native = self.native
            if another := gated_by_source(native.target, native.words, self.case.cell):
                raise AnotherCellError(f"{name}: {another}")
        if found.turned and not self.behaves:
            return found.as_its_neighbours()
        by_name = all(piece.weight.evidence == "its name" for piece in found.pieces)
        if by_name and self._unset(found, trial) is not None:  # tensors of nn.RNN's names that are not in use
            found = wired(trial, self.reading, named=False)
        unset, extra = self._unset(found, trial), self._extra(found, trial)
        if unset is not None and (not unset or found.missing or not set(unset) <= set(extra)):
            acting = [name for name in unset if self._acts(name, found, trial)]
            raise Unreadable(f"{name}: not readable: {self._in_words(acting or unset, found)}")
        return replace(found, extra=extra)

    def _in_words(self, unset: list[str], found: Wiring) -> str:
        """Return what was never set, and what comes out depends on it: a head that reads more than H_out cannot be."""
        if found.heads and not unset:
            heads = ", ".join(found.heads[:2])
            return f"it returns what its head makes of both directions ({heads}), and not what goes into that"
        what, them = ", ".join(unset[:4]) or "something random", ("were", "them") if len(unset) > 1 else ("was", "it")
        return f"{what} {them[0]} never set, and what comes out depends on {them[1]}"

    def _unset(self, found: Wiring, trial: Trial) -> list[str] | None:
        """Build the candidate from two seeds with the same weights, and return what was never set if outputs differ."""
        first = None if self.native.fixed else self._result(found, trial, trial.states)
        if first is None:
            return None  # it raises, which its own call tells
        again, other = (self._result(found, trial, trial.states, seed=seed) for seed in (1, 2))
        if again is None or other is None or not self._equal(first, again) or self._equal(first, other):
            return None  # where two alike differ its forward is random, which the judge tells
        held = held_by(trial.made(self.reading.dtype, 2, trial.sizes.wide))
        return [one.name for one in held if not set(one.names) & set(found.tensors)]

    def _extra(self, found: Wiring, trial: Trial) -> tuple[str, ...]:
        """Return the parameters of a module that hold no weight and act all the same: a gain, a learned start."""
        if not self.native.is_module or self.native.fixed:
            return ()
        held = held_by(trial.made(self.reading.dtype, 1, trial.sizes.wide))
        trained = [one for one in held if one.parameter or getattr(one.value, "requires_grad", False)]
        others = [one.name for one in trained if not set(one.names) & set(found.tensors)]
        return tuple(name for name in others if self._acts(name, found, trial))

    def _acts(self, name: str, found: Wiring, trial: Trial) -> bool:
        """Return whether other values of a tensor give other results, with h_0 or without."""
        for states in [trial.states, *([None] if self.native.states.optional else [])]:
            one, other = self._result(found, trial, states), self._result(found, trial, states, moved=name)
            if one is not None and other is not None and not self._equal(one, other):
                return True
        return False

    def _equal(self, one: Results, other: Results) -> bool:
        """Return whether results are equal, beside output those in their shapes: others are wrong anyway."""
        kept = [part is None or part.fits for part in (self.reading.output, *self.reading.finals)]
        if not self.reading.gives_output:
            return equal(one, other)
        return equal(tuple(itertools.compress(one, kept)), tuple(itertools.compress(other, kept)))

    def _result(
        self, plan: Wiring, trial: Trial, states: States | None, seed: int = 1, head: float = 1.0, moved: str = "",
        steps: int | None = None,
    ) -> Results | None:  # fmt: skip
        """Return what an object from a seed computes with the weights of the trial; None where it raises.

        `moved`: a parameter that gets other values beside.
        """
        made = trial.made(self.reading.dtype, seed, trial.sizes.wide)
        held = held_by(made)
        plan.set(made, held, trial.params, self.reading.binding, head)
        for one in [one for one in held if one.name == moved]:
            noise = torch.randn(one.shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
            one.set(made, one.value.detach() + noise.to(one.value.dtype))
        try:
            return trial.computed(self.reading, trial.x[:steps], states, made)
        except Exception:
            return None


def faults_by_name(native: Object, case: Case) -> tuple[Row, ...]:
    """Return what is wrong with the tensors of an object that cannot be called: their shapes."""
    layers = case.rnn.num_layers if native.claims("num_layers") else 1
    directions = case.rnn.directions if native.claims("bidirectional") else 1
    trial = trial_of(case, native, layers, directions, torch.float64)
    found = _by_name(trial)
    return tuple(found.faults(held_by(trial.made(torch.float64)), trial.params, None)) if found else ()


def _by_name(trial: Trial) -> Wiring | None:
    """Return the wiring of an object whose calls raise, by names and shapes; None where they do not tell all of it."""
    try:
        found = wired(trial, None)
    except Exception:
        return None
    return None if found.missing else replace(found, turned=False)


def require_no_other_cell(native: AnyNative, case: Case) -> None:
    """Raise AnotherCellError for a module of another cell: by the classes of its modules, or its shapes and source."""
    trial = trial_of(case, native, 1, 1, torch.float32)
    try:
        made = trial.made(torch.float32)
    except (Exception, SystemExit):
        return  # it cannot be constructed, which its own call tells
    if inside := other_cell_inside(made, case.cell):
        raise AnotherCellError(f"candidate {native.name}: {inside}")
    shapes = [one.shape for one in held_by(made)]
    gates = gated(shapes, trial.sizes.C, case.cell, native.words)
    if gates and (another := gated_by_source(native.target, native.words, case.cell)):
        raise AnotherCellError(f"candidate {native.name}: {another}")
