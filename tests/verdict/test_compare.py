"""From values to a verdict: what is a match, a mismatch or still open, and where an error is."""

import itertools
import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from rnncli.core.case import Case
from rnncli.core.causes import DOWNCAST, Cause
from rnncli.core.records import Location, Verdict
from rnncli.core.shapes import predict_parameters, predict_tensors
from rnncli.numerics.locate import by_group, first_in_order, locate, over_elements
from rnncli.numerics.oracle import Envelope
from rnncli.numerics.probe import packer
from rnncli.verdict.compare import ENVELOPES, OPEN, by_step, compare, loosest, told_by_size
from rnncli.verdict.evaluate import Finding, Values
from rnncli.verdict.problem import ENVELOPE, Policy, Problem

NAN, INF = float("nan"), float("inf")
STAGES = ("algorithm", "precision")
DTYPES = ("float64", "float32", "bfloat16", "float16")
CASE = Case.model_validate(
    {
        "rnn": {"input_size": 3, "hidden_size": 4, "num_layers": 2, "bidirectional": True},
        "input": {"seq_len": 5, "batch_size": 6},
    }
)
SIZES = {"output": (5, 6, 8), "h_n": (4, 6, 4), "grad input": (5, 6, 3), "grad bias_ih_l0": (4,)}


def values(*shape: int, dtype=torch.float64) -> torch.Tensor:
    return torch.linspace(-1, 1, torch.Size(shape).numel(), dtype=dtype).reshape(shape)


def changed(value: float, at=(2, 3, 7), tensor="output") -> torch.Tensor:
    result = values(*SIZES[tensor])
    result[at] = value
    return result


def moved(by: float, at=(2, 3, 7), tensor="output", of=None) -> torch.Tensor:
    result = (values(*SIZES[tensor]) if of is None else of).clone()
    result[at] += by
    return result


def envelope(spread=1e-15, kinks=0, **by_tensor) -> Envelope:
    """The same spread in every group, but for what `by_tensor` says."""
    spreads = {name: by_group(CASE, name, torch.full(size, spread).double()) for name, size in SIZES.items()}
    return Envelope(spreads | by_tensor, kinks, floor=0.0)


class Known(Problem):
    """A problem whose values are given."""

    def __init__(self, reference, expected=None, measured=lambda _: envelope(), case=CASE, policy=ENVELOPE):
        super().__init__(case, torch.device("cpu"), policy, reference=Values(reference))
        self._expected, self._envelope = expected or reference, measured

    def reference(self, _):
        return Problem.reference(self, "algorithm")

    def expected(self, _):
        return self._expected

    def oracle(self, _):
        return SimpleNamespace(envelope=self._envelope)


def compared(
    candidate,
    reference=None,
    expected=None,
    *,
    tensor="output",
    stage="algorithm",
    around=None,
    policy=None,
    same_algorithm=True,
    case=CASE,
):
    """The check of one tensor. Without an envelope `around` it, the verdict must not need one."""
    reference = values(*SIZES[tensor]) if reference is None else reference
    expected = reference if expected is None else expected

    def measured(_: str) -> Envelope:
        assert around is not None, "an envelope was asked for"
        return around

    others = {name: values(*SIZES[name]) for name in ("output", "h_n")}
    problem = Known({tensor: reference}, others | {tensor: expected}, measured, case, policy or ENVELOPE)
    (check,) = compare(problem, stage, Values({tensor: candidate}), same_algorithm)
    return check


def checked(*args, **kwargs):
    check = compared(*args, **kwargs)
    assert opened(check) is None
    return check


def opened(check):
    """Why the verdict is open, or None."""
    return check.cause if check.cause in OPEN else None


@pytest.mark.parametrize("stage", STAGES)
def test_equal_values_match_with_no_error(stage):
    check = checked(values(5, 6, 8), stage=stage)
    assert (check.verdict, check.max_abs_error, check.min_tolerance, check.worst) == ("match", 0.0, 0.0, None)


POLICIES = {
    "envelope": Policy(),
    "fixed at infinity": Policy("fixed", INF, INF),
    "exact": Policy("exact"),
}


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("bad", [NAN, INF, -INF])
def test_a_value_that_is_not_finite_where_nn_rnn_s_is_is_a_mismatch_under_any_policy(bad, stage, policy):
    check = checked(changed(bad), stage=stage, policy=policy, around=envelope(INF))
    assert check.verdict == "mismatch"
    assert "1 of 240 values are not" in check.reason
    assert check.worst == check.first_divergence == Location(layer=1, direction="reverse", time=2, batch=3, unit=3)


