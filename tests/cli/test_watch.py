"""verify --watch: the verdict again after every save."""

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial

import pytest

from rnncli.core.case import Case, changed_by
from rnncli.core.records import CaseRecord, Check, Failure, Location, RunRecord, Verdict
from rnncli.report.history import MOST_SAVES, History

RIGHT = """import torch


def rnn(x, W_ih, W_hh, b_ih, b_hh, h):
    states = []
    for x_t in x:
        h = torch.tanh(x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh)
        states.append(h)
    return torch.stack(states), h
"""


@pytest.fixture
def watched(tmp_path):
    """A file, and a process that watches it; its output so far is in `out`."""
    file = tmp_path / "mine.py"
    file.write_text(RIGHT)
    out = tmp_path / "out.txt"
    command = [sys.executable, "-m", "rnncli", "verify", "--candidate", f"{file}:rnn", "--watch"]
    with out.open("w") as stream:
        process = subprocess.Popen(
            command,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env={**os.environ, "COLUMNS": "500"},
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # under nohup too
        )
        yield file, out, process
        process.kill()
        process.wait()


def judged(out, times, within_s=200):
    """What is printed once the verdict has been told so many times."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        text = out.read_text()
        if text.count("; Ctrl-C ends") >= times:
            return text
        time.sleep(0.05)
    raise AssertionError(out.read_text())


@pytest.mark.exhaustive(twin="test_each_save_has_a_line_on_one_scale_the_newest_last", pool="long")
def test_every_save_is_judged_and_a_file_that_does_not_parse_is_a_message(watched):
    file, out, process = watched
    assert judged(out, 1).startswith("match  ")
    file.write_text(RIGHT.replace(" + b_hh", ""))
    assert "missing-bias-hh: b_hh is left out" in judged(out, 2)
    file.write_text(RIGHT + "def (")
    assert "raised SyntaxError" in judged(out, 3)
    file.write_text(RIGHT)
    text = judged(out, 4)
    assert len(re.findall(r"^match  ", text, flags=re.M)) == 2
    _, _, block = text.rpartition("over time, from save to save: output, precision float32\n")
    first, wrong, failed, last = (line for line in block.splitlines() if " forward " in line)
    assert first.endswith("  match")
    assert wrong.endswith("  from t=0")
    assert "failed: importing" in failed
    assert last.endswith("  match")
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130


def test_there_must_be_a_file_to_watch(rnncli):
    shown = rnncli("verify", "--watch")
    assert shown.code == 2
    assert "--watch: no candidate is a file" in shown.err


# From save to save


def judgement(error=None, algorithm=None, precision=1e-7, first=None, verdict=None, **changes):
    """A case whose error is the same at each of four steps, at either stage; without one it could not run."""
    case = changed_by(Case(), changes)
    place = Location(direction="forward", time=first, batch=0) if first is not None else None
    checks = [
        Check(
            tensor="output",
            stage=stage,
            dtype=dtype,
            verdict=Verdict.MISMATCH if wrong else Verdict.MATCH,
            policy="envelope",
            error_by_step={"forward": (size,) * 4, "reverse": (1e-16,) * 4},
            first_divergence=place if wrong else None,
        )
        for stage, dtype, size, wrong in (
            ("algorithm", "float64", algorithm or 1e-16, algorithm is not None),
            ("precision", "float32", precision, False),
        )
    ]
    came = None if error else verdict or (Verdict.MISMATCH if algorithm else Verdict.MATCH)
    return CaseRecord(
        id=case.id,
        config=case.config,
        verdict=came,
        checks=None if error else tuple(checks),
        error=Failure(kind="candidate", message=error) if error else None,
    )


def shown(*runs, history=None):
    """What is shown after the last of several runs, each of one case or several."""
    history = history or History()
    for minute, cases in enumerate(runs):
        record = RunRecord.of("verify", {}, cases if isinstance(cases, list) else [cases])
        history.add(f"12:{minute:02}:00", record)
    return [line.plain for line in history.lines(record)]


def test_each_save_has_a_line_on_one_scale_the_newest_last():
    assert shown(judgement(algorithm=0.1, first=2), judgement(algorithm=1e-7, first=0))[:3] == [
        "\nover time, from save to save: output, algorithm float64",
        "12:00:00 forward ████ 1.0e-01  from t=2",
        "12:01:00 forward ▅▅▅▅ 1.0e-07  from t=0",
    ]


def test_each_direction_has_lines_of_its_own():
    lines = shown(judgement(algorithm=0.1, first=2), judgement(algorithm=0.1, first=2))
    assert [line.split()[1] for line in lines[1:]] == ["forward"] * 2 + ["reverse"] * 2
    assert lines[3] == "12:00:00 reverse ▁▁▁▁ 1.0e-16"


def test_the_lines_are_of_the_stage_that_tells_most_of_the_newest():
    lines = shown(judgement(algorithm=0.1, precision=0.2, first=1), judgement())
    assert lines[0].endswith("output, precision float32")
    assert lines[1].endswith("2.0e-01  match in float32")
    assert lines[2].endswith("1.0e-07  match")


def test_a_save_that_could_not_run_says_why_and_keeps_the_others():
    lines = shown(judgement(), judgement(error="candidate manual: raised SyntaxError\x1b[31m\nmore"))
    assert lines[1].endswith("  match")
    assert lines[2] == "12:01:00 forward failed: raised SyntaxError [31m"


def test_nothing_is_shown_until_something_ran():
    assert shown(judgement(error="no")) == []
    assert shown(judgement(error="no"), judgement())[1].startswith("12:00:00 forward failed: no")


def test_a_step_that_is_not_finite_has_no_largest():
    wrong = judgement(algorithm=0.1, first=0)
    broken = replace(wrong.checks[0], error_by_step={"forward": (0.1, None, 0.1, 0.1)})
    assert shown(replace(wrong, checks=(broken,)))[1] == "12:00:00 forward █x██ not finite  from t=0"


def test_the_last_saves_are_kept():
    lines = shown(*(judgement() for _ in range(MOST_SAVES + 3)))
    assert [line[:5] for line in lines[1 : MOST_SAVES + 1]] == ["12:03", "12:04", "12:05", "12:06", "12:07"]
    assert len(lines) == 1 + 2 * MOST_SAVES


def test_of_several_cases_the_first_that_fails_is_followed():
    one, other = judgement(), judgement(algorithm=0.1, first=0, **{"run.seed": 1})
    assert shown([one, other])[0].endswith(f"output of case {other.id}, algorithm float64")
    assert shown([one, judgement(**{"run.seed": 1})])[0].endswith(f"output of case {one.id}, precision float32")
