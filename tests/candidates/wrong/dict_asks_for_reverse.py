import torch


def forward(x, h0, params):
    """x (L, N, I), h0 (1, N, H), params: rnn.state_dict() of nn.RNN"""
    w, u = params["weight_ih_l0"], params["weight_hh_l0"]
    b = params["bias_ih_l0"] + params["bias_hh_l0"]
    _ = params["weight_ih_l0_reverse"]  # left from the bidirectional one
    h, out = h0[0], []
    for x_t in x:
        h = torch.tanh(x_t @ w.T + h @ u.T + b)
        out.append(h)
    return torch.stack(out), h[None]
