"""A result in one line, for a script: `mismatch  my_rnn.py:rnn_forward: missing-bias-hh`."""

from collections import Counter
from collections.abc import Mapping

from rnncli.core import words
from rnncli.core.causes import UNEXPLAINED
from rnncli.core.records import CaseRecord, RunRecord, Verdict
from rnncli.core.summary import cases, conclusion

PRODUCTS = "matrix products"


def one_line(record: RunRecord) -> str:
    """Return the verdict of a run and what it rests on; of a command that gives no verdict, its result in short."""
    of = {"shapes": _of_shapes, "power": _of_power, "bench": _of_bench, "env": _of_env}
    return of.get(record.command, _of_verify)(record)


def _of_verify(record: RunRecord) -> str:
    if len(record.cases) == 1 and not record.missing:
        return _of_case(record.cases[0])
    tally = record.tally
    if record.verdict != Verdict.MATCH:
        return f"{record.verdict or without_verdict(record)}  {conclusion(record)}"
    matched, skipped = tally.verdicts[Verdict.MATCH], tally.verdicts[Verdict.NOT_COMPARABLE]
    return f"match  {cases(matched)}" + (f", {skipped} skipped: {_why_skipped(tally.left_open)}" if skipped else "")


def _why_skipped(reasons: Mapping[str, int]) -> str:
    """Return why cases could not be compared, with the number of cases where there are several reasons."""
    counted = Counter[str]()
    for reason, count in reasons.items():
        counted[_shortened(reason)] += count
    told = counted.most_common()
    return told[0][0] if len(told) == 1 else ", ".join(f"{reason} ({count})" for reason, count in told)


def _of_case(case: CaseRecord) -> str:
    name = words.candidate(case)
    if case.error:
        return f"failed  {name}: {case.error.message.splitlines()[0]}"
    why = _shortened(next((check.reason for check in case.checks or () if check.reason), "no value could be compared"))
    if case.verdict == Verdict.MATCH:
        right = case.tensors(Verdict.MATCH)
        no_pass = [f"output was not compared, so this is no pass: {why}"]
        left = words.not_compared(case) if "output" in right else no_pass
        return "; ".join([f"match  {name}: {words.covered(right)}", *left])
    if case.verdict != Verdict.MISMATCH:
        return f"{case.verdict or 'not judged'}  {name}: {why}"
    found = [id for id in words.explained_by(case) if id != UNEXPLAINED]
    wrong = case.tensors(Verdict.MISMATCH)
    what = next(words.shape_disagreements(case), "the shapes are not as expected")
    if found:
        what = " and ".join(found)
    elif wrong:
        what = f"{wrong[0]}{f' and {len(wrong) - 1} more' if len(wrong) > 1 else ''}, {UNEXPLAINED}"
    return f"mismatch  {name}: {what}"


def without_verdict(record: RunRecord) -> str:
    """Return what stands in place of a verdict: that a run failed or is incomplete, or what it came to instead."""
    if record.tally.kinds:
        return "failed"
    if record.missing:
        return "incomplete"
    of = {"shapes": "predicted", "power": _of_power(record)}
    return of.get(record.command, "nothing to compare") if record.cases else "nothing to compare"


def _of_shapes(record: RunRecord) -> str:
    if len(record.cases) != 1:
        return f"{record.verdict or without_verdict(record)}  {conclusion(record)}"
    case = record.cases[0]
    if case.error:
        return _of_case(case)
    if case.verdict == Verdict.MISMATCH:
        return f"mismatch  {words.call(case)}: {'; '.join(words.shape_disagreements(case))}"
    results = (tensor for tensor in case.shapes or () if tensor.name == "output" or tensor.name.endswith("_n"))
    sizes = ", ".join(f"{tensor.name} {words.size(tensor.predicted)}" for tensor in results)
    return f"{record.verdict or 'predicted'}  {words.call(case)}: {sizes}"


def _of_power(record: RunRecord) -> str:
    found = [fault.status for case in record.cases for fault in case.faults or ()]
    caught, unseen = found.count("caught"), found.count("not-visible")
    return f"{caught} of {words.counted(caught + unseen, 'fault')} would be caught, {unseen} not seen"


def _of_bench(record: RunRecord) -> str:
    failing = [gate for gate in record.gates or () if gate.failed]
    if record.gates:
        told = "; ".join(f"{gate.condition}: {gate.ratio:.2f}" for gate in failing or record.gates)
        return f"{'fails' if failing else 'holds'}  --fail-if {told}"
    if len(record.cases) != 1 or not record.cases[0].timing:
        return conclusion(record)
    timed = [timing for timing in record.cases[0].timing if timing.ratio_to_reference is not None]
    last = timed[-1].pass_ if timed else ""
    shown = [one for one in timed if one.pass_ == last and not one.is_reference and one.implementation != PRODUCTS]
    ratios = (f"{one.implementation} {words.ratio_to(one.ratio_to_reference)}" for one in shown)
    told = f"{last}: {', '.join(ratios)} of {record.cases[0].cell.layer}'s time" if shown else "not timed"
    wrong = record.cases[0].verdict == Verdict.MISMATCH
    return f"mismatch  {words.candidate(record.cases[0])}: {told}" if wrong else told


def _of_env(record: RunRecord) -> str:
    environment = record.environment or {}
    named = (f"{name} {environment[name]}" for name in ("rnncli", "torch", "python") if environment.get(name))
    return ", ".join([*named, *environment.get("devices", ["cpu"])])


def _shortened(reason: str) -> str:
    return reason.partition("; ")[0].partition("\n")[0]
