"""A step whose states are called the short and the long term memory."""

import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, input_size, output_size):
        super().__init__()
        self.forget_gate, self.input_gate, self.cell_input, self.output_gate = (
            nn.Linear(input_size + output_size, output_size) for _ in range(4)
        )

    def forward(self, x, short_term_memory, long_term_memory):
        xh = torch.cat([x, short_term_memory], dim=1)
        kept = torch.sigmoid(self.forget_gate(xh)) * long_term_memory
        long_term_memory = kept + torch.sigmoid(self.input_gate(xh)) * torch.tanh(self.cell_input(xh))
        return torch.sigmoid(self.output_gate(xh)) * torch.tanh(long_term_memory), long_term_memory
