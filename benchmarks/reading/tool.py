"""The tool's side: the verdict of `rnncli verify FILE:NAME FLAGS`. Nothing else in this package knows rnncli."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal
from unittest import mock

Verdict = Literal["match", "mismatch", "not-readable", "ambiguous", "failed", "nothing-compared"]
CALL_TIMEOUT_S = 10.0
LEAVES = {
    "--cell": "rnn.cell",
    "--layers": "rnn.num_layers",
    "--nonlinearity": "rnn.nonlinearity",
    "--bidirectional": "rnn.bidirectional",
    "--batch-first": "rnn.batch_first",
    "--no-bias": "rnn.bias",
    "--input-size": "rnn.input_size",
    "--hidden-size": "rnn.hidden_size",
}
RAN = ("raised", "took longer", "crashed", "was killed", "ended its own process", "returned")


def verdict_of(path: Path, name: str, flags: str) -> tuple[Verdict, str]:
    """Return the verdict on a candidate for the case that flags ask for, and the reason. It runs as on the command
    line: in a process of its own, judged by the same code, without timing, the device guard and shrinking.
    """
    from rnncli.cli.output import exit_code
    from rnncli.config.cases import load
    from rnncli.core.errors import ExitCode
    from rnncli.core.records import RunRecord, Verdict
    from rnncli.pipeline.verify import VerifyOptions, attempted, verify

    options = VerifyOptions(timing=False, guard=False, shrink=False, timeout_s=CALL_TIMEOUT_S)
    (case,) = load(None, _flags(f"{path}:{name}", flags), with_values=True)
    with _without_diagnosis():
        record = attempted(case, lambda case: verify(case, options))
    run = RunRecord.of("verify", {}, [record])
    if record.error is not None:
        return _of_error(record.error.kind, record.error.message), record.error.message
    wrong = next((check for check in record.checks or () if check.verdict == Verdict.MISMATCH), None)
    said = f"{record.reading}: {f'{wrong.tensor}: {wrong.reason}' if wrong else record.verdict}"
    if exit_code(run) == ExitCode.MATCH:  # what a CI job takes for a pass, whatever the record calls it
        return "match", said
    return ("mismatch" if record.verdict == Verdict.MISMATCH else "nothing-compared"), said


@contextmanager
def _without_diagnosis() -> Iterator[None]:
    """Leave out the search for the fault that explains a mismatch: it takes as long again and decides nothing."""
    patched = mock.patch("rnncli.faults.diagnose.diagnosed", return_value=())
    with suppress(AttributeError, ImportError):
        patched.start()
    try:
        yield
    finally:
        with suppress(RuntimeError):
            patched.stop()


def _of_error(kind: str, message: str) -> Verdict:
    if "two readings" in message or "ambiguous" in message:
        return "ambiguous"
    if kind == "candidate" and any(word in message for word in RAN):
        return "failed"
    return "not-readable"


def _flags(target: str, flags: str) -> dict[str, Any]:
    from rnncli.config.cases import Flag

    found = {"candidate": Flag("--candidate", target)}
    words = iter(flags.split())
    for word in words:
        value: Any = not word.startswith("--no-")
        if word in ("--layers", "--input-size", "--hidden-size"):
            value = int(next(words))
        elif word in ("--nonlinearity", "--cell"):
            value = next(words)
        found[LEAVES[word]] = Flag(word, value)
    return found
