"""Planted candidates, judged end to end: what is wrong is a mismatch, what fails is a failure, neither is a crash."""

import json
from functools import partial

import pytest
import torch
from levels import one_in
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from rnncli.candidate.load import load
from rnncli.core.case import Case
from rnncli.manual import BUILT_IN, rnn
from rnncli.numerics.probe import draw
from rnncli.pipeline.verify import VerifyOptions, verify
from rnncli.verdict.evaluate import candidate_side, reference_side
from rnncli.verdict.problem import Problem

LAYERS_AND_DIRECTIONS = {"num_layers": 2, "bidirectional": True}


class RaisesInBackward(torch.autograd.Function):
    @staticmethod
    def forward(_, x):
        return x.clone()

    @staticmethod
    def backward(*_):
        raise RuntimeError("one of the variables needed has been modified by an inplace operation")


def scaled(name, factor):
    def candidate(input, h_0, params, **arguments):
        return rnn(input, h_0, {**params, name: params[name] * factor}, **arguments)

    return candidate


def returning(change):
    def candidate(input, h_0, params, **arguments):
        return change(*rnn(input, h_0, params, **arguments))

    return candidate


def overwrites_h_0(input, h_0, params, **arguments):
    output, h_n = rnn(input, h_0.clone(), params, **arguments)
    with torch.no_grad():
        h_0.copy_(h_n)
    return output, h_n


def overwrites_a_weight(input, h_0, params, **arguments):
    output, h_n = rnn(input, h_0, {name: value.clone() for name, value in params.items()}, **arguments)
    params["weight_hh_l0"].data.mul_(2)
    return output, h_n


def h_0_detached(input, h_0, params, **arguments):
    return rnn(input, h_0.detach(), params, **arguments)


def float32_inside(input, h_0, params, **arguments):
    single = {name: value.detach().float().to(value.dtype) + (value - value.detach()) for name, value in params.items()}
    return rnn(input, h_0, single, **arguments)


def wrong_in_low_precision(output, h_n):
    return (output, h_n) if output.dtype == torch.float64 else (-output, -h_n)


MISMATCHES = {  # name: (candidate, the tensors it is seen in)
    "a weight off by 1e-8": (scaled("weight_hh_l0", 1 + 1e-8), {"output", "h_n"}),
    "a bias left out": (scaled("bias_hh_l1_reverse", 0.0), {"output", "h_n"}),
    "float32 inside float64": (float32_inside, {"output"}),
    "wrong in the working dtype alone": (returning(wrong_in_low_precision), {"output", "h_n"}),
    "gradient of h_n scaled": (returning(lambda output, h_n: (output, 2 * h_n - h_n.detach())), {"grad h_0"}),
    "h_n detached": (returning(lambda output, h_n: (output, h_n.detach())), {"grad h_0"}),
    "gradient of the reverse half doubled": (
        returning(lambda o, h: (torch.cat([o[..., :40], 2 * o[..., 40:] - o[..., 40:].detach()], -1), h)),
        {"grad weight_ih_l1_reverse"},
    ),
    "h_0 detached": (h_0_detached, {"grad h_0"}),
    "h_0 overwritten": (overwrites_h_0, {"grad h_0"}),
    "a weight overwritten": (overwrites_a_weight, {"grad weight_hh_l0"}),
    "backward raises": (returning(lambda o, h: (RaisesInBackward.apply(o), h)), {"grad input", "grad weight_hh_l0"}),
    "nothing has a gradient": (returning(lambda o, h: (o.detach(), h.detach())), {"grad input"}),
    "output transposed": (returning(lambda o, h: (o.transpose(0, 1), h)), {"output"}),
    "output a step short": (returning(lambda o, h: (o[:-1], h)), {"output"}),
    "h_n batch first": (returning(lambda o, h: (o, h.transpose(0, 1))), {"h_n"}),
    "h_n of the last layer": (returning(lambda o, h: (o, h[-2:])), {"h_n"}),
    "integers": (returning(lambda o, h: (o.int(), h)), {"output"}),
    "another dtype": (returning(lambda o, h: (o, h.half())), {"h_n"}),
    "sparse": (returning(lambda o, h: (o.detach().to_sparse(), h)), {"output"}),
    "on no device": (returning(lambda o, h: (o.to("meta"), h)), {"output"}),
    "NaN": (returning(lambda o, h: (o, h * float("nan"))), {"h_n"}),
    "a packed output for a tensor": (returning(lambda o, h: (PackedSequence(o, torch.tensor([1])), h)), {"output"}),
}


WRONG = "test_a_wrong_candidate_is_a_mismatch_in_the_tensors_it_is_wrong_in"


