import torch
import torch.nn as nn


class CharRNN(nn.Module):
    """Vanilla RNN for the character language model (the decoder is in train.py)."""

    def __init__(self, vocab_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.Wxh = nn.Parameter(torch.randn(vocab_size, hidden_size) * 0.01)
        self.Whh = nn.Parameter(torch.randn(hidden_size, hidden_size) * 0.01)
        self.bh = nn.Parameter(torch.zeros(hidden_size))

    def forward(self, x, hidden=None):
        # x: one-hot, (batch, seq, vocab)
        if hidden is None:
            hidden = x.new_zeros(x.shape[0], self.hidden_size)
        out = []
        for t in range(x.shape[1]):
            h = torch.tanh(x[:, t] @ self.Wxh + hidden @ self.Whh + self.bh)
            out.append(h)
            hidden = h.detach()  # otherwise: "Trying to backward through the graph a second time"
        return torch.stack(out, dim=1), h
