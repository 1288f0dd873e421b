import torch


def rnn_forward(input, weight_ih, weight_hh, bias_ih, bias_hh, h_0):
    """weights as nn.RNN keeps them: weight_ih (hidden, input); input (L, N, input), h_0 (1, N, hidden)"""
    h = h_0[0]
    output = []
    for x in input:
        h = torch.tanh(x @ weight_ih + bias_ih + h @ weight_hh.T + bias_hh)
        output.append(h)
    return torch.stack(output), h[None]
