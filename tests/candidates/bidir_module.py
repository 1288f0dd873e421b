import torch
from torch import nn


class BidirectionalRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        bound = 1 / hidden_size ** 0.5

        def weight(*shape):
            return nn.Parameter(torch.empty(*shape).uniform_(-bound, bound))

        # index 0: left to right, index 1: right to left
        self.w_ih = nn.ParameterList([weight(hidden_size, input_size) for _ in range(2)])
        self.w_hh = nn.ParameterList([weight(hidden_size, hidden_size) for _ in range(2)])
        self.b_ih = nn.ParameterList([weight(hidden_size) for _ in range(2)])
        self.b_hh = nn.ParameterList([weight(hidden_size) for _ in range(2)])

    def run(self, x, h, d):
        out = []
        for x_t in x:
            h = torch.tanh(x_t @ self.w_ih[d].T + self.b_ih[d] + h @ self.w_hh[d].T + self.b_hh[d])
            out.append(h)
        return torch.stack(out), h

    def forward(self, x, h0=None):
        # x is (seq, batch, input_size)
        if h0 is None:
            h0 = x.new_zeros(2, x.size(1), self.hidden_size)
        out_l2r, h_l2r = self.run(x, h0[0], 0)
        out_r2l, h_r2l = self.run(x, h0[1], 1)
        out_r2l = torch.flip(out_r2l, dims=[0])
        return torch.cat([out_l2r, out_r2l], dim=-1), torch.stack([h_l2r, h_r2l])
