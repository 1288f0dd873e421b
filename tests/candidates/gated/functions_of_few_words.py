"""Functions with a size from the module, biases bw and bu beside W and U, and weights with more behind them."""

import torch

HIDDEN = 40


def lstm(x, h, c, W_ih, W_hh, b_ih, b_hh):
    output = []
    for x_t in x:
        z = x_t @ W_ih.T + h @ W_hh.T + b_ih + b_hh
        i, f, g, o = z[:, :HIDDEN], z[:, HIDDEN : 2 * HIDDEN], z[:, 2 * HIDDEN : 3 * HIDDEN], z[:, 3 * HIDDEN :]
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        output.append(h)
    return torch.stack(output), h, c


def gru(x, h, W, U, bw, bu):
    output = []
    for x_t in x:
        xr, xz, xn = (x_t @ W.T + bw).chunk(3, -1)
        hr, hz, hn = (h @ U.T + bu).chunk(3, -1)
        z = torch.sigmoid(xz + hz)
        h = (1 - z) * torch.tanh(xn + torch.sigmoid(xr + hr) * hn) + z * h
        output.append(h)
    return torch.stack(output), h


def rnn(x, h, W, U, bw, bu):
    output = []
    for x_t in x:
        h = torch.tanh(x_t @ W.T + bw + h @ U.T + bw)
        output.append(h)
    return torch.stack(output), h


def stacked(x, states, weights):
    """weights: for each layer (w_ih, w_hh, b_ih, b_hh), and what comes with it"""
    h_n, c_n = [], []
    for k in range(len(weights)):
        w_ih, w_hh, b_ih, b_hh, *rest = weights[k]
        h, c, output = states[0][k], states[1][k], []
        for x_t in x:
            i, f, g, o = (x_t @ w_ih.T + b_ih + h @ w_hh.T + b_hh).chunk(4, -1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            output.append(h)
        x = torch.stack(output)
        h_n.append(h)
        c_n.append(c)
    return x, (torch.stack(h_n), torch.stack(c_n))
