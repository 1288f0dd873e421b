import torch

def lstm(x, state, params):
    """state: dict h, c"""
    h, c = state["h"], state["c"]
    ys = []
    for xt in x:
        z = xt @ params["kernel"] + h @ params["recurrent_kernel"] + params["bias"]
        i, f, g, o = z.chunk(4, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        ys.append(h)
    return torch.stack(ys), {"h": h, "c": c}
