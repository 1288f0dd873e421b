import torch


def gru_step(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    xz, xr, xn = (x @ weight_ih.T + bias_ih).chunk(3, 1)
    hz, hr, hn = (h @ weight_hh.T + bias_hh).chunk(3, 1)
    z = torch.sigmoid(xz + hz)
    n = torch.tanh(xn + torch.sigmoid(xr + hr) * hn)
    return (1 - z) * n + z * h
