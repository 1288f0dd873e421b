"""The documents say what the tool does: every block of code is run, and what they show is what is printed."""

import itertools
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from conftest import ROOT
from documents import Command, blocks, changed, commands, same
from typer.main import get_command

from docs.make import cli_reference
from rnncli.cli.main import app
from rnncli.core.errors import ExitCode
from rnncli.verdict.compare import ENVELOPES

README, CHINESE = ROOT / "README.md", ROOT / "README.zh-CN.md"
MEASURED = {"cli.md", "verdicts.md", "performance.md"}  # made by a program, or figures of a long run
PAGES = sorted(path for path in (ROOT / "docs").glob("*.md") if path.name not in MEASURED)
SLOW = {
    "bench.md",
    "candidates.md",
    "ci.md",
    "clusters.md",
    "containers.md",
    "many-cases.md",
}  # two to five seconds: libraries that are imported, whole grids
WRITTEN = [README, CHINESE, ROOT / "CHANGELOG.md", *PAGES]
WIDEST = 110
LONG = {"--watch", "--dask", "--device", "--compile", "--plot", "configs/full.yaml", "configs/smoke.yaml"}


def name(path):
    return path.relative_to(ROOT).as_posix()


def links(page):
    return re.findall(r"\]\(([^)#:]+)\)", page.read_text())


# Every block is run


class Reader:
    """Follows a page from its top: writes its files, runs its commands and its code, and compares what they print."""

    def __init__(self, folder, rnncli, capsys):
        self.folder, self.rnncli, self.capsys = folder, rnncli, capsys
        self.code = None

    def follow(self, page):
        found = blocks(page)
        for block, below in itertools.pairwise([*found, None]):
            try:
                self.do(block, below)
            except Exception as error:
                error.add_note(f"{name(page)}:{block.line}")
                raise

    def do(self, block, below):
        if block.language == "diff":
            file = self.folder / block.title
            file.write_text(changed(file.read_text(), block.text))
        elif block.title:
            (self.folder / block.title).write_text(block.text)
        elif block.language == "console":
            for command in commands(block.text):
                self.type(command)
        elif block.language == "python":
            self.execute(block, below.text if below and below.language == "text" else "")
        elif block.language == "yaml":
            check_workflow(yaml.safe_load(block.text))
        else:
            assert block.language == "text", f"a block of {block.language} without a title"

    def type(self, command):
        program, *words = command.words
        if program == "docker" and words[0] == "run":
            program, words = "rnncli", words[words.index("rnncli") + 1 :]
        if program == "rnncli":
            self.run(Command(tuple(words), command.shown))
        elif command.words == ("echo", "$?"):
            assert command.shown == f"{self.code}\n"
        else:
            assert command.shown is None
            check_other(program, words)

    def run(self, command):
        words, _, file = (list(part) for part in partition(command.words, ">"))
        if words[0] == "bench":
            words += ["--min-run-time", "0.001"]
        is_long = not LONG.isdisjoint(words) and "--list" not in words
        if command.shown is None and (is_long or words[0] == "bench"):
            words += ["--print-config"]
        ended = self.rnncli(*words)
        self.code = ended.code
        if file:
            (self.folder / file[0]).write_text(ended.out)
        if command.shown is None:
            assert ended.code in (0, 1), ended.err
        else:
            printed = ended.out or folded(ended.err)
            shown = command.shown if ended.out else folded(command.shown)
            assert same(shown, printed, measured=words[0] == "bench"), f"{words}\n{shown}\n{printed}"

    def execute(self, block, shown):
        loaded = set(sys.modules)
        namespace = {"__name__": "page"}
        exec(compile(block.text, "page", "exec"), namespace)
        for value in [value for key, value in namespace.items() if key.startswith("test_")]:
            value()
        assert same(shown, self.capsys.readouterr().out)
        for module in set(sys.modules) - loaded:
            if Path(getattr(sys.modules[module], "__file__", None) or "/").parent == self.folder:
                del sys.modules[module]


def partition(words, separator):
    place = words.index(separator) if separator in words else len(words)
    return words[:place], words[place : place + 1], words[place + 1 :]


def folded(message):
    """A message on stderr in one line: a terminal folds it at its width."""
    return " ".join(message.split())


def check_other(program, words):
    """Check a command of another program for what it says about this project."""
    if program == "make":
        listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        assert all(f"make {word} " in listed for word in words if "=" not in word)
    elif program in ("pip", "pipx", "uv"):
        extras = re.findall(r"\[(\w+)\]", " ".join(words))
        declared = re.findall(r"^(\w+) = \[", (ROOT / "pyproject.toml").read_text(), flags=re.M)
        assert set(extras) <= set(declared)
        assert all((ROOT / word).exists() for word in words if word.endswith(".txt"))
    elif program == "docker":
        arguments = re.findall(r"^ARG (\w+)", (ROOT / "Dockerfile").read_text(), flags=re.M)
        assert all(word.partition("=")[0] in arguments for word in words if "=" in word)
    else:
        assert program in ("source", "export", "dask"), f"no check for {program}"


