"""What runs in the process of a user's candidate: its reading, one call of it, its cost, the search of a fix."""

import contextlib
import itertools
import time
import warnings
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from rnncli.candidate.find import located, own_frames
from rnncli.candidate.kept import Kept
from rnncli.candidate.load import Canonical, canonical, default_dtype, is_canonical
from rnncli.candidate.source import module_of
from rnncli.core.case import Case, altered
from rnncli.core.cells import CELLS
from rnncli.core.errors import CandidateError
from rnncli.core.records import Timing
from rnncli.execution import plain
from rnncli.numerics import device as devices
from rnncli.numerics.probe import Probe, draw
from rnncli.pipeline.candidate_process import Claims
from rnncli.pipeline.fixes import Search
from rnncli.verdict.evaluate import (
    Change,
    Regimes,
    Values,
    candidate_side,
    evaluate,
    has_values,
    reference_side,
    values_of,
)
from rnncli.verdict.regimes import observed

if TYPE_CHECKING:
    from rnncli.candidate.adapter import Adapted
    from rnncli.cost.measure import PassSpec

SLOW_IMPORT_S = 0.5  # of a candidate's file, which each edit imports again
# What torch warns of because weights are given as tensors here, and inputs that need no gradient.
OWN_WARNINGS = (r"The \.grad attribute of a Tensor that is not a leaf", "Full backward hook is firing")
ARGUMENTS = ("num_layers", "bidirectional", "batch_first")  # told where a candidate takes them and the case does not
DEFAULTS = Case().config["rnn"]
LAYERS = {cell.layer: (getattr(nn, name), getattr(nn, name).forward) for name, cell in CELLS.items()}


