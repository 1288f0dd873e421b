import torch
from torch import nn


class Elman1990(nn.Module):
    """Finding Structure in Time: context units and a logistic hidden layer."""

    def __init__(self, n_input, n_hidden):
        super().__init__()
        self.from_input = nn.Linear(n_input, n_hidden)
        self.from_context = nn.Linear(n_hidden, n_hidden)

    def forward(self, pattern, context):
        # pattern (time, batch, n_input), context (batch, n_hidden)
        trace = []
        for p in pattern:
            context = torch.sigmoid(self.from_input(p) + self.from_context(context))
            trace.append(context)
        return torch.stack(trace), context
