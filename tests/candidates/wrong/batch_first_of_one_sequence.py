import torch


def rnn_tanh(input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first):
    """torch.rnn_tanh of one layer and one direction; `.T` makes it raise for more than one sequence."""
    x = input.transpose(0, 1) if batch_first else input
    group = params[0:4]
    projected = x @ group[0].mT
    if has_biases:
        projected = projected + group[2] + group[3]
    h, hs = hx[0], []
    for t in range(x.shape[0]):
        h = torch.tanh(projected[t].T + h @ group[1].mT)
        hs.append(h)
    out = torch.stack(hs)
    return out.transpose(0, 1) if batch_first else out, torch.stack([h])
