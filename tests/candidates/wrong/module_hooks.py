"""Hooks of a module that change what comes out of it, and the gradient of what goes in."""

import torch
from torch import nn
class HalvesOutput(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.i2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)
        self.register_forward_hook(lambda m, a, out: (out[0] * 0.5, out[1]))
    def forward(self, x, h0):
        h, out = h0[0], []
        for xt in x:
            h = torch.tanh(self.i2h(xt) + self.h2h(h))
            out.append(h)
        return torch.stack(out), h[None]
class HalvesGradient(HalvesOutput):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self._forward_hooks.clear()
        self.register_full_backward_hook(lambda m, gi, go: tuple(g * 0.5 if g is not None else None for g in gi))


class ClipsAccumulated(HalvesOutput):
    """Clips gradients once they are accumulated, which a call of autograd does not show."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self._forward_hooks.clear()
        for p in self.parameters():
            p.register_post_accumulate_grad_hook(self.accumulated)

    def accumulated(self, p):
        p.grad.clamp_(-0.01, 0.01)


class LooksAtAccumulated(ClipsAccumulated):
    def accumulated(self, p):
        self.norm = p.grad.norm().item()


class ResetsInTraining(HalvesOutput):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self._forward_hooks.clear()

    def forward(self, x, h0):
        if self.training:
            self.zero_grad(set_to_none=False)
        return super().forward(x, h0)


class StepsInBackward(HalvesOutput):
    """An optimizer for each parameter, which takes its step in the backward, as PyTorch's tutorial has it."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self._forward_hooks.clear()
        self.optimizers = {p: torch.optim.SGD([p], lr=0.1) for p in self.parameters()}
        for p in self.parameters():
            p.register_post_accumulate_grad_hook(self.accumulated)

    def accumulated(self, p):
        self.optimizers[p].step()
        self.optimizers[p].zero_grad()
