"""What is drawn of the error of output over time, and which check's."""

from dataclasses import replace

import pytest

from rnncli.records import Check, Verdict
from rnncli.report import words
from rnncli.report.over_time import courses, in_parts, most_telling, scale_of, sparkline

PRECISION = Check(
    tensor="output",
    stage="precision",
    dtype="float32",
    verdict=Verdict.MATCH,
    policy="envelope",
    error_by_step={"forward": (1e-7, 1e-6), "reverse": (1e-5, 0.0)},
    reference_error_by_step={"forward": (1e-7, 1e-7), "reverse": (1e-7, 1e-7)},
)
ALGORITHM = replace(PRECISION, stage="algorithm", dtype="float64", reference_error_by_step=None)


def test_many_steps_are_told_in_parts_by_the_largest_of_each():
    assert list(in_parts((1.0, 3.0, 2.0, 5.0, 4.0), most=2)) == [(range(2), 3.0), (range(2, 5), 5.0)]
    assert list(in_parts((1.0, 2.0), most=5)) == [(range(1), 1.0), (range(1, 2), 2.0)]


def test_a_part_with_a_step_that_is_not_finite_is_not_finite():
    assert [value for _, value in in_parts((1.0, None, 2.0, 3.0), most=2)] == [None, 3.0]


@pytest.mark.parametrize(
    ("checks", "telling"),
    [
        ((ALGORITHM, PRECISION), PRECISION),
        ((ALGORITHM, replace(PRECISION, verdict=Verdict.MISMATCH)), replace(PRECISION, verdict=Verdict.MISMATCH)),
        ((replace(ALGORITHM, verdict=Verdict.MISMATCH), PRECISION), replace(ALGORITHM, verdict=Verdict.MISMATCH)),
        ((replace(ALGORITHM, reason="why"), PRECISION), replace(ALGORITHM, reason="why")),
        ((replace(ALGORITHM, error_by_step=None), replace(PRECISION, error_by_step=None)), None),
        ((), None),
    ],
    ids=["the last", "a mismatch", "the first mismatch", "a reason", "nothing over time", "no checks"],
)
def test_the_check_that_tells_most(checks, telling):
    assert most_telling(checks) == telling


def test_a_course_has_the_lines_that_are_known():
    forward, reverse = courses(PRECISION)
    assert forward.lines == {"error": (1e-7, 1e-6), "nn.RNN's own": (1e-7, 1e-7)}
    assert reverse.direction == "reverse"
    assert [list(course.lines) for course in courses(ALGORITHM)] == [["error"], ["error"]]


def test_the_scale_leaves_zeros_out():
    assert scale_of([(0.0, 1e-3), (1e-9, None)]) == (1e-9, 1e-3)
    assert scale_of([(0.0, None)]) is None


def test_a_block_is_a_decade_high_where_there_are_eight():
    assert sparkline([10.0**-height for height in range(8)], 1e-7, 1.0) == "█▇▆▅▄▃▂▁"


def test_zero_is_no_block_and_what_is_not_finite_a_cross():
    assert sparkline((1.0, 0.0, None), 1.0, 1.0) == "█ x"


def test_the_figures_of_a_tensor_are_those_of_the_stage_that_is_wrong():
    wrong = replace(ALGORITHM, verdict=Verdict.MISMATCH)
    (both,) = words.by_tensor((wrong, PRECISION))
    assert (both.decisive, both.verdict) == (wrong, Verdict.MISMATCH)
    (both,) = words.by_tensor((ALGORITHM, PRECISION))
    assert (both.decisive, both.verdict) == (PRECISION, Verdict.MATCH)
