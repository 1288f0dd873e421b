import torch


def rnn(x, W, U, b, h):
    """
    x: [batch, time, in], W: [hidden, in], U: [hidden, hidden], b: [hidden], h: [batch, hidden]
    """
    hs = []
    for t in range(x.shape[1]):
        h = torch.tanh(x[:, t] @ W.T + h @ U.T + b)
        hs.append(h)
    return torch.stack(hs, dim=1), h
