"""A user's candidate as it is judged: in a process of its own, or, from Python, in this one."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from pydantic import ConfigDict, TypeAdapter, ValidationError

from rnncli.core import memory
from rnncli.core.case import Candidate, Case, altered
from rnncli.core.errors import CandidateError
from rnncli.core.records import Timing, Verdict
from rnncli.execution import plain
from rnncli.execution.process import EXTRA_BYTES, ChildProcess
from rnncli.numerics.probe import Probe
from rnncli.verdict.evaluate import Change, Finding, Regimes, Values

if TYPE_CHECKING:
    from rnncli.cost.measure import PassSpec

SMALL_BYTES = 2**28  # of a reply, beside the values of a case


@dataclass(frozen=True)
class Claims:
    """What was found out about a candidate: how it is called, in a line, and what of the case it does not claim."""

    reading: str
    returns: str
    takes: Literal["all", "h_0", "none"]  # of the initial states
    has_gradients: bool
    unsupported: str | None
    wiring: tuple[tuple[str, str, str], ...] = ()  # each tensor, the weight it was given, and why
    faults: tuple[tuple[str, str, str], ...] = ()  # of its own tensors: the parameter, the cause, the reason
    raises: str | None = None  # where it cannot be called, and its tensors say why
    h_0_may_be_omitted: bool = False
    asks_if_training: bool = False
    takes_dropout: bool = False
    takes_lengths: bool = False
    order_is_assumed: bool = False
    readings: int = 1  # how many the evidence leaves open
    keys: tuple[tuple[str, str], ...] = ()  # of a config's candidate, which state the reading
    untried: tuple[str, ...] = ()  # arguments it takes that the case leaves at their defaults, and packed input

    def claimed(self, case: Case) -> Case:
        """Return the case without what the candidate does not claim."""
        given = {"h_0": "omitted"} if self.takes == "none" else {}
        run = {} if self.has_gradients else {"gradients": False}
        read = {"returns": self.returns, **({"takes": "h_0"} if self.takes == "h_0" else {})}
        candidate = Candidate.model_validate({"target": case.target, **case.stated, **read})
        return altered(case, input=given, run=run).model_copy(update={"candidate": candidate})


def readings_in_words(readings: list[tuple[Claims, Verdict | None]]) -> str:
    """Return the readings with their verdicts, each with the keys of a config's candidate that state it alone."""
    in_all = set.intersection(*(set(reading.keys) for reading, _ in readings))
    keys = [[f"{key}: {value}" for key, value in reading.keys if (key, value) not in in_all] for reading, _ in readings]
    told = [f"read as {reading.reading}: {verdict}" for reading, verdict in readings]
    where = "in the mapping candidate: of a config, beside target:"
    if not all(keys):
        where += ", by convention, layout, weights, returns, takes or states"
    else:
        told = [f"{one} ({', '.join(of_one)})" for one, of_one in zip(told, keys, strict=True)]
    return f"{'; or '.join(told)}; state which one is meant {where}"


REPLIES: dict[str, Any] = {  # what the methods of `CandidateServer` return
    "load": None,
    "read": Claims,
    "choose": Claims,
    "repaired": list[tuple[str, tuple[str, ...]] | None],
    "adapter": str,
    "regimes": Regimes,
    "float32_line": str | None,
    "unwritten": str | None,
    "evaluate": tuple[dict[str, torch.Tensor | None], dict[str, Finding]],
    "overwritten": str | None,
    "time": tuple[Timing, ...],
    "bench": tuple[tuple[Timing, ...], list[str]],
    "device_fault": str | None,
    "side_effects": list[str],
}


