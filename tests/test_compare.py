"""From values to a verdict: what is a mismatch, what is not comparable, and where an error is."""

import pytest
import torch

from rnncli.case import Case
from rnncli.parity.compare import LOW_PRECISION, SCALE_TOLERANCE, ElementwiseTolerance, compare
from rnncli.parity.evaluate import Values
from rnncli.parity.locate import locate
from rnncli.parity.probe import packer
from rnncli.records import Location

NAN, INF = float("nan"), float("inf")
CASE = Case.model_validate(
    {
        "rnn": {"input_size": 3, "hidden_size": 4, "num_layers": 2, "bidirectional": True},
        "input": {"seq_len": 5, "batch_size": 6},
    }
)


def values(*shape: int, dtype=torch.float64) -> torch.Tensor:
    return torch.linspace(-1, 1, torch.Size(shape).numel(), dtype=dtype).reshape(shape)


class FakeRounding:
    """Nudges that move nn.RNN by as much as a test says."""

    def __init__(self, spread: float = 0.0) -> None:
        self.moved = spread

    def spread(self, _: str) -> float:
        return self.moved


def one_check(candidate, reference=None, stage="algorithm", tolerance=None, expected=None):
    reference = values(5, 6, 8) if reference is None else reference
    expected = reference if expected is None else expected
    sides = (Values({"output": tensor}) for tensor in (reference, candidate, expected))
    (check,) = compare(CASE, stage, *sides, FakeRounding(), tolerance)
    return check


def changed(value: float, at=(2, 3, 7), dtype=torch.float64) -> torch.Tensor:
    tensor = values(5, 6, 8, dtype=dtype)
    tensor[at] = value
    return tensor


def test_equal_values_match_with_no_error():
    check = one_check(values(5, 6, 8))
    assert (check.verdict, check.max_abs_error, check.min_tolerance, check.worst) == ("match", 0.0, 0.0, None)


@pytest.mark.parametrize("stage", ["algorithm", "precision"])
@pytest.mark.parametrize("bad", [NAN, INF, -INF])
def test_a_value_that_is_not_finite_where_nn_rnn_s_is_is_a_mismatch_under_any_tolerance(bad, stage):
    for tolerance in (None, ElementwiseTolerance(INF, INF)):
        check = one_check(changed(bad), stage=stage, tolerance=tolerance)
        assert check.verdict == "mismatch"
        assert "1 of 240 values are not finite" in check.reason
        assert check.worst == Location(layer=1, direction="reverse", time=2, batch=3, unit=3)
        assert check.max_abs_error is None


@pytest.mark.parametrize(
    ("candidate", "reason"),
    [
        (None, "no gradient"),
        (values(5, 6, 4), "shape (5, 6, 4), expected (5, 6, 8)"),
        (values(0, 6, 8), "shape (0, 6, 8)"),
        (values(5, 6, 8).float(), "dtype float32, expected float64"),
        (values(5, 6, 8).to("meta"), "device meta, expected cpu"),
    ],
    ids=["missing", "shape", "empty", "dtype", "device"],
)
def test_a_wrong_form_is_a_mismatch_that_says_what_is_wrong(candidate, reason):
    check = one_check(candidate)
    assert check.verdict == "mismatch"
    assert reason in check.reason


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
@pytest.mark.parametrize("over", [False, True], ids=["under", "over"])
def test_the_bound_is_the_table_s_share_of_the_largest_value(dtype, over):
    oracle = values(5, 6, 8)
    reference = oracle.to(getattr(torch, dtype))
    error = (2.0 if over else 0.5) * SCALE_TOLERANCE[dtype].forward
    candidate = oracle.clone()
    candidate[2, 3, 4] += error
    check = one_check(candidate.to(reference.dtype), reference, "precision", expected=reference.double())
    wrong = "not-comparable" if dtype in LOW_PRECISION else "mismatch"
    assert check.verdict == (wrong if over else "match")
    assert check.min_tolerance == pytest.approx(error, rel=0.3)


