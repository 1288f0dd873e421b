"""Imported by the server that candidates' processes are forked from: what the guard loads at its first operation.

Of meta tensors, which start no threads: a process that has computed on the CPU must not be forked.
"""

import gc

import torch

from rnncli.faults import device_guard as guard

__all__ = ["guard"]

torch.tanh(torch.empty(2, 2, device="meta") @ torch.empty(2, 2, device="meta"))
gc.freeze()
