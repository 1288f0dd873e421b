import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


def gru(packed, h, W_ih, W_hh, b_ih, b_hh):
    x, lengths = pad_packed_sequence(packed)
    ys = []
    for t in range(x.shape[0]):
        ir, iz, ic = (x[t] @ W_ih.T + b_ih).chunk(3, -1)
        hr, hz, hc = (h @ W_hh.T + b_hh).chunk(3, -1)
        r, z = torch.sigmoid(ir + hr), torch.sigmoid(iz + hz)
        new = (1 - z) * torch.tanh(ic + r * hc) + z * h
        h = torch.where((t < lengths)[:, None].to(x.device), new, h)
        ys.append(h)
    return pack_padded_sequence(torch.stack(ys), lengths, enforce_sorted=False), h
