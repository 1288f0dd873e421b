"""The smallest case in which a candidate still fails, and the command that shows it failing."""

import re
import shlex
import time
from collections.abc import Callable, Iterator, Sequence
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
WRITTEN = ("rnn.nonlinearity", "rnn.bias")  # a user's candidate may have them written into it

Proposal = Callable[[Case], Iterator[Changes]]


def shrunk(
    case: Case,
    still_fails: Callable[[Case], bool],
    seconds: float = MOST_SECONDS,
    proposals: Sequence[Proposal] | None = None,
) -> Case:
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

    def smaller(case: Case, propose: Proposal) -> Case | None:
        changed = (changed_by(case, changes) for changes in propose(case))
        return next((one for one in changed if one is not None and one != case and fails(one)), None)

    case, before = case.model_copy(update={"expect": {}}), None
    while case != before:
        before = case
        for propose in proposals or PROPOSALS:
            while found := smaller(case, propose):  # every change of one kind with which it still fails
                case = found
    return case


def _all_sizes(case: Case) -> Iterator[Changes]:
    for most in (1, 2, 3):  # most mistakes show in a case this small, and a large one is costly to try
        yield _resized(case, {leaf: min(most, value) for leaf, value in _sizes_of(case).items()})


def _size(leaf: str, case: Case) -> Iterator[Changes]:
    yield from (_resized(case, {leaf: smaller}) for smaller in _smaller(_sizes_of(case).get(leaf, 0)))


def _sizes_of(case: Case) -> dict[str, int]:
    unused = {"input.batch_size"} if case.input.layout == "unbatched" else set()
    return {leaf: size for leaf, size in _leaves_of(case).items() if leaf in SIZES and leaf not in unused}


def _smaller(size: int) -> Iterator[int]:
    """Yield 1, 2, 3, then half of it, then ever smaller steps down, to one less."""
    yield from range(1, min(4, size))
    step = size // 2
    while step and size > 4:
        yield size - step
        step //= 2


def _resized(case: Case, sizes: Changes) -> Changes:
    if case.input.lengths is None:
        return sizes
    steps = sizes.get("input.seq_len", case.input.seq_len)
    count = sizes.get("input.batch_size", case.input.batch_size)
    return {**sizes, "input.lengths": [min(length, steps) for length in case.input.lengths[:count]]}


def _shorter_lengths(case: Case) -> Iterator[Changes]:
    lengths = case.input.lengths or ()
    for n in range(len(lengths)):
        yield {"input.lengths": [*lengths[:n], *lengths[n + 1 :]], "input.batch_size": len(lengths) - 1}
    for n, length in enumerate(lengths):
        yield from ({"input.lengths": [*lengths[:n], less, *lengths[n + 1 :]]} for less in _smaller(length))


def _defaults(leaves: list[str], case: Case) -> Iterator[Changes]:
    changes = {leaf: value for leaf, value in _leaves_of(Case()).items() if leaf in leaves}
    if "input.layout" in leaves:
        changes["input.lengths"] = None
        changes |= {"input.batch_size": 1} if case.input.layout == "unbatched" else {}
    yield changes


def _unused_batch_size(case: Case) -> Iterator[Changes]:
    if case.input.layout == "unbatched":
        yield {"input.batch_size": Case().input.batch_size}


OF_SIZES: list[Proposal] = [_all_sizes, *(partial(_size, leaf) for leaf in SIZES)]


def _proposals(leaves: list[str]) -> list[Proposal]:
    found: list[Proposal] = [_all_sizes, partial(_defaults, ["input.lengths"]), *OF_SIZES[1:]]
    found += [partial(_defaults, leaves), _unused_batch_size, *(partial(_defaults, [leaf]) for leaf in leaves)]
    return [*found, _shorter_lengths]  # one by one, many where there are many: last


PROPOSALS = _proposals(LEAVES)
OF_A_CANDIDATE = _proposals([leaf for leaf in LEAVES if leaf not in WRITTEN])


_FILE = re.compile(r"[\w./-]+\.(py|ipynb):[\w.]+")  # a target that can stand without its flag


def replay_command(case: Case, *extra: str) -> str:
    """Return `rnncli verify` with the flags that set what is not at its default, and `extra` ones, safe in a shell.

    The device is named where it is not the one that is taken without a flag.
    """
    defaults = _leaves_of(Case())
    if case.input.lengths is not None:  # from which the sizes follow
        defaults |= {"input.seq_len": max(case.input.lengths), "input.batch_size": len(case.input.lengths)}
    if not case.cell.has_nonlinearity:
        defaults["rnn.nonlinearity"] = None
    values = {leaf: value for leaf, value in _leaves_of(case).items() if value != defaults[leaf]}
    if torch.device(values.get("run.device", "cpu")) == devices.resolve("auto"):
        values.pop("run.device", None)
    first = ["rnncli verify"]
    if _FILE.fullmatch(values.get("candidate", "")):
        first.append(values.pop("candidate"))
    named = {leaf.replace("num_layers", "layers"): value for leaf, value in values.items()}
    flags = as_flags({leaf: shlex.quote(value) if isinstance(value, str) else value for leaf, value in named.items()})
    expected = (("--expect", f"{name}={','.join(map(str, sizes))}") for name, sizes in case.expect.items())
    return " ".join(filter(None, [*first, flags, shlex.join([*(word for pair in expected for word in pair), *extra])]))


def _leaves_of(case: Case) -> dict[str, Any]:
    """Return the values of a case by dotted leaf, in the order of the config, without what it expects."""
    values = case.config
    by_leaf = {
        f"{section}.{name}": value for section in ("rnn", "input", "run") for name, value in values[section].items()
    }
    return {**by_leaf, "candidate": case.target or values["candidate"]}
