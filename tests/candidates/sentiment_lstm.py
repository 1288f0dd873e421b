import torch.nn as nn


class SentimentLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.lstm = nn.LSTM(input_size, hidden_size, batch_first=True)

    def forward(self, x, hidden=None):
        out, hidden = self.lstm(x, hidden)
        return out, hidden


lstm = nn.LSTM(20, 40)
gru = nn.GRU(20, 40)
