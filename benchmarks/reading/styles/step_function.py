import torch.nn.functional as F


def rnn_step(x_t, h_prev, weight_ih, weight_hh, bias_ih, bias_hh):
    """One step: x_t (N, H_in), h_prev (N, H_out) -> h_t (N, H_out)."""
    gate_x = F.linear(x_t, weight_ih, bias_ih)
    gate_h = F.linear(h_prev, weight_hh, bias_hh)
    h_t = (gate_x + gate_h).tanh()
    return h_t
