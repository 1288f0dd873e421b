import torch
from torch import nn


class CachedByVersion(nn.RNN):
    """The transposed weights are kept for inference, as long as the weights are the same."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.key, self.kept = None, None

    def weights(self):
        if self.training or torch.is_grad_enabled():
            return self.weight_ih_l0.t(), self.weight_hh_l0.t()
        key = self.key_of(self.weight_ih_l0, self.weight_hh_l0)
        if self.key != key:
            self.key, self.kept = key, (self.weight_ih_l0.t().clone(), self.weight_hh_l0.t().clone())
        return self.kept

    def key_of(self, *weights):
        return [(one.data_ptr(), one._version) for one in weights]

    def forward(self, x, h=None):
        w_ih, w_hh = self.weights()
        h = x.new_zeros(x.size(1), self.hidden_size) if h is None else h[0]
        ys = []
        for xt in x:
            h = torch.tanh(xt @ w_ih + h @ w_hh + self.bias_ih_l0 + self.bias_hh_l0)
            ys.append(h)
        return torch.stack(ys), h[None]


class CachedByAddress(CachedByVersion):
    """The same; weights that an optimizer or load_state_dict changes in place stay as they were."""

    def key_of(self, *weights):
        return [one.data_ptr() for one in weights]
