import torch


def gates_of_gru(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    r_x, z_x, n_x = torch.addmm(bias_ih, x, weight_ih.t()).chunk(3, dim=1)
    r_h, z_h, n_h = torch.addmm(bias_hh, h, weight_hh.t()).chunk(3, dim=1)
    r, z = torch.sigmoid(r_x + r_h), torch.sigmoid(z_x + z_h)
    return r, z, torch.tanh(n_x + r * n_h)


def gru_step(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    r, z, n = gates_of_gru(x, h, weight_ih, weight_hh, bias_ih, bias_hh)
    return (1 - z) * n + z * h, r, z, n


def gru_step_r(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    r, z, n = gates_of_gru(x, h, weight_ih, weight_hh, bias_ih, bias_hh)
    return n + z * (h - n), r


def gru_step_cache(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    r, z, n = gates_of_gru(x, h, weight_ih, weight_hh, bias_ih, bias_hh)
    return n + z * (h - n), (r, z, n)


def gru_step_n(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    """The second result goes in as h in the next step."""
    _, z, n = gates_of_gru(x, h, weight_ih, weight_hh, bias_ih, bias_hh)
    return n + z * (h - n), n


def gru_step_z_first(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    r, z, n = gates_of_gru(x, h, weight_ih, weight_hh, bias_ih, bias_hh)
    return (1 - z) * h + z * n, r, z, n


def gru_step_of_three(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    """An output, the state and a gate; the state that goes in again is the one before."""
    r, z, n = gates_of_gru(x, h, weight_ih, weight_hh, bias_ih, bias_hh)
    return n + z * (h - n), h, r


def lstm_step(x, h0, c0, Wx, bx, Wh, bh):
    """One step. x: (batch, input), h0 and c0: (batch, hidden)."""
    i, f, g, o = torch.chunk(x @ Wx.T + bx + h0 @ Wh.T + bh, 4, dim=-1)
    c1 = torch.sigmoid(f) * c0 + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c1), c1, (i, f, g, o)


def lstm_step_gates(x, h0, c0, Wx, bx, Wh, bh):
    h, c, (i, f, g, o) = lstm_step(x, h0, c0, Wx, bx, Wh, bh)
    return h, c, i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()


def lstm_step_without_tanh(x, h0, c0, Wx, bx, Wh, bh):
    _, c, (i, f, g, o) = lstm_step(x, h0, c0, Wx, bx, Wh, bh)
    return o.sigmoid() * c, c, (i, f, g, o)


def lstm_step_c_first(x, c0, h0, Wx, bx, Wh, bh):
    """One step. x: (batch, input), c0 and h0: (batch, hidden)."""
    h, c, (i, f, _, _) = lstm_step(x, h0, c0, Wx, bx, Wh, bh)
    return c, h, i.sigmoid(), f.sigmoid()
