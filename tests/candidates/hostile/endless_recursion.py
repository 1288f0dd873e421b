import torch


def rnn_forward(input, weight_ih, weight_hh, bias_ih, bias_hh, h_0):
    if input.shape[1] == 0:
        return input.new_zeros(input.shape[0], 0, h_0.shape[2]), h_0
    h = torch.tanh(input[:, 0] @ weight_ih.T + bias_ih + h_0[0] @ weight_hh.T + bias_hh)
    rest, h_n = rnn_forward(input, weight_ih, weight_hh, bias_ih, bias_hh, h[None])
    return torch.cat([h[:, None], rest], dim=1), h_n
