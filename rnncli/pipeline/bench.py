"""What each way of writing an RNN costs: case by case, pass by pass; what is wrong is not timed."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

import torch

from rnncli.candidate.load import load
from rnncli.core.case import BUILT_IN, Case, altered
from rnncli.core.errors import CandidateError
from rnncli.core.records import CaseRecord, Growth, Pass, Timing, Verdict, combine
from rnncli.cost.flops import flops
from rnncli.cost.measure import COMPILED, PassSpec, measure, names_of
from rnncli.cost.timing import Effort
from rnncli.numerics.device import backend_settings, describe_backend, resolve
from rnncli.numerics.probe import draw
from rnncli.pipeline.candidate_process import SubprocessCandidate
from rnncli.pipeline.gates import PASSES
from rnncli.pipeline.verify import COSTS_ITS_CASE, failure_of, told_as_user_errors
from rnncli.verdict.judge import Judgement
from rnncli.verdict.problem import Problems

MOST_FLOPS = 2e8  # of a pass that is judged as it is; of a larger case, one with fewer and shorter sequences
JUDGED = {"seq_len": 12, "batch_size": 4}


@dataclass(frozen=True)
class BenchOptions:
    """The options of `bench` beside the case. `only`: names of implementations; all of them where it is empty.
    `timeout_s`: for a pass of a user's candidate, with all that runs beside it.
    """

    effort: Effort
    only: tuple[str, ...] = ()
    compile: bool = False
    even_if_wrong: bool = False
    timeout_s: float = 600.0


class Bench:
    """One case: what is known of it grows step by step, and `record` has what there is."""

    def __init__(self, case: Case, options: BenchOptions) -> None:
        self.case, self._options = case, options
        self._timings: list[Timing] = []
        self._warnings: list[str] = []
        self._verdicts: dict[str, Verdict | None] = {}
        self._record = CaseRecord(id=case.id, config=case.config, verdict=None)

    @property
    def passes(self) -> tuple[Pass, ...]:
        return _passes(self.case)

    def steps(self) -> Iterator[None]:
        """Judge, and time a pass at a time. What fails is in the record."""
        try:
            with ExitStack() as opened:
                yield from self._steps(opened)
        except COSTS_ITS_CASE as error:
            self._verdicts = {}  # a case that failed has none
            self._record = replace(self._record, error=failure_of(error))

    def _steps(self, opened: ExitStack) -> Iterator[None]:
        case, options = self.case, self._options
        device = resolve(case.run.device)
        self._record = replace(self._record, device=str(device), backend=describe_backend(device, case.run))
        opened.enter_context(told_as_user_errors(case, device))
        opened.enter_context(backend_settings(case.run))
        candidate = opened.enter_context(SubprocessCandidate(case, options.timeout_s, device)) if case.target else None
        names = tuple(names_of(case, options.only))
        if candidate is not None:
            read = candidate.read(case)
            self._record = replace(self._record, reading=read.reading)
            if read.unsupported:
                raise CandidateError(f"candidate {case.target}: {read.unsupported}")
            case = read.claimed(case)
        self._judge(names[1:], case, device, candidate)
        wrong = {name for name, verdict in self._verdicts.items() if verdict == Verdict.MISMATCH}
        names = tuple(name for name in names if name not in wrong or options.even_if_wrong)
        probe = draw(case).to(getattr(torch, case.run.dtype), device)
        run = candidate.bench if candidate and case.target in names else measure
        for pass_ in _passes(case):  # of what is claimed: a numpy function knows no gradients
            spec = PassSpec(names, pass_, options.effort, options.compile, torch.get_num_threads())
            timings, failures = run(case, probe, spec)
            for timing in timings:
                is_wrong = timing.implementation.removesuffix(COMPILED) in wrong
                self._timings.append(replace(timing, wrong=True) if is_wrong else timing)
            self._warnings += failures
            yield

    def _judge(
        self, names: Sequence[str], case: Case, device: torch.device, candidate: SubprocessCandidate | None
    ) -> None:
        judged = case
        if flops(case, backward=True) > MOST_FLOPS:
            fewer = {name: min(getattr(case.input, name), most) for name, most in JUDGED.items()}
            judged = altered(case, input={**fewer, "lengths": None})
            sizes = ", ".join(f"{name} {value}" for name, value in fewer.items())
            self._warnings.append(f"judged with {sizes}: rnncli verify judges the case itself")
        problems = Problems()
        for name in names:
            named = judged if name not in BUILT_IN else judged.model_copy(update={"candidate": name})
            judged_as = load(named) if candidate is None or name in BUILT_IN else candidate
            checks = Judgement(problems.of(named, device), judged_as).checks
            self._verdicts[name] = verdict = combine(check.verdict for check in checks)
            if verdict == Verdict.MISMATCH:
                wrong = ", ".join(dict.fromkeys(c.tensor for c in checks if c.verdict == Verdict.MISMATCH))
                told = "timed all the same" if self._options.even_if_wrong else "not timed; --even-if-wrong times it"
                self._warnings.append(f"{name} is a mismatch in {wrong}: {told}; rnncli verify says why")

    def record(self) -> CaseRecord:
        """Return all that is known."""
        found = replace(self._record, verdict=combine(self._verdicts.values()), warnings=tuple(self._warnings))
        return replace(found, timing=tuple(self._timings) or None)


def _passes(case: Case) -> tuple[Pass, ...]:
    return PASSES if case.run.gradients else PASSES[:1]


def growth(cases: Sequence[CaseRecord], axes: Sequence[str]) -> tuple[Growth, ...]:
    """Return the exponents of each implementation and pass: least squares on logarithms, over all cases with timings.

    `axes` are dotted leaves; those with one value in the cases have no exponent.
    """
    varying = [axis for axis in axes if len({_value(case.config, axis) for case in cases if case.timing}) > 1]
    points: dict[tuple[str, Pass], list[list[float]]] = {}  # 1, the logarithm of each size, that of the time
    for case in cases:
        logs = [math.log(_value(case.config, axis)) for axis in varying]
        for timing in case.timing or ():
            point = [1.0, *logs, math.log(timing.median_s)]
            points.setdefault((timing.implementation, timing.pass_), []).append(point)
    fitted = []
    for (implementation, pass_), of_pass in points.items():
        if not varying or len(of_pass) <= len(varying):
            continue
        rows = torch.tensor(of_pass, dtype=torch.float64)
        found = torch.linalg.lstsq(rows[:, :-1], rows[:, -1:], driver="gelsd").solution[1:, 0].tolist()
        exponents = {axis.rpartition(".")[2]: value for axis, value in zip(varying, found, strict=True)}
        fitted.append(Growth(implementation=implementation, pass_=pass_, exponents=exponents))
    return tuple(fitted)


def _value(config: Mapping[str, Mapping[str, float]], axis: str) -> float:
    section, _, name = axis.partition(".")
    return config[section][name]
