import torch


def deep_rnn_forward(X, H0, W_ih, W_hh, b_ih, b_hh):
    """
    Deep (stacked) RNN, unrolled step by step.

    X      : tensor (seq_len, batch, n_in)
    H0     : tensor (n_layers, batch, n_hid)
    W_ih   : list with one (n_hid, n_in) matrix, then (n_hid, n_hid) ones
    W_hh   : list of (n_hid, n_hid)
    b_ih, b_hh : lists of (n_hid,)

    Returns the top layer's states (seq_len, batch, n_hid) and a list with the final state of every layer.
    """
    n_layers = len(W_ih)
    H = [H0[i] for i in range(n_layers)]
    outputs = []
    for X_t in X:
        inp = X_t
        for i in range(n_layers):
            H[i] = torch.tanh(inp @ W_ih[i].T + b_ih[i] + H[i] @ W_hh[i].T + b_hh[i])
            inp = H[i]
        outputs.append(inp)
    return torch.stack(outputs), H
