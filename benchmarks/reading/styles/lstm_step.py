import torch
import torch.nn.functional as F


def lstm_step(x_t, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    """One step: x_t (N, H_in), h and c (N, H) -> h, c."""
    gates = F.linear(x_t, weight_ih, bias_ih) + F.linear(h, weight_hh, bias_hh)
    ingate, forgetgate, cellgate, outgate = gates.chunk(4, 1)
    ingate = torch.sigmoid(ingate)
    forgetgate = torch.sigmoid(forgetgate)
    cellgate = torch.tanh(cellgate)
    outgate = torch.sigmoid(outgate)
    c_next = (forgetgate * c) + (ingate * cellgate)
    h_next = outgate * torch.tanh(c_next)
    return h_next, c_next
