import torch


def step(xt, h, c, Wx, Wh, b):
    i, f, g, o = (xt @ Wx + h @ Wh + b).chunk(4, -1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def lstm(x, h, c, Wx, Wh, b, W_pred, b_pred):
    hs, ys = [], []
    for xt in x:
        h, c = step(xt, h, c, Wx, Wh, b)
        hs.append(h)
        ys.append(h @ W_pred + b_pred)
    return torch.stack(hs), torch.stack(ys), (h, c)


def of_a_dict(x, h, c, p):
    ys = []
    for xt in x:
        h, c = step(xt, h, c, p["Wx"], p["Wh"], p["b"])
        ys.append(h @ p["W_pred"] + p["b_pred"])
    return torch.stack(ys), (h, c)
