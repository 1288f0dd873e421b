import torch


def rnn_layer(x, h, W, U, b):
    """
    x: (time, batch, in), h: (batch, hidden)
    returns all hidden states (time, batch, hidden) at once, vectorised over time
    """
    return torch.tanh(x @ W.T + h @ U.T + b)
