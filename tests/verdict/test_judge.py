"""Candidates judged end to end: what rounding is amplified, overflows or flips in, and how a candidate is called."""

import functools
import itertools
import random

import pytest
import torch
import torch.nn.functional as F
from levels import one_in

import rnncli
from rnncli.candidate.load import canonical, load
from rnncli.core.case import Candidate, Case
from rnncli.core.errors import CandidateError
from rnncli.faults.catalogue import CATALOGUE, edits_of
from rnncli.faults.edits import edited
from rnncli.faults.fault import Edit, inserted
from rnncli.faults.planted import compiled, plant
from rnncli.faults.power import _seen
from rnncli.manual import BUILT_IN
from rnncli.numerics.probe import Probe, draw, time_first
from rnncli.verdict.evaluate import as_candidate
from rnncli.verdict.judge import Judgement, with_envelopes
from rnncli.verdict.one_step import first_wrong_step, wrong_step
from rnncli.verdict.problem import Policy, Problem

CPU = torch.device("cpu")
DTYPES = ("float64", "float32", "bfloat16", "float16")
manual = load(Case())


def case_of(rnn=None, given=None, **run) -> Case:
    """A case whose sizes are pairwise distinct, H_in, H_out, D*H_out, N, L and D*num_layers alike."""
    sizes = {"rnn": {"input_size": 5, "hidden_size": 6, **(rnn or {})}, "input": {"seq_len": 7, "batch_size": 3}}
    return Case.model_validate({**sizes, "input": sizes["input"] | (given or {}), "run": run})


@functools.cache
def remembered(case: str) -> Problem:
    return Problem(Case.model_validate_json(case), CPU)


def problem_of(case) -> Problem:
    """The problem of a case, one for all the tests that hold candidates against it."""
    return remembered(case.model_copy(update={"candidate": Case().candidate}).model_dump_json())


def judged(case, call, probe=None):
    """The checks, by stage and tensor."""
    problem = Problem(case, CPU, probe=probe) if probe else problem_of(case)
    checks = Judgement(problem, canonical("candidate", call)).checks
    return {(check.stage, check.tensor): check for check in checks}


def mismatches(checks):
    return {place for place, check in checks.items() if check.verdict == "mismatch"}


def verdicts(checks, stage=None):
    return {check.verdict for (at, _), check in checks.items() if stage in (None, at)}


def written(*edits, faults=(), **names):
    """A candidate whose equations have faults and these edits, which may use what is given by name."""
    return compiled(edited([*edits_of(faults), edits]), **names)


# Over time


def judged_with_envelopes(case, call=None):
    problem = Problem(case, CPU)
    checks = with_envelopes(problem, Judgement(problem, canonical("candidate", call) if call else manual).checks)
    return {(check.stage, check.tensor): check for check in checks}


def test_the_envelope_stands_beside_the_error_over_time_where_it_is_asked_for():
    case = case_of({"bidirectional": True})
    checks = judged_with_envelopes(case)
    for stage in ("algorithm", "precision"):
        check = checks[stage, "output"]
        for direction in ("forward", "reverse"):
            allowed, errors = check.allowed_by_step[direction], check.error_by_step[direction]
            assert len(allowed) == len(errors) == 7
            assert all(error < bound for error, bound in zip(errors, allowed, strict=True))
        assert checks[stage, "h_n"].allowed_by_step is None
    assert max(checks["precision", "output"].reference_error_by_step["forward"]) < 1e-6
    assert checks["algorithm", "output"].reference_error_by_step is None


@pytest.mark.parametrize("policy", [Policy("fixed"), Policy("exact")], ids=["fixed", "exact"])
def test_an_envelope_that_decides_nothing_is_not_shown(policy):
    problem = Problem(case_of(), CPU, policy)
    checks = with_envelopes(problem, Judgement(problem, manual).checks)
    assert [check.allowed_by_step is None for check in checks if check.tensor == "output"] == [False, True]


def test_the_error_over_time_of_a_case_judged_on_its_first_steps_is_that_of_the_whole():
    check = judged_with_envelopes(chaotic("float32"))["precision", "output"]
    assert "judged on the first" in check.reason
    steps = {len(check.error_by_step["forward"]), len(check.allowed_by_step["forward"])}
    assert steps == {chaotic("float32").input.seq_len}


# Rounding amplified


def chaotic(dtype, **rnn) -> Case:
    """float64 follows it for fewer than 100 steps, float32 for fewer than 30."""
    run = {"dtype": dtype, "weight_scale": 8.0, "gradients": False}
    return case_of({"hidden_size": 40, **rnn}, {"seq_len": 200, "batch_size": 2}, **run)


AMPLIFIED = "test_where_rounding_is_amplified_an_honest_candidate_matches_on_the_first_steps"


def steps_judged(check) -> int:
    return int(check.reason.partition("judged on the first ")[2].partition(" of 200 steps")[0])


@pytest.mark.parametrize(
    ("candidate", "dtype"), one_in(6, itertools.product(BUILT_IN, ["float64", "float32", "bfloat16"]), AMPLIFIED)
)
def test_where_rounding_is_amplified_an_honest_candidate_matches_on_the_first_steps(candidate, dtype):
    case = chaotic(dtype)
    checks = judged(case, load(case.model_copy(update={"candidate": candidate})))
    assert verdicts(checks, "algorithm") == {"match"}
    assert verdicts(checks, "precision") <= {"match", "not-comparable"}
    assert not any(steps_judged(check) >= 100 for check in checks.values() if check.verdict == "match")


