"""A user's candidate in a process of its own, as a judge sees it; and what answers in that process."""

import contextlib
import itertools
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from pydantic import ConfigDict, TypeAdapter, ValidationError
from torch import Tensor, nn

from rnncli.candidate.load import Canonical, canonical, default_dtype, is_canonical, located, own_frames
from rnncli.candidate.repair import Edit, applied, difference, edits
from rnncli.core import memory
from rnncli.core.case import Candidate, Case, altered
from rnncli.core.errors import CandidateError
from rnncli.core.records import Timing, Verdict
from rnncli.execution import plain
from rnncli.execution.process import EXTRA_BYTES, ChildProcess
from rnncli.numerics import device as devices
from rnncli.numerics.probe import Probe, draw
from rnncli.verdict.evaluate import (
    Change,
    Values,
    candidate_side,
    evaluate,
    reference_side,
    regimes,
    values_by,
    values_of,
)

if TYPE_CHECKING:
    from rnncli.candidate.adapter import Adapted
    from rnncli.cost.measure import PassSpec

REPAIR_S = 5.0  # for the search of a fix, on a busy machine; an edit takes about 0.03 s to read and run
MOST_EDITS = 60  # that are tried for a fault
SLOW_IMPORT_S = 0.5  # each edit imports the file again
SMALL_BYTES = 2**28  # of a reply, beside the values of a case
TRIED = {"num_layers": "--layers 2", "bidirectional": "--bidirectional", "batch_first": "--batch-first"}
DEFAULTS = Case().config["rnn"]
NN_RNN = nn.RNN
NN_RNN_FORWARD = nn.RNN.forward


@dataclass(frozen=True)
class Read:
    """What was found out about a candidate: how it is called, in a line, and what of the case it does not claim."""

    reading: str
    returns: str
    takes_h_0: bool
    has_gradients: bool
    unsupported: str | None
    wiring: tuple[tuple[str, str, str], ...] = ()  # each tensor, the weight it was given, and why
    faults: tuple[tuple[str, str, str], ...] = ()  # of its own tensors: the parameter, the cause, the reason
    raises: str | None = None  # where it cannot be called, and its tensors say why
    h_0_may_be_omitted: bool = False
    readings: int = 1  # how many the evidence leaves open
    untried: tuple[str, ...] = ()  # arguments it takes that the case leaves at their defaults

    def claimed(self, case: Case) -> Case:
        """The case without what the candidate does not claim."""
        given = {} if self.takes_h_0 else {"h_0": "omitted"}
        run = {} if self.has_gradients else {"gradients": False}
        assert case.target is not None
        candidate = Candidate.model_validate({"target": case.target, **case.stated, "returns": self.returns})
        return altered(case, input=given, run=run).model_copy(update={"candidate": candidate})