@pytest.mark.parametrize(("candidate", "tensors"), MISMATCHES.values(), ids=MISMATCHES)
@pytest.mark.parametrize("dtype", one_in(2, ["float32", "bfloat16"], WRONG))
def test_a_wrong_candidate_is_a_mismatch_in_the_tensors_it_is_wrong_in(monkeypatch, candidate, tensors, dtype):
    monkeypatch.setitem(BUILT_IN, "manual", candidate)
    record = verify(Case.model_validate({"rnn": LAYERS_AND_DIRECTIONS, "run": {"dtype": dtype}}), VerifyOptions())
    assert record.verdict == "mismatch"
    assert tensors <= {check.tensor for check in record.checks if check.verdict == "mismatch"}


def test_a_wrong_gradient_alone_leaves_the_forward_a_match(monkeypatch):
    monkeypatch.setitem(BUILT_IN, "manual", h_0_detached)
    record = verify(Case(), VerifyOptions(timing=False))
    assert {check.tensor for check in record.checks if check.verdict == "mismatch"} == {"grad h_0"}


def test_a_wrong_form_is_not_blamed_on_the_gradients(monkeypatch):
    monkeypatch.setitem(BUILT_IN, "manual", returning(lambda output, h_n: (output, h_n[-1:])))
    record = verify(Case.model_validate({"rnn": {"num_layers": 2}}), VerifyOptions(timing=False))
    assert {check.tensor for check in record.checks if check.verdict == "mismatch"} == {"h_n"}
    assert any("not run: h_n does not have the form" in (check.reason or "") for check in record.checks)


FAILURES = {
    "raises": (lambda *_, **__: 1 / 0, "its forward raised ZeroDivisionError: division by zero"),
    "raises what a device might": (lambda *_, **__: exec('raise RuntimeError("is not supported")'), "is not supported"),
    "ends the process": (lambda *_, **__: exec("raise SystemExit(0)"), "its forward raised SystemExit: 0"),
    "returns nothing": (lambda *_, **__: None, "returned NoneType; expected (output, h_n)"),
    "returns output alone": (returning(lambda output, _: output), "returned Tensor; expected (output, h_n)"),
    "returns three": (returning(lambda o, h: (o, h, h)), "returned (Tensor, Tensor, Tensor); expected"),
    "returns a list of steps": (returning(lambda o, h: (list(o), h)), "returned (list, Tensor); expected"),
    "returns no h_n": (returning(lambda o, _: (o, None)), "returned (Tensor, NoneType); expected"),
}


@pytest.mark.parametrize(("candidate", "message"), FAILURES.values(), ids=FAILURES)
def test_a_candidate_that_fails_ends_with_4_and_costs_its_own_case_alone(
    rnncli, monkeypatch, tmp_path, candidate, message
):
    monkeypatch.setitem(BUILT_IN, "manual", candidate)
    for command in ("verify", "shapes"):
        outcome = rnncli(command, "--device", "cpu")
        assert (outcome.code, outcome.out) == (4, "")
        assert message in outcome.err
        assert "Traceback" not in outcome.err
    config = tmp_path / "two.yaml"
    config.write_text("grid: {candidate: [manual, bmm]}")
    outcome = rnncli("verify", "--no-timing", "--format", "json", config)
    assert outcome.code == 4
    failed, other = json.loads(outcome.out)["cases"]
    assert (failed["verdict"], failed["error"]["kind"], other["verdict"]) == (None, "candidate", "match")


PACKED = Case.model_validate({"rnn": {"hidden_size": 6}, "input": {"layout": "packed", "lengths": [3, 5, 3, 1]}})


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        (lambda packed: packed.data, "mismatch"),
        (lambda packed: packed._replace(batch_sizes=packed.batch_sizes.flip(0)), "mismatch"),
        (lambda packed: packed._replace(sorted_indices=packed.sorted_indices.flip(0)), "mismatch"),
        (lambda packed: PackedSequence(packed.data, packed.batch_sizes), "mismatch"),
        (lambda packed: packed._replace(data=packed.data.flip(0)), "mismatch"),
        (lambda packed: repacked(packed), "match"),
    ],
    ids=["data alone", "batch_sizes", "order", "order dropped", "rows", "another honest order"],
)
def test_a_packed_output_is_judged_with_its_packing(monkeypatch, change, verdict):
    def candidate(input, h_0, params, **arguments):
        output, h_n = rnn(input, h_0, params, **arguments)
        return change(output), h_n

    monkeypatch.setitem(BUILT_IN, "manual", candidate)
    assert verify(PACKED, VerifyOptions(timing=False)).verdict == verdict


def repacked(packed):
    """The same sequences, those of equal length sorted the other way round."""
    padded, lengths = pad_packed_sequence(packed)
    order = torch.arange(len(lengths)).flip(0)
    again = pack_padded_sequence(padded[:, order], lengths[order], enforce_sorted=False)
    sorted_indices = order[again.sorted_indices]
    assert len(lengths) == 1 or not torch.equal(sorted_indices, packed.sorted_indices)
    return PackedSequence(again.data, again.batch_sizes, sorted_indices, torch.argsort(sorted_indices))


