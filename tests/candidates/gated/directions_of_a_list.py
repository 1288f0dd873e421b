import torch


def walked(x, h, weights, backwards):
    W_ih, W_hh, b_ih, b_hh = weights
    outputs = []
    for x_t in x.flip(0) if backwards else x:
        (r_x, z_x, n_x), (r_h, z_h, n_h) = (x_t @ W_ih.T + b_ih).chunk(3, -1), (h @ W_hh.T + b_hh).chunk(3, -1)
        z = torch.sigmoid(z_x + z_h)
        h = (1 - z) * torch.tanh(n_x + torch.sigmoid(r_x + r_h) * n_h) + z * h
        outputs.append(h)
    return torch.stack(outputs[::-1] if backwards else outputs), h


def layer(x, h_0, weights):
    halves, h_n = zip(*(walked(x, h, weights[4 * d : 4 * d + 4], d == 1) for d, h in enumerate(h_0)), strict=True)
    return torch.cat(halves, -1), list(h_n)


def gru(x, h_0, weights, num_layers):
    """Four weights of each layer and direction; how many directions there are is told by how many weights."""
    directions = len(weights) // (4 * num_layers)
    h_n = []
    for k in range(num_layers):
        first = k * directions
        x, last = layer(x, h_0[first : first + directions], weights[4 * first :])
        h_n += last
    return x, torch.stack(h_n)


def halves_exchanged(x, h_0, weights, num_layers):
    output, h_n = gru(x, h_0, weights, num_layers)
    return torch.cat(output.chunk(len(weights) // (4 * num_layers), -1)[::-1], -1), h_n
