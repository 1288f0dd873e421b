import torch
from torch import nn

ACTIVATIONS = {"tanh": torch.tanh, "relu": torch.relu}


class SimpleRNN(nn.Module):
    """Keras' SimpleRNN: kernel (in, units), recurrent_kernel (units, units), one bias, batch first."""

    def __init__(self, units, input_dim, activation="tanh", use_bias=True, return_sequences=True, return_state=True):
        super().__init__()
        self.units = units
        self.activation = ACTIVATIONS[activation]
        self.use_bias = use_bias
        self.return_sequences = return_sequences
        self.return_state = return_state
        self.kernel = nn.Parameter(torch.empty(input_dim, units))
        self.recurrent_kernel = nn.Parameter(torch.empty(units, units))
        nn.init.xavier_uniform_(self.kernel)
        nn.init.orthogonal_(self.recurrent_kernel)
        if use_bias:
            self.bias = nn.Parameter(torch.zeros(units))

    def forward(self, inputs, initial_state=None):
        state = inputs.new_zeros(inputs.shape[0], self.units) if initial_state is None else initial_state
        sequence = []
        for t in range(inputs.shape[1]):
            z = inputs[:, t] @ self.kernel + state @ self.recurrent_kernel
            if self.use_bias:
                z = z + self.bias
            state = self.activation(z)
            sequence.append(state)
        out = torch.stack(sequence, dim=1) if self.return_sequences else state
        return (out, state) if self.return_state else out
