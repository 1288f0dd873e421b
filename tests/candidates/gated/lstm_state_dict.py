import torch


def run_lstm(x, state, params):
    h_0, c_0 = state
    h_n, c_n = [], []
    for k in range(h_0.shape[0]):
        h, c, out = h_0[k], c_0[k], []
        for x_t in x:
            z = x_t @ params[f"weight_ih_l{k}"].T + params[f"bias_ih_l{k}"]
            z = z + h @ params[f"weight_hh_l{k}"].T + params[f"bias_hh_l{k}"]
            i, f, g, o = z.chunk(4, -1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            out.append(h)
        x = torch.stack(out)
        h_n.append(h)
        c_n.append(c)
    return x, (torch.stack(h_n), torch.stack(c_n))
