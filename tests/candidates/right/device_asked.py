import torch
from torch import nn


class RNN(nn.Module):
    def __init__(self, num_inputs, num_hiddens, device, sigma=0.01):
        super().__init__()
        self.device, self.num_hiddens = device, num_hiddens
        self.W_xh = nn.Parameter(torch.randn(num_inputs, num_hiddens, device=device) * sigma)
        self.W_hh = nn.Parameter(torch.randn(num_hiddens, num_hiddens, device=device) * sigma)
        self.b_h = nn.Parameter(torch.zeros(num_hiddens, device=device))

    def forward(self, inputs, state=None):
        if state is None:
            state = torch.zeros(inputs.shape[1], self.num_hiddens, device=self.device, dtype=inputs.dtype)
        outputs = []
        for X in inputs:
            state = torch.tanh(X @ self.W_xh + state @ self.W_hh + self.b_h)
            outputs.append(state)
        return torch.stack(outputs), state
