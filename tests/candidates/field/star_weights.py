import torch


def rnn(x, h0, *weights):
    """x (L, N, I), h0 (layers, N, H), weights in the order of nn.RNN.parameters()"""
    assert len(weights) % 4 == 0
    finals = []
    for layer in range(len(weights) // 4):
        w_ih, w_hh, b_ih, b_hh = weights[4 * layer : 4 * layer + 4]
        h, ys = h0[layer], []
        for x_t in x:
            h = torch.tanh(x_t @ w_ih.mT + b_ih + h @ w_hh.mT + b_hh)
            ys.append(h)
        x = torch.stack(ys)
        finals.append(h)
    return x, torch.stack(finals)
