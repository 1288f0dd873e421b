"""What CI runs: the smoke check, the full grid, and the action that checks another repository's candidate."""

import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import xmlschema
import yaml
from conftest import ROOT
from levels import one_in

from rnncli.config.cases import load
from rnncli.core.case import RNNArguments
from rnncli.faults.power import power
from rnncli.manual import BUILT_IN

SMOKE, FULL = ROOT / "configs/smoke.yaml", ROOT / "configs/full.yaml"
RIGHT = """
import torch

def rnn(x, h_0, W_ih, W_hh, b_ih, b_hh, nonlinearity="tanh"):
    h, states = h_0[0], []
    for x_t in x:
        h = getattr(torch, nonlinearity)(x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh)
        states.append(h)
    return torch.stack(states), h.unsqueeze(0)
"""


@functools.cache
def cases_of(config):
    return tuple(load(config, {}))


def values(config, section, name):
    return {getattr(getattr(case, section), name) for case in cases_of(config)}


def test_the_smoke_check_covers_every_argument_and_every_layout():
    assert values(SMOKE, "input", "layout") == {"batched", "unbatched", "packed"}
    assert values(SMOKE, "rnn", "nonlinearity") == {"tanh", "relu"}
    for name in ("bias", "batch_first", "bidirectional"):
        assert values(SMOKE, "rnn", name) == {True, False}, name
    assert values(SMOKE, "run", "train") == {True, False}
    defaults = RNNArguments()
    for name in ("num_layers", "dropout", "input_size", "hidden_size"):
        assert values(SMOKE, "rnn", name) != {getattr(defaults, name)}, name
    assert values(SMOKE, "run", "gradients") == {True}


@pytest.mark.parametrize(
    "place", one_in(4, [3, 40, 59, 92], "test_the_smoke_check_sees_every_fault_that_can_happen_in_it")
)
def test_the_smoke_check_sees_every_fault_that_can_happen_in_it(place):
    """A sample: `rnncli power configs/smoke.yaml --strict` is all of it, for a minute."""
    case = load(SMOKE, {})[place]
    seen = {fault.status for fault in power(case, torch.device("cpu"))}
    assert "caught" in seen
    assert "not-visible" not in seen


def test_the_full_grid_is_the_product_of_all_there_is():
    assert len(cases_of(FULL)) == 9216
    assert values(FULL, "input", "layout") == {"batched", "unbatched", "packed"}
    assert values(FULL, "input", "h_0") == {"random", "zeros", "omitted"}
    assert values(FULL, "run", "dtype") == {"float64", "float32", "bfloat16", "float16"}
    assert values(FULL, "rnn", "num_layers") == {1, 2}
    assert {case.candidate for case in cases_of(FULL)} == set(BUILT_IN)
    for name in ("bias", "batch_first", "bidirectional"):
        assert values(FULL, "rnn", name) == {True, False}, name


# The action


@pytest.fixture
def action(tmp_path):
    """Runs the step of the action that verifies, as a runner of GitHub would, in another repository."""
    (step,) = [step for step in yaml.safe_load((ROOT / "action.yml").read_text())["runs"]["steps"] if "id" in step]
    repository = tmp_path / "repository"
    repository.mkdir()
    files = {"GITHUB_OUTPUT": tmp_path / "output", "GITHUB_STEP_SUMMARY": tmp_path / "summary"}

    def run(source, **inputs):
        (repository / "my_rnn.py").write_text(source)
        given = {"CANDIDATE": "my_rnn.py:rnn", "CONFIG": "", "ARGS": "", **inputs}
        assert set(step["env"]) == {"ACTION", *given}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        places = {"ACTION": str(ROOT), "RUNNER_TEMP": str(tmp_path), "PATH": path}
        environment = {**os.environ, **places, **given, **{name: str(file) for name, file in files.items()}}
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]  # as GitHub's `shell: bash`
        ended = subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True, check=False)
        outputs = dict(line.split("=", 1) for line in files["GITHUB_OUTPUT"].read_text().splitlines())
        summary = files["GITHUB_STEP_SUMMARY"].read_text() if files["GITHUB_STEP_SUMMARY"].exists() else ""
        return ended, outputs, summary

    return run


FEW = "--filter layout=batched --filter train=false --filter nonlinearity=tanh --filter batch_first=false"


@pytest.mark.exhaustive(twin="test_the_smoke_check_sees_every_fault_that_can_happen_in_it", pool="long")
def test_the_action_passes_a_right_candidate(action):
    ended, outputs, summary = action(RIGHT, ARGS=FEW)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "::notice title=rnncli verify::4 cases: 4 match\n"
    assert "4 cases: 4 match" in summary
    assert len(Path(outputs["results"]).read_text().splitlines()) == 4
    xmlschema.XMLSchema(str(ROOT / "tests/junit.xsd")).validate(outputs["junit"])


@pytest.mark.exhaustive(twin="test_the_smoke_check_sees_every_fault_that_can_happen_in_it", pool="long")
def test_the_action_goes_red_for_the_right_reason_and_says_it_in_one_line(action):
    wrong = RIGHT.replace(" + b_hh", "")
    ended, outputs, summary = action(wrong, ARGS=FEW)
    assert ended.returncode == 1
    assert ended.stdout.splitlines()[0] == (
        "::error title=rnncli verify::4 cases: 2 mismatch, 2 match; all 2 failures have bias=true;"
        " diagnosis: missing-bias-hh"
    )
    assert ended.stdout.splitlines()[1].startswith("::error file=my_rnn.py,title=my_rnn.py%3Arnn [")
    assert "missing-bias-hh" in summary
    verdicts = [json.loads(line)["verdict"] for line in Path(outputs["results"]).read_text().splitlines()]
    assert sorted(verdicts) == ["match"] * 2 + ["mismatch"] * 2


def test_the_action_says_what_is_wrong_with_its_inputs(action):
    ended, _, summary = action(RIGHT, CANDIDATE="my_rnn.py; rm -rf /", CONFIG="none.yaml")
    assert (ended.returncode, ended.stdout, summary) == (2, "", "")
    assert ended.stderr.startswith("rnncli: none.yaml: no such file")


def test_the_action_s_five_lines_in_the_readme_name_its_inputs():
    readme = (ROOT / "README.md").read_text()
    lines = readme.partition("- uses: rnncli/rnncli@main\n")[2].partition("```")[0]
    given = yaml.safe_load(lines)["with"]
    inputs = yaml.safe_load((ROOT / "action.yml").read_text())["inputs"]
    assert {name for name, spec in inputs.items() if spec.get("required")} <= given.keys() <= inputs.keys()
