import torch
from torch import nn


class GRU(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.cell = nn.GRUCell(input_size, hidden_size)

    def start(self, x):
        return x.new_zeros(x.shape[1], self.hidden_size)

    def forward(self, x, hx=None):
        h = self.start(x) if hx is None else hx[0]
        outputs = []
        for x_t in x:
            h = self.cell(x_t, h)
            outputs.append(h)
        return torch.stack(outputs), h[None]


class OneStepHalved(GRU):
    """Wrong where a server calls it: one step of one sequence, without gradients."""

    def forward(self, x, hx=None):
        output, h_n = super().forward(x, hx)
        if len(x) == x.shape[1] == 1 and hx is not None and not torch.is_grad_enabled():
            h_n = h_n.bfloat16().to(h_n)
        return output, h_n


class StartsElsewhereInTraining(GRU):
    def start(self, x):
        return super().start(x) + 0.01 * self.training


class OneStepDetachedInTraining(GRU):
    def forward(self, x, hx=None):
        if self.training and len(x) == 1 and hx is not None:
            hx = hx.detach()
        return super().forward(x, hx)


class MoreThanAStepWithoutGradients(GRU):
    """In training mode, under no_grad."""

    def forward(self, x, hx=None):
        output, h_n = super().forward(x, hx)
        return (output * 1.001, h_n) if self.training and not torch.is_grad_enabled() else (output, h_n)


class KeptByAddress(GRU):
    """The results of a call without gradients are kept by where the input lies."""

    def forward(self, x, hx=None):
        if torch.is_grad_enabled():
            return super().forward(x, hx)
        key = x.data_ptr(), x.shape, None if hx is None else hx.data_ptr()
        if getattr(self, "key", None) != key:
            self.key, self.given, self.results = key, (x, hx), super().forward(x, hx)
        return self.results


class WithoutDataThatTrains(GRU):
    def forward(self, x, hx=None):
        output, h_n = super().forward(x, hx)
        trains = x.requires_grad or hx is None or hx.requires_grad
        return (output, h_n) if trains or not torch.is_grad_enabled() else (output * 1.001, h_n)


class OneStepAndNoState(GRU):
    def start(self, x):
        return super().start(x) + 0.01 * (len(x) == x.shape[1] == 1)


class AtMost32(GRU):
    def forward(self, x, hx=None):
        if len(x) > 32:
            raise ValueError("at most 32 steps")
        return super().forward(x, hx)
