"""Many cases through an executor: workers that die or hang, interrupts, kills; the same results whatever the order."""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor, Future
from dataclasses import replace
from functools import partial

import pytest
from conftest import ROOT
from grids import GRID, matched, processes_with, units

from rnncli.config.cases import load
from rnncli.config.selection import Selection
from rnncli.core.case import Case
from rnncli.core.errors import CandidateError, UnavailableError
from rnncli.core.records import Origin, Verdict
from rnncli.execution.process import TookTooLong
from rnncli.pipeline import grid as runner
from rnncli.pipeline.grid import GridRun, outcomes, verify_unit
from rnncli.pipeline.verify import VerifyOptions, verify
from rnncli.verdict.problem import Problems

RNNCLI = [sys.executable, "-m", "rnncli"]
QUICK = VerifyOptions(timing=False, shrink=False)


@pytest.fixture
def grid(tmp_path):
    config = tmp_path / "grid.yaml"
    config.write_text(GRID)
    return config


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The lines of the whole grid, run once in this process, sorted."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "grid.yaml").write_text(GRID)
    selection = Selection([load(folder / "grid.yaml", {})])
    with GridRun(selection, VerifyOptions(timing=False), 1, folder / "r.jsonl") as run:
        assert [outcome.verdict for outcome in run.outcomes()] == ["match"] * 96
    run.journal.close()
    return sorted(lines(folder / "r.jsonl"))


def started(config, *flags):
    command = [*RNNCLI, "verify", config, "--format", "jsonl", *flags]
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    heeds = {"preexec_fn": partial(signal.signal, signal.SIGINT, signal.SIG_DFL)}  # under nohup too
    return subprocess.Popen(list(map(str, command)), cwd=ROOT, **streams, **heeds)


def lines(file):
    return file.read_text().splitlines() if file.exists() else []


# Workers


class Dying(Executor):
    """An executor whose process dies whenever a unit holds one of some cases."""

    def __init__(self, deadly, error=CandidateError, times=99):
        self.deadly, self.error, self.times, self.units = deadly, error, times, []

    def submit(self, function, unit):
        self.units.append([origin.index for _, origin in unit])
        future = Future()
        if self.times and set(self.units[-1]) & set(self.deadly):
            self.times -= 1
            future.set_exception(self.error("its process was killed"))
        else:
            future.set_result(function(unit))
        return future


def come_of(executor, *sizes):
    return {outcome.index: outcome for outcome in outcomes(units(*sizes), matched, executor, lambda: 3, {})}


def test_a_case_whose_process_dies_twice_costs_itself_alone():
    executor = Dying({4})
    came = come_of(executor, 2, 3, 1)
    assert sorted(came) == list(range(6))
    assert [index for index, outcome in came.items() if outcome.verdict != Verdict.MATCH] == [4]
    assert sorted(executor.units) == [[0, 1], [2], [2, 3, 4], [3], [4], [5]]
    failed = json.loads(came[4].line)
    assert (failed["verdict"], failed["error"]["kind"]) == (None, "candidate")
    assert failed["error"]["message"] == f"candidate manual, case {Case().id}: its process was killed"


def test_a_case_alone_is_tried_twice_when_its_process_dies():
    executor = Dying({1}, times=1)
    assert {outcome.verdict for outcome in come_of(executor, 1, 1, 1).values()} == {Verdict.MATCH}
    assert executor.units.count([1]) == 2


def test_a_case_alone_that_takes_too_long_is_not_tried_again():
    executor = Dying({1}, error=TookTooLong)
    assert come_of(executor, 1, 1, 1)[1].failed
    assert executor.units.count([1]) == 1


def test_cases_that_take_too_long_together_are_tried_alone():
    executor = Dying({3}, error=TookTooLong, times=1)
    assert {outcome.verdict for outcome in come_of(executor, 2, 3).values()} == {Verdict.MATCH}
    assert sorted(executor.units) == [[0, 1], [2], [2, 3, 4], [3], [4]]


