"""The rooms of the house: which way imports run, and what the quick commands do not load."""

import ast
import subprocess
import sys

import pytest
from conftest import ROOT
from levels import one_in

PACKAGE = ROOT / "rnncli"

# From the bottom up. A room may import the rooms of the lines below its own, and its own.
LAYERS = [
    {"core"},
    {"config"},
    {"manual"},
    {"numerics"},
    {"candidate"},
    {"verdict"},
    {"faults"},
    {"cost"},
    {"execution"},
    {"pipeline"},
    {"report"},
    {"plot", "explain"},
    {"api"},
    {"__init__"},
    {"cli"},
    {"__main__"},
]
HEIGHT = {room: height for height, rooms in enumerate(LAYERS) for room in rooms}
# What commands without torch load: these rooms, and these files of others.
TORCH_FREE = ("core/", "config/", "report/", "plot/", "explain/", "__init__")
TORCH_FREE += (
    "faults/catalogue",
    "faults/edits",
    "faults/fault",
    "faults/rnn",
    "faults/gru",
    "faults/lstm",
    "cost/flops",
    "execution/process",
    "execution/server",
    "execution/child",
    "execution/channel",
    "execution/linux",
    "pipeline/results",
    "pipeline/journal",
    "pipeline/merge",
    "pipeline/gates",
)
NEEDS_TORCH = {"explain/trace"}

TORCH_FREE_COMMANDS = [
    "--help",
    "--version",
    "shapes --help",
    "verify --help",
    "shapes --static",
    "shapes --static configs/packed.yaml --format json",
    "shapes --print-config",
    "verify --print-config",
    "verify --dtype float33",
    "verify configs/smoke.yaml --list",
    "verify configs/smoke.yaml --filter num_layers=7",
    "report pyproject.toml",
    "bench --help",
    "bench --print-config --over hidden_size=2^3..2^5",
    "bench --over hidden=3",
    "bench --fail-if manual.forward",
    "explain",
    "explain --help",
    "explain configs/packed.yaml --format html",
    "explain --format markdown",
    "explain --trace t=9",
    "schema",
    "schema --results",
    "faults",
    "faults state-delayed",
]


def modules():
    return {path.relative_to(PACKAGE).with_suffix("").as_posix(): path for path in PACKAGE.rglob("*.py")}


def imported(path, top_level_alone=False):
    """The modules a file imports: all of them, or those that importing the file itself imports."""
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_level_alone else list(ast.walk(tree))
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = ".".join(path.relative_to(ROOT).parts[: -node.level]) if node.level else ""
            base = ".".join(filter(None, [package, node.module]))
            names |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return names


def rooms(names):
    found = {name.split(".")[1] for name in names if name.startswith("rnncli.")}
    return found & set(HEIGHT)


def test_every_module_has_a_place_in_the_order():
    assert {name.split("/")[0] for name in modules()} == set(HEIGHT)


@pytest.mark.parametrize("module", modules())
def test_imports_run_one_way(module):
    room = module.split("/")[0]
    for other in rooms(imported(modules()[module])) - {room}:
        assert HEIGHT[other] < HEIGHT[room], f"{room} imports {other}"


def test_report_and_plot_know_records_alone_and_manual_knows_torch_alone():
    for module, path in modules().items():
        if module.startswith("report/"):
            assert rooms(imported(path)) <= {"report", "core"}, module
        if module.startswith("plot/"):
            assert rooms(imported(path)) <= {"plot", "report", "core"}, module
        if module.startswith("manual/"):
            third_party = {name.split(".")[0] for name in imported(path)} - set(sys.stdlib_module_names)
            assert third_party <= {"torch", "rnncli"}, module
            assert rooms(imported(path)) <= {"manual"}, module


def test_the_torch_free_rooms_do_not_import_torch():
    for module, path in modules().items():
        if module.startswith(TORCH_FREE) and module not in NEEDS_TORCH:
            assert not any(name.split(".")[0] == "torch" for name in imported(path)), module


def test_matplotlib_is_known_to_pictures_alone():
    for module, path in modules().items():
        if any(name.split(".")[0] == "matplotlib" for name in imported(path)):
            assert module.startswith("plot/") or module == "cli/plot", module


def test_nothing_below_the_command_line_prints():
    for module, path in modules().items():
        if not module.startswith("cli/"):
            calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
            assert not any(isinstance(call, ast.Name) and call.id == "print" for call in calls), module


def test_a_verdict_on_a_check_is_given_in_its_room_alone():
    for module, path in modules().items():
        if module.startswith("verdict/"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "verdict":
                assert not ast.unparse(node.value).startswith("Verdict."), module


def test_no_code_decides_by_the_words_of_a_reason():
    for module, path in modules().items():
        for node in ast.walk(ast.parse(path.read_text())):
            searched = node.comparators if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In) else []
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                searched = [node.func.value] if node.func.attr in ("startswith", "endswith", "partition") else searched
            assert not any("check.reason" in ast.unparse(where) for where in searched), module


@pytest.mark.parametrize("command", one_in(3, TORCH_FREE_COMMANDS, "test_a_command_that_needs_no_torch_loads_none"))
def test_a_command_that_needs_no_torch_loads_none(torch_free, command):
    assert "torch" not in torch_free.after(command.split()).modules


@pytest.mark.exhaustive(twin="test_a_command_that_needs_no_torch_loads_none", pool="long")
def test_the_check_for_torch_can_fail(torch_free):
    assert "torch" in torch_free.after(["env"]).modules
    assert "torch" in torch_free.after(["--version"], before="import sys; sys.modules['torch'] = sys").modules
    assert "torch" not in torch_free.after(["--version"]).modules


@pytest.mark.parametrize("command", ["verify --no-timing --device cpu", "bench --min-run-time 0.001 --only manual"])
def test_a_command_that_draws_nothing_loads_no_matplotlib(rnncli, asked_for, command, tmp_path):
    names = asked_for("matplotlib", holders="rnncli.plot")
    assert rnncli(*command.split()).code == 0
    assert not names
    assert rnncli(*command.split(), "--plot", tmp_path / "drawn.svg").code == 3
    assert "matplotlib" in names


def test_help_loads_neither_the_validation_of_configs_nor_rich(torch_free):
    slow = {"rnncli.core.case", "rnncli.config.cases", "yaml", "rich.table", "rich.console"}
    assert not slow & torch_free.after(["--help"]).modules
    assert slow & torch_free.after(["verify", "--print-config"]).modules == {
        "rnncli.core.case",
        "rnncli.config.cases",
        "yaml",
    }


TOP = {
    "rnncli",
    "configs",
    "tests",
    "docs",
    "benchmarks",
    "pyproject.toml",
    "README.md",
    "README.zh-CN.md",
    "Dockerfile",
}
TOP |= {"CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE", "Makefile", "action.yml", "constraints.txt"}


def test_the_top_level_holds_what_a_project_has_and_no_leftovers():
    try:
        listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no git here")
    assert {name for line in listed.splitlines() if not (name := line.partition("/")[0]).startswith(".")} == TOP


@pytest.mark.parametrize("file", sorted(PACKAGE.rglob("*.py")), ids=lambda file: file.name)
def test_a_file_has_at_most_400_lines_and_a_function_at_most_60(file):
    text = file.read_text()
    assert text.count("\n") <= 400
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
    assert [node.name for node in functions if node.end_lineno - node.lineno >= 60] == []
