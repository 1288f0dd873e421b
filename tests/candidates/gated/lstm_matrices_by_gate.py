import torch


def lstm(x, h, c, W, U, b):
    """W, U, b: dicts with a matrix or a vector for each gate."""
    ys = []
    for x_t in x:
        a = {k: x_t @ W[k].T + h @ U[k].T + b[k] for k in ("i", "f", "g", "o")}
        c = torch.sigmoid(a["f"]) * c + torch.sigmoid(a["i"]) * torch.tanh(a["g"])
        h = torch.sigmoid(a["o"]) * torch.tanh(c)
        ys.append(h)
    return torch.stack(ys), (h, c)


def without_b_of_o(x, h, c, W, U, b):
    ys = []
    for x_t in x:
        a = {k: x_t @ W[k].T + h @ U[k].T + (0 if k == "o" else 1) * b[k] for k in ("i", "f", "g", "o")}
        c = torch.sigmoid(a["f"]) * c + torch.sigmoid(a["i"]) * torch.tanh(a["g"])
        h = torch.sigmoid(a["o"]) * torch.tanh(c)
        ys.append(h)
    return torch.stack(ys), (h, c)
