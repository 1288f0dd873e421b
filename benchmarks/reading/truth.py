"""The truth about a mutant: what its binding makes of it beside nn.RNN, in float64 and by way of torch alone."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Literal

import torch
from torch import Tensor, nn

from benchmarks.reading.bindings import DOCUMENTED, Function, Given, Style, Task, Wiring, WrongError

Class = Literal["right", "wrong", "raises", "excluded"]
BOUND = {torch.float64: 1e-9, torch.float32: 1e-4}  # on errors, relative to 1 + |expected|; nn.RNN itself: 1e-14, 1e-6
LENGTH, BATCH = 6, 3  # with input_size 5, hidden_size 7 and up to 4 final states, no two sizes are equal
SOURCE = "rnncli_audit_candidate"
# Of the state of a single layer, whose rank an author documents in words alone: matters of taste
H_0_WITHOUT_LAYERS = "h_0 as (N, H_out) where (1, N, H_out) is documented"
H_0_WITH_LAYERS = "h_0 as (1, N, H_out) where (N, H_out) is documented"
H_N_OF_ANOTHER_RANK = "h_n as (N, H_out) where (1, N, H_out) is documented, or the reverse"
OTHER_DTYPE = "a weight made in another dtype, which .to(dtype) changes"
RANKS = (H_0_WITHOUT_LAYERS, H_0_WITH_LAYERS, H_N_OF_ANOTHER_RANK)


@dataclass(frozen=True)
class Truth:
    """The class of a mutant, and the reason for it."""

    kind: Class
    reason: str = ""


@dataclass(frozen=True)
class Call:
    """A call under one regime: the data, the tensors whose cotangents are used, and what requires a gradient."""

    regime: str
    x: Tensor
    h_0: Tensor | None
    cotangents: dict[str, Tensor]
    parts: tuple[str, ...]
    input_gradients: bool = True
    keep_gradients: bool = False
    negate: bool = False


def truth(source: str, style: Style, flags: str) -> Truth:
    """Classify a mutant of a style for the case that flags ask for."""
    task = Task.of(flags)
    found = _truth_of_variant(source, style, task, DOCUMENTED)
    if found.kind == "right":
        return found
    tastes = style.tastes + (RANKS if style.rank_in_words else ())
    tastes += (OTHER_DTYPE,) if "dtype" in found.reason else ()
    for variant in style.variants + tastes:
        if variant != DOCUMENTED and _truth_of_variant(source, style, task, variant).kind == "right":
            return Truth("excluded" if variant in tastes else "right", variant)
    return found


def _truth_of_variant(source: str, style: Style, task: Task, variant: str) -> Truth:
    found = judged(source, style, task, variant, torch.float64)
    if not style.gradients:
        return found
    single = judged(source, style, task, variant, torch.float32)
    if single.kind != "right":
        return single if found.kind == "right" else found
    if found.kind != "right" and any(word in found.reason for word in ("float", "Float", "dtype", "Double")):
        return Truth("right", "float32 inside, which is right in float32")
    return found


def judged(source: str, style: Style, task: Task, variant: str, dtype: torch.dtype) -> Truth:
    """Classify a mutant in one dtype, which is torch's default dtype meanwhile."""
    torch.set_default_dtype(dtype)
    try:
        return _judged(source, style, task, variant, dtype)
    finally:
        torch.set_default_dtype(torch.float32)