FORMS = {
    "missing": (None, "no gradient"),
    "shape": (values(5, 6, 4), "shape (5, 6, 4), expected (5, 6, 8)"),
    "empty": (values(0, 6, 8), "shape (0, 6, 8)"),
    "dtype": (values(5, 6, 8).float(), "dtype float32, expected float64 (downcast-float32)"),
    "lower dtype": (values(5, 6, 8).half(), "dtype float16, expected float64"),
    "device": (values(5, 6, 8).to("meta"), "device meta, expected cpu"),
    "layout": (values(5, 6, 8).to_sparse(), "layout sparse_coo, expected strided"),
}


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
@pytest.mark.parametrize(("candidate", "reason"), FORMS.values(), ids=FORMS)
def test_a_wrong_form_is_a_mismatch_that_says_what_is_wrong(candidate, reason, policy):
    check = checked(candidate, policy=policy, stage="precision")
    assert check.verdict == "mismatch"
    assert reason in check.reason


def test_a_finding_about_a_tensor_is_its_verdict():
    found = Finding(Verdict.NOT_COMPARABLE, Cause.NOT_RUN, "not run")
    right = {"output": values(5, 6, 8)}
    (check,) = compare(Known(right), "algorithm", Values(right, {"output": found}))
    assert (check.verdict, check.cause, check.reason) == found


def test_a_tensor_that_the_candidate_does_not_give_is_a_mismatch():
    right = {"output": values(5, 6, 8)}
    (check,) = compare(Known(right), "algorithm", Values())
    assert check.verdict == "mismatch"


def test_every_tensor_of_nn_rnn_s_is_compared_or_those_asked_for():
    tensors = {name: values(*size) for name, size in SIZES.items()}
    given = Known(tensors), "algorithm", Values(tensors)
    assert [check.tensor for check in compare(*given)] == list(SIZES)
    assert [check.tensor for check in compare(*given, only={"h_n", "grad input"})] == ["h_n", "grad input"]


@pytest.mark.parametrize("tensor", SIZES)
@pytest.mark.parametrize(("envelopes", "verdict"), [(0.99 * ENVELOPES, "match"), (1.01 * ENVELOPES, "mismatch")])
def test_the_bound_is_so_many_envelopes(tensor, envelopes, verdict):
    last = tuple(size - 1 for size in SIZES[tensor])
    check = checked(moved(-envelopes * 1e-9, last, tensor), tensor=tensor, around=envelope(1e-9))
    assert check.verdict == verdict
    assert check.noise_ratio == pytest.approx(envelopes, rel=1e-5)
    assert check.allowed == pytest.approx(ENVELOPES * 1e-9)
    assert check.min_tolerance == pytest.approx(envelopes * 1e-9, rel=1e-5)


def growing() -> torch.Tensor:
    """What relu may compute: values that grow from 1e-2 to 1e6 along time."""
    return torch.logspace(-2, 6, 5).double()[:, None, None] * (values(5, 6, 8).abs() + 0.1)


@pytest.mark.parametrize(("step", "verdict"), [(0, "mismatch"), (4, "match")])
def test_an_error_is_held_to_the_envelope_of_its_own_time_step(step, verdict):
    around = envelope(output=by_group(CASE, "output", growing()) * 1e-15)
    candidate = moved(1e-11, (step, 3, 2), of=growing())
    assert checked(candidate, growing(), around=around).verdict == verdict


@pytest.mark.parametrize(("unit", "verdict"), [(0, "mismatch"), (4, "match")])
def test_an_error_is_held_to_the_envelope_of_its_own_direction(unit, verdict):
    spread = torch.tensor([1e-12, 1e-6]).double().expand(5, 2)
    assert checked(moved(1e-8, (1, 1, unit)), around=envelope(output=spread)).verdict == verdict


@pytest.mark.parametrize(("row", "verdict"), [(0, "mismatch"), (1, "match")])
def test_an_error_of_the_final_state_is_held_to_the_envelope_of_its_own_layer_and_direction(row, verdict):
    spread = torch.tensor([1e-12, 1e-6, 1e-12, 1e-12]).double()
    candidate = moved(1e-8, (row, 0, 0), "h_n")
    assert checked(candidate, tensor="h_n", around=envelope(h_n=spread)).verdict == verdict


def test_an_error_below_the_rounding_of_float64_needs_no_envelope():
    assert checked(moved(1e-14)).verdict == "match"


