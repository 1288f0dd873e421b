import torch


def lstm(x, h, c, p):
    ys = []
    for x_t in x:
        f = torch.sigmoid(x_t @ p["forget"]["W"] + h @ p["forget"]["U"] + p["forget"]["b"])
        i = torch.sigmoid(x_t @ p["input"]["W"] + h @ p["input"]["U"] + p["input"]["b"])
        o = torch.sigmoid(x_t @ p["output"]["W"] + h @ p["output"]["U"] + p["output"]["b"])
        g = torch.tanh(x_t @ p["cell"]["W"] + h @ p["cell"]["U"] + p["cell"]["b"])
        c = f * c + i * g
        h = o * torch.tanh(c)
        ys.append(h)
    return torch.stack(ys), h, c
