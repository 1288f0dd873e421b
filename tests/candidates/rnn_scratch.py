import torch
import torch.nn as nn


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers=1, nonlinearity='tanh', bias=True, batch_first=False):
        super(RNN, self).__init__()
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.nonlinearity = nonlinearity
        self.bias = bias
        self.batch_first = batch_first

        for layer in range(num_layers):
            layer_input_size = input_size if layer == 0 else hidden_size
            self.register_parameter('weight_ih_l%d' % layer, nn.Parameter(torch.Tensor(hidden_size, layer_input_size)))
            self.register_parameter('weight_hh_l%d' % layer, nn.Parameter(torch.Tensor(hidden_size, hidden_size)))
            if bias:
                self.register_parameter('bias_ih_l%d' % layer, nn.Parameter(torch.Tensor(hidden_size)))
                self.register_parameter('bias_hh_l%d' % layer, nn.Parameter(torch.Tensor(hidden_size)))
        self.reset_parameters()

    def reset_parameters(self):
        stdv = self.hidden_size ** -0.5
        for weight in self.parameters():
            weight.data.uniform_(-stdv, stdv)

    def cell(self, x, h, layer):
        z = x @ getattr(self, 'weight_ih_l%d' % layer).t() + h @ getattr(self, 'weight_hh_l%d' % layer).t()
        if self.bias:
            z = z + getattr(self, 'bias_ih_l%d' % layer) + getattr(self, 'bias_hh_l%d' % layer)
        return torch.tanh(z) if self.nonlinearity == 'tanh' else torch.relu(z)

    def forward(self, input, hx=None):
        time_dim = 1 if self.batch_first else 0
        batch = input.size(1 - time_dim)
        if hx is None:
            hx = torch.zeros(self.num_layers, batch, self.hidden_size, dtype=input.dtype, device=input.device)
        h = list(hx.unbind(0))
        outputs = []
        for x in input.unbind(time_dim):
            for layer in range(self.num_layers):
                h[layer] = x = self.cell(x, h[layer], layer)
            outputs.append(x)
        return torch.stack(outputs, time_dim), torch.stack(h)
