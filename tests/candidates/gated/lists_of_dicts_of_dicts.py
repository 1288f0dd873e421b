"""Weights in a list over layers, of dicts that hold dicts, as ports to and from JAX keep them."""

import torch


def rnn(params, xs, init):
    """params: one dict for each layer, as {"x": {"w": ..., "b": ...}, "h": {"w": ..., "b": ...}}"""
    finals = []
    for p, h in zip(params, init):
        ys = []
        for x in xs:
            h = torch.tanh(x @ p["x"]["w"] + p["x"]["b"] + h @ p["h"]["w"] + p["h"]["b"])
            ys.append(h)
        xs = torch.stack(ys)
        finals.append(h)
    return xs, torch.stack(finals)


def gru(layers, xs, init):
    finals = []
    for k in range(len(layers)):
        i, r = layers[k]["input"], layers[k]["recurrent"]
        h = init[k]
        ys = []
        for x in xs:
            a_r, a_z, a_n = (x @ i["weight"].T + i["bias"]).chunk(3, -1)
            b_r, b_z, b_n = (h @ r["weight"].T + r["bias"]).chunk(3, -1)
            z = torch.sigmoid(a_z + b_z)
            n = torch.tanh(a_n + torch.sigmoid(a_r + b_r) * b_n)
            h = (1 - z) * n + z * h
            ys.append(h)
        xs = torch.stack(ys)
        finals.append(h)
    return xs, torch.stack(finals)


def gru_of_the_first(layers, xs, init):
    finals = []
    for k in range(len(layers)):
        i, r = layers[k]["input"], layers[0]["recurrent"]
        h = init[k]
        ys = []
        for x in xs:
            a_r, a_z, a_n = (x @ i["weight"].T + i["bias"]).chunk(3, -1)
            b_r, b_z, b_n = (h @ r["weight"].T + r["bias"]).chunk(3, -1)
            z = torch.sigmoid(a_z + b_z)
            n = torch.tanh(a_n + torch.sigmoid(a_r + b_r) * b_n)
            h = (1 - z) * n + z * h
            ys.append(h)
        xs = torch.stack(ys)
        finals.append(h)
    return xs, torch.stack(finals)


def lstm(params, xs, init):
    """params: list over layers of {"wi": {"kernel": (I, 4H), "bias": (4H,)}, "wh": {"kernel": (H, 4H)}}

    init: list over layers of (h, c). Gates i, f, g, o.
    """
    finals = []
    for layer, (h, c) in zip(params, init):
        ys = []
        for x in xs:
            z = x @ layer["wi"]["kernel"] + layer["wi"]["bias"] + h @ layer["wh"]["kernel"]
            i, f, g, o = torch.split(z, z.shape[-1] // 4, dim=-1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            ys.append(h)
        xs = torch.stack(ys)
        finals.append((h, c))
    return xs, finals