def test_a_gradient_has_a_bound_of_its_own():
    oracle = values(5, 6, 3)
    error = (SCALE_TOLERANCE["float32"].forward * SCALE_TOLERANCE["float32"].gradient) ** 0.5  # between the two
    candidate = oracle.clone()
    candidate[0, 0, 0] += error
    sides = [Values({"grad input": tensor}) for tensor in (oracle.float(), candidate.float(), oracle)]
    (check,) = compare(CASE, "precision", *sides, FakeRounding())
    assert check.verdict == "match"


def test_an_error_within_twice_nn_rnn_s_own_is_rounding():
    oracle = values(5, 6, 8)
    reference = oracle.float() + 0.1
    assert one_check(oracle.float() + 0.19, reference, "precision", expected=oracle).verdict == "match"
    assert one_check(oracle.float() + 0.21, reference, "precision", expected=oracle).verdict == "mismatch"
    assert one_check(reference + 0.001, reference).verdict == "mismatch", "in float64 the table alone decides"


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_single_values_over_the_bound_are_no_verdict_in_low_precision_and_all_of_them_are(dtype):
    oracle = values(5, 6, 8)
    reference = oracle.to(getattr(torch, dtype))
    one, every = reference.clone(), reference + 0.5
    one[2, 3, 4] += 0.5
    low = dtype in LOW_PRECISION
    assert one_check(one, reference, "precision", expected=oracle).verdict == ("not-comparable" if low else "mismatch")
    assert one_check(every, reference, "precision", expected=oracle).verdict == "mismatch"
    sides = [Values({"grad input": tensor[..., :3]}) for tensor in (reference, every, oracle)]
    (gradient,) = compare(CASE, "precision", *sides, FakeRounding())
    assert gradient.verdict == ("not-comparable" if low else "mismatch")
    own_tolerance = ElementwiseTolerance(0.1, 0)
    assert one_check(one, reference, "precision", own_tolerance, oracle).verdict == "mismatch"


def test_an_error_as_large_as_a_nudge_moves_nn_rnn_is_no_verdict():
    candidate = changed(0.9)
    error = float((candidate - values(5, 6, 8)).abs().max())
    sides = [Values({"output": tensor}) for tensor in (values(5, 6, 8), candidate, values(5, 6, 8))]
    for spread, verdict in ((error / 10, "not-comparable"), (error / 40, "mismatch")):
        (check,) = compare(CASE, "algorithm", *sides, FakeRounding(spread))
        assert check.verdict == verdict


def test_the_user_s_tolerance_is_element_by_element_and_for_the_precision_stage():
    candidate = changed(values(5, 6, 8)[0, 0, 0] + 0.01, at=(0, 0, 0))
    assert one_check(candidate, stage="precision").verdict == "mismatch"
    assert one_check(candidate, stage="precision", tolerance=ElementwiseTolerance(0.011, 0)).verdict == "match"
    assert one_check(candidate, stage="precision", tolerance=ElementwiseTolerance(0.009, 0)).verdict == "mismatch"
    assert one_check(candidate, stage="precision", tolerance=ElementwiseTolerance(0, 0.011)).verdict == "match"


def test_a_value_where_nn_rnn_is_all_zero_is_a_mismatch_without_a_tolerance_that_would_pass():
    check = one_check(
        changed(1e-300).mul_(0) + changed(1e-9).where(changed(1e-9) == 1e-9, 0), torch.zeros(5, 6, 8).double()
    )
    assert check.verdict == "mismatch"
    assert check.min_tolerance is None


def test_an_error_that_float64_cannot_hold_is_a_mismatch_with_its_reason():
    check = one_check(values(5, 6, 8) * 1.7e308, values(5, 6, 8) * -1.7e308)
    assert (check.verdict, check.reason) == ("mismatch", "the error is larger than float64 holds")


