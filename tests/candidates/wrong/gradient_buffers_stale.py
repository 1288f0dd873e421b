import numpy as np


class VanillaRNN:
    """min-char-rnn as a class; the gradients live beside the weights."""

    def __init__(self, input_size, hidden_size, lr=1e-1):
        self.lr = lr
        self.Wxh = np.random.randn(hidden_size, input_size) * 0.01
        self.Whh = np.random.randn(hidden_size, hidden_size) * 0.01
        self.bh = np.zeros((hidden_size, 1))
        self.dWxh, self.dWhh, self.dbh = (np.zeros_like(p) for p in (self.Wxh, self.Whh, self.bh))

    def forward(self, inputs, hprev):
        """inputs: (T, input_size), hprev: (hidden_size, 1) -> hs (T, hidden_size), h"""
        hs = []
        h = hprev
        for x in inputs:
            h = np.tanh(self.Wxh @ x.reshape(-1, 1) + self.Whh @ hprev + self.bh)
            hs.append(h.ravel())
        return np.array(hs), h
