"""What bench measures, refuses and reports. How long anything takes is not tested here, but measured in benchmarks/."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from functools import partial

import pytest
import torch
import yaml
from conftest import ROOT
from torch.utils.flop_counter import FlopCounterMode

from rnncli.candidate.load import load
from rnncli.core.case import Case
from rnncli.core.errors import ConfigError
from rnncli.core.records import CaseRecord, Gate, RunRecord, Timing
from rnncli.cost import measure as measuring
from rnncli.cost.flops import flops, moved_bytes, products
from rnncli.cost.measure import PassSpec, measure
from rnncli.cost.timing import Effort
from rnncli.numerics.probe import draw
from rnncli.pipeline.bench import growth
from rnncli.pipeline.gates import Condition
from rnncli.report.table import render
from rnncli.verdict.evaluate import candidate_side

QUICK = ("--min-run-time", "0.001", "--device", "cpu")
BRIEF = Effort(budget_s=0.001, fewest=3, most=3)
PASSES = ["inference", "forward", "forward+backward"]

IMPLEMENTATIONS = ("nn.RNN", "manual", "bmm", "concat", "cell")


# The work of a case


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize(
    ("rnn", "given"),
    [
        ({}, {}),
        ({"num_layers": 3, "bidirectional": True, "hidden_size": 7}, {}),
        ({"bias": False, "num_layers": 2}, {"layout": "unbatched"}),
        ({"batch_first": True, "bidirectional": True}, {"layout": "packed", "lengths": [5] * 10}),
    ],
    ids=["defaults", "layers", "unbatched", "packed"],
)
def test_the_flops_are_those_that_torch_counts(rnn, given, backward):
    """Of concat, as its counter does not know the products in place that manual is made of."""
    case = Case.model_validate({"rnn": rnn, "input": given, "run": {"device": "cpu"}, "candidate": "concat"})
    side = candidate_side(load(case), case, draw(case).to(torch.float32, torch.device("cpu")))
    with FlopCounterMode(display=False) as counter:
        side.forward_backward() if backward else side.forward()
    assert flops(case, backward) == counter.get_total_flops()


def test_of_a_packed_input_the_steps_that_run_are_counted():
    sizes = {"rnn": {"input_size": 3, "hidden_size": 2}}
    packed = Case.model_validate({**sizes, "input": {"layout": "packed", "lengths": [4, 1, 2]}})
    assert [(p.rows, p.times) for p in products(packed, backward=False)] == [(7, 1), (3, 1), (2, 1), (1, 2)]


def test_the_bytes_are_those_of_operands_and_results():
    case = Case.model_validate(
        {
            "rnn": {"input_size": 3, "hidden_size": 2},
            "input": {"seq_len": 5, "batch_size": 4},
            "run": {"dtype": "float64"},
        }
    )
    projection = 20 * 3 + 3 * 2 + 20 * 2
    assert moved_bytes(case, backward=False) == 8 * (projection + 5 * (4 * 2 + 2 * 2 + 4 * 2))


# Measuring


def measured(names=("nn.RNN", "manual"), pass_="forward", compile=False, **config):
    case = Case.model_validate({"run": {"device": "cpu"}, **config})
    probe = draw(case).to(torch.float32, torch.device("cpu"))
    return measure(case, probe, PassSpec(names, pass_, BRIEF, compile, 1))


@pytest.mark.parametrize("name", PASSES)
def test_every_implementation_is_measured_and_the_products_beside_them(name):
    timings, failed = measured(IMPLEMENTATIONS, name)
    assert [t.implementation for t in timings] == [*IMPLEMENTATIONS, "matrix products"]
    assert {t.pass_ for t in timings} == {name}
    assert not failed
    assert timings[0].ratio_to_reference == 1
    plain = timings[-1]
    operations = flops(Case(), backward=name == "forward+backward")
    for t in timings:
        assert t.flops_per_s == pytest.approx(operations / t.median_s)
        assert t.products_share == pytest.approx(plain.median_s / t.median_s)
        assert (t.peak_bytes is None) == (t is plain)


def test_inference_records_nothing(monkeypatch):
    seen = []

    def spied(*_, **__):
        seen.append(torch.is_grad_enabled())
        return torch.zeros(5, 10, 40, requires_grad=True), torch.zeros(1, 10, 40)

    monkeypatch.setitem(measuring.BUILT_IN_RNNS, "manual", spied)
    measured(pass_="inference")
    assert set(seen) == {False}
    seen.clear()
    measured(pass_="forward")
    assert set(seen) == {True}


def test_the_threads_are_those_of_the_run_in_whatever_process(monkeypatch):
    seen, before = [], torch.get_num_threads()

    def spied(*_, **__):
        seen.append(torch.get_num_threads())
        return torch.zeros(5, 10, 40, requires_grad=True), torch.zeros(1, 10, 40)

    monkeypatch.setitem(measuring.BUILT_IN_RNNS, "manual", spied)
    case = Case.model_validate({"run": {"device": "cpu"}})
    probe = draw(case).to(torch.float32, torch.device("cpu"))
    try:
        measure(case, probe, PassSpec(("nn.RNN", "manual"), "inference", BRIEF, False, before + 1))
        assert set(seen) == {before + 1}
    finally:
        torch.set_num_threads(before)


def test_compiled_ones_stand_beside_the_others_with_their_time(monkeypatch):
    monkeypatch.setattr("torch.compile", lambda call, **_: call)
    timings, failed = measured(compile=True)
    names = [t.implementation for t in timings]
    assert names == ["nn.RNN", "manual", "nn.RNN compiled", "manual compiled", "matrix products"]
    assert [t.compile_s is not None for t in timings] == [False, False, True, True, False]
    assert not failed


def without_compiler(_, **__):
    def compiled(*_):
        raise RuntimeError("no compiler\nfound")

    return compiled


def test_what_cannot_be_compiled_is_told_and_the_rest_is_measured(monkeypatch):
    monkeypatch.setattr("torch.compile", without_compiler)
    timings, failed = measured(compile=True)
    assert [t.implementation for t in timings] == ["nn.RNN", "manual", "matrix products"]
    assert failed == [f"{name}: torch.compile fails: RuntimeError: no compiler" for name in ("nn.RNN", "manual")]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(os.environ.get("RNNCLI_COMPILE") != "1", reason="takes a C++ compiler and half a minute")
def test_torch_compile_compiles_them():
    _, failed = measured(IMPLEMENTATIONS, "forward+backward", compile=True)
    assert not failed


# Growth and gates


def timed(case, **seconds):
    timings = tuple(
        Timing(implementation=name, pass_="forward", median_s=value, iqr_s=0.1 * value, runs=9)
        for name, value in seconds.items()
    )
    return CaseRecord(id=case.id, config=case.config, verdict=None, timing=timings)


def test_the_exponents_are_those_of_the_law_the_times_follow():
    cases = []
    for steps in (10, 20, 80):
        for hidden in (16, 32, 64):
            case = Case.model_validate({"rnn": {"hidden_size": hidden}, "input": {"seq_len": steps}})
            cases.append(timed(case, a=3e-6 * steps * hidden**1.5, b=7e-3 * steps**0.5))
    found = growth(cases, ["input.seq_len", "rnn.hidden_size", "rnn.num_layers"])
    assert [(fit.implementation, fit.pass_) for fit in found] == [("a", "forward"), ("b", "forward")]
    assert found[0].exponents == pytest.approx({"seq_len": 1.0, "hidden_size": 1.5})
    assert found[1].exponents == pytest.approx({"seq_len": 0.5, "hidden_size": 0.0}, abs=1e-9)


def test_there_is_no_exponent_without_a_range():
    assert growth([timed(Case(), a=1.0)], ["input.seq_len"]) == ()
    assert growth([timed(Case(), a=1.0), timed(Case.model_validate({"run": {"seed": 1}}), a=2.0)], []) == ()


@pytest.mark.parametrize(
    ("condition", "fails"),
    [
        ("manual.forward > 1.1", True),
        ("manual.forward > 1.25", False),
        ("manual.forward>=1.3", False),
        ("manual.forward < 1.5", True),
        ("manual.forward < 1.35", False),
        ("manual.forward <= 1.3", False),
        ("manual.forward > 1e-3", True),
    ],
)
def test_a_gate_fails_beyond_the_spread_alone(condition, fails):
    ratios = {"ratio_to_reference": 1.3, "ratio_low": 1.2, "ratio_high": 1.4}
    record = timed(Case(), manual=1.0)
    record = replace(record, timing=(replace(record.timing[0], **ratios),))
    gate = Condition.parse(condition, ["manual"], PASSES, "nn.RNN").of(record)
    assert (gate.failed, gate.ratio, gate.ratio_low, gate.ratio_high) == (fails, 1.3, 1.2, 1.4)


@pytest.mark.parametrize(
    "text", ["", "manual > 1", "manual.forward", "manual.forward > x", "manual.forward == 1", "manual.forward > -1"]
)
def test_a_condition_that_is_none_is_told(text):
    with pytest.raises(
        ConfigError, match=r"--fail-if: .*allowed: IMPLEMENTATION\.PASS, one of < <= > >=, and a ratio to nn\.GRU, as"
    ):
        Condition.parse(text, ["manual"], PASSES, "nn.GRU")


def test_the_candidate_of_a_condition_may_be_a_file(tmp_path):
    named = f"{tmp_path}/my.rnn.py:Rnn.forward"
    assert Condition.parse(f"{named}.forward > 2", [named], PASSES, "nn.RNN").implementation == named


# The command


def test_bench_reports_every_pass_of_every_implementation(rnncli):
    outcome = rnncli("bench", *QUICK, "--format", "json")
    assert (outcome.code, outcome.err) == (0, "")
    found = json.loads(outcome.out)
    assert (found["command"], found["verdict"]) == ("bench", "match")
    timing = found["cases"][0]["timing"]
    names = [*IMPLEMENTATIONS, "matrix products"]
    assert [(t["pass"], t["implementation"]) for t in timing] == [(p, name) for p in PASSES for name in names]
    assert all(t["ratio_low"] <= t["ratio_to_reference"] <= t["ratio_high"] and t["runs"] >= 7 for t in timing)


def test_without_gradients_inference_is_all(rnncli):
    outcome = rnncli("bench", *QUICK, "--no-gradients", "--only", "manual", "--format", "json")
    timing = json.loads(outcome.out)["cases"][0]["timing"]
    assert [(t["pass"], t["implementation"]) for t in timing] == [
        ("inference", name) for name in ("nn.RNN", "manual", "matrix products")
    ]


def test_a_range_has_a_case_for_each_size_and_the_growth(rnncli):
    flags = ("--over", "seq_len=2^1..2^3", "--over", "hidden_size=3,5", "--only", "manual")
    found = json.loads(rnncli("bench", *QUICK, *flags, "--format", "json").out)
    sizes = [(case["config"]["input"]["seq_len"], case["config"]["rnn"]["hidden_size"]) for case in found["cases"]]
    assert sorted(sizes) == [(steps, hidden) for steps in (2, 4, 8) for hidden in (3, 5)]
    assert len(found["growth"]) == 9
    assert {tuple(sorted(fit["exponents"])) for fit in found["growth"]} == {("hidden_size", "seq_len")}
    shown = rnncli("bench", *QUICK, "--over", "seq_len=2,4", "--only", "manual").out
    assert "forward grows as: nn.RNN seq_len^" in shown
    assert all(len(line) <= 80 for line in shown.splitlines())


def test_one_case_fits_a_narrow_page(rnncli):
    shown = rnncli("bench", *QUICK).out
    assert all(len(line) <= 80 for line in shown.splitlines())
    for word in ("inference", "forward+backward", "concat", "matrix products", "GFLOP/s", "memory"):
        assert word in shown


WRONG = """
import torch


