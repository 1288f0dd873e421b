import torch


def rnn_forward(input, weight_ih, weight_hh, bias_ih, bias_hh, h_0):
    # b: batch, t: time, i: input features, h/k: hidden features
    x_proj = torch.einsum("bti,hi->bth", input, weight_ih) + bias_ih
    state = h_0[0]
    states = []
    for t in range(input.shape[1]):
        state = torch.tanh(x_proj[:, t] + torch.einsum("bk,kh->bh", state, weight_hh) + bias_hh)
        states.append(state)
    return torch.stack(states, dim=1), state[None]
