"""Core ML's lstm: activations are arguments, and rows of gates have its own order."""

import torch


def coreml_lstm(x, initial_h, initial_c, weight_ih, weight_hh, bias, direction="forward", output_sequence=True,
                recurrent_activation=torch.sigmoid, cell_activation=torch.tanh, activation=torch.tanh):
    """
    The lstm op of Core ML's MIL.

    x: [s, b, I], initial_h: [b, H], initial_c: [b, H]
    weight_ih: [4*H, I], weight_hh: [4*H, H], bias: [4*H], in the order input, forget, output, cell
    """
    H = weight_hh.shape[1]
    h, c = initial_h, initial_c
    outs = []
    steps = x if direction == "forward" else x.flip(0)
    for xt in steps:
        z = xt @ weight_ih.T + h @ weight_hh.T + bias
        i = recurrent_activation(z[:, 0:H])
        f = recurrent_activation(z[:, H:2 * H])
        o = recurrent_activation(z[:, 2 * H:3 * H])
        zc = cell_activation(z[:, 3 * H:])
        c = f * c + i * zc
        h = o * activation(c)
        outs.append(h)
    out = torch.stack(outs) if output_sequence else h
    return out, h, c