def test_where_nn_rnn_overflows_the_rest_decides():
    overflown = changed(INF)
    assert one_check(changed(INF), overflown).verdict == "not-comparable"
    assert one_check(changed(NAN), overflown).verdict == "not-comparable"
    wrong = changed(INF)
    wrong[0, 0, 0] += 1
    assert one_check(wrong, overflown).verdict == "mismatch"


def test_values_that_overflow_where_nn_rnn_s_nearly_do_are_no_verdict():
    reference = values(5, 6, 8, dtype=torch.float16) * 60000
    candidate = reference.clone()
    candidate[0, 0, 0] = INF
    assert one_check(candidate, reference, "precision", expected=reference.double()).verdict == "not-comparable"


def test_under_the_user_s_tolerance_the_worst_place_is_the_worst_violation():
    reference = torch.ones(5, 6, 8).double()
    reference[0, 0, 0] = 1000
    candidate = reference.clone()
    candidate[0, 0, 0] += 0.5
    candidate[4, 5, 3] += 0.1
    check = one_check(candidate, reference, "precision", tolerance=ElementwiseTolerance(0, 1e-3))
    assert check.verdict == "mismatch"
    assert (check.worst.time, check.worst.batch, check.worst.unit) == (4, 5, 3)


def test_at_the_precision_stage_both_sides_are_measured_against_the_oracle():
    oracle = values(5, 6, 8)
    reference, candidate = oracle.float() + 1e-6, oracle.float() + 3e-6
    check = one_check(candidate, reference, "precision", expected=oracle)
    assert check.reference_max_abs_error == pytest.approx(1e-6, rel=0.1)
    assert check.max_abs_error == pytest.approx(3e-6, rel=0.1)


@pytest.mark.parametrize(
    ("rnn", "given", "tensor", "index", "place"),
    [
        ({}, {}, "output", (2, 3, 7), Location(layer=1, direction="reverse", time=2, batch=3, unit=3)),
        (
            {"batch_first": True},
            {},
            "output",
            (3, 2, 1),
            Location(layer=1, direction="forward", time=2, batch=3, unit=1),
        ),
        ({}, {"layout": "unbatched"}, "output", (2, 5), Location(layer=1, direction="reverse", time=2, unit=1)),
        ({}, {}, "h_n", (2, 3, 1), Location(layer=1, direction="forward", batch=3, unit=1)),
        ({}, {}, "grad h_0", (1, 3, 1), Location(layer=0, direction="reverse", batch=3, unit=1)),
        ({}, {"layout": "unbatched"}, "h_n", (3, 1), Location(layer=1, direction="reverse", unit=1)),
        ({}, {}, "grad input", (4, 3, 2), Location(layer=0, time=4, batch=3, unit=2)),
        ({}, {}, "grad weight_ih_l1_reverse", (3, 2), Location(layer=1, direction="reverse", unit=3, column=2)),
        ({}, {}, "grad bias_hh_l0", (2,), Location(layer=0, direction="forward", unit=2)),
    ],
    ids=lambda value: str(value) if isinstance(value, str) else None,
)
def test_an_element_is_named_by_its_place_in_the_computation(rnn, given, tensor, index, place):
    values = CASE.config
    case = Case.model_validate({"rnn": values["rnn"] | rnn, "input": values["input"] | given})
    assert locate(case, tensor, index) == place


def test_a_row_of_packed_data_is_named_by_its_step_and_the_caller_s_sequence():
    lengths = [2, 4, 1]
    case = Case.model_validate(
        {"rnn": {"input_size": 1, "hidden_size": 1}, "input": {"layout": "packed", "lengths": lengths}}
    )
    rows = torch.arange(7.0).unsqueeze(1)
    padded, _ = torch.nn.utils.rnn.pad_packed_sequence(packer(case, torch.device("cpu"))(rows))
    for batch, length in enumerate(lengths):
        for time in range(length):
            place = locate(case, "output", (int(padded[time, batch, 0]), 0))
            assert (place.time, place.batch) == (time, batch)
