"""Inference and training of a checkpoint of nn.RNN without nn.RNN, for a runtime that has matmul and tanh alone."""

from typing import Dict, List, Optional, Tuple

import torch
from torch import Tensor


def _run_direction(x: Tensor, h: Tensor, params: Dict[str, Tensor], suffix: str, reverse: bool) -> Tuple[Tensor, Tensor]:
    w_ih = params["weight_ih_" + suffix]
    w_hh = params["weight_hh_" + suffix]
    b_ih = params["bias_ih_" + suffix]
    b_hh = params["bias_hh_" + suffix]
    projected = x @ w_ih.t() + b_ih
    steps = range(x.size(0) - 1, -1, -1) if reverse else range(x.size(0))
    states: List[Tensor] = []
    for t in steps:
        h = torch.tanh(projected[t] + h @ w_hh.t() + b_hh)
        states.append(h)
    if reverse:
        states.reverse()
    return torch.stack(states, dim=0), h


def run_rnn(
    params: Dict[str, Tensor],
    x: Tensor,
    h_0: Optional[Tensor] = None,
    num_layers: int = 1,
    bidirectional: bool = False,
) -> Tuple[Tensor, Tensor]:
    """Args: params: the state_dict of an nn.RNN; x: (L, N, H_in); h_0: (D * num_layers, N, H_out), zeros if None.

    Returns: output (L, N, D * H_out) and h_n (D * num_layers, N, H_out), as nn.RNN does.
    """
    directions = 2 if bidirectional else 1
    if h_0 is None:
        hidden_size = params["weight_hh_l0"].size(1)
        h_0 = x.new_zeros(directions * num_layers, x.size(1), hidden_size)
    finals = []
    for layer in range(num_layers):
        outputs = []
        for direction in range(directions):
            suffix = f"l{layer}" + ("_reverse" if direction == 1 else "")
            out, h = _run_direction(x, h_0[layer * directions + direction], params, suffix, direction == 1)
            outputs.append(out)
            finals.append(h)
        x = torch.cat(outputs, dim=-1)
    return x, torch.stack(finals)
