"""init/apply pairs, as in JAX, but over torch tensors."""
import torch


def ElmanRNN(input_size, hidden_size):
    def init(generator=None):
        k = hidden_size**-0.5
        shapes = {"w": (input_size, hidden_size), "u": (hidden_size, hidden_size), "b": (hidden_size,)}
        return {n: (torch.rand(s, generator=generator) * 2 - 1) * k for n, s in shapes.items()}

    def apply(params, x, h):
        ys = []
        for x_t in x:
            h = torch.tanh(x_t @ params["w"] + h @ params["u"] + params["b"])
            ys.append(h)
        return torch.stack(ys), h

    return init, apply


def apply_fn(params, x, h):
    """x (time, batch, in), h (batch, hidden), params {"w": (in, hidden), "u": (hidden, hidden), "b": (hidden,)}"""
    return ElmanRNN(x.shape[-1], h.shape[-1])[1](params, x, h)
