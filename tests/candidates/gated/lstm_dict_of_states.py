import torch

def lstm(x, state, W_ih, W_hh, b_ih, b_hh):
    """state is {"h": (N, H), "c": (N, H)}"""
    h, c = state["h"], state["c"]
    ys = []
    for xt in x:
        i, f, g, o = (xt @ W_ih.T + b_ih + h @ W_hh.T + b_hh).chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        ys.append(h)
    return torch.stack(ys), {"h": h, "c": c}