def check_workflow(workflow):
    """Check what a workflow of GitHub gives to the action, and the rnncli commands that it runs."""
    jobs = workflow["jobs"].values() if "jobs" in workflow else [workflow]
    inputs = yaml.safe_load((ROOT / "action.yml").read_text())["inputs"]
    required = {key for key, spec in inputs.items() if spec.get("required")}
    for step in itertools.chain.from_iterable(job["steps"] for job in jobs):
        if step.get("uses", "").startswith("rnncli/"):
            assert required <= step["with"].keys() <= inputs.keys()
        if step.get("run", "").startswith("rnncli "):
            assert step["run"].split()[1] in get_command(app).commands


@pytest.fixture
def reader(rnncli, in_process, capsys, tmp_path, monkeypatch):  # noqa: ARG001
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for folder in ("configs", "tests"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    return Reader(tmp_path, rnncli, capsys)


@pytest.mark.parametrize("page", [README, *(page for page in PAGES if page.name not in SLOW)], ids=name)
def test_the_blocks_of_a_page_do_what_it_shows(reader, page):
    reader.follow(page)


@pytest.mark.exhaustive(twin="test_the_blocks_of_a_page_do_what_it_shows", pool="long")
@pytest.mark.parametrize("page", [page for page in PAGES if page.name in SLOW], ids=name)
def test_the_blocks_of_a_slow_page_do_what_it_shows(reader, page):
    reader.follow(page)


def test_the_chinese_readme_has_the_blocks_and_the_links_of_the_english_one():
    def without_lines(page):
        return [(block.language, block.title, block.text) for block in blocks(page)]

    def headings(page):
        return re.findall(r"^#+ ", page.read_text(), flags=re.M)

    assert without_lines(CHINESE) == without_lines(README)
    assert headings(CHINESE) == headings(README)
    assert links(README)[0] == "README.zh-CN.md"
    assert links(CHINESE) == ["README.md", *links(README)[1:]]


# What pages promise


def test_the_readme_can_be_read_to_its_end():
    for page in (README, CHINESE):
        assert len(page.read_text().splitlines()) <= 150


@pytest.mark.parametrize("page", WRITTEN, ids=name)
def test_no_line_is_wider_than_a_screen(page):
    assert not [line for line in page.read_text().splitlines() if len(line) > WIDEST]


def test_every_page_is_linked_from_the_readme():
    pages = {name(page) for page in (ROOT / "docs").glob("*.md")}
    assert pages <= set(links(README))


def test_the_command_line_reference_is_the_help_of_the_commands():
    assert (ROOT / "docs/cli.md").read_text() == cli_reference(), "run: make docs"


def test_every_command_is_on_a_page():
    text = "".join(page.read_text() for page in (README, *PAGES))
    for command in get_command(app).commands:
        assert f"rnncli {command}" in text


def test_every_exit_code_is_on_its_page():
    text = (ROOT / "docs/exit-codes.md").read_text()
    for code in ExitCode:
        assert re.search(rf"^\| {int(code)} \|", text, flags=re.M), code


def test_the_number_of_envelopes_in_the_documents_is_that_of_the_code():
    assert ENVELOPES == 3
    assert "three envelopes" in (ROOT / "docs/how-verdicts-come-about.md").read_text().replace("\n", " ")
    assert f"an error of up to {ENVELOPES:g} times" in (ROOT / "docs/verdicts.md").read_text().replace("\n", " ")


def test_the_audit_in_the_documents_found_nothing():
    text = (ROOT / "docs/verdicts.md").read_text()
    for claim in ("**0 mismatches**", "**0 exceptions**", "**0 missed.**"):
        assert claim in text
    assert "10,000 correct cases" in text
    assert "in 9,800 cases" in text


@pytest.mark.parametrize("page", [README, CHINESE, ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")], ids=name)
def test_files_that_are_named_exist(page):
    configs = [ROOT / config for config in re.findall(r"\bconfigs/\w+\.yaml", page.read_text())]
    missing = [path for path in [*(page.parent / link for link in links(page)), *configs] if not path.exists()]
    assert not missing


def test_the_targets_of_make_that_are_named_exist():
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for page in (README, ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"`make ([a-z-]+)`", page.read_text()):
            assert f"make {target} " in listed


# The comparison itself can fail


@pytest.mark.parametrize(
    ("shown", "printed", "agree"),
    [
        ("a 3e-16\n", "a 2e-16\n", True),
        ("a 2.1e-01\n", "a 2.2e-01\n", False),
        ("a\n...\nd\n", "a\nb\nc\nd\n", True),
        ("a\n...\nd\n", "a\nb\n", False),
        ("a\n", "a\nb\n", False),
        ("...\n", "", True),
    ],
)
def test_a_screen_agrees_with_a_page_but_for_rounding_and_what_is_left_out(shown, printed, agree):
    assert same(shown, printed) is agree


def test_a_measured_screen_agrees_whatever_was_measured():
    row = "manual  31.2 us  13%  0.70 0.66-0.74  11 KiB\n"
    assert same(row, "manual   1.2 ms   9%  ~1.70 0.66-1.74   2 MiB\n", measured=True)
    assert not same(row, row.replace("manual", "concat"), measured=True)
