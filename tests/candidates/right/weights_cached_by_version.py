import torch
from torch import nn


class CachedByVersion(nn.Module):
    """The transposed weights are kept for inference, as long as the weights are the same."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.weight_ih = nn.Parameter(torch.randn(hidden_size, input_size) * 0.1)
        self.weight_hh = nn.Parameter(torch.randn(hidden_size, hidden_size) * 0.1)
        self.bias = nn.Parameter(torch.zeros(hidden_size))
        self.key, self.kept = None, None

    def weights(self):
        if self.training or torch.is_grad_enabled():
            return self.weight_ih.t(), self.weight_hh.t()
        key = self.key_of(self.weight_ih, self.weight_hh)
        if self.kept is None or self.key != key:
            self.key, self.kept = key, (self.weight_ih.t().clone(), self.weight_hh.t().clone())
        return self.kept

    def key_of(self, *weights):
        return [(id(one), one._version) for one in weights]

    def forward(self, x, h=None):
        w_ih, w_hh = self.weights()
        h = x.new_zeros(x.size(1), len(self.bias)) if h is None else h[0]
        ys = []
        for xt in x:
            h = torch.tanh(xt @ w_ih + h @ w_hh + self.bias)
            ys.append(h)
        return torch.stack(ys), h[None]


class CachedForGood(CachedByVersion):
    """The same until train() is called; weights that are changed in place stay as they were."""

    def key_of(self, *weights):
        return None

    def train(self, mode=True):
        self.kept = None
        return super().train(mode)
