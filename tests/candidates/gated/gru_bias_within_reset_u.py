import torch
from torch import nn


class GRUCell(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        def W(): return nn.Parameter(torch.randn(hidden_size, input_size) * 0.1)
        def U(): return nn.Parameter(torch.randn(hidden_size, hidden_size) * 0.1)
        def b(): return nn.Parameter(torch.zeros(hidden_size))
        self.W_r, self.U_r, self.b_r = W(), U(), b()
        self.W_z, self.U_z, self.b_z = W(), U(), b()
        self.W_h, self.U_h, self.b_h, self.b_u = W(), U(), b(), b()

    def forward(self, x, h):
        r = torch.sigmoid(x @ self.W_r.T + h @ self.U_r.T + self.b_r)
        z = torch.sigmoid(x @ self.W_z.T + h @ self.U_z.T + self.b_z)
        h_tilde = torch.tanh(x @ self.W_h.T + self.b_h + r * (h @ self.U_h.T + self.b_u))
        return (1 - z) * h_tilde + z * h
