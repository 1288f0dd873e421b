"""
Hidden part of a minimal character-level vanilla RNN. After Andrej Karpathy (@karpathy), BSD License
"""
import numpy as np


class CharRNN(object):
    def __init__(self, vocab_size, hidden_size=100):
        self.hidden_size = hidden_size
        # model parameters
        self.Wxh = np.random.randn(hidden_size, vocab_size) * 0.01  # input to hidden
        self.Whh = np.random.randn(hidden_size, hidden_size) * 0.01  # hidden to hidden
        self.bh = np.zeros((hidden_size, 1))  # hidden bias

    def forward(self, xs, hprev):
        """
        xs is a list of column vectors (vocab_size x 1), one per character.
        hprev is Hx1 array of initial hidden state
        returns the list of hidden states, and last hidden state
        """
        hs = {-1: np.copy(hprev)}
        for t in range(len(xs)):
            hs[t] = np.tanh(np.dot(self.Wxh, xs[t]) + np.dot(self.Whh, hs[t - 1]) + self.bh)  # hidden state
        return [hs[t] for t in range(len(xs))], hs[len(xs) - 1]
