import torch


def gru_forward(x, h, p):
    out = []
    for x_t in x:
        r = torch.sigmoid(x_t @ p["W_ir"].T + p["b_ir"] + h @ p["W_hr"].T + p["b_hr"])
        z = torch.sigmoid(x_t @ p["W_iz"].T + p["b_iz"] + h @ p["W_hz"].T + p["b_hz"])
        n = torch.tanh(x_t @ p["W_in"].T + p["b_in"] + r * (h @ p["W_hn"].T + p["b_hn"]))
        h = (1 - z) * n + z * h
        out.append(h)
    return torch.stack(out), h
