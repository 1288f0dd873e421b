import torch
import torch.nn as nn
from torch.autograd import Variable


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super(RNN, self).__init__()
        self.i2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)

    def forward(self, input, hidden):
        outputs = []
        for i in range(input.size(0)):
            output = torch.tanh(self.i2h(input[i]) + self.h2h(hidden))
            outputs.append(output)
            hidden = Variable(output.data)  # fixes "backward through the graph a second time"
        return torch.stack(outputs), output
