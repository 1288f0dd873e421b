"""A GPU's mistakes found on a laptop: a tensor made on the CPU whatever the input's device (`device-hardcoded`).

The candidate runs once over `meta` tensors, which have a device and a shape and no values. They stand for the tensors
of a GPU; what the candidate makes without `device=` is on the CPU. Where the two meet in one operation that CUDA
refuses, the finding names the operation and the candidate's own line. Of tensors on two devices CUDA

- refuses one with dimensions beside another, whatever the dtype: a mask for `torch.where` and an index for
  `index_select` or `gather` are tensors like any other;
- takes one of no dimensions on the CPU, `torch.tensor(0.5)`, as if it were a Python number, but not where it is written
  to, and not as one of the tensors of `cat` and `stack` or as an index;
- takes an index or a mask on the CPU in `x[index]` and `x[index] = value`;
- takes `.to(device)`, `.cpu()` and `buffer[t] = h`. What is in the buffer then is on the buffer's device, and so is an
  output made of it, which is the other form of the same mistake;
- takes the lengths and `batch_sizes` of a packed sequence on the CPU alone.

Not seen: what runs only where `x.is_cuda`, what a thread of the candidate's own does, and kernels that are not torch's.
Meta arithmetic has torch import its compiler, once in a process: a second, whatever the case.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, NoReturn

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence
from torch.overrides import TorchFunctionMode

from rnncli.candidate.load import Canonical, Sequence, States
from rnncli.core.case import Case, altered
from rnncli.core.shapes import parameter_sizes, tensor_sizes
from rnncli.faults.own_line import aside, own_line, raised_at, tensors_of
from rnncli.numerics.device import DispatchMode
from rnncli.numerics.probe import Probe, draw, packing
from rnncli.verdict.evaluate import candidate_side, values_of

Status = Literal["found", "clean", "not-comparable"]

STEPS, LAYERS = 3, 3  # at most: the first, one between and the last
PACKED = 2  # sequences, of unequal lengths: a candidate may take them one by one
UNCUT_STEPS = 100  # of time and layer together: as long as that the case is tried as it is, too

_META, _CPU = torch.device("meta"), torch.device("cpu")
_aten = torch.ops.aten

_COPYING = {_aten.copy_, _aten.fill_, _aten._to_copy}
_INDEXING = {_aten.index, _aten.index_put, _aten.index_put_, _aten._unsafe_index, _aten._unsafe_index_put}
# Elsewhere CUDA takes a CPU tensor of no dimensions for a number
_TAKING_NO_NUMBERS = {_aten.cat, _aten.stack, _aten.embedding, _aten.gather, _aten.take, _aten.index_select}
_IN_PLACE_TOO = ("index_add", "index_copy", "index_fill", "scatter", "scatter_add")
_TAKING_NO_NUMBERS |= {getattr(_aten, name + end) for name in _IN_PLACE_TOO for end in ("", "_")}
_READING = {"item", "tolist", "numpy", "__array__", "__dlpack__"}
_READING |= {f"__{kind}__" for kind in ("bool", "float", "int", "index", "complex")}
_VALUES_DECIDE = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape}

# What torch says itself, on meta as on CUDA, where this module sees no operation; and what says it
_REFUSALS = {
    "expected device meta but got": "gradient",  # of a torch.autograd.Function, on another device than its input
    "batch_sizes should always be on CPU": "PackedSequence",
    "should be a 1D CPU int64 tensor": "pack_padded_sequence",  # lengths on the input's device
    "Expected all tensors to be on the same device": None,
    "is not on the expected device": None,
}


@dataclass(frozen=True)
class Finding:
    """The result of a candidate's run on a device that is not the CPU.

    `operation` is the one that meets tensors of two devices, or the name of what comes back on the wrong one: output,
    h_n, gradient. `line` is where in the candidate that is, and `made_at` where the tensor on the wrong device was
    made; as file:line, None where that is not known. `raised`: it is not comparable since the candidate raises, for a
    reason that is not the device.
    """

    status: Status
    reason: str = ""
    operation: str | None = None
    line: str | None = None
    made_at: str | None = None
    raised: bool = False


def check_devices(candidate: Canonical, case: Case) -> Finding:
    """Return whether the candidate would run on a GPU, as far as devices go: forward, and backward if the case has it.

    The case is cut to a few steps, layers and packed sequences; its other sizes stay, since a meta tensor costs the
    same at any size. Where the case gives h_0, the candidate is called without it too: the zeros it then starts from
    are where this fault is at home. The candidate should be a fresh one: what it keeps between calls is on the meta
    device afterwards. Never raises for what the candidate does; MemoryError and KeyboardInterrupt pass.
    """
    tried = _cut(case)
    finding = _trial(candidate, tried)
    if finding.raised and tried != case and case.input.seq_len * case.rnn.num_layers <= UNCUT_STEPS:
        tried, finding = case, _trial(candidate, case)  # a candidate that is written for these sizes alone
    if finding.status == "clean" and case.input.h_0 != "omitted":
        from_zeros = _trial(candidate, altered(tried, input={"h_0": "omitted"}))
        if from_zeros.status == "found":  # anything else says nothing: a candidate need not do without h_0
            return replace(from_zeros, reason=f"with h_0 omitted, {from_zeros.reason}")
    return finding


# Names in the source of what can put a tensor on the CPU though no operation without a tensor makes one
MAKING = {"cpu", "numpy", "tensor", "floattensor", "from_numpy", "as_tensor", "cuda"}


def makes_tensors(candidate: Canonical, case: Case) -> bool:
    """Return whether a call of the candidate makes a tensor from none, on no device that another tensor told it.

    It runs on the CPU, at the sizes of the guard, with h_0 and without. One that raises may do anything.
    """
    watch = _Making()
    for tried in (_cut(case), altered(_cut(case), input={"h_0": "omitted"})):
        side = candidate_side(candidate, altered(tried, run={"gradients": False}), draw(tried).to(torch.float32, _CPU))
        try:
            with aside(gradients=False):
                side.call(side.leaves)  # an object is constructed in the first call, on the CPU, and moved
                with watch:
                    side.call(side.leaves)
        except Exception:
            return True
    return watch.made


class _Making(TorchFunctionMode):
    """A watch for a function that takes no tensor and gives one, where `device` is left out or a text."""

    made = False

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if isinstance(result, Tensor) and not tensors_of((*args, *kwargs.values())):
            told = isinstance(kwargs.get("device"), torch.device)
            self.made = self.made or (not told and own_line() is not None)
        return result


def _cut(case: Case) -> Case:
    steps = min(case.input.seq_len, STEPS)
    given: dict[str, Any] = {"seq_len": steps}
    if case.input.layout == "packed":
        lengths = sorted({min(length, steps) for length in case.input.sequence_lengths})[-PACKED:]
        given |= {"lengths": tuple(lengths), "batch_size": len(lengths)}
    return altered(case, rnn={"num_layers": min(case.rnn.num_layers, LAYERS)}, input=given)


def _trial(candidate: Canonical, case: Case) -> Finding:
    watch = _Watch()
    try:
        with aside(case.run.gradients), watch, _Reads(watch):
            finding = _forward_backward(candidate, case, watch)
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        finding = _explained(error, watch)
    return watch.unreadable or finding  # a value that was asked for and caught sent the candidate another way


def _forward_backward(candidate: Canonical, case: Case, watch: "_Watch") -> Finding:
    def watched(input: Sequence, *others: Any) -> tuple[Sequence, States]:
        if isinstance(input, PackedSequence):
            watch.tell_the_order_of(input, case)
        return candidate(input, *others)

    side = candidate_side(watched, case, _blank_probe(case))
    returned = {name: values_of(value) for name, value in side.call(side.copies()).items() if value is not None}
    for name, value in returned.items():
        if value.device != _META:
            line = watch.made_at(value)
            return Finding("found", f"{name} is on {value.device}{_at(line, ', made')}", name, line, line)
    differentiable = [value for value in returned.values() if value.requires_grad]
    if differentiable:
        cotangents = [torch.zeros_like(value) for value in differentiable]
        torch.autograd.grad(differentiable, list(side.leaves.values()), cotangents, allow_unused=True)
    return Finding("clean")


def _blank_probe(case: Case) -> Probe:
    dtype, sizes = getattr(torch, case.run.dtype), tensor_sizes(case) | parameter_sizes(case)
    blank = {name: torch.empty(size, dtype=dtype, device=_META) for name, size in sizes.items()}
    states = {name: blank[name] for name in case.given_states}
    return Probe({name: blank[name] for name in parameter_sizes(case)}, blank["input"], states, {})


class _Refused(RuntimeError):
    """The error of CUDA: a RuntimeError as there, so that a candidate that catches it does what it does there."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.reason)
        self.finding = finding


