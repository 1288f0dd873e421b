"""What is drawn of the error of output over time, and which check's."""

from dataclasses import replace

import pytest

from rnncli.core.causes import Cause
from rnncli.core.records import Check, Verdict
from rnncli.report.over_time import Course, courses, most_telling, scale_of, sparkline
from tests.sample_records import case_of, record_of, rendered

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


def course(error, allowed=None, reference=None):
    return Course("forward", error, reference, allowed)


def test_of_many_steps_each_part_is_shown_by_the_one_with_the_largest_error():
    found = course((1.0, 3.0, 2.0, 5.0, 4.0), reference=(9.0, 1.0, 9.0, 2.0, 9.0))
    assert found.parts(2) == [(range(2), 1), (range(2, 5), 3)]
    assert found.shown(2) == {"error": [3.0, 5.0], "nn.RNN's own": [1.0, 2.0]}
    assert course((1.0, 2.0)).parts(5) == [(range(1), 0), (range(1, 2), 1)]


def test_an_error_stands_beside_what_is_allowed_at_that_step():
    """Not beside the largest of the part: step 1 is beyond what is allowed, step 2 is not."""
    found = course((1e-7, 5e-6, 6e-6, 1e-7), allowed=(1e-6, 1e-6, 1e-5, 1e-6))
    assert found.shown(1) == {"error": [5e-6], "allowed": [1e-6]}


def test_where_nothing_is_allowed_any_error_is_the_largest():
    assert course((1.0, 1e-9, 0.0), allowed=(1e-6, 0.0, 0.0)).parts(1) == [(range(3), 1)]
    assert course((0.0, 1e-9), allowed=(0.0, 1.0)).parts(1) == [(range(2), 1)]
    assert course((1e-3, 1e9), allowed=(1.0, None)).parts(1) == [(range(2), 0)]


def test_a_part_with_a_step_that_is_not_finite_is_not_finite():
    assert course((1.0, None, 2.0, 3.0)).shown(2) == {"error": [None, 3.0]}


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


def test_the_error_of_the_first_call_is_not_drawn_where_a_further_one_is_wrong():
    wrong = replace(ALGORITHM, verdict=Verdict.MISMATCH, cause=Cause.VALUES)
    drawn, not_drawn = (
        rendered("table", record_of(replace(case_of(Verdict.MISMATCH), checks=(replace(wrong, cause=cause),))))
        for cause in (Cause.VALUES, Cause.REGIME)
    )
    assert "Error of output, forward:" in drawn
    assert "Error of output" not in not_drawn
