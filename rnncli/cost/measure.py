"""One pass of every way of writing a case's RNN, measured side by side in one process."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from rnncli.candidate.load import Canonical, arguments_of, load
from rnncli.core.case import BUILT_IN, Case
from rnncli.core.errors import described
from rnncli.core.records import Pass, Timing
from rnncli.cost.flops import flops, moved_bytes, products
from rnncli.cost.timing import Effort, PlainProducts, first_call, peak_bytes, time_pass
from rnncli.manual import BUILT_IN as BUILT_IN_RNNS
from rnncli.numerics.probe import Probe, packer
from rnncli.verdict.evaluate import Results, Side, candidate_side, named_results, reference_side

COMPILED = " compiled"
MOST_STEPS = 20_000  # of all layers and directions, up to which memory is measured: microseconds for each operation


@dataclass(frozen=True)
class PassSpec:
    """One pass of each implementation by name, also compiled where that is asked for, to be measured.

    The first is torch's layer, to which the ratios are taken. `threads`: of torch on the CPU.
    """

    names: tuple[str, ...]
    pass_: Pass
    effort: Effort
    compile: bool
    threads: int


def names_of(case: Case, only: Sequence[str]) -> Iterator[str]:
    """Yield the implementations of a case: nn.RNN, then the built-in ones and the user's, or what is asked for."""
    yield case.cell.layer
    yield from (name for name in BUILT_IN if not only or name in only)
    if case.target and (not only or case.target in only or "candidate" in only):
        yield case.target


def measure(
    case: Case, probe: Probe, spec: PassSpec, candidate: Canonical | None = None
) -> tuple[tuple[Timing, ...], list[str]]:
    """Return the timings of a pass, the matrix products of the case last; and in words what could not be compiled.

    `candidate`: the implementation of the name that is not built in.
    """
    torch.set_num_threads(spec.threads)
    sides = [_side(name, case, probe, candidate) for name in spec.names]
    compile_s, failures = dict[str, float](), list[str]()
    for side in list(sides) if spec.compile else ():
        compiled = replace(side, name=f"{side.name}{COMPILED}", call=torch.compile(side.call, dynamic=False))
        try:
            compile_s[compiled.name] = first_call(compiled, spec.pass_)
            sides.append(compiled)
        except Exception as error:
            failures.append(f"{side.name}: torch.compile fails: {described(error)[:200]}")
    backward = spec.pass_ == "forward+backward"
    operations, moved = flops(case, backward), moved_bytes(case, backward)
    plain = PlainProducts(list(products(case, backward)), probe.input.dtype, probe.input.device)
    timings = time_pass([*sides, plain], spec.pass_, spec.effort)
    peaks = {side.name: _peak(side, case, probe, spec.pass_) for side in sides}
    return tuple(
        replace(
            timing,
            flops_per_s=operations / timing.median_s,
            bytes_per_s=moved / timing.median_s,
            products_share=timings[-1].median_s / timing.median_s,
            peak_bytes=peaks.get(timing.implementation),
            compile_s=compile_s.get(timing.implementation),
        )
        for timing in timings
    ), failures


def _side(name: str, case: Case, probe: Probe, candidate: Canonical | None) -> Side:
    if name == case.cell.layer:
        return reference_side(case, probe)
    if name not in BUILT_IN:
        assert candidate is not None
        return candidate_side(candidate, case, probe)
    # Called as whoever has its file would call it: what is put around a candidate to judge it costs microseconds
    case = case.model_copy(update={"candidate": name})
    side = candidate_side(load(case), case, probe)
    rnn, arguments, pack = BUILT_IN_RNNS[name], arguments_of(case), packer(case, probe.input.device)
    parameters = {parameter: side.leaves[parameter] for parameter in probe.parameters}

    def call(given: Mapping[str, Tensor]) -> Results:
        states = probe.states_among(given)
        return named_results(case, *rnn(pack(given["input"]), states, parameters, **arguments))

    return replace(side, call=call)


def _peak(side: Side, case: Case, probe: Probe, pass_: Pass) -> int | None:
    device = probe.input.device
    steps = case.input.seq_len * case.rnn.num_layers * case.rnn.directions
    if device.type != "cuda" and (steps > MOST_STEPS or side.name.endswith(COMPILED)):
        return None
    return peak_bytes(side, pass_, device)
