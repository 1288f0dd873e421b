import torch
from torch import nn

rnn = nn.RNN(20, 40, 1, batch_first=True)
weights = rnn.state_dict()


def rnn_numpy_style(x, h_prev):
    """x: (bs, T, 20); h_prev: (bs, 40)"""
    bs, T, _ = x.shape
    out = []
    for t in range(T):
        wx = x[:, t] @ weights["weight_ih_l0"].T + weights["bias_ih_l0"]
        wh = h_prev @ weights["weight_hh_l0"].T + weights["bias_hh_l0"]
        h_prev = torch.tanh(wx + wh)
        out.append(h_prev)
    return torch.stack(out, dim=1), h_prev.unsqueeze(0)
