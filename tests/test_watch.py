"""verify --watch: the verdict again after every save."""

import os
import signal
import subprocess
import sys
import time

import pytest

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
            command, stdout=stream, stderr=subprocess.STDOUT, env={**os.environ, "COLUMNS": "200"}
        )
        yield file, out, process
        process.kill()
        process.wait()


def judged(out, times, within_s=60):
    """What is printed once the verdict has been told so many times."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        text = out.read_text()
        if text.count("; Ctrl-C ends") >= times:
            return text
        time.sleep(0.05)
    raise AssertionError(out.read_text())


def test_every_save_is_judged_and_a_file_that_does_not_parse_is_a_message(watched):
    file, out, process = watched
    assert "\nmatch: " in judged(out, 1)
    file.write_text(RIGHT.replace(" + b_hh", ""))
    assert "diagnosis: missing-bias-hh" in judged(out, 2)
    file.write_text(RIGHT + "def (")
    assert "raised SyntaxError" in judged(out, 3)
    file.write_text(RIGHT)
    assert judged(out, 4).count("\nmatch: ") == 2
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 130


def test_there_must_be_a_file_to_watch(rnncli):
    shown = rnncli("verify", "--watch")
    assert shown.code == 2
    assert "--watch: no candidate is a file" in shown.err