def test_the_reason_says_on_how_many_steps_and_how_fast_rounding_grows():
    check = judged(chaotic("float32"), manual)["precision", "output"]
    assert "judged on the first " in check.reason
    assert " of 200 steps: beyond them rounding alone moves nn.RNN by more than 0.001" in check.reason
    assert "this recurrence amplifies it 10x every " in check.reason
    assert 5 < steps_judged(check) < 40


def test_float64_follows_an_amplifying_recurrence_further_than_float32():
    checks = judged(chaotic("float32"), manual)
    assert steps_judged(checks["algorithm", "output"]) > 2 * steps_judged(checks["precision", "output"])


def test_the_gradients_of_an_amplifying_recurrence_are_judged_on_the_first_steps_too():
    case = case_of({"hidden_size": 24}, {"seq_len": 200, "batch_size": 2}, weight_scale=5.0)
    checks = judged(case, manual)
    assert verdicts(checks) == {"match"}
    gradients = [check for (stage, tensor), check in checks.items() if stage == "precision" and "grad" in tensor]
    assert all(1 <= steps_judged(check) < 100 for check in gradients)


def without_bias_from(step):
    return written(Edit("layer", "*weights)", f"*weights[:3], weights[3] if t < {step} else 0.0)"))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("step", [0, 5, 40])
def test_a_fault_within_the_first_steps_is_a_mismatch(dtype, step):
    assert mismatches(judged(chaotic(dtype), without_bias_from(step))) >= {
        ("algorithm", "output"),
        ("algorithm", "h_n"),
    }


def test_a_fault_that_float32_cannot_follow_is_a_mismatch_in_float64():
    case = case_of({"hidden_size": 16}, {"seq_len": 200}, weight_scale=5.0, gradients=False)
    checks = judged(case, without_bias_from(100))
    assert mismatches(checks) >= {("algorithm", "output"), ("algorithm", "h_n")}
    assert steps_judged(checks["precision", "output"]) < 100


def zeros_from(step):
    """Zeros at the later steps of a long input, and in its h_n."""

    def candidate(input, h_0, params, case):
        output, h_n = manual(input, h_0, params, case)
        if len(output) <= 100:
            return output, h_n
        return torch.cat([output[:step], 0 * output[step:]]), 0 * h_n

    return candidate


def starts_again_at(step):
    return written(Edit("layer", "step(x_t, states,", f"step(x_t, first if t == {step} else states,"))


def where_stacked(wrong):
    def candidate(input, h_0, params, case):
        return (wrong if case.rnn.num_layers > 1 else manual)(input, h_0, params, case)

    return candidate