def rnn(input, h_0, params, case):
    from rnncli.manual import BUILT_IN
    output, h_n = BUILT_IN["manual"](input, h_0, params)
    return output * 1.01, h_n


def right(input, h_0, params, case):
    from rnncli.manual import BUILT_IN
    return BUILT_IN["concat"](input, h_0, params)
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(WRONG)
    return path


def test_what_is_wrong_is_not_timed(rnncli, file):
    outcome = rnncli("bench", *QUICK, "--candidate", f"{file}:rnn", "--only", "candidate", "--format", "json")
    assert outcome.code == 1
    assert f"{file}:rnn is a mismatch in output" in outcome.err
    assert "not timed; --even-if-wrong times it" in outcome.err
    found = json.loads(outcome.out)
    assert found["verdict"] == "mismatch"
    assert {t["implementation"] for t in found["cases"][0]["timing"]} == {"nn.RNN", "matrix products"}


def test_what_is_wrong_is_marked_where_it_is_timed_all_the_same(rnncli, file):
    flags = ("--candidate", f"{file}:rnn", "--only", "candidate", "--even-if-wrong")
    outcome = rnncli("bench", *QUICK, *flags, "--format", "json")
    assert outcome.code == 1
    marked = {t["implementation"]: t["wrong"] for t in json.loads(outcome.out)["cases"][0]["timing"]}
    assert marked == {"nn.RNN": None, f"{file}:rnn": True, "matrix products": None}
    assert "candidate WRONG" in rnncli("bench", *QUICK, *flags).out


