"""A result in one line, for a script."""

from dataclasses import replace

import pytest

from rnncli.core.case import Case
from rnncli.core.records import CaseRecord, Check, Diagnosis, Failure, FaultResult, RunRecord, Timing
from rnncli.report.one_line import one_line


def check(tensor, verdict, reason=None):
    return Check(tensor=tensor, stage="algorithm", dtype="float64", verdict=verdict, policy="envelope", reason=reason)


def record(command="verify", cases=1, **found):
    case = CaseRecord(id="a1", config=Case().config, **{"verdict": None, **found})
    return RunRecord.of(command, {}, [case] * cases)


RIGHT = (check("output", "match"), check("h_n", "match"), check("grad input", "match"))
WRONG = (check("output", "mismatch"), check("h_n", "mismatch"), check("grad input", "match"))
SKIPPED = (check("output", "not-comparable", "relu is not claimed; tanh is computed"),)
HALF = (check("output", "not-comparable", "the candidate does not return the states"), check("h_n", "match"))
FAULT = Diagnosis(id="missing-bias-hh", evidence="e", fix="f")
OTHER = Diagnosis(id="hn-before-last", evidence="e", fix="f")
NOTHING = Diagnosis(id="unexplained", evidence="e", fix="f")
TIMED = [
    Timing(implementation=name, pass_="forward", median_s=1.0, iqr_s=0.1, runs=7, ratio_to_reference=ratio)
    for name, ratio in (("nn.RNN", 1.0), ("manual", 0.5), ("matrix products", 0.1))
]
FAULTS = tuple(FaultResult(id=f"f{n}", status=status) for n, status in enumerate(("caught", "caught", "not-visible")))


@pytest.mark.parametrize(
    ("run", "line"),
    [
        (record(verdict="match", checks=RIGHT), "match  manual: output, h_n and grad input"),
        (record(verdict="mismatch", checks=WRONG, diagnosis=(FAULT,)), "mismatch  manual: missing-bias-hh"),
        (
            record(verdict="mismatch", checks=WRONG, diagnosis=(FAULT, OTHER)),
            "mismatch  manual: missing-bias-hh and hn-before-last",
        ),
        (
            record(verdict="mismatch", checks=WRONG, diagnosis=(NOTHING,)),
            "mismatch  manual: output and 1 more, unexplained",
        ),
        (record(verdict="mismatch", checks=RIGHT), "mismatch  manual: the shapes are not as expected"),
        (record(verdict="not-comparable", checks=SKIPPED), "not-comparable  manual: relu is not claimed"),
        (
            record(verdict="match", checks=HALF),
            "match  manual: h_n; output was not compared, so this is no pass: the candidate does not return the states",
        ),
        (
            record(verdict="match", checks=(*RIGHT[:2], check("grad input", "not-comparable", "numpy"))),
            "match  manual: output and h_n; not compared: grad input (numpy)",
        ),
        (
            record(verdict="match", checks=(*RIGHT, check("grad input", "not-comparable", "amplified"))),
            "match  manual: output, h_n and grad input; in float64 not compared: grad input",
        ),
        (record("shapes", cases=2), "predicted  2 cases"),
        (record(cases=0), "nothing to compare  0 cases"),
        (record("bench", verdict="mismatch", timing=tuple(TIMED[::2])), "mismatch  manual: not timed"),
        (
            record("bench", verdict="mismatch", timing=tuple(TIMED)),
            "mismatch  manual: forward: manual 0.50 of nn.RNN's time",
        ),
        (record(error=Failure(kind="candidate", message="it raised\nmore")), "failed  manual: it raised"),
        (record(cases=3, verdict="match", checks=RIGHT), "match  3 cases"),
        (
            record(cases=2, verdict="mismatch", checks=WRONG, diagnosis=(FAULT,)),
            "mismatch  2 cases: 2 mismatch; diagnosis: missing-bias-hh",
        ),
        (record("power", faults=FAULTS), "2 of 3 faults would be caught, 1 not seen"),
        (record("bench", timing=tuple(TIMED)), "forward: manual 0.50 of nn.RNN's time"),
    ],
)
def test_a_result_is_one_line(run, line):
    assert one_line(run) == line


def test_cases_that_were_skipped_are_counted_with_each_reason():
    def line(*found):
        cases = [
            CaseRecord(id=f"a{n}", config=Case().config, verdict=checks[0].verdict, checks=checks)
            for n, checks in enumerate(found)
        ]
        return one_line(RunRecord.of("verify", {}, cases))

    other = (replace(SKIPPED[0], reason="it draws masks of its own"), *SKIPPED[1:])
    assert line(RIGHT, SKIPPED, SKIPPED) == "match  1 case, 2 skipped: relu is not claimed"
    told = "relu is not claimed (2), it draws masks of its own (1)"
    assert line(RIGHT, SKIPPED, other, SKIPPED) == f"match  1 case, 3 skipped: {told}"
