from torch import nn


class BasicRNNCell(nn.Module):
    """Like tf.nn.rnn_cell.BasicRNNCell: output and new state are the same, so it can be swapped with the LSTM cell."""

    def __init__(self, input_size, num_units, activation=nn.Tanh):
        super().__init__()
        self.input_size = input_size
        self.num_units = num_units
        self.kernel = nn.Linear(input_size, num_units, bias=False)
        self.recurrent_kernel = nn.Linear(num_units, num_units)
        self.activation = activation()

    @property
    def state_size(self):
        return self.num_units

    def forward(self, inputs, state):
        output = self.activation(self.kernel(inputs) + self.recurrent_kernel(state))
        return output, output
