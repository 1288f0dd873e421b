"""Which faults a case sees: by planting, by rule, and what would have to change."""

import json

import pytest
import torch
from levels import one_in

from rnncli.core.case import Case, as_flags, changed_by
from rnncli.faults.catalogue import CATALOGUE, CATALOGUES, blind_spots
from rnncli.faults.power import power

CPU = torch.device("cpu")
BLIND = ["--seq-len", "1", "--h-0", "zeros", "--no-gradients"]
RICHEST = "test_a_rich_case_sees_every_fault_that_can_happen_in_it"
RICH = {
    "rnn": {"input_size": 3, "hidden_size": 5, "num_layers": 2, "bidirectional": True, "batch_first": True},
    "input": {"seq_len": 4, "batch_size": 6},
    "run": {"device": "cpu"},
}


KNOWN: dict[str, dict[str, str]] = {}  # by the id of a case


def statuses(case: Case) -> dict[str, str]:
    if case.id not in KNOWN:
        KNOWN[case.id] = {result.id: result.status for result in power(case, CPU)}
    return KNOWN[case.id]


@pytest.mark.parametrize(
    "rnn", one_in(4, [{}, {"cell": "GRU"}, {"cell": "LSTM"}, {"cell": "LSTM", "proj_size": 2}], RICHEST), ids=str
)
def test_a_rich_case_sees_every_fault_that_can_happen_in_it(rnn):
    case = Case.model_validate({**RICH, "rnn": {**RICH["rnn"], **rnn}})
    found, catalogue = statuses(case), CATALOGUES[case.rnn.cell]
    assert list(found) == list(catalogue)
    for id, status in found.items():
        assert status == ("not-applicable" if catalogue[id].unmet(case) else "caught"), id


@pytest.mark.parametrize(
    "given",
    [{"layout": "packed", "lengths": [2, 4, 1]}, {"layout": "unbatched"}],
    ids=["packed", "unbatched"],
)
def test_other_layouts_see_every_fault_that_can_happen_in_them(given):
    case = Case.model_validate({**RICH, "rnn": {**RICH["rnn"], "dropout": 0.4}, "input": given, "run": {"train": True}})
    assert set(statuses(case).values()) == {"caught", "not-applicable"}


def test_every_change_that_is_named_reveals_its_fault():
    blind = Case.model_validate({"input": {"seq_len": 1, "h_0": "zeros"}, "run": {"gradients": False, "device": "cpu"}})
    unseen = {result.id: result for result in power(blind, CPU) if result.status == "not-visible"}
    assert {"h0-ignored", "state-not-carried", "state-detached"} <= set(unseen)
    for id, result in unseen.items():
        leaves = {"--gradients": ("run.gradients", True), "--seq-len 3": ("input.seq_len", 3)}
        changes = dict(value for flag, value in leaves.items() if flag in result.change)
        assert as_flags(changes) == result.change, "the change holds nothing else"
        assert statuses(changed_by(blind, changes))[id] == "caught"
        for leaf in changes:
            fewer = {other: value for other, value in changes.items() if other != leaf}
            assert statuses(changed_by(blind, fewer))[id] == "not-visible", "and nothing that is not needed"


def test_what_is_the_same_function_is_equivalent_and_not_a_blind_spot():
    case = Case.model_validate({"rnn": {"input_size": 1, "hidden_size": 1}, "run": {"device": "cpu"}})
    found = {result.id: result for result in power(case, CPU)}
    assert found["weight-hh-transposed"].status == "equivalent"
    assert found["weight-hh-transposed"].change == "--hidden-size 3"


def test_strict_fails_where_anything_is_not_visible(rnncli):
    assert rnncli("power", "--device", "cpu", *BLIND).code == 0
    outcome = rnncli("power", "--device", "cpu", *BLIND, "--strict")
    assert outcome.code == 1
    assert "faults are not visible" in outcome.err
    assert rnncli("power", "--device", "cpu", "--strict").code == 0


def test_the_json_has_every_fault_with_the_keys_of_the_contract(rnncli):
    result = json.loads(rnncli("power", "--device", "cpu", "--format", "json", *BLIND).out)
    faults = result["cases"][0]["faults"]
    assert [fault["id"] for fault in faults] == list(CATALOGUE)
    assert all({"id", "status", "tensor", "stage", "change"} <= fault.keys() for fault in faults)
    assert {
        "id": "h0-ignored",
        "status": "not-visible",
        "tensor": None,
        "stage": None,
        "change": "--gradients",
    }.items() <= (next(fault for fault in faults if fault["id"] == "h0-ignored").items())


def test_verify_warns_in_one_line_of_what_its_case_cannot_see(rnncli):
    outcome = rnncli("verify", "--no-timing", "--device", "cpu", *BLIND)
    (line,) = outcome.err.splitlines()
    assert "h0-ignored (needs h_0 random, or gradients)" in line
    assert "state-not-carried, state-aliased (needs 2 steps or more)" in line
    assert rnncli("verify", "--no-timing", "--device", "cpu").err == ""


@pytest.mark.parametrize(
    ("config", "blind"),
    [
        ({"run": {"gradients": False}}, ["h0-detached", "backward-breaks"]),
        ({"input": {"layout": "packed", "lengths": [3, 3]}}, ["packed-hn-not-restored"]),
        ({"input": {"layout": "packed", "lengths": [3, 2]}}, ["packed-h0-not-sorted"]),
        ({"rnn": {"bidirectional": True}, "input": {"seq_len": 1}}, ["reverse-not-restored"]),
    ],
    ids=["no gradients", "equal lengths", "sorted lengths", "one step"],
)
def test_a_blind_spot_is_named_where_planting_shows_it(config, blind):
    case = Case.model_validate({**config, "run": {"device": "cpu", **config.get("run", {})}})
    found = statuses(case)
    for id in blind:
        assert id in blind_spots(case)
        assert found[id] == "not-visible"


def test_a_batch_of_none_is_not_said_to_be_blind():
    assert blind_spots(Case.model_validate({"input": {"batch_size": 0, "seq_len": 1}})) is None
