"""Processes of candidates: what they are started with, what they may send, and that nothing of them stays."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT

from rnncli.core.errors import CandidateError
from rnncli.core.tally import Tally
from rnncli.execution import server
from rnncli.execution.channel import CANDIDATE, INTERNAL
from rnncli.execution.child import _answer
from rnncli.execution.process import ChildProcess

SHADOWS = ("copy", "queue", "random", "selectors", "signal", "socket", "token", "torch", "numpy")

MY_RNN = """
import torch


def rnn_forward(input, weight_ih, weight_hh, bias_ih, bias_hh, h_0):
    h, out = h_0[0], []
    for t in range(input.shape[1]):
        h = torch.tanh(input[:, t] @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)
        out.append(h)
    return torch.stack(out, dim=1), h.unsqueeze(0)
"""


def test_files_in_the_current_folder_that_nobody_named_are_not_run(tmp_path):
    for name in SHADOWS:
        (tmp_path / f"{name}.py").write_text(f"open('ran.txt', 'a').write({name!r})\n")
    (tmp_path / "my_rnn.py").write_text(MY_RNN)
    command = [sys.executable, "-m", "rnncli", "verify", "--no-timing", "--candidate", "my_rnn.py:rnn_forward"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert not (tmp_path / "ran.txt").exists()
    assert (ended.returncode, ended.stderr) == (0, "")


def test_the_server_imports_the_rnncli_of_this_process_and_nothing_else_from_the_current_folder(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "path", ["", "/installed", str(ROOT)])
    for folder in (tmp_path, ROOT):
        monkeypatch.chdir(folder)
        assert server._import_path() == ["/installed", str(ROOT)]


@pytest.mark.exhaustive(twin="test_files_in_the_current_folder_that_nobody_named_are_not_run", pool="long")
def test_the_processes_of_a_checkout_that_is_not_the_installed_one_are_of_that_checkout(tmp_path):
    shutil.copytree(ROOT / "rnncli", tmp_path / "rnncli")
    child = tmp_path / "rnncli" / "execution" / "child.py"
    child.write_text(child.read_text().replace("    os.setsid()", "    os.setsid()\n    open('ran.txt', 'w').close()"))
    (tmp_path / "my_rnn.py").write_text(MY_RNN)
    command = [sys.executable, "-m", "rnncli", "verify", "--no-timing", "my_rnn.py:rnn_forward"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert (tmp_path / "ran.txt").exists()


def runs(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_what_a_process_starts_in_sessions_of_their_own_ends_with_it():
    process = ChildProcess("hosted:Starts", "it", 60.0)
    started = process.call("starting", "both")
    assert all(map(runs, started))
    process.close()
    deadline = time.monotonic() + 60
    while any(map(runs, started)):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_end_of_a_process_is_seen_though_what_it_started_holds_its_pipes():
    process = ChildProcess("hosted:Starts", "it", 60.0)
    with pytest.raises(CandidateError, match="it: forking ended its own process with exit code 3"):
        process.call("forking", "fork_and_exit")
    process.close()


def test_what_is_no_request_costs_the_server_nothing():
    ChildProcess("hosted:Starts", "it", 60.0).close()
    before = server._server
    os.write(before.requests, b"anything")
    ChildProcess("hosted:Starts", "it", 60.0).close()
    assert server._server is before


@pytest.mark.exhaustive(twin="test_the_end_of_a_process_is_seen_though_what_it_started_holds_its_pipes", pool="long")
def test_a_server_that_was_killed_is_started_again():
    ChildProcess("hosted:Starts", "it", 60.0).close()
    before = server._server
    os.kill(before.pid, signal.SIGKILL)
    os.waitid(os.P_PID, before.pid, os.WEXITED | os.WNOWAIT)
    ChildProcess("hosted:Starts", "it", 60.0).close()
    assert server._server is not before


class Raises:
    def add(self, case):
        return case.id


@pytest.mark.parametrize(("served", "kind"), [(Tally(), INTERNAL), (Raises(), CANDIDATE)], ids=["ours", "a user's"])
def test_an_error_is_ours_unless_a_line_of_a_user_s_is_on_its_way(served, kind):
    assert _answer(served, str, "add", (None,))[0] == kind
