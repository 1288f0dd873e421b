import torch


def lstm_forward(x, h0, c0, w_ih, w_hh, b_ih, b_hh):
    """x (T, N, I), h0 and c0 (N, H); weights as in torch.nn.LSTM. Returns ys (T, N, H), h, c."""
    H = w_hh.shape[1]
    h, c = h0, c0
    ys = []
    for t in range(x.shape[0]):
        gates = x[t] @ w_ih.T + b_ih + h @ w_hh.T + b_hh
        i = torch.sigmoid(gates[:, :H])
        f = torch.sigmoid(gates[:, H : 2 * H])
        g = torch.tanh(gates[:, 2 * H : 3 * H])
        o = torch.sigmoid(gates[:, 3 * H :])
        c = f * c + i * g
        h = o * torch.tanh(c)
        ys.append(h)
    return torch.stack(ys), h, c
