"""Plain data that crosses from a candidate's process into ours: text, numbers and bytes of tensors, never its objects.

Unpickling what a candidate sends would run code of its choice here, outside every limit of time and memory.
"""

import ctypes
import json
import math
import struct
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from torch import Tensor

from rnncli.core.errors import CandidateError

_HEAD = struct.Struct("!Q")  # length of the text, which the bytes of the tensors follow
_TENSOR = "tensor"  # the one key of what stands for a tensor in the text
_ALIGNED = 64  # bytes
_SPARSE = ("sparse_coo", "sparse_csr", "sparse_csc")


def dumps(value: Any) -> bytes:
    """Return dataclasses, containers, texts, numbers and tensors as bytes. A subclass of Tensor is sent as a Tensor.

    Raises CandidateError for a tensor whose values cannot be sent, as a quantized one.
    """
    data: list[bytes | memoryview] = []
    text = json.dumps(_plain(value, data), ensure_ascii=False).encode("utf-8", "replace")
    text += b" " * (-(len(text) + _HEAD.size) % _ALIGNED)
    return b"".join([_HEAD.pack(len(text)), text, *data])


def loads(data: bytearray) -> Any:
    """Return what `dumps` was given, a dataclass as a dict and a tuple as a list. Tensors share the memory of `data`.

    Raises an exception of any kind where somebody else has written it.
    """
    (length,) = _HEAD.unpack_from(data)
    return _restored(json.loads(data[_HEAD.size : _HEAD.size + length]), data, _HEAD.size + length)


def _plain(value: Any, data: list[bytes | memoryview]) -> Any:
    if isinstance(value, Tensor):
        return {_TENSOR: _described(value, data)}
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name.removesuffix("_"): _plain(getattr(value, field.name), data) for field in fields(value)}
    if isinstance(value, dict):
        return {str(key): _plain(inner, data) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner, data) for inner in value]
    return value


def _described(tensor: Tensor, data: list[bytes | memoryview]) -> list[Any]:
    with torch._C.DisableTorchFunctionSubclass():
        values = tensor.detach()
        values = values if type(values) is Tensor else values.as_subclass(Tensor)
        dtype, layout = str(values.dtype).removeprefix("torch."), str(values.layout).removeprefix("torch.")
        device, offset = str(values.device), sum(map(len, data))
        if values.is_quantized or layout not in ("strided", *_SPARSE):
            raise CandidateError(f"the candidate returns a {'quantized' if values.is_quantized else layout} tensor")
        if device != "meta" and values.numel():
            values = values.to_dense() if layout in _SPARSE else values
            values = values.cpu().resolve_conj().resolve_neg().contiguous()
            size = values.numel() * values.element_size()
            data.append(bytes((ctypes.c_ubyte * size).from_address(values.data_ptr())))
            data.append(bytes(-size % _ALIGNED))
    return [dtype, layout, device, list(values.shape), offset]


def _restored(value: Any, data: bytearray, start: int) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()  # half a surrogate pair could not be printed
    if isinstance(value, list):
        return [_restored(inner, data, start) for inner in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {_TENSOR}:
        return _tensor(data, start, *value[_TENSOR])
    return {str(_restored(key, data, start)): _restored(inner, data, start) for key, inner in value.items()}


def _tensor(data: bytearray, start: int, dtype: str, layout: str, device: str, shape: list[int], offset: int) -> Tensor:
    kind = getattr(torch, dtype)
    if not all(type(size) is int and size >= 0 for size in [*shape, offset]):
        raise ValueError(f"a tensor of the shape {shape}")
    if device == "meta" or not math.prod(shape):
        return torch.empty(shape, dtype=kind, layout=getattr(torch, layout), device=device)
    values = torch.frombuffer(data, dtype=kind, count=math.prod(shape), offset=start + offset).view(shape)
    return (values if layout == "strided" else values.to_sparse(layout=getattr(torch, layout))).to(device)
