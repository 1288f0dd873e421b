import torch


def gru_apply(params, x, h0):
    """params: {'i': {'kernel': (I, 3H), 'bias': (3H,)}, 'h': {'kernel': (H, 3H)}, 'bn': (H,)} as flax's GRUCell keeps them; x (T, N, I)"""
    def step(h, gi):
        ir, iz, i_n = gi.chunk(3, -1)
        hr, hz, hn = (h @ params['h']['kernel']).chunk(3, -1)
        r = torch.sigmoid(ir + hr)
        z = torch.sigmoid(iz + hz)
        n = torch.tanh(i_n + r * (hn + params['bn']))
        return (1. - z) * n + z * h
    hs = []
    h = h0[0]
    for gi in x @ params['i']['kernel'] + params['i']['bias']:
        h = step(h, gi)
        hs.append(h)
    return torch.stack(hs), h.unsqueeze(0)
