import torch
from torch import nn


class RNNCell(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.i2h = nn.Linear(input_size + hidden_size, hidden_size)

    def forward(self, input, hidden):
        """
        Args:
            input (Tensor): the input
            hidden (Tensor, optional): the state
        """
        return torch.tanh(self.i2h(torch.cat((input, hidden), 1)))
