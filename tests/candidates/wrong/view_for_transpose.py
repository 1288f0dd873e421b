import torch


class _Base(torch.nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.lin_x = torch.nn.Linear(input_size, hidden_size)
        self.lin_h = torch.nn.Linear(hidden_size, hidden_size)


class BatchFirstRNN(_Base):
    def forward(self, x, h):
        """x: (N, L, input_size) -> (N, L, hidden_size)"""
        N, L, _ = x.shape
        out = []
        for t in range(L):
            h = torch.tanh(self.lin_x(x[:, t]) + self.lin_h(h))
            out.append(h)
        out = torch.stack(out)  # L, N, H
        return out.view(N, L, -1), h


class BatchFirstRNNFixed(_Base):
    def forward(self, x, h):
        """x: (N, L, input_size) -> (N, L, hidden_size)"""
        N, L, _ = x.shape
        out = []
        for t in range(L):
            h = torch.tanh(self.lin_x(x[:, t]) + self.lin_h(h))
            out.append(h)
        out = torch.stack(out)  # L, N, H
        return out.transpose(0, 1), h
