import torch


def lstm_from_state_dict(x, hx, sd, num_layers=1, bidirectional=False):
    """Runs the weights of nn.LSTM(...).state_dict()."""
    h0, c0 = hx
    suffixes = ["", "_reverse"] if bidirectional else [""]
    h_n, c_n = [], []
    for layer in range(num_layers):
        outs = []
        for k, suffix in enumerate(suffixes):
            name = f"l{layer}{suffix}"
            idx = layer * len(suffixes) + k
            h, c = h0[idx], c0[idx]
            ys = []
            for x_t in (x.flip(0) if suffix else x):
                a = (x_t @ sd["weight_ih_" + name].T + sd["bias_ih_" + name]
                     + h @ sd["weight_hh_" + name].T + sd["bias_hh_" + name])
                i, f, g, o = a.chunk(4, 1)
                c = f.sigmoid() * c + i.sigmoid() * g.tanh()
                h = o.sigmoid() * c.tanh()
                ys.append(h)
            y = torch.stack(ys)
            outs.append(y.flip(0) if suffix else y)
            h_n.append(h)
            c_n.append(c)
        x = torch.cat(outs, 2)
    return x, (torch.stack(h_n), torch.stack(c_n))