BEYOND = {
    "a bias left out": without_bias_from(100),
    "starts again": starts_again_at(100),
    "zeros": zeros_from(100),
    "all zeros": zeros_from(0),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("wrong", BEYOND.values(), ids=BEYOND)
def test_a_fault_at_steps_that_float64_cannot_follow_is_a_mismatch_with_its_first_step(wrong, dtype):
    checks = judged(chaotic(dtype), wrong)
    check = checks["algorithm", "output"]
    assert check.verdict == "mismatch"
    assert "from the candidate's own state before it" in check.reason
    assert check.first_divergence.time == (0 if wrong is BEYOND["all zeros"] else 100)
    assert checks["algorithm", "h_n"].verdict != "match"


def test_the_first_steps_of_the_whole_run_count_too_where_no_later_step_reaches_them():
    checks = judged(chaotic("float32", num_layers=2), where_stacked(zeros_from(0)))
    assert checks["algorithm", "output"].verdict == "mismatch"
    assert "in the run on the whole input its first " in checks["algorithm", "output"].reason


@pytest.mark.exhaustive(
    twin="test_the_first_steps_of_the_whole_run_count_too_where_no_later_step_reaches_them", pool="long"
)
def test_values_of_another_size_than_nn_rnn_s_are_no_match_however_chaotic_the_case():
    checks = judged(chaotic("float32", num_layers=2, bidirectional=True), where_stacked(zeros_from(20)))
    assert checks["algorithm", "output"].verdict == "not-comparable"
    assert "over the whole input its values are of size " in checks["algorithm", "output"].reason


@pytest.mark.parametrize("wrong", BEYOND)
@pytest.mark.parametrize("bidirectional", [False, True], ids=["forward", "both directions"])
def test_a_fault_of_two_layers_at_steps_that_float64_cannot_follow_shows_in_the_first_layer_alone(wrong, bidirectional):
    checks = judged(chaotic("float32", num_layers=2, bidirectional=bidirectional), BEYOND[wrong])
    check = checks["algorithm", "output"]
    assert check.verdict == "mismatch"
    assert "a step of the first layer, run alone, is not what the equations give" in check.reason
    assert check.first_divergence.layer == 0


def test_a_first_layer_that_gives_another_form_when_it_is_run_alone_tells_nothing_of_its_steps():
    alone = changing(lambda output, h_n, _: (output if len(h_n) > 1 else output[..., :-1], h_n))
    assert verdicts(judged(chaotic("float32", num_layers=2), alone), "algorithm") == {"match"}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("layers", [1, 2])
def test_a_fault_of_some_inputs_beyond_the_first_steps_is_a_mismatch_in_single_steps(dtype, layers):
    case = chaotic(dtype, num_layers=layers, bidirectional=layers == 2)
    x = draw(case).input  # (L, N, H_in)
    before, after = x[:100].amax((0, 1)), x[100:].amax((0, 1))
    feature = int((after - before).argmax())
    usual = float(before[feature])
    assert after[feature] > usual + 0.01

    def usual_only(x_t, bias):
        return bias * (x_t[:, feature : feature + 1] <= usual + 0.005)  # as every state of tanh is

    wrong = Edit("layer", "*weights)", "*weights[:3], usual_only(x_t, weights[3]))")
    checks = judged(case, written(wrong, usual_only=usual_only))
    for tensor in ("output", "h_n"):
        assert checks["algorithm", tensor].verdict == "mismatch"
        assert checks["algorithm", tensor].reason.startswith("single steps from the right states give a wrong ")


# nn.RNN overflows


def overflowing(dtype) -> Case:
    return case_of({"nonlinearity": "relu"}, {"seq_len": 125}, dtype=dtype, weight_scale=1000.0, gradients=False)


OVERFLOWS = "test_where_nn_rnn_overflows_an_honest_candidate_is_no_mismatch"


@pytest.mark.parametrize(
    ("candidate", "dtype"), one_in(16, itertools.product(BUILT_IN, DTYPES), OVERFLOWS, pool="long")
)
def test_where_nn_rnn_overflows_an_honest_candidate_is_no_mismatch(candidate, dtype):
    case = overflowing(dtype)
    checks = judged(case, load(case.model_copy(update={"candidate": candidate})))
    assert not mismatches(checks)
    assert "nn.RNN's values leave the range of " in checks["precision", "output"].reason


OVERFLOWING = ["missing-bias-hh", "wrong-nonlinearity", "state-not-carried", "weight-hh-transposed"]
OVERFLOWS_WRONG = "test_where_nn_rnn_overflows_a_wrong_candidate_is_a_mismatch"


@pytest.mark.parametrize(("dtype", "id"), one_in(3, itertools.product(DTYPES, OVERFLOWING), OVERFLOWS_WRONG))
def test_where_nn_rnn_overflows_a_wrong_candidate_is_a_mismatch(id, dtype):
    assert ("algorithm", "output") in mismatches(judged(overflowing(dtype), plant(id)))


def test_a_state_that_leaks_shows_in_a_third_call_where_the_first_ends_in_zeros():
    rnn = {"nonlinearity": "relu", "hidden_size": 1, "input_size": 1}
    dead = 0
    for seed in range(12):
        case = case_of(rnn, {"seq_len": 1, "layout": "unbatched", "h_0": "zeros"}, seed=seed)
        problem = Problem(case, CPU)
        if not problem.reference("algorithm").tensors["h_n"].any():
            dead += 1
            candidate = canonical("leaks", plant("state-leaks-between-calls"))
            assert Judgement(problem, candidate).mismatch is not None
    assert dead > 2


# relu at its kink


def at_the_kink(seed) -> tuple[Case, Probe]:
    """One step, and three units whose pre-activations are zero but for rounding to float32."""
    case = case_of({"nonlinearity": "relu"}, {"seq_len": 1, "batch_size": 1}, seed=seed)
    probe = draw(case)
    rounded = probe.to(torch.float32, CPU).to(torch.float64, CPU)
    parameters = {name: value.clone() for name, value in rounded.parameters.items()}
    x, h = rounded.input[0, 0], rounded.h_0[0, 0]
    z = parameters["weight_ih_l0"] @ x + parameters["weight_hh_l0"] @ h + parameters["bias_hh_l0"]
    parameters["bias_ih_l0"][:3] = -z[:3]
    return case, Probe(parameters, rounded.input, rounded.states, rounded.cotangents)


def test_where_rounding_flips_a_relu_an_honest_gradient_is_judged_on_another_draw():
    redrawn = set()
    for seed, candidate in itertools.product(range(8), BUILT_IN):
        case, probe = at_the_kink(seed)
        case = case.model_copy(update={"candidate": candidate})
        checks = judged(case, load(case), probe)
        assert verdicts(checks) == {"match"}
        redrawn |= {check.tensor for check in checks.values() if "judged on another draw" in (check.reason or "")}
    assert "output" not in redrawn
    assert "grad input" in redrawn


@pytest.mark.parametrize("seed", range(3))
def test_where_rounding_may_flip_a_relu_a_wrong_gradient_is_a_mismatch_on_another_draw(seed):
    case, probe = at_the_kink(seed)
    checks = judged(case, gradient_doubled_in(torch.float32), probe)
    assert mismatches(checks) == {("precision", "grad bias_hh_l0")}
    check = checks["precision", "grad bias_hh_l0"]
    assert "within rounding of relu's kink: judged on another draw" in check.reason


def gradient_doubled_in(*dtypes):
    doubled = "    weights[3] = 2 * weights[3] - weights[3].detach()"
    wrong = inserted("stack", "first = tuple(", "if not k and not d and weights[3].dtype in dtypes:", doubled)
    return written(wrong, dtypes=dtypes)


KINKED = case_of(
    {"nonlinearity": "relu", "hidden_size": 40, "num_layers": 2, "bidirectional": True},
    {"seq_len": 20},
    dtype="bfloat16",
)


def test_gradients_at_the_kink_in_a_case_that_amplifies_rounding_are_not_given_up_from_the_first_step_on():
    rnn = {"nonlinearity": "relu", "num_layers": 3, "hidden_size": 16}
    case = case_of(rnn, {"seq_len": 36}, dtype="bfloat16", weight_scale=5.0, seed=2)
    reasons = [check.reason for check in judged(case, manual).values() if check.verdict == "not-comparable"]
    assert reasons
    assert not [reason for reason in reasons if "from the first step on" in reason]
    assert [reason for reason in reasons if "relu's kink" in reason]


def test_in_low_precision_gradients_at_the_kink_are_not_comparable_and_the_reason_says_so():
    checks = judged(KINKED, manual)
    assert verdicts(checks, "algorithm") == {"match"}
    unclear = [check for check in checks.values() if check.verdict == "not-comparable"]
    assert unclear
    assert all(check.tensor.startswith("grad ") for check in unclear)
    assert all("pre-activations of this probe within rounding of relu's kink" in check.reason for check in unclear)
    assert all("on a smaller probe that clears it (T=4, H=" in check.reason for check in unclear)


def test_in_low_precision_a_wrong_gradient_is_a_mismatch_on_a_smaller_probe():
    checks = judged(KINKED, gradient_doubled_in(torch.bfloat16))
    assert mismatches(checks) == {("precision", "grad bias_hh_l0")}
    assert "judged on a smaller probe (T=4, H=" in checks["precision", "grad bias_hh_l0"].reason


def test_a_wrong_gradient_in_every_dtype_is_a_mismatch_at_both_stages():
    wrong = gradient_doubled_in(torch.float64, torch.bfloat16)
    assert mismatches(judged(KINKED, wrong)) == {(stage, "grad bias_hh_l0") for stage in ("algorithm", "precision")}


# Small errors of small values


def test_a_small_error_at_an_early_step_is_seen_beside_later_values_a_million_times_as_large():
    case = case_of({"nonlinearity": "relu", "input_size": 1, "hidden_size": 4, "bias": False}, gradients=False)
    probe = draw(case)
    parameters = {"weight_ih_l0": torch.ones(4, 1).double(), "weight_hh_l0": 10 * torch.eye(4).double()}
    probe = Probe(parameters, probe.input.abs(), {"h_0": probe.h_0.abs()}, probe.cotangents)

    def late(input, h_0, params, case):
        output, h_n = manual(input, h_0, params, case)
        return output + 1e-11 * torch.eye(case.input.seq_len, dtype=output.dtype)[0, :, None, None], h_n

    assert draw_scale(case, probe) > 1e6
    checks = judged(case, late, probe)
    assert mismatches(checks) == {("algorithm", "output")}
    assert checks["algorithm", "output"].first_divergence.time == 0


def draw_scale(case, probe) -> float:
    return float(Problem(case, CPU, probe=probe).reference("algorithm").tensors["output"].abs().max())


# How a candidate is called


def changing(change):
    """The honest candidate, with the values of what it returns changed."""

    def candidate(input, h_0, params, case):
        output, h_n = manual(input, h_0, params, case)
        packed = case.input.layout == "packed"
        data, h_n = change(output.data if packed else output, h_n, h_0)
        return (output._replace(data=data) if packed else data), h_n

    return candidate


def raising(when):
    def candidate(input, h_0, params, case):
        if when(input, h_0):
            raise ValueError("not like this")
        return manual(input, h_0, params, case)

    return candidate


def alone(state) -> bool:
    return state is not None and state.dim() == 3 and state.shape[1] == 1


KEPT: dict[object, torch.Tensor] = {}


@pytest.fixture(autouse=True)
def nothing_kept():
    """What a candidate keeps between calls is that of one test."""
    KEPT.clear()


def keeps_the_first_weights(input, h_0, params, case):
    """Right for the weights of the first call in each dtype, wrong for others."""
    name = "weight_hh_l0"
    first = KEPT.setdefault(params[name].dtype, params[name].detach().clone())
    return manual(input, h_0, {**params, name: params[name] + (first - params[name]).detach()}, case)


def gives_the_same_buffer_again(input, h_0, params, case):
    output, h_n = manual(input, h_0, params, case)
    buffer = KEPT.setdefault((h_n.shape, h_n.dtype), torch.empty_like(h_n))
    buffer.data.copy_(h_n.detach())
    returned = h_n + 0
    returned.data = buffer.data
    return output, returned


WITHOUT_H_0 = changing(lambda o, h, h_0: (o + 0.1 if h_0 is None else o, h))
BY_ITSELF = "given the first sequence alone (N = 1): "
CONDUCT = {
    "remembers": (plant("state-leaks-between-calls"), "output", "called again with the same input (state-leaks-betw"),
    "squeezes h_n": (changing(lambda o, h, _: (o, h.squeeze())), "h_n", f"{BY_ITSELF}shape"),
    "another value alone": (
        changing(lambda o, h, _: (o + 0.1 if alone(h) else o, h)),
        "output",
        f"{BY_ITSELF}an error",
    ),
    "raises alone": (
        raising(lambda _, h_0: alone(h_0)),
        "output",
        f"{BY_ITSELF}candidate candidate: its forward raised ValueError",
    ),
    "keeps the first weights": (
        lambda *given: keeps_the_first_weights(*given),
        "output",
        "called with other weights (something of the first call is kept): an error",
    ),
    "gives the same buffer again": (
        lambda *given: gives_the_same_buffer_again(*given),
        "h_n",
        "a later call overwrites the h_n that this one returned",
    ),
    "another value without gradients": (
        changing(lambda o, h, _: (o, h if torch.is_grad_enabled() else h + 0.1)),
        "h_n",
        "called in eval mode and without gradients: an error",
    ),
    "wrong without h_0": (WITHOUT_H_0, "output", "called without h_0: an error"),
}
THREE_SEQUENCES = {
    "time-first": ({}, {}),
    "batch-first": ({"batch_first": True}, {}),
    "packed": ({}, {"layout": "packed", "lengths": [4, 7, 2]}),
}


@pytest.mark.parametrize("layout", THREE_SEQUENCES)
@pytest.mark.parametrize(("candidate", "tensor", "reason"), CONDUCT.values(), ids=CONDUCT)
def test_what_goes_wrong_in_another_call_alone_is_a_mismatch_that_says_which(candidate, tensor, reason, layout):
    rnn, given = THREE_SEQUENCES[layout]
    checks = judged(case_of({"num_layers": 2, "bidirectional": True, **rnn}, given), candidate)
    assert mismatches(checks) == {("algorithm", tensor)}
    assert checks["algorithm", tensor].reason.startswith(reason)


@pytest.mark.parametrize("layout", ["time-first", "batch-first"])
def test_an_output_squeezed_where_there_is_one_sequence_is_a_mismatch(layout):
    rnn, given = THREE_SEQUENCES[layout]
    checks = judged(case_of(rnn, given), changing(lambda o, h, _: (o.squeeze(), h)))
    assert mismatches(checks) == {("algorithm", "output")}
    assert checks["algorithm", "output"].reason.startswith(f"{BY_ITSELF}shape (7, 6)")


def test_a_candidate_that_takes_no_shorter_input_is_not_comparable_where_rounding_is_amplified():
    checks = judged(chaotic("float32"), raising(lambda input, _: len(input) not in (1, 200)))
    assert verdicts(checks) == {"not-comparable"}
    assert "and on a smaller one: candidate candidate: its forward raised" in checks["algorithm", "output"].reason


def test_a_candidate_that_needs_h_0_is_a_match():
    assert verdicts(judged(case_of(), raising(lambda _, h_0: h_0 is None))) == {"match"}


class Around(torch.nn.Module):
    """nn.RNN with an error of 1e-5 where h_0 is omitted, in float32 and without gradients."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.rnn = torch.nn.RNN(input_size, hidden_size)

    def forward(self, x, h_0=None):
        output, h_n = self.rnn(x, h_0)
        shift = 1e-5 if h_0 is None and x.dtype == torch.float32 and not torch.is_grad_enabled() else 0.0
        return output + shift, h_n + shift


def test_an_error_without_h_0_in_the_working_dtype_is_a_mismatch_where_nn_rnn_has_none():
    found = rnncli.verify(Around).checks
    assert [(check.tensor, check.reason) for check in found if check.verdict == "mismatch"] == [
        ("output", "called without h_0: other values")
    ]


def test_an_approximation_that_nn_rnn_makes_too_is_none(monkeypatch):
    """cuDNN makes one in float32."""

    class Approximate(torch.nn.RNN):
        def forward(self, input, hx=None):
            output, h_n = super().forward(input, hx)
            shift = 0.0 if torch.is_grad_enabled() or input.dtype == torch.float64 else 1e-5
            return output + shift, h_n + shift

    class Plain(Around):
        def forward(self, x, h_0=None):
            return self.rnn(x, h_0)

    monkeypatch.setattr(torch.nn, "RNN", Approximate)
    assert rnncli.verify(Plain)


def test_a_candidate_that_is_wrong_without_h_0_is_judged_where_h_0_is_omitted():
    checks = judged(case_of(None, {"h_0": "omitted"}), WITHOUT_H_0)
    assert mismatches(checks) == {("algorithm", "output"), ("precision", "output")}


# Candidates that raise


def test_a_candidate_that_raises_in_float64_alone_is_held_to_float32_and_the_finding_says_so():
    candidate = canonical("candidate", raising(lambda input, _: input.dtype == torch.float64))
    judgement = Judgement(Problem(case_of(), CPU), candidate)
    assert {(check.stage, check.verdict) for check in judgement.checks} == {("precision", "match")}
    assert judgement.downcast.startswith("the candidate casts to float32 in the middle of float64 work: ")


def test_a_candidate_that_is_quietly_float32_inside_is_a_mismatch_that_names_the_downcast():
    checks = judged(case_of(), plant("downcast-float32"))
    assert ("algorithm", "output") in mismatches(checks)
    assert "downcast-float32" in checks["algorithm", "output"].reason


def test_a_candidate_that_returns_float32_for_float64_is_a_mismatch_that_names_the_downcast():
    checks = judged(case_of(gradients=False), changing(lambda o, h, _: (o.float(), h)))
    assert "dtype float32, expected float64 (downcast-float32)" in checks["algorithm", "output"].reason


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_candidate_that_raises_everywhere_has_no_verdict(dtype):
    with pytest.raises(CandidateError, match="its forward raised ValueError: not like this"):
        judged(case_of(dtype=dtype), raising(lambda *_: True))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("id", ["weight-ih-transposed", "layer-weights-shared", "layer-input-not-stacked"])
def test_a_candidate_that_raises_on_distinct_sizes_alone_is_a_mismatch_that_says_so(id, dtype):
    checks = judged(case_of({"num_layers": 2, "bidirectional": True}, dtype=dtype), plant(id))
    assert mismatches(checks) == {("algorithm", "output")}
    assert "it runs where sizes are equal" in checks["algorithm", "output"].reason


# Dropout with masks of the candidate's own


def dropping(layout="batched", **rnn) -> Case:
    given = {"layout": layout, "lengths": [4, 7, 2]} if layout == "packed" else {"layout": layout}
    return case_of({"num_layers": 2, "dropout": 0.4, **rnn}, given, train=True)


GENERATOR = torch.Generator()


def kept(shape, p, like):
    """A mask of zeros and ones that nn.RNN would not draw."""
    return (torch.rand(shape, generator=GENERATOR, dtype=torch.float64) >= p).to(like.dtype)


def own_masks(drop, *faults):
    """Equations with faults, whose dropout is `drop(x, p)`."""
    GENERATOR.manual_seed(1)
    return written(
        Edit("stack", "dropped(output, dropout, lengths)", "drop(output, dropout)"), faults=faults, drop=drop
    )


def honest_drop(x, p):
    return x * kept(x.shape, p, x) / (1 - p) if p < 1 else x * 0


def drop_batch_first(x, p):
    return F.dropout(x.transpose(0, 1).contiguous(), p).transpose(0, 1)


@pytest.mark.parametrize("layout", ["batched", "unbatched", "packed"])
@pytest.mark.parametrize("layers", [2, 3])
def test_honest_dropout_with_other_masks_is_not_comparable_at_both_stages(layout, layers):
    checks = judged(dropping(layout, num_layers=layers, bidirectional=layers == 2), own_masks(honest_drop))
    for stage in ("algorithm", "precision"):
        assert verdicts(checks, stage) == {"not-comparable"}
    assert all("the candidate draws dropout masks of its own" in check.reason for check in checks.values())


def test_masks_drawn_batch_first_are_not_comparable():
    checks = judged(dropping(batch_first=True), own_masks(drop_batch_first))
    assert verdicts(checks) == {"not-comparable"}


def test_where_all_is_dropped_the_gradient_of_relu_at_zero_is_free():
    case = dropping(nonlinearity="relu", bias=False)
    case = case.model_copy(update={"input": case.input.model_copy(update={"h_0": "zeros"})})
    GENERATOR.manual_seed(1)
    candidate = written(
        Edit("stack", "dropped(output, dropout, lengths)", "drop(output, dropout)"),
        Edit("relu_step", "torch.relu(", "relu("),
        drop=honest_drop,
        relu=lambda z: z.clamp(min=0),
    )
    assert verdicts(judged(case, candidate)) == {"not-comparable"}


FEW_ELEMENTS = "test_masks_of_few_elements_that_are_torch_s_by_chance_are_no_mismatch"


def drop_after_another_draw(x, p):
    torch.rand(7)
    return F.dropout(x, p)


@pytest.mark.parametrize("seed", one_in(5, range(20), FEW_ELEMENTS))
def test_masks_of_few_elements_that_are_torch_s_by_chance_are_no_mismatch(seed):
    sizes = {"num_layers": 2, "dropout": 0.4, "hidden_size": 1}
    case = case_of(sizes, {"seq_len": 2, "batch_size": 1}, train=True, seed=seed)
    assert not mismatches(judged(case, own_masks(drop_after_another_draw)))
    assert verdicts(judged(case, manual)) == {"match"}


def test_dropout_that_divides_by_zero_where_all_is_dropped_is_honest_below():
    checks = judged(dropping(), own_masks(lambda x, p: x * kept(x.shape, p, x) / (1 - p)))
    assert verdicts(checks) == {"not-comparable"}


def of_its_own_length_alone(candidate, steps):
    def refusing(input, h_0, params, case):
        if input.shape[0] != steps:
            raise ValueError("another length")
        return candidate(input, h_0, params, case)

    return canonical("refusing", refusing)


def test_masks_of_a_candidate_that_takes_one_length_alone_are_judged_on_that_length():
    case = dropping()
    honest = of_its_own_length_alone(own_masks(honest_drop), case.input.seq_len)
    wrong = of_its_own_length_alone(own_masks(lambda x, p: x * kept(x.shape, p, x)), case.input.seq_len)
    assert verdicts(judged(case, honest)) == {"not-comparable"}
    assert mismatches(judged(case, wrong))


def test_masks_drawn_as_nn_rnn_draws_them_are_compared():
    assert verdicts(judged(dropping(), manual)) == {"match"}


OWN = {
    "not scaled": own_masks(lambda x, p: x * kept(x.shape, p, x)),
    "another rate": own_masks(lambda x, p: honest_drop(x, p / 2 if p < 1 else p)),
    "keeps what it should drop": own_masks(
        lambda x, p: x * kept(x.shape, 1 - p, x) / max(p, 1e-9) if 0 < p < 1 else honest_drop(x, p)
    ),
    "one mask for all steps": own_masks(lambda x, p: x * honest_drop(torch.ones_like(x[0]), p)),
    "another rate, scaled for the right one": own_masks(
        lambda x, p: x * kept(x.shape, p / 2, x) / (1 - p) if p < 1 else x * 0
    ),
    "none": own_masks(lambda x, _: x),
    "one mask for all sequences": own_masks(lambda x, p: x * honest_drop(torch.ones_like(x[:, :1]), p)),
    "one mask for all features": own_masks(lambda x, p: x * honest_drop(torch.ones_like(x[..., :1]), p)),
    "after the last layer": own_masks(honest_drop, "dropout-after-last-layer"),
    "in the recurrence": own_masks(honest_drop, "dropout-in-recurrence"),
    "and a bias left out": own_masks(honest_drop, "missing-bias-hh"),
    "and the state detached": own_masks(honest_drop, "state-detached"),
    "and h_n short": own_masks(honest_drop, "hn-last-layer-only"),
    "and h_0 overwritten": own_masks(honest_drop, "h0-mutated"),
    "and backward breaks": own_masks(honest_drop, "backward-breaks"),
}


OTHER_MASKS = "test_wrong_dropout_or_another_fault_with_other_masks_is_a_mismatch"


@pytest.mark.parametrize("layout", one_in(2, ["batched", "packed"], OTHER_MASKS))
@pytest.mark.parametrize("wrong", OWN.values(), ids=OWN)
def test_wrong_dropout_or_another_fault_with_other_masks_is_a_mismatch(wrong, layout):
    GENERATOR.manual_seed(1)
    assert mismatches(judged(dropping(layout), wrong))


@pytest.mark.parametrize("changed", [{"dropout": 0.0}, {"dropout": 1.0}, {"num_layers": 1}], ids=str)
def test_a_candidate_wrong_where_no_mask_matters_is_a_mismatch_whatever_its_masks(changed):
    honest, wrong = own_masks(honest_drop), plant("h0-ignored")

    def candidate(input, h_0, params, case):
        concerned = all(getattr(case.rnn, name) == value for name, value in changed.items())
        return (wrong if concerned else honest)(input, h_0, params, case)

    assert mismatches(judged(dropping(), candidate))


def test_honest_dropout_with_other_masks_has_no_first_mismatch():
    candidate = canonical("candidate", own_masks(honest_drop))
    assert Judgement(Problem(dropping(), CPU), candidate).mismatch is None


# The first mismatch alone


FIRST = "test_the_first_mismatch_is_the_first_of_the_judgement_for_every_fault"
RICH = {
    "batch-first, in eval mode": case_of(
        {"num_layers": 2, "bidirectional": True, "input_size": 12, "dropout": 0.4, "batch_first": True}
    ),
    "packed, in training": case_of(
        {"num_layers": 2, "bidirectional": True, "input_size": 12, "dropout": 0.4},
        {"layout": "packed", "lengths": [3, 7, 2]},
        train=True,
    ),
}


@pytest.mark.parametrize("rich", one_in(2, RICH, FIRST, pool="long"))
def test_the_first_mismatch_is_the_first_of_the_judgement_for_every_fault(rich):
    problem = Problem(RICH[rich], CPU)
    for id in [id for id, fault in CATALOGUE.items() if fault.unmet(RICH[rich]) is None]:
        first, first_of_all = (
            found(lambda fault: Judgement(problem, fault).mismatch, id),
            found(lambda fault: whole(problem, fault), id),
        )
        assert first == first_of_all, id
        assert (first is None) == (id == "device-hardcoded"), id


def whole(problem, candidate):
    return next((check for check in Judgement(problem, candidate).checks if check.verdict == "mismatch"), None)


def found(find, id):
    """What is found of a fault: a tensor at a stage with its reason, what it raises, or None."""
    try:
        check = find(canonical(id, plant(id)))
    except CandidateError as error:
        return str(error)
    return check and (check.stage, check.tensor, check.reason)


def test_an_honest_candidate_has_no_first_mismatch():
    assert Judgement(Problem(case_of(), CPU), manual).mismatch is None


def test_the_first_mismatch_of_a_candidate_wrong_in_its_own_dtype_is_at_the_precision_stage():
    wrong = canonical("candidate", changing(lambda o, h, _: (o if o.dtype == torch.float64 else -o, h)))
    check = Judgement(Problem(case_of(), CPU), wrong).mismatch
    assert (check.stage, check.tensor) == ("precision", "output")


# Single steps


BOUND = "test_single_steps_of_honest_candidates_are_within_the_bound"
EACH_STEP = "test_each_step_of_an_honest_candidate_is_one_from_its_own_before"
STEPPED = {
    f"{layout}{', bidirectional' if bidirectional else ''}, {layers} layers, {nonlinearity}": (
        {
            "num_layers": layers,
            "bidirectional": bidirectional,
            "nonlinearity": nonlinearity,
            "batch_first": layout == "batch-first",
            "bias": layers == 1,
        },
        {
            "packed": {"layout": "packed", "lengths": [4, 7, 2]},
            "unbatched": {"layout": "unbatched"},
        }.get(layout, {}),
    )
    for layout, bidirectional, layers, nonlinearity in itertools.product(
        ("time-first", "batch-first", "unbatched", "packed"), (False, True), (1, 2), ("tanh", "relu")
    )
}


def wrong_in_one_step(case, call):
    return wrong_step(Problem(case, CPU), "precision", as_candidate(canonical("c", call)))


@pytest.mark.parametrize(("rnn", "given"), one_in(4, STEPPED.values(), BOUND), ids=STEPPED)
def test_single_steps_of_honest_candidates_are_within_the_bound(rnn, given):
    for dtype, scale, candidate in itertools.product(DTYPES, (1.0, 8.0), BUILT_IN):
        case = case_of(rnn, given, dtype=dtype, weight_scale=scale)
        assert wrong_in_one_step(case, load(case.model_copy(update={"candidate": candidate}))) is None, (dtype, scale)


def one_percent_off(case, name):
    """A candidate with one weight off, that which the outputs depend on most."""
    oracle = Problem(case, CPU).oracle("precision")
    share = (oracle.values[f"grad {name}"] * draw(case).parameters[name]).flatten().abs()

    def candidate(input, h_0, params, case):
        weight = params[name].clone()
        weight.view(-1)[share.argmax()] *= 1.01
        return manual(input, h_0, {**params, name: weight}, case)

    return candidate


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("rnn", "given"), STEPPED.values(), ids=STEPPED)
def test_single_steps_of_a_candidate_with_one_weight_off_by_a_percent_are_not(rnn, given, dtype):
    case = case_of(rnn, given, dtype=dtype)
    last = f"l{case.rnn.num_layers - 1}"
    for name in ("weight_ih_l0", f"weight_hh_{last}", *(["weight_hh_l0_reverse"] if case.rnn.bidirectional else [])):
        said = wrong_in_one_step(case, one_percent_off(case, name))
        assert said, name
        assert said.startswith("single steps from the right states give a wrong "), name


def test_single_steps_of_another_form_are_wrong():
    for change in (lambda o, h, _: (o, h[..., :-1]), lambda o, h, _: (o, h.to("meta"))):
        assert "another form" in wrong_in_one_step(case_of(), changing(change))


def test_a_candidate_that_raises_in_single_steps_is_not_judged_by_them():
    assert wrong_in_one_step(case_of(), raising(lambda input, _: len(input) == 1)) is None


def test_a_candidate_that_takes_no_states_is_not_judged_by_single_steps():
    candidate = as_candidate(canonical("c", plant("h0-ignored")))
    assert wrong_step(Problem(case_of(), CPU), "precision", candidate)
    candidate.takes_all_states = False
    assert wrong_step(Problem(case_of(), CPU), "precision", candidate) is None


@pytest.mark.parametrize(("returns", "kept"), [("output", 0), ("h_n", 1)])
def test_what_a_candidate_does_not_return_is_no_wrong_form_of_its_single_steps(returns, kept):
    case = case_of().model_copy(update={"candidate": Candidate(target="c.py:c", returns=returns)})
    call = changing(lambda *results: tuple(one if place == kept else None for place, one in enumerate(results[:2])))
    problem, candidate = Problem(case, CPU), as_candidate(canonical("c", call, partial=True))
    assert wrong_step(problem, "precision", candidate) is None


def test_single_steps_start_from_each_step_of_each_sequence():
    case, seen = case_of({"bidirectional": True}, {"layout": "packed", "lengths": [4, 7, 2]}), []

    def looks(input, h_0, params, case):
        seen.append((input, h_0))
        return manual(input, h_0, params, case)

    assert wrong_in_one_step(case, looks) is None
    ((input, h_0),) = seen
    assert (input.shape, h_0.shape) == ((1, 13, 5), (2, 13, 6))
    probe, problem = draw(case), Problem(case, CPU)
    output = time_first(case, problem.oracle("precision").values["output"])
    at_time_1_of_sequence_0 = 3 + 0  # the rows are by time step: 3 sequences at t = 0
    assert torch.allclose(h_0[0, at_time_1_of_sequence_0].double(), output[0, 0, :6], atol=1e-6)
    assert torch.allclose(h_0[1, at_time_1_of_sequence_0].double(), output[2, 0, 6:], atol=1e-6)
    assert torch.allclose(input[0, at_time_1_of_sequence_0].double(), time_first(case, probe.input)[1, 0], atol=1e-6)


# The steps of a candidate's own output


ONE_LAYER = {id: case for id, case in STEPPED.items() if case[0]["num_layers"] == 1}


def first_step_wrong(case, call):
    problem = Problem(case, CPU)
    values = problem.values("precision", as_candidate(canonical("candidate", call)))
    return first_wrong_step(problem, "precision", values.tensors["output"])


@pytest.mark.parametrize("h_0", ["random", "omitted"])
@pytest.mark.parametrize(("rnn", "given"), one_in(4, ONE_LAYER.values(), EACH_STEP), ids=ONE_LAYER)
def test_each_step_of_an_honest_candidate_is_one_from_its_own_before(rnn, given, h_0):
    for dtype, scale, candidate in itertools.product(DTYPES, (1.0, 8.0), BUILT_IN):
        case = case_of(rnn, given | {"h_0": h_0}, dtype=dtype, weight_scale=scale)
        assert first_step_wrong(case, load(case.model_copy(update={"candidate": candidate}))) is None, (dtype, scale)


@pytest.mark.parametrize(("rnn", "given"), ONE_LAYER.values(), ids=ONE_LAYER)
def test_the_first_wrong_step_is_the_first_of_its_walk(rnn, given):
    case = case_of(rnn, given)
    place = first_step_wrong(case, starts_again_at(3))
    assert (place.direction, place.time) == ("forward", 3)


@pytest.mark.parametrize("lengths", [None, [4, 7, 2]], ids=["batched", "packed"])
def test_the_first_wrong_step_of_the_reverse_direction_is_counted_from_a_sequence_s_end(lengths):
    case = case_of({"bidirectional": True}, {"layout": "packed", "lengths": lengths} if lengths else {})

    wrong = Edit("stack", "rows[k * directions + d]", "rows[k * directions + d] * (0 if d else 1)")
    place = first_step_wrong(case, written(wrong))
    assert (place.direction, place.time, place.batch) == ("reverse", 3 if lengths else 6, 0)


def test_the_steps_of_several_layers_are_not_known():
    assert first_step_wrong(case_of({"num_layers": 2}), plant("missing-bias-hh")) is None


# What a case sees, by rule and by planting


def small_case(seed) -> Case:
    chosen = random.Random(seed)
    layout = ("batched", "unbatched", "packed")[seed % 3]
    steps, batch = chosen.choice((1, 2, 4)), chosen.choice((1, 2, 3))
    rnn = {"num_layers": chosen.choice((1, 2)), "bidirectional": chosen.random() < 0.5, "bias": chosen.random() < 0.7}
    rnn |= {"input_size": chosen.choice((3, 4, 5)), "hidden_size": chosen.choice((3, 4, 5))}
    rnn |= {"batch_first": chosen.random() < 0.5, "dropout": chosen.choice((0.0, 0.5))}
    given = {
        "layout": layout,
        "seq_len": steps,
        "batch_size": batch,
        "h_0": chosen.choice(("random", "zeros", "omitted")),
    }
    run = {"train": chosen.random() < 0.5, "gradients": chosen.random() < 0.7, "seed": seed}
    return case_of(rnn, given, **run)


LATER = pytest.mark.exhaustive(twin="test_what_a_small_case_does_not_see_is_what_the_rule_says")


@pytest.mark.parametrize("seed", [*range(6), *(pytest.param(seed, marks=LATER) for seed in range(6, 40))])
def test_what_a_small_case_does_not_see_is_what_the_rule_says(seed):
    case = small_case(seed)
    problem = Problem(case, CPU)
    applicable = {id: fault for id, fault in CATALOGUE.items() if fault.unmet(case) is None}
    by_rule = {id for id, fault in applicable.items() if fault.unseen(case) is not None}
    assert {id for id in applicable if _seen(problem, id) is None} == by_rule
