"""torch.rnn_tanh, rewritten in Python with its own signature."""

import torch


def rnn_tanh(input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first):
    """params is flat: w_ih, w_hh, b_ih, b_hh of every layer and direction (the biases only if has_biases)."""
    assert not (train and dropout), "dropout is not implemented"
    dirs = 2 if bidirectional else 1
    per = 4 if has_biases else 2
    x = input.transpose(0, 1) if batch_first else input
    final = []
    for k in range(num_layers):
        outs = []
        for d in range(dirs):
            n = k * dirs + d
            group = params[per * n : per * (n + 1)]
            pre = x @ group[0].mT
            if has_biases:
                pre = pre + group[2] + group[3]
            h = hx[n]
            hs = [None] * x.shape[0]
            order = reversed(range(x.shape[0])) if d else range(x.shape[0])
            for t in order:
                h = torch.tanh(pre[t] + h @ group[1].mT)
                hs[t] = h
            outs.append(torch.stack(hs))
            final.append(h)
        x = torch.cat(outs, 2)
    return x.transpose(0, 1) if batch_first else x, torch.stack(final)