def in_float32():
    """The oracle's values, and nn.RNN's in float32 with an error of its own of about 1e-6."""
    oracle = values(5, 6, 8)
    return oracle, oracle.float() + 1e-6


@pytest.mark.parametrize(("factor", "verdict"), [(0.9, "match"), (1.1, "mismatch")], ids=["within", "beyond"])
def test_an_error_within_twice_nn_rnn_s_own_is_rounding_whatever_the_envelope(factor, verdict):
    oracle, reference = in_float32()
    candidate = oracle.float() + factor * 2e-6
    around = None if verdict == "match" else envelope(1e-9)
    check = checked(candidate, reference, oracle, stage="precision", around=around)
    assert check.verdict == verdict
    assert check.max_abs_error == pytest.approx(factor * 2e-6, rel=0.1)
    assert check.reference_max_abs_error == pytest.approx(1e-6, rel=0.1)


def test_nn_rnn_s_own_error_at_large_values_does_not_excuse_one_at_small_values():
    oracle = values(5, 6, 8)
    oracle[3:] *= 1e9
    reference = (oracle * (1 + 1e-6)).float()
    around = envelope(output=torch.tensor([1e-6, 1e-6, 1e-6, 1e3, 1e3]).double()[:, None].expand(5, 2))
    check = checked(moved(1e-2, (1, 2, 3), of=reference), reference, oracle, stage="precision", around=around)
    assert check.verdict == "mismatch"
    assert check.first_divergence.time == 1


def test_nn_rnn_s_own_error_excuses_nothing_where_the_algorithm_is_another():
    oracle, reference = in_float32()
    check = checked(reference, reference, oracle, stage="precision", around=envelope(1e-9), same_algorithm=False)
    assert check.verdict == "mismatch"


def test_nn_rnn_s_own_error_excuses_nothing_where_it_is_no_rounding():
    oracle = values(5, 6, 8)
    reference = oracle.float() + 0.01
    assert checked(reference, reference, oracle, stage="precision", around=envelope(1e-9)).verdict == "mismatch"


def test_at_the_algorithm_stage_nn_rnn_has_no_error_of_its_own():
    check = checked(moved(1e-9), around=envelope())
    assert (check.verdict, check.reference_max_abs_error) == ("mismatch", None)


def test_the_envelope_asked_for_is_that_of_the_dtype():
    asked = []

    def measured(kind):
        asked.append(kind)
        return envelope(1.0)

    reference = {"output": values(5, 6, 8).bfloat16(), "h_n": None}
    candidate = Values({"output": reference["output"] + 0.5})
    compare(Known(reference, {"output": values(5, 6, 8), "h_n": None}, measured), "precision", candidate)
    assert asked == ["bfloat16"]


# Where nn.RNN's values are all zero


def test_zeros_where_nn_rnn_has_zeros_match():
    check = checked(torch.zeros(5, 6, 8).double(), torch.zeros(5, 6, 8).double())
    assert (check.verdict, check.min_tolerance) == ("match", 0.0)


@pytest.mark.parametrize("stage", STAGES)
def test_a_value_where_nn_rnn_is_all_zero_is_a_mismatch_without_a_tolerance_that_would_pass(stage):
    zeros = torch.zeros(5, 6, 8).double()
    check = checked(moved(1e-300, of=zeros), zeros, stage=stage, around=envelope(0.0))
    assert check.verdict == "mismatch"
    assert check.min_tolerance is None
    assert "all zero" in check.reason


# An empty batch


EMPTY = Case.model_validate({"rnn": CASE.config["rnn"], "input": {"seq_len": 5, "batch_size": 0}})


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
@pytest.mark.parametrize(
    ("size", "verdict"), [((5, 0, 8), "not-comparable"), ((5, 0, 4), "mismatch")], ids=["right shape", "wrong shape"]
)
def test_of_an_empty_batch_shapes_alone_are_compared(size, verdict, policy):
    check = checked(values(*size), values(5, 0, 8), case=EMPTY, policy=policy, stage="precision")
    assert check.verdict == verdict


# What stays open


