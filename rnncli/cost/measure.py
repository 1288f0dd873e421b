"""One pass of every way of writing a case's RNN, measured side by side in one process."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from rnncli.candidate.load import Canonical, arguments_of, load
from rnncli.core.case import BUILT_IN, Case
from rnncli.core.errors import described
from rnncli.core.records import Pass, Timing
from rnncli.cost import flops as work
from rnncli.cost.timing import Effort, PlainProducts, first_call, peak_bytes, time_pass
from rnncli.manual import BUILT_IN as BUILT_IN_RNNS
from rnncli.numerics.probe import Probe, as_argument, packer
from rnncli.verdict.evaluate import Results, Side, candidate_side, named_results, reference_side

NN_RNN = "nn.RNN"
IMPLEMENTATIONS = (NN_RNN, *BUILT_IN)
COMPILED = " compiled"
MOST_STEPS = 20_000  # of all layers and directions, whose memory is looked at: that costs microseconds an operation


@dataclass(frozen=True)
class Entry:
    """What takes part in a pass: nn.RNN and further implementations by name, each also compiled where that is asked
    for. nn.RNN is the first: what the ratios are taken to.
    """

    names: tuple[str, ...]
    pass_: Pass
    effort: Effort
    compile: bool
    threads: int  # of torch on the CPU, in whatever process it is measured


def measure(
    case: Case, probe: Probe, entry: Entry, own: Canonical | None = None
) -> tuple[tuple[Timing, ...], list[str]]:
    """The timings of a pass, the plain matrix products of the case last; and what could not be compiled, in words.

    `own`: the implementation that a name which is not built in stands for.
    """
    torch.set_num_threads(entry.threads)
    sides = [_side(name, case, probe, own) for name in entry.names]
    compiled, compile_s, failed = [], {}, []
    for side in sides if entry.compile else ():
        made, seconds = _compiled(side, entry.pass_)
        if isinstance(made, str):
            failed.append(made)
        else:
            compiled.append(made)
            compile_s[made.name] = seconds
    backward = entry.pass_ == "forward+backward"
    products = PlainProducts(list(work.products(case, backward)), probe.input.dtype, probe.input.device)
    timings = time_pass([*sides, *compiled, products], entry.pass_, entry.effort)
    plain = timings[-1]
    peaks = {side.name: _peak(side, case, probe, entry.pass_) for side in [*sides, *compiled]}
    flops, moved = work.flops(case, backward), work.moved_bytes(case, backward)
    return tuple(
        replace(
            timing,
            flops_per_s=flops / timing.median_s,
            bytes_per_s=moved / timing.median_s,
            products_share=plain.median_s / timing.median_s,
            peak_bytes=peaks.get(timing.implementation),
            compile_s=compile_s.get(timing.implementation),
        )
        for timing in timings
    ), failed


def _side(name: str, case: Case, probe: Probe, own: Canonical | None) -> Side:
    if name == NN_RNN:
        return reference_side(case, probe)
    if name not in BUILT_IN:
        assert own is not None
        return candidate_side(own, case, probe)
    return _built_in_side(name, case, probe)


def _built_in_side(name: str, case: Case, probe: Probe) -> Side:
    """Called as whoever has its file would call it: what is put around a candidate to judge it costs microseconds."""
    case = case.model_copy(update={"candidate": name})
    side = candidate_side(load(case), case, probe)
    rnn, arguments, pack = BUILT_IN_RNNS[name], arguments_of(case), packer(case, probe.input.device)
    parameters = {parameter: side.leaves[parameter] for parameter in probe.parameters}

    def call(given: Mapping[str, Tensor]) -> Results:
        states = as_argument(given[state] for state in probe.states)
        return named_results(case, *rnn(pack(given["input"]), states, parameters, **arguments))

    return replace(side, call=call)


def _compiled(side: Side, name: Pass) -> tuple[Side | str, float]:
    """A side under torch.compile, and the seconds of its first run; or why there is none."""
    compiled = replace(side, name=f"{side.name}{COMPILED}", call=_compile(side.call))
    try:
        return compiled, first_call(compiled, name)
    except Exception as error:
        return f"{side.name}: torch.compile fails: {described(error)[:200]}", 0.0


def _compile(call: Callable[..., Any]) -> Callable[..., Any]:
    compiled: Callable[..., Any] = torch.compile(call, dynamic=False)
    return compiled


def _peak(side: Side, case: Case, probe: Probe, name: Pass) -> int | None:
    device = probe.input.device
    steps = case.input.seq_len * case.rnn.num_layers * case.rnn.directions
    if device.type != "cuda" and (steps > MOST_STEPS or side.name.endswith(COMPILED)):
        return None
    return peak_bytes(side, name, device)


def names_of(case: Case, only: Sequence[str]) -> Iterator[str]:
    """Who takes part: nn.RNN, all that is built in or what of it is asked for, and a candidate of one's own."""
    yield NN_RNN
    yield from (name for name in BUILT_IN if not only or name in only)
    if case.target and (not only or case.target in only or "candidate" in only):
        yield case.target
