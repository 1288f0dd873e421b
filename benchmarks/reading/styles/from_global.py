# Does my RNN do what nn.RNN does? The weights are read from a real one.
import torch
import torch.nn as nn

rnn = nn.RNN(5, 7)


def my_forward(x, h0):
    """x (time, batch, 5), h0 (1, batch, 7)"""
    w_ih = rnn.weight_ih_l0
    w_hh = rnn.weight_hh_l0
    bias = rnn.bias_ih_l0 + rnn.bias_hh_l0
    h_t_minus_1 = h0[0]
    output = []
    for t in range(len(x)):
        h_t = torch.tanh(x[t] @ w_ih.T + h_t_minus_1 @ w_hh.T + bias)
        output.append(h_t)
        h_t_minus_1 = h_t
    output = torch.stack(output)
    return output, h_t_minus_1.unsqueeze(0)


if __name__ == "__main__":
    x, h0 = torch.randn(6, 3, 5), torch.randn(1, 3, 7)
    print(torch.allclose(my_forward(x, h0)[0], rnn(x, h0)[0], atol=1e-6))
