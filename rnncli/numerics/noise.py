"""What honest rounding adds to a run of the oracle: normal noise of a dtype's unit roundoff times what it rounds.

A sum of products is rounded in proportion to the magnitudes summed, |x||W_ih| + |h||W_hh| + |b|, not to what is left of
them. The magnitudes are those of the noise-free run: they are worked out once, for all runs.
"""

import math
import random
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from rnncli.core.case import Case

if TYPE_CHECKING:
    from rnncli.numerics.oracle import Run, Walk

POOL = 2**18  # normal numbers drawn once in a process
BLOCK = 2**18  # elements whose magnitudes are worked out at once, before they are used step by step


class Arithmetic(NamedTuple):
    """How a dtype rounds: what it stores, what it adds up inside a matrix product, and its smallest number."""

    unit: float
    inner: float
    smallest: float


# On the CPU, bfloat16 and float16 products are summed in float32 and rounded once.
ARITHMETIC = {
    "float64": Arithmetic(2**-53, 2**-53, 2**-1074),
    "float32": Arithmetic(2**-24, 2**-24, 2**-149),
    "bfloat16": Arithmetic(2**-8, 2**-24, 2**-133),
    "float16": Arithmetic(2**-11, 2**-24, 2**-24),
    "tf32": Arithmetic(2**-11, 2**-11, 2**-149),
}


def arithmetic(case: Case, dtype: torch.dtype, device: torch.device) -> str:
    """What the case computes in: its dtype, or TF32."""
    name = str(dtype).removeprefix("torch.")
    return "tf32" if name == "float32" and device.type == "cuda" and case.run.tf32 else name


class Noise:
    """The rounding of one arithmetic."""

    def __init__(self, arithmetic: Arithmetic, seed: int, device: torch.device) -> None:
        self._unit, self._inner, self._smallest = arithmetic
        self._pool, self._places = _pool(device), random.Random(seed)

    def of_states(
        self, walk: "Walk", clean: "Run", index: int, layer: int, runs: int
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """For each step of the walk, what to add to z and to h: (K, N, H_out) each."""
        states, x = clean.states[index], clean.inputs[layer]
        previous = walk.previous(states)
        for block in _blocks(walk.order, states):
            from_input, from_state = x[block] @ walk.weight_ih.T, previous[block] @ walk.weight_hh.T
            summed = x[block].abs() @ walk.weight_ih.T.abs() + previous[block].abs() @ walk.weight_hh.T.abs()
            z, stored = from_input + from_state, from_input.abs() + from_state.abs()
            for bias in walk.biases:
                z, stored, summed = z + bias, stored + bias.abs(), summed + bias.abs()
            to_z = self._size(stored + z.abs(), summed)
            if not walk.biases:
                to_z = to_z.where(summed > 0, 0.0)  # a sum of zeros alone is not rounded
            to_h = self._unit * states[block].abs()  # and no more: a relu that rests at 0 stays there
            yield from self._by_step(to_z, to_h, runs)

    def of_deltas(self, walk: "Walk", clean: "Run", index: int, runs: int) -> Iterator[tuple[Tensor, Tensor]]:
        """For each step of the backward, what to add to the gradient arriving at h and to delta: (K, N, H_out) each."""
        deltas, outside = clean.deltas[index], clean.outside[index]
        arriving = walk.arriving(deltas)
        next_deltas = _after(walk, deltas)
        for block in _blocks(walk.order[::-1], deltas):
            summed = next_deltas[block].abs() @ walk.weight_hh.abs()
            stored = arriving[block].abs() + outside[block].abs() + (arriving[block] + outside[block]).abs()
            to_delta = self._unit * deltas[block].abs() + self._smallest
            yield from self._by_step(self._size(stored, summed), to_delta, runs)

    def on_square(self, slope: Tensor, states: Tensor) -> Tensor:
        """1 - h^2 as the arithmetic has it: h^2 is rounded before the difference cancels."""
        return slope + self._unit * states.square() * self._normal(states.shape)

    def on_product(self, product: Tensor, left: Tensor, right: Tensor) -> Tensor:
        """The matrix product of `left` (noise-free) and `right`."""
        size = self._size(product.abs(), left.abs() @ right.abs())
        return product + size * self._normal(product.shape)

    def on_sum(self, total: Tensor, summed: Tensor, terms: int) -> Tensor:
        """A sum over time: each term is rounded, and each partial sum."""
        size = self._unit * (summed + math.sqrt(terms) * total.abs()) + self._smallest
        return total + size * self._normal(total.shape)

    def on_stored(self, value: Tensor) -> Tensor:
        """A value as it is stored."""
        return value + (self._unit * value.abs() + self._smallest) * self._normal(value.shape)

    def _size(self, stored: Tensor, summed: Tensor) -> Tensor:
        """Of values that are stored on the way, and of the terms summed inside products."""
        return self._unit * stored + self._inner * summed + self._smallest

    def _by_step(self, first: Tensor, second: Tensor, runs: int) -> Iterator[tuple[Tensor, Tensor]]:
        shape = (2, runs, *first.shape[2:])
        for first_size, second_size in zip(first.unbind(0), second.unbind(0), strict=True):
            noise = self._normal(shape)
            yield first_size * noise[0], second_size * noise[1]

    def _normal(self, shape: tuple[int, ...]) -> Tensor:
        """Normal numbers, from places of a pool that follow from the seed: drawing each anew would cost a third."""
        left = math.prod(shape)
        parts: list[Tensor] = []
        while left > 0 or not parts:
            place = self._places.randrange(POOL)
            parts.append(self._pool[place : place + min(left, POOL)])
            left -= POOL
        return (parts[0] if len(parts) == 1 else torch.cat(parts)).view(shape)


@cache
def _pool(device: torch.device) -> Tensor:
    """POOL normal numbers, twice in a row, so that any POOL of them in sequence are all of them."""
    return torch.randn(POOL, generator=torch.Generator().manual_seed(0), dtype=torch.float64).repeat(2).to(device)


def _after(walk: "Walk", deltas: Tensor) -> Tensor:
    """The delta of the step after each, zero after the last: (L, K, N, H_out)."""
    none = torch.zeros_like(deltas[:1])
    return torch.cat([deltas[1:], none] if walk.order.step > 0 else [none, deltas[:-1]])


def _blocks(order: range, sequence: Tensor) -> Iterator[list[int]]:
    """The steps of a walk in blocks that bound the memory their magnitudes take."""
    length = max(1, BLOCK // max(1, sequence[0].numel()))
    for start in range(0, len(order), length):
        yield list(order[start : start + length])
