import torch


def rnn_forward(x, h, W_ih, W_hh, b_ih, b_hh):
    """x: batch x time x in"""
    outs = []
    for t in range(x.shape[1]):
        h = torch.tanh(x[:, t] @ W_ih.T + b_ih + h @ W_hh.T)
        outs.append(h)
    return torch.stack(outs, 1), h


if True:
    import my_plotting_helpers as plots

    plots.show(rnn_forward(torch.randn(2, 3, 4), torch.zeros(2, 5), torch.randn(5, 4), torch.randn(5, 5), 0, 0)[0])
