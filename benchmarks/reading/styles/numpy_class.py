"""Minimal RNN in numpy, with the buffers that its hand-written backward pass fills."""

import numpy as np


class NumpyRNN:
    def __init__(self, input_size, hidden_size):
        self.hidden_size = hidden_size
        self.Wxh = np.random.randn(hidden_size, input_size) * 0.01
        self.Whh = np.random.randn(hidden_size, hidden_size) * 0.01
        self.bh = np.zeros(hidden_size)
        self.zero_grad()

    def zero_grad(self):
        self.dWxh = np.zeros_like(self.Wxh)
        self.dWhh = np.zeros_like(self.Whh)
        self.dbh = np.zeros_like(self.bh)

    def forward(self, inputs, hprev=None):
        """inputs: (T, N, input_size); hprev: (N, hidden_size). Returns hs (T, N, hidden_size) and the last h."""
        T, N, _ = inputs.shape
        h = np.zeros((N, self.hidden_size)) if hprev is None else hprev
        hs = np.empty((T, N, self.hidden_size))
        for t in range(T):
            h = np.tanh(np.dot(inputs[t], self.Wxh.T) + np.dot(h, self.Whh.T) + self.bh)
            hs[t] = h
        self.last_inputs, self.last_hs = inputs, hs
        return hs, h
