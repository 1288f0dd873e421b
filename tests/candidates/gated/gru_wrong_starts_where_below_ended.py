import torch
import torch.nn as nn


class GRU(nn.Module):
    def __init__(self, input_dim, hidden_dim, num_layers=1):
        super().__init__()
        dims = [input_dim] + [hidden_dim] * (num_layers - 1)
        self.w_ih = nn.ParameterList([nn.Parameter(torch.randn(d, 3 * hidden_dim) * 0.1) for d in dims])
        self.w_hh = nn.ParameterList([nn.Parameter(torch.randn(hidden_dim, 3 * hidden_dim) * 0.1) for d in dims])
        self.b_ih = nn.ParameterList([nn.Parameter(torch.zeros(3 * hidden_dim)) for d in dims])
        self.b_hh = nn.ParameterList([nn.Parameter(torch.zeros(3 * hidden_dim)) for d in dims])
        self.hidden_dim = hidden_dim
        self.num_layers = num_layers

    def forward(self, x, h0=None):
        # x: (batch, seq, feature)
        b, s, _ = x.shape
        if h0 is None:
            h0 = torch.zeros(self.num_layers, b, self.hidden_dim, device=x.device, dtype=x.dtype)
        H = self.hidden_dim
        final = []
        for layer in range(self.num_layers):
            if layer == 0:
                h = h0[layer]
            seq = []
            for t in range(s):
                gx = x[:, t, :] @ self.w_ih[layer] + self.b_ih[layer]
                gh = h @ self.w_hh[layer] + self.b_hh[layer]
                rz = torch.sigmoid(gx[:, :2 * H] + gh[:, :2 * H])
                r, z = rz[:, :H], rz[:, H:]
                n = torch.tanh(gx[:, 2 * H:] + r * gh[:, 2 * H:])
                h = n + z * (h - n)
                seq.append(h)
            x = torch.stack(seq, dim=1)
            final.append(h)
        return x, torch.stack(final, dim=0)