class Own:
    """A user's candidate, as a judge sees it."""

    def __init__(self) -> None:
        self._keys = itertools.count()
        self.h_0_may_be_omitted = self.computes_with_numpy = False

    def _call(self, doing: str, method: str, *arguments: Any) -> Any:
        """What a method of `Inside` returns, wherever it is. Raises CandidateError, which says while `doing` what."""
        raise NotImplementedError

    @property
    def lost(self) -> CandidateError | None:
        """Why its process is gone, where it has one and it is."""
        return None

    @property
    def printed(self) -> tuple[int, list[str]]:
        """How many lines it printed, and the first of them, where that was caught."""
        return 0, []

    def read(self, case: Case) -> Read:
        """Work out how it is called. Raises CandidateError."""
        self._call("importing it", "load", case)
        read: Read = self._call("reading how it is called", "read", case)
        self.h_0_may_be_omitted = read.h_0_may_be_omitted
        self.computes_with_numpy = not read.has_gradients
        return read

    def choose(self, case: Case, which: int) -> Read:
        """Take another of the readings that evidence leaves open. Raises CandidateError."""
        read: Read = self._call("reading how it is called", "choose", case, which)
        return read

    def regimes(self, case: Case, probe: Probe) -> dict[str, Tensor | str | None]:
        """What it computes in other regimes. Raises CandidateError."""
        found: dict[str, Tensor | str | None] = self._call("its forward and backward", "regimes", case, probe)
        return found

    def float32_made(self, case: Case, probe: Probe, plain: bool) -> str | None:
        """The line that makes a float32 tensor in the middle of float64 work; None where none does."""
        line: str | None = self._call("its forward", "float32_made", case, probe, plain)
        return line

    def evaluate(self, case: Case, probe: Probe, plain: bool = False) -> Values:
        """What it computes. Raises CandidateError."""
        key = next(self._keys)
        tensors, findings = self._call("its forward and backward", "evaluate", case, probe, key, plain)
        return Values(tensors, findings, look=lambda: self._call("looking at its output", "overwritten", key))

    def repaired(self, case: Case, faults: Iterable[str], trials: Iterable[tuple[Case, Probe]]) -> list[Change | None]:
        """Return for each of the faults found together the change to its file that fixes it, or None.

        Raises CandidateError.
        """
        found: list[Change | None] = self._call("looking for a fix", "repaired", case, faults, trials)
        return found

    def adapter(self, case: Case, folder: Path) -> str:
        """The text of a starter adapter. Raises CandidateError."""
        self._call("importing it", "load", case)
        text: str = self._call("looking at it", "adapter", case, folder)
        return text

    def time(self, case: Case, probe: Probe) -> tuple[Timing, ...]:
        """Its cost beside nn.RNN's, in its own process."""
        timing: tuple[Timing, ...] = self._call("timing it", "time", case, probe)
        return timing

    def bench(self, case: Case, probe: Probe, spec: "PassSpec") -> tuple[tuple[Timing, ...], list[str]]:
        """What `cost.measure` finds, in its own process: all that take part run there, in turn."""
        found: tuple[tuple[Timing, ...], list[str]] = self._call("timing it", "bench", case, probe, spec)
        return found

    def device_fault(self, case: Case) -> str | None:
        """Return in words what the guard over meta tensors finds; None where it finds nothing."""
        found: str | None = self._call("the device guard", "device_fault", case)
        return found

    def seen(self) -> list[str]:
        """What it did beside computing, in words."""
        found: list[str] = self._call("looking at torch's settings", "seen")
        return found


class Isolated(Own):
    """In a process of its own: what it does there costs no more than a CandidateError here."""

    def __init__(self, case: Case, timeout_s: float, device: torch.device) -> None:
        super().__init__()
        assert case.target is not None
        limit = 4 * memory.needed_for_verify(case) + EXTRA_BYTES if device.type == "cpu" else None
        self._subject, file = f"candidate {case.target}", case.target.rpartition(":")[0]
        most = memory.needed_for_verify(case) + SMALL_BYTES
        self._host = ChildProcess(
            "rnncli.pipeline.candidate_process:Inside", self._subject, timeout_s, limit, file, plain.loads, most
        )

    def __enter__(self) -> "Isolated":
        return self

    def __exit__(self, *_: object) -> None:
        self._host.close()

    def _call(self, doing: str, method: str, *arguments: Any) -> Any:
        reply = self._host.call(doing, method, *arguments)
        try:
            return _replies(method).validate_python(reply)
        except ValidationError:
            raise CandidateError(f"{self._subject}: {doing} gave a reply that is not of rnncli") from None

    @property
    def lost(self) -> CandidateError | None:
        return self._host.failure

    @property
    def printed(self) -> tuple[int, list[str]]:
        return self._host.lines, self._host.printed


REPLIES: dict[str, Any] = {  # what the methods of `Inside` return
    "load": None,
    "read": Read,
    "choose": Read,
    "repaired": list[tuple[str, tuple[str, ...]] | None],
    "adapter": str,
    "regimes": dict[str, Tensor | str | None],
    "float32_made": str | None,
    "evaluate": tuple[dict[str, Tensor | None], dict[str, tuple[Verdict, str]]],
    "overwritten": str | None,
    "time": tuple[Timing, ...],
    "bench": tuple[tuple[Timing, ...], list[str]],
    "device_fault": str | None,
    "seen": list[str],
}


