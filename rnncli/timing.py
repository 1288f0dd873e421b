"""What each side costs: warm-up, interleaved runs, synchronised on CUDA, median and interquartile range."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
from torch.utils.benchmark import Measurement, Timer

from rnncli.parity.evaluate import Side
from rnncli.records import Timing

Pass = Literal["forward", "forward+backward"]

BLOCK_S = 1e-3  # one measurement runs the pass often enough to take about this long
BUDGET_S = 0.06  # per side and pass
RUNS = (3, 20)  # at least, at most


def time_sides(sides: Sequence[Side], gradients: bool) -> tuple[Timing, ...]:
    """Forward (with autograd recording where gradients are asked for) and forward+backward of each side.

    The first side is the one the ratios are taken against. Runs are interleaved, so that drift hits all alike.
    """
    passes: tuple[Pass, ...] = ("forward", "forward+backward") if gradients else ("forward",)
    timings = []
    for name in passes:
        with torch.set_grad_enabled(gradients):
            work = [side.forward if name == "forward" else side.forward_backward for side in sides]
            measured = _interleaved(work)
        baseline = measured[0].median
        for side, measurement in zip(sides, measured, strict=True):
            timings.append(
                Timing(
                    implementation=side.name,
                    pass_=name,
                    median_s=measurement.median,
                    iqr_s=measurement.iqr,
                    runs=len(measurement.times),
                    ratio_to_reference=measurement.median / baseline if baseline else None,
                )
            )
    return tuple(timings)


def _interleaved(work: Sequence[Callable[[], Any]]) -> list[Measurement]:
    timers = [Timer("work()", globals={"work": call}, num_threads=torch.get_num_threads()) for call in work]
    once = [timer.timeit(1).median for timer in timers]
    slowest = max(once)
    runs = min(RUNS[1], max(RUNS[0], int(BUDGET_S / max(slowest, BLOCK_S))))
    repeats = [max(1, int(BLOCK_S / seconds)) if seconds else 1 for seconds in once]
    rounds = [[timer.timeit(count) for timer, count in zip(timers, repeats, strict=True)] for _ in range(runs)]
    return [Measurement.merge(list(column))[0] for column in zip(*rounds, strict=True)]