def test_a_candidate_is_timed_beside_the_others(rnncli, file):
    flags = ("--candidate", f"{file}:right", "--only", "candidate,manual", "--threads", "1")
    outcome = rnncli("bench", *QUICK, *flags, "--format", "json", "--fail-if", "candidate.forward > 1e6")
    assert outcome.code == 0
    found = json.loads(outcome.out)
    names = ["nn.RNN", "manual", f"{file}:right", "matrix products"]
    assert [t["implementation"] for t in found["cases"][0]["timing"]] == 3 * names
    assert [gate["failed"] for gate in found["gates"]] == [False]


def test_a_large_case_is_judged_by_a_smaller_one(rnncli):
    flags = ("--hidden-size", 128, "--seq-len", 200, "--batch-size", 20, "--no-gradients", "--only", "manual")
    outcome = rnncli("bench", *QUICK, *flags)
    assert outcome.code == 0
    assert "judged with seq_len 12, batch_size 4: rnncli verify judges the case itself" in outcome.err


def test_a_gate_that_fails_ends_with_exit_code_1(rnncli):
    gate = "manual.forward > 0.000001"
    outcome = rnncli("bench", *QUICK, "--only", "manual", "--fail-if", gate, "--format", "json")
    assert outcome.code == 1
    found = json.loads(outcome.out)
    assert found["verdict"] == "match"
    assert [(g["condition"], g["failed"]) for g in found["gates"]] == [(gate, True)]
    assert f"rnncli: --fail-if {gate}: it is " in outcome.err
    shown = rnncli("bench", *QUICK, "--only", "manual", "--fail-if", gate, "--fail-if", "manual.forward < 0.000001")
    assert f"--fail-if {gate} FAILS" in shown.out
    assert "--fail-if manual.forward < 0.000001 holds" in shown.out