class CandidateServer:
    """What answers a `CandidateProxy`, in the process where the candidate runs."""

    dumps = staticmethod(plain.dumps)

    def __init__(self, target: object = None) -> None:
        self._settings = _settings()
        self._target, self._name = target, ""  # the name is known from `load` on
        self._adapted: Adapted | None = None
        self._note: str | None = None  # of what its file raised
        self._import_s = 0.0
        self._of_file = Kept(None)
        self._dtype: torch.dtype | None = None  # of the values that it was last evaluated with
        self._candidate: Canonical
        self._kept: dict[int, Values] = {}

    def load(self, case: Case) -> None:
        """Import the candidate, if it is not here."""
        assert case.target is not None
        self._name = case.target
        if self._target is None:
            start = time.monotonic()
            with self._with_traceback():
                self._target, self._note = located(self._name)
            self._import_s = time.monotonic() - start
            self._of_file = Kept(module_of(self._target))
            for told in OWN_WARNINGS:
                warnings.filterwarnings("ignore", told)

    def read(self, case: Case) -> Claims:
        """Find out how the candidate is called."""
        if is_canonical(self._target) or case.stated.get("convention") == "canonical":
            self._candidate = canonical(self._name, self._target, partial=True)  # type: ignore[arg-type]
            return self._read_canonical(case)
        from rnncli.candidate.reading import Unreadable, read

        with self._with_traceback(), torch.no_grad():
            try:
                self._readings = read(self._target, self._name, case, case.stated)
            except Unreadable as error:
                if not error.faults:
                    raise (error if error.own else self._with_starter(case, error)) from error.__cause__
                said = "by its names alone: its calls raise"
                return Claims(said, "both", "all", True, None, faults=error.faults, raises=str(error))
        self._of_file.put_back()
        return self.choose(case, 0)

    def _with_starter(self, case: Case, error: CandidateError) -> CandidateError:
        """The error with the command that writes a starter adapter, where one runs."""
        from rnncli.candidate.starter import adapter

        try:
            adapter(self._target, self._name, Path.cwd(), case.cell.name)
        except Exception:
            return error
        cell = "" if case.cell.name == "RNN" else f" --cell {case.cell.name}"
        hint = f"rnncli adapt {self._name}{cell} -o adapter.py writes an adapter to fill in"
        return CandidateError(f"{error}; {hint}", error.trace)

    def _read_canonical(self, case: Case) -> Claims:
        """A candidate of the canonical form says what it returns, and whether a gradient reaches it, when it is run."""
        returns, gradients = case.stated.get("returns", "both"), True
        one = altered(case, run={"dtype": "float64", "device": "cpu", "train": False})
        with contextlib.suppress(Exception), default_dtype(torch.float64):
            side = candidate_side(self._candidate, one, draw(one))
            found = {name: values_of(value) for name, value in side.forward().items() if value is not None}
            returns = _returns(found, case) if found else returns
            gradients = not outside_autograd(self._target) or any(value.requires_grad for value in found.values())
        return Claims("canonical form", returns, "all", gradients, None)

    def choose(self, case: Case, which: int) -> Claims:
        """Take one of the readings that evidence leaves open."""
        adapted = self._adapted = self._readings[which]
        self._candidate = canonical(self._name, adapted, partial=True)
        finals = [name for name, part in zip(case.cell.final, adapted.reading.finals, strict=True) if part is not None]
        native = adapted.native
        return Claims(
            reading="; ".join([adapted.described(case), *adapted.around(case)]),
            returns=_returns([*(["output"] if adapted.returned[0] else []), *finals], case),
            takes=native.states.takes,
            has_gradients=not adapted.arrays and not adapted.outside_autograd,
            unsupported=adapted.unsupported(case),
            wiring=adapted.wiring(case),
            faults=adapted.faults(case),
            h_0_may_be_omitted=native.states.optional,
            takes_dropout=native.claims("dropout") and adapted.reading.whole(case),
            order_is_assumed=adapted.order_is_assumed(case),
            takes_lengths=adapted.takes_lengths or native.packed_alone,
            asks_if_training=native.is_module and native.asks_if_training,
            readings=len(self._readings),
            keys=tuple(adapted.reading.keys.items()),
            untried=_untried(adapted, case),
        )

    def adapter(self, case: Case, folder: Path) -> str:
        """The text of a starter adapter."""
        from rnncli.candidate.starter import adapter

        with self._with_traceback():
            return adapter(self._target, self._name, folder, case.cell.name)

    def repaired(self, case: Case, faults: Sequence[str], trials: Sequence[tuple[Case, Probe]]) -> list[Change | None]:
        """Return the change that fixes each fault; a file that takes long to import is not edited."""
        if self._import_s > SLOW_IMPORT_S:
            return [None for _ in faults]
        module = module_of(self._target)
        return Search(self._name, case, self._candidate, module, self._adapted, trials).changes(faults)

    def regimes(self, case: Case, probe: Probe) -> Regimes:
        """What the candidate computes in other regimes, from its first calls on."""
        self._of_file.put_back()
        if self._adapted:
            self._adapted.native.forget()
        with self._running(case):
            return observed(candidate_side(self._candidate, case, probe), case)

    def float32_line(self, case: Case, probe: Probe, plain: bool) -> str | None:
        """The line that makes a float32 tensor in the middle of float64 work."""
        from rnncli.faults.own_line import float32_made

        with devices.backend_settings(case.run):
            return float32_made(self._candidate, case, probe, plain and _makes_float32())

    def unwritten(self, case: Case, probe: Probe) -> str | None:
        """The result with memory of torch.empty that nothing was written to: NaN where torch fills it with NaN."""
        forward, found = altered(case, run={"gradients": False}), list[set[str]]()
        before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
        try:
            for filling in (False, True):
                torch.use_deterministic_algorithms(filling, warn_only=True)
                tensors, _ = self.evaluate(forward, probe, -1)
                found.append({name for name, value in tensors.items() if _has_nan(value)})
        finally:
            torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        others, with_nan = found
        return next((name for name in ("output", *case.cell.final) if name in with_nan - others), None)

    def evaluate(self, case: Case, probe: Probe, key: int, plain: bool = False) -> tuple[Any, Any]:
        """Values of the candidate, without what it returned itself, which stays here."""
        if self._adapted and (why := self._adapted.unsupported(case)):
            raise CandidateError(f"candidate {self._name}: {why}")  # a smaller case, while one is shrunk
        if probe.input.dtype != self._dtype:  # what is kept of one dtype is of no use in another
            self._of_file.put_back()
        self._dtype = probe.input.dtype
        with self._running(case):
            values = evaluate(candidate_side(self._candidate, case, probe), case, plain and _makes_float32())
        self._kept = {key: values, **dict(itertools.islice(self._kept.items(), 3))}
        return values.tensors, values.findings

    def overwritten(self, key: int) -> str | None:
        """Which of the tensors returned by an earlier call has changed since."""
        return self._kept[key].overwritten if key in self._kept else None

    def time(self, case: Case, probe: Probe) -> tuple[Timing, ...]:
        """Its cost beside nn.RNN's."""
        from rnncli.cost.timing import time_sides

        with self._running(case):
            sides = reference_side(case, probe), candidate_side(self._candidate, case, probe)
            return time_sides(sides, case.run.gradients)

    def bench(self, case: Case, probe: Probe, spec: "PassSpec") -> tuple[tuple[Timing, ...], list[str]]:
        """A pass of all that take part."""
        from rnncli.cost.measure import measure

        with self._running(case):
            return measure(case, probe, spec, self._candidate)

    def device_fault(self, case: Case) -> str | None:
        """Return in words what the guard over meta tensors finds; None where it finds nothing.

        It is not loaded where the candidate makes no tensor of its own. What the candidate keeps is on
        another device afterwards.
        """
        from rnncli.candidate.source import makes_devices, words_of
        from rnncli.faults.device_guard import MAKING, check_devices, makes_tensors

        words = words_of(self._target, module_of(self._target))
        named = bool(words & MAKING) or makes_devices(self._target)
        named = named or (self._adapted is not None and self._adapted.holds_more(case))
        if not named and not makes_tensors(self._candidate, case):
            return None
        finding = check_devices(self._candidate, case)
        return finding.reason if finding.status == "found" else None

    def side_effects(self) -> list[str]:
        """Return in words what the candidate's file raised, and which global settings of torch it changed."""
        after = _settings()
        changes = [
            f"the candidate changes {name} from {before} to {after[name]}"
            for name, before in self._settings.items()
            if before != after[name]
        ]
        return [*([self._note] if self._note else []), *changes]

    @contextlib.contextmanager
    def _running(self, case: Case) -> Iterator[None]:
        with self._with_traceback(), devices.backend_settings(case.run):
            yield

    @contextlib.contextmanager
    def _with_traceback(self) -> Iterator[None]:
        """A candidate's error with its traceback, as text: its own frames."""
        try:
            yield
        except CandidateError as error:
            if error.__cause__ is not None and error.trace is None:
                error.trace = own_frames(error.__cause__, self._name.rpartition(":")[0])
            raise


