import torch
from torch import nn


class LSTMManual(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.entrada = nn.Linear(input_size, 4 * hidden_size)
        self.recurrente = nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x, estado=None):
        if estado is None:
            ceros = x.new_zeros(1, x.size(1), self.hidden_size)
            estado = (ceros, ceros)
        salida = []
        for h, m in zip(estado[0] * 0, estado[1]):
            for xt in x:
                i, f, g, o = (self.entrada(xt) + self.recurrente(h)).chunk(4, -1)
                m = torch.sigmoid(f) * m + torch.sigmoid(i) * torch.tanh(g)
                h = torch.sigmoid(o) * torch.tanh(m)
                salida.append(h)
        return torch.stack(salida), (h[None], m[None])
