import torch

GATES = "ifgo"


def lstm(x, h, c, p):
    ys = []
    for x_t in x:
        a = {k: x_t @ p["W_" + k].T + h @ p["U_" + k].T + p["b_" + k] for k in GATES}
        c = torch.sigmoid(a["f"]) * c + torch.sigmoid(a["i"]) * torch.tanh(a["g"])
        h = torch.sigmoid(a["o"]) * torch.tanh(c)
        ys.append(h)
    return torch.stack(ys), (h, c)


def tanh_of_o(x, h, c, p):
    ys = []
    for x_t in x:
        a = {k: x_t @ p["W_" + k].T + h @ p["U_" + k].T + p["b_" + k] for k in GATES}
        c = torch.sigmoid(a["f"]) * c + torch.sigmoid(a["i"]) * torch.tanh(a["g"])
        h = torch.tanh(a["o"]) * torch.tanh(c)
        ys.append(h)
    return torch.stack(ys), (h, c)
