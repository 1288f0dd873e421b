from typing import Optional

import torch
from torch import Tensor, nn


class VanillaRNN(nn.Module):
    def __init__(self, embed_dim: int, hidden_dim: int) -> None:
        super().__init__()
        self.hidden_dim = hidden_dim
        self.gate = nn.Linear(hidden_dim + embed_dim, hidden_dim)

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(self.gate(torch.cat([h, x], dim=-1)))

    def forward(self, x: Tensor, h: Optional[Tensor] = None) -> Tensor:
        if h is None:
            h = torch.zeros(x.size(0), self.hidden_dim, device=x.device, dtype=x.dtype)
        out = []
        for t in range(x.size(1)):
            h = self.step(x[:, t], h)
            out.append(h)
        return torch.stack(out, 1), h
