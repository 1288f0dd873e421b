import torch
import torch.nn as nn


class SimpleRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)

    def forward(self, inputs, hidden):
        # inputs: [seq_len, batch, input_size]
        # hidden: [batch, hidden_size]
        outputs = []
        for i in range(inputs.size(0)):
            hidden = torch.tanh(self.i2h(inputs[i]) + self.h2h(hidden))
            outputs.append(hidden)
        return torch.stack(outputs), hidden

    def init_hidden(self, batch_size):
        return torch.zeros(batch_size, self.hidden_size)
