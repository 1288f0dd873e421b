from rnncli.core.case import Case
from rnncli.core.records import Check, Verdict
from rnncli.verdict.claims import with_faults


def check(tensor, verdict, stage="algorithm"):
    return Check(tensor=tensor, stage=stage, dtype="float64", verdict=verdict, policy="envelope")


def test_a_result_that_is_no_tensor_is_a_mismatch_in_place_of_its_values_match():
    judged = [check("output", Verdict.MATCH), check("h_n", Verdict.MATCH), check("h_n", Verdict.MATCH, "precision")]
    checks = with_faults(Case(), [("h_n", "shape", "it is a list")], judged)
    assert [(one.tensor, one.stage, one.verdict) for one in checks] == [
        ("output", "algorithm", "match"), ("h_n", "algorithm", "mismatch"), ("h_n", "precision", "match"),
    ]  # fmt: skip


def test_what_is_wrong_with_its_values_is_told_beside():
    judged = [check("grad weight_ih_l0", Verdict.MISMATCH)]
    checks = with_faults(Case(), [("weight_ih_l0", "shape", "it is (3, 2)")], judged)
    assert [one.reason for one in checks] == ["it is (3, 2)", None]
