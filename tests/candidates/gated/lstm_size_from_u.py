import torch


def lstm_forward(xs, p, state=None):
    """p: dict with Wf, Uf, bf, ... for the gates f (forget), i (input), o (output), c (candidate).  x @ W convention."""
    n = xs.shape[1]
    hid = p["Uf"].shape[0]
    if state is None:
        h = xs.new_zeros(n, hid)
        c = xs.new_zeros(n, hid)
    else:
        h, c = state
    H, C = [], []
    for x in xs:
        f = torch.sigmoid(x @ p["Wf"] + h @ p["Uf"] + p["bf"])
        i = torch.sigmoid(x @ p["Wi"] + h @ p["Ui"] + p["bi"])
        o = torch.sigmoid(x @ p["Wo"] + h @ p["Uo"] + p["bo"])
        g = torch.tanh(x @ p["Wc"] + h @ p["Uc"] + p["bc"])
        c = f * c + i * g
        h = o * torch.tanh(c)
        H.append(h)
        C.append(c)
    return torch.stack(H), torch.stack(C)
