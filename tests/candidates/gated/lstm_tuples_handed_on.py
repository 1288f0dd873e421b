import torch


def lstm_step(x, state, params):
    """params: (Wx, Wh, bx, bh) with gates i, f, g, o"""
    h, c = state
    Wx, Wh, bx, bh = params
    i, f, g, o = (torch.addmm(bx, x, Wx.t()) + torch.addmm(bh, h, Wh.t())).chunk(4, 1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def run_lstm(x, states, params):
    """states: a list of (h, c), one for each layer; params: a list of tuples"""
    ends = []
    for state, p in zip(states, params):
        ys = []
        for x_t in x:
            state = lstm_step(x_t, state, p)
            ys.append(state[0])
        x = torch.stack(ys)
        ends.append(state)
    return x, ends


class ThreeAxesCell(torch.nn.Module):
    """A step that takes a leading axis of 1."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.gate = torch.nn.Linear(input_size + hidden_size, hidden_size * 4)

    def forward(self, xt, ht_1, ct_1):
        assert 3 == xt.ndim == ht_1.ndim == ct_1.ndim
        i, f, g, o = self.gate(torch.cat([xt, ht_1], -1)).chunk(4, -1)
        ct = torch.sigmoid(f) * ct_1 + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(ct), ct
