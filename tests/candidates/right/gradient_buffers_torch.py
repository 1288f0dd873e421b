import torch


class RNNLayer:
    """Manual backprop, so the gradients are plain tensors here."""

    def __init__(self, in_dim, h_dim):
        self.W = torch.randn(h_dim, in_dim) * 0.1
        self.U = torch.randn(h_dim, h_dim) * 0.1
        self.bw = torch.zeros(h_dim)
        self.bu = torch.zeros(h_dim)
        self.gW, self.gU = torch.zeros_like(self.W), torch.zeros_like(self.U)
        self.gbw, self.gbu = torch.zeros_like(self.bw), torch.zeros_like(self.bu)

    def zero_grad(self):
        for g in (self.gW, self.gU, self.gbw, self.gbu):
            g.zero_()

    def forward(self, x, h):
        # x: B x T x D
        self.cache = []
        ys = []
        for t in range(x.shape[1]):
            self.cache.append((x[:, t], h))
            h = torch.tanh(x[:, t] @ self.W.T + self.bw + h @ self.U.T + self.bu)
            ys.append(h)
        return torch.stack(ys, 1), h
