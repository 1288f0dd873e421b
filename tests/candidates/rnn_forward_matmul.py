import torch


def rnn_forward(input, weight_ih, weight_hh, bias_ih, bias_hh, h_0):
    """Manual forward pass of a single layer RNN with batch_first=True."""
    batch_size, seq_len, _ = input.shape
    h_t = h_0.squeeze(0)
    output = []
    for t in range(seq_len):
        x_t = input[:, t, :]
        h_t = torch.tanh(torch.matmul(x_t, weight_ih.T) + bias_ih + torch.matmul(h_t, weight_hh.T))
        output.append(h_t)
    return torch.stack(output, dim=1), h_t.unsqueeze(0)
