import torch
from torch import nn


def walk(x, h_0, W_ih, W_hh, b_ih, b_hh):
    h, states = h_0[0], []
    for x_t in x:
        h = torch.tanh(x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh)
        states.append(h)
    return torch.stack(states), h.unsqueeze(0)


def rnn(x, h_0, W_ih, W_hh, b_ih, b_hh):
    return walk(x, h_0, W_ih, W_hh, b_ih, b_hh)


def nested(x, h_0, W_ih, W_hh, b_ih, b_hh):
    def go(x, start):
        h, states = start.squeeze(0), []
        for x_t in x:
            h = torch.tanh(x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh)
            states.append(h)
        return torch.stack(states), h.unsqueeze(0)

    return go(x, start=h_0)


class Layer(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.i2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)

    def run(self, x, state):
        h, states = state[0], []
        for x_t in x:
            h = torch.tanh(self.i2h(x_t) + self.h2h(h))
            states.append(h)
        return torch.stack(states), h.unsqueeze(0)

    def forward(self, x, h_0):
        return self.run(x, h_0)


class Zeroed(Layer):
    """the same, and it starts from zeros"""

    def forward(self, x, h_0):
        return self.run(x, h_0 * 0)
