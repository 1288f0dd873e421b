import torch
import torch.nn as nn


class VanillaRNN(nn.Module):
    """Elman network. input: (seq_len, batch, input_dim), hidden: (1, batch, hidden_dim) or None."""

    def __init__(self, input_dim, hidden_dim):
        super(VanillaRNN, self).__init__()
        self.hidden_dim = hidden_dim
        self.i2h = nn.Linear(input_dim, hidden_dim)
        self.h2h = nn.Linear(hidden_dim, hidden_dim)
        self.act = nn.Tanh()

    def init_hidden(self, batch_size):
        return torch.zeros(1, batch_size, self.hidden_dim)

    def forward(self, input, hidden=None):
        if hidden is None:
            hidden = self.init_hidden(input.size(1))
        state = hidden.squeeze(0)
        output = []
        for step in range(input.size(0)):
            state = self.act(self.i2h(input[step]) + self.h2h(state))
            output.append(state.unsqueeze(0))
        return torch.cat(output, 0), state.unsqueeze(0)
