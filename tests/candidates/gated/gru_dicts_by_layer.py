import torch
from torch import sigmoid, tanh


def gru_layer(xs, h, layer):
    hs = []
    for x in xs:
        r = sigmoid(x @ layer["W_ir"] + layer["b_ir"] + h @ layer["W_hr"] + layer["b_hr"])
        z = sigmoid(x @ layer["W_iz"] + layer["b_iz"] + h @ layer["W_hz"] + layer["b_hz"])
        n = tanh(x @ layer["W_in"] + layer["b_in"] + r * (h @ layer["W_hn"] + layer["b_hn"]))
        h = (1 - z) * n + z * h
        hs.append(h)
    return torch.stack(hs), h


def gru(layers, x, h_0):
    finals = []
    for k in range(len(layers)):
        x, h = gru_layer(x, h_0[k], layers[k])
        finals.append(h)
    return x, torch.stack(finals)


def first_weights_twice(layers, x, h_0):
    finals = []
    for k in range(len(layers)):
        x, h = gru_layer(x, h_0[k], layers[0] if k else layers[k])
        finals.append(h)
    return x, torch.stack(finals)


def first_state_twice(layers, x, h_0):
    finals = []
    for p in layers:
        x, h = gru_layer(x, h_0[0], p)
        finals.append(h)
    return x, torch.stack(finals)