def test_what_a_task_leaves_over_is_given_again():
    given = []

    def one(unit):
        given.append([origin.index for _, origin in unit])
        return matched(unit[:1])

    came = list(outcomes(units(5, 1), one, Dying(set()), lambda: 1, {}))
    assert sorted(outcome.index for outcome in came) == list(range(6))
    assert given == [[0, 1, 2, 3, 4], [3, 4], [4], [1, 2], [2], [5]]


def test_what_is_finished_comes_before_the_loss_of_what_is_not():
    stream = outcomes(units(1, 1, 1), matched, Dying({0}, error=UnavailableError), lambda: 3, {})
    assert sorted(outcome.index for outcome in (next(stream), next(stream))) == [1, 2]
    with pytest.raises(UnavailableError):
        next(stream)


def test_units_are_taken_as_they_are_needed():
    taken = []

    def counted():
        for unit in units(*[1] * 9):
            taken.append(unit)
            yield unit

    stream = outcomes(counted(), matched, Dying(set()), lambda: 2, {})
    next(stream)
    assert len(taken) <= 4


# Units


def test_cases_that_share_a_judge_get_what_they_get_alone():
    values = {"rnn": {"num_layers": 2, "nonlinearity": "relu"}, "run": {"device": "cpu", "dtype": "bfloat16"}}
    cases = [Case.model_validate({**values, "candidate": name}) for name in ("manual", "bmm", "concat", "cell")]
    last = Problems()
    together = [verify(case, QUICK, problems=last) for case in cases]
    assert together == [verify(case, QUICK) for case in cases]


@pytest.mark.parametrize("changed", [{"seed": 1}, {"dtype": "float64"}, {"gradients": False}], ids=str)
def test_a_judge_is_of_one_problem_alone(changed):
    first = Case.model_validate({"run": {"device": "cpu"}})
    second = Case.model_validate({"run": {"device": "cpu", **changed}, "candidate": "bmm"})
    problems = Problems()
    verify(first, QUICK, problems=problems)
    assert verify(second, QUICK, problems=problems) == verify(second, QUICK)


def test_a_defect_of_ours_costs_its_own_case_alone(monkeypatch):
    def broken(case, **_):
        if case.candidate == "bmm":
            raise KeyError("no such thing")
        return verify(case, QUICK)

    monkeypatch.setattr(runner, "verify", broken)
    unit = [
        (Case.model_validate({"candidate": name}), Origin(config="", index=index, cases=3))
        for index, name in enumerate(("manual", "bmm", "cell"))
    ]
    came = verify_unit(unit, QUICK, {})
    assert [outcome.verdict for outcome in came] == ["match", None, "match"]
    error = json.loads(came[1].line)["error"]
    assert error["kind"] == "internal"
    assert error["message"].startswith("internal error: KeyError: 'no such thing' (test_runner.py:")


@pytest.mark.parametrize("format", ["json", "jsonl"])
def test_a_second_judgement_does_not_undo_the_first(rnncli, monkeypatch, grid, format, tmp_path):
    """A mismatch is judged again to show it in a small case; a candidate that is right the second time was wrong."""

    def fickle(case, options, problems=None):
        record = verify(case, options, problems=problems)
        return replace(record, verdict=Verdict.MATCH if options.shrink else Verdict.MISMATCH)

    monkeypatch.setattr(runner, "verify", fickle)
    file = tmp_path / "r"
    conditions = ("--filter", "layout=batched", "--filter", "dtype=float32", "--filter", "candidate=bmm")
    assert rnncli("verify", grid, *conditions, "--format", format, "--output", file).code == 1
    if format == "json":
        assert [case["verdict"] for case in json.loads(file.read_text())["cases"]] == ["mismatch"] * 4


# The command