def test_a_gate_that_failed_fails_the_report_too(rnncli, tmp_path):
    file = tmp_path / "bench.json"
    flags = ("--only", "manual", "--over", "seq_len=2,4", "--format", "json", "--output", file)
    assert rnncli("bench", *QUICK, *flags, "--fail-if", "manual.forward > 0.000001").code == 1
    outcome = rnncli("report", file)
    assert outcome.code == 1
    assert "--fail-if manual.forward > 0.000001 FAILS at seq_len 2" in outcome.out
    assert (
        json.loads(rnncli("report", file, "--format", "json").out)["growth"] == json.loads(file.read_text())["growth"]
    )
    file.write_text(file.read_text().replace('"failed": true', '"failed": [7]'))
    assert "not a result of rnncli" in rnncli("report", file).err


def test_a_baseline_stands_beside(rnncli, tmp_path):
    earlier = tmp_path / "earlier.json"
    base = ("bench", *QUICK, "--only", "manual")
    assert rnncli(*base, "--format", "json", "--output", earlier).code == 0
    before = json.loads(earlier.read_text())
    before["cases"][0]["timing"].pop()  # it was not measured then
    for timing in before["cases"][0]["timing"]:
        timing |= {"ratio_to_reference": 77.0, "ratio_low": 76.0, "ratio_high": 78.0}
    earlier.write_text(json.dumps(before))
    found = json.loads(rnncli(*base, "--baseline", earlier, "--format", "json").out)["cases"][0]["timing"]
    *others, last = [(timing["baseline_ratio"], timing["changed"]) for timing in found]
    assert (set(others), last) == ({(77.0, True)}, (None, None))
    assert "77.00 !" in rnncli(*base, "--baseline", earlier).out


