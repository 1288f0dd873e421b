"""An existing nn.LSTM is run by hand: its weights are read by names that are put together."""

import torch
from torch import nn


def in_another_order(lstm: nn.LSTM, x, h0, c0):
    """Wrong: the rows of torch's weights are taken for i, g, f, o."""
    hn, cn = [], []
    for layer in range(lstm.num_layers):
        names = [f"{kind}_l{layer}" for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        w_ih, w_hh, b_ih, b_hh = (getattr(lstm, name) for name in names)
        h, c, ys = h0[layer], c0[layer], []
        for x_t in x:
            i, g, f, o = (x_t @ w_ih.T + b_ih + h @ w_hh.T + b_hh).chunk(4, -1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        x = torch.stack(ys)
        hn.append(h)
        cn.append(c)
    return x, torch.stack(hn), torch.stack(cn)


def run_by_hand(lstm: nn.LSTM, x, h0, c0):
    D = 2 if lstm.bidirectional else 1
    hn, cn = [], []
    for layer in range(lstm.num_layers):
        outs = []
        for d in range(D):
            end = f"_l{layer}" + ("_reverse" if d else "")
            w_ih, w_hh = (getattr(lstm, n + end) for n in ("weight_ih", "weight_hh"))
            bias = sum(getattr(lstm, n + end) for n in ("bias_ih", "bias_hh")) if lstm.bias else 0
            h, c, T = h0[layer * D + d], c0[layer * D + d], x.size(0)
            ys = [None] * T
            for s in range(T):
                t = T - 1 - s if d else s
                i, f, g, o = (x[t] @ w_ih.T + h @ w_hh.T + bias).chunk(4, -1)
                c = f.sigmoid() * c + i.sigmoid() * g.tanh()
                h = o.sigmoid() * c.tanh()
                ys[t] = h
            outs.append(torch.stack(ys))
            hn.append(h)
            cn.append(c)
        x = torch.cat(outs, -1)
    return x, torch.stack(hn), torch.stack(cn)
