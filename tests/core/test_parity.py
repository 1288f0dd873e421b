"""The checks of a case by tensor, and the lines they are shown in."""

from dataclasses import replace

from rnncli.core import parity, words
from rnncli.core.causes import Cause
from rnncli.core.records import Check, Verdict
from tests.sample_records import case_of

PRECISION = Check(tensor="output", stage="precision", dtype="float32", verdict=Verdict.MATCH, policy="envelope")
ALGORITHM = replace(PRECISION, stage="algorithm", dtype="float64")
ELSEWHERE = replace(ALGORITHM, verdict=Verdict.MISMATCH, cause=Cause.REGIME, max_abs_error=1e-16, min_tolerance=1e-16)


def test_the_figures_of_a_tensor_are_those_of_the_stage_that_is_wrong():
    wrong = replace(ALGORITHM, verdict=Verdict.MISMATCH)
    (both,) = parity.by_tensor((wrong, PRECISION))
    assert (both.decisive, both.verdict) == (wrong, Verdict.MISMATCH)
    (both,) = parity.by_tensor((ALGORITHM, PRECISION))
    assert (both.decisive, both.verdict) == (PRECISION, Verdict.MATCH)


def test_what_no_tolerance_lets_through_passes_at_none():
    shape = replace(PRECISION, verdict=Verdict.MISMATCH, reason="shape (1, 2), expected (2, 1)")
    assert parity.passes_at(shape) == "none"
    assert parity.passes_at(replace(shape, min_tolerance=0.25)) == "2.5e-01"
    assert parity.passes_at(replace(shape, verdict=Verdict.NOT_COMPARABLE)) == "-"
    assert parity.passes_at(replace(PRECISION, min_tolerance=1e-7)) == "1.0e-07"


def test_what_a_further_call_shows_has_no_error_of_the_first_and_no_tolerance():
    right = replace(PRECISION, max_abs_error=1e-7)
    (row,) = parity.rows((ELSEWHERE, right))
    assert (row.verdict, row.error, row.note) == (Verdict.MISMATCH, None, "(in a further call)")
    (both,) = parity.by_tensor((ELSEWHERE, right))
    assert both.errors == (None, 1e-7, None)
    assert parity.passes_at(ELSEWHERE) == "none"


def test_gradients_that_a_further_call_shows_stand_together():
    checks = [replace(ELSEWHERE, tensor=f"grad {name}") for name in ("input", "h_0", "a", "b")]
    assert [(row.name, row.note) for row in parity.rows(checks)] == [
        ("grad input", "(in a further call)"),
        ("3 more gradients", "(in a further call)"),
    ]


def test_the_conclusion_says_where_a_candidate_is_right():
    case = replace(case_of(Verdict.MISMATCH), checks=(ELSEWHERE, PRECISION))
    assert words.conclusion(case) == (
        "manual is not nn.RNN(20, 40): right in the first call, wrong in a further one (output)"
    )
    one = replace(ELSEWHERE, reason="given the first sequence alone (N = 1): an error of 1.0")
    said = words.conclusion(replace(case, checks=(one,)))
    assert said.endswith("right in the first call; given the first sequence alone (N = 1): an error of 1.0 (output)")
    one = replace(ELSEWHERE, cause=Cause.EXTRA_PARAMETER, reason="gain is trained and acts")
    assert words.conclusion(replace(case, checks=(one, PRECISION))).endswith(": gain is trained and acts")
    case = replace(case, checks=(ELSEWHERE, replace(ALGORITHM, tensor="h_n", verdict=Verdict.MISMATCH)))
    assert words.conclusion(case).endswith(": all 2 tensors differ")
