"""The results of heads: what a candidate computes from the states after the recurrence, as scores of classes."""

from functools import cached_property

import torch

from rnncli.candidate.convention import Reading, as_tensor, at
from rnncli.candidate.items import Item, shape_of
from rnncli.candidate.objects import Object
from rnncli.candidate.places import held_by
from rnncli.candidate.trial import Trial

__all__ = ["Heads"]


class Heads:
    """Tells the results of heads in what a trial call returned."""

    def __init__(self, trial: Trial, reading: Reading) -> None:
        self.trial, self.native, self.reading = trial, trial.native, reading

    @cached_property
    def _shapes(self) -> list[tuple[int, ...]]:
        made = isinstance(self.native, Object)
        return [one.shape for one in held_by(self.trial.made(torch.float64))] if made else []

    def is_one(self, one: Item) -> bool:
        """Return whether a result is of a head's size: no axis of it is H's, and a weight leads from H to it."""
        shape, s = shape_of(one.value), self.trial.sizes
        if self.native.has_output_size and s.O in shape:
            return True
        if self._is_of_one_unit(shape):
            return True
        own = bool(shape) and shape[-1] not in (s.H, s.wide, s.gates * s.C)
        if own and shape[-1] == s.I:  # what multiplies x has the shape of a head to it, or its reverse
            of_x = sum(len(one) == 2 and bool({s.I, s.I + s.wide} & set(one)) for one in self._shapes)
            own = of_x not in (1, s.gates, s.directions, s.gates * s.directions)
        return own and any(weight in ((shape[-1], s.wide), (s.wide, shape[-1])) for weight in self._shapes)

    def _is_of_one_unit(self, shape: tuple[int, ...]) -> bool:
        """Return whether a result has no axis of features, as that of a head of one unit after `squeeze(-1)`."""
        s = self.trial.sizes
        return bool(shape) and {*shape} <= {s.L, s.N} and (1, s.wide) in self._shapes

    def computed_by_one(self, one: Item, fit: str | None) -> bool:
        """Return whether a head computed a result that it cannot be kept from by being the identity."""
        s = self.trial.sizes
        if not self.is_one(one) or (fit and not (self.native.has_output_size and s.O in shape_of(one.value))):
            return False
        turned = self.reading.as_asked(self.trial.case).input != self.reading.input
        if turned and not fit and shape_of(one.value)[:-1] in ((s.L, s.N), (s.N, s.L)):
            return False  # of every step, in an order of axes that batch_first does not have
        of_head = [shape for shape in self._shapes if s.O in shape and len(shape) == 2 and 1 not in shape]
        return not fit or not all(set(shape) <= {s.O, s.wide} for shape in of_head)

    def without(self, tensors: list[Item]) -> list[Item]:
        """Leave out the results of a function that its weights after the recurrence move, where others remain.

        One that stands in output's place, with its shape, stays: with an identity for a head it is the states.
        """
        native, results = self.native, []
        if not (native.reads_out or self.reading.binding.form == "with head"):
            return tensors
        try:
            for native.head_scale in (1.0, 0.5):
                results.append(self.trial.returned(self.reading))
        except Exception:
            return tensors
        finally:
            native.head_scale = 1.0
        kept = []
        for one in tensors:
            before, after = (as_tensor(at(result, one.path)) for result in results)
            moved = before.shape != after.shape or bool((before != after).any())
            kept += [one] if not moved or (one is tensors[0] and one.output) else []
        return kept or tensors

    def axes(self, one: Item) -> str:
        """Return the shape of a head's result, as (N, 3): the last axis in figures, or as classes of an argument."""
        *first, last = shape_of(one.value)
        letters = {self.trial.sizes.L: "L", self.trial.batch(self.reading): "N"}
        classes = letters.get(last, "") if self._is_of_one_unit(shape_of(one.value)) else str(last)
        classes = "num_classes" if last == self.trial.sizes.O else classes
        return f"({', '.join([*(letters.get(size, str(size)) for size in first), classes])})"
