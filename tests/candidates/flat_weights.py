import torch

# What torch._VF.rnn_tanh / rnn_relu do, minus cuDNN, packing and dropout.


def _one(x, h, w_ih, w_hh, b_ih, b_hh, act, reverse):
    steps = range(x.size(0) - 1, -1, -1) if reverse else range(x.size(0))
    out = [None] * x.size(0)
    for t in steps:
        h = act(x[t] @ w_ih.t() + b_ih + h @ w_hh.t() + b_hh)
        out[t] = h
    return torch.stack(out), h


def vanilla_rnn(input, hx, flat_weights, num_layers=1, bidirectional=False, batch_first=False, nonlinearity="tanh"):
    """``flat_weights``: as in ``nn.RNN._flat_weights``, [w_ih, w_hh, b_ih, b_hh] per layer and direction."""
    act = torch.tanh if nonlinearity == "tanh" else torch.relu
    num_directions = 2 if bidirectional else 1
    x = input.transpose(0, 1) if batch_first else input

    final = []
    for layer in range(num_layers):
        outs = []
        for d in range(num_directions):
            i = layer * num_directions + d
            out, h = _one(x, hx[i], *flat_weights[4 * i:4 * i + 4], act, reverse=d == 1)
            outs.append(out)
            final.append(h)
        x = torch.cat(outs, dim=-1)

    return x.transpose(0, 1) if batch_first else x, torch.stack(final)
