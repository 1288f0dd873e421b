"""The documents say what the tool does."""

import re
import shlex
import subprocess

import pytest
from conftest import ROOT
from typer.main import get_command

from docs.make import cli_reference
from rnncli.cli.main import app
from rnncli.errors import ExitCode
from rnncli.parity.compare import ENVELOPES

README = (ROOT / "README.md").read_text()


def test_the_command_line_reference_is_the_help_of_the_commands():
    assert (ROOT / "docs/cli.md").read_text() == cli_reference(), "run: make docs"


def test_every_command_is_in_the_readme():
    for command in get_command(app).commands:
        assert f"rnncli {command}" in README


def test_every_exit_code_is_in_the_readme():
    for code in ExitCode:
        assert re.search(rf"^\| {int(code)} \|", README, flags=re.M), code


def test_the_number_of_envelopes_in_the_documents_is_that_of_the_code():
    assert ENVELOPES == 3
    assert "three of them are allowed" in README
    assert f"an error of up to {ENVELOPES:g} times" in (ROOT / "docs/verdicts.md").read_text().replace("\n", " ")


def test_the_audit_in_the_documents_found_nothing():
    text = (ROOT / "docs/verdicts.md").read_text()
    for claim in ("**0 mismatches**", "**0 exceptions**", "**0 missed.**"):
        assert claim in text
    assert "10,000 correct cases" in text
    assert "in 9,200 cases" in text


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "docs/cli.md", "docs/verdicts.md"])
def test_files_that_are_named_exist(document):
    text = (ROOT / document).read_text()
    links = [ROOT / document / ".." / link for link in re.findall(r"\]\(([^)#:]+)\)", text)]
    configs = [ROOT / config for config in re.findall(r"\bconfigs/\w+\.yaml", text)]
    missing = [str(path) for path in links + configs if not path.resolve().exists()]
    assert not missing


def test_the_commands_of_the_readme_parse(rnncli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    (tmp_path / "my_rnn.py").write_text("def rnn_forward(x, h_0, params): ...")
    lines = [shlex.split(line, comments=True) for line in README.splitlines() if line.startswith("rnncli ")]
    assert len(lines) >= 10
    for line in lines:
        reads_or_writes = line[1] in ("adapt", "report") or "--output" in line
        parsed = ["--help"] if reads_or_writes else [] if line[1] == "faults" else ["--print-config"]
        outcome = rnncli(*line[1:], *parsed)
        assert outcome.code == 0, (line, outcome.err)


def test_the_targets_of_make_that_are_named_exist():
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for document in ("README.md", "CONTRIBUTING.md", "docs/verdicts.md"):
        for target in re.findall(r"`make ([a-z-]+)`|^make ([a-z-]+)$", (ROOT / document).read_text(), flags=re.M):
            assert f"make {target[0] or target[1]} " in listed
