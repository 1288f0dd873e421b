from typing import Optional, Tuple

import torch
from torch import Tensor, nn


class VanillaRNN(nn.Module):
    def __init__(self, input_size: int, hidden_size: int):
        super().__init__()
        self.hidden_size = hidden_size
        self.in_proj = nn.Linear(input_size, hidden_size)
        self.rec_proj = nn.Linear(hidden_size, hidden_size)

    def forward(self, x: Tensor, h_0: Optional[Tensor] = None) -> Tuple[Tensor, Tensor]:
        # (B, T, F)
        batch, steps, _ = x.size()
        if h_0 is None:
            h_0 = self.init_hidden(batch)
        h = h_0
        outs = []
        for t in range(steps):
            h = torch.tanh(self.in_proj(x[:, t, :]) + self.rec_proj(h))
            outs.append(h)
        return torch.stack(outs, dim=1), h
