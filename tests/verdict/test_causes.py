"""Every check that is no match by its values says why as data: a member of Cause, or a fault of the catalogue."""

import json

import pytest
import torch

from rnncli.candidate.load import canonical
from rnncli.core.case import Case
from rnncli.core.causes import Cause
from rnncli.faults.catalogue import CATALOGUE
from rnncli.faults.planted import plant
from rnncli.verdict.judge import Judgement
from rnncli.verdict.problem import Problem

RICH = Case.model_validate(
    {
        "rnn": {"input_size": 5, "hidden_size": 4, "num_layers": 2, "bidirectional": True, "batch_first": True},
        "input": {"seq_len": 4, "batch_size": 3},
    }
)


def causes(case: Case, call) -> dict[str, str | None]:
    checks = Judgement(Problem(case, torch.device("cpu")), canonical("candidate", call)).checks
    return {f"{check.tensor} {check.verdict}": check.cause for check in checks if check.verdict != "match"}


@pytest.mark.parametrize("id", [id for id, fault in CATALOGUE.items() if fault.unmet(RICH) is None])
def test_every_check_of_a_wrong_candidate_has_a_cause(id):
    found = causes(RICH, plant(id))
    assert found or id == "device-hardcoded"
    assert all(cause in CATALOGUE or cause in set(Cause) for cause in found.values()), found


@pytest.mark.parametrize(
    ("id", "cause"),
    [
        ("h0-mutated", "h0-mutated"),
        ("backward-breaks", "backward-breaks"),
        ("state-leaks-between-calls", "state-leaks-between-calls"),
        ("hn-last-layer-only", "shape"),
        ("missing-bias-hh", "values"),
        ("h0-detached", "no-gradient"),
    ],
)
def test_the_cause_of_a_fault_is_what_it_does(id, cause):
    assert cause in causes(RICH, plant(id)).values()


@pytest.mark.exhaustive(twin="test_every_check_of_a_wrong_candidate_has_a_cause", pool="long")
def test_what_rounding_leaves_open_has_a_cause_too():
    amplifying = Case.model_validate({"input": {"seq_len": 200}, "run": {"weight_scale": 5.0, "dtype": "float16"}})
    right = plant()
    opened = causes(amplifying, right)
    assert set(opened.values()) <= {"amplified", "overflow", "relu-kink"}


@pytest.mark.exhaustive(twin="test_every_check_of_a_wrong_candidate_has_a_cause", pool="long")
def test_the_cause_is_in_the_json(rnncli, tmp_path):
    (tmp_path / "net.py").write_text(
        "import torch\n\n\ndef rnn(x, W_ih, W_hh, b_ih, b_hh, h):\n    for x_t in x:\n"
        "        h = torch.tanh(x_t @ W_ih.T + b_ih + h @ W_hh.T)\n    return h\n"
    )
    shown = rnncli("verify", f"{tmp_path}/net.py", "--no-timing", "--format", "json").out
    (case,) = json.loads(shown)["cases"]
    assert {check["cause"] for check in case["checks"] if check["verdict"] == "mismatch"} >= {"values"}
    assert {check["cause"] for check in case["checks"] if check["verdict"] == "match"} <= {None}
