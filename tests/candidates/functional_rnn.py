import torch
from torch import Tensor


def rnn(x: Tensor, h0: Tensor, W_ih: Tensor, W_hh: Tensor, b_ih: Tensor, b_hh: Tensor) -> tuple[Tensor, Tensor]:
    """
    Args:
        x:  input sequence, (seq_len, batch, input_size)
        h0: initial hidden state, (1, batch, hidden_size)
    """
    seq_len, batch, _ = x.shape
    hidden_size = W_hh.shape[0]
    h = torch.zeros(batch, hidden_size, dtype=x.dtype, device=x.device)
    out = torch.empty(seq_len, batch, hidden_size, dtype=x.dtype, device=x.device)
    for t in range(seq_len):
        h = torch.tanh(x[t] @ W_ih.T + b_ih + h @ W_hh.T + b_hh)
        out[t] = h
    return out, h.unsqueeze(0)
