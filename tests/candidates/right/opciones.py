import torch
from torch import nn


class RNNProfunda(nn.Module):
    """RNN de varias capas y dos sentidos."""

    def __init__(self, entradas, ocultas, capas=1, dos_sentidos=False, tasa=0.0):
        super().__init__()
        self.ocultas, self.capas, self.sentidos = ocultas, capas, 2 if dos_sentidos else 1
        self.celdas = nn.ModuleList([
            nn.RNNCell(entradas if k < self.sentidos else self.sentidos * ocultas, ocultas)
            for k in range(capas * self.sentidos)
        ])
        self.olvido = nn.Dropout(tasa)

    def forward(self, x, estado=None):
        if estado is None:
            estado = x.new_zeros(len(self.celdas), x.size(1), self.ocultas)
        finales = []
        for c in range(self.capas):
            x, lados = self.olvido(x) if c else x, []
            for d in range(self.sentidos):
                h, salida = estado[c * self.sentidos + d], []
                for xt in x.flip(0) if d else x:
                    h = self.celdas[c * self.sentidos + d](xt, h)
                    salida.append(h)
                finales.append(h)
                lados.append(torch.stack(salida[::-1] if d else salida))
            x = torch.cat(lados, -1)
        return x, torch.stack(finales)


class DesdeLaUltima(RNNProfunda):
    """Todas las capas empiezan con el estado de la última."""

    def forward(self, x, estado=None):
        if estado is not None:
            estado = estado[-1:].expand(len(self.celdas), -1, -1)
        return super().forward(x, estado)
