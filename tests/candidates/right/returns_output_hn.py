import torch


def rnn_forward(input, weight_ih, weight_hh, bias_ih, bias_hh, h_0):
    output = []
    h_n = h_0
    for t in range(input.shape[1]):
        h_n = torch.tanh(input[:, t] @ weight_ih.T + bias_ih + h_n @ weight_hh.T + bias_hh)
        output.append(h_n)
    output = torch.stack(output, 1)
    return output, h_n
