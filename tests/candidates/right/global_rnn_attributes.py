import torch
from torch import nn

torch.manual_seed(0)
rnn = nn.RNN(20, 40, batch_first=True)


def manual_forward(x, h0):
    """x (N, L, 20), h0 (1, N, 40), with the weights of rnn above"""
    h = h0[0]
    outs = []
    for t in range(x.shape[1]):
        h = torch.tanh(
            x[:, t] @ rnn.weight_ih_l0.T + rnn.bias_ih_l0 + h @ rnn.weight_hh_l0.T + rnn.bias_hh_l0
        )
        outs.append(h)
    return torch.stack(outs, 1), h.unsqueeze(0)


if __name__ == "__main__":
    x, h0 = torch.randn(3, 7, 20), torch.randn(1, 3, 40)
    print(torch.allclose(rnn(x, h0)[0], manual_forward(x, h0)[0], atol=1e-6))
