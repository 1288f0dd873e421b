import torch


def lstm(x, state, **p):
    h, c = state
    outputs = []
    for x_t in x:
        i = torch.sigmoid(x_t @ p["W_ii"].T + p["b_ii"] + h @ p["W_hi"].T + p["b_hi"])
        f = torch.sigmoid(x_t @ p["W_if"].T + p["b_if"] + h @ p["W_hf"].T + p["b_hf"])
        g = torch.tanh(x_t @ p["W_ig"].T + p["b_ig"] + h @ p["W_hg"].T + p["b_hg"])
        o = torch.sigmoid(x_t @ p["W_io"].T + p["b_io"] + h @ p["W_ho"].T + p["b_ho"])
        c = f * c + i * g
        h = o * torch.tanh(c)
        outputs.append(h)
    return torch.stack(outputs), (h, c)
