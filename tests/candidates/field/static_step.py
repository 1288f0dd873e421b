import torch


class RNN(torch.nn.Module):
    def __init__(self, n_input, n_hidden, nonlinearity=torch.tanh):
        super().__init__()
        self.U = torch.nn.Parameter(torch.rand(n_input, n_hidden) - 0.5)
        self.V = torch.nn.Parameter(torch.rand(n_hidden, n_hidden) - 0.5)
        self.bias = torch.nn.Parameter(torch.zeros(1, n_hidden))
        self.sigma = nonlinearity

    @staticmethod
    def step(x, h, U, V, bias, sigma):
        return sigma(x @ U + h @ V + bias)

    def forward(self, x, h):
        """x [T, B, n_input], h [B, n_hidden]"""
        ys = []
        for t in range(len(x)):
            h = RNN.step(x[t], h, self.U, self.V, self.bias, self.sigma)
            ys += [h]
        return torch.stack(ys), h
