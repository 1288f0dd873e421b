import torch
from torch import nn


class DeepBi(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers=2):
        super().__init__()
        self.hidden_size, self.num_layers = hidden_size, num_layers
        self.fw, self.bw = nn.ModuleList(), nn.ModuleList()
        for k in range(num_layers):
            width = input_size if k == 0 else 2 * hidden_size
            self.fw.append(nn.RNNCell(width, hidden_size))
            self.bw.append(nn.RNNCell(width, hidden_size))

    def forward(self, x, h0=None):
        T, N, _ = x.shape
        if h0 is None:
            h0 = x.new_zeros(2 * self.num_layers, N, self.hidden_size)
        h_n = []
        for k in range(self.num_layers):
            hf, hb = h0[k], h0[self.num_layers + k]
            f, b = [], []
            for t in range(T):
                hf = self.fw[k](x[t], hf)
                hb = self.bw[k](x[T - 1 - t], hb)
                f.append(hf)
                b.append(hb)
            b.reverse()
            x = torch.stack([torch.cat(pair, 1) for pair in zip(f, b)])
            h_n += [hf, hb]
        return x, torch.stack(h_n)
