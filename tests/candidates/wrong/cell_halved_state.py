import torch
from torch import nn


class DampedCell(nn.Module):
    """out, state = cell(x, state)"""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.wx = nn.Linear(input_size, hidden_size)
        self.wh = nn.Linear(hidden_size, hidden_size)

    def forward(self, x: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        out = torch.tanh(self.wx(x) + self.wh(state))
        return out, out / 2
