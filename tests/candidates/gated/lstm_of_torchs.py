import torch
from torch import nn


class ExportableLSTM(nn.Module):
    """Unrolled copy of an nn.LSTM for an exporter that has no LSTM operator."""

    def __init__(self, lstm: nn.LSTM):
        super().__init__()
        self.num_layers = lstm.num_layers
        self.bidirectional = lstm.bidirectional
        self.batch_first = lstm.batch_first
        self.w = nn.ParameterDict({n: nn.Parameter(p.detach().clone()) for n, p in lstm.named_parameters()})

    def forward(self, x, hx):
        if self.batch_first:
            x = x.transpose(0, 1)
        hs, cs = [], []
        D = 2 if self.bidirectional else 1
        for k in range(self.num_layers):
            ys = []
            for d in range(D):
                s = f'_l{k}' + ('_reverse' if d else '')
                h, c = hx[0][k * D + d], hx[1][k * D + d]
                y = []
                for xt in (x.flip(0) if d else x):
                    i, f, g, o = (xt @ self.w['weight_ih' + s].T + self.w['bias_ih' + s] + h @ self.w['weight_hh' + s].T + self.w['bias_hh' + s]).chunk(4, 1)
                    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
                    h = o.sigmoid() * c.tanh()
                    y.append(h)
                y = torch.stack(y)
                ys.append(y.flip(0) if d else y)
                hs.append(h)
                cs.append(c)
            x = torch.cat(ys, 2)
        if self.batch_first:
            x = x.transpose(0, 1)
        return x, (torch.stack(hs), torch.stack(cs))


class Unannotated(ExportableLSTM):
    def __init__(self, lstm):
        super().__init__(lstm)
