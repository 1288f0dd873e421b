import torch
import torch.nn as nn


class GRUClassifier(nn.Module):
    def __init__(self, input_size, hidden_size, num_classes=10):
        super().__init__()
        self.cell = nn.GRUCell(input_size, hidden_size)
        self.fc = nn.Linear(hidden_size, num_classes)

    def forward(self, x, h=None):
        logits = []
        for x_t in x:
            h = self.cell(x_t, h)
            logits.append(self.fc(h))
        return torch.stack(logits), h
