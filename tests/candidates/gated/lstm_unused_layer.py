import torch
import torch.nn as nn


class LSTM(nn.Module):
    """LSTM after http://colah.github.io/posts/2015-08-Understanding-LSTMs/"""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.forget_gate = nn.Linear(input_size + hidden_size, hidden_size)
        self.input_gate = nn.Linear(input_size + hidden_size, hidden_size)
        self.candidate = nn.Linear(input_size + hidden_size, hidden_size)
        self.unused = nn.Linear(hidden_size, hidden_size)
        self.output_gate = nn.Linear(input_size + hidden_size, hidden_size)

    def forward(self, inputs, state=None):
        seq_len, batch, _ = inputs.shape
        if state is None:
            h = torch.zeros(batch, self.hidden_size, dtype=inputs.dtype, device=inputs.device)
            c = torch.zeros(batch, self.hidden_size, dtype=inputs.dtype, device=inputs.device)
        else:
            h, c = state
        outputs = []
        for t in range(seq_len):
            combined = torch.cat((inputs[t], h), dim=1)
            f = torch.sigmoid(self.forget_gate(combined))
            i = torch.sigmoid(self.input_gate(combined))
            c_tilde = torch.tanh(self.candidate(combined))
            c = f * c + i * c_tilde
            o = torch.sigmoid(self.output_gate(combined))
            h = o * torch.tanh(c)
            outputs.append(h)
        return torch.stack(outputs), (h, c)
