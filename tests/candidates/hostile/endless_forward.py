import torch


def rnn_forward(input, weight_ih, weight_hh, bias_ih, bias_hh, h_0):
    h, out, t = h_0[0], [], 0
    while t < input.shape[1]:
        h = torch.tanh(input[:, t] @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)
        out = out[:t] + [h]
    return torch.stack(out, dim=1), h.unsqueeze(0)
