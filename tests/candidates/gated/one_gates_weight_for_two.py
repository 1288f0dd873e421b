"""Functions that take the recurrent weight of one gate for another too, as copied lines do."""

import torch


def lstm(p, x, h, c):
    ys = []
    for x_t in x:
        i = torch.sigmoid(x_t @ p["W_i"] + h @ p["U_i"] + p["b_i"])
        f = torch.sigmoid(x_t @ p["W_f"] + h @ p["U_i"] + p["b_f"])
        g = torch.tanh(x_t @ p["W_c"] + h @ p["U_c"] + p["b_c"])
        o = torch.sigmoid(x_t @ p["W_o"] + h @ p["U_o"] + p["b_o"])
        c = f * c + i * g
        h = o * torch.tanh(c)
        ys.append(h)
    return torch.stack(ys), (h, c)


def gru(x, h, W_z, W_r, W_h, U_z, U_r, U_h, b_z, b_r, b_h, c_h):
    ys = []
    for x_t in x:
        z = torch.sigmoid(x_t @ W_z + h @ U_z + b_z)
        r = torch.sigmoid(x_t @ W_r + h @ U_z + b_r)
        n = torch.tanh(x_t @ W_h + b_h + r * (h @ U_h + c_h))
        h = (1 - z) * n + z * h
        ys.append(h)
    return torch.stack(ys), h
