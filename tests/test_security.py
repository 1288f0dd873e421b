"""SECURITY.md: what it says of each command is what the command does."""

import re
import shlex

import pytest
from conftest import ROOT

ROWS = re.findall(r"^\| `rnncli (.*?)` \| (yes|no) \|$", (ROOT / "SECURITY.md").read_text(), flags=re.M)
CANARY = """
import torch

open({ran!r}, "w").close()


def rnn(x, W_ih, W_hh, b_ih, b_hh, h0):
    h, out = h0, []
    for t in range(x.shape[0]):
        h = torch.tanh(x[t] @ W_ih.T + b_ih + h @ W_hh.T + b_hh)
        out.append(h)
    return torch.stack(out), h
"""
QUICK = {"verify": ["--no-timing"], "bench": ["--min-run-time", "0.001", "--only", "candidate"]}


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(("line", "runs"), ROWS, ids=[line for line, _ in ROWS])
def test_a_command_runs_code_where_the_table_says_so(rnncli, tmp_path, line, runs):
    ran, candidate, config, results = (tmp_path / name for name in ("ran", "mine.py", "config.yaml", "results.jsonl"))
    candidate.write_text(CANARY.format(ran=str(ran)))
    sizes = "rnn: {input_size: 2, hidden_size: 3}\ninput: {seq_len: 3, batch_size: 2}\n"
    config.write_text(f"{sizes}candidate: {candidate}:rnn\n")
    if "RESULTS" in line:
        rnncli("verify", config, "--no-timing", "--format", "jsonl", "--output", results)
        ran.unlink()
    places = {"CONFIG": str(config), "CANDIDATE": f"{candidate}:rnn", "RESULTS": str(results)}
    command, *others = [places.get(part, part) for part in shlex.split(line)]
    outcome = rnncli(command, *others, *(QUICK.get(command, []) if runs == "yes" else []))
    assert outcome.code == 0
    assert ran.exists() == (runs == "yes")


def test_the_table_has_every_command():
    from rnncli.cli.main import app

    assert {command.callback.__name__ for command in app.registered_commands} == {line.split()[0] for line, _ in ROWS}
