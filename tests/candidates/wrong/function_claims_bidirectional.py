import torch


def rnn(x, h_0, weights, num_layers=1, bidirectional=False, nonlinearity="tanh"):
    """x (L, N, I), h_0 (num_layers, N, H), weights: a list of (w_ih, w_hh, b_ih, b_hh)"""
    h_n = []
    for layer in range(num_layers):
        w_ih, w_hh, b_ih, b_hh = weights[layer]
        h, ys = h_0[layer], []
        for x_t in x:
            z = x_t @ w_ih.T + b_ih + h @ w_hh.T + b_hh
            h = torch.relu(z) if nonlinearity == "relu" else torch.tanh(z)
            ys.append(h)
        x = torch.stack(ys)
        h_n.append(h)
    return x, torch.stack(h_n)
