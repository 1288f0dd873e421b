"""Rounding as a mode: runs in float64 in which every result is moved by what rounding it in a dtype can add.

This is Monte Carlo arithmetic (Parker, 1997; CADNA, Verificarlo): under `Rounding` the equations run as they stand, and
so does the backward pass that autograd makes of them. No derivative is written for it.
"""

import math
import random
from collections.abc import Callable
from functools import cache
from itertools import accumulate
from operator import mul
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rnncli.core.case import Case
from rnncli.numerics.device import DispatchMode

POOL = 2**18  # normal numbers, drawn once in a process: drawing each anew takes longer than the operation it is for
KINK_MARGIN = 3.0  # times the spread of a relu's pre-activation: closer to zero than that, rounding may flip it

WIDTH = 1.25  # the standard deviation of the noise, in units of the largest rounding of an operation


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
    """Return the arithmetic of a case in a dtype, a key of ARITHMETIC: the dtype's own, or TF32."""
    name = str(dtype).removeprefix("torch.")
    return "tf32" if name == "float32" and device.type == "cuda" and case.run.tf32 else name


class Rounding(DispatchMode):  # type: ignore[no-untyped-call]
    """Move the result of each operation by normal noise of the size of its rounding.

    Several runs are one batch, the next-to-last axis of every tensor: `rows` rows of a run without noise, which tell
    the size of the terms of a product, and then as many of each noisy run. For each call of relu, `kinks` holds how
    many units of each row, (rows,), have a pre-activation that noise may take across zero.
    """

    def __init__(self, arithmetic: Arithmetic, runs: int, rows: int, seed: int, device: torch.device) -> None:
        """`runs` counts the one without noise."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.unit, self.inner, self.smallest = (WIDTH * size for size in arithmetic)
        self.runs, self.rows, self.kinks = runs, rows, list[Tensor]()
        self._pool, self._random = _pool(device), random.Random(seed).random
        self._magnitudes: dict[Any, tuple[Tensor, Tensor]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation and round its result."""
        result = func(*args, **(kwargs or {}))
        rounds = _ROUNDS.get(func)
        if rounds:
            rounds(self, result, *args)
        return result

    def noisy(self, value: Tensor) -> Tensor:
        """Return the rows of the noisy runs."""
        return value[self.rows :] if value.dim() == 2 else value[..., self.rows :, :]

    def normal(self, shape: torch.Size) -> Tensor:
        """Return normal numbers, from places of the pool that follow from the seed."""
        *strides, count = accumulate(reversed(shape), mul, initial=1)
        if count > POOL:
            parts = [min(POOL, count - start) for start in range(0, count, POOL)]
            return torch.cat([self.normal(torch.Size([part])) for part in parts]).view(shape)
        return self._pool.as_strided(shape, strides[::-1], int(self._random() * POOL))

    def magnitudes(self, weight: Tensor) -> Tensor:
        """Return |weight| times the unit of sums, worked out once. Keeps the weight, so that no other has its place."""
        key = (weight.data_ptr(), weight.shape, weight.stride())
        if key not in self._magnitudes:
            self._magnitudes[key] = weight, weight.abs() * self.inner
        return self._magnitudes[key][1]

    def move_sum(self, total: Tensor, summed: Tensor, terms: int) -> None:
        """Move a sum over time, (runs, ...): each term is rounded, of magnitudes `summed`, and each partial sum."""
        size = summed.add(total[0].abs(), alpha=math.sqrt(terms)).mul_(self.unit).add_(self.smallest)
        total[1:].addcmul_(size, self.normal(total[1:].shape))


@cache
def _pool(device: torch.device) -> Tensor:
    """POOL normal numbers, twice in a row, so that any POOL of them in sequence are all of them."""
    return torch.randn(POOL, generator=torch.Generator().manual_seed(0), dtype=torch.float64).repeat(2).to(device)


def _stored(mode: Rounding, result: Tensor, *_: Any) -> None:
    noisy = mode.noisy(result)
    noisy.addcmul_(noisy, mode.normal(noisy.shape), value=mode.unit)


def _sum(mode: Rounding, result: Tensor, _: Tensor, other: Any) -> None:
    if isinstance(other, Tensor):  # a number is the 0.0 of equations without bias
        _stored(mode, result)


def _product(mode: Rounding, result: Tensor, *_: Any) -> None:
    """A product of numbers may lie below the smallest one; 0 stays 0."""
    noisy = mode.noisy(result)
    normal, sign = mode.normal(noisy.shape), noisy.sign()
    noisy.addcmul_(noisy, normal, value=mode.unit).addcmul_(sign, normal, value=mode.smallest)


def _matrix_product(mode: Rounding, result: Tensor, left: Tensor, right: Tensor) -> None:
    """A sum of products is rounded by the size of its terms, not by what is left of them; one of zeros stays 0."""
    by_run = result.view(mode.runs, mode.rows, -1)
    size = (left[: mode.rows].abs() @ mode.magnitudes(right)).add_(by_run[0].abs(), alpha=mode.unit)
    size.add_(size.sign(), alpha=mode.smallest)
    noisy = by_run[1:]
    noisy.addcmul_(size, mode.normal(noisy.shape))


def _sigmoid(mode: Rounding, result: Tensor, *_: Any) -> None:
    """A sigmoid near 0 is rounded as 1/2 is: `(1 + tanh(a / 2)) / 2` is one too."""
    noisy = mode.noisy(result)
    noisy.addcmul_(noisy.clamp(min=0.5), mode.normal(noisy.shape), value=mode.unit)


def _tanh_backward(mode: Rounding, result: Tensor, gradient: Tensor, _: Tensor) -> None:
    """gradient * (1 - h^2): h^2 is rounded before the difference cancels."""
    noisy = mode.noisy(result)
    noisy.addcmul_(mode.noisy(gradient), mode.normal(noisy.shape), value=mode.unit)


def _relu(mode: Rounding, _: Tensor, z: Tensor) -> None:
    by_run = z.view(mode.runs, mode.rows, -1)
    clean = by_run[0]
    spread = (by_run[1:] - clean).abs_().amax(0)
    near = ~(clean.abs() > KINK_MARGIN * spread) & (spread != 0)
    mode.kinks.append(near.sum(-1))


_aten = torch.ops.aten
_ROUNDS: dict[Any, Callable[..., None]] = {
    _aten.add.Tensor: _sum,
    _aten.add_.Tensor: _sum,
    _aten.rsub.Scalar: _stored,
    _aten.tanh.default: _stored,
    _aten.tanh_backward.default: _tanh_backward,
    _aten.sigmoid.default: _sigmoid,
    _aten.sigmoid_backward.default: _product,
    _aten.mul.Tensor: _product,
    _aten.mm.default: _matrix_product,
    _aten.relu.default: _relu,
}
