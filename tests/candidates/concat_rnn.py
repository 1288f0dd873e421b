# Adapted from the "NLP From Scratch" tutorials: i2h works on input and hidden together
import torch
import torch.nn as nn


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super(RNN, self).__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size + hidden_size, hidden_size)
        self.tanh = nn.Tanh()

    def forward(self, line_tensor, hidden):
        """line_tensor: <line_length x batch x n_letters>"""
        outputs = torch.empty(*line_tensor.shape[:2], self.hidden_size).to(line_tensor)
        for i in range(line_tensor.size()[0]):
            combined = torch.cat((line_tensor[i], hidden), 1)
            hidden = self.tanh(self.i2h(combined))
            outputs[i] = hidden
        return outputs, hidden

    def initHidden(self, batch=1):
        return torch.zeros(batch, self.hidden_size)
