import numpy as np


class DeepRNN:
    """numpy; self.params[layer]["Wx"] is (in, hidden)"""

    def __init__(self, input_size, hidden_size, n_layers=1):
        rng = np.random.default_rng(0)
        self.params = []
        for layer in range(n_layers):
            size = input_size if layer == 0 else hidden_size
            self.params.append(
                {
                    "Wx": rng.normal(0, 0.1, (size, hidden_size)),
                    "Wh": rng.normal(0, 0.1, (hidden_size, hidden_size)),
                    "b": np.zeros(hidden_size),
                }
            )

    def __call__(self, x, h0):
        """x: (T, N, D), h0: (n_layers, N, H)"""
        hn = []
        for p, h in zip(self.params, h0):
            ys = np.empty((*x.shape[:2], h.shape[-1]))
            for t, x_t in enumerate(x):
                ys[t] = h = np.tanh(x_t @ p["Wx"] + h @ p["Wh"] + p["b"])
            x = ys
            hn.append(h)
        return x, np.stack(hn)
