import torch


def gru(x, h, params):
    ys = []
    i, r = params["input"], params["recurrent"]
    for x_t in x:
        xr, xz, xn = (x_t @ i["kernel"] + i["bias"]).chunk(3, -1)
        hr, hz, hn = (h @ r["kernel"] + r["bias"]).chunk(3, -1)
        r_t = torch.sigmoid(xr + hr)
        z_t = torch.sigmoid(xz + hz)
        n_t = torch.tanh(xn + r_t * hn)
        h = (1 - z_t) * n_t + z_t * h
        ys.append(h)
    return torch.stack(ys), h