def _judged(source: str, style: Style, task: Task, variant: str, dtype: torch.dtype) -> Truth:
    torch.manual_seed(20)
    reference = task.reference()
    weights = {name: torch.empty_like(weight).uniform_(-0.6, 0.6) for name, weight in reference.named_parameters()}
    calls = list(calls_of(style, task))
    try:
        module = module_of(source)
    except Exception as error:
        return Truth("raises", f"importing it: {described(error)}")
    first: dict[str, tuple[Tensor, Tensor]] = {}
    for which, scale in (("", 1.0), ("a second object: ", -0.9)):  # a second one shares nothing with the first
        wiring = Wiring({name: scale * weight for name, weight in weights.items()})
        with torch.no_grad():
            for name, weight in reference.named_parameters():
                weight.copy_(wiring.weights[name])
        try:
            function = with_rank(style.bind(Given(module, task, wiring, variant)), variant)
            for own, _ in wiring.places if variant == OTHER_DTYPE else ():
                own.data = own.data.to(dtype)
        except WrongError as error:
            return Truth("wrong", str(error))
        except Exception as error:
            return Truth("raises", f"constructing it: {described(error)}")
        for call in calls[: 1 if which else None]:
            try:
                with torch.random.fork_rng(devices=[]):
                    torch.manual_seed(len(call.regime))
                    returned = _compare(call, function, wiring, reference, style, BOUND[dtype])
            except WrongError as error:
                return Truth("wrong", f"{which}{call.regime}: {error}")
            except Exception as error:
                kind: Class = "raises" if not which and call is calls[0] else "wrong"
                return Truth(kind, f"{which}{call.regime}: {described(error)}")
            first = first or returned
    for name, (value, copy) in first.items():
        if not torch.equal(value, copy):
            return Truth("wrong", f"{name} of the first call is overwritten by later ones")
    return Truth("right")


