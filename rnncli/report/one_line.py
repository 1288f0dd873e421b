"""A result in one line, for a script: `mismatch  my_rnn.py:rnn_forward: missing-bias-hh`."""

from collections.abc import Callable

from rnncli.core import words
from rnncli.core.cells import cell_of
from rnncli.core.records import CaseRecord, RunRecord, Verdict
from rnncli.core.summary import call, conclusion

UNEXPLAINED = "unexplained"
PRODUCTS = "matrix products"


def one_line(record: RunRecord) -> str:
    """The verdict of a run and what it rests on; of a command that gives no verdict, its result in short."""
    line = _LINES.get(record.command, _of_verify)
    return line(record)


def _of_verify(record: RunRecord) -> str:
    if len(record.cases) == 1 and not record.missing:
        return _of_case(record.cases[0])
    tally = record.tally
    if record.verdict == Verdict.MATCH:
        skipped = tally.verdicts[Verdict.NOT_COMPARABLE]
        why = next(iter(tally.left_open.most_common(1)), ("", 0))[0]
        matched = tally.verdicts[Verdict.MATCH]
        return f"match  {_cases(matched)}{f', {skipped} skipped: {_shortened(why)}' if skipped else ''}"
    return f"{record.verdict or 'failed'}  {conclusion(record)}"


def _of_case(case: CaseRecord) -> str:
    name = words.candidate(case)
    if case.error:
        return f"failed  {name}: {case.error.message.splitlines()[0]}"
    why = next((check.reason for check in case.checks or () if check.reason), "no value could be compared")
    if case.verdict == Verdict.MATCH:
        right = [check.tensor for check in case.checks or () if check.verdict == Verdict.MATCH]
        unseen = "" if "output" in right else f"; output was not compared, so this is no pass: {_shortened(why)}"
        return f"match  {name}: {words.covered(right)}{unseen}"
    found = [
        diagnosis.id for diagnosis in case.diagnosis or () if diagnosis.id not in (UNEXPLAINED, "device-hardcoded")
    ]
    if case.verdict == Verdict.MISMATCH and found:
        return f"mismatch  {name}: {' and '.join(found)}"
    wrong = list(dict.fromkeys(check.tensor for check in case.checks or () if check.verdict == Verdict.MISMATCH))
    if wrong:
        others = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        return f"mismatch  {name}: {wrong[0]}{others}, {UNEXPLAINED}"
    if case.verdict == Verdict.MISMATCH:
        return f"mismatch  {name}: the shapes are not as expected"
    return f"{case.verdict or 'not judged'}  {name}: {_shortened(why)}"


def _of_shapes(record: RunRecord) -> str:
    if len(record.cases) != 1:
        return f"{record.verdict or 'failed'}  {conclusion(record)}"
    case = record.cases[0]
    if case.error:
        return _of_case(case)
    results = (tensor for tensor in case.shapes or () if tensor.name == "output" or tensor.name.endswith("_n"))
    sizes = ", ".join(f"{tensor.name} {words.size(tensor.predicted)}" for tensor in results)
    return f"{record.verdict or 'predicted'}  {call(case)}: {sizes}"


def _of_power(record: RunRecord) -> str:
    found = [fault.status for case in record.cases for fault in case.faults or ()]
    caught, unseen = found.count("caught"), found.count("not-visible")
    return f"{caught} of {caught + unseen} faults would be caught, {unseen} not seen"


def _of_bench(record: RunRecord) -> str:
    failing = [gate for gate in record.gates or () if gate.failed]
    if record.gates:
        told = "; ".join(f"{gate.condition}: {gate.ratio:.2f}" for gate in failing or record.gates)
        return f"{'fails' if failing else 'holds'}  --fail-if {told}"
    if len(record.cases) != 1 or not record.cases[0].timing:
        return conclusion(record)
    timed = [timing for timing in record.cases[0].timing if timing.ratio_to_reference is not None]
    last = timed[-1].pass_ if timed else ""
    ratios = [f"{t.implementation} {words.ratio_to(t.ratio_to_reference)}" for t in timed
              if t.pass_ == last and not t.is_reference and t.implementation != PRODUCTS]  # fmt: skip
    layer = cell_of(record.cases[0].config).layer
    return f"{last}: {', '.join(ratios)} of {layer}'s time"


def _of_env(record: RunRecord) -> str:
    environment = record.environment or {}
    named = (f"{name} {environment[name]}" for name in ("rnncli", "torch", "python") if environment.get(name))
    return ", ".join([*named, *environment.get("devices", ["cpu"])])


def _cases(count: int) -> str:
    return f"{count} case{'' if count == 1 else 's'}"


def _shortened(reason: str) -> str:
    """The first clause of a reason that goes on."""
    return reason.partition("; ")[0].partition("\n")[0]


_LINES: dict[str, Callable[[RunRecord], str]] = {
    "shapes": _of_shapes,
    "power": _of_power,
    "bench": _of_bench,
    "env": _of_env,
}