def _returns(names: Collection[str], case: Case) -> str:
    """Return the value of `returns` for these of output and the final states."""
    if "h_n" not in names:
        return "output" if "output" in names else "both"
    without = " without c_n" if len(case.cell.final) > 1 and "c_n" not in names else ""
    return f"output{without}" if without and "output" in names else f"h_n{without}" if "output" not in names else "both"


def _untried(adapted: "Adapted", case: Case) -> tuple[str, ...]:
    """Return what a candidate takes and the case leaves at its default: arguments, and packed input."""
    arguments = (name for name in ARGUMENTS if adapted.native.claims(name))
    found = [name for name in arguments if getattr(case.rnn, name) == DEFAULTS[name]]
    found += ["reverse"] if adapted.native.claims("reverse") and not case.rnn.bidirectional else []
    return (*found, "packed") if adapted.packs and case.input.layout == "batched" else tuple(found)


def outside_autograd(target: object) -> bool:
    """Whether the source of a candidate goes through numpy, JAX or ONNX, where torch records nothing."""
    from rnncli.candidate.source import module_of, words_of

    return bool(words_of(target, module_of(target)) & {"from_numpy", "numpy", "jax", "onnxruntime"})


def _has_nan(value: Tensor | None) -> bool:
    return value is not None and has_values(value) and bool(value.isnan().any())


def _makes_float32() -> bool:
    """Return whether a buffer without a dtype is float32: not where a file sets the default dtype to float64."""
    return torch.get_default_dtype() == torch.float32


def _is_torchs_own(layer: str) -> bool:
    made, forward = LAYERS[layer]
    return getattr(nn, layer.removeprefix("nn.")) is made and made.forward is forward


def _settings() -> dict[str, Any]:
    """Global settings of torch that a candidate has no business with."""
    return {
        **{f"torch.{layer}": "torch's own" if _is_torchs_own(layer) else "another" for layer in LAYERS},
        "the default dtype": str(torch.get_default_dtype()).removeprefix("torch."),
        "the default device": str(torch.get_default_device()),
        "grad mode": "on" if torch.is_grad_enabled() else "off",
        "the number of threads": torch.get_num_threads(),
        "deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "anomaly mode": torch.is_anomaly_enabled(),
    }
