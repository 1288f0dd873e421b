import torch


class ElmanRNN:
    """Recurrent network with plain tensors, trained by hand: no nn.Module, no optimizer.

    net = ElmanRNN(n_in, n_hidden); ys, h = net(xs, h) with xs (T, B, n_in) and h (B, n_hidden)
    """

    def __init__(self, n_in, n_hidden):
        self.n_hidden = n_hidden
        self.U = torch.randn(n_in, n_hidden) * 0.1
        self.W = torch.randn(n_hidden, n_hidden) * 0.1
        self.b = torch.zeros(n_hidden)
        for p in self.parameters():
            p.requires_grad_()

    def parameters(self):
        return [self.U, self.W, self.b]

    def __call__(self, xs, h=None):
        h = torch.zeros(xs.shape[1], self.n_hidden) if h is None else h
        ys = []
        for x in xs:
            h = (x @ self.U + h @ self.W + self.b).tanh()
            ys += [h]
        return torch.stack(ys), h
