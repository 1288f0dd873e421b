"""Finds the candidate a case names, and gives it the one form everything else knows.

The canonical form: `f(input, h_0, params, case) -> (output, h_n)`, with `params` under nn.RNN's names. A user's own is
imported as Python would import it, and read (`read.py`); that runs its code, so it is done in a process of its own.
"""

import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from rnncli.case import Case
from rnncli.errors import CandidateError, nearest
from rnncli.manual import BUILT_IN

Sequence = Tensor | PackedSequence
Canonical = Callable[[Sequence, Tensor | None, Mapping[str, Tensor], Case], tuple[Sequence, Tensor]]
CANONICAL_ARGUMENTS = ("input", "h_0", "params", "case")


def load(case: Case) -> Canonical:
    """The built-in candidate of the case in canonical form."""
    assert isinstance(case.candidate, str)
    rnn = BUILT_IN[case.candidate]

    def built_in(input: Sequence, h_0: Tensor | None, params: Mapping[str, Tensor], case: Case) -> object:
        return rnn(input, h_0, params, **arguments_of(case))

    return canonical(case.candidate, built_in)


def arguments_of(case: Case) -> dict[str, Any]:
    """The arguments that a built-in implementation takes of a case, beside input, h_0 and parameters."""
    return {
        "num_layers": case.rnn.num_layers,
        "nonlinearity": case.rnn.nonlinearity,
        "batch_first": case.rnn.batch_first,
        "dropout": case.rnn.dropout,
        "bidirectional": case.rnn.bidirectional,
        "training": case.run.train,
    }


def find(target: str) -> object:
    """What a PATH.py:NAME or MODULE:NAME names. Raises CandidateError where it cannot be imported, or has no NAME."""
    file, _, name = target.rpartition(":")
    try:
        module = _imported(file)
    except (Exception, SystemExit) as error:
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        raise CandidateError(f"candidate {target}: importing {file} raised {what}") from error
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            names = [key for key, value in vars(module).items() if _is_own(value, module)]
            raise CandidateError(
                f"candidate {target}: {file} has no {name}{nearest(name, names)};"
                f" it has {', '.join(names) or 'no function and no class'}"
            )
        found = getattr(found, part)
    return found


def is_canonical(target: object) -> bool:
    """Whether a candidate has the canonical form and needs no reading."""
    try:
        return callable(target) and tuple(inspect.signature(target).parameters)[:4] == CANONICAL_ARGUMENTS
    except (TypeError, ValueError):
        return False


def own_frames(error: BaseException, file: str) -> str:
    """The traceback of an error, cut to the frames of the candidate's own folder."""
    folder = str(Path(file).resolve().parent)
    frames = traceback.extract_tb(error.__traceback__)
    ours = str(Path(__file__).resolve().parents[1])
    own = [
        frame
        for frame in frames
        if frame.filename.startswith(folder)
        and not frame.filename.startswith(ours)
        and "/site-packages/" not in frame.filename
    ]
    lines = [] if not own else ["Traceback (most recent call last):\n", *traceback.format_list(own)]
    return "".join([*lines, *traceback.format_exception_only(error)])


def canonical(name: str, call: Callable[..., object], *, partial: bool = False) -> Canonical:
    """A function of the canonical arguments whose failures are the candidate's.

    Calling it raises CandidateError where the function raises, ends the process, or returns no (output, h_n).
    `partial`: one of the two may be None, of a candidate that does not claim to return it.
    """

    def called(
        input: Sequence, h_0: Tensor | None, params: Mapping[str, Tensor], case: Case
    ) -> tuple[Sequence, Tensor]:
        try:
            returned = call(input, h_0, params, case)
        except (MemoryError, torch.OutOfMemoryError):
            raise
        except (Exception, SystemExit) as error:
            what = f"{type(error).__name__}: {error}".splitlines()[0]
            raise CandidateError(f"candidate {name}: its forward raised {what}") from error
        match returned:
            case (Tensor() | PackedSequence() as output, Tensor() as h_n):
                return output, h_n
            case (Tensor() | PackedSequence() | None as output, Tensor() | None as h_n) if partial:
                return output, h_n  # type: ignore[return-value]
        raise CandidateError(f"candidate {name}: returned {_described(returned)}; expected (output, h_n)")

    return called


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    """torch's default dtype, for buffers that a candidate makes without one; float32 for narrower ones."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype if dtype == torch.float64 else torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _imported(file: str) -> ModuleType:
    if not file.endswith(".py"):
        sys.path.insert(0, str(Path.cwd()))
        return importlib.import_module(file)
    path = Path(file).resolve()
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {file}")
    sys.path.insert(0, str(path.parent))
    name = path.stem if path.stem not in sys.modules else f"candidate_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _is_own(value: object, module: ModuleType) -> bool:
    return callable(value) and getattr(value, "__module__", None) == module.__name__


def _described(returned: object) -> str:
    if isinstance(returned, tuple) and not isinstance(returned, PackedSequence):
        return f"({', '.join(type(item).__name__ for item in returned)})"
    return type(returned).__name__
