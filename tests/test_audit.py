"""A few hundred cases of the audit, with its fixed seed; `make audit` runs all of them."""

import json

import pytest
from levels import one_in

from benchmarks import audit
from benchmarks.audit_page import page
from rnncli.faults.catalogue import CATALOGUE
from rnncli.verdict import compare

LATER = pytest.mark.exhaustive(twin="test_no_correct_implementation_is_called_a_mismatch")
SIZED = "test_a_small_wrong_is_caught_and_told_apart_by_its_size"
FEW = audit.Limits(steps=60, hidden_size=32, work=1e5)


@pytest.mark.parametrize("start", [pytest.param(start, marks=LATER if start else ()) for start in range(0, 160, 10)])
def test_no_correct_implementation_is_called_a_mismatch(start):
    for number in range(start, start + 10):
        right = audit.honest_gated if number % 3 == 0 else audit.honest
        assert right(number, FEW)["mismatches"] == [], number


@pytest.mark.exhaustive(twin="test_a_rich_case_sees_every_fault_that_can_happen_in_it", pool="audit")
@pytest.mark.parametrize("id", CATALOGUE)
def test_a_fault_is_caught_wherever_power_says_it_is_visible(id):
    numbers = [list(CATALOGUE).index(id) + turn * len(CATALOGUE) for turn in range(5)]
    found = [audit.fault(number, FEW) for number in numbers]
    assert {result["fault"] for result in found} == {id}
    assert [result["exception"] for result in found] == [None] * 5
    assert any(result["verify"] for result in found)


@pytest.mark.exhaustive(twin="test_a_rich_case_sees_every_fault_that_can_happen_in_it", pool="audit")
@pytest.mark.parametrize(("cell", "id"), audit.GATED_FAULTS)
def test_a_fault_of_a_gated_cell_is_caught_wherever_power_says_it_is_visible(cell, id):
    number = audit.GATED_FAULTS.index((cell, id))
    found = [audit.fault_gated(number + turn * len(audit.GATED_FAULTS), FEW) for turn in range(6)]
    assert {(result["cell"], result["fault"]) for result in found} == {(cell, id)}
    assert [result["exception"] for result in found] == [None] * 6
    assert any(result["verify"] for result in found)


@pytest.mark.parametrize("name", one_in(2, audit.SMALL_WRONGS, SIZED))
def test_a_small_wrong_is_caught_and_told_apart_by_its_size(name):
    numbers = [list(audit.SMALL_WRONGS).index(name) + turn * len(audit.SMALL_WRONGS) for turn in range(8)]
    found = [audit.small_wrong(number, FEW) for number in numbers]
    assert {result["wrong"] for result in found} == {name}
    assert [result["missed"] for result in found] == [None] * 8
    assert sum(result["caught"] for result in found) >= 6
    assert all(result["told"] for result in found if result["sized"])


def test_the_audit_sees_a_false_alarm(monkeypatch):
    monkeypatch.setattr(compare, "ENVELOPES", 1e-3)
    monkeypatch.setattr(compare, "HONEST_FACTOR", 0.0)
    assert any(audit.honest(number, FEW)["mismatches"] for number in range(10))


def test_the_audit_sees_a_missed_fault(monkeypatch):
    monkeypatch.setattr(audit, "_seen", lambda *_: None)
    assert audit.fault(list(CATALOGUE).index("h0-ignored"), FEW)["exception"]
    monkeypatch.setattr(audit, "_seen", lambda *_: "seen")
    monkeypatch.setattr(audit, "is_wrong", lambda _: False)
    assert audit.fault(list(CATALOGUE).index("h0-ignored"), FEW)["exception"]


# Cases of the whole audit that were once judged wrongly, by their numbers


@pytest.mark.exhaustive(twin="test_no_correct_implementation_is_called_a_mismatch", pool="long")
@pytest.mark.parametrize(
    "number",
    [180, 3037, 7849],
    ids=["sums within a step beyond the range", "a group lost in rounding", "groups of one element"],
)
def test_a_correct_candidate_of_the_audit_is_no_mismatch(number):
    assert not audit.honest(number)["mismatches"]


