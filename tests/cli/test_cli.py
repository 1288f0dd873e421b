"""The command line from outside: formats, files, streams, exit codes."""

import io
import json
import os
import re
import signal
import stat
import subprocess
import sys
import threading
from functools import partial

import jsonschema
import pytest
import torch
from conftest import ROOT
from typer.main import get_command

from rnncli import __version__
from rnncli.cli.main import app
from rnncli.cli.progress import with_progress
from rnncli.core.case import Case
from rnncli.manual import BUILT_IN, rnn

COMMANDS = sorted(get_command(app).commands)
RNNCLI = [sys.executable, "-m", "rnncli"]


@pytest.fixture
def _wrong_candidate(monkeypatch):
    """The manual implementation, with a mistake: one bias is left out."""

    def without_bias(input, h_0, params, **arguments):
        kept = {name: value * 0 if name.startswith("bias_hh") else value for name, value in params.items()}
        return rnn(input, h_0, kept, **arguments)

    monkeypatch.setitem(BUILT_IN, "manual", without_bias)


@pytest.mark.usefixtures("_wrong_candidate")
def test_a_mismatch_ends_with_1_and_says_where_it_is_worst(rnncli):
    outcome = rnncli("verify", "--no-timing", "--layers", 2)
    assert outcome.code == 1
    text = " ".join(outcome.out.split())
    assert re.search(r"mismatch output\b.*? \(algorithm float64\): an error of \d\S+ of the largest value", text)
    assert re.search(r"first at t=0 n=0 u=0; worst at t=\d n=\d u=\d", text)
    assert re.search(r"Wrong from the first step on: t=0 [▁▂▃▄▅▆▇█]{5} t=4", text)
    assert outcome.out.startswith("mismatch  manual is not nn.RNN(20, 40, num_layers=2): all 12 tensors differ\n")
    assert "\nReplay:\nrnncli verify " in outcome.out


@pytest.mark.usefixtures("_wrong_candidate")
def test_quiet_looks_for_no_smaller_case_that_nobody_is_shown(rnncli, monkeypatch, tmp_path):
    looked_for = []
    monkeypatch.setattr("rnncli.pipeline.verify.shrunk", lambda case, *_, **__: looked_for.append(case) or case)
    assert rnncli("verify", "--no-timing", "-q").code == 1
    assert not looked_for
    assert rnncli("verify", "--no-timing", "-q", "--save-failing", tmp_path).code == 1
    assert len(looked_for) == 1


@pytest.mark.usefixtures("_wrong_candidate")
def test_a_mismatch_in_one_case_of_a_grid_fails_the_run_and_is_shown(rnncli, tmp_path):
    config = tmp_path / "grid.yaml"
    config.write_text("grid: {rnn.bias: [true, false], rnn.num_layers: [1, 2]}")
    outcome = rnncli("verify", "--no-timing", config)
    assert outcome.code == 1
    first = " ".join(outcome.out.partition("\n\n")[0].split())
    assert first == ("mismatch manual against nn.RNN, 4 cases: 2 mismatch, 2 match; all 2 failures have bias=true")
    assert "\n2 cases, of which the smallest: nn.RNN(20, 40)" in outcome.out


def test_an_expectation_that_is_not_met_ends_with_1(rnncli):
    for command in (["shapes"], ["shapes", "--static"], ["verify", "--no-timing"]):
        outcome = rnncli(*command, "--expect", "output=5,10,80")
        assert outcome.code == 1
        assert "(5, 10, 80)" in outcome.out
        assert rnncli(*command, "--expect", "output=5,10,40").code == 0


def test_not_comparable_is_reported_and_fails_under_strict_alone(rnncli, tmp_path):
    config = tmp_path / "grid.yaml"
    config.write_text("grid: {input.batch_size: [0, 2]}")
    assert rnncli("verify", "--no-timing", config).code == 0
    outcome = rnncli("verify", "--no-timing", config, "--strict")
    assert outcome.code == 1
    assert "batch_size 0: only shapes can be compared, and they are right" in " ".join(outcome.out.split())
    assert outcome.err == "rnncli: --strict: 16 checks are not-comparable\n"


@pytest.mark.parametrize("strict", [(), ("--strict",)], ids=["plain", "strict"])
def test_a_run_that_compared_output_in_no_case_is_no_pass(rnncli, strict):
    outcome = rnncli("verify", "--no-timing", "--batch-size", 0, *strict)
    assert outcome.code == 1
    assert outcome.out.startswith("not-comparable  manual and nn.RNN(20, 40): no value could be compared\n")


