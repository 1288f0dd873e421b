"""Keys that end in a suffix of a list, "" or "_reverse"."""

import torch


def gru_cell(x, h, w_ih, w_hh, b_ih, b_hh):
    gi = x @ w_ih.t() + b_ih
    gh = h @ w_hh.t() + b_hh
    i_r, i_z, i_n = gi.chunk(3, 1)
    h_r, h_z, h_n = gh.chunk(3, 1)
    r = torch.sigmoid(i_r + h_r)
    z = torch.sigmoid(i_z + h_z)
    n = torch.tanh(i_n + r * h_n)
    return n + z * (h - n)


def gru_forward(x, h0, params, num_layers=1, bidirectional=False):
    """x: (T, B, I), h0: (num_layers * num_directions, B, H), params: dict as nn.GRU(...).state_dict()"""
    directions = ['', '_reverse'] if bidirectional else ['']
    final = []
    for layer in range(num_layers):
        outputs = []
        for i, suffix in enumerate(directions):
            w_ih = params[f'weight_ih_l{layer}{suffix}']
            w_hh = params[f'weight_hh_l{layer}{suffix}']
            b_ih = params[f'bias_ih_l{layer}{suffix}']
            b_hh = params[f'bias_hh_l{layer}{suffix}']
            h = h0[layer * len(directions) + i]
            seq = list(x) if suffix == '' else list(x)[::-1]
            hs = []
            for x_t in seq:
                h = gru_cell(x_t, h, w_ih, w_hh, b_ih, b_hh)
                hs.append(h)
            final.append(h)
            if suffix:
                hs = hs[::-1]
            outputs.append(torch.stack(hs))
        x = torch.cat(outputs, dim=-1)
    return x, torch.stack(final)
