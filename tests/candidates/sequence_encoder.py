import torch
from torch import nn


class SequenceEncoder(nn.Module):

    def __init__(self, input_dim, hidden_dim):
        super().__init__()
        self.hidden_dim = hidden_dim
        self.input_to_hidden = nn.Linear(input_dim, hidden_dim)
        self.hidden_to_hidden = nn.Linear(hidden_dim, hidden_dim)
        self.activation = nn.Tanh()

    def forward(self, x):
        batch_size, seq_len, _ = x.size()
        h = torch.zeros(batch_size, self.hidden_dim, dtype=x.dtype, device=x.device)
        outputs = []
        for t in range(seq_len):
            h = self.activation(self.input_to_hidden(x[:, t, :]) + self.hidden_to_hidden(h))
            outputs.append(h.unsqueeze(1))
        return torch.cat(outputs, dim=1)  # (batch_size, seq_len, hidden_dim)
