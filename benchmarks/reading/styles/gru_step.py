import torch
import torch.nn.functional as F


def gru_step(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh):
    """One step: x_t (N, H_in), h (N, H) -> h."""
    i_r, i_z, i_n = F.linear(x_t, weight_ih, bias_ih).chunk(3, 1)
    h_r, h_z, h_n = F.linear(h, weight_hh, bias_hh).chunk(3, 1)
    resetgate = torch.sigmoid(i_r + h_r)
    updategate = torch.sigmoid(i_z + h_z)
    newgate = torch.tanh(i_n + resetgate * h_n)
    return newgate + updategate * (h - newgate)
