"""Hand-written RNNs that compute the function of `torch.nn.RNN`. They need torch and know nothing of rnncli.

`equations.py` is the one to read. `fused.py` is its fast form, and what `manual` runs; the other files write the step
in another classic way. All are called alike:
`f(input, h_0, params, *, num_layers, nonlinearity, batch_first, dropout, bidirectional, training)`.
"""

from collections.abc import Callable
from typing import Any

from .bmm import bmm
from .cell import cell
from .concat import concat
from .equations import Step, gru_step, lstm_step, relu_step, tanh_step
from .fused import rnn
from .stepwise import made_of

STEPS: dict[str, Step] = {"tanh": tanh_step, "relu": relu_step, "GRU": gru_step, "LSTM": lstm_step}
equations = made_of(STEPS)
BUILT_IN: dict[str, Callable[..., Any]] = {"manual": rnn, "bmm": bmm, "concat": concat, "cell": cell}

__all__ = ["BUILT_IN", "STEPS", "bmm", "cell", "concat", "equations", "rnn"]