def with_rank(function: Function, variant: str) -> Function:
    """Give a state of another rank than the documented one to a function, or take one from it."""
    if variant not in RANKS:
        return function

    def call(x: Tensor, h_0: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
        if h_0 is not None and variant != H_N_OF_ANOTHER_RANK:
            h_0 = h_0[0] if variant == H_0_WITHOUT_LAYERS else h_0[None]
        output, h_n = function(x, h_0)
        if h_n is not None and variant == H_N_OF_ANOTHER_RANK:
            h_n = h_n[None] if h_n.dim() == 2 else h_n[0] if h_n.dim() == 4 else h_n
        return output, h_n

    return call


def module_of(source: str) -> ModuleType:
    """Run the text of a module."""
    module = ModuleType(SOURCE)
    exec(compile(source, f"{SOURCE}.py", "exec"), module.__dict__)
    return module


def described(error: BaseException) -> str:
    """An exception in one short line."""
    return f"{type(error).__name__}: {error}".splitlines()[0][:160]


def calls_of(style: Style, task: Task) -> Iterator[Call]:
    """The calls of one object, in turn: READING.md's regimes."""
    states = task.states
    generator = torch.Generator().manual_seed(7)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    def call(regime: str, length: int = LENGTH, batch: int = BATCH) -> Call:
        x, h_0 = normal(length, batch, task.input_size), normal(states, batch, task.hidden_size)
        cotangents = {
            "output": normal(length, batch, task.directions * task.hidden_size),
            "h_n": normal(states, batch, task.hidden_size),
        }
        return Call(regime, x, h_0 if style.takes_h_0 else None, cotangents, style.returns)

    plain = call("plain")
    yield plain
    yield replace(plain, regime="the same again")
    yield call("another length and batch", length=4, batch=2)
    yield call("N = 1", batch=1)
    if style.optional_h_0:
        yield replace(call("h_0 omitted"), h_0=None)
        yield replace(call("h_0 omitted again", batch=2), h_0=None)
    if style.gradients:
        if len(style.returns) == 2:
            yield replace(call("a loss on output alone"), parts=("output",))
            yield replace(call("a loss on h_n alone"), parts=("h_n",))
        yield replace(call("input that requires no gradient"), input_gradients=False)
        yield replace(call("gradients of two backward calls"), keep_gradients=True)
        yield replace(call("other weights"), negate=True)
    last = call("non-contiguous input and h_0")
    h_0 = None if last.h_0 is None else _non_contiguous(last.h_0)
    yield replace(last, x=_non_contiguous(last.x), h_0=h_0)


def _non_contiguous(tensor: Tensor) -> Tensor:
    """The same values, with the axes laid out in the reverse order."""
    return tensor.permute(2, 1, 0).contiguous().permute(2, 1, 0)


def _compare(
    call: Call, function: Function, wiring: Wiring, reference: nn.RNNBase, style: Style, bound: float
) -> dict[str, tuple[Tensor, Tensor]]:
    names = list(wiring.weights)
    own = [tensor for tensor, _ in wiring.places]
    if call.negate:  # in place, as an optimiser changes them
        with torch.no_grad():
            for weight in (*own, *reference.parameters()):
                weight.neg_()
    actual = _run(call, function, own, style)
    expected = _run(call, reference, list(reference.parameters()), style)
    for name, value in expected.items():
        if name in actual and not name.startswith("weight "):
            check_equal(name, actual[name], value, bound)
    if style.gradients:
        gradients = {name: expected[f"weight {at}"] for at, name in enumerate(names)}
        for at, (_, gradient) in enumerate(wiring.places):
            check_equal(f"the gradient of weight {at}", actual[f"weight {at}"], gradient(gradients), bound)
    return {name: (actual[f"{name} itself"], actual[name]) for name in style.returns}


def _run(call: Call, function: Function, weights: Sequence[Tensor], style: Style) -> dict[str, Tensor]:
    """The results of a call and the gradients it leaves: copies, with the returned tensors themselves beside them."""
    x = call.x.detach().clone().requires_grad_(call.input_gradients and style.gradients)
    h_0 = None
    if call.h_0 is not None:
        h_0 = call.h_0.detach().clone().requires_grad_(call.input_gradients and style.gradients)
    if not call.keep_gradients:
        for weight in weights:
            weight.grad = None
    before = [weight.detach().clone() for weight in weights]
    returned = dict(zip(("output", "h_n"), function(x, h_0), strict=True))
    found: dict[str, Tensor] = {}
    for name in style.returns:
        value = returned[name]
        if not isinstance(value, Tensor):
            raise WrongError(f"{name} is {type(value).__name__}")
        found |= {name: value.detach().clone(), f"{name} itself": value.detach()}
    if style.gradients:
        for name in style.returns:
            if returned[name].shape != call.cotangents[name].shape:
                raise WrongError(f"{name} has shape {tuple(returned[name].shape)}")
        total = sum((returned[name] * call.cotangents[name]).sum() for name in call.parts)
        if not total.requires_grad:
            raise WrongError("nothing requires a gradient")
        total.backward()
        if call.input_gradients:
            found["the gradient of input"] = _gradient(x)
            if h_0 is not None:
                found["the gradient of h_0"] = _gradient(h_0)
        found |= {f"weight {at}": _gradient(weight) for at, weight in enumerate(weights)}
    for given, now in [(call.x, x), (call.h_0, h_0), *zip(before, weights, strict=True)]:
        if given is not None and not torch.equal(given, now):
            raise WrongError("it writes into its arguments or weights")
    return found


def _gradient(leaf: Tensor) -> Tensor:
    return torch.zeros_like(leaf) if leaf.grad is None else leaf.grad.detach().clone()


def check_equal(name: str, actual: Tensor, expected: Tensor, bound: float) -> None:
    """Raise WrongError for values that are not equal within the bound, or not of the same shape and dtype."""
    if actual.shape != expected.shape:
        raise WrongError(f"{name} has shape {tuple(actual.shape)} where nn.RNN has {tuple(expected.shape)}")
    if actual.dtype != expected.dtype:
        raise WrongError(f"{name} has dtype {actual.dtype}")
    error = ((actual - expected).abs() / (1 + expected.abs())).max().item() if expected.numel() else 0.0
    if not error <= bound or math.isnan(error):
        raise WrongError(f"{name} is off by {error:.1e}{_hint(error)}")


def _hint(error: float) -> str:
    return ", as float32 is" if error < 1e-5 else ""
