"""What people type: understood where the meaning is plain, else told in one message that names the next step."""

import json
import os
import shutil
import sys

import pytest
from typer.main import get_command

from rnncli import __version__
from rnncli.cli.main import app
from rnncli.cli.messages import tell

COMMANDS = sorted(get_command(app).commands)
RNN = """import torch


def rnn_forward(x, h, W_ih, W_hh, b_ih, b_hh):
    outputs = []
    for x_t in x:
        h = torch.tanh(x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh)
        outputs.append(h)
    return torch.stack(outputs), h
"""
TWO = "def first(x, h, W_ih, W_hh): ...\n\n\nclass Second:\n    def forward(self, x): ...\n"
FILES = {
    "my_rnn.py": RNN,
    "two.py": TWO,
    "none.py": "x = 1\n",
    "broken.py": "def (\n",
    "case.yaml": "rnn: {bias: true}\n",
}


@pytest.fixture
def typed(rnncli, tmp_path, monkeypatch):
    """Run a command line in a folder with a right RNN, a file with two candidates, and a config."""
    monkeypatch.chdir(tmp_path)
    for name, content in FILES.items():
        (tmp_path / name).write_text(content)
    return lambda command: rnncli(*command.split())


WRONG = {  # thirty command lines: the first line that each gets; exit code 2, or 4 where the candidate cannot be loaded
    "verfy": "verfy: no such command (did you mean verify?); allowed: explain, shapes, verify, bench, power, faults,"
    " report, adapt, schema, env",
    "my_rnn.py": "my_rnn.py: is no command; rnncli verify my_rnn.py judges an RNN in that file",
    "--layers 3 verify": "--layers: stands after its command; allowed: rnncli verify --layers",
    "help verfy": "verfy: no such command (did you mean verify?); allowed: explain, shapes, verify, bench, power,"
    " faults, report, adapt, schema, env",
    "verify --layer 3": "--layer: verify has no such option (did you mean --layers?); rnncli verify --help lists all",
    "verify -layers 3": "-layers: verify has no such option (did you mean --layers?); rnncli verify --help lists all",
    "verify --relu": "--relu: verify has no such option (did you mean --nonlinearity relu?); rnncli verify --help lists"
    " all",
    "verify --gpu": "--gpu: verify has no such option (did you mean --device cuda?); rnncli verify --help lists all",
    "verify --hidden 3": "--hidden: verify has no such option (did you mean --hidden-size?); rnncli verify --help lists"
    " all",
    "shapes --watch": "--watch: shapes has no such option, verify has; rnncli shapes --help lists all",
    "verify --layers": "--layers: its value is missing; allowed: --layers N",
    "verify --layers two": '--layers: "two" is not allowed; allowed: an integer from 1 to 10000',
    "verify --bidirectional=yes": "--bidirectional: takes no value; allowed: --bidirectional or --no-bidirectional",
    "verify --bidirectional True": "True: a flag takes no value; allowed: --NAME for true, --no-NAME for false",
    "verify --dtype float33": '--dtype: "float33" is not allowed (did you mean float32?); allowed: float64, float32,'
    " bfloat16, float16",
    "verify --device mps": '--device: "mps" is not a device that rnncli runs on (did you mean cpu?); allowed: auto,'
    " cpu, cuda, cuda:N",
    "verify --format htm": '--format: "htm" is not allowed (did you mean html?); allowed: table, json, jsonl, junit,'
    " markdown, html, github, csv",
    "verify my_rn.py": "my_rn.py: no such file (did you mean my_rnn.py?); allowed: a Python file",
    "verify my_rn.py:rnn_forward": "my_rn.py: no such file (did you mean my_rnn.py?); allowed: a Python file",
    "verify --candidate my_rn.py:rnn_forward": "my_rn.py: no such file (did you mean my_rnn.py?); allowed: a Python"
    " file",
    "verify my_rn.rnn_forward": "my_rn.rnn_forward: no such file (did you mean my_rnn.py?); allowed: a config in YAML,"
    " or a candidate as FILE.py:NAME",
    "verify cse.yaml": "cse.yaml: no such file (did you mean case.yaml?); allowed: a YAML file",
    "verify two.py": "two.py: has 2 candidates; name one of them:",
    "verify none.py": "none.py: defines no function and no class that could be an RNN; allowed: none.py:NAME, or wrap"
    " its code as `def rnn(input, h_0, params, case): ...` that returns output, h_n",
    "verify broken.py": "candidate broken.py:1: not valid Python: invalid syntax",
    "verify my_rnn.py two.py:first": "my_rnn.py:rnn_forward, two.py:first: 2 candidates; allowed: one, or a config with"
    " grid: {candidate: [my_rnn.py:rnn_forward, two.py:first]}",
    "shapes my_rnn.py": "my_rnn.py: holds Python; allowed: a YAML file. To judge an RNN in it: rnncli verify my_rnn.py",
    "shapes --output r.html": "--output: r.html would be html, which this command does not write; allowed: table, json,"
    " by --format or the suffix",
    "faults missing-bias missing-bias-hh": "missing-bias-hh: one argument too many; allowed: rnncli faults [ID]",
    "report": "RESULTS: missing; allowed: rnncli report RESULTS...",
}


