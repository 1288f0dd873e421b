"""The smallest case in which a candidate still fails, and the command that shows it failing."""

import re
import shlex
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch

from rnncli.core.case import Case, Changes, as_flags, changed_by
from rnncli.numerics import device as devices

MOST_TRIED = 60  # cases
MOST_SECONDS = 20.0  # after which no further case is tried

SIZES = ("input.seq_len", "input.batch_size", "rnn.num_layers", "rnn.hidden_size", "rnn.input_size")
# Put back to their defaults: what makes another computation first. The device is part of what is seen.
LEAVES = ["rnn.bidirectional", "rnn.dropout", "run.train", "input.layout", "input.h_0", "run.gradients", "run.dtype"]
LEAVES += ["run.weight_scale", "rnn.batch_first", "rnn.nonlinearity", "rnn.bias", "run.seed", "run.tf32", "run.cudnn"]

Proposal = Callable[[Case], Iterator[Changes]]


def shrunk(case: Case, still_fails: Callable[[Case], bool], seconds: float = MOST_SECONDS) -> Case:
    """Return a case near the given one that still fails, as small as a greedy search finds, all else at its default.

    Sizes come first, then everything else, again until nothing changes. None of the sizes of the result could be one
    less, unless one of the limits ended the search: MOST_TRIED cases, or `seconds`. What the case expects is left out,
    since it belongs to its sizes. `still_fails` raises nothing; the case itself is taken to fail.
    """
    tried: dict[str, bool] = {}
    deadline = time.monotonic() + seconds

    def fails(case: Case) -> bool:
        if case.id not in tried:
            if len(tried) >= MOST_TRIED or time.monotonic() >= deadline:
                return False
            tried[case.id] = still_fails(case)
        return tried[case.id]

    case, before = case.model_copy(update={"expect": {}}), None
    while case != before:
        before = case
        for propose in PROPOSALS:
            while True:  # every change of one kind with which it still fails
                changed = (changed_by(case, changes) for changes in propose(case))
                smaller = next((one for one in changed if one is not None and one != case and fails(one)), None)
                if smaller is None:
                    break
                case = smaller
    return case


def _all_sizes(case: Case) -> Iterator[Changes]:
    """All sizes at once: most mistakes show in a case this small, and a large one is costly to try."""
    for most in (1, 2, 3):
        yield _resized(case, {leaf: min(most, value) for leaf, value in _sizes_of(case).items()})


def _size(leaf: str, case: Case) -> Iterator[Changes]:
    size = _sizes_of(case).get(leaf, 0)
    for smaller in _smaller(size):
        yield _resized(case, {leaf: smaller})


def _sizes_of(case: Case) -> dict[str, int]:
    """The sizes that do something: an unbatched input has no batch."""
    values = _leaves_of(case)
    return {leaf: values[leaf] for leaf in SIZES if leaf != "input.batch_size" or case.input.layout != "unbatched"}


def _smaller(size: int) -> Iterator[int]:
    """1, 2, 3, then half of it, then ever smaller steps down, to one less."""
    yield from range(1, min(4, size))
    step = size // 2
    while step and size > 4:
        yield size - step
        step //= 2


def _resized(case: Case, sizes: Changes) -> Changes:
    """The sizes, with the lengths that are left of a packed input's."""
    if case.input.lengths is None:
        return sizes
    steps = sizes.get("input.seq_len", case.input.seq_len)
    count = sizes.get("input.batch_size", case.input.batch_size)
    return {**sizes, "input.lengths": [min(length, steps) for length in case.input.lengths[:count]]}


def _lengths_by_rule(case: Case) -> Iterator[Changes]:
    if case.input.lengths is not None:
        yield {"input.lengths": None}


def _shorter_lengths(case: Case) -> Iterator[Changes]:
    """One sequence less, then one sequence shorter."""
    lengths = case.input.lengths or ()
    for place in range(len(lengths)):
        yield {"input.lengths": [*lengths[:place], *lengths[place + 1 :]], "input.batch_size": len(lengths) - 1}
    for place, length in enumerate(lengths):
        for smaller in _smaller(length):
            yield {"input.lengths": [*lengths[:place], smaller, *lengths[place + 1 :]]}


def _all_defaults(case: Case) -> Iterator[Changes]:
    yield {name: value for leaf in LEAVES for changes in _default(leaf, case) for name, value in changes.items()}


def _default(leaf: str, case: Case) -> Iterator[Changes]:
    changes = {leaf: _leaves_of(Case())[leaf]}
    if leaf == "input.layout":
        changes["input.lengths"] = None
        if case.input.layout == "unbatched":
            changes["input.batch_size"] = 1
    yield changes


def _unused_batch_size(case: Case) -> Iterator[Changes]:
    if case.input.layout == "unbatched":
        yield {"input.batch_size": Case().input.batch_size}


PROPOSALS: list[Proposal] = [_all_sizes, _lengths_by_rule, *(partial(_size, leaf) for leaf in SIZES), _all_defaults]
PROPOSALS += [_unused_batch_size, *(partial(_default, leaf) for leaf in LEAVES)]
PROPOSALS += [_shorter_lengths]  # one by one, many where there are many: last


_FILE = re.compile(r"[\w./-]+\.(py|ipynb):[\w.]+")  # a target that can stand without its flag


def replay_command(case: Case, *extra: str) -> str:
    """`rnncli verify` with the flags that set what is not at its default, and `extra` ones, safe in a POSIX shell.

    The device is named where it is not the one that is taken without a flag.
    """
    defaults = _leaves_of(Case())
    if case.input.lengths is not None:  # from which the sizes follow
        defaults |= {"input.seq_len": max(case.input.lengths), "input.batch_size": len(case.input.lengths)}
    values = {leaf: value for leaf, value in _leaves_of(case).items() if value != defaults[leaf]}
    if values.get("rnn.nonlinearity", "") is None:  # of a gated cell, which has none to be given
        del values["rnn.nonlinearity"]
    if torch.device(values.get("run.device", "cpu")) == devices.resolve("auto"):
        values.pop("run.device", None)
    first = ["rnncli verify"]
    if _FILE.fullmatch(values.get("candidate", "")):
        first.append(values.pop("candidate"))
    named = {leaf.replace("num_layers", "layers"): value for leaf, value in values.items()}
    flags = as_flags({leaf: shlex.quote(value) if isinstance(value, str) else value for leaf, value in named.items()})
    expected = [f"{name}={','.join(map(str, sizes))}" for name, sizes in case.expect.items()]
    further = shlex.join([*(word for item in expected for word in ("--expect", item)), *extra])
    return " ".join(filter(None, [*first, flags, further]))


def _leaves_of(case: Case) -> dict[str, Any]:
    """The values of a case by dotted leaf, in the order of the config, without what it expects."""
    values = case.config
    sections = {name: value for name, value in values.items() if name in ("rnn", "input", "run")}
    by_leaf = {f"{section}.{name}": value for section, of in sections.items() for name, value in of.items()}
    return {**by_leaf, "candidate": case.target or values["candidate"]}
