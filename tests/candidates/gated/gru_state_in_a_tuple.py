import torch
from torch import nn


class StackedGRU(nn.Module):
    """A step of several layers, whose state is (h,)."""

    def __init__(self, num_layers, input_size, hidden_size):
        super().__init__()
        sizes = [input_size, *[hidden_size] * (num_layers - 1)]
        self.layers = nn.ModuleList([nn.GRUCell(size, hidden_size) for size in sizes])

    def forward(self, input_feed, hidden):
        ends = []
        for i, layer in enumerate(self.layers):
            input_feed = layer(input_feed, hidden[0][i])
            ends.append(input_feed)
        return input_feed, (torch.stack(ends),)


class LastEndInAll(StackedGRU):
    def forward(self, input_feed, hidden):
        input_feed, (ends,) = super().forward(input_feed, (hidden[0][0:],))
        return input_feed, (ends[-1:].expand_as(ends),)


class FirstLayersState(StackedGRU):
    def forward(self, input_feed, hidden):
        ends = []
        for layer in self.layers:
            input_feed = layer(input_feed, hidden[0][0])
            ends.append(input_feed)
        return input_feed, (torch.stack(ends),)


class Layers(StackedGRU):
    """A whole sequence, with the same state."""

    def forward(self, x, hidden):
        ends = []
        for i, layer in enumerate(self.layers):
            h, outputs = hidden[0][i], []
            for x_t in x:
                h = layer(x_t, h)
                outputs.append(h)
            x = torch.stack(outputs)
            ends.append(h)
        return x, (torch.stack(ends),)
