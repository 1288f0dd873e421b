import torch
from torch import nn

# hyperparameters
INPUT_SIZE = 20
HIDDEN_SIZE = 40
NUM_LAYERS = 2


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.rnn = nn.ModuleList(
            [nn.RNNCell(INPUT_SIZE if i == 0 else HIDDEN_SIZE, HIDDEN_SIZE) for i in range(NUM_LAYERS)]
        )

    def forward(self, x, h):
        # x (time, batch, INPUT_SIZE), h (NUM_LAYERS, batch, HIDDEN_SIZE)
        h = list(h.unbind(0))
        outs = []
        for x_t in x:
            for i in range(NUM_LAYERS):
                x_t = h[i] = self.rnn[i](x_t, h[0])
            outs.append(x_t)
        return torch.stack(outs), torch.stack(h)
