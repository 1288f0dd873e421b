import torch
import torch.nn as nn


class Encoder(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.d_in = cfg["input_size"]
        self.d_h = cfg["hidden_size"]
        self.bi = cfg.get("bidirectional", False)
        dirs = 2 if self.bi else 1
        self.W = nn.ParameterList([nn.Parameter(torch.empty(self.d_h, self.d_in)) for _ in range(dirs)])
        self.U = nn.ParameterList([nn.Parameter(torch.empty(self.d_h, self.d_h)) for _ in range(dirs)])
        self.bw = nn.ParameterList([nn.Parameter(torch.empty(self.d_h)) for _ in range(dirs)])
        self.bu = nn.ParameterList([nn.Parameter(torch.empty(self.d_h)) for _ in range(dirs)])
        for p in self.parameters():
            nn.init.uniform_(p, -0.2, 0.2)

    def forward(self, x, carry=None):
        L, N, _ = x.shape
        dirs = len(self.W)
        if carry is None:
            carry = x.new_zeros(dirs, N, self.d_h)
        out = x.new_zeros(L, N, dirs * self.d_h)
        finals = []
        for d in range(dirs):
            h = carry[d]
            order = range(L) if d == 0 else range(L - 1, -1, -1)
            for t in order:
                h = torch.tanh(x[t] @ self.W[d].T + self.bw[d] + h @ self.U[d].T + self.bu[d])
                out[t, :, d * self.d_h:(d + 1) * self.d_h] = h
            finals.append(h)
        return out, torch.stack(finals)


class LastRows(Encoder):
    def __init__(self, cfg):
        super().__init__(cfg)
        self.kept = None

    def forward(self, x, carry=None):
        out, _ = super().forward(x, carry)
        return out, torch.stack(out[-1].split(self.d_h, dim=-1))
