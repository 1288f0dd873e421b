import torch


def lstm_cell(x, h, c, p):
    gates = x @ p["w_ih"].T + p["b_ih"] + h @ p["w_hh"].T + p["b_hh"]
    i, f, g, o = gates.chunk(4, -1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def lstm(x, state, params):
    """params: a list of dicts, one for each layer"""
    h0, c0 = state
    hs, cs = [], []
    for layer, p in enumerate(params):
        h, c = h0[layer], c0[layer]
        outputs = []
        for t in range(x.shape[0]):
            h, c = lstm_cell(x[t], h, c, p)
            outputs.append(h)
        x = torch.stack(outputs)
        hs.append(h)
        cs.append(c)
    return x, (torch.stack(hs), torch.stack(cs))