@pytest.mark.parametrize(("command", "said"), WRONG.items(), ids=list(WRONG))
def test_a_wrong_command_line_gets_one_message_that_names_the_next_step(typed, command, said):
    ended = typed(command)
    assert (ended.code, ended.out) == (4 if command == "verify broken.py" else 2, "")
    first, *rest = ended.err.splitlines()
    assert first == f"rnncli: {said}"
    assert all(line.startswith("rnncli: ") for line in rest)
    assert bool(rest) == (command == "verify two.py")  # which has a list


def test_there_are_thirty():
    assert len(WRONG) == 30


def test_a_name_after_a_file_is_asked_for_with_a_colon(typed):
    said = typed("verify my_rnn.py rnn_forward").err
    assert "rnn_forward: no such file (did you mean my_rnn.py:rnn_forward?)" in said
    assert "my_rn.py:" not in typed("verify my_rn.py rnn_forward").err  # which does not exist


def test_the_nearest_file_is_named_with_its_folder(typed, tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs/first.jsonl").write_text("")
    assert (
        "runs/frst.jsonl: no such file (did you mean runs/first.jsonl?); allowed: "
        in typed("report runs/frst.jsonl").err
    )
    assert "no/my_rnn.py: no such file and no folder no; allowed: " in typed("verify no/my_rnn.py").err
    assert "manul: no such file (did you mean manual?); allowed: " in typed("verify manul").err


def test_the_candidates_of_a_file_are_listed_a_line_each_with_the_command_for_one(typed):
    assert typed("verify two.py").err.splitlines()[1:] == [
        "rnncli:   first(x, h, W_ih, W_hh)  function",
        "rnncli:   Second()                 class",
        "rnncli: for example: rnncli verify two.py:first",
    ]


def test_the_list_loads_no_torch_and_runs_nothing(torch_free, tmp_path):
    file = tmp_path / "two.py"
    file.write_text(f"raise SystemExit(9)\n{TWO}")
    ended = torch_free.after(["verify", str(file)])
    assert "torch" not in ended.modules
    assert ended.code == 2


CANDIDATES = {  # what is typed: the candidate that is judged
    "verify my_rnn.py": "my_rnn.py:rnn_forward",
    "verify my_rnn.py:rnn_forward": "my_rnn.py:rnn_forward",
    "verify my_rnn.py::rnn_forward": "my_rnn.py:rnn_forward",
    "verify my_rnn.py:": "my_rnn.py:rnn_forward",
    "verify my_rnn": "my_rnn.py:rnn_forward",
    "verify my_rnn.rnn_forward": "my_rnn.py:rnn_forward",
    "verify my_rnn:rnn_forward": "my_rnn:rnn_forward",
    "verify --candidate my_rnn.py": "my_rnn.py:rnn_forward",
    "verify case.yaml my_rnn.py": "my_rnn.py:rnn_forward",
    "verify my_rnn.py case.yaml": "my_rnn.py:rnn_forward",
    "verify my_rnn.py --candidate my_rnn.rnn_forward": "my_rnn.py:rnn_forward",
    "verify torch.nn.RNN": "torch.nn:RNN",
    "verify nn.RNN": "torch.nn:RNN",
    "verify concat": "concat",
    "bench my_rnn.py": "my_rnn.py:rnn_forward",
    "bench case.yaml my_rnn.py:rnn_forward": "my_rnn.py:rnn_forward",
}


@pytest.mark.parametrize(("command", "candidate"), CANDIDATES.items(), ids=list(CANDIDATES))
def test_a_candidate_is_understood_however_it_is_written(typed, command, candidate):
    ended = typed(f"{command} --print-config")
    assert f"\ncandidate: {candidate}\n" in ended.out, ended.err


def test_a_config_may_name_a_file_alone_and_what_is_wrong_is_told_with_its_line(typed, tmp_path):
    config = tmp_path / "case.yaml"
    config.write_text("rnn: {bias: true}\ncandidate: my_rnn.py\n")
    assert "candidate: my_rnn.py:rnn_forward" in typed("verify case.yaml --print-config").out
    config.write_text("rnn: {bias: true}\ncandidate: {target: my_rnn.py, layout: time-first}\n")
    assert "target: my_rnn.py:rnn_forward" in typed("verify case.yaml --print-config").out
    config.write_text("grid:\n  candidate: [manual, two.py]\n")
    ended = typed("verify case.yaml")
    assert ended.err.startswith("rnncli: case.yaml:2: grid.candidate[1]: two.py: has 2 candidates; name one of them:\n")
    assert ended.code == 2


def test_a_notebook_is_judged_like_a_file(typed, tmp_path):
    cells = [{"cell_type": "code", "source": [RNN]}]
    (tmp_path / "mine.ipynb").write_text(json.dumps({"cells": cells}))
    assert "candidate: mine.ipynb:rnn_forward" in typed("verify mine.ipynb --print-config").out


SPELLINGS = {
    **dict.fromkeys(("fp16", "half", "f16", "torch.float16"), "dtype: float16"),
    **dict.fromkeys(("bf16", "torch.bfloat16"), "dtype: bfloat16"),
    **dict.fromkeys(("fp32", "float", "single", "torch.float"), "dtype: float32"),
    **dict.fromkeys(("fp64", "double", "torch.float64", "FLOAT64"), "dtype: float64"),
    **dict.fromkeys(("gpu", "CUDA"), "device: cuda"),
    **dict.fromkeys(("gpu:1", "cuda1"), "device: cuda:1"),
}


@pytest.mark.parametrize(("spelling", "meant"), SPELLINGS.items(), ids=list(SPELLINGS))
def test_a_dtype_and_a_device_are_taken_under_their_usual_names_by_flag_and_by_config(typed, tmp_path, spelling, meant):
    key = meant.partition(":")[0]
    assert f"  {meant}\n" in typed(f"verify --print-config --{key} {spelling}").out
    (tmp_path / "case.yaml").write_text(f"run: {{{key}: '{spelling}'}}\n")
    assert f"  {meant}\n" in typed("verify --print-config case.yaml").out


@pytest.mark.parametrize("flag", ["--num_layers", "--num-layers", "--layers"])
def test_a_flag_is_taken_with_underscores_too(typed, flag):
    assert "  num_layers: 3\n" in typed(f"verify --print-config {flag} 3").out
    assert "  batch_first: true\n" in typed("verify --print-config --batch_first").out


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("r.html", "<!doctype html>"),
        ("r.json", '{\n  "schema_version": 1'),
        ("r.jsonl", '{"'),
        ("r.xml", "<?xml"),
        ("r.md", "#"),
        ("r.csv", "id,"),
        ("r.txt", "match  manual = "),
        ("r", "match  manual = "),
    ],
)
def test_the_format_follows_the_suffix_of_the_file(typed, tmp_path, name, begins):
    assert typed(f"verify --no-timing --no-gradients --output {name}").code == 0
    assert (tmp_path / name).read_text().startswith(begins)


