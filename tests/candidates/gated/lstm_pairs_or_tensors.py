"""LSTMs that take their state in more than one form, of which nn.LSTM's is the pair (h_0, c_0)."""

import torch
from torch import nn


class Loop(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.cell = nn.LSTMCell(input_size, hidden_size)

    def run(self, x, h, c):
        output = []
        for x_t in x:
            h, c = self.cell(x_t, (h, c))
            output.append(h)
        return torch.stack(output), (h, c)


class PairOrTensor(Loop):
    def forward(self, x, state=None):
        if state is None:
            h, c = x.new_zeros(2, x.size(1), self.hidden_size)
        elif isinstance(state, torch.Tensor):
            h, c = state.unbind(0)
        else:
            h, c = state
        return self.run(x, h, c)


class TensorSwapped(Loop):
    def forward(self, x, state=None):
        if state is None:
            h, c = x.new_zeros(2, x.size(1), self.hidden_size)
        elif isinstance(state, torch.Tensor):
            c, h = state.unbind(0)
        else:
            h, c = state
        return self.run(x, h, c)


class PairDetached(Loop):
    def forward(self, x, state=None):
        if state is None:
            h, c = x.new_zeros(2, x.size(1), self.hidden_size)
        elif isinstance(state, torch.Tensor):
            h, c = state.chunk(2, -1)
        else:
            h, c = state[0], state[1].detach()
        return self.run(x, h, c)


class PairOrTwo(Loop):
    def forward(self, x, hx=None, cx=None):
        if isinstance(hx, tuple):
            hx, cx = hx
        if hx is None:
            hx = x.new_zeros(x.size(1), self.hidden_size)
        return self.run(x, hx, torch.zeros_like(hx) if cx is None else cx)


class PairExchanged(Loop):
    def forward(self, x, hx=None, cx=None):
        if isinstance(hx, tuple):
            cx, hx = hx
        if hx is None:
            hx = x.new_zeros(x.size(1), self.hidden_size)
        return self.run(x, hx, torch.zeros_like(hx) if cx is None else cx)


class PairWithoutC(Loop):
    def forward(self, x, state=None):
        if isinstance(state, tuple):
            h, c = state[0], torch.zeros_like(state[1])
        else:
            h, c = x.new_zeros(2, x.size(1), self.hidden_size)
        return self.run(x, h, c)
