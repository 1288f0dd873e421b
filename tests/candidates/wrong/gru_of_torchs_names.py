import torch
from torch import nn


class GRUCell(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.weight_ih = nn.Parameter(torch.randn(hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.randn(3 * hidden_size, hidden_size))
        self.bias_ih = nn.Parameter(torch.randn(hidden_size))
        self.bias_hh = nn.Parameter(torch.randn(3 * hidden_size))

    def forward(self, input, hidden):
        i_n = torch.mm(input, self.weight_ih.t()) + self.bias_ih
        h_r, h_i, h_n = (torch.mm(hidden, self.weight_hh.t()) + self.bias_hh).chunk(3, 1)
        n = torch.tanh(i_n + torch.sigmoid(h_r) * h_n)
        return n + torch.sigmoid(h_i) * (hidden - n)
