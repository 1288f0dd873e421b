from torch import nn


class Encoder(nn.Module):
    """Right in eval mode alone."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.rnn = nn.RNN(input_size, hidden_size)
        self.drop = nn.Dropout(0.5)

    def forward(self, x, h0=None):
        output, h = self.rnn(x, h0)
        return self.drop(output), h
