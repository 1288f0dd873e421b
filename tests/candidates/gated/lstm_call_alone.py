import torch
from torch import nn

class FlaxLSTM(nn.Module):
    """carry = (c, h)"""
    def __init__(self, in_features, features):
        super().__init__()
        for g in "ifgo":
            setattr(self, "i" + g, nn.Linear(in_features, features, bias=False))
            setattr(self, "h" + g, nn.Linear(features, features))

    def __call__(self, carry, x):
        c, h = carry
        i = torch.sigmoid(self.ii(x) + self.hi(h))
        f = torch.sigmoid(getattr(self, "if")(x) + self.hf(h))
        g = torch.tanh(self.ig(x) + self.hg(h))
        o = torch.sigmoid(self.io(x) + self.ho(h))
        new_c = f * c + i * g
        new_h = o * torch.tanh(new_c)
        return (new_c, new_h), new_h
