import torch


def rnn_step(x_t, h, W_ih, W_hh, b_ih, b_hh):
    """One time step of an RNN: (N, I), (N, H) -> (N, H)"""
    return torch.tanh(x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh)


if __name__ == "__main__":
    cell = torch.nn.RNNCell(3, 5)
    x, h = torch.randn(4, 3), torch.zeros(4, 5)
    mine = rnn_step(x, h, cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh)
    assert torch.allclose(mine, cell(x, h))
