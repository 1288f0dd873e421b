import torch


def gru_step(x, h, Wr, Wz, Wn, Ur, Uz, Un, br, bz, bn, cn):
    """One step. x: (batch, in), h: (batch, hidden)."""
    r, z = torch.sigmoid(x @ Wr.T + h @ Ur.T + br), torch.sigmoid(x @ Wz.T + h @ Uz.T + bz)
    return torch.lerp(torch.tanh(x @ Wn.T + bn + r * (h @ Un.T + cn)), h, z)


def outside_of_r(x, h, Wr, Wz, Wn, Ur, Uz, Un, br, bz, bn, cn):
    """One step. x: (batch, in), h: (batch, hidden)."""
    r, z = torch.sigmoid(x @ Wr.T + h @ Ur.T + br), torch.sigmoid(x @ Wz.T + h @ Uz.T + bz)
    return torch.lerp(torch.tanh(x @ Wn.T + bn + r * (h @ Un.T) + cn), h, z)


def gru(x, h, params):
    outputs = []
    for x_t in x:
        r = torch.sigmoid(x_t @ params["Wr"] + h @ params["Ur"] + params["br"])
        z = torch.sigmoid(x_t @ params["Wz"] + h @ params["Uz"] + params["bz"])
        n = torch.tanh(x_t @ params["Wh"] + params["bh"] + r * (h @ params["Uh"] + params["ch"]))
        h = z * h + (1 - z) * n
        outputs.append(h)
    return torch.stack(outputs), h
