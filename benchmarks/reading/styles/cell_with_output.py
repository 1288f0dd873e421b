"""A cell in the style of tf.keras: cell(x, state) returns the output and the new state."""

import torch
from torch import nn


class SimpleCell(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.kernel = nn.Linear(input_size, hidden_size, bias=False)
        self.recurrent_kernel = nn.Linear(hidden_size, hidden_size)

    def forward(self, x_t, state):
        new_state = torch.tanh(self.kernel(x_t) + self.recurrent_kernel(state))
        return new_state, new_state
