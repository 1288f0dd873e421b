import numpy as np


class NumpyRNN:
    """Vanilla RNN layer with BPTT by hand. Shapes: x (batch, time, in), h (batch, hidden)."""

    def __init__(self, input_size, hidden_size, seed=None):
        rng = np.random.default_rng(seed)
        lim = 1.0 / np.sqrt(hidden_size)
        self.W_ih = rng.uniform(-lim, lim, (hidden_size, input_size))
        self.W_hh = rng.uniform(-lim, lim, (hidden_size, hidden_size))
        self.b_ih = np.zeros(hidden_size)
        self.b_hh = np.zeros(hidden_size)
        self.grads = {}

    def forward(self, x, h0=None):
        B, T, _ = x.shape
        self.x = x
        self.h = np.zeros((B, T + 1, self.W_hh.shape[0]), dtype=x.dtype)  # h[:, 0] is the initial state
        if h0 is not None:
            self.h[:, 0] = h0
        for t in range(T):
            z = x[:, t] @ self.W_ih.T + self.b_ih + self.h[:, t] @ self.W_hh.T + self.b_hh
            self.h[:, t + 1] = np.tanh(z)
        return self.h[:, 1:], self.h[:, -1]

    def backward(self, dout):
        dx = np.zeros_like(self.x)
        dW_ih, dW_hh = np.zeros_like(self.W_ih), np.zeros_like(self.W_hh)
        db = np.zeros_like(self.b_ih)
        dh = np.zeros_like(dout[:, 0])
        for t in reversed(range(self.x.shape[1])):
            dz = (dout[:, t] + dh) * (1 - self.h[:, t + 1] ** 2)
            dW_ih += dz.T @ self.x[:, t]
            dW_hh += dz.T @ self.h[:, t]
            db += dz.sum(axis=0)
            dx[:, t] = dz @ self.W_ih
            dh = dz @ self.W_hh
        self.grads = {"W_ih": dW_ih, "W_hh": dW_hh, "b_ih": db, "b_hh": db.copy()}
        return dx, dh
