import torch
from torch import nn


class ONNXRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.W = nn.Parameter(torch.randn(1, hidden_size, input_size) * 0.1)
        self.R = nn.Parameter(torch.randn(1, hidden_size, hidden_size) * 0.1)
        self.B = nn.Parameter(torch.zeros(1, 2 * hidden_size))

    def forward(self, X, initial_h=None):
        H = self.hidden_size
        h = X.new_zeros(X.shape[1], H) if initial_h is None else initial_h[0]
        Wb, Rb = self.B[0].split(H)
        Y = []
        for x in X:
            h = torch.tanh(x @ self.W[0].T + h @ self.R[0].T + Wb + Rb)
            Y.append(h)
        return torch.stack(Y), h[None]

class Flat(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.W = nn.Parameter(torch.randn(hidden_size, input_size) * 0.1)
        self.R = nn.Parameter(torch.randn(hidden_size, hidden_size) * 0.1)
        self.B = nn.Parameter(torch.zeros(2 * hidden_size))

    def forward(self, X, initial_h=None):
        H = self.hidden_size
        h = X.new_zeros(X.shape[1], H) if initial_h is None else initial_h[0]
        Wb, Rb = self.B.split(H)
        Y = []
        for x in X:
            h = torch.tanh(x @ self.W.T + h @ self.R.T + Wb + Rb)
            Y.append(h)
        return torch.stack(Y), h[None]
