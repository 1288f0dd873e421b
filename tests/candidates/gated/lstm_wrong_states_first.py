import torch

def scan_lstm(params, carry, xs):
    """haiku/flax style. params {"wi": (I, 4H), "wh": (H, 4H), "b": (4H,)}, gates i, f, g, o;
    carry (c, h), each (N, H); xs (L, N, I). Returns (c, h), ys."""
    c, h = carry
    ys = []
    for x in xs:
        i, f, g, o = (x @ params["wi"] + h @ params["wh"] + params["b"]).chunk(4, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        ys.append(h)
    return (c, h), torch.stack(ys)