class CandidateProxy:
    """A user's candidate, wherever its code runs: `verdict.evaluate.Candidate`, its reading, and its cost.

    Every method raises CandidateError where the candidate fails.
    """

    built_in = False

    def __init__(self) -> None:
        self._keys = itertools.count()
        self.h_0_may_be_omitted = self.asks_if_training = self.uses_numpy = False
        self.takes_dropout = self.takes_lengths = self.order_is_assumed = False
        self.takes_all_states = True

    def _call(self, doing: str, method: str, *arguments: Any) -> Any:
        """Return what a method of `CandidateServer` does; an error says while `doing` what."""
        raise NotImplementedError

    @property
    def exit_error(self) -> CandidateError | None:
        """The error that ended its process, where it has one and it ended."""
        return None

    @property
    def printed(self) -> tuple[int, list[str]]:
        """How many lines it printed, and the first of them, where they were caught."""
        return 0, []

    def read(self, case: Case) -> Claims:
        """Import it and find out how it is called."""
        self._call("importing it", "load", case)
        reading: Claims = self._call("reading how it is called", "read", case)
        self.h_0_may_be_omitted = reading.h_0_may_be_omitted
        self.asks_if_training = reading.asks_if_training
        self.takes_dropout, self.takes_lengths = reading.takes_dropout, reading.takes_lengths
        self.order_is_assumed = reading.order_is_assumed
        self.takes_all_states = reading.takes == "all"
        self.uses_numpy = not reading.has_gradients
        return reading

    def choose(self, case: Case, which: int) -> Claims:
        """Take another of the readings that the evidence leaves open."""
        reading: Claims = self._call("reading how it is called", "choose", case, which)
        self.takes_all_states = reading.takes == "all"
        return reading

    def evaluate(self, case: Case, probe: Probe, plain: bool = False) -> Values:
        """Return what it computes; `plain` leaves torch's default dtype at float32."""
        key = next(self._keys)
        tensors, findings = self._call("its forward and backward", "evaluate", case, probe, key, plain)
        asked = "looking at its output"
        return Values(tensors, findings, ask_overwritten=lambda: self._call(asked, "overwritten", key))

    def regimes(self, case: Case, probe: Probe) -> Regimes:
        """Return what it computes in other regimes; see `verdict.regimes`."""
        found: Regimes = self._call("its forward and backward", "regimes", case, probe)
        return found

    def float32_line(self, case: Case, probe: Probe, plain: bool) -> str | None:
        """Return the line that makes a float32 tensor in the middle of float64 work, or None."""
        line: str | None = self._call("its forward", "float32_line", case, probe, plain)
        return line

    def unwritten(self, case: Case, probe: Probe) -> str | None:
        """Return the result with memory of torch.empty that nothing was written to, or None."""
        name: str | None = self._call("its forward", "unwritten", case, probe)
        return name

    def repaired(self, case: Case, faults: Iterable[str], trials: Iterable[tuple[Case, Probe]]) -> list[Change | None]:
        """Return for each of the faults found together the change to its file that fixes it, or None."""
        found: list[Change | None] = self._call("looking for a fix", "repaired", case, faults, trials)
        return found

    def adapter(self, case: Case, folder: Path) -> str:
        """Return the text of a starter adapter."""
        self._call("importing it", "load", case)
        text: str = self._call("looking at it", "adapter", case, folder)
        return text

    def time(self, case: Case, probe: Probe) -> tuple[Timing, ...]:
        """Return its cost beside nn.RNN's, measured where it runs."""
        timing: tuple[Timing, ...] = self._call("timing it", "time", case, probe)
        return timing

    def bench(self, case: Case, probe: Probe, spec: "PassSpec") -> tuple[tuple[Timing, ...], list[str]]:
        """Return what `cost.measure` finds of all that take part, in turn, where the candidate runs."""
        found: tuple[tuple[Timing, ...], list[str]] = self._call("timing it", "bench", case, probe, spec)
        return found

    def device_fault(self, case: Case) -> str | None:
        """Return in words what the guard over meta tensors finds, or None."""
        found: str | None = self._call("the device guard", "device_fault", case)
        return found

    def side_effects(self) -> list[str]:
        """Return in words what its file raised, and which global settings of torch it changed."""
        found: list[str] = self._call("looking at torch's settings", "side_effects")
        return found


class SubprocessCandidate(CandidateProxy):
    """A candidate in a process of its own: what it does there costs no more than a CandidateError here."""

    def __init__(self, case: Case, timeout_s: float, device: torch.device) -> None:
        super().__init__()
        assert case.target is not None
        limit = 4 * memory.needed_for_verify(case) + EXTRA_BYTES if device.type == "cpu" else None
        self._subject, file = f"candidate {case.target}", case.target.rpartition(":")[0]
        most = memory.needed_for_verify(case) + SMALL_BYTES
        server = "rnncli.pipeline.candidate_server:CandidateServer"
        self._process = ChildProcess(server, self._subject, timeout_s, limit, file, plain.loads, most)

    def __enter__(self) -> "SubprocessCandidate":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.close()

    def _call(self, doing: str, method: str, *arguments: Any) -> Any:
        reply = self._process.call(doing, method, *arguments)
        try:
            return _reply_of(method).validate_python(reply)
        except ValidationError:
            raise CandidateError(f"{self._subject}: {doing} gave a reply that is not of rnncli") from None

    @property
    def exit_error(self) -> CandidateError | None:
        return self._process.failure

    @property
    def printed(self) -> tuple[int, list[str]]:
        return self._process.lines, self._process.printed


class InProcessCandidate(CandidateProxy):
    """A candidate in this process: a function or class that a test suite holds in its hands."""

    def __init__(self, target: object) -> None:
        from rnncli.pipeline.candidate_server import CandidateServer

        super().__init__()
        self._server = CandidateServer(target)

    def _call(self, doing: str, method: str, *arguments: Any) -> Any:  # noqa: ARG002  # here nothing is ended
        return getattr(self._server, method)(*arguments)


@cache
def _reply_of(method: str) -> TypeAdapter[Any]:
    """Return what makes of plain data the reply of a method, and refuses everything else."""
    of_tensors = ConfigDict(arbitrary_types_allowed=True) if method in ("regimes", "evaluate") else None
    return TypeAdapter(REPLIES[method], config=of_tensors)
