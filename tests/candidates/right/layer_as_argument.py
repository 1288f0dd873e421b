import torch


def unroll(rnn, x, h0):
    H = rnn.hidden_size
    h = h0[0]
    assert h.shape[-1] == H
    hs = []
    for t in range(x.shape[0]):
        h = torch.tanh(x[t] @ rnn.weight_ih_l0.T + rnn.bias_ih_l0 + h @ rnn.weight_hh_l0.T + rnn.bias_hh_l0)
        hs.append(h)
    return torch.stack(hs), h[None]