AMPLIFYING = [
    {"rnn": {"nonlinearity": "relu"}, "input": {"seq_len": 60}, "run": {"weight_scale": 1000.0}},
    {"rnn": {"nonlinearity": "relu"}, "input": {"seq_len": 90}, "run": {"weight_scale": 1000.0, "dtype": "float64"}},
    {"rnn": {"nonlinearity": "relu"}, "input": {"seq_len": 40}, "run": {"weight_scale": 100.0, "dtype": "bfloat16"}},
    {"input": {"seq_len": 150}, "run": {"weight_scale": 5.0}},
    {"input": {"seq_len": 150}, "run": {"weight_scale": 5.0, "dtype": "float64"}},
]
HONEST = "test_a_correct_candidate_is_no_mismatch_where_the_recurrence_amplifies_rounding"


@pytest.mark.parametrize(
    ("config", "candidate"),
    [
        pytest.param(config, candidate, marks=() if fast else pytest.mark.exhaustive(twin=HONEST))
        for row, config in enumerate(AMPLIFYING)
        for column, candidate in enumerate(BUILT_IN)
        for fast in [row == column]  # of each candidate one config
    ],
    ids=str,
)
def test_a_correct_candidate_is_no_mismatch_where_the_recurrence_amplifies_rounding(config, candidate):
    record = verify(Case.model_validate({**config, "candidate": candidate}), VerifyOptions(timing=False))
    assert record.verdict != "mismatch"


def test_an_empty_batch_proves_nothing(monkeypatch):
    monkeypatch.setitem(BUILT_IN, "manual", scaled("bias_hh_l0", 0.0))
    case = Case.model_validate({"input": {"batch_size": 0}})
    assert verify(case, VerifyOptions(timing=False)).verdict == "not-comparable"


def test_what_was_finished_before_an_interrupt_is_kept(rnncli, monkeypatch, tmp_path):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setitem(BUILT_IN, "manual", interrupted)
    config = tmp_path / "two.yaml"
    config.write_text("grid: {candidate: [bmm, manual]}")
    outcome = rnncli("verify", "--no-timing", "--format", "json", config)
    assert outcome.code == 130
    assert [case["verdict"] for case in json.loads(outcome.out)["cases"]] == ["match"]
    assert outcome.err == "rnncli: interrupted: 1 of 2 cases were finished\n"


def test_memory_that_runs_out_costs_its_own_case_alone(rnncli, monkeypatch, tmp_path):
    def greedy(*_, **__):
        raise MemoryError

    monkeypatch.setitem(BUILT_IN, "manual", greedy)
    config = tmp_path / "two.yaml"
    config.write_text("run: {device: cpu}\ngrid: {candidate: [bmm, manual]}")
    outcome = rnncli("verify", "--no-timing", "--format", "json", config)
    assert outcome.code == 2
    assert "does not fit into the memory of cpu" in outcome.err
    first, second = json.loads(outcome.out)["cases"]
    assert (first["verdict"], second["verdict"], second["error"]["kind"]) == ("match", None, "config")


def test_at_the_precision_stage_nn_rnn_has_an_error_of_its_own():
    checks = verify(Case(), VerifyOptions(timing=False)).checks
    precision = [check for check in checks if check.stage == "precision"]
    assert all(1e-9 < check.reference_max_abs_error < 1e-4 for check in precision)
    assert all(check.reference_max_abs_error is None for check in checks if check.stage == "algorithm")


@pytest.mark.parametrize(
    "side", [reference_side, partial(candidate_side, load(Case()))], ids=["reference", "candidate"]
)
def test_a_side_has_copies_of_the_probe(side):
    probe = draw(Case())
    for leaf in side(Case(), probe).leaves.values():
        leaf.data.fill_(7)
    assert not any((value == 7).any() for value in (probe.input, probe.h_0, *probe.parameters.values()))


@pytest.mark.parametrize(
    ("dtype", "steps"),
    one_in(
        2,
        [("float32", 20), ("float64", 125)],
        "test_a_wrong_candidate_is_never_a_match_where_nn_rnn_overflows",
        pool="long",
    ),
)
def test_a_wrong_candidate_is_never_a_match_where_nn_rnn_overflows(monkeypatch, dtype, steps):
    def all_steps_but_the_last_halved(input, h_0, params, **arguments):
        output, h_n = rnn(input, h_0, params, **arguments)
        return torch.cat([output[:-1] / 2, output[-1:]]) if not output[-1].isfinite().all() else output, h_n

    overflowing = {"rnn": {"nonlinearity": "relu", "hidden_size": 64}, "input": {"seq_len": steps}}
    case = Case.model_validate({**overflowing, "run": {"weight_scale": 1000.0, "gradients": False, "dtype": dtype}})
    output = Problem(case, torch.device("cpu")).reference("precision").tensors["output"]
    assert output[0].isfinite().all()
    assert not output[-1].isfinite().all()
    monkeypatch.setitem(BUILT_IN, "manual", all_steps_but_the_last_halved)
    checks = {check.tensor: check for check in verify(case, VerifyOptions(timing=False)).checks}
    assert checks["output"].verdict != "match"
