import torch
import torch.nn.functional as F


def brnn(x, h0, params):
    """One bidirectional layer. x: (T, B, I), h0: (2, B, H), params: as in nn.RNN(..., bidirectional=True)."""
    T = x.shape[0]

    def cell(x_t, h, suffix):
        return torch.tanh(
            F.linear(x_t, params["weight_ih_l0" + suffix], params["bias_ih_l0" + suffix])
            + F.linear(h, params["weight_hh_l0" + suffix], params["bias_hh_l0" + suffix])
        )

    forward, backward = [], []
    h_f, h_b = h0
    for t in range(T):
        h_f = cell(x[t], h_f, "")
        forward.append(h_f)
        h_b = cell(x[T - 1 - t], h_b, "_reverse")
        backward.insert(0, h_b)

    forward, backward = torch.stack(forward), torch.stack(backward)
    output = torch.cat([forward, backward], dim=-1)
    h_n = torch.stack([forward[-1], backward[-1]])
    return output, h_n
