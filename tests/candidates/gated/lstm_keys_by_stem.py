import torch


def lstm(x, h, c, W_ih, W_hh, b_ih, b_hh):
    ys = []
    for xt in x:
        i, f, g, o = (xt @ W_ih.T + b_ih + h @ W_hh.T + b_hh).chunk(4, -1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        ys.append(h)
    return {"y": torch.stack(ys), "h_final": h, "c_n": c}


def returns_another_h(x, h, c, W_ih, W_hh, b_ih, b_hh):
    found = lstm(x, h, c, W_ih, W_hh, b_ih, b_hh)
    return found | {"h_final": found["c_n"]}
