import torch
from torch import nn


class StackedRNN(nn.Module):
    def __init__(self, input_dim, hidden_dim, n_layers=1):
        super().__init__()
        self.hidden_dim = hidden_dim
        self.n_layers = n_layers
        dims = [input_dim] + [hidden_dim] * (n_layers - 1)
        self.U = nn.ParameterList([nn.Parameter(torch.randn(hidden_dim, d) / d ** 0.5) for d in dims])
        self.W = nn.ParameterList([nn.Parameter(torch.randn(hidden_dim, hidden_dim) / hidden_dim ** 0.5) for _ in dims])
        self.b_u = nn.ParameterList([nn.Parameter(torch.zeros(hidden_dim)) for _ in dims])
        self.b_w = nn.ParameterList([nn.Parameter(torch.zeros(hidden_dim)) for _ in dims])

    def forward(self, x, h0=None):
        # x: batch, seq, input_dim
        B, T, _ = x.shape
        if h0 is None:
            h0 = torch.zeros(self.n_layers, B, self.hidden_dim).to(x)
        seq = x
        finals = []
        for U, W, b_u, b_w, h in zip(self.U, self.W, self.b_u, self.b_w, h0):
            states = []
            for t in range(T):
                h = torch.tanh(seq[:, t] @ U.t() + b_u + h @ W.t() + b_w)
                states.append(h)
            seq = torch.stack(states, dim=1)
            finals.append(h)
        return seq, torch.stack(finals, dim=0)