def test_a_baseline_of_something_else_is_refused_before_anything_is_measured(rnncli, tmp_path):
    earlier, verified = tmp_path / "earlier.json", tmp_path / "verified.json"
    rnncli("bench", *QUICK, "--only", "manual", "--no-gradients", "--format", "json", "--output", earlier)
    outcome = rnncli("bench", *QUICK, "--baseline", earlier)
    assert (outcome.code, outcome.out) == (2, "")
    assert "holds none of these cases; allowed: a run of the same config" in outcome.err
    rnncli("verify", "--no-timing", "--format", "json", "--output", verified)
    assert "is of rnncli verify; allowed: a result of rnncli bench" in rnncli("bench", "--baseline", verified).err


@pytest.mark.parametrize("format", ["csv", "markdown", "jsonl"])
def test_other_formats_have_a_line_for_each(rnncli, format):
    outcome = rnncli("bench", *QUICK, "--only", "manual", "--format", format)
    assert outcome.code == 0
    lines = outcome.out.splitlines()
    if format == "csv":
        assert lines[0].startswith("id,candidate,cell,input_size,")
        assert len(lines) == 1 + 9
        assert {line.count(",") for line in lines} == {lines[0].count(",")}
    if format == "markdown":
        assert sum(line.startswith("| <code>") for line in lines) == 9
    if format == "jsonl":
        assert len(json.loads(lines[0])["timing"]) == 9


