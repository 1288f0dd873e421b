import torch
from torch import nn


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers=1, bias=True, batch_first=False, dropout=0.0):
        super().__init__()
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.batch_first = batch_first
        self.drop = nn.Dropout(dropout)
        k = hidden_size ** -0.5
        for layer in range(num_layers):
            n_in = input_size if layer == 0 else hidden_size
            self.register_parameter(f"weight_ih_l{layer}", nn.Parameter(torch.empty(hidden_size, n_in)))
            self.register_parameter(f"weight_hh_l{layer}", nn.Parameter(torch.empty(hidden_size, hidden_size)))
            self.register_parameter(f"bias_ih_l{layer}", nn.Parameter(torch.empty(hidden_size)) if bias else None)
            self.register_parameter(f"bias_hh_l{layer}", nn.Parameter(torch.empty(hidden_size)) if bias else None)
        for p in self.parameters():
            nn.init.uniform_(p, -k, k)

    def forward(self, input, hx=None):
        x = input.transpose(0, 1) if self.batch_first else input
        if hx is None:
            hx = x.new_zeros(self.num_layers, x.size(1), self.hidden_size)
        h_n = []
        for layer in range(self.num_layers):
            w_ih, w_hh, b_ih, b_hh = (
                getattr(self, f"{name}_l{layer}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            )
            h, outputs = hx[layer], []
            for x_t in x:
                h = torch.tanh(nn.functional.linear(x_t, w_ih, b_ih) + nn.functional.linear(h, w_hh, b_hh))
                outputs.append(h)
            h_n.append(h)
            x = self.drop(torch.stack(outputs))
        return (x.transpose(0, 1) if self.batch_first else x), torch.stack(h_n)
