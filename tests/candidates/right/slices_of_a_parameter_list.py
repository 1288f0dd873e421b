import torch
import torch.nn as nn
import torch.nn.functional as F


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers=1):
        super().__init__()
        self.weights = nn.ParameterList()
        for layer in range(num_layers):
            features = hidden_size if layer else input_size
            for shape in ((hidden_size, features), (hidden_size, hidden_size), (hidden_size,), (hidden_size,)):
                self.weights.append(nn.Parameter(torch.randn(*shape) * hidden_size**-0.5))

    def of_layer(self, layer):
        return self.weights[4 * layer : 4 * layer + 4]

    def forward(self, x, h0):
        last = []
        for layer, h in enumerate(h0):
            w_ih, w_hh, b_ih, b_hh = self.of_layer(layer)
            ys = []
            for projected in F.linear(x, w_ih, b_ih):
                h = torch.tanh(projected + F.linear(h, w_hh, b_hh))
                ys.append(h)
            x = torch.stack(ys)
            last.append(h)
        return x, torch.stack(last)


class Data(RNN):
    """Keeps .data of its parameters, to which no gradient passes."""

    def __init__(self, input_size, hidden_size, num_layers=1):
        super().__init__(input_size, hidden_size, num_layers)
        self.flat = [weight.data for weight in self.weights]

    def of_layer(self, layer):
        return self.flat[4 * layer : 4 * layer + 4]


class Turned(RNN):
    """Keeps .data of its recurrent weights, transposed."""

    def __init__(self, input_size, hidden_size, num_layers=1):
        super().__init__(input_size, hidden_size, num_layers)
        self.turned = [weight.data.T for weight in self.weights[1::4]]

    def of_layer(self, layer):
        w_ih, _, b_ih, b_hh = super().of_layer(layer)
        return w_ih, self.turned[layer].T, b_ih, b_hh
