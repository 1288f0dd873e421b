"""What each side costs: warm-up, interleaved runs, synchronised on CUDA, median and spread, memory and compile time."""

import statistics
import time
import timeit
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.benchmark import timer

from rnncli.core.records import Pass, Timing
from rnncli.cost.flops import Product

BLOCK_S = 1e-3  # one measurement runs the pass often enough to take about this long
SWEPT = 1.01  # how far the count of what is allocated may grow before those that are gone are looked for


@dataclass(frozen=True)
class Effort:
    """How long to measure: seconds for each implementation and pass, in so many measurements at least, and at most."""

    budget_s: float = 0.06
    fewest: int = 3
    most: int = 20


QUICK = Effort()  # beside a verdict


class Runnable(Protocol):
    """One implementation with its input, as `parity.evaluate.Side` is one."""

    @property
    def name(self) -> str:
        """What it is called in the report."""

    def forward(self) -> Any:
        """One forward pass."""

    def forward_backward(self) -> Any:
        """One forward and backward pass."""


def time_sides(sides: Sequence[Runnable], gradients: bool) -> tuple[Timing, ...]:
    """Forward (with autograd recording where gradients are asked for) and forward+backward of each side.

    The first side is the one the ratios are taken against. Runs are interleaved, so that drift hits all alike.
    """
    if not gradients:
        return tuple(replace(timing, pass_="forward") for timing in time_pass(sides, "inference"))
    return (*time_pass(sides, "forward"), *time_pass(sides, "forward+backward"))


def time_pass(sides: Sequence[Runnable], name: Pass, effort: Effort = QUICK) -> tuple[Timing, ...]:
    """One pass of each side; the ratios are taken to the first. `inference` is forward without autograd recording."""
    with torch.set_grad_enabled(name != "inference"):
        work = [side.forward_backward if name == "forward+backward" else side.forward for side in sides]
        measured = interleaved(work, effort)
    return tuple(_timing(side.name, name, seconds, measured[0]) for side, seconds in zip(sides, measured, strict=True))


def _timing(implementation: str, name: Pass, seconds: Sequence[float], reference: Sequence[float]) -> Timing:
    low, median, high = _quartiles(seconds)
    beside = [own / its for own, its in zip(seconds, reference, strict=True) if its]
    ratio_low, ratio, ratio_high = _quartiles(beside) if beside else (None, None, None)
    return Timing(
        implementation=implementation,
        pass_=name,
        median_s=median,
        iqr_s=high - low,
        runs=len(seconds),
        ratio_to_reference=ratio,
        ratio_low=ratio_low,
        ratio_high=ratio_high,
    )


def _quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, median, high


def interleaved(work: Sequence[Callable[[], Any]], effort: Effort) -> list[list[float]]:
    """Seconds of every measurement of each call: one of each in turn, every round beginning with the next of them."""
    timers = [timeit.Timer(call, timer=timer) for call in work]  # torch's clock, which waits for the GPU
    for each in timers:
        each.timeit(1)
    once = [each.timeit(1) for each in timers]
    rounds = min(effort.most, max(effort.fewest, int(effort.budget_s / max(*once, BLOCK_S))))
    repeats = [max(1, int(BLOCK_S / seconds)) if seconds else 1 for seconds in once]
    measured: list[list[float]] = [[] for _ in timers]
    for first in range(rounds):
        for at in islice(cycle(range(len(timers))), first % len(timers), first % len(timers) + len(timers)):
            if repeats[at] > 1:
                work[at]()  # what ran before has filled the caches with its own
            measured[at].append(timers[at].timeit(repeats[at]) / repeats[at])
    return measured


def first_call(side: Runnable, name: Pass) -> float:
    """Seconds of the first run of a pass: of what is compiled, nearly all of it is the compiler's."""
    started = time.perf_counter()
    with torch.set_grad_enabled(name != "inference"):
        side.forward_backward() if name == "forward+backward" else side.forward()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - started


class PlainProducts:
    """The matrix products of a case and nothing else, on operands of their own: what no rewriting takes away."""

    name = "matrix products"

    def __init__(self, products: Sequence[Product], dtype: torch.dtype, device: torch.device) -> None:
        """`products`: of the pass that is timed."""
        self._work = []
        for product in products:
            left = torch.randn(product.rows, product.inner, device=device).to(dtype)
            right = torch.randn(product.inner, product.columns, device=device).to(dtype)
            out = torch.empty(product.rows, product.columns, dtype=dtype, device=device)
            self._work.append((left, right, out, product.times))

    def forward(self) -> None:
        """All of them, one after another."""
        with torch.no_grad():
            for left, right, out, times in self._work:
                for _ in range(times):
                    torch.mm(left, right, out=out)

    forward_backward = forward


def peak_bytes(side: Runnable, name: Pass, device: torch.device) -> int:
    """The most bytes that are allocated at once in a run of a pass, beyond what was there before it.

    On CUDA as its allocator counts them; elsewhere the tensors that torch's operations make, to a hundredth.
    """
    with torch.set_grad_enabled(name != "inference"):
        work = side.forward_backward if name == "forward+backward" else side.forward
        if device.type == "cuda":
            before = int(torch.cuda.memory_allocated(device))
            torch.cuda.reset_peak_memory_stats(device)
            work()
            return int(torch.cuda.max_memory_allocated(device)) - before
        with _Allocated() as seen:
            work()
        return int(seen.most)


class _Allocated(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """The most bytes of storages that live at once, of those that the operations under it make."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.most = self._now = 0
        self._live: dict[int, tuple[StorageWeakRef, int]] = {}
        self._given: set[int] = set()

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self._given.update(tensor.untyped_storage()._cdata for tensor in _tensors(args) if not self._is_ours(tensor))
        made = function(*args, **(kwargs or {}))
        for tensor in _tensors(made if isinstance(made, list | tuple) else (made,)):
            storage = tensor.untyped_storage()
            if storage._cdata not in self._given and not self._is_ours(tensor):
                reference = StorageWeakRef(storage)  # type: ignore[no-untyped-call]
                self._live[storage._cdata] = reference, storage.nbytes()
                self._now += storage.nbytes()
        if self._now > SWEPT * self.most:
            self._live = {key: held for key, held in self._live.items() if not _gone(held[0])}
            self._now = sum(size for _, size in self._live.values())
            self.most = max(self.most, self._now)
        return made

    def _is_ours(self, tensor: Tensor) -> bool:
        held = self._live.get(tensor.untyped_storage()._cdata)
        return held is not None and not _gone(held[0])


def _gone(storage: StorageWeakRef) -> bool:
    return bool(storage.expired())  # type: ignore[no-untyped-call]


def _tensors(values: Sequence[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)
