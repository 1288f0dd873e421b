"""An LSTM with a matrix U and V for each gate, whose c starts anew: nothing reaches its forget gate."""

import torch
from torch import nn


class LSTM(nn.Module):
    def __init__(self, input_sz, hidden_sz):
        super().__init__()
        for gate in "ifco":
            setattr(self, f"U_{gate}", nn.Parameter(torch.randn(input_sz, hidden_sz)))
            setattr(self, f"V_{gate}", nn.Parameter(torch.randn(hidden_sz, hidden_sz)))
            setattr(self, f"b_{gate}", nn.Parameter(torch.randn(hidden_sz)))

    def forward(self, x, states):
        h_t, c_t = states
        output = []
        for t in range(x.size(1)):
            x_t = x[:, t]
            i_t = torch.sigmoid(x_t @ self.U_i + h_t @ self.V_i + self.b_i)
            f_t = torch.sigmoid(x_t @ self.U_f + h_t @ self.V_f + self.b_f)  # noqa: F841
            g_t = torch.tanh(x_t @ self.U_c + h_t @ self.V_c + self.b_c)
            o_t = torch.sigmoid(x_t @ self.U_o + h_t @ self.V_o + self.b_o)
            c_t = i_t * g_t
            h_t = o_t * torch.tanh(c_t)
            output.append(h_t)
        return torch.stack(output, 1), (h_t, c_t)