def test_the_schema_describes_a_bench(rnncli):
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(rnncli("schema", "--results").out)
    flags = ("--over", "seq_len=2,4", "--only", "manual", "--fail-if", "manual.forward > 100")
    jsonschema.validate(json.loads(rnncli("bench", *QUICK, *flags, "--format", "json").out), schema)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--over", "seq_len"], '--over: "seq_len" is not allowed; allowed: SIZE=VALUES'),
        (["--over", "seq_len=4..2"], '--over: "seq_len=4..2" is not allowed'),
        (["--over", "seq_len="], '--over: "seq_len=" is not allowed'),
        (["--over", "hiden_size=2,4"], "unknown size hiden_size (did you mean hidden_size?); allowed: seq_len,"),
        (["--over", "seq_len=0,2"], "--over: 0 is not allowed; allowed: an integer from 1 to"),
        (["--over", "seq_len=2", "--over", "seq_len=4"], "--over: seq_len is given twice; allowed: once"),
        (["--over", "seq_len=2", "--over", "batch_size=4", "--over", "layers=4"], "--over: 3 ranges; allowed: up to 2"),
        (["--only", "manul"], '--only: "manul" is not allowed (did you mean manual?); allowed: manual, bmm,'),
        (["--only", "candidate"], "--only: candidate: there is none of your own"),
        (["--threads", "0"], "--threads: 0 is not allowed"),
        (["--min-run-time", "x"], '--min-run-time: "x" is not allowed; allowed: seconds, above 0 up to 3600'),
        (["--fail-if", "manual.backward > 1"], "backward is not measured (did you mean"),
        (["--only", "manual", "--fail-if", "bmm.forward > 1"], "bmm is not measured; allowed: manual"),
        (["--no-gradients", "--fail-if", "manual.forward > 1"], "forward is not measured; allowed: inference"),
        (["--format", "junit"], '--format: "junit" is not allowed; allowed: table, json, jsonl, csv, markdown'),
        (["--baseline", "none.json"], "none.json: no such file; allowed: files of --format"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_told(rnncli, flags, message):
    outcome = rnncli("bench", *flags)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("rnncli: ")
    assert message in outcome.err
    assert outcome.err.count("\n") == 1


def test_cases_that_differ_in_a_built_in_candidate_are_one(rnncli, tmp_path):
    config = tmp_path / "c.yaml"
    config.write_text("grid: {candidate: [manual, bmm, concat]}")
    found = json.loads(rnncli("bench", config, *QUICK, "--only", "manual", "--format", "json").out)
    assert len(found["cases"]) == 1


def test_layers_are_a_size_too(rnncli):
    shown = yaml.safe_load(rnncli("bench", "--over", "layers=1,2", "--print-config").out)
    assert shown["grid"] == {"rnn.num_layers": [1, 2]}


def test_an_interrupt_prints_what_there_is(rnncli, monkeypatch):
    measured = []

    def interrupted(*arguments):
        if len(measured) == 4:
            raise KeyboardInterrupt
        measured.append(measure(*arguments))
        return measured[-1]

    monkeypatch.setattr("rnncli.pipeline.bench.measure", interrupted)
    outcome = rnncli("bench", *QUICK, "--over", "seq_len=2,3,4", "--only", "manual", "--format", "json")
    assert outcome.code == 130
    found = json.loads(outcome.out)
    assert (found["verdict"], found["missing"]) == (None, ["interrupted: 4 of 9 passes were timed"])
    assert [len(case["timing"]) for case in found["cases"]] == [9, 3]


@pytest.mark.exhaustive(twin="test_an_interrupt_prints_what_there_is", pool="long")
def test_an_interrupt_of_a_process_prints_what_there_is():
    code = """
from rnncli.cli import progress
from rnncli.cli.main import main
progress.FIRST_LINE_S = 1.0
main()
"""
    flags = (
        "--over",
        "seq_len=2,3,4",
        "--only",
        "manual",
        "--device",
        "cpu",
        "--min-run-time",
        "2",
        "--format",
        "json",
    )
    running = subprocess.Popen(
        [sys.executable, "-c", code, "bench", *flags, "--min-run-time", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # under nohup too
    )
    assert "of 9 passes done" in running.stderr.readline()
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=120)
    assert running.returncode == 130, err
    found = json.loads(out)
    assert found["verdict"] is None
    (missing,) = found["missing"]
    done = int(missing.split()[1])
    assert missing == f"interrupted: {done} of 9 passes were timed"
    assert done < 9  # a slow machine may have none yet
    assert sum(len(case["timing"]) for case in found["cases"]) == 3 * done


def test_a_candidate_that_fails_leaves_the_other_cases(rnncli, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(WRONG.replace("    from", "    import os\n    len(params) == 8 and os._exit(5)\n    from"))
    flags = ("--candidate", f"{path}:right", "--only", "candidate", "--over", "layers=1,2", "--format", "json")
    outcome = rnncli("bench", *QUICK, *flags)
    assert outcome.code == 4
    assert "ended its own process with exit code 5" in outcome.err
    first, second = json.loads(outcome.out)["cases"]
    assert (first["error"], second["verdict"], second["timing"]) == (None, None, None)
    assert len(first["timing"]) == 9


def test_of_a_range_the_case_that_is_wrong_is_told(rnncli, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(WRONG.replace("output * 1.01", "output * (1.01 if len(params) == 8 else 1)"))
    outcome = rnncli("bench", *QUICK, "--candidate", f"{path}:rnn", "--only", "candidate", "--over", "layers=1,2")
    assert outcome.code == 1
    assert "is a mismatch in output" in " ".join(outcome.out.split())


def test_a_gate_on_what_was_not_measured_does_not_hold(rnncli, monkeypatch):
    monkeypatch.setattr("torch.compile", without_compiler)
    flags = ("--only", "manual", "--compile", "--fail-if", "manual compiled.forward > 9")
    outcome = rnncli("bench", *QUICK, *flags, "--format", "json")
    assert outcome.code == 2
    found = json.loads(outcome.out)
    assert (found["verdict"], found.get("gates")) == (None, None)
    assert found["missing"] == [
        f"--fail-if manual compiled.forward > 9: not measured in case {found['cases'][0]['id']}"
    ]


def test_the_ratios_of_one_case_are_bars_on_one_scale():
    figures = {
        ("nn.RNN", "inference"): (1.0, 1.0, 1.0),
        ("manual", "inference"): (0.8, 0.75, 1.0),
        ("a.py:rnn", "inference"): (3.5, 3.0, 4.0),
        ("nn.RNN", "forward"): (1.0, None, None),
        ("manual", "forward"): (0.5, 0.25, 0.75),
    }
    timings = [
        Timing(
            implementation=name,
            pass_=pass_,
            median_s=1.0,
            iqr_s=0.1,
            runs=9,
            ratio_to_reference=ratio,
            ratio_low=low,
            ratio_high=high,
            wrong=True if ":" in name else None,
        )
        for (name, pass_), (ratio, low, high) in figures.items()
    ]
    case = Case.model_validate({"candidate": "a.py:rnn"})
    record = CaseRecord(id=case.id, config=case.config, verdict=None, timing=tuple(timings))
    page = "".join(render(RunRecord.of("bench", {"threads": 2}, [record]))).splitlines()
    start = page.index(next(line for line in page if line.startswith("of nn.RNN's      inference")))
    shown = [line.split("  ") for line in page[start + 2 : start + 5]]
    cells = [[cell.strip() for cell in line if cell.strip()] for line in shown]
    assert cells == [
        ["nn.RNN", "█" * 8, "█" * 8],
        ["manual", "█" * 6 + "░" * 2, "█" * 2 + "░" * 4],
        ["candidate WRONG", "█" * 22 + "░" * 8],
    ]
    assert max(map(len, page)) <= 80


def test_ratios_that_say_little_are_marked():
    noisy = Timing(
        implementation="manual",
        pass_="forward",
        median_s=1.0,
        iqr_s=1.0,
        runs=9,
        ratio_to_reference=1.0,
        ratio_low=0.5,
        ratio_high=2.0,
    )
    case = Case()
    record = CaseRecord(id=case.id, config=case.config, verdict=None, timing=(noisy,))
    page = "".join(render(RunRecord.of("bench", {"threads": 2}, [record])))
    assert "~1.00 0.50-2.00" in page
    assert "the machine is busy" in page
    gate = Gate(condition="manual.forward > 3", case=case.id, ratio=1.0, ratio_low=0.5, ratio_high=2.0, failed=False)
    shown = "".join(render(replace(RunRecord.of("bench", {"threads": 2}, [record]), gates=(gate,))))
    assert "--fail-if manual.forward > 3 holds: 1.00, half of its measurements 0.50-2.00" in shown


def test_an_axis_that_is_no_number_has_no_chart(rnncli, tmp_path):
    file = tmp_path / "bench.yaml"
    sizes = "rnn: {input_size: 2, hidden_size: 2}\ninput: {seq_len: 2, batch_size: 2}\n"
    file.write_text(sizes + "run: {gradients: false}\ngrid: {run.dtype: [float32, bfloat16]}")
    outcome = rnncli("bench", file, "--only", "manual", "--min-run-time", 0.001)
    assert outcome.code == 0
    assert "bfloat16" in outcome.out