def test_a_format_that_is_given_stands_above_the_suffix(typed, tmp_path):
    typed("shapes --static --format json --output r.txt")
    json.loads((tmp_path / "r.txt").read_text())


def test_html_on_a_terminal_is_refused_with_the_command_that_helps(typed, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    ended = typed("verify my_rnn.py --format html --layers 2")
    assert ended.code == 2
    assert ended.err.endswith("; rnncli verify my_rnn.py --layers 2 --output report.html writes a file\n")


QUIET = {
    "verify -q --no-timing my_rnn.py": "match  my_rnn.py:rnn_forward: output, h_n and 6 gradients",
    "verify -q --no-timing case.yaml my_rnn.py --seed 3": "match  my_rnn.py:rnn_forward: output, h_n and 6 gradients",
    "verify -q --no-timing grid.yaml my_rnn.py": "match  1 case, 1 skipped: relu is not claimed: the candidate takes no"
    " nonlinearity and computes tanh",
    "verify -q --no-timing my_rnn.py --nonlinearity relu": "not-comparable  my_rnn.py:rnn_forward: relu is not claimed:"
    " the candidate takes no nonlinearity and computes tanh",
    "verify -q --no-timing wrong.py": "mismatch  wrong.py:rnn_forward: missing-bias-hh",
    "verify -q --no-timing --expect output=5,10,80": "mismatch  manual: output is (5, 10, 40), expected (5, 10, 80):"
    " --bidirectional gives it",
    "shapes -q --layers 2": "match  nn.RNN(20, 40, num_layers=2): output (5, 10, 40), h_n (2, 10, 40)",
    "faults -q missing-bias-hh": "missing-bias-hh: ",
    "shapes -q --expect output=5,10,80": "mismatch  nn.RNN(20, 40): output is (5, 10, 40), expected (5, 10, 80):"
    " --bidirectional gives it",
    "env -q": f"rnncli {__version__}, torch ",
}


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(("command", "line"), QUIET.items(), ids=list(QUIET))
def test_quiet_is_one_line(typed, tmp_path, command, line):
    (tmp_path / "grid.yaml").write_text("grid: {rnn.nonlinearity: [tanh, relu]}\n")
    (tmp_path / "wrong.py").write_text(RNN.replace(" + b_hh)", ")"))
    ended = typed(command)
    (shown,) = ended.out.splitlines()
    assert shown == line or (line.endswith(" ") and shown.startswith(line))
    assert ended.err == ""


def test_quiet_beside_a_file_writes_the_file_whole(typed, tmp_path):
    assert (
        typed("shapes -q --static --output r.json").out
        == "predicted  nn.RNN(20, 40): output (5, 10, 40), h_n (1, 10, 40)\n"
    )
    json.loads((tmp_path / "r.json").read_text())
    for file in ("r.json", "r.jsonl"):
        assert typed(f"verify -q --no-timing --output {file}").out.startswith("match  manual: output, h_n and ")
    assert json.loads((tmp_path / "r.jsonl").read_text())["verdict"] == "match"


def test_verbose_lists_every_parameter_and_breaks_at_no_80_columns(typed):
    shown = typed("verify -v --no-timing --cell LSTM --layers 2 --bidirectional --seed 3")
    assert max(map(len, shown.out.splitlines())) <= 80
    assert "noise" in shown.out
    assert "more (-v)" not in shown.out
    assert "weight_hh_l1_reverse  (160, 40)" in shown.out


def test_quiet_and_verbose_are_refused_together(typed):
    assert typed("verify -q -v").err == "rnncli: --quiet: has no effect with --verbose; allowed: one of the two\n"


@pytest.mark.usefixtures("in_process")
def test_verbose_says_which_tensor_holds_which_weight(typed, tmp_path):
    module = "import torch\n\n\nclass MyRNN(torch.nn.RNN):\n    pass\n"
    (tmp_path / "module.py").write_text(module)
    for flags, shown in (("", False), ("-v", True)):
        assert ("known by" in typed(f"verify --no-timing module.py:MyRNN {flags}").out) == shown


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_takes_quiet_verbose_and_version(typed, command):
    own = typed(f"{command} --help").out
    assert all(flag in own for flag in ("-q, --quiet", "-v, --verbose", "-V, --version"))
    for flag in ("-V", "--version"):
        assert typed(f"{command} {flag}").out == f"rnncli {__version__}\n"


def test_rnncli_alone_is_its_help(typed):
    alone = typed("")
    assert (alone.code, alone.err) == (0, "")
    assert alone.out == typed("--help").out == typed("help").out
    assert typed("-V").out == f"rnncli {__version__}\n"


def test_help_is_a_word_too(typed):
    assert typed("help verify").out == typed("verify --help").out


def test_the_help_of_verify_is_a_page_in_groups(typed, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    lines = typed("verify --help").out.splitlines()
    assert len(lines) <= 72
    assert max(map(len, lines)) <= 80
    groups = [line for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert groups == [
        "Examples:",
        "What is judged:",
        "The layer's arguments:",
        "Input:",
        "Numerics:",
        "Output:",
        "Many cases:",
    ]
    examples = lines[lines.index("Examples:") + 1 : lines.index("What is judged:") - 1]
    assert len(examples) == 4
    assert not any(line.startswith(" " * 10) for line in lines)  # one line for each option


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_no_help_is_wider_than_80_columns(typed, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "80")
    lines = typed(f"{command} --help").out.splitlines()
    assert max(map(len, lines)) <= 80
    assert not any(line.endswith("...") for line in lines if line.startswith("  "))


def test_a_message_is_folded_between_words_on_a_terminal_alone(monkeypatch, capsys):
    text = f"a/very/{'long/' * 12}name.py: {'no such file, ' * 6}"
    tell(text)
    assert capsys.readouterr().err == f"rnncli: {text}\n"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(shutil, "get_terminal_size", lambda *_, **__: os.terminal_size((80, 24)))
    tell(text)
    lines = capsys.readouterr().err.splitlines()
    assert max(map(len, lines)) <= 80
    assert " ".join(line.strip() for line in lines) == f"rnncli: {text}".strip()
