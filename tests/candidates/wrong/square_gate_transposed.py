import torch
import torch.nn as nn

class ParamGRU(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        k = hidden_size ** -0.5
        def w(*s):
            return nn.Parameter(torch.empty(*s).uniform_(-k, k))
        self.W_r, self.U_r, self.b_r = w(input_size, hidden_size), w(hidden_size, hidden_size), w(hidden_size)
        self.W_z, self.U_z, self.b_z = w(input_size, hidden_size), w(hidden_size, hidden_size), w(hidden_size)
        self.W_n, self.U_n, self.b_n = w(input_size, hidden_size), w(hidden_size, hidden_size), w(hidden_size)
        self.b_hn = w(hidden_size)

    def forward(self, x, h0):
        h = h0[0]
        out = []
        for xt in x:
            r = torch.sigmoid(xt @ self.W_r.t() + h @ self.U_r + self.b_r)
            z = torch.sigmoid(xt @ self.W_z + h @ self.U_z + self.b_z)
            n = torch.tanh(xt @ self.W_n + self.b_n + r * (h @ self.U_n + self.b_hn))
            h = (1 - z) * n + z * h
            out.append(h)
        return torch.stack(out), h.unsqueeze(0)
