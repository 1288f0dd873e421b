import torch
from torch import nn

lstm = nn.LSTM(20, 40)


def run(x, state=None):
    out, (h, c) = lstm(x, state)
    return out, (h, c)
