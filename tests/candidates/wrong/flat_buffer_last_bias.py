import torch
from torch import nn


class FlatRNN(nn.Module):
    """All weights in one flat buffer, as a fused kernel wants them: W_ih, W_hh, b_ih, b_hh."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        n = hidden_size * (input_size + hidden_size + 2)
        self.flat = nn.Parameter(torch.empty(n).uniform_(-0.1, 0.1))

    def unpack(self):
        I, H = self.input_size, self.hidden_size
        w_ih, w_hh, b_ih, b_hh = self.flat.split([H * I, H * H, H, H])
        return w_ih.view(H, I), w_hh.view(H, H), b_ih, b_hh

    def forward(self, x, h):
        w_ih, w_hh, b_ih, b_hh = self.unpack()
        out = []
        for x_t in x:
            h = torch.tanh(x_t @ w_ih.t() + b_ih + h @ w_hh.t() + b_ih)
            out.append(h)
        return torch.stack(out), h
