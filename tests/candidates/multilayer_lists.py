import torch


def multilayer_rnn(x, h0, w_ih, w_hh, b_ih, b_hh):
    """
    x: (T, B, D), h0: (num_layers, B, H); weights and biases are lists with one tensor per layer.
    """
    h_n = []
    for layer in range(len(w_hh)):
        h = h0[layer]
        out = []
        for x_t in x:
            h = torch.tanh(x_t @ w_ih[layer].T + b_ih[layer] + h @ w_hh[layer].T + b_hh[layer])
            out.append(h)
        out = torch.stack(out)
        h_n.append(h)
    return out, torch.stack(h_n)