def test_a_device_that_is_not_here_fails_its_own_cases_alone(rnncli, tmp_path, monkeypatch):
    monkeypatch.setattr("torch.backends.cuda.is_built", lambda: False)
    config = tmp_path / "grid.yaml"
    config.write_text("grid: {run.device: [cpu, cuda]}")
    outcome = rnncli("verify", "--no-timing", "--format", "json", config)
    assert outcome.code == 3
    first, second = json.loads(outcome.out)["cases"]
    assert (first["verdict"], first["error"]) == ("match", None)
    assert (second["verdict"], second["error"]["kind"]) == (None, "unavailable")


@pytest.mark.parametrize("command", [["shapes"], ["shapes", "--static"], ["verify"], ["env"]], ids=" ".join)
def test_json_follows_the_schema_of_results(rnncli, command):
    schema = json.loads(rnncli("schema", "--results").out)
    jsonschema.Draft202012Validator.check_schema(schema)
    result = json.loads(rnncli(*command, "--format", "json").out)
    jsonschema.validate(result, schema)
    assert list(result)[:4] == ["schema_version", "command", "environment", "verdict"]
    assert result["schema_version"] == 1


def test_json_of_verify_holds_the_keys_of_the_contract(rnncli):
    (case,) = json.loads(rnncli("verify", "--format", "json", "--bidirectional").out)["cases"]
    assert set(case) >= {
        *("id", "config", "verdict", "reading", "warnings", "shapes", "parameters", "checks", "diagnosis"),
        *("faults", "timing", "error"),
    }
    assert case["shapes"][2] == {
        "given_by": None,
        "name": "output",
        "axes": ["L", "N", "D*H_out"],
        "predicted": [5, 10, 80],
        "reference": [5, 10, 80],
        "candidate": [5, 10, 80],
        "expected": None,
    }
    assert {"name": "bias_hh_l0_reverse", "shape": [40], "count": 40}.items() <= case["parameters"][-1].items()
    tensors = ["output", "h_n", "grad input", "grad h_0"] + [f"grad {p['name']}" for p in case["parameters"]]
    assert [check["tensor"] for check in case["checks"]] == tensors * 2
    assert {(check["stage"], check["dtype"]) for check in case["checks"]} == {
        ("algorithm", "float64"),
        ("precision", "float32"),
    }
    assert [(t["implementation"], t["pass"]) for t in case["timing"]] == [
        ("nn.RNN", "forward"),
        ("manual", "forward"),
        ("nn.RNN", "forward+backward"),
        ("manual", "forward+backward"),
    ]