def test_a_fault_that_equal_lengths_on_a_reduced_probe_hid_is_seen():
    found = audit.fault(4079, id="packed-h0-not-sorted")
    assert found["verify"]
    assert not found["exception"]


def test_a_fault_that_only_draws_other_masks_is_no_exception():
    found = audit.fault(1876, id="dropout-in-recurrence")
    assert found["masks"]
    assert not found["exception"]


@pytest.mark.parametrize("number", [368, 593, 633, 828, 953])
def test_weights_rounded_to_bfloat16_are_told_from_another_equation_wherever_they_are_amplified(number):
    assert audit.small_wrong(number)["told"]


@pytest.mark.exhaustive(twin="test_no_correct_implementation_is_called_a_mismatch", pool="long")
def test_a_change_of_a_weight_is_seen_from_some_size_on_and_none_without_one():
    found = [audit.sensitivity(number, FEW) for number in range(len(audit.DTYPES))]
    assert [result["dtype"] for result in found] == list(audit.DTYPES)
    assert all(result["honest_is_not_wrong"] for result in found)
    assert all(result["ours"] < 0.1 for result in found[:2])


@pytest.mark.exhaustive(twin="test_what_is_missing_is_run_on_resume", pool="long")
def test_the_audit_goes_on_where_it_was_stopped(tmp_path):
    share = 2 / audit.SECTIONS["small"][1]
    kept = {"number": 0, "wrong": "kept from before"}
    (tmp_path / "small.jsonl").write_text(json.dumps(kept) + "\n")
    found = audit.results("small", share, tmp_path, workers=1)
    assert sorted(result["number"] for result in found) == [0, 1]
    assert kept in found
    assert len((tmp_path / "small.jsonl").read_text().splitlines()) == 2


def test_the_page_fails_where_anything_is_not_as_it_must_be(monkeypatch):
    monkeypatch.setattr("benchmarks.cost.rates", lambda: [("small", 1.0, 2.0, 0.5)])
    monkeypatch.setattr("benchmarks.cost.memory", lambda: dict.fromkeys(MEMORY, 2**20))
    results = {
        "honest": [audit.honest(0, FEW)],
        "honest gated": [audit.honest_gated(number, FEW) for number in range(2)],
        "fault": [audit.fault(0, FEW)],
        "fault gated": [audit.fault_gated(number, FEW) for number in (0, len(audit.GATED_FAULTS) - 1)],
        "single": [audit.single(0, FEW)],
        "single gated": [audit.single_gated(0, FEW)],
        "pair": [audit.pair(0, FEW)],
        "small": [audit.small_wrong(0, FEW)],
        "sensitivity": [
            {
                "number": n,
                "dtype": dtype,
                "ours": 1e-7,
                "assert_close": 1e-6,
                "honest_passes": True,
                "honest_is_not_wrong": True,
            }
            for n, dtype in enumerate(audit.DTYPES)
        ],
    }
    text, failed = page(results, 0.1)
    assert not failed
    assert "**0 mismatches**" in text
    assert "## Readings" not in text
    reading = {"style": "scan", "flags": "", "operator": "index", "line": 8, "change": "0 -> 1", "mutant": "m"}
    reading |= {"truth": "wrong", "because": "output is off by 1", "verdict": "mismatch", "said": ""}
    text, failed = page(results, 0.1, [reading])
    assert not failed
    assert "**0 wrong matches, 0 wrong mismatches.**" in text
    assert page(results, 0.1, [reading | {"verdict": "match"}])[1]
    results["honest"][0]["mismatches"].append([{}, "output", "algorithm", "a reason"])
    text, failed = page(results, 0.1)
    assert failed
    assert "exception: " in text


MEMORY = ("reference_alone", "verified", "verified_with_noise", "reckoned")
