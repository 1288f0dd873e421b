from typing import List, Tuple

import torch
from torch import Tensor


@torch.jit.script
def rnn_loop(x: Tensor, h: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor, b_hh: Tensor) -> Tuple[Tensor, Tensor]:
    outputs: List[Tensor] = []
    for t in range(x.size(0)):
        h = torch.tanh(torch.mm(x[t], w_ih.t()) + b_ih + torch.mm(h, w_hh.t()) + b_hh)
        outputs.append(h)
    return torch.stack(outputs), h
