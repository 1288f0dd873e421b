"""The wiring of an object as it is read: found, and proven by building the object anew from another seed."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from rnncli.candidate.convention import Both, Reading
from rnncli.candidate.load import default_dtype
from rnncli.candidate.lookalikes import AnotherCellError, gated
from rnncli.candidate.objects import Object, reset
from rnncli.candidate.places import Held, held_by
from rnncli.candidate.roles import Unwired, wired
from rnncli.candidate.settle import Unreadable
from rnncli.candidate.trial import Trial, equal, fresh, trial_of
from rnncli.candidate.weights import Binding, Row
from rnncli.candidate.wiring import Wiring
from rnncli.core.case import Case, altered
from rnncli.core.errors import CandidateError, described


class Proof:
    """Wires an object for a reading."""

    def __init__(self, native: Object, case: Case, reading: Reading, behaves: bool) -> None:
        """`behaves`: take a square matrix the way it behaves."""
        self.native, self.case, self.reading, self.behaves = native, case, reading, behaves

    def wiring(self, layers: int, directions: int, bias: bool) -> Wiring:
        """Return the wiring for so many layers and directions. Raises Unreadable, AnotherCellError, CandidateError."""
        case, dtype = altered(self.case, rnn={"bias": bias}), self.reading.dtype
        trials = [trial_of(case, self.native, layers, directions, dtype, equal) for equal in (False, True)]
        first: BaseException | None = None
        for trial in trials:  # at equal sizes too: a matrix that is transposed raises at distinct ones
            try:
                return self._at(trial)
            except (Unreadable, AnotherCellError):
                raise
            except (Exception, SystemExit) as error:
                first = first or error
        if found := _by_name(self.native, trials[0]):
            return found
        asked = [f"num_layers={layers}"] if layers > 1 else []
        asked += ["bidirectional=True"] if directions > 1 else []
        told = f" with {' and '.join(asked)}" if asked else ""
        what = described(first) if first else ""
        raise CandidateError(f"candidate {self.native.name}: its forward raised {what}{told}") from first

    def has_bent_head(self, plan: Wiring, case: Case) -> bool:
        """Return whether output is what a head makes of the states by more than a product: a softmax, a tanh."""
        if self.reading.output is None or not any(piece.weight.kind == "readout" for piece in plan.pieces):
            return False
        trial = trial_of(case, self.native, case.rnn.num_layers, case.rnn.directions, self.reading.dtype)
        whole, half = (self._result(plan, trial, trial.h, head=scale) for scale in (1.0, 0.5))
        outputs = [None if result is None else result[0] for result in (whole, half)]
        if outputs[0] is None or outputs[1] is None:
            return False
        return not torch.allclose(outputs[0] * 0.5, outputs[1], atol=1e-4)

    def _at(self, trial: Trial) -> Wiring:
        native, binding = self.native, self.reading.binding
        find = partial(wired, trial, partial(self._run, trial), binding)
        try:
            found = find()
        except Unwired as error:
            shapes = [one.shape for one in held_by(trial.made(self.reading.dtype))]
            if trial.sizes.rows == 1 and (gates := gated(shapes, trial.sizes.H)):
                raise AnotherCellError(f"candidate {native.name}: {gates}") from error
            raise Unreadable(f"candidate {native.name}: not readable: {error}") from error
        if found.turned and not self.behaves:
            return found.as_its_neighbours()
        try:
            self._prove(found, trial)
        except Unreadable:
            if not all(piece.weight.evidence == "its name" for piece in found.pieces):
                raise
            found = find(named=False)
            self._prove(found, trial)  # tensors of nn.RNN's names that are not in use
        return replace(found, extra=self._extra(found, trial))

    def _prove(self, found: Wiring, trial: Trial) -> None:
        """Build the candidate from two seeds with the same weights: equal outputs, or something random is inside."""
        if self.native.fixed or (first := self._result(found, trial, trial.h)) is None:
            return  # it raises, which its own call tells
        again, other = self._result(found, trial, trial.h), self._result(found, trial, trial.h, seed=2)
        if again is None or other is None or not equal(first, again) or equal(first, other):
            return  # where two alike differ its forward is random, which the judge tells
        held = held_by(trial.made(self.reading.dtype, 2, trial.sizes.H))
        unset = [one.name for one in held if not set(one.names) & set(found.tensors)]
        what = f"{', '.join(unset[:4]) or 'something random'} was never set, and what comes out depends on it"
        raise Unreadable(f"candidate {self.native.name}: not readable: {what}")

    def _extra(self, found: Wiring, trial: Trial) -> tuple[str, ...]:
        """Return the parameters of a module that hold no weight and act all the same: a gain, a learned start."""
        if not self.native.is_module or self.native.fixed:
            return ()
        generator = torch.Generator().manual_seed(3)
        held = held_by(trial.made(self.reading.dtype, 1, trial.sizes.H))
        starts = [trial.h, None] if self.native.takes_state and self.native.optional_state else [trial.h]
        acting = []
        for name in [one.name for one in held if one.parameter and not set(one.names) & set(found.tensors)]:

            def moved(made: Any, held: list[Held], name: str = name) -> None:
                for one in [one for one in held if one.name == name]:
                    noise = torch.randn(one.shape, generator=generator, dtype=torch.float64).to(one.value.dtype)
                    one.set(made, one.value.detach() + noise)

            results = [(self._result(found, trial, h), self._result(found, trial, h, change=moved)) for h in starts]
            if any(one is not None and other is not None and not equal(one, other) for one, other in results):
                acting.append(name)
        return tuple(acting)

    def _result(
        self,
        plan: Wiring,
        trial: Trial,
        h: Tensor | None,
        seed: int = 1,
        head: float = 1.0,
        change: Callable[[Any, list[Held]], None] = lambda *_: None,
    ) -> Both | None:
        """Return what an object from a seed computes with the weights of the trial; None where it raises."""
        made = trial.made(self.reading.dtype, seed, trial.sizes.H)
        held = held_by(made)
        plan.set(made, held, trial.params, self.reading.binding, head)
        change(made, held)
        try:
            return self._run(trial, made, trial.x, h if self.native.takes_state else None)
        except Exception:
            return None

    def _run(self, trial: Trial, made: Any, x: Tensor, h: Tensor | None) -> Both:
        """Run an object on x (L, N, H_in) and h (S, N, H_out)."""
        native, dtype = self.native, self.reading.dtype
        case = altered(trial.case, input={"batch_size": x.shape[1], "seq_len": x.shape[0]})
        reading, state = self.reading.as_asked(case), None if h is None else h.to(dtype)
        begin = partial(reset, made) if native.stateful else lambda: None

        def call(x: Any, h: Any) -> Any:
            return native.run(made, fresh(x), fresh(h), case, reading.binding)

        with default_dtype(dtype), torch.no_grad():
            return reading.computed(call, x.to(dtype), state, begin)


def faults_by_name(native: Object, case: Case) -> tuple[Row, ...]:
    """Return what is wrong with the tensors of an object that cannot be called: their shapes."""
    layers = case.rnn.num_layers if native.claims("num_layers") else 1
    directions = case.rnn.directions if native.claims("bidirectional") else 1
    trial = trial_of(case, native, layers, directions, torch.float64)
    found = _by_name(native, trial)
    return tuple(found.faults(held_by(trial.made(torch.float64)), trial.params, None)) if found else ()


def _by_name(native: Object, trial: Trial) -> Wiring | None:
    """Return the wiring of an object whose calls raise, by names and shapes; None where they do not tell all of it."""
    try:
        found = wired(trial, None, Binding(numpy=native.arrays == (True,)))
    except Exception:
        return None
    return None if found.missing else found
