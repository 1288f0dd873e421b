# An RNN from scratch! Part 2: the forward pass.
import torch


def forward(inputs, wx, wh, bx, bh, hidden):
    batch, steps, _ = inputs.shape
    n_hidden = wh.shape[0]
    result = torch.zeros(batch, steps, n_hidden)
    for i in range(steps):
        a = torch.matmul(inputs[:, i, :], wx.t()) + bx  # input part
        b = torch.matmul(hidden, wh.t()) + bh           # memory part
        hidden = torch.tanh(a + b)
        result[:, i, :] = hidden
    return result, hidden
