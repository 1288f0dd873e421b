"""The one form that everything else knows a candidate in: `f(input, h_0, params, case) -> (output, h_n)`.

Of an LSTM h_0 is (h_0, c_0), and h_n is (h_n, c_n). `params` are under torch's names. The built-in candidates have
this form; a user's own is found (`find`), read (`reading`) and given it (`adapter`).
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import NoneType
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from rnncli.candidate.weights import Missing
from rnncli.core.case import Case
from rnncli.core.errors import CandidateError, described
from rnncli.manual import BUILT_IN

Sequence = Tensor | PackedSequence
States = Tensor | tuple[Tensor, ...] | None
Canonical = Callable[[Sequence, States, Mapping[str, Tensor], Case], tuple[Sequence, States]]
CANONICAL_ARGUMENTS = ("input", "h_0", "params", "case")


def load(case: Case) -> Canonical:
    """Return the built-in candidate of a case."""
    assert isinstance(case.candidate, str)
    rnn = BUILT_IN[case.candidate]

    def built_in(input: Sequence, h_0: States, params: Mapping[str, Tensor], case: Case) -> object:
        return rnn(input, h_0, params, **arguments_of(case))

    return canonical(case.candidate, built_in)


def arguments_of(case: Case) -> dict[str, Any]:
    """Return the arguments that a built-in implementation takes of a case, beside input, h_0 and parameters."""
    names = ("cell", "num_layers", "nonlinearity", "batch_first", "dropout", "bidirectional")
    return {**{name: getattr(case.rnn, name) for name in names}, "training": case.run.train}


def is_canonical(target: object) -> bool:
    """Return whether a candidate has the canonical form and needs no reading."""
    try:
        return callable(target) and tuple(inspect.signature(target).parameters)[:4] == CANONICAL_ARGUMENTS
    except (TypeError, ValueError):
        return False


def canonical(name: str, call: Callable[..., object], *, partial: bool = False) -> Canonical:
    """Return a function of the canonical arguments whose failures are the candidate's.

    Calling it raises CandidateError where the function raises, ends the process, or returns no (output, h_n).
    `partial`: one of the two may be None, of a candidate that does not claim to return it.
    """

    def called(input: Sequence, h_0: States, params: Mapping[str, Tensor], case: Case) -> tuple[Sequence, States]:
        try:
            returned = call(input, h_0, params, case)
        except (MemoryError, torch.OutOfMemoryError, KeyboardInterrupt, CandidateError):
            raise
        except Missing as error:
            raise CandidateError(f"candidate {name}: its call lacks {error}") from error
        except BaseException as error:
            raise CandidateError(f"candidate {name}: its forward raised {described(error)}") from error
        match returned:
            case (output, h_n) if partial or (output is not None and h_n is not None):
                final = [_as_tensor(value) for value in _final(h_n, case)]
                if issubclass(type(output), (Tensor, PackedSequence, NoneType)) and len(final) == len(case.cell.final):
                    return _as_tensor(output), tuple(final) if len(final) > 1 else final[0]
        names = ", ".join(case.cell.final)
        expected = f"(output, {names if len(case.cell.final) == 1 else f'({names})'})"
        raise CandidateError(f"candidate {name}: returned {_described(returned)}; expected {expected}")

    return called


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    """Set torch's default dtype, for buffers that a candidate makes without one; float32 for narrower ones."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype if dtype == torch.float64 else torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _final(states: object, case: Case) -> list[Any]:
    """Return the final states one by one, None for each that is not returned; nothing if they are of another kind."""
    count = len(case.cell.final)
    several = count > 1 and isinstance(states, (tuple, list))
    found = list(states) if several else [states] * (count if states is None else 1)  # type: ignore[call-overload]
    return found if all(issubclass(type(value), (Tensor, NoneType)) for value in found) else []


def _as_tensor(value: Any) -> Any:
    """Return a result without its own type, whose methods would run wherever the result is looked at."""
    if value is None or type(value) is Tensor:
        return value
    if isinstance(value, PackedSequence):
        return value._replace(data=_as_tensor(value.data))
    with torch._C.DisableTorchFunctionSubclass():
        return value.as_subclass(Tensor)


def _described(returned: object) -> str:
    if isinstance(returned, tuple) and not isinstance(returned, PackedSequence):
        return f"({', '.join(type(item).__name__ for item in returned)})"
    return type(returned).__name__
