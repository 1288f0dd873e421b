import torch


def lstm(x, h, c, W_i, W_f, W_g, W_o, U_i, U_f, U_g, U_o, b_i, b_f, b_g, b_o):
    out = []
    for x_t in x:
        i = torch.sigmoid(x_t @ W_f + h @ U_f + b_f)
        f = torch.sigmoid(x_t @ W_i + h @ U_i + b_i)
        g = torch.tanh(x_t @ W_g + h @ U_g + b_g)
        o = torch.sigmoid(x_t @ W_o + h @ U_o + b_o)
        c = f * c + i * g
        h = o * torch.tanh(c)
        out.append(h)
    return torch.stack(out), (h, c)