class _OnCPU(NamedTuple):
    """A tensor on the CPU, kept so that its memory is not another tensor's, and the line that made it.

    `hollow`: it is computed from a copy of a meta tensor, so that its values mean nothing.
    """

    tensor: Tensor
    line: str | None
    hollow: bool


class _Watch(DispatchMode):  # type: ignore[no-untyped-call]
    """A device that refuses what CUDA refuses, allows copies to the CPU as CUDA does, and keeps what is on the CPU."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.unreadable: Finding | None = None
        self._on_cpu: dict[int, _OnCPU] = {}
        self._known: dict[int, tuple[Tensor, Tensor]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        given = tensors_of((*args, *kwargs.values()))
        hollow = any(map(self.is_hollow, given))
        if hollow:
            self._refuse_values_that_decide(func, args)
        if func.overloadpacket in _COPYING:
            result = self._copied(func, args, kwargs)
        else:
            if len({tensor.device for tensor in given}) > 1:
                self._refuse_two_devices(func, args, kwargs, given)
            result = func(*args, **kwargs)
        self._remember(func, result, given, hollow)
        return result

    def is_hollow(self, tensor: Tensor) -> bool:
        """Return whether a tensor's values mean nothing: a meta tensor, or one computed from its copy on the CPU."""
        if tensor.device == _META:
            return id(tensor) not in self._known
        kept = self._on_cpu.get(_memory(tensor))
        return kept is not None and kept.hollow

    def tell_the_order_of(self, packed: PackedSequence, case: Case) -> None:
        """Keep the values of a packed input's indices: `pad_packed_sequence` copies them to the CPU for the lengths."""
        _, into = packing(case)
        for indices, values in ((packed.sorted_indices, into), (packed.unsorted_indices, torch.argsort(into))):
            if indices is not None:
                self._known[id(indices)] = indices, values

    def made_at(self, tensor: Tensor) -> str | None:
        """Return the candidate's line that made a tensor on the CPU."""
        kept = self._on_cpu.get(_memory(tensor))
        return kept.line if kept else None

    def last_made_at(self) -> str | None:
        """Return the candidate's line that made the newest tensor on the CPU."""
        return next((kept.line for kept in reversed(self._on_cpu.values()) if kept.line), None)

    def refuse_to_read(self, what: str) -> NoReturn:
        """Refuse values that a meta tensor does not have, and keep the finding in case the candidate catches it."""
        line = own_line()
        reason = f"{what} needs values{_at(line)}, and the tensors of this check have none"
        self.unreadable = self.unreadable or Finding("not-comparable", reason, what, line)
        raise _Refused(self.unreadable)

    def _refuse_values_that_decide(self, func: Any, args: Any) -> None:
        if func.overloadpacket in _INDEXING:
            if any(mask.dtype in (torch.bool, torch.uint8) and self.is_hollow(mask) for mask in tensors_of(args[1])):
                self.refuse_to_read("a mask as an index")
        elif func.overloadpacket == _aten._pack_padded_sequence:
            if args[1].device == _CPU and self.is_hollow(args[1]):
                self.refuse_to_read("pack_padded_sequence")
        elif _VALUES_DECIDE.intersection(func.tags):
            self.refuse_to_read(func.overloadpacket.__name__)

    def _refuse_two_devices(self, func: Any, args: Any, kwargs: Any, given: list[Tensor]) -> None:
        operation = func.overloadpacket
        written = [*map(id, _written(func, args, kwargs))]
        free = [*map(id, _free_to_be_on_the_cpu(operation, args))]
        meeting = [
            tensor
            for tensor in given
            if tensor.dim() > 0 or tensor.device != _CPU or operation in _TAKING_NO_NUMBERS or id(tensor) in written
            if tensor.device != _CPU or id(tensor) not in free
        ]
        elsewhere = next((tensor for tensor in meeting if tensor.device != _META), None)
        if elsewhere is None or all(tensor.device == elsewhere.device for tensor in meeting):
            return
        line, made_at, name = own_line(), self.made_at(elsewhere), operation.__name__
        reason = f"{name}{_at(line)} takes a tensor on {elsewhere.device} and one on the input's device"
        raise _Refused(Finding("found", f"{reason}{_at(made_at, ', made')}", name, line, made_at))

    def _copied(self, func: Any, args: Any, kwargs: Any) -> Any:
        """Copy between devices or on one; out of a meta tensor there is nothing to copy."""
        source = args[0] if func.overloadpacket == _aten._to_copy else args[1]
        to = kwargs.get("device") or args[0].device
        if not isinstance(source, Tensor) or source.device != _META or to == _META:
            return func(*args, **kwargs)
        if id(source) in self._known:
            _, values = self._known[id(source)]
            return func(*(values if given is source else given for given in args), **kwargs)
        if func.overloadpacket == _aten._to_copy:
            return torch.zeros_like(source, dtype=kwargs.get("dtype"), device=to)
        return args[0]

    def _remember(self, func: Any, result: Any, given: list[Tensor], hollow: bool) -> None:
        for tensor in tensors_of([result]):
            memory = _memory(tensor)
            if tensor.device == _CPU and memory not in self._on_cpu:
                # A view, and what is written to, was made before; torch.tensor makes its own beneath lift_fresh
                made_here = func.overloadpacket == _aten.lift_fresh or memory not in map(_memory, given)
                self._on_cpu[memory] = _OnCPU(tensor, own_line() if made_here else None, hollow)
            elif tensor.device == _CPU and hollow:  # it is written to: a buffer that takes a copy
                self._on_cpu[memory] = self._on_cpu[memory]._replace(hollow=True)


