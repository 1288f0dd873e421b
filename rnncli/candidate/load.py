"""Finds the candidate a case names, and gives it the one form everything else knows.

The canonical form: `f(input, h_0, params, case) -> (output, h_n)`, with `params` under nn.RNN's names.
"""

from collections.abc import Callable, Mapping

from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from rnncli.case import Case
from rnncli.manual import BUILT_IN

Sequence = Tensor | PackedSequence
Canonical = Callable[[Sequence, Tensor | None, Mapping[str, Tensor], Case], tuple[Sequence, Tensor]]


def load(case: Case) -> Canonical:
    """The candidate of the case in canonical form."""
    rnn = BUILT_IN[case.candidate]

    def canonical(
        input: Sequence, h_0: Tensor | None, params: Mapping[str, Tensor], case: Case
    ) -> tuple[Sequence, Tensor]:
        output, h_n = rnn(
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
        return output, h_n

    return canonical