@cache
def _replies(method: str) -> TypeAdapter[Any]:
    """Makes of plain data what a method of `Inside` returns, and refuses everything else."""
    of_tensors = ConfigDict(arbitrary_types_allowed=True) if method in ("regimes", "evaluate") else None
    return TypeAdapter(REPLIES[method], config=of_tensors)


class Here(Own):
    """In this process: a function or class that a test suite holds in its hands."""

    def __init__(self, target: object) -> None:
        super().__init__()
        self._inside = Inside(target)

    def _call(self, doing: str, method: str, *arguments: Any) -> Any:  # noqa: ARG002  # here nothing is ended
        return getattr(self._inside, method)(*arguments)


class Inside:
    """What the process of a candidate does when it is asked to."""

    dumps = staticmethod(plain.dumps)

    def __init__(self, target: object = None) -> None:
        self._settings = _settings()
        self._target = target
        self._adapted: Adapted | None = None
        self._note: str | None = None  # of what its file raised
        self._import_s = 0.0
        self._candidate: Canonical
        self._kept: dict[int, Values] = {}

    def load(self, case: Case) -> None:
        """Import the candidate, if it is not here."""
        assert case.target is not None
        if self._target is None:
            start = time.monotonic()
            with self._told(case):
                self._target, self._note = located(case.target)
            self._import_s = time.monotonic() - start

    def read(self, case: Case) -> Read:
        """Work out how it is called."""
        assert case.target is not None
        if is_canonical(self._target) or case.stated.get("convention") == "canonical":
            self._candidate = canonical(case.target, self._target, partial=True)  # type: ignore[arg-type]
            return self._read_canonical(case)
        from rnncli.candidate.reading import Unreadable, read

        with self._told(case), torch.no_grad():
            try:
                self._readings = read(self._target, case.target, case, case.stated)
            except Unreadable as error:
                if not error.faults:
                    raise self._with_starter(case, error) from error.__cause__
                return Read(
                    "by its names alone: its calls raise", "both", True, True, None, (), error.faults, str(error)
                )
        return self.choose(case, 0)

    def _with_starter(self, case: Case, error: CandidateError) -> CandidateError:
        """The error with the command that writes a starter adapter, where one runs."""
        from rnncli.candidate.starter import adapter

        assert case.target is not None
        try:
            adapter(self._target, case.target, Path.cwd())
        except Exception:
            return error
        hint = f"rnncli adapt {case.target} -o adapter.py writes an adapter to fill in"
        return CandidateError(f"{error}; {hint}", error.trace)

    def _read_canonical(self, case: Case) -> Read:
        """A candidate of the canonical form says what it returns, and whether a gradient reaches it, when it is run."""
        returns, gradients = case.stated.get("returns", "both"), True
        one = altered(case, run={"dtype": "float64", "device": "cpu", "train": False})
        with contextlib.suppress(Exception), default_dtype(torch.float64):
            side = candidate_side(self._candidate, one, draw(one))
            output, h_n = side.forward()
            returns = "h_n" if output is None else "output" if h_n is None else returns
            given = [values_of(output)] if output is not None else [h_n]
            gradients = not outside_autograd(self._target) or any(value.requires_grad for value in given)
        return Read("canonical form", returns, True, gradients, None)

    def choose(self, case: Case, which: int) -> Read:
        """Take one of the readings that evidence leaves open."""
        assert case.target is not None
        adapted = self._adapted = self._readings[which]
        self._candidate = canonical(case.target, adapted, partial=True)
        returns = {(True, True): "both", (True, False): "output", (False, True): "h_n", (False, False): "both"}
        reading = "; ".join([adapted.described(), *adapted.around(case)])
        return Read(
            reading,
            returns[adapted.returned],
            adapted.native.takes_state,
            not adapted.arrays and not adapted.outside_autograd,
            adapted.unsupported(case),
            adapted.wiring(case),
            adapted.faults(case),
            None,
            adapted.native.takes_state and adapted.native.optional_state,
            len(self._readings),
            tuple(name for name in TRIED if adapted.native.claims(name) and getattr(case.rnn, name) == DEFAULTS[name]),
        )

    def adapter(self, case: Case, folder: Path) -> str:
        """The text of a starter adapter."""
        from rnncli.candidate.starter import adapter

        assert case.target is not None
        with self._told(case):
            return adapter(self._target, case.target, folder)

    def repaired(self, case: Case, faults: Sequence[str], trials: Sequence[tuple[Case, Probe]]) -> list[Change | None]:
        """Return the change that fixes each fault: with it the file, read and run anew, has the other faults alone.

        A file that takes long to import, a notebook and a module are not edited.
        """
        file = (case.target or "").rpartition(":")[0]
        if not file.endswith(".py") or self._import_s > SLOW_IMPORT_S:
            return [None for _ in faults]
        source, left, found = Path(file).read_text(), list(faults), dict[str, Change]()
        deadline = time.monotonic() + REPAIR_S
        for fault in faults:
            others = [other for other in left if other != fault]
            for remaining in [others, []][: 2 if others else 1]:  # an edit may fix one fault, or all at once
                edit = self._fixing(case, source, fault, remaining, trials, deadline) if left else None
                if edit:
                    source, left = applied(source, edit), remaining
                    found[fault] = (f"{file}:{edit[0].line}", difference(edit))
                    break
        return [found.get(fault) for fault in faults]

    def _fixing(
        self,
        case: Case,
        source: str,
        fault: str,
        remaining: Sequence[str],
        trials: Sequence[tuple[Case, Probe]],
        deadline: float,
    ) -> Edit | None:
        for edit in itertools.islice(edits(source, fault), MOST_EDITS):
            if time.monotonic() > deadline:
                return None
            if self._computes(case, applied(source, edit), remaining, trials):
                return edit
        return None

    def _computes(self, case: Case, source: str, faults: Sequence[str], trials: Sequence[tuple[Case, Probe]]) -> bool:
        """Return whether the candidate, in an edited source, computes what nn.RNN with these faults does."""
        from rnncli.candidate.load import from_source
        from rnncli.candidate.reading import read
        from rnncli.faults.diagnose import Trial

        assert case.target is not None
        try:
            with contextlib.redirect_stdout(None), contextlib.redirect_stderr(None):
                edited: Any = from_source(case.target, source)
                if self._adapted is not None:
                    with torch.no_grad():
                        edited, *others = read(edited, case.target, case, case.stated)
                    if others or edited.unsupported(case) or edited.faults(case) or not self._is_wired_as(edited, case):
                        return False
                run = canonical(case.target, edited, partial=True)
                tried = [*trials, *self._further(edited, *trials[0])]
                return all(
                    Trial(one, probe, values_by(run, one, probe)).is_explained_by(faults) for one, probe in tried
                )
        except Exception:
            return False

    def _further(self, edited: Any, case: Case, probe: Probe) -> Iterator[tuple[Case, Probe]]:
        """Yield cases an edited candidate must match in too, if it can: h_0 omitted, and the other nonlinearity."""
        if self._adapted is None:
            return
        native = edited.native
        if native.takes_state and native.optional_state and probe.h_0 is not None:
            yield altered(case, input={"h_0": "omitted"}), replace(probe, h_0=None)
        if native.claims("nonlinearity"):
            other = "relu" if case.rnn.nonlinearity == "tanh" else "tanh"
            yield altered(case, rnn={"nonlinearity": other}), probe

    def _is_wired_as(self, edited: "Adapted", case: Case) -> bool:
        """Return whether an edited candidate is called alike, and its tensors hold the same weights."""
        assert self._adapted is not None
        wirings = [[(wire[0], wire[1]) for wire in one.wiring(case)] for one in (self._adapted, edited)]
        return wirings[0] == wirings[1] and self._adapted.described() == edited.described()

    def regimes(self, case: Case, probe: Probe) -> dict[str, Tensor | str | None]:
        """What the candidate computes in other regimes."""
        with self._told(case), devices.backend_settings(case.run):
            return regimes(candidate_side(self._candidate, case, probe), case)

    def float32_made(self, case: Case, probe: Probe, plain: bool) -> str | None:
        """The line that makes a float32 tensor in the middle of float64 work."""
        from rnncli.faults.device_guard import float32_made

        with devices.backend_settings(case.run):
            return float32_made(self._candidate, case, probe, plain)

    def evaluate(self, case: Case, probe: Probe, key: int, plain: bool = False) -> tuple[Any, Any]:
        """Values of the candidate, without what it returned itself, which stays here."""
        with self._told(case), devices.backend_settings(case.run):
            values = evaluate(candidate_side(self._candidate, case, probe), case, plain)
        self._kept = {key: values, **dict(itertools.islice(self._kept.items(), 3))}
        return values.tensors, values.findings

    def overwritten(self, key: int) -> str | None:
        """Which of the tensors returned by an earlier call has changed since."""
        return self._kept[key].overwritten if key in self._kept else None

    def time(self, case: Case, probe: Probe) -> tuple[Timing, ...]:
        """Its cost beside nn.RNN's."""
        from rnncli.cost.timing import time_sides

        with self._told(case), devices.backend_settings(case.run):
            return time_sides(
                (reference_side(case, probe), candidate_side(self._candidate, case, probe)), case.run.gradients
            )

    def bench(self, case: Case, probe: Probe, spec: "PassSpec") -> tuple[tuple[Timing, ...], list[str]]:
        """A pass of all that take part."""
        from rnncli.cost.measure import measure

        with self._told(case), devices.backend_settings(case.run):
            return measure(case, probe, spec, self._candidate)

    def device_fault(self, case: Case) -> str | None:
        """Return in words what the guard over meta tensors finds; None where it finds nothing.

        It is not loaded where the candidate makes no tensor of its own. What the candidate keeps is on
        another device afterwards.
        """
        from rnncli.candidate.source import makes_devices, module_of, words_of
        from rnncli.faults.device_guard import MAKING, check_devices, makes_tensors

        words = words_of(self._target, module_of(self._target))
        named = bool(words & MAKING) or makes_devices(self._target)
        named = named or (self._adapted is not None and self._adapted.holds_more(case))
        if not named and not makes_tensors(self._candidate, case):
            return None
        finding = check_devices(self._candidate, case)
        return finding.reason if finding.status == "found" else None

    def seen(self) -> list[str]:
        """What the candidate did beside computing: what its file raised, and which global settings it changed."""
        return [*([self._note] if self._note else []), *self.changes()]

    def changes(self) -> list[str]:
        """Return the global settings of torch that the candidate changed, in words."""
        after = _settings()
        return [
            f"the candidate changes {name} from {before} to {after[name]}"
            for name, before in self._settings.items()
            if before != after[name]
        ]

    @contextlib.contextmanager
    def _told(self, case: Case) -> Iterator[None]:
        """A candidate's error with its traceback, as text: its own frames."""
        assert case.target is not None
        file = case.target.rpartition(":")[0]
        try:
            yield
        except CandidateError as error:
            if error.__cause__ is not None and error.trace is None:
                error.trace = own_frames(error.__cause__, file)
            raise


def outside_autograd(target: object) -> bool:
    """Whether the source of a candidate goes through numpy, JAX or ONNX, where torch records nothing."""
    from rnncli.candidate.source import module_of, words_of

    return bool(words_of(target, module_of(target)) & {"from_numpy", "numpy", "jax", "onnxruntime"})


def _settings() -> dict[str, Any]:
    """Global settings of torch that a candidate has no business with."""
    return {
        "torch.nn.RNN": "torch's own" if nn.RNN is NN_RNN and nn.RNN.forward is NN_RNN_FORWARD else "another",
        "the default dtype": str(torch.get_default_dtype()).removeprefix("torch."),
        "the default device": str(torch.get_default_device()),
        "grad mode": "on" if torch.is_grad_enabled() else "off",
        "the number of threads": torch.get_num_threads(),
        "deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "anomaly mode": torch.is_anomaly_enabled(),
    }