class _Reads(TorchFunctionMode):
    """A watch for values that are read, under the names they are read by; some of these reach no operation."""

    def __init__(self, watch: _Watch) -> None:
        super().__init__()
        self._watch = watch

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        if name in _READING and isinstance(args[0], Tensor) and self._watch.is_hollow(args[0]):
            self._watch.refuse_to_read(f"{name.strip('_')}()")
        return func(*args, **(kwargs or {}))


def _explained(error: Exception, watch: _Watch) -> Finding:
    """Return what an exception, or one that it was raised from, says of devices; or that it says nothing of them."""
    chain: list[BaseException] = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None and cause not in chain:
        chain.append(cause)
    for cause in reversed(chain):
        if isinstance(cause, _Refused):
            return cause.finding
        for message, operation in _REFUSALS.items():
            if message in str(cause):
                line = raised_at(cause) or watch.last_made_at()
                return Finding("found", f"torch says{_at(line)}: {_first_line(cause)}", operation, line)
    first, line = chain[-1], raised_at(chain[-1])
    reason = f"it raises {type(first).__name__}{_at(line)}: {_first_line(first)}"
    return Finding("not-comparable", reason, line=line, raised=True)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0]


def _at(line: str | None, what: str = "") -> str:
    return f"{what} at {line}" if line else ""


def _memory(tensor: Tensor) -> int:
    """Return what a tensor and its views share; a sparse tensor has no storage, and stands for itself."""
    return tensor.untyped_storage()._cdata if tensor.layout == torch.strided else id(tensor)


def _written(func: Any, args: Any, kwargs: Any) -> Iterator[Tensor]:
    """Yield the tensors an operation writes to: an in-place operation's first, and `out`."""
    for position, argument in enumerate(func._schema.arguments):
        value = args[position] if position < len(args) else kwargs.get(argument.name)
        if argument.alias_info is not None and argument.alias_info.is_write and isinstance(value, Tensor):
            yield value


def _free_to_be_on_the_cpu(operation: Any, args: Any) -> list[Tensor]:
    """Return what CUDA takes from the CPU: indices in brackets, and the lengths of a packed sequence."""
    if operation in _INDEXING:
        return tensors_of(args[1])
    return [args[1]] if operation == _aten._pack_padded_sequence else []
