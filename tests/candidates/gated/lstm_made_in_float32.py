import torch
from torch import nn


class LSTMCell(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.weight_ih = nn.Parameter(torch.FloatTensor(input_size, 4 * hidden_size))
        self.weight_hh = nn.Parameter(torch.FloatTensor(hidden_size, 4 * hidden_size))
        self.bias = nn.Parameter(torch.FloatTensor(4 * hidden_size))
        nn.init.orthogonal_(self.weight_ih.data)
        self.weight_hh.data.set_(torch.eye(hidden_size).repeat(1, 4))
        nn.init.constant_(self.bias.data, val=0)

    def forward(self, input_, hx):
        h_0, c_0 = hx
        f, i, o, g = torch.split(input_ @ self.weight_ih + h_0 @ self.weight_hh + self.bias, self.hidden_size, dim=1)
        c_1 = torch.sigmoid(f) * c_0 + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c_1), c_1
