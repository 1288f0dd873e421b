"""What the tests share: the command line run in this process, with its exit code and both streams."""

import functools
import gc
import importlib.abc
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

os.environ["OMP_NUM_THREADS"] = (
    "1"  # before torch is imported: threads that wait for each other on a busy machine crawl
)

import levels
import typer.main
from interpreter import Interpreter

from rnncli.cli.main import main

ROOT = Path(__file__).parent.parent
typer.main.get_command = functools.cache(typer.main.get_command)  # the commands are built once, not for each test


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("levels")
    group.addoption("--exhaustive", action="store_true", help="Run all exhaustive tests, not a sample of them.")
    seeded = f"Seed of the sample of exhaustive tests (default: ${levels.SEED_VARIABLE}, or the commit)."
    group.addoption("--sample-seed", metavar="SEED", help=seeded)


def pytest_report_header(config: pytest.Config) -> str:
    if config.getoption("exhaustive"):
        return "level: exhaustive"
    seed = levels.seed_of_the_sample(config.getoption("sample_seed"))
    return f"level: fast, with a sample of the exhaustive tests: --sample-seed {seed}"


def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    session.all_items = list(items)  # type: ignore[attr-defined]  # for the test that each has a fast twin
    if config.getoption("exhaustive") or any("::" in argument for argument in config.args):  # a test that is named runs
        return
    left = set(levels.held_back(items, levels.seed_of_the_sample(config.getoption("sample_seed"))))
    config.hook.pytest_deselected(items=list(left))
    items[:] = [item for item in items if item not in left]


def pytest_collection_finish() -> None:
    """Keep the garbage collector from walking torch and thousands of tests again and again: a fifteenth of the time."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return the number of cores this process may use; pytest-xdist would count physical ones."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def rnncli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """Run a command line as a user would, from the root of the project."""
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("FORCE_COLOR", raising=False)

    def run(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["rnncli", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return Outcome(int(ended.value.code or 0), printed.out, printed.err)

    return run


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judge the candidates of this test, which are harmless, without a process for each."""
    from in_process import judge_in_process

    judge_in_process(monkeypatch)


@pytest.fixture(scope="session")
def torch_free() -> Iterator[Interpreter]:
    """An interpreter that has the command line loaded and not torch."""
    with Interpreter(ROOT, "rnncli.cli.main") as interpreter:
        yield interpreter


class Asked(importlib.abc.MetaPathFinder):
    """Refuses to import some libraries, and keeps the names that were asked for."""

    def __init__(self, *libraries: str) -> None:
        self.libraries, self.names = libraries, []

    def find_spec(self, name: str, *_: object) -> None:
        if name.partition(".")[0] in self.libraries:
            self.names.append(name)
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


@pytest.fixture
def asked_for(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Take libraries away, and modules that hold them; return the list of what is then imported of the libraries."""

    def without(*libraries: str, holders: str) -> list[str]:
        parent, _, name = holders.rpartition(".")
        if hasattr(sys.modules[parent], name):
            monkeypatch.setattr(sys.modules[parent], name, getattr(sys.modules[parent], name))
        for name in list(sys.modules):
            if name.partition(".")[0] in libraries or name == holders or name.startswith(f"{holders}."):
                monkeypatch.delitem(sys.modules, name)
        asked = Asked(*libraries)
        monkeypatch.setattr(sys, "meta_path", [asked, *sys.meta_path])
        return asked.names

    return without
