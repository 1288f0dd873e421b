from dataclasses import dataclass

import torch
import torch.nn as nn


@dataclass
class RNNConfig:
    input_size: int
    hidden_size: int
    num_layers: int = 1
    nonlinearity: str = "tanh"
    bias: bool = True
    batch_first: bool = False


class ConfiguredRNN(nn.Module):
    def __init__(self, config: RNNConfig):
        super().__init__()
        self.config = config
        self.act = torch.tanh if config.nonlinearity == "tanh" else torch.relu
        for k in range(config.num_layers):
            n_in = config.input_size if k == 0 else config.hidden_size
            self.register_parameter(f"weight_ih_l{k}", nn.Parameter(torch.randn(config.hidden_size, n_in) * 0.1))
            self.register_parameter(
                f"weight_hh_l{k}", nn.Parameter(torch.randn(config.hidden_size, config.hidden_size) * 0.1)
            )
            if config.bias:
                self.register_parameter(f"bias_ih_l{k}", nn.Parameter(torch.zeros(config.hidden_size)))
                self.register_parameter(f"bias_hh_l{k}", nn.Parameter(torch.zeros(config.hidden_size)))

    def forward(self, x, h_0=None):
        cfg = self.config
        if cfg.batch_first:
            x = x.transpose(0, 1)
        if h_0 is None:
            h_0 = x.new_zeros(cfg.num_layers, x.size(1), cfg.hidden_size)
        h_n = []
        for k in range(cfg.num_layers):
            w_ih, w_hh = getattr(self, f"weight_ih_l{k}"), getattr(self, f"weight_hh_l{k}")
            b_ih = getattr(self, f"bias_ih_l{k}", None)
            b_hh = getattr(self, f"bias_hh_l{k}", None)
            h, ys = h_0[k], []
            for t in range(x.size(0)):
                h = self.act(nn.functional.linear(x[t], w_ih, b_ih) + nn.functional.linear(h, w_hh, b_hh))
                ys.append(h)
            x = torch.stack(ys)
            h_n.append(h)
        return x, torch.stack(h_n)
