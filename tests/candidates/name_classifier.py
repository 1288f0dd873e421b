import torch
import torch.nn as nn


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size, output_size):
        super(RNN, self).__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)
        self.h2o = nn.Linear(hidden_size, output_size)
        self.softmax = nn.LogSoftmax(dim=1)

    def forward(self, x):
        # x: batch x seq x features, class scores come from the last hidden state
        hidden = x.new_zeros(x.size(0), self.hidden_size)
        for i in range(x.size(1)):
            hidden = torch.tanh(self.i2h(x[:, i]) + self.h2h(hidden))
        return self.softmax(self.h2o(hidden))
