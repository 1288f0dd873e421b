import torch


def lstm(x, state, model):
    """model.lstm is an nn.LSTM of one layer."""
    h, c = (part[0] for part in state)
    ys = []
    for x_t in x:
        gates = x_t @ model.lstm.weight_ih_l0.T + model.lstm.bias_ih_l0
        gates = gates + h @ model.lstm.weight_hh_l0.T + model.lstm.bias_hh_l0
        i, f, g, o = gates.chunk(4, -1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        ys.append(h)
    return torch.stack(ys), (h[None], c[None])


def of_another_order(x, state, model):
    rnn = model.lstm
    h, c = (part[0] for part in state)
    ys = []
    for x_t in x:
        gates = x_t @ rnn.weight_ih_l0.T + rnn.bias_ih_l0 + h @ rnn.weight_hh_l0.T + rnn.bias_hh_l0
        i, f, o, g = gates.chunk(4, -1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        ys.append(h)
    return torch.stack(ys), (h[None], c[None])
