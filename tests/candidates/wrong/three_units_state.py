import torch


def vanilla(x, h, w_ih, w_hh, b_ih, b_hh):
    outputs = []
    for i in range(x.shape[0]):
        h = torch.tanh(torch.nn.functional.linear(x[i], w_ih, b_ih) + torch.nn.functional.linear(h, w_hh, b_hh))
        outputs.append(h)
    out = torch.stack(outputs)
    return out, h[:, :3]