@pytest.mark.parametrize("kind", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize(("times", "why"), [(0.9, None), (1.1, "amplified")])
def test_where_rounding_moves_a_tensor_too_far_its_verdict_is_open(kind, times, why):
    reference = values(5, 6, 8).to(getattr(torch, kind))
    around = envelope(output=torch.full((5, 2), times * loosest(kind)).double())
    candidate = reference + 0.01 * loosest(kind) + 0.02
    assert opened(compared(candidate, reference, values(5, 6, 8), stage="precision", around=around)) == why


def test_the_verdict_of_a_gradient_is_open_where_rounding_moves_the_values_too_far():
    around = envelope(output=torch.full((5, 2), 0.1).double())
    assert opened(compared(moved(1e-3, (0, 0, 0), "grad input"), tensor="grad input", around=around)) == "amplified"


@pytest.mark.parametrize(
    ("tensor", "why"), [("grad input", "relu-kink"), ("grad bias_ih_l0", "relu-kink"), ("output", None), ("h_n", None)]
)
def test_near_a_kink_the_verdict_of_gradients_alone_is_open(tensor, why):
    candidate = moved(0.1, (0,) * len(SIZES[tensor]), tensor)
    assert opened(compared(candidate, tensor=tensor, around=envelope(kinks=1))) == why


def test_amplified_values_come_before_a_kink():
    around = envelope(kinks=1, output=torch.full((5, 2), 0.1).double())
    assert opened(compared(moved(1e-3, (0, 0, 0), "grad input"), tensor="grad input", around=around)) == "amplified"


OVERFLOWING = {
    "infinite": (changed(INF), changed(INF)),
    "NaN where nn.RNN is infinite": (changed(INF), changed(NAN)),
    "wrong elsewhere": (changed(INF), changed(INF).mul(2)),
    "nearly": (values(5, 6, 8) * 1e308, values(5, 6, 8) * 1.1e308),
    "infinite where nn.RNN is nearly": (values(5, 6, 8) * 1e308, changed(INF)),
}


@pytest.mark.parametrize(("reference", "candidate"), OVERFLOWING.values(), ids=OVERFLOWING)
def test_where_nn_rnn_overflows_the_verdict_is_open(reference, candidate):
    assert opened(compared(candidate, reference)) == "overflow"


def test_where_another_tensor_overflows_the_verdict_is_open():
    right, wrong = values(5, 6, 8), values(5, 6, 8) * 2
    h_n = torch.full((4, 6, 4), INF).double()
    problem = Known({"output": right, "h_n": h_n})
    checks = compare(problem, "algorithm", Values({"output": wrong, "h_n": h_n}))
    assert [opened(check) for check in checks] == ["overflow", "overflow"]


def test_a_working_dtype_overflows_within_its_own_range():
    reference = values(5, 6, 8).half() * 60000
    check = compared(moved(INF, of=reference), reference, reference.double(), stage="precision")
    assert opened(check) == "overflow"


def test_an_error_that_float64_cannot_hold_is_a_mismatch_with_its_reason():
    check = checked(values(5, 6, 8) * 1.79e308, values(5, 6, 8) * -1e307, around=envelope())
    assert (check.verdict, check.reason) == ("mismatch", "the error is larger than float64 holds")


# The other policies


@pytest.mark.parametrize(
    ("policy", "verdict"),
    [
        (Policy("fixed", 0.011, 0.0), "match"),
        (Policy("fixed", 0.009, 0.0), "mismatch"),
        (Policy("fixed", 0.0, 0.011), "match"),
        (Policy("fixed", 0.0, 0.009), "mismatch"),
        (Policy("fixed", 0.006, 0.005), "match"),
        (Policy("fixed"), "mismatch"),
    ],
    ids=str,
)
def test_the_fixed_policy_is_element_by_element(policy, verdict):
    candidate = moved(0.01, (0, 0, 0))  # where nn.RNN has -1
    assert checked(candidate, stage="precision", policy=policy).verdict == verdict


def test_the_fixed_policy_lets_a_small_value_err_by_its_own_share_alone():
    candidate = values(5, 6, 8)
    at = (2, 3, 0)
    candidate[at] *= 1.02
    assert abs(candidate[at]) < 0.5
    assert checked(candidate, stage="precision", policy=Policy("fixed", 0.0, 0.01)).verdict == "mismatch"


def test_the_fixed_policy_measures_against_the_oracle():
    oracle, reference = in_float32()
    policy = Policy("fixed", 1e-7, 0.0)
    assert checked(reference, reference, oracle, stage="precision", policy=policy).verdict == "mismatch"


@pytest.mark.parametrize("policy", [Policy("fixed", 1.0, 1.0), Policy("exact")], ids=["fixed", "exact"])
def test_the_algorithm_stage_rests_on_the_envelope_under_any_policy(policy):
    check = checked(moved(1e-6), policy=policy, around=envelope())
    assert (check.verdict, check.policy) == ("mismatch", "envelope")
    assert checked(moved(1e-15), policy=policy, around=envelope()).verdict == "match"


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_fixed_policy_s_defaults_are_those_of_assert_close(dtype):
    from torch.testing._comparison import default_tolerances

    rtol, atol = default_tolerances(getattr(torch, dtype))
    assert Policy("fixed").tolerances(getattr(torch, dtype)) == (atol, rtol)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("of", [0.0, 1e-3, 1.0, 100.0])
def test_the_fixed_policy_s_defaults_judge_as_assert_close_does(dtype, of):
    atol, rtol = Policy("fixed").tolerances(getattr(torch, dtype))
    reference = torch.full((5, 6, 8), of).to(getattr(torch, dtype))
    for share in (0.1, 0.7, 1.3, 10.0):
        candidate = moved(share * (atol + rtol * of), of=reference)
        check = checked(candidate, reference, reference.double(), stage="precision", policy=Policy("fixed"))
        try:
            torch.testing.assert_close(candidate, reference)
        except AssertionError:
            assert check.verdict == "mismatch"
        else:
            assert check.verdict == "match"


def test_under_the_fixed_policy_the_worst_place_is_the_worst_violation():
    reference = torch.ones(5, 6, 8).double()
    reference[0, 0, 0] = 1000
    candidate = reference.clone()
    candidate[0, 0, 0] += 0.5
    candidate[4, 5, 3] += 0.1
    check = checked(candidate, reference, stage="precision", policy=Policy("fixed", 0, 1e-3))
    assert check.verdict == "mismatch"
    assert (check.worst.time, check.worst.batch, check.worst.unit) == (4, 5, 3)


EXACT = {
    "the same": (lambda tensor: tensor, "match"),
    "one bit": (lambda tensor: torch.nextafter(tensor, tensor + 1), "mismatch"),
    "one bit of one value": (lambda tensor: moved(2**-23, (0, 0, 0), of=tensor), "mismatch"),
    "NaN": (lambda tensor: moved(NAN, (0, 0, 0), of=tensor), "mismatch"),
}


@pytest.mark.parametrize(("change", "verdict"), EXACT.values(), ids=EXACT)
def test_the_exact_policy_is_bit_for_bit(change, verdict):
    reference = values(5, 6, 8).float()
    check = checked(change(reference), reference, values(5, 6, 8), stage="precision", policy=Policy("exact"))
    assert check.verdict == verdict


def test_under_the_exact_policy_a_nan_equals_a_nan_and_nothing_else():
    reference = moved(NAN, of=values(5, 6, 8).float())
    for candidate, verdict in ((reference.clone(), "match"), (values(5, 6, 8).float(), "mismatch")):
        check = checked(candidate, reference, values(5, 6, 8), stage="precision", policy=Policy("exact"))
        assert check.verdict == verdict


def test_the_exact_policy_holds_the_candidate_to_nn_rnn_and_not_to_the_oracle():
    oracle = values(5, 6, 8)
    exact = {"stage": "precision", "policy": Policy("exact")}
    assert checked(oracle.float() + 0.1, oracle.float() + 0.1, oracle, **exact).verdict == "match"
    assert checked(oracle.float(), oracle.float() + 0.1, oracle, **exact).verdict == "mismatch"


def test_under_the_exact_policy_the_first_place_is_the_first_that_differs():
    reference = values(5, 6, 8).float()
    candidate = moved(1.0, (3, 0, 1), of=moved(0.1, (1, 2, 3), of=reference))
    check = checked(candidate, reference, values(5, 6, 8), stage="precision", policy=Policy("exact"))
    assert "2 of 240" in check.reason
    assert check.first_divergence == Location(layer=1, direction="forward", time=1, batch=2, unit=3)


# A group that rounding moves by more than its values


@pytest.mark.parametrize(
    ("step", "envelopes", "verdict"),
    [(1, 10, "match"), (1, 10_000, "mismatch"), (2, 10, "mismatch"), (3, 10, "match"), (4, 10, "mismatch")],
    ids=["lost in rounding", "beyond what is lost", "of usual values", "of its order", "a hundredth of them"],
)
def test_a_step_whose_values_rounding_moves_by_much_is_left_out_unless_it_is_far_beyond_that(step, envelopes, verdict):
    reference = torch.ones(5, 6, 8).double()
    reference[1], reference[3], reference[4] = 1e-20, 5e-12, 1e-10
    check = checked(moved(envelopes * 1e-12, (step, 2, 3), of=reference), reference, around=envelope(1e-12))
    assert check.verdict == verdict
    if verdict == "match":
        assert check.reason == "in 40.0% of the values rounding alone is of the order of the values; the others agree"
    else:
        assert check.first_divergence.time == step


# What a check says of an error


KINDS = {
    "equation": (1.0, "another equation"),
    "weights": (1e-3, "rounded to TF32, bfloat16 or float16"),
    "function": (1e-4, "approximated function"),
    "float32": (1e-7, "downcast-float32"),
    "small": (1e-12, "more than rounding in float64"),
}


@pytest.mark.parametrize(("error", "said"), KINDS.values(), ids=KINDS)
def test_the_size_of_an_error_in_float64_tells_what_was_done(error, said):
    check = checked(
        moved(error, (1, 2, 3), of=torch.ones(5, 6, 8).double()), torch.ones(5, 6, 8).double(), around=envelope()
    )
    assert said in told_by_size(check, error).reason


def test_an_error_that_is_faint_where_it_first_shows_and_large_elsewhere_is_no_cast_to_float32():
    check = checked(
        moved(1e-7, (1, 2, 3), of=torch.ones(5, 6, 8).double()), torch.ones(5, 6, 8).double(), around=envelope()
    )
    assert told_by_size(replace(check, noise_ratio=1e9), 1e-7).cause == DOWNCAST
    assert told_by_size(replace(check, noise_ratio=1e13), 1e-7).cause == Cause.VALUES


@pytest.mark.parametrize(("error", "said"), KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("direction", ["forward", "reverse"])
def test_what_was_done_is_told_from_the_first_wrong_step_whatever_comes_after(error, said, direction):
    ones = torch.ones(5, 6, 8).double()
    first, then = ((1, 2, 3), (4, 0, 0)) if direction == "forward" else ((3, 2, 5), (0, 0, 4))
    later = min(0.5, 1000 * error)
    candidate = moved(later, then, of=moved(error, first, of=ones))
    check = checked(candidate, ones, around=envelope())
    assert check.reason.startswith(f"an error of {max(later, error):.1e} of the largest value in float64: ")
    assert said in check.reason


def test_what_was_done_is_told_of_a_packed_sequence_too():
    case = in_layout_of("packed")
    ones = torch.ones(size_of(case, "output")).double()
    spread = by_group(case, "output", 1e-15 * ones)
    around = Envelope({"output": spread, "h_n": torch.zeros(4, 6)}, 0, floor=0.0)
    check = checked(moved(1e-7, (0, 0), of=ones), ones, around=around, case=case)
    assert "downcast-float32" in check.reason


def test_the_worst_place_is_that_of_the_largest_excess_and_the_first_one_that_of_the_earliest_step():
    spread = torch.tensor([1e-6, 1e-6, 1e-6, 1e-6, 1e-3]).double()[:, None].expand(5, 2)
    candidate = moved(2e-2, (4, 1, 1), of=moved(1e-3, (3, 2, 2), of=moved(1e-4, (1, 5, 3))))
    reference, around = values(5, 6, 8) * 10, envelope(output=spread)
    check = checked(candidate + 9 * values(5, 6, 8), reference, around=around)
    assert check.max_abs_error == pytest.approx(2e-2)
    assert check.worst == Location(layer=1, direction="forward", time=3, batch=2, unit=2)
    assert check.first_divergence == Location(layer=1, direction="forward", time=1, batch=5, unit=3)


def test_an_error_within_the_envelope_is_no_first_divergence():
    candidate = moved(1e-3, (3, 2, 2), of=moved(2e-9, (1, 5, 3)))
    assert checked(candidate, around=envelope(1e-9)).first_divergence.time == 3


def test_a_match_has_no_places_and_no_reason():
    check = checked(moved(1e-9), around=envelope(1e-9))
    assert (check.verdict, check.worst, check.first_divergence, check.reason) == ("match", None, None, None)


def test_the_error_of_output_is_given_by_step_and_direction():
    zeros = torch.zeros(5, 6, 8).double()
    candidate = moved(0.5, (1, 2, 5), of=moved(0.25, (3, 0, 0), of=zeros))
    check = compared(candidate, zeros, around=envelope())
    assert check.error_by_step == {"forward": (0, 0, 0, 0.25, 0), "reverse": (0, 0.5, 0, 0, 0)}


def test_the_error_by_step_of_packed_sequences_is_the_largest_of_them():
    case = in_layout_of("packed")
    zeros = torch.zeros(size_of(case, "output")).double()
    candidate = moved(0.5, (0, 0), of=moved(0.25, (1, 0), of=moved(0.125, (6, 5), of=zeros)))  # 6 sequences at t = 0
    around = Envelope({"output": by_group(case, "output", zeros), "h_n": torch.zeros(4, 6)}, 0, floor=0.0)
    check = compared(candidate, zeros, around=around, case=case)
    assert check.error_by_step == {"forward": (0.5, 0, 0, 0), "reverse": (0, 0.125, 0, 0)}


def test_one_direction_has_no_errors_of_a_reverse_one():
    one = Case.model_validate({"rnn": {"hidden_size": 8}, "input": {"seq_len": 5, "batch_size": 6}})
    check = checked(values(5, 6, 8), case=one)
    assert check.error_by_step == {"forward": (0.0,) * 5}


def test_what_the_envelope_allows_is_given_by_step_where_the_verdict_needed_it():
    spread = torch.full((5, 2), 1e-9).double()
    spread[3, 1] = 1e-8
    check = checked(moved(2e-9), around=envelope(output=spread))
    assert check.allowed_by_step["forward"] == pytest.approx((ENVELOPES * 1e-9,) * 5)
    assert check.allowed_by_step["reverse"] == pytest.approx([ENVELOPES * value for value in spread[:, 1].tolist()])
    assert checked(values(5, 6, 8), around=envelope(1e-9)).allowed_by_step is None


def test_a_step_that_is_not_finite_is_none():
    assert by_step(torch.tensor([[1.0, 2.0], [math.inf, math.nan]])) == {"forward": (1, None), "reverse": (2, None)}


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
@pytest.mark.parametrize("bad", [NAN, INF])
def test_a_step_that_is_not_finite_is_none_and_the_others_are_known(bad, policy):
    check = checked(changed(bad, (2, 3, 7)), stage="precision", policy=policy, around=envelope(INF))
    assert check.error_by_step == {"forward": (0.0,) * 5, "reverse": (0.0, 0.0, None, 0.0, 0.0)}
    assert check.reference_error_by_step == {"forward": (0.0,) * 5, "reverse": (0.0,) * 5}


@pytest.mark.parametrize("tensor", ["h_n", "grad input", "grad bias_ih_l0"])
def test_tensors_but_output_have_no_error_by_step(tensor):
    assert checked(values(*SIZES[tensor]), tensor=tensor).error_by_step is None


# Places


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
    config = CASE.config
    case = Case.model_validate({"rnn": config["rnn"] | rnn, "input": config["input"] | given})
    assert locate(case, tensor, index) == place


def test_a_name_that_is_no_parameter_has_no_place():
    with pytest.raises(ValueError, match=r"not a parameter of torch's layers: weight_ho_l0"):
        locate(CASE, "grad weight_ho_l0", (0, 0))


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


LAYOUTS = {
    "time-first": ({}, {}),
    "batch-first": ({"batch_first": True}, {}),
    "unbatched": ({}, {"layout": "unbatched"}),
    "packed": ({}, {"layout": "packed", "lengths": (2, 4, 3, 4, 1, 2)}),
    "packed, shorter than seq_len": ({}, {"layout": "packed", "lengths": (2, 3, 1), "batch_size": 3, "seq_len": 5}),
}
TENSORS = ("output", "h_n", "grad input", "grad h_0", "grad weight_ih_l1_reverse", "grad bias_hh_l0")


def in_layout_of(layout: str, bidirectional: bool = True) -> Case:
    rnn, given = LAYOUTS[layout]
    config = CASE.config
    rnn = config["rnn"] | {"bidirectional": bidirectional} | rnn
    return Case.model_validate({"rnn": rnn, "input": {"seq_len": 5, "batch_size": 6} | given})


def size_of(case: Case, tensor: str) -> tuple[int, ...]:
    sizes = {shape.name: shape.predicted for shape in predict_tensors(case)}
    sizes |= {parameter.name: parameter.shape for parameter in predict_parameters(case)}
    return sizes[tensor.removeprefix("grad ")]


@pytest.mark.parametrize("tensor", TENSORS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_is_grouped_and_spread_over_the_elements_bounds_each_of_them_and_stays_the_same(layout, tensor):
    case = in_layout_of(layout)
    magnitudes = torch.rand(size_of(case, tensor), generator=torch.Generator().manual_seed(0))
    groups = by_group(case, tensor, magnitudes)
    over = over_elements(case, tensor, groups).expand_as(magnitudes)
    assert (over >= magnitudes).all()
    assert torch.equal(by_group(case, tensor, over), groups)


@pytest.mark.parametrize("tensor", TENSORS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_element_counts_in_the_group_of_its_own_place_alone(layout, tensor):
    case = in_layout_of(layout)
    for index in itertools.product(*map(range, size_of(case, tensor))):
        mask = torch.zeros(size_of(case, tensor))
        mask[index] = 1
        place = locate(case, tensor, index)
        direction = int(place.direction == "reverse")
        sequence = (place.batch,) if case.input.layout == "packed" else ()
        group = {
            "output": (place.time, *sequence, direction),
            "grad input": (place.time, *sequence),
            "h_n": (2 * place.layer + direction, *sequence),
            "grad h_0": (2 * place.layer + direction, *sequence),
        }.get(tensor, ())
        groups = by_group(case, tensor, mask)
        assert groups[group] == 1
        assert groups.sum() == 1


@pytest.mark.parametrize(
    ("layout", "size"),
    [("time-first", (5, 2)), ("packed", (4, 6, 2)), ("packed, shorter than seq_len", (3, 3, 2))],
    ids=lambda value: str(value),
)
def test_there_are_as_many_groups_as_steps_of_the_longest_sequence(layout, size):
    case = in_layout_of(layout)
    assert by_group(case, "output", torch.ones(size_of(case, "output"))).shape == size


def all_true(case: Case, tensor: str, places) -> torch.Tensor:
    mask = torch.zeros(size_of(case, tensor), dtype=torch.bool)
    for place in places:
        mask[place] = True
    return mask


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_first_value_is_that_of_the_earliest_step_of_its_walk(layout):
    case = in_layout_of(layout)
    lengths = case.input.sequence_lengths if case.input.layout == "packed" else (5,) * 6
    size, generator = size_of(case, "output"), torch.Generator().manual_seed(1)

    def order(place: Location):
        reverse = place.direction == "reverse"
        step = lengths[place.batch or 0] - 1 - place.time if reverse else place.time
        return step, reverse, place.batch or 0, place.unit

    for _ in range(50):
        mask = torch.rand(size, generator=generator) < 0.03
        mask[-1, ..., -1] = True
        places = [locate(case, "output", tuple(map(int, index))) for index in mask.nonzero()]
        assert first_in_order(case, "output", mask) == min(places, key=order)


def test_the_reverse_direction_starts_at_each_sequence_s_own_end():
    case = in_layout_of("packed")  # of the lengths 2, 4, 3, 4, 1, 2
    mask = torch.zeros(5, 6, 8, dtype=torch.bool)
    mask[1, 0, 5] = mask[2, 3, 4] = mask[1, 1, 0] = True  # the reverse direction's steps 0 and 1, the forward's step 1
    data = torch.nn.utils.rnn.pack_padded_sequence(
        mask.float(), torch.tensor(case.input.lengths), enforce_sorted=False
    ).data.bool()
    place = first_in_order(case, "output", data)
    assert place == Location(layer=1, direction="reverse", time=1, batch=0, unit=1)


@pytest.mark.parametrize("layout", ["time-first", "batch-first"])
def test_gradients_of_the_input_are_computed_backwards(layout):
    case = in_layout_of(layout)
    places = [(3, 4, 1), (3, 5, 0), (2, 0, 0)]  # time, batch, feature
    index = [(n, t, feature) for t, n, feature in places] if case.rnn.batch_first else places
    first = first_in_order(case, "grad input", all_true(case, "grad input", index))
    assert first == Location(layer=0, time=3, batch=4, unit=1)


def test_the_gradient_of_an_unbatched_input_has_no_batch():
    case = in_layout_of("unbatched")
    first = first_in_order(case, "grad input", all_true(case, "grad input", [(1, 0), (4, 2)]))
    assert first == Location(layer=0, time=4, unit=2)


def test_the_gradients_of_h_0_are_computed_from_the_last_layer_down():
    first = first_in_order(CASE, "grad h_0", all_true(CASE, "grad h_0", [(0, 0, 0), (3, 2, 3), (3, 4, 1)]))
    assert first == Location(layer=1, direction="reverse", batch=2, unit=3)


def test_the_final_states_are_computed_from_the_first_layer_up():
    first = first_in_order(CASE, "h_n", all_true(CASE, "h_n", [(1, 5, 3), (2, 0, 0)]))
    assert first == Location(layer=0, direction="reverse", batch=5, unit=3)
