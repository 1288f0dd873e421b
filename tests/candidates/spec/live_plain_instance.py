import numpy as np


class Layer:
    def __init__(self, n_in, n_out, scale):
        self.w = np.random.randn(n_out, n_in) * scale
        self.u = np.random.randn(n_out, n_out) * scale
        self.b = np.zeros(n_out)

    def __call__(self, x, h):
        """x (L, N, n_in), h (N, n_out)"""
        out = []
        for x_t in x:
            h = np.tanh(x_t @ self.w.T + h @ self.u.T + self.b)
            out.append(h)
        return np.stack(out), h


layer = Layer(20, 40, scale=0.01)
