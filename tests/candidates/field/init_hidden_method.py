import torch
import torch.nn as nn


class VanillaRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super(VanillaRNN, self).__init__()
        self.hidden_size = hidden_size
        self.Wx = nn.Linear(input_size, hidden_size)
        self.Wh = nn.Linear(hidden_size, hidden_size, bias=False)

    def init_hidden(self, batch_size):
        weight = next(self.parameters())
        return weight.new_zeros(1, batch_size, self.hidden_size)

    def forward(self, x, hidden):
        # batch first, hidden as nn.RNN has it
        h = hidden[0]
        seq = []
        for i in range(x.size(1)):
            h = torch.tanh(self.Wx(x[:, i, :]) + self.Wh(h))
            seq.append(h.unsqueeze(1))
        return torch.cat(seq, 1), h.unsqueeze(0)
