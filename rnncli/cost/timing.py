"""The cost of each side: warm-up, interleaved runs that wait for the GPU, median and spread, memory, compile time."""

import itertools
import os
import statistics
import timeit
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.autograd.profiler import profile
from torch.utils.benchmark import timer  # waits for the GPU

from rnncli.core.records import Pass, Timing
from rnncli.cost.flops import Product

BLOCK_S = 1e-3  # one measurement runs the pass often enough to take about this long


@dataclass(frozen=True)
class Effort:
    """Seconds to measure each implementation and pass, and the number of measurements, at least and at most."""

    budget_s: float = 0.06
    fewest: int = 3
    most: int = 20


QUICK = Effort()  # beside a verdict


class Runnable(Protocol):
    """One implementation with its input, as `verdict.evaluate.Side` is one."""

    @property
    def name(self) -> str:
        """Return the name in the report."""

    def forward(self) -> Any:
        """Run one forward pass."""

    def forward_backward(self) -> Any:
        """Run one forward and backward pass."""


def _pass_of(side: Runnable, pass_: Pass) -> Callable[[], Any]:
    return side.forward_backward if pass_ == "forward+backward" else side.forward


def time_sides(sides: Sequence[Runnable], gradients: bool) -> tuple[Timing, ...]:
    """Time forward (with autograd recording where gradients are asked for) and forward+backward of each side."""
    if not gradients:
        return tuple(replace(timing, pass_="forward") for timing in time_pass(sides, "inference"))
    return (*time_pass(sides, "forward"), *time_pass(sides, "forward+backward"))


def time_pass(sides: Sequence[Runnable], pass_: Pass, effort: Effort = QUICK) -> tuple[Timing, ...]:
    """Time one pass of each side; the ratios are to the first. `inference` is forward without autograd recording.

    Runs are interleaved, so that drift hits all alike.
    """
    with torch.set_grad_enabled(pass_ != "inference"):
        measured = interleaved([_pass_of(side, pass_) for side in sides], effort)
    return tuple(_timing(side.name, pass_, seconds, measured[0]) for side, seconds in zip(sides, measured, strict=True))


_quartiles = partial(statistics.quantiles, n=4, method="inclusive")


def _timing(implementation: str, pass_: Pass, seconds: Sequence[float], reference: Sequence[float]) -> Timing:
    low, median, high = _quartiles(seconds)
    ratios = [mine / its for mine, its in zip(seconds, reference, strict=True) if its]
    ratio_low, ratio, ratio_high = _quartiles(ratios) if ratios else (None, None, None)
    return Timing(
        implementation=implementation,
        pass_=pass_,
        median_s=median,
        iqr_s=high - low,
        runs=len(seconds),
        ratio_to_reference=ratio,
        ratio_low=ratio_low,
        ratio_high=ratio_high,
    )


def interleaved(calls: Sequence[Callable[[], Any]], effort: Effort) -> list[list[float]]:
    """Return the seconds of the measurements of each call: one of each in turn, each round beginning with the next."""
    timers = [timeit.Timer(call, timer=timer) for call in calls]
    for each in timers:
        each.timeit(1)
    once = [each.timeit(1) for each in timers]
    rounds = min(effort.most, max(effort.fewest, int(effort.budget_s / max(*once, BLOCK_S))))
    repeats = [max(1, int(BLOCK_S / seconds)) if seconds else 1 for seconds in once]
    measured: list[list[float]] = [[] for _ in timers]
    for first in range(rounds):
        for turn in range(len(timers)):
            at = (first + turn) % len(timers)
            if repeats[at] > 1:
                calls[at]()  # what ran before has filled the caches with its own
            measured[at].append(timers[at].timeit(repeats[at]) / repeats[at])
    return measured


def first_call(side: Runnable, pass_: Pass) -> float:
    """Return the seconds of the first run of a pass: of what is compiled, nearly all of it is the compiler's."""
    started = timer()
    with torch.set_grad_enabled(pass_ != "inference"):
        _pass_of(side, pass_)()
    return timer() - started


class PlainProducts:
    """The matrix products of a pass and nothing else, on random operands: what no rewriting takes away."""

    name = "matrix products"

    def __init__(self, products: Sequence[Product], dtype: torch.dtype, device: torch.device) -> None:
        def random(rows: int, columns: int) -> Tensor:
            return torch.randn(rows, columns, device=device).to(dtype)

        self._work = [
            (random(a.rows, a.inner), random(a.inner, a.columns), random(a.rows, a.columns), a.times) for a in products
        ]

    def forward(self) -> None:
        """Compute all of them, one after another."""
        with torch.no_grad():
            for left, right, out, times in self._work:
                for _ in range(times):
                    torch.mm(left, right, out=out)

    forward_backward = forward


def peak_bytes(side: Runnable, pass_: Pass, device: torch.device) -> int:
    """Return the most bytes that are allocated at once in a run of a pass, beyond what was there before it.

    As the allocators of torch count them: on CUDA by its own statistics, on the CPU as its profiler records them.
    """
    call = _pass_of(side, pass_)
    with torch.set_grad_enabled(pass_ != "inference"):
        if device.type == "cuda":
            before = torch.cuda.memory_allocated(device)
            torch.cuda.reset_peak_memory_stats(device)
            call()
            return torch.cuda.max_memory_allocated(device) - before
        os.environ.setdefault("KINETO_LOG_LEVEL", "9")  # the profiler of torch prints on stderr otherwise
        with profile(profile_memory=True) as profiler:
            call()
    events: list[Any] = profiler.kineto_results.events()
    changes = sorted((event for event in events if event.name() == "[memory]"), key=lambda event: event.start_ns())
    return max(itertools.accumulate(event.nbytes() for event in changes), default=0)
