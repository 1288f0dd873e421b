import torch
from torch import nn


class NaiveLSTM(nn.Module):
    def __init__(self, input_sz, hidden_sz):
        super().__init__()
        self.hidden_size = hidden_sz
        self.W = nn.Parameter(torch.randn(input_sz, hidden_sz * 4))
        self.U = nn.Parameter(torch.randn(hidden_sz, hidden_sz * 4))
        self.bias = nn.Parameter(torch.randn(hidden_sz * 4))

    def forward(self, x):
        bs, seq_sz, _ = x.size()
        HS = self.hidden_size
        h_t, c_t = x.new_zeros(bs, HS), x.new_zeros(bs, HS)
        hidden_seq = []
        for t in range(seq_sz):
            gates = x[:, t, :] @ self.W + h_t @ self.U + self.bias
            i_t = torch.sigmoid(gates[:, :HS])
            g_t = torch.tanh(gates[:, HS : HS * 2])
            f_t = torch.sigmoid(gates[:, HS * 2 : HS * 3])
            o_t = torch.sigmoid(gates[:, HS * 3 :])
            c_t = f_t * c_t + i_t * g_t
            h_t = o_t * torch.tanh(c_t)
            hidden_seq.append(h_t)
        return torch.stack(hidden_seq, 1), (h_t, c_t)
