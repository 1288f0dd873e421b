import torch
import torch.nn as nn


class CustomLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        for gate in "ifgo":
            setattr(self, f"W_i{gate}", nn.Parameter(torch.randn(hidden_size, input_size)))
            setattr(self, f"W_h{gate}", nn.Parameter(torch.randn(hidden_size, hidden_size)))
            setattr(self, f"b_i{gate}", nn.Parameter(torch.zeros(hidden_size)))
            setattr(self, f"b_h{gate}", nn.Parameter(torch.zeros(hidden_size)))

    def forward(self, x, hc):
        h, c = hc
        out = []
        for x_t in x:
            i = torch.sigmoid(x_t @ self.W_ii.T + self.b_ii + h @ self.W_hi.T + self.b_hi)
            f = torch.sigmoid(x_t @ self.W_if.T + self.b_if + h @ self.W_hf.T + self.b_hf)
            g = torch.tanh(x_t @ self.W_ig.T + self.b_ig + h @ self.W_hg.T + self.b_hg)
            o = torch.sigmoid(x_t @ self.W_io.T + self.b_io + h @ self.W_ho.T + self.b_ho)
            c = f * c + i * g
            h = o * torch.tanh(c)
            out.append(h)
        return torch.stack(out), (h, c)
