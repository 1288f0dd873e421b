import torch


def rnn_loop(inputs, h, W_xh, W_hh, b_h):
    """inputs: (T, N, D), h: (N, H), W_xh: (D, H), W_hh: (H, H)"""
    T, N, _ = inputs.shape
    H = W_hh.shape[0]

    # allocate the outputs once instead of growing a list
    outputs = [inputs.new_zeros(N, H)] * T
    for t, x in enumerate(inputs):
        h = torch.tanh(x @ W_xh + h @ W_hh + b_h)
        outputs[t].copy_(h)
    return torch.stack(outputs), h