def test_the_results_are_the_same_whatever_the_jobs_the_order_and_the_shards(rnncli, grid, whole, tmp_path):
    def run(name, *flags):
        file = tmp_path / name
        assert rnncli("verify", grid, "--format", "jsonl", "--output", file, *flags).code == 0
        return lines(file)

    shards = [line for n, jobs in ((1, 1), (2, 3)) for line in run(f"{n}.jsonl", "--shard", f"{n}/2", "--jobs", jobs)]
    parts = [json.loads(line) | {"origin": None} for line in shards]
    alone = [json.loads(line) | {"origin": None} for line in whole]
    assert sorted(parts, key=lambda part: part["id"]) == sorted(alone, key=lambda part: part["id"])


def under_way(grid, file, *flags):
    """A run that has finished at least five of its 96 cases."""
    running = started(grid, "--output", file, *flags)
    while len(lines(file)) < 5:
        time.sleep(0.02)
        assert running.poll() is None, running.communicate()
    return running


KILLED = {"twin": "test_what_is_missing_is_run_on_resume", "pool": "long"}


@pytest.mark.exhaustive(**KILLED)
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_run_that_is_killed_goes_on_where_it_was(rnncli, grid, whole, tmp_path, jobs):
    killed = tmp_path / "killed.jsonl"
    running = under_way(grid, killed, "--jobs", jobs)
    running.kill()
    running.communicate()
    assert 5 <= len(lines(killed)) < 96
    outcome = rnncli("verify", grid, "--format", "jsonl", "--output", killed, "--resume", "--jobs", jobs)
    assert outcome.code == 0
    assert sorted(lines(killed)) == whole


@pytest.mark.exhaustive(**KILLED)
@pytest.mark.parametrize("jobs", [1, 2])
def test_an_interrupt_ends_at_once_and_keeps_what_was_finished(grid, tmp_path, jobs):
    file = tmp_path / "r.jsonl"
    running = under_way(grid, file, "--jobs", jobs)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert f"INCOMPLETE: interrupted: {len(lines(file))} of 96 cases were finished" in err
    assert all(json.loads(line)["verdict"] == "match" for line in lines(file))


@pytest.mark.exhaustive(twin="test_the_results_are_the_same_whatever_the_jobs_the_order_and_the_shards", pool="long")
def test_a_reader_that_goes_away_makes_no_match(grid):
    command = [*RNNCLI, "verify", str(grid), "--format", "jsonl", "--jobs", "1"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert json.loads(running.stdout.readline())["verdict"] == "match"
    running.stdout.close()
    said = running.stderr.read()
    running.stderr.close()
    assert running.wait() == 2
    assert "INCOMPLETE: nobody reads the output any more" in said


@pytest.mark.exhaustive(**KILLED)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_no_process_is_left_when_the_parent_is_killed(tmp_path, monkeypatch):
    (tmp_path / "endless.py").write_text("def f(x, h):\n    while True: pass\n")
    config = tmp_path / "grid.yaml"
    config.write_text("run: {device: cpu}\ngrid: {run.seed: [0, 1, 2, 3, 4, 5]}")
    mark = f"RNNCLI_TEST={tmp_path}"
    monkeypatch.setenv(*mark.split("="))
    running = started(config, "--candidate", tmp_path / "endless.py:f", "--jobs", 2, "--timeout", 3000)
    deadline = time.monotonic() + 200
    try:
        while len(processes_with(mark)) < 6:  # the command, the server, two workers, two candidates
            time.sleep(0.1)
            assert time.monotonic() < deadline
        time.sleep(1)
        running.kill()
        running.wait()
        while processes_with(mark):
            time.sleep(0.1)
            assert time.monotonic() < deadline
    finally:
        running.stderr.close()
        for pid in processes_with(mark):
            os.kill(pid, signal.SIGKILL)
        running.wait()


def test_what_runs_is_ended_at_the_first_failure(rnncli, grid):
    outcome = rnncli("verify", grid, "--expect", "output=4,2,5", "--fail-fast", "--filter", "layout=batched")
    assert outcome.code == 1
    assert "INCOMPLETE: stopped after 1 failing: 17 of 32 cases were finished" in " ".join(outcome.out.split())


def test_what_runs_is_ended_after_a_number_of_failures(rnncli, grid):
    flags = ("--expect", "output=4,2,5", "--max-failures", 3, "--filter", "layout=batched", "--format", "json")
    outcome = rnncli("verify", grid, *flags)
    found = json.loads(outcome.out)
    assert outcome.code == 1
    assert [case["verdict"] for case in found["cases"]].count("mismatch") == 3
    assert found["missing"] == ["stopped after 3 failing: 19 of 32 cases were finished"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--jobs", "0"], "--jobs: 0 is not allowed; allowed: an integer from 1 to 1000000"),
        (["--jobs", "two"], '--jobs: "two" is not allowed; allowed: an integer from 1 to 1000000'),
        (["--max-failures", "-1"], "--max-failures: -1 is not allowed; allowed: an integer from 1 to 1000000"),
    ],
    ids=str,
)
def test_a_number_that_makes_no_sense_is_told(rnncli, flags, message):
    outcome = rnncli("verify", *flags)
    assert (outcome.code, outcome.err) == (2, f"rnncli: {message}\n")


