"""Parameters named as Core ML's, with those of the input gate and the output gate exchanged."""

import torch
from torch import nn
from torch.nn import functional as F


class CoreMLLSTM(nn.Module):
    """Unidirectional LSTM layer with Core ML's weight names."""

    def __init__(self, inputVectorSize, outputVectorSize, hasBiasVectors=True):
        super().__init__()
        self.outputVectorSize = outputVectorSize
        for gate in ("inputGate", "forgetGate", "blockInput", "outputGate"):
            setattr(self, gate + "WeightMatrix", nn.Parameter(torch.randn(outputVectorSize, inputVectorSize) * .1))
            setattr(self, gate + "RecursionMatrix", nn.Parameter(torch.randn(outputVectorSize, outputVectorSize) * .1))
            setattr(self, gate + "BiasVector", nn.Parameter(torch.zeros(outputVectorSize)))

    def _gate(self, name, x, h):
        return (F.linear(x, getattr(self, name + "WeightMatrix"))
                + F.linear(h, getattr(self, name + "RecursionMatrix"))
                + getattr(self, name + "BiasVector"))

    def forward(self, x, h, c):
        outputs = []
        for x_t in torch.unbind(x, 0):
            i = torch.sigmoid(self._gate("outputGate", x_t, h))
            f = torch.sigmoid(self._gate("forgetGate", x_t, h))
            z = torch.tanh(self._gate("blockInput", x_t, h))
            o = torch.sigmoid(self._gate("inputGate", x_t, h))
            c = z * i + c * f
            h = torch.tanh(c) * o
            outputs.append(h)
        return torch.stack(outputs), h, c
