"""What a candidate computes on a small case, held against what torch's layer computes there, with faults or without."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any

import torch
from torch import Tensor

from rnncli.candidate.load import canonical
from rnncli.core.case import Case, altered
from rnncli.core.errors import CandidateError
from rnncli.core.records import Verdict
from rnncli.core.shapes import predict_tensors
from rnncli.faults.planted import plant
from rnncli.numerics.probe import Probe, draw, results, with_less
from rnncli.verdict.evaluate import Values, as_candidate, has_values

_SIZES = {"input_size": 8, "hidden_size": 9}  # with 7 steps of 5 sequences, pairwise distinct, D*num_layers too
_MOST_LAYERS = 3
SAME = 1e-9  # of a tensor's largest value: a few steps in float64
SAME_IN_FLOAT32 = 1e-4  # likewise, of a candidate that casts by itself
Axes = tuple[str, ...]


def small_case(case: Case) -> Case:
    """Return a case with the arguments, layout and mode of another, in float64 and at small sizes that differ."""
    given: dict[str, Any] = {"seq_len": 7, "batch_size": 5, "lengths": None}
    given |= {"h_0": "random"} if case.input.h_0 == "zeros" else {}
    rnn = {**_SIZES, "num_layers": min(case.rnn.num_layers, _MOST_LAYERS), "proj_size": min(case.rnn.proj_size, 4)}
    return altered(case, rnn=rnn, input=given, run={"weight_scale": 1.0, "dtype": "float64"})


def forward_alone(case: Case, device: torch.device) -> tuple[Case, Probe]:
    """Return the small case of a case without gradients, in eval mode, and a probe of it."""
    small = altered(small_case(case), run={"gradients": False, "train": False})
    return small, draw(small, 1).to(torch.float64, device)


def close(one: Tensor, other: Tensor) -> bool:
    """Return whether two tensors in float64 differ by rounding alone; NaN equals NaN."""
    return torch.allclose(one, other, rtol=1e-9, atol=1e-12, equal_nan=True)


@dataclass(frozen=True)
class Trial:
    """A small case with a probe, and what the candidate computes on it; None where it raises."""

    case: Case
    probe: Probe
    values: Values | None

    @property
    def tolerance(self) -> float:
        """Return how far values may be apart that are the same, of the largest value."""
        return SAME if self.case.run.dtype == "float64" else SAME_IN_FLOAT32

    def is_explained_by(self, ids: Sequence[str]) -> bool:
        """Return whether torch's layer with these faults gives the candidate's values."""
        return self.distance(ids) is not None

    def distance(self, ids: Sequence[str]) -> float | None:
        """Return how far the candidate is from torch's layer with these faults; None beyond the tolerance."""
        try:
            planted = self.planted(ids)
        except CandidateError:
            return 0.0 if self.values is None else None
        return self.distance_from(planted)

    def distance_from(self, planted: Values) -> float | None:
        """Return how far the candidate is from what another computes; None beyond the tolerance."""
        if self.values is None or self._shows_elsewhere(planted):
            return None
        return _distance(self.values, planted, self.tolerance)

    def _shows_elsewhere(self, planted: Values) -> bool:
        """Return whether a fault gives another shape to a result that the candidate does not return."""
        right = {tensor.name: tensor.predicted for tensor in predict_tensors(self.case)}
        returned = self.values.tensors if self.values else {}
        others = {name: planted.tensors[name] for name in results(self.case) if returned.get(name) is None}
        return any(value is not None and value.shape != right[name] for name, value in others.items())

    def planted(self, ids: Sequence[str]) -> Values:
        """Return what torch's layer with these faults computes. Raises CandidateError where it raises."""
        call = canonical("planted", plant(*ids, cell=self.case.rnn.cell))
        return as_candidate(call).evaluate(self.case, self.probe)

    def in_other_axes(self) -> dict[str, tuple[Axes, Axes]]:
        """Return which results are right but for the order of their axes: the axes they have, and those of torch."""
        actual, right, found = self.values.tensors if self.values else {}, self.planted(()).tensors, {}
        for name, axes in ((tensor.name, tensor.axes) for tensor in predict_tensors(self.case)):
            one, expected = actual.get(name), right.get(name)
            if one is None or expected is None or one.shape == expected.shape:
                continue
            for order in permutations(range(expected.dim())):
                if _difference(one, expected.permute(order), self.tolerance) is not None:
                    found[name] = tuple(axes[axis] for axis in order), axes
        return found

    def axis_of_another_size(self) -> str:
        """Return the one axis along which output has another size than torch's; "" where it is no such one."""
        one, right = self.values.tensors.get("output") if self.values else None, self.planted(()).tensors["output"]
        if one is None or right is None or one.dim() != right.dim():
            return ""
        axes = next(tensor.axes for tensor in predict_tensors(self.case) if tensor.name == "output")
        unlike = [axis for axis, *sizes in zip(axes, one.shape, right.shape, strict=True) if len(set(sizes)) > 1]
        return unlike[0] if len(unlike) == 1 else ""

    def in_place_of_others(self) -> dict[str, str]:
        """Return which results are not their own values and those of another one: by name, the other's name."""
        actual, right, names = self.values.tensors if self.values else {}, self.planted(()).tensors, results(self.case)
        found = {}
        for name, other in permutations(names, 2):
            one, own, expected = actual.get(name), right.get(name), right.get(other)
            if one is None or own is None or expected is None or _difference(one, own, self.tolerance) is not None:
                continue
            if _difference(one.squeeze(), expected.squeeze(), self.tolerance) is not None:
                found[name] = other
        return found

    def directions_made_one(self) -> str | None:
        """Return what of two directions output is, where it has the size of one: their sum, as of a merge_mode."""
        one, both = self.values.tensors.get("output") if self.values else None, self.planted(()).tensors["output"]
        if one is None or both is None or not self.case.rnn.bidirectional:
            return None
        forward, reverse = both.chunk(2, -1)
        made = {"the sum": forward + reverse, "the mean": (forward + reverse) / 2, "the product": forward * reverse}
        return next((way for way, value in made.items() if _difference(one, value, self.tolerance) is not None), None)

    def argument_without_effect(self) -> str | None:
        """Return the argument that the candidate computes as if it were not given: num_layers, or bidirectional.

        None where every row of h_n is right: then all layers run.
        """
        found, right = self.values.tensors if self.values else {}, self.planted(()).tensors
        one, h_n, expected = found.get("output"), found.get("h_n"), right["h_n"]
        every_row = h_n is not None and expected is not None and _difference(h_n, expected, self.tolerance) is not None
        for leaf in ("num_layers", "bidirectional") if one is not None and not every_row else ():
            smaller = with_less(self.case, self.probe, leaf)
            other = replace(self, case=smaller[0], probe=smaller[1]).planted(()).tensors["output"] if smaller else None
            if one is not None and other is not None and _difference(one, other, self.tolerance) is not None:
                return leaf
        return None

    def first_wrong_layer(self) -> int:
        """Return the lowest layer whose rows of h_n are wrong, where those below are right; else 0."""
        actual, right = self.values.tensors.get("h_n") if self.values else None, self.planted(()).tensors["h_n"]
        if actual is None or right is None or actual.shape != right.shape:
            return 0
        rows = self.case.rnn.directions
        layers = zip(torch.split(actual, rows), torch.split(right, rows), strict=True)
        wrong = [k for k, pair in enumerate(layers) if _difference(*pair, self.tolerance) is None]
        return wrong[0] if wrong else 0


def _distance(values: Values, planted: Values, tolerance: float) -> float | None:
    """Return the largest difference of any tensor, of its largest value; None where values are not the same."""
    farthest = 0.0
    for name, expected in planted.tensors.items():
        actual = values.tensors.get(name)
        if values.findings.get(name, (None,))[0] == Verdict.NOT_COMPARABLE or actual is expected is None:
            continue
        if name.startswith("grad ") and (actual is None or expected is None):
            given = expected if actual is None else actual  # none of what is not read, zeros of what is read as 0 * h
            if given is not None and not given.any():
                continue
        if actual is None or expected is None:
            return None
        difference = _difference(actual, expected, tolerance)
        if difference is None:
            return None
        farthest = max(farthest, difference)
    return farthest


def _difference(actual: Tensor, expected: Tensor, tolerance: float) -> float | None:
    """Return the largest difference, of the largest value; None where these are not the same values."""
    if actual.shape != expected.shape or actual.is_complex() or not has_values(actual):
        return None
    difference: float = (actual.double() - expected.double()).abs().max().item() / (expected.abs().max().item() or 1.0)
    return difference if difference <= tolerance else None
