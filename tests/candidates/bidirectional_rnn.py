import torch


def rnn_forward(input, weight_ih, weight_hh, bias_ih, bias_hh, h_prev):
    bs, T, _ = input.shape
    h_out = input.new_zeros(bs, T, weight_ih.shape[0])
    for t in range(T):
        h_prev = torch.tanh(input[:, t] @ weight_ih.T + bias_ih + h_prev @ weight_hh.T + bias_hh)
        h_out[:, t] = h_prev
    return h_out, h_prev.unsqueeze(0)


def bidirectional_rnn_forward(
    input,
    weight_ih, weight_hh, bias_ih, bias_hh, h_prev,
    weight_ih_reverse, weight_hh_reverse, bias_ih_reverse, bias_hh_reverse, h_prev_reverse,
):
    bs, T, _ = input.shape
    h_dim = weight_ih.shape[0]
    h_out = input.new_zeros(bs, T, 2 * h_dim)  # twice as wide

    forward_output, _ = rnn_forward(input, weight_ih, weight_hh, bias_ih, bias_hh, h_prev)
    backward_output, _ = rnn_forward(
        torch.flip(input, [1]), weight_ih_reverse, weight_hh_reverse, bias_ih_reverse, bias_hh_reverse, h_prev_reverse
    )

    h_out[:, :, :h_dim] = forward_output
    h_out[:, :, h_dim:] = torch.flip(backward_output, [1])

    h_n = torch.stack([forward_output[:, -1], backward_output[:, -1]], dim=0)
    return h_out, h_n


if __name__ == "__main__":
    rnn = torch.nn.RNN(4, 3, batch_first=True, bidirectional=True)
    x, h0 = torch.randn(2, 6, 4), torch.zeros(2, 2, 3)
    out, h_n = rnn(x, h0)
    p = list(rnn.parameters())
    mine, mine_n = bidirectional_rnn_forward(x, *p[:4], h0[0], *p[4:], h0[1])
    print(torch.allclose(out, mine), torch.allclose(h_n, mine_n))
