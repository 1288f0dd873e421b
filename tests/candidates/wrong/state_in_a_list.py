import torch


def rnn(x, h_0, weight_ih, weight_hh, bias_ih, bias_hh):
    outputs = []
    h = h_0[0]
    for x_t in x:
        h = torch.tanh(x_t @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)
        outputs.append(h)
    return torch.stack(outputs), [h]


def without_b_hh(x, h_0, weight_ih, weight_hh, bias_ih, bias_hh):
    outputs = []
    h = h_0[0]
    for x_t in x:
        h = torch.tanh(x_t @ weight_ih.T + bias_ih + h @ weight_hh.T)
        outputs.append(h)
    return torch.stack(outputs), [h]
