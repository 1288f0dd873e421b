"""rnncli from Python: `verify` and `assert_parity`, for a test suite of one's own.

>>> import torch, rnncli
>>> def rnn(x, W_ih, W_hh, b_ih, b_hh, h):
...     for x_t in x:
...         h = torch.tanh(x_t @ W_ih.T + b_ih + h @ W_hh.T)
...     return h
>>> report = rnncli.verify(rnn)
>>> report.verdict, [found.id for found in report.diagnosis]
('mismatch', ['missing-bias-hh'])
>>> rnncli.assert_parity(rnn)
Traceback (most recent call last):
    ...
AssertionError: rnn is not nn.RNN(20, 40): mismatch in h_n, grad input, ...
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rnncli.config.cases import Flag, leaves, load
from rnncli.core.errors import AmbiguousError, CandidateError, nearest
from rnncli.core.records import CaseRecord, Check, Diagnosis, RunRecord, Verdict
from rnncli.core.words import call

_SECTIONS = ("rnn", "input", "run")


@dataclass(frozen=True)
class Report:
    """What was found out about a candidate on one case. It is true where output was compared and nothing differs.

    `record` holds everything, as `rnncli verify --format json` writes it; `str()` is the table of `rnncli verify`.
    """

    record: CaseRecord

    @property
    def verdict(self) -> str | None:
        """match, mismatch or not-comparable."""
        return None if self.record.verdict is None else str(self.record.verdict)

    @property
    def checks(self) -> tuple[Check, ...]:
        """The comparison of every tensor at every stage."""
        return self.record.checks or ()

    @property
    def diagnosis(self) -> tuple[Diagnosis, ...]:
        """What explains a mismatch: the fault or faults, the evidence, the line to change."""
        return self.record.diagnosis or ()

    @property
    def reading(self) -> str | None:
        """How the candidate is called."""
        return self.record.reading

    @property
    def compared(self) -> bool:
        """Whether values of output were compared."""
        return any(check.tensor == "output" and check.verdict != Verdict.NOT_COMPARABLE for check in self.checks)

    def __bool__(self) -> bool:
        return self.record.verdict == Verdict.MATCH and self.compared

    def __str__(self) -> str:
        from rnncli.report.table import render

        return "".join(render(RunRecord.of("verify", {}, [self.record])))


def verify(candidate: str | Callable[..., Any], **arguments: Any) -> Report:
    """Return whether a candidate computes what torch's layer computes: forward, final states and every gradient.

    `candidate`: a function or class, run in this process, or "PATH.py:NAME", "MODULE:NAME" or a built-in, by name.
    `arguments`: `cell`, which names the layer, the arguments of that layer (torch.nn.RNN by default), and the other
    keys of the config without their section: seq_len, batch_size, layout, lengths, h_0, device, dtype, seed, train,
    gradients, weight_scale, tf32, cudnn.

    Raises TypeError for an unknown argument, ConfigError for a value that is not allowed, UnavailableError for a device
    that is not here, and CandidateError where the candidate cannot be called or fails.
    """
    from rnncli.pipeline.verify import VerifyOptions
    from rnncli.pipeline.verify import verify as verify_case

    named = candidate if isinstance(candidate, str) else _name(candidate)
    flags = {"candidate": Flag("candidate", named), **_flags(arguments)}
    (case,) = load(None, flags, with_values=True)
    options = VerifyOptions(timing=False, guard=False, shrink=False)
    return Report(verify_case(case, options, None if isinstance(candidate, str) else candidate))


def assert_parity(candidate: str | Callable[..., Any], **arguments: Any) -> None:
    """Raise AssertionError, with the diagnosis, where a candidate does not compute what torch's layer computes.

    Takes what `verify` takes. A gradient that cannot be compared is no failure, see `Report.checks`; where output was
    not compared, that is one.
    """
    try:
        report = verify(candidate, **arguments)
    except (CandidateError, AmbiguousError) as error:
        raise AssertionError(f"{error}") from error
    if report:
        return
    wrong = report.record.tensors(Verdict.MISMATCH)
    name = candidate if isinstance(candidate, str) else getattr(candidate, "__name__", repr(candidate))
    lines = [f"{name} is not {call(report.record)}: mismatch in {', '.join(wrong)}"]
    if not wrong:
        why = next((check.reason for check in report.checks if check.tensor == "output" and check.reason), "")
        lines = [f"output of {name} was not compared: {why}"]
    for found in report.diagnosis:
        lines += [f"diagnosis: {found.id}: {found.evidence}", *(found.change or ()), f"fix: {found.fix}"]
    raise AssertionError("\n".join([*lines, "", str(report)]))


def _name(candidate: Callable[..., Any]) -> str:
    """PATH.py:NAME of an object, for messages and the record."""
    name = getattr(candidate, "__name__", type(candidate).__name__)
    module = getattr(candidate, "__module__", None) or "python"
    return f"{module}:{name if name.isidentifier() else 'candidate'}"


def _flags(arguments: Mapping[str, Any]) -> dict[str, Flag]:
    by_name = {leaf.rpartition(".")[2]: leaf for leaf in leaves() if leaf.partition(".")[0] in _SECTIONS}
    flags = {}
    for name, value in arguments.items():
        if name not in by_name:
            raise TypeError(f"verify() has no argument {name}{nearest(name, by_name)}; it has {', '.join(by_name)}")
        flags[by_name[name]] = Flag(name, list(value) if isinstance(value, tuple) else value)
    return flags
