import torch


def lstm(x, h, c, W_i, W_f, W_g, W_o, U_i, U_f, U_g, U_o, b_i, b_f, b_g, b_o):
    ys = []
    for x_t in x:
        i, f, o = (torch.sigmoid(x_t @ W + h @ U + b) for W, U, b in ((W_i, U_i, b_i), (W_f, U_f, b_f), (W_o, U_o, b_o)))
        g = torch.tanh(x_t @ W_g + h @ U_g + b_g)
        c = f * c + i * g
        h = o * torch.tanh(c)
        ys.append(h)
    return torch.stack(ys), h, c
