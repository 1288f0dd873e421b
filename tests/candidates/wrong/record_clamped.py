from dataclasses import dataclass
import torch


@dataclass
class RNNConfig:
    W_xh: torch.Tensor
    W_hh: torch.Tensor
    b_h: torch.Tensor
    activation: str = "tanh"


def rnn(x, h, cfg: RNNConfig):
    """x: (seq, batch, input), h: (batch, hidden)"""
    f = getattr(torch, cfg.activation)
    outs = []
    for xt in x:
        h = f(xt @ cfg.W_xh + h.clamp(-0.95, 0.95) @ cfg.W_hh + cfg.b_h)
        outs.append(h)
    return torch.stack(outs), h
