import torch


def gru_step(x, h, W_z, W_r, W_n, U_z, U_r, U_n, b_z, b_r, b_n):
    z = torch.sigmoid(x @ W_z + h @ U_z + b_z)
    r = torch.sigmoid(x @ W_r + h @ U_r + b_r)
    n = torch.tanh(x @ W_n + r * (h @ U_n) + b_n)
    return (1 - z) * n + z * h
