import torch


def gru(x, h, params):
    gates = ["reset", "update", "new"]
    ys = []
    for x_t in x:
        gx = {g: x_t @ params[g]["W"].T + params[g]["bW"] for g in gates}
        gh = {g: h @ params[g]["U"].T + params[g]["bU"] for g in gates}
        r = torch.sigmoid(gx["reset"] + gh["reset"])
        z = torch.sigmoid(gx["update"] + gh["update"])
        n = torch.tanh(gx["new"] + r * gh["new"])
        h = (1 - z) * n + z * h
        ys.append(h)
    return torch.stack(ys), h


def inverted(x, h, params):
    gates = ["reset", "update", "new"]
    ys = []
    for x_t in x:
        gx = {g: x_t @ params[g]["W"].T + params[g]["bW"] for g in gates}
        gh = {g: h @ params[g]["U"].T + params[g]["bU"] for g in gates}
        r = torch.sigmoid(gx["reset"] + gh["reset"])
        z = torch.sigmoid(gx["update"] + gh["update"])
        n = torch.tanh(gx["new"] + r * gh["new"])
        h = z * n + (1 - z) * h
        ys.append(h)
    return torch.stack(ys), h
