"""The memory a case needs, estimated by formula before anything is allocated, and the memory there is."""

import math
import os
from pathlib import Path

from rnncli.core.case import Case
from rnncli.core.errors import ConfigError
from rnncli.core.shapes import tensor_sizes

ITEM_SIZE = {"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2}
OBJECTS_PER_STEP = {True: 6000, False: 1000}  # bytes of tensors' and autograd's own, with and without gradients
NOISY_ELEMENTS = 2**23  # of all states, or all weights, in the noisy runs of a case at once; one run at the least
NOISY_RUNS = 8
LARGEST_TENSOR = 2**63  # bytes: where torch's sizes overflow, on the meta device too

_limit: int | None = None


def needed_for_shapes(case: Case) -> int:
    """Return the bytes that `shapes` takes: the parameters once, what goes in and out, and the layer at work."""
    at_work = (5 + _blocks(case)) * _layer(case)
    return ITEM_SIZE[case.run.dtype] * (_parameters(case) + 2 * sum(_given_and_returned(case)) + at_work)


def needed_for_verify(case: Case) -> int:
    """Return the bytes that `verify` takes at its peak: the probe, the values of both sides, one side at work or one
    comparison. In float64, each tensor counted as often as was measured to be alive at once.
    """
    given, returned = _given_and_returned(case)
    one_layer = _blocks(case) * _layer(case)
    if case.run.gradients:
        layers = case.rnn.num_layers * one_layer
        elements = 15 * (_parameters(case) + given) + 7 * returned + 9 * layers
        elements += 6 * max(layers, min(NOISY_RUNS * layers, NOISY_ELEMENTS))
    else:
        elements = 4 * (_parameters(case) + given) + 7 * returned + 7 * one_layer
    objects = case.input.seq_len * case.rnn.num_layers * case.rnn.directions * OBJECTS_PER_STEP[case.run.gradients]
    return 8 * elements + objects


def require_fits(case: Case, needed: int, available: int | None) -> None:
    """Raise ConfigError, with the estimate, where a case needs more bytes than there are. None: not known."""
    limit = LARGEST_TENSOR if available is None else min(available, LARGEST_TENSOR)
    if needed > limit:
        raise ConfigError(
            f"the case is too big: about {_readable(needed)} needed, {_readable(limit)} available"
            f" (hidden_size {case.rnn.hidden_size}, num_layers {case.rnn.num_layers}, seq_len {case.input.seq_len},"
            f" batch_size {case.input.batch_size}); rnncli shapes --static"
            " predicts its shapes without torch"
        )


def limit(count: int | None) -> None:
    """Limit the bytes that this process takes, whatever the machine has; None for all of these."""
    global _limit
    _limit = count


def available_memory() -> int | None:
    """Return the bytes this process may still take: the least of the machine's, its control group's and its limit.
    None: not known.
    """
    amounts = (_machine_memory(), _group_memory(), _limit)
    return min((amount for amount in amounts if amount is not None), default=None)


def _parameters(case: Case) -> int:
    rnn, count = case.rnn, 0
    for features, layers in ((rnn.input_size, 1), (rnn.directions * rnn.h_out, rnn.num_layers - 1)):
        shapes = case.cell.weights(features, rnn.h_out, rnn.hidden_size, rnn.bias).values()
        count += rnn.directions * layers * sum(map(math.prod, shapes))
    if case.candidate == "bmm":  # a copy of one layer's weights for every sequence
        widest = max(rnn.input_size, rnn.directions * rnn.h_out if rnn.num_layers > 1 else 0)
        count += _batch(case) * len(case.cell.gates) * rnn.hidden_size * (rnn.h_out + widest)
    return count


def _given_and_returned(case: Case) -> tuple[int, int]:
    given = {"input", *case.cell.initial}
    elements = {name: math.prod(size) for name, size in tensor_sizes(case).items()}
    of_given = sum(count for name, count in elements.items() if name in given)
    return of_given, sum(elements.values()) - of_given


def _layer(case: Case) -> int:  # elements of one gate or state of a layer at all steps
    rnn = case.rnn
    elements = case.input.seq_len * _batch(case) * rnn.directions * rnn.hidden_size
    if case.candidate == "concat":  # [x_t, h] is kept for every step
        elements += elements * (rnn.input_size + rnn.h_out) // rnn.hidden_size
    return elements


def _blocks(case: Case) -> int:  # values of that size: of each gate, and of every state after the first
    return len(case.cell.gates) + len(case.cell.states) - 1


def _batch(case: Case) -> int:
    return 1 if case.input.layout == "unbatched" else case.input.batch_size


def _readable(count: int) -> str:
    size = float(count)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB", "PiB"):
        if size < 1024:
            return f"{size:.3g} {unit}"
        size /= 1024
    return f"{size:,.0f} EiB"


def _machine_memory() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration, ValueError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def _group_memory() -> int | None:
    group = Path("/sys/fs/cgroup")
    of_version_1 = "memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"
    for limit, used in (("memory.max", "memory.current"), of_version_1):
        try:
            return max(0, int((group / limit).read_text()) - int((group / used).read_text()))
        except (OSError, ValueError):  # no such group, or "max": no limit
            continue
    return None
