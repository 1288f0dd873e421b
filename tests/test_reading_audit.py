"""A seeded sample of the audit of readings, which `make audit` runs whole; and that the audit can fail."""

import os
import time

import pytest
from levels import one_in

from benchmarks.reading import audit, table
from benchmarks.reading.catalogue import STYLES
from benchmarks.reading.processes import results_of
from benchmarks.reading.truth import truth

SHARE = 0.05  # of the mutants of the styles below: about 40
PASSES_NONE = "test_rnncli_passes_no_wrong_one_of_a_sample_and_no_right_one_is_a_mismatch"
QUICK = ("step_cell", "joined", "scan", "two_linears")


def source_of(style):
    return (audit.HERE / "styles" / f"{style}.py").read_text()


@pytest.fixture(scope="module")
def found():
    return {style: audit.jobs_of(style) for style in QUICK}


def judged_by(tool, jobs):
    """What the audit makes of jobs, in this process."""
    results = [audit.Judged(job, *audit.truth_of(job), *audit.verdict_of(job, tool)) for job in jobs]
    return [result.to_json() for result in results]


@pytest.mark.parametrize("style", one_in(3, STYLES, "test_every_style_is_right_for_all_it_claims"))
def test_every_style_is_right_for_all_it_claims(style):
    for flags in STYLES[style].flags:
        assert truth(source_of(style), STYLES[style], flags).kind == "right", flags


def test_every_file_of_a_style_has_a_binding():
    assert {path.stem for path in (audit.HERE / "styles").glob("*.py")} == set(STYLES)


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("h @ W_hh.T", "W_hh.T @ h", "raises"),
        (" + b_hh)", ")", "wrong"),
        ("outs.append(h)", "outs.append(h.detach())", "wrong"),
        ("return torch.stack(outs), h", "return torch.stack(outs), h.roll(1, 0)", "wrong"),
        ("b_ih + h @ W_hh.T + b_hh", "b_hh + h @ W_hh.T + b_ih", "right"),
        ("return torch.stack(outs), h", "return torch.stack(outs), h[None]", "excluded"),
    ],
)
def test_the_truth_about_a_change_is_known(old, new, kind):
    source = source_of("scan")
    assert old in source
    assert truth(source.replace(old, new), STYLES["scan"], "").kind == kind


def test_a_joined_matrix_may_have_its_columns_in_either_order():
    source = source_of("joined").replace("(x[:, t], hidden)", "(hidden, x[:, t])")
    assert truth(source, STYLES["joined"], "").kind == "right"


def test_a_weight_that_no_optimiser_finds_is_wrong():
    source = source_of("step_cell").replace("nn.Parameter(torch.zeros(n_h))", "torch.zeros(n_h).requires_grad_()")
    assert truth(source, STYLES["step_cell"], "").kind == "wrong"


def test_a_state_kept_for_the_next_call_is_wrong():
    source = source_of("joined").replace("states = []", "states = globals().setdefault('kept', [])")
    assert truth(source, STYLES["joined"], "").kind == "wrong"


def test_a_function_that_keeps_the_weights_of_its_first_call_is_wrong():
    source = source_of("scan").replace("x[t] @ W_ih.T", "x[t] @ globals().setdefault('kept', W_ih).T")
    assert truth(source, STYLES["scan"], "").kind == "wrong"


def test_each_mutant_differs_and_there_are_many(found):
    for style, jobs in found.items():
        sources = [job.source for job in jobs]
        assert len(set(sources)) == len(sources) > 100, style


def test_an_audit_of_a_tool_that_passes_everything_reports_wrong_matches(found):
    jobs = [job for job in found["scan"] if audit.drawn(job, 0.1)]
    results = judged_by(lambda *_: ("match", "everything matches"), jobs)
    text, failed = table.section(results)
    assert failed
    assert table.counts(results)["wrong matches"] == sum(result["truth"] in ("wrong", "raises") for result in results)
    assert table.counts(results)["wrong matches"] > 10
    assert "wrong match: `scan`" in text


@pytest.mark.exhaustive(twin="test_rnncli_passes_no_wrong_one_of_a_sample_and_no_right_one_is_a_mismatch", pool="long")
def test_an_audit_of_a_tool_that_refuses_everything_reports_wrong_mismatches(found):
    jobs = [job for job in found["two_linears"] if audit.drawn(job, 0.1) or job.operator == audit.UNCHANGED]
    results = judged_by(lambda *_: ("mismatch", "nothing matches"), jobs)
    text, failed = table.section(results)
    assert failed
    assert table.counts(results)["wrong mismatches"] == sum(result["truth"] == "right" for result in results) > 0
    assert table.counts(results)["wrong matches"] == 0
    assert "wrong mismatch: `two_linears`" in text


def test_an_audit_of_a_tool_that_knows_the_truth_passes(found):
    jobs = [job for job in found["scan"] if audit.drawn(job, 0.05)]
    results = judged_by(None, [])
    for job in jobs:
        kind, _ = audit.truth_of(job)
        told = "match" if kind == "right" else "mismatch"
        results += judged_by(lambda *_, told=told: (told, "as it is"), [job])
    assert not table.section(results)[1]


def test_a_tool_that_raises_has_no_verdict():
    def broken(*_):
        raise KeyError("weight_ih")

    job = audit.Job("scan", "", audit.UNCHANGED, 0, "", source_of("scan"))
    assert audit.verdict_of(job, broken) == ("failed", "internal error: KeyError: 'weight_ih'")


def test_the_audit_goes_on_where_it_was_stopped(tmp_path):
    job = audit.Job("scan", "", audit.UNCHANGED, 0, "", source_of("scan"))
    asked = []

    def work(missing):
        asked.extend(missing)
        return ((job, ("match", "read")) for job in missing)

    for stamp, times in (("one", 1), ("one", 1), ("another", 2)):
        found = audit.kept(tmp_path / "kept.jsonl", stamp, [job], work, ("failed", "dead"))
        assert list(found[job.key]) == ["match", "read"]
        assert len(asked) == times


@pytest.mark.parametrize("style", one_in(6, QUICK, PASSES_NONE, pool="long"))
def test_rnncli_passes_no_wrong_one_of_a_sample_and_no_right_one_is_a_mismatch(style, found):
    jobs = [job for job in found[style] if audit.drawn(job, SHARE) or job.operator == audit.UNCHANGED]
    for result in judged_by(None, jobs):
        assert not table.what_is_wrong(result), result


@pytest.mark.exhaustive(twin="test_a_worker_that_hangs_is_ended", pool="long")
def test_a_mutant_that_hangs_or_ends_its_process_costs_its_own_job_alone():
    def work(job):
        if job == "hang":
            time.sleep(60)
        if job == "die":
            os._exit(3)
        return job

    jobs = [1, "hang", 2, "die", 3, 4]
    assert dict(results_of(jobs, work, batch=4, timeout_s=0.5)) == {1: 1, "hang": None, 2: 2, "die": None, 3: 3, 4: 4}
