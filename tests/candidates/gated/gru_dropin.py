import torch
from torch import nn


class MyGRU(nn.GRU):
    def forward(self, input, hx=None):
        x = input.transpose(0, 1) if self.batch_first else input
        directions = 2 if self.bidirectional else 1
        if hx is None:
            hx = x.new_zeros(self.num_layers * directions, x.shape[1], self.hidden_size)
        final = []
        for layer in range(self.num_layers):
            halves = []
            for d in range(directions):
                w_ih, w_hh, *biases = self.all_weights[layer * directions + d]
                b_ih, b_hh = biases or (0.0, 0.0)
                h, out = hx[layer * directions + d], []
                for x_t in x.flip(0) if d else x:
                    i_r, i_z, i_n = (x_t @ w_ih.T + b_ih).chunk(3, -1)
                    h_r, h_z, h_n = (h @ w_hh.T + b_hh).chunk(3, -1)
                    z = torch.sigmoid(i_z + h_z)
                    h = (1 - z) * torch.tanh(i_n + torch.sigmoid(i_r + h_r) * h_n) + z * h
                    out.append(h)
                half = torch.stack(out)
                halves.append(half.flip(0) if d else half)
                final.append(h)
            x = torch.cat(halves, -1)
        return x.transpose(0, 1) if self.batch_first else x, torch.stack(final)
