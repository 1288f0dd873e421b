import torch
from torch import nn


class MaskRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cell = nn.RNNCell(input_size, hidden_size)

    def forward(self, x, mask, h0):
        h, outputs = h0[0], []
        for x_t, m_t in zip(x, mask):
            h = torch.where(m_t[:, None], self.cell(x_t, h), h)
            outputs.append(h)
        return torch.stack(outputs), h[None]
