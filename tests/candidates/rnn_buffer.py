import torch


def rnn_forward(input, weight_ih, weight_hh, bias_ih, bias_hh, h_prev):
    """
    input:  [bs, T, input_size]
    h_prev: [bs, h_dim]
    """
    bs, T, _ = input.shape
    h_dim = weight_ih.shape[0]
    h_out = torch.zeros(bs, T, h_dim, device=input.device)

    for t in range(T):
        w_times_x = input[:, t] @ weight_ih.transpose(0, 1)
        w_times_h = h_prev @ weight_hh.transpose(0, 1)
        h_prev = torch.tanh(w_times_x + bias_ih + w_times_h + bias_hh)
        h_out[:, t] = h_prev

    return h_out, h_prev.unsqueeze(0)
