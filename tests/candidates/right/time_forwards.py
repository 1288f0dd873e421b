import torch


def run_rnn(inputs, weight_ih, weight_hh, bias_ih, bias_hh, state):
    # inputs (B, T, F)   state (B, H)
    B, T, _ = inputs.shape
    out = inputs.new_empty(B, T, weight_hh.shape[0])
    for t in range(T):
        state = torch.tanh(inputs[:, t] @ weight_ih.t() + bias_ih + state @ weight_hh.t() + bias_hh)
        out[:, t] = state
    return out, state
