"""An LSTM of vectors, whose joined input has a name of its own."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class LSTMCell:
    def __init__(self, input_size, hidden_size):
        n = input_size + hidden_size
        self.W_f = np.random.randn(hidden_size, n) * 0.1
        self.b_f = np.zeros(hidden_size)
        self.W_i = np.random.randn(hidden_size, n) * 0.1
        self.b_i = np.zeros(hidden_size)
        self.W_o = np.random.randn(hidden_size, n) * 0.1
        self.b_o = np.zeros(hidden_size)
        self.W_c = np.random.randn(hidden_size, n) * 0.1
        self.b_c = np.zeros(hidden_size)

    def forward(self, x_t, h_prev, c_prev):
        h_x_concat = np.concatenate([h_prev, x_t])
        f = sigmoid(np.dot(self.W_f, h_x_concat) + self.b_f)
        i = sigmoid(np.dot(self.W_i, h_x_concat) + self.b_i)
        o = sigmoid(np.dot(self.W_o, h_x_concat) + self.b_o)
        c = f * c_prev + i * np.tanh(np.dot(self.W_c, h_x_concat) + self.b_c)
        return o * np.tanh(c), c
