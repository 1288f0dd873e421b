import torch


def keras_gru(x, kernel, recurrent_kernel, bias, h0):
    """Keras GRU with reset_after=True.

    kernel            (I, 3H)   z, r, h
    recurrent_kernel  (H, 3H)   z, r, h
    bias              (2, 3H)   input bias, recurrent bias
    """
    h = h0
    ys = []
    input_bias, recurrent_bias = bias.unbind(0)
    for t in range(x.shape[1]):
        x_z, x_r, x_h = torch.chunk(x[:, t] @ kernel + input_bias, 3, dim=-1)
        r_z, r_r, r_h = torch.chunk(h @ recurrent_kernel + recurrent_bias, 3, dim=-1)
        z = torch.sigmoid(x_z + r_z)
        r = torch.sigmoid(x_r + r_r)
        hh = torch.tanh(x_h + r * r_h)
        h = z * h + (1 - z) * hh
        ys.append(h)
    return torch.stack(ys, dim=1), h
