"""The candidate's own line: the one that is running, that raised, or that makes a float32 tensor."""

import contextlib
import traceback
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from sys import _getframe, stdlib_module_names
from types import FrameType
from typing import Any

import torch
from torch import Tensor

from rnncli.candidate.load import Canonical, default_dtype
from rnncli.core.case import Case, altered
from rnncli.numerics.device import DispatchMode
from rnncli.numerics.probe import Probe
from rnncli.verdict.evaluate import candidate_side

# Frames that are not the candidate's own; above those of the functions that call it, none is
_GUARD = "rnncli.faults.device_guard"
_MACHINERY = (__name__, _GUARD, "rnncli.verdict.evaluate", "rnncli.candidate.")
_NOT_THE_CANDIDATE = {"torch", *stdlib_module_names}
_NARROW = (torch.float32, torch.float16, torch.bfloat16)
_CALLING_IT = {(__name__, "float32_made"), (_GUARD, "_trial"), (_GUARD, "makes_tensors")}


def float32_made(candidate: Canonical, case: Case, probe: Probe, plain: bool) -> str | None:
    """Return the candidate's first line that makes a float32 tensor where it is given float64; None if none does.

    `plain`: torch's default dtype is left at float32, so that a buffer made without a dtype is found as well.
    """
    watch = _Narrow()  # type: ignore[no-untyped-call]
    forward = altered(case, run={"gradients": False, "train": False})
    with aside(gradients=False), default_dtype(torch.float32 if plain else torch.float64):
        side = candidate_side(candidate, forward, probe)
        with watch, contextlib.suppress(Exception):
            side.call(side.leaves)
    return watch.line


class _Narrow(DispatchMode):  # type: ignore[no-untyped-call]
    """A watch for the first line whose operation gives a float32 tensor."""

    line: str | None = None

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if self.line is None and any(tensor.dim() and tensor.dtype in _NARROW for tensor in tensors_of([result])):
            self.line = own_line()
        return result


@contextlib.contextmanager
def aside(gradients: bool) -> Iterator[None]:
    """Hold back warnings, and leave random numbers and the mode of gradients as they were."""
    with (
        warnings.catch_warnings(action="ignore"),
        torch.random.fork_rng(devices=[]),
        torch.set_grad_enabled(gradients),
    ):
        yield


def tensors_of(values: Iterable[Any]) -> list[Tensor]:
    """Return the tensors among the arguments or results of an operation, those in its lists among them."""
    found: list[Tensor] = []
    for value in values:
        found += [value] if isinstance(value, Tensor) else tensors_of(value) if isinstance(value, list | tuple) else []
    return found


def own_line() -> str | None:
    """Return the candidate's own line that is nearest to what is running, as file:line; None if it is C++."""
    return _nearest(traceback.walk_stack(_getframe()))


def raised_at(error: BaseException) -> str | None:
    """Return the candidate's own line that is nearest to where an exception was raised."""
    return _nearest(reversed(list(traceback.walk_tb(error.__traceback__))))


def _nearest(innermost_first: Iterable[tuple[FrameType, int]]) -> str | None:
    for frame, line in innermost_first:
        module = frame.f_globals.get("__name__", "")
        if (module, frame.f_code.co_name) in _CALLING_IT:
            return None
        if not module.startswith(_MACHINERY) and module.partition(".")[0] not in _NOT_THE_CANDIDATE:
            path = Path(frame.f_code.co_filename)
            return f"{path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}:{line}"
    return None
