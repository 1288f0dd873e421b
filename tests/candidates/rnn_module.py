import torch
from torch import nn


class CustomRNN(nn.Module):
    def __init__(self, input_size, hidden_size, batch_first=False):
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.batch_first = batch_first

        self.weight_ih_l0 = nn.Parameter(torch.randn(hidden_size, input_size))
        self.weight_hh_l0 = nn.Parameter(torch.randn(hidden_size, hidden_size))
        self.bias_ih_l0 = nn.Parameter(torch.zeros(hidden_size))
        self.bias_hh_l0 = nn.Parameter(torch.zeros(hidden_size))
        for weight in (self.weight_ih_l0, self.weight_hh_l0):
            nn.init.xavier_uniform_(weight)

    def forward(self, input, hx=None):
        if self.batch_first:
            input = input.transpose(0, 1)
        seq_len, batch_size, _ = input.shape
        if hx is None:
            hx = torch.zeros(1, batch_size, self.hidden_size, dtype=input.dtype, device=input.device)

        h_t = hx[0]
        outputs = []
        for t in range(seq_len):
            h_t = torch.tanh(
                input[t] @ self.weight_ih_l0.t() + self.bias_ih_l0
                + h_t @ self.weight_hh_l0.t() + self.bias_hh_l0
            )
            outputs.append(h_t)
        output = torch.stack(outputs)
        h_n = h_t.unsqueeze(0)

        if self.batch_first:
            output = output.transpose(0, 1)
            h_n = h_n.transpose(0, 1)
        return output, h_n
