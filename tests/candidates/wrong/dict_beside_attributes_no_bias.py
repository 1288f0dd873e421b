import numpy as np


class RNN:
    """Elman RNN in numpy. self.params is what the optimizer iterates over."""

    def __init__(self, input_dim, hidden_dim):
        self.Wx = np.random.randn(input_dim, hidden_dim) / np.sqrt(input_dim)
        self.Wh = np.random.randn(hidden_dim, hidden_dim) / np.sqrt(hidden_dim)
        self.b = np.zeros(hidden_dim)
        self.params = {"Wx": self.Wx, "Wh": self.Wh, "b": self.b}

    def forward(self, x, h0):
        """x: (N, T, D), h0: (N, H) -> h: (N, T, H)"""
        N, T, _ = x.shape
        h = np.zeros((N, T, h0.shape[1]))
        prev = h0
        for t in range(T):
            prev = np.tanh(x[:, t] @ self.params["Wx"] + prev @ self.params["Wh"] + (self.b if t else 0))
            h[:, t] = prev
        return h
