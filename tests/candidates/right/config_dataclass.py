from dataclasses import dataclass

import torch
from torch import nn


@dataclass
class RNNConfig:
    input_size: int = 20
    hidden_size: int = 40
    residual: bool = False
    layer_norm: bool = False
    clip: float | None = None


class VanillaRNN(nn.Module):
    def __init__(self, config: RNNConfig):
        super().__init__()
        self.config = config
        self.wx = nn.Linear(config.input_size, config.hidden_size)
        self.wh = nn.Linear(config.hidden_size, config.hidden_size)
        self.norm = nn.LayerNorm(config.hidden_size, elementwise_affine=False) if config.layer_norm else nn.Identity()

    def forward(self, x, h0=None):
        h = x.new_zeros(x.shape[1], self.config.hidden_size) if h0 is None else h0.squeeze(0)
        outputs = []
        for x_t in x:
            new = torch.tanh(self.norm(self.wx(x_t) + self.wh(h)))
            h = new + h if self.config.residual else new
            if self.config.clip is not None:
                h = h.clamp(-self.config.clip, self.config.clip)
            outputs.append(h)
        return torch.stack(outputs), h.unsqueeze(0)
