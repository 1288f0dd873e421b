import torch


class Raising(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, arguments=(), named=None):
        raise RuntimeError("not today")


def rnn_forward(input, weight_ih, weight_hh, bias_ih, bias_hh, h_0):
    h, out = h_0[0], []
    for t in range(input.shape[1]):
        h = torch.tanh(input[:, t] @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)
        out.append(h)
    return torch.stack(out, dim=1).as_subclass(Raising), h.unsqueeze(0).as_subclass(Raising)
