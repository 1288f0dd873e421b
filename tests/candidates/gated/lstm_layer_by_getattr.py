import torch


def unroll(lstm, x, state=None):
    """x (N, L, H_in), as lstm is batch first."""
    H = lstm.hidden_size
    if state is None:
        z = x.new_zeros(lstm.num_layers, x.shape[0], H)
        state = (z, z)
    hs, cs = [], []
    for k in range(lstm.num_layers):
        W_ih, W_hh = getattr(lstm, f"weight_ih_l{k}"), getattr(lstm, f"weight_hh_l{k}")
        b = getattr(lstm, f"bias_ih_l{k}") + getattr(lstm, f"bias_hh_l{k}")
        h, c = state[0][k], state[1][k]
        ys = []
        for t in range(x.shape[1]):
            i, f, g, o = (x[:, t] @ W_ih.T + h @ W_hh.T + b).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        x = torch.stack(ys, 1)
        hs.append(h)
        cs.append(c)
    return x, (torch.stack(hs), torch.stack(cs))
