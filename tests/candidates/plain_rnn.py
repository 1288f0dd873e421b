import torch


class RNN:
    """No nn.Module, just tensors. Weights are made for row vectors: x @ Wxh."""

    def __init__(self, n_in, n_hidden, scale=0.1):
        self.Wxh = torch.randn(n_in, n_hidden) * scale
        self.Whh = torch.randn(n_hidden, n_hidden) * scale
        self.bh = torch.zeros(n_hidden)
        for p in self.params():
            p.requires_grad_()

    def params(self):
        return [self.Wxh, self.Whh, self.bh]

    def __call__(self, xs, h):
        ys = []
        for x in xs:  # xs: T, B, n_in
            h = (x @ self.Wxh + h @ self.Whh + self.bh).tanh()
            ys.append(h)
        return torch.stack(ys), h
