"""Weights with an axis of gates, (4, H, I) or (3, I, H), as arguments."""

import torch


def lstm(x, h, c, W, U, b):
    """One LSTM layer.

    x: (T, N, D), h, c: (N, H)
    W: (4, H, D), U: (4, H, H), b: (4, H); the gates are input, forget, output, cell
    """
    ys = []
    for x_t in x:
        i = torch.sigmoid(x_t @ W[0].T + h @ U[0].T + b[0])
        f = torch.sigmoid(x_t @ W[1].T + h @ U[1].T + b[1])
        o = torch.sigmoid(x_t @ W[2].T + h @ U[2].T + b[2])
        g = torch.tanh(x_t @ W[3].T + h @ U[3].T + b[3])
        c = f * c + i * g
        h = o * torch.tanh(c)
        ys.append(h)
    return torch.stack(ys), (h, c)


def lstm_unpacked(x, h, c, W, U, b):
    W_i, W_f, W_g, W_o = W
    U_i, U_f, U_g, U_o = U
    b_i, b_f, b_g, b_o = b
    ys = []
    for x_t in x:
        i = torch.sigmoid(x_t @ W_i + h @ U_i + b_i)
        f = torch.sigmoid(x_t @ W_f + h @ U_f + b_f)
        g = torch.tanh(x_t @ W_g + h @ U_g + b_g)
        o = torch.sigmoid(x_t @ W_o + h @ U_o + b_o)
        c = f * c + i * g
        h = o * torch.tanh(c)
        ys.append(h)
    return torch.stack(ys), (h, c)


def lstm_recurrent_input_twice(x, h, c, W, U, b):
    """W: (4, H, D), U: (4, H, H), b: (4, H)"""
    ys = []
    for x_t in x:
        i = torch.sigmoid(x_t @ W[0].T + h @ U[0].T + b[0])
        f = torch.sigmoid(x_t @ W[1].T + h @ U[0].T + b[1])
        g = torch.tanh(x_t @ W[2].T + h @ U[2].T + b[2])
        o = torch.sigmoid(x_t @ W[3].T + h @ U[3].T + b[3])
        c = f * c + i * g
        h = o * torch.tanh(c)
        ys.append(h)
    return torch.stack(ys), (h, c)


def lstm_torchs_names(x, h, c, weight_ih, weight_hh, bias):
    """weight_ih: (4, H, D), weight_hh: (4, H, H), bias: (4, H)"""
    ys = []
    for x_t in x:
        i = torch.sigmoid(x_t @ weight_ih[0].T + h @ weight_hh[0].T + bias[0])
        f = torch.sigmoid(x_t @ weight_ih[1].T + h @ weight_hh[1].T + bias[1])
        o = torch.sigmoid(x_t @ weight_ih[2].T + h @ weight_hh[2].T + bias[2])
        g = torch.tanh(x_t @ weight_ih[3].T + h @ weight_hh[3].T + bias[3])
        c = f * c + i * g
        h = o * torch.tanh(c)
        ys.append(h)
    return torch.stack(ys), (h, c)


def gru_einsum(x, h, W, U, b_i, b_h):
    """W is (3, D, H), U is (3, H, H), biases are (3, H)."""
    ys = []
    for x_t in x:
        a = torch.einsum("nd,kdh->knh", x_t, W) + b_i[:, None]
        b = torch.einsum("nd,kdh->knh", h, U) + b_h[:, None]
        z = torch.sigmoid(a[0] + b[0])
        r = torch.sigmoid(a[1] + b[1])
        n = torch.tanh(a[2] + r * b[2])
        h = (1 - z) * n + z * h
        ys.append(h)
    return torch.stack(ys), h


def gru_both_biases(x, h, W, U, b):
    """W: (3, H, I); U: (3, H, H); b: (2, 3, H)"""
    ys = []
    for x_t in x:
        gx = torch.matmul(W, x_t.T).transpose(1, 2) + b[0].unsqueeze(1)
        gh = torch.matmul(U, h.T).transpose(1, 2) + b[1].unsqueeze(1)
        r = torch.sigmoid(gx[0] + gh[0])
        z = torch.sigmoid(gx[1] + gh[1])
        n = torch.tanh(gx[2] + r * gh[2])
        h = n + z * (h - n)
        ys.append(h)
    return torch.stack(ys), h


def gru_step(x, h, weights):
    W, U, b, b_h = weights["W"], weights["U"], weights["b"], weights["b_h"]
    r, z = (torch.sigmoid(W[k] @ x + U[k] @ h + b[k] + b_h[k]) for k in range(2))
    n = torch.tanh(W[2] @ x + b[2] + r * (U[2] @ h + b_h[2]))
    return (1 - z) * n + z * h


def gru_step_without_b_hn(x, h, weights):
    W, U, b = weights["W"], weights["U"], weights["b"]
    r, z = (torch.sigmoid(W[k] @ x + U[k] @ h + b[k]) for k in range(2))
    n = torch.tanh(W[2] @ x + r * (U[2] @ h) + b[2])
    return (1 - z) * n + z * h
