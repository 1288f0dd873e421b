import torch


def rnn(x, h0, layers):
    h = list(h0)
    out = []
    for x_t in x:
        for k, layer in enumerate(layers):
            x_t = h[k] = torch.tanh(x_t @ layer["W"].T + h[k] @ layer["U"].T + layer["b"])
        out.append(h[-1])
    return torch.stack(out), torch.stack(h)
