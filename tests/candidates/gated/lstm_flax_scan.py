"""A port of flax: the carry is (c, h), and a scan takes the step as a function."""

import torch
from torch.nn.functional import linear


def lstm_cell(params, carry, inputs):
    """flax.linen.LSTMCell: the carry is (c, h); hi, hf, hg, ho have the biases."""
    c, h = carry

    def dense_i(name):
        return inputs @ params[name]["kernel"]

    def dense_h(name):
        return h @ params[name]["kernel"] + params[name]["bias"]

    i = torch.sigmoid(dense_i("ii") + dense_h("hi"))
    f = torch.sigmoid(dense_i("if") + dense_h("hf"))
    g = torch.tanh(dense_i("ig") + dense_h("hg"))
    o = torch.sigmoid(dense_i("io") + dense_h("ho"))
    new_c = f * c + i * g
    new_h = o * torch.tanh(new_c)
    return (new_c, new_h), new_h


def scan(f, init, xs):
    carry, ys = init, []
    for x in xs:
        carry, y = f(carry, x)
        ys.append(y)
    return carry, torch.stack(ys)


def lstm(params, xs, carry):
    carry, ys = scan(lambda c, x: lstm_cell(params, c, x), carry, xs)
    return ys, carry


def crossed_cell(params, carry, inputs):
    h, c = carry
    i, f, g, o = (inputs @ params["i" + k]["kernel"] + h @ params["h" + k]["kernel"] + params["h" + k]["bias"] for k in "ifgo")
    new_c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    new_h = torch.sigmoid(o) * torch.tanh(new_c)
    return (new_c, new_h), new_h


def crossed(params, xs, carry):
    """Takes (h, c), and gives (c, h) to the next step."""
    carry, ys = scan(lambda c, x: crossed_cell(params, c, x), carry, xs)
    return ys, carry
