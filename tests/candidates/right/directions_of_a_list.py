import torch


def rnn(x, h_0, weights, num_layers=1):
    """Four weights of each layer and direction; how many directions there are is told by the rows of h_0."""
    directions, h_n = len(h_0) // num_layers, []
    for layer in range(num_layers):
        halves = []
        for row in range(layer * directions, (layer + 1) * directions):
            W_ih, W_hh, b_ih, b_hh = weights[4 * row : 4 * row + 4]
            h, outputs, backwards = h_0[row], [], row % directions == 1
            for x_t in x.flip(0) if backwards else x:
                h = torch.tanh(x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh)
                outputs.append(h)
            halves.append(torch.stack(outputs[::-1] if backwards else outputs))
            h_n.append(h)
        x = torch.cat(halves, -1)
    return x, torch.stack(h_n)


def halves_exchanged(x, h_0, weights, num_layers=1):
    output, h_n = rnn(x, h_0, weights, num_layers)
    return torch.cat(output.chunk(len(h_0) // num_layers, -1)[::-1], -1), h_n
