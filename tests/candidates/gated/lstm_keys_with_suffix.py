import torch


def lstm(x, state, p, num_layers=1):
    h0, c0 = state
    hs, cs = [], []
    for k in range(num_layers):
        s = f"_l{k}"
        h, c = h0[k], c0[k]
        outs = []
        for x_t in x:
            gates = x_t @ p["weight_ih" + s].T + p["bias_ih" + s] + h @ p["weight_hh" + s].T + p["bias_hh" + s]
            i, f, g, o = gates.chunk(4, -1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            outs.append(h)
        x = torch.stack(outs)
        hs.append(h)
        cs.append(c)
    return x, (torch.stack(hs), torch.stack(cs))


def get(p, name, suffix):
    return p[name + suffix]
