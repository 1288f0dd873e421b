import torch


def make_rnn(input_size, hidden_size, activation=torch.tanh):
    """Return an RNN as a module whose parameters have nn.RNN's names and whose forward is the textbook's loop."""

    class TextbookRNN(torch.nn.Module):
        def __init__(self):
            super().__init__()
            k = hidden_size**-0.5
            self.weight_ih_l0 = torch.nn.Parameter(torch.empty(hidden_size, input_size).uniform_(-k, k))
            self.weight_hh_l0 = torch.nn.Parameter(torch.empty(hidden_size, hidden_size).uniform_(-k, k))
            self.bias_ih_l0 = torch.nn.Parameter(torch.empty(hidden_size).uniform_(-k, k))
            self.bias_hh_l0 = torch.nn.Parameter(torch.empty(hidden_size).uniform_(-k, k))

        def forward(self, x, h):
            """x (L, N, H_in), h (1, N, H_out)"""
            h, ys = h.squeeze(0), []
            for x_t in x:
                z = self.weight_ih_l0 @ x_t.T + self.bias_ih_l0[:, None] + self.weight_hh_l0 @ h.T + self.bias_hh_l0[:, None]
                h = activation(z.T)
                ys.append(h)
            return torch.stack(ys), h[None]

    return TextbookRNN()