@pytest.mark.parametrize(
    "flags",
    [
        ("--fail-fast", "--max-failures", "3"),
        ("--list", "--resume"),
        ("--list", "--watch"),
        ("--watch", "--format", "json"),
        ("--watch", "--output", "r.txt"),
        ("--watch", "--jobs", "2"),
    ],
    ids=str,
)
def test_a_flag_without_effect_is_refused(rnncli, flags):
    outcome = rnncli("verify", *flags)
    said = f"rnncli: {flags[1]}: has no effect with {flags[0]}; allowed: one of the two\n"
    assert (outcome.code, outcome.out, outcome.err) == (2, "", said)


LOSING = """
import os
from rnncli.manual import BUILT_IN

def rnn(input, h_0, params, case):
    if DIES_AT:
        os._exit(5)
    output, h_n = BUILT_IN["manual"](input, h_0, params)
    return FACTOR * output, h_n
"""


@pytest.mark.parametrize(
    ("factor", "dies_at", "code", "verdict"),
    [(2, "input.shape[2] < 20", 1, "mismatch"), (1, "input.shape[1] == 1", 4, None)],
    ids=["in its diagnosis", "while it is judged"],
)
def test_a_candidate_that_is_lost_is_a_mismatch_where_it_was_one_before(
    rnncli, tmp_path, factor, dies_at, code, verdict
):
    file = tmp_path / "mine.py"
    file.write_text(LOSING.replace("DIES_AT", dies_at).replace("FACTOR", str(factor)))
    flags = ("--device", "cpu", "--no-gradients", "--format", "json")
    outcome = rnncli("verify", "--candidate", f"{file}:rnn", *flags)
    assert outcome.code == code, outcome.err
    (case,) = json.loads(outcome.out)["cases"]
    assert case["verdict"] == verdict
    assert "ended its own process with exit code 5" in str(case["error"] or case["warnings"])


@pytest.mark.parametrize("error", ["KeyboardInterrupt", "GeneratorExit"])
def test_what_only_python_raises_is_the_candidate_s_too(rnncli, tmp_path, error):
    file = tmp_path / "mine.py"
    file.write_text(f"def rnn(x, h, W_ih, W_hh, b_ih, b_hh):\n    raise {error}\n")
    outcome = rnncli("verify", "--candidate", f"{file}:rnn", "--device", "cpu")
    assert outcome.code == 4
    assert f"the candidate raised {error}" in outcome.err


def test_timing_is_off_for_many_cases_unless_it_is_asked_for(rnncli, tmp_path):
    config = tmp_path / "two.yaml"
    config.write_text("run: {device: cpu}\ngrid: {candidate: [bmm, manual]}")
    timed = {
        flags: [
            bool(case["timing"])
            for case in json.loads(rnncli("verify", config, "--format", "json", *flags).out)["cases"]
        ]
        for flags in [(), ("--timing",), ("--filter", "candidate=bmm")]
    }
    assert timed == {(): [False, False], ("--timing",): [True, True], ("--filter", "candidate=bmm"): [True]}
