import torch


def predict(params, x, h):
    """Single layer, batch first.

    params: dict with weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0
    x: [batch, time, in]    h: [1, batch, hidden]
    """
    h = h.squeeze(0)
    pre = torch.matmul(x, params["weight_ih_l0"].T) + params["bias_ih_l0"]
    hs = []
    for t in range(x.shape[1]):
        h = torch.tanh(pre[:, t] + torch.matmul(h, params["weight_hh_l0"].T) + params["bias_hh_l0"])
        hs.append(h)
    return torch.stack(hs, dim=1), h.unsqueeze(0)
