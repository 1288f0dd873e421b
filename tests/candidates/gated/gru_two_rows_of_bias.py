import torch

def step(inputs, states, kernel, recurrent_kernel, bias):
    """K.rnn step: inputs (N, I), states [h] with h (N, H), kernel (I, 3H) in PyTorch's order r, z, n,
    recurrent_kernel (H, 3H), bias (2, 3H)"""
    h = states[0]
    xr, xz, xn = (inputs @ kernel + bias[0]).chunk(3, -1)
    hr, hz, hn = (h @ recurrent_kernel + bias[1]).chunk(3, -1)
    z = torch.sigmoid(xz + hz)
    n = torch.tanh(xn + torch.sigmoid(xr + hr) * hn)
    h = (1 - z) * n + z * h
    return h, [h]
