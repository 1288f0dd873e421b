"""Finds the candidate a case names, and gives it the one form everything else knows.

The canonical form: `f(input, h_0, params, case) -> (output, h_n)`, with `params` under nn.RNN's names.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from rnncli.case import Case
from rnncli.errors import CandidateError
from rnncli.manual import BUILT_IN

Sequence = Tensor | PackedSequence
Canonical = Callable[[Sequence, Tensor | None, Mapping[str, Tensor], Case], tuple[Sequence, Tensor]]


def load(case: Case) -> Canonical:
    """The candidate of the case in canonical form."""
    rnn = BUILT_IN[case.candidate]

    def built_in(input: Sequence, h_0: Tensor | None, params: Mapping[str, Tensor], case: Case) -> object:
        return rnn(
            input,
            h_0,
            params,
            num_layers=case.rnn.num_layers,
            nonlinearity=case.rnn.nonlinearity,
            batch_first=case.rnn.batch_first,
            dropout=case.rnn.dropout,
            bidirectional=case.rnn.bidirectional,
            training=case.run.train,
        )

    return canonical(case.candidate, built_in)


def canonical(name: str, call: Callable[..., object]) -> Canonical:
    """A function of the canonical arguments whose failures are the candidate's.

    Calling it raises CandidateError where the function raises, ends the process, or returns no (output, h_n).
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
        raise CandidateError(f"candidate {name}: returned {_described(returned)}; expected (output, h_n)")

    return called


def _described(returned: object) -> str:
    if isinstance(returned, tuple) and not isinstance(returned, PackedSequence):
        return f"({', '.join(type(item).__name__ for item in returned)})"
    return type(returned).__name__
