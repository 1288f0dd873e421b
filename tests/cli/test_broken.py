"""What is broken around a command: a full disk, a folder that is gone, links that lead nowhere, no temporary files."""

import os
import subprocess
import sys
import tempfile

import pytest
from conftest import ROOT
from levels import one_in

from rnncli.core.errors import UnavailableError
from rnncli.execution import server

RNNCLI = [sys.executable, "-m", "rnncli"]
FULL = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")


@FULL
@pytest.mark.parametrize("arguments", ["--version", "--help", "verify --help", "schema", "shapes --static"])
def test_a_stdout_that_is_full_is_told(arguments):
    with open("/dev/full", "w") as full:
        ended = subprocess.run([*RNNCLI, *arguments.split()], cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True)
    assert ended.returncode == 2
    assert ended.stderr.startswith("rnncli: ")
    assert ended.stderr.endswith("No space left on device\n")
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", ["verify", "shapes --static", "report r.jsonl", "faults"])
def test_a_current_folder_that_is_deleted_is_told(torch_free, tmp_path, command):
    gone = tmp_path / "gone"
    before = f"import os; os.mkdir({str(gone)!r}); os.chdir({str(gone)!r}); os.rmdir({str(gone)!r})"
    ran = torch_free.after(command.split(), before)
    assert ran.code == 2
    assert ran.err == "rnncli: the current folder does not exist any more; allowed: a folder that does\n"


BROKEN_TORCH = "test_a_torch_that_cannot_be_imported_is_told_as_not_available"
BROKEN = {
    "raise OSError('libtorch_cpu.so: cannot open')": "OSError: libtorch_cpu.so: cannot open",
    "import a_part_of_torch": "ModuleNotFoundError: No module named 'a_part_of_torch'",
}


@pytest.mark.parametrize(
    "command", one_in(3, ["verify", "shapes", "env", "explain --trace t=1", "bench", "power"], BROKEN_TORCH)
)
@pytest.mark.parametrize(("code", "said"), BROKEN.items(), ids=["a library", "a module"])
def test_a_torch_that_cannot_be_imported_is_told_as_not_available(torch_free, tmp_path, command, code, said):
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch/__init__.py").write_text(code)
    ran = torch_free.after(command.split(), f"import sys; sys.path.insert(0, {str(tmp_path)!r})")
    assert ran.code == 3
    assert ran.err.startswith(f"rnncli: torch cannot be imported here ({said}); rnncli needs it: pip install torch")


@pytest.mark.parametrize("command", ["bench", "power", "shapes -q", "verify -q"])
def test_shapes_that_are_not_those_expected_fail_every_command_that_holds_them(rnncli, tmp_path, command):
    config = tmp_path / "case.yaml"
    config.write_text("rnn: {hidden_size: 6}\nexpect: {output: [5, 10, 80]}")
    ended = rnncli(*command.split(), config)
    assert ended.code == 1
    assert "output is (5, 10, 6), expected (5, 10, 80): --hidden-size 80 gives it" in ended.out + ended.err


@pytest.fixture
def loop(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    return tmp_path / "a"


@pytest.mark.parametrize("flags", [["--output"], ["--save-failing"], ["--format", "jsonl", "--output"]])
def test_a_loop_of_links_is_told_before_anything_runs(rnncli, loop, flags):
    outcome = rnncli("verify", *flags, loop)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == f"rnncli: {flags[-1]}: {loop} is a loop of links; allowed: a path that leads somewhere\n"


def test_a_config_that_is_a_loop_of_links_is_told(rnncli, loop):
    assert rnncli("verify", loop).err == f"rnncli: {loop}: cannot be read: Too many levels of symbolic links\n"


def test_a_process_that_cannot_be_started_is_told(rnncli, monkeypatch):
    def refuse(*_, **__):
        raise OSError("no more processes")

    monkeypatch.setattr(server, "_server", None)
    monkeypatch.setattr("os.posix_spawn", refuse)
    with pytest.raises(UnavailableError, match="no process can be started here: no more processes"):
        server.start_server()
    outcome = rnncli("verify", "--candidate", "tests/candidates/elman.py:elman_forward")
    assert outcome.code == 3


def test_no_folder_for_temporary_files_is_told(rnncli, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    outcome = rnncli("verify", "configs/smoke.yaml", "--filter", "bias=false", "--jobs", 1)
    assert (outcome.code, outcome.out) == (2, "")
    assert "no temporary file can be made: No such file or directory; TMPDIR" in outcome.err
