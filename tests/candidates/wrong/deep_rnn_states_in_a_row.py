import torch


def deep_rnn(X, W_ih, W_hh, b_ih, b_hh, H0):
    """Deep RNN. X: (T, N, D). W_ih, W_hh, b_ih, b_hh: one tensor per layer, in lists. H0: (layers, N, H)."""
    H = []
    for l in range(len(W_ih)):
        h = H0[l]
        Y = []
        for t in range(X.shape[0]):
            h = torch.tanh(b_ih[l] + torch.matmul(X[t], W_ih[l].transpose(0, 1)) + b_hh[l] + torch.matmul(h, W_hh[l].transpose(0, 1)))
            Y.append(h)
        X = torch.stack(Y, dim=0)
        H.append(h)
    return X, torch.cat(H, dim=0)
