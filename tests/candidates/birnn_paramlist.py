import torch
import torch.nn as nn


def glorot(*size):
    return nn.Parameter(nn.init.xavier_uniform_(torch.empty(*size)))


class BiRNN(nn.Module):
    """Multi-layer bidirectional RNN. One bias per direction is enough."""

    def __init__(self, n_in, n_hid, n_layers=1):
        super().__init__()
        self.n_hid, self.n_layers = n_hid, n_layers
        sizes = [n_in] + [2 * n_hid] * (n_layers - 1)
        self.fw_x = nn.ParameterList(glorot(n_hid, s) for s in sizes)
        self.fw_h = nn.ParameterList(glorot(n_hid, n_hid) for _ in sizes)
        self.fw_b = nn.ParameterList(nn.Parameter(torch.zeros(n_hid)) for _ in sizes)
        self.bw_x = nn.ParameterList(glorot(n_hid, s) for s in sizes)
        self.bw_h = nn.ParameterList(glorot(n_hid, n_hid) for _ in sizes)
        self.bw_b = nn.ParameterList(nn.Parameter(torch.zeros(n_hid)) for _ in sizes)

    def forward(self, x, hidden=None):
        """x: T x B x n_in, hidden: 2*n_layers x B x n_hid"""
        T, B = x.shape[:2]
        if hidden is None:
            hidden = x.new_zeros(2 * self.n_layers, B, self.n_hid)
        new_hidden = []
        for i in range(self.n_layers):
            fw, bw = [None] * T, [None] * T
            h = hidden[2 * i]
            for t in range(T):
                fw[t] = h = torch.tanh(x[t] @ self.fw_x[i].T + h @ self.fw_h[i].T + self.fw_b[i])
            g = hidden[2 * i + 1]
            for t in reversed(range(T)):
                bw[t] = g = torch.tanh(x[t] @ self.bw_x[i].T + g @ self.bw_h[i].T + self.bw_b[i])
            new_hidden += [h, g]
            x = torch.cat([torch.stack(fw), torch.stack(bw)], dim=-1)
        return x, torch.stack(new_hidden)
