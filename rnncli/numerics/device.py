"""Where a case runs: the device, the backend settings that change results, and what torch sees."""

import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from rnncli.core import memory
from rnncli.core.case import RunSettings
from rnncli.core.environment import static_environment
from rnncli.core.errors import UnavailableError


def resolve(name: str) -> torch.device:
    """The device a case names: auto is cuda where there is one, else cpu.

    Raises UnavailableError, saying what torch sees and what to do.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda":
        _require_cuda(name, device.index or 0)
    return device


def _require_cuda(name: str, index: int) -> None:
    torch_name = f"torch {torch.__version__}"
    if not torch.backends.cuda.is_built():  # type: ignore[no-untyped-call]
        raise UnavailableError(
            f"device {name}: {torch_name} is a build without CUDA; use --device cpu, or install a CUDA build"
        )
    count = torch.cuda.device_count()
    if count == 0:
        raise UnavailableError(
            f"device {name}: {torch_name} (CUDA {torch.version.cuda}) sees no GPU; use --device cpu, or check"
            " the driver with nvidia-smi"
        )
    if index >= count:
        seen = ", ".join(f"cuda:{i} {torch.cuda.get_device_name(i)}" for i in range(count))
        raise UnavailableError(f"device {name}: {torch_name} sees {seen}; use one of these, or --device cpu")


def available_memory(device: torch.device) -> int | None:
    """Bytes that can still be allocated on the device; None where nothing bounds them (meta) or it is not known."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return memory.available_memory() if device.type == "cpu" else None


@contextmanager
def backend_settings(run: RunSettings) -> Iterator[None]:
    """Set TF32 and cuDNN as the case asks, for both sides alike, and put back what was there before.

    torch's hint that cuDNN packs the weights of a layer at each call is not shown: in bfloat16 no layer can avoid it.
    """
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = cudnn.enabled, cudnn.allow_tf32, matmul.allow_tf32
    cudnn.enabled, cudnn.allow_tf32, matmul.allow_tf32 = run.cudnn, run.tf32, run.tf32
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "RNN module weights are not part of single contiguous chunk")
            yield
    finally:
        cudnn.enabled, cudnn.allow_tf32, matmul.allow_tf32 = before


@contextmanager
def without_cudnn() -> Iterator[None]:
    """Take PyTorch's own kernels: cuDNN's have no backward in eval mode, and refuse an h_0 that is not contiguous."""
    cudnn, before = torch.backends.cudnn, torch.backends.cudnn.enabled
    cudnn.enabled = False
    try:
        yield
    finally:
        cudnn.enabled = before


def differentiable(run: RunSettings, device: torch.device) -> AbstractContextManager[None]:
    """Leave cuDNN out while a candidate runs in eval mode and is differentiated: it may hold a layer of torch's."""
    in_eval_mode = device.type == "cuda" and run.gradients and not run.train
    return without_cudnn() if in_eval_mode else nullcontext()


def describe_backend(device: torch.device, run: RunSettings) -> str | None:
    """The settings a CUDA result depends on, in a line; None on a device they do not touch."""
    if device.type != "cuda":
        return None
    return f"TF32 {'on' if run.tf32 else 'off'} on both sides, cuDNN {'on' if run.cudnn else 'off'}"


def environment() -> dict[str, Any]:
    """Versions, devices, threads, TF32 and cuDNN state: what a bug report needs."""
    cuda = torch.cuda.is_available()
    return {
        **static_environment(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
        "devices": ["cpu", *(f"cuda:{i} {torch.cuda.get_device_name(i)}" for i in range(torch.cuda.device_count()))]
        if cuda
        else ["cpu"],
        "threads": torch.get_num_threads(),
        "interop_threads": torch.get_num_interop_threads(),
        "tf32_matmul": torch.backends.cuda.matmul.allow_tf32,
        "tf32_cudnn": torch.backends.cudnn.allow_tf32,
        "cudnn_enabled": torch.backends.cudnn.enabled,
        "default_dtype": str(torch.get_default_dtype()).removeprefix("torch."),
    }


def seed_dropout(device: torch.device, seed: int) -> None:
    """Seed the generator that dropout draws from. (torch.manual_seed walks every device type: 0.07 ms a call.)"""
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)
    torch.default_generator.manual_seed(seed)


class DispatchMode(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """A TorchDispatchMode whose first operation does not import torch's compiler: that takes longer than torch."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False
