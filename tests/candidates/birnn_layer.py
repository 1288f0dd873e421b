import torch
from torch import nn, Tensor


class ElmanLayer(nn.Module):
    """One (bi)directional recurrent layer; can load the state dict of a one-layer nn.RNN."""

    def __init__(self, input_size: int, hidden_size: int, batch_first: bool = False, bidirectional: bool = False):
        super().__init__()
        self.hidden_size = hidden_size
        self.batch_first = batch_first
        self.bidirectional = bidirectional
        for suffix in ["_l0", "_l0_reverse"][: 1 + bidirectional]:
            for name, shape in {
                "weight_ih": (hidden_size, input_size),
                "weight_hh": (hidden_size, hidden_size),
                "bias_ih": (hidden_size,),
                "bias_hh": (hidden_size,),
            }.items():
                self.register_parameter(name + suffix, nn.Parameter(torch.randn(shape) * 0.1))

    def _direction(self, x: Tensor, h: Tensor, suffix: str) -> tuple[Tensor, Tensor]:
        p = {name.removesuffix(suffix): value for name, value in self.named_parameters() if name.endswith(suffix)}
        states = []
        for x_t in x:
            h = (x_t @ p["weight_ih"].mT + p["bias_ih"] + h @ p["weight_hh"].mT + p["bias_hh"]).tanh()
            states.append(h)
        return torch.stack(states), h

    def forward(self, input: Tensor, hx: Tensor | None = None) -> tuple[Tensor, Tensor]:
        x = input.movedim(1, 0) if self.batch_first else input
        if hx is None:
            hx = x.new_zeros(1 + self.bidirectional, x.shape[1], self.hidden_size)
        output, h_n = self._direction(x, hx[0], "_l0")
        h_n = h_n.unsqueeze(0)
        if self.bidirectional:
            rev, h_rev = self._direction(x.flip(0), hx[1], "_l0_reverse")
            output = torch.cat((output, rev.flip(0)), dim=2)
            h_n = torch.cat((h_n, h_rev.unsqueeze(0)))
        return (output.movedim(0, 1) if self.batch_first else output), h_n
