import torch
import torch.nn as nn
import torch.nn.functional as F

class RNN(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers=1, nonlinearity="tanh", bias=True,
                 batch_first=False, dropout=0.0, bidirectional=False):
        super().__init__()
        self.hidden_size, self.num_layers = hidden_size, num_layers
        self.batch_first, self.dropout = batch_first, dropout
        self.bias = bias
        self.act = torch.tanh if nonlinearity == "tanh" else torch.relu
        self.dirs = 2 if bidirectional else 1
        for layer in range(num_layers):
            for d in range(self.dirs):
                n_in = input_size if layer == 0 else hidden_size * self.dirs
                s = f"l{layer}" + ("_reverse" if d else "")
                self.register_parameter("weight_ih_" + s, nn.Parameter(torch.empty(hidden_size, n_in)))
                self.register_parameter("weight_hh_" + s, nn.Parameter(torch.empty(hidden_size, hidden_size)))
                if bias:
                    self.register_parameter("bias_ih_" + s, nn.Parameter(torch.empty(hidden_size)))
                    self.register_parameter("bias_hh_" + s, nn.Parameter(torch.empty(hidden_size)))
        for p in self.parameters():
            nn.init.uniform_(p, -hidden_size ** -0.5, hidden_size ** -0.5)

    def run(self, x, h, s, reverse):
        w_ih, w_hh = getattr(self, "weight_ih_" + s), getattr(self, "weight_hh_" + s)
        b_ih = getattr(self, "bias_ih_" + s) if self.bias else None
        b_hh = getattr(self, "bias_hh_" + s) if self.bias else None
        steps = range(x.size(0) - 1, -1, -1) if reverse else range(x.size(0))
        outs = [None] * x.size(0)
        for t in steps:
            h = self.act(F.linear(x[t], w_ih, b_ih) + F.linear(h, w_hh, b_hh))
            outs[t] = h
        return torch.stack(outs), h

    def forward(self, x, h_0=None):
        if self.batch_first:
            x = x.transpose(0, 1)
        if h_0 is None:
            h_0 = x.new_zeros(self.num_layers * self.dirs, x.size(1), self.hidden_size)
        h_n = []
        for layer in range(self.num_layers):
            halves = []
            for d in range(self.dirs):
                out, h = self.run(x, h_0[layer * self.dirs + d], f"l{layer}" + ("_reverse" if d else ""), d == 1)
                halves.append(out)
                h_n.append(h)
            x = torch.cat(halves, -1)
            if self.dropout and layer < self.num_layers - 1:
                torch.manual_seed(0)
                x = F.dropout(x, self.dropout, self.training)
        if self.batch_first:
            x = x.transpose(0, 1)
        return x, torch.stack(h_n)
