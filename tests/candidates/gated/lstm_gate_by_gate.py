import torch


def lstm(x, h, c, params):
    def gate(name, x_t, h, activation):
        p = params[name]
        return activation(x_t @ p["W"].T + h @ p["U"].T + p["b"])

    ys = []
    for x_t in x:
        i = gate("input", x_t, h, torch.sigmoid)
        f = gate("forget", x_t, h, torch.sigmoid)
        g = gate("cell", x_t, h, torch.tanh)
        o = gate("output", x_t, h, torch.sigmoid)
        c = f * c + i * g
        h = o * torch.tanh(c)
        ys.append(h)
    return torch.stack(ys), h, c


def h_of_the_old_c(x, h, c, params):
    def gate(name, x_t, h, activation):
        p = params[name]
        return activation(x_t @ p["W"].T + h @ p["U"].T + p["b"])

    ys = []
    for x_t in x:
        i = gate("input", x_t, h, torch.sigmoid)
        f = gate("forget", x_t, h, torch.sigmoid)
        g = gate("cell", x_t, h, torch.tanh)
        o = gate("output", x_t, h, torch.sigmoid)
        c, h = f * c + i * g, o * torch.tanh(c)
        ys.append(h)
    return torch.stack(ys), h, c
