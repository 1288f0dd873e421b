"""A loop over `torch.nn.RNNCell`: PyTorch's own step, our own walk through time, layers and directions."""

from typing import Any

from torch import Tensor, nn
from torch.func import functional_call

from .equations import Bias, rnn


def cell(*arguments: Any, nonlinearity: str = "tanh", **others: Any) -> Any:
    """Arguments and results of `equations.rnn`."""
    made: dict[tuple[int, int], nn.RNNCell] = {}  # by H_in and H_out

    def step(x_t: Tensor, h: Tensor, W_ih: Tensor, W_hh: Tensor, b_ih: Bias, b_hh: Bias) -> Tensor:
        """x_t (N, H_in), h (N, H_out) -> the next h (N, H_out)."""
        weights = {"weight_ih": W_ih, "weight_hh": W_hh}
        if isinstance(b_ih, Tensor) and isinstance(b_hh, Tensor):
            weights |= {"bias_ih": b_ih, "bias_hh": b_hh}
        sizes = (x_t.shape[-1], h.shape[-1])
        if sizes not in made:  # on meta nothing is initialised, and dropout's generator is left alone
            made[sizes] = nn.RNNCell(*sizes, bias=len(weights) == 4, nonlinearity=nonlinearity, device="meta")
        after: Tensor = functional_call(made[sizes], weights, (x_t, h))
        return after

    return rnn(*arguments, nonlinearity=nonlinearity, step=step, **others)