def test_json_holds_no_number_that_json_does_not_have(rnncli):
    outcome = rnncli(
        "verify", "--no-timing", "--nonlinearity", "relu", "--weight-scale", 1000, "--seq-len", 60, "--format", "json"
    )
    result = json.loads(outcome.out, parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
    assert any(
        "nn.RNN's values leave the range of" in (check["reason"] or "") for check in result["cases"][0]["checks"]
    )


def test_without_gradients_none_are_compared_or_timed(rnncli):
    (case,) = json.loads(rnncli("verify", "--no-gradients", "--format", "json").out)["cases"]
    assert {check["tensor"] for check in case["checks"]} == {"output", "h_n"}
    assert {timing["pass"] for timing in case["timing"]} == {"forward"}


@pytest.mark.parametrize("format", ["table", "json"])
def test_a_file_is_written_whole_and_holds_what_stdout_would(rnncli, tmp_path, format):
    file = tmp_path / "result"
    outcome = rnncli("shapes", "--static", "--format", format, "--output", file)
    assert (outcome.code, outcome.out) == (0, "")
    assert file.read_text() == rnncli("shapes", "--static", "--format", format).out
    assert list(tmp_path.iterdir()) == [file]
    assert stat.S_IMODE(file.stat().st_mode) & 0o600 == 0o600


def test_a_write_that_fails_leaves_the_old_file_and_no_other(rnncli, tmp_path, monkeypatch):
    file = tmp_path / "result.json"
    file.write_text("the old result")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    outcome = rnncli("shapes", "--static", "--output", file)
    assert outcome.code == 2
    assert "cannot be written: No space left on device" in outcome.err
    assert file.read_text() == "the old result"
    assert list(tmp_path.iterdir()) == [file]


def test_a_case_that_fails_its_expectation_is_still_written(rnncli, tmp_path):
    file = tmp_path / "result.json"
    assert rnncli("shapes", "--static", "--expect", "h_n=1", "--format", "json", "-o", file).code == 1
    assert json.loads(file.read_text())["verdict"] == "mismatch"


def test_a_device_file_is_written_to_and_not_replaced(rnncli):
    assert rnncli("shapes", "--static", "--output", os.devnull).code == 0
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


def test_piped_output_has_no_colour_and_fits_80_columns(rnncli):
    for command in (
        ["shapes", "--bidirectional", "--layers", 4],
        ["verify", "--bidirectional", "--layers", 4],
        ["env"],
    ):
        out = rnncli(*command).out
        assert "\x1b" not in out
        assert max(map(len, out.splitlines())) <= 80
        assert "…" not in out


def test_big_numbers_are_not_broken_at_80_columns(rnncli):
    sizes = {"--hidden-size": 123456, "--seq-len": 1234567, "--batch-size": 7654321}
    out = rnncli("shapes", "--static", *(part for item in sizes.items() for part in item)).out
    rows = out.split("\n\n")[1]
    for size in map(str, sizes.values()):
        assert re.search(rf"\b{size}\b", rows)
    assert max(map(len, out.splitlines()[:12])) <= 80


def test_an_ascii_terminal_gets_ascii():
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    ended = subprocess.run([*RNNCLI, "shapes", "--static"], capture_output=True, env=environment, check=True)
    assert ended.stdout.isascii()
    assert b"-----" in ended.stdout


COLOUR = pytest.mark.exhaustive(twin="test_the_error_over_time_is_drawn_on_an_ascii_terminal_too", pool="long")


@pytest.mark.exhaustive(twin="test_the_table_at_80_columns", pool="long")
@pytest.mark.parametrize(
    "colour", [pytest.param({}, id="plain"), pytest.param({"FORCE_COLOR": "1"}, id="in colour", marks=COLOUR)]
)
def test_the_error_over_time_is_drawn_on_an_ascii_terminal_too(colour):
    command = [*RNNCLI, *["verify", "--no-timing", "--no-gradients", "--atol", "0", "--rtol", "1e-30"]]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", **colour}
    ended = subprocess.run(command, capture_output=True, env=environment, check=False)
    assert ended.returncode == 1, ended.stderr
    assert ended.stdout.isascii()
    assert re.search(rb"^Wrong from the first step on: t=0 [-_.:=+*#]{5} ", ended.stdout, flags=re.M)


def test_the_version_is_printed(rnncli):
    assert rnncli("--version").out == f"rnncli {__version__}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_examples(rnncli, command):
    outcome = rnncli(command, "--help")
    assert outcome.code == 0
    assert f"rnncli {command}" in outcome.out.partition("Examples:")[2]
    assert max(map(len, outcome.out.splitlines())) <= 100


def test_the_environment_names_what_a_bug_report_needs(rnncli):
    environment = json.loads(rnncli("env", "--format", "json").out)["environment"]
    assert environment["torch"] == torch.__version__
    assert environment["threads"] == torch.get_num_threads()
    assert {"rnncli", "python", "platform", "devices", "cudnn", "tf32_matmul", "tf32_cudnn"} <= set(environment)


def test_the_reader_may_leave_early():
    ended = subprocess.run(
        f"{' '.join(RNNCLI)} shapes --static --layers 2000 | head -1",
        shell=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert ended.stderr == ""
    assert ended.stdout.startswith("nn.RNN(20, 40, num_layers=2000): predicted")


def test_stdout_that_is_full_is_told():
    with open("/dev/full", "w") as full:
        ended = subprocess.run(
            [*RNNCLI, "shapes", "--static"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (ended.returncode, ended.stderr) == (2, "rnncli: stdout cannot be written: No space left on device\n")


def test_a_hyphen_is_stdout(rnncli):
    assert rnncli("shapes", "--static", "-o", "-").out == rnncli("shapes", "--static").out


def test_the_printed_config_goes_to_the_file(rnncli, tmp_path):
    file = tmp_path / "config.yaml"
    assert rnncli("verify", "--print-config", "-o", file).out == ""
    assert file.read_text() == rnncli("verify", "--print-config").out


def test_a_warning_goes_to_stderr_and_into_the_record(rnncli):
    outcome = rnncli("shapes", "--dropout", 0.5, "--format", "json")
    warning = "dropout 0.5 does nothing with num_layers 1: it acts between layers"
    assert json.loads(outcome.out)["cases"][0]["warnings"] == [warning]
    assert outcome.err == f"rnncli: warning: {warning}\n"


def test_a_case_of_a_grid_that_fails_its_expectation_says_how(rnncli, tmp_path):
    config = tmp_path / "grid.yaml"
    config.write_text("expect: {output: [5, 10, 40]}\ngrid: {rnn.bidirectional: [false, true]}")
    outcome = rnncli("verify", "--no-timing", config)
    assert outcome.code == 1
    expected = "output is (5, 10, 80), expected (5, 10, 40): --no-bidirectional gives it"
    assert expected in " ".join(outcome.out.split())


def test_no_number_is_broken_on_a_terminal_that_is_too_narrow():
    from rich.console import Console

    from rnncli.core.memory import needed_for_verify
    from rnncli.core.records import RunRecord
    from rnncli.pipeline.verify import VerifyOptions, run_cases, verify
    from rnncli.report.table import draw

    cases = list(run_cases([Case()], lambda case: verify(case, VerifyOptions()), needed_for_verify))
    page = io.StringIO()
    draw(RunRecord.of("verify", {}, cases), Console(file=page, width=50))
    assert re.search(r"^5 more gradients +match +\d\.\de-\d\d +\d\.\de-\d\d +\(largest\)", page.getvalue(), flags=re.M)


HEEDS = {"preexec_fn": partial(signal.signal, signal.SIGINT, signal.SIG_DFL)}  # started under nohup too


@pytest.mark.exhaustive(twin="test_a_signal_ends_with_its_exit_code", pool="long")
def test_an_interrupt_inside_one_long_call_of_torch_ends_with_130():
    code = """
import os, signal, sys, threading, time
from rnncli.cli.interrupt import ended_by_signals, keeping_results
import torch
threading.Timer(1.0, os.kill, [os.getpid(), signal.SIGINT]).start()
with ended_by_signals(), keeping_results(), torch.no_grad():
    torch.nn.RNN(1, 1)(torch.zeros(30_000_000, 1, 1))
sys.exit("the call ended by itself")
"""
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, **HEEDS)
    assert (ended.returncode, ended.stderr) == (130, "rnncli: interrupted\n")


@pytest.mark.exhaustive(twin="test_a_signal_ends_with_its_exit_code", pool="long")
def test_an_interrupt_ends_with_130_and_without_a_traceback():
    code = """
import sys
from rnncli.pipeline import verify as run
from rnncli.cli.main import main

judge = run.verify

def verify(*arguments):
    print("begun", file=sys.stderr, flush=True)
    return judge(*arguments)

run.verify = verify
main()
"""
    flags = ("verify", "--seq-len", "100000", "--hidden-size", "64", "--no-timing")
    command = [sys.executable, "-c", code, *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **HEEDS) as running:
        assert running.stderr.readline() == "begun\n"
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=120)
    assert (running.returncode, out) == (130, "")
    assert err == "rnncli: interrupted\n"


def test_a_single_case_leaves_no_sign_of_life_in_a_log(monkeypatch, capsys):
    monkeypatch.setattr("rnncli.cli.progress.FIRST_LINE_S", 0.0)
    threads = threading.active_count()
    (seen,) = (threading.active_count() for _ in with_progress([None], 1))
    assert seen == threads
    assert capsys.readouterr().err == ""


@pytest.mark.exhaustive(twin="test_a_command_that_needs_no_torch_loads_none", pool="long")
def test_a_user_without_numpy_sees_no_warning():
    ended = subprocess.run([*RNNCLI, "verify", "--no-timing"], capture_output=True, text=True, check=True)
    assert ended.stderr == ""


def test_a_reverse_direction_that_is_wrong_is_told_from_where_backwards(rnncli, monkeypatch):
    def swapped(input, h_0, params, **arguments):
        output, h_n = rnn(input, h_0, params, **arguments)
        half = output.shape[-1] // 2
        return torch.cat([output[..., :half], output[..., half:].flip(0)], dim=-1), h_n

    monkeypatch.setitem(BUILT_IN, "manual", swapped)
    outcome = rnncli("verify", "--no-timing", "--bidirectional")
    assert "\nWrong in the reverse direction, from t=4 back: t=0 " in outcome.out


def test_everything_has_no_column_without_a_value(rnncli):
    for flags in ((), ("--batch-size", 0)):
        lines = rnncli("verify", "--no-timing", "-v", *flags).out.splitlines()
        at = next(number for number, line in enumerate(lines) if line.startswith("parity "))
        assert lines[at + 2].startswith("output ")
        assert len(lines[at + 2].split()) == (2 if flags else 6)
        assert ("error" in lines[at]) == (not flags)
