import torch


def simple_rnn(X, Wx, Wh, bx, bh, h_prev):
    N, T, D = X.shape
    H = h_prev.shape[1]
    hs = X.new_zeros(N, T, H)
    for t in range(T):
        h_prev = torch.tanh(X[:, t] @ Wx.T + bx + h_prev @ Wh.T + bh)
        hs[:, t] = h_prev
        return hs, h_prev
