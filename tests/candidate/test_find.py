"""Finding what a target names: in files, notebooks, scripts that fail, packages and modules."""

import json
import sys

import pytest

from rnncli.candidate.find import MOST_LINES, located, own_frames
from rnncli.core.errors import CandidateError, ConfigError


@pytest.fixture(autouse=True)
def nothing_stays_imported(monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


def notebook(path, *cells):
    sources = [{"cell_type": "markdown", "source": ["# An RNN"]}]
    sources += [{"cell_type": "code", "source": cell.splitlines(keepends=True)} for cell in cells]
    path.write_text(json.dumps({"cells": sources}))
    return path


def test_the_cells_of_a_notebook_run_in_turn_without_their_magic(tmp_path):
    file = notebook(
        tmp_path / "nb.ipynb", "%matplotlib inline\n!pip install torch\nscale = 2", "def rnn(x):\n    return scale * x"
    )
    found, note = located(f"{file}:rnn")
    assert found(3) == 6
    assert note is None


def test_a_cell_that_raises_is_told_and_the_cells_after_it_run(tmp_path):
    file = notebook(tmp_path / "nb.ipynb", "data = open('no_such.txt')", "def rnn(x):\n    return x")
    found, note = located(f"{file}:rnn")
    assert found(3) == 3
    assert "FileNotFoundError" in note


def test_a_file_that_is_no_notebook_costs_the_candidate(tmp_path):
    file = tmp_path / "nb.ipynb"
    file.write_text("not json")
    with pytest.raises(CandidateError, match="JSONDecodeError"):
        located(f"{file}:rnn")


@pytest.mark.parametrize(
    "driver", ["open('no_such.txt')", "raise SystemExit(1)", "assert False, 'different'", "import no_such_module"]
)
def test_a_script_whose_driver_fails_gives_what_was_defined_before(tmp_path, driver):
    file = tmp_path / "script.py"
    file.write_text(f"def rnn(x):\n    return x\n\n\n{driver}\n")
    found, note = located(f"{file}:rnn")
    assert found(3) == 3
    assert note.startswith(f"{file} raised ")
    assert note.endswith("after rnn was defined; the definition is taken")


def test_a_script_that_fails_before_the_definition_costs_the_candidate(tmp_path):
    file = tmp_path / "script.py"
    file.write_text("open('no_such.txt')\n\n\ndef rnn(x):\n    return x\n")
    with pytest.raises(CandidateError, match=r"importing .* raised FileNotFoundError"):
        located(f"{file}:rnn")


def test_a_file_of_a_package_is_imported_with_its_relative_imports(tmp_path):
    package = tmp_path / "outer_package" / "inner_package"
    package.mkdir(parents=True)
    for folder in (package, package.parent):
        (folder / "__init__.py").write_text("")
    (package.parent / "sizes.py").write_text("SCALE = 5\n")
    (package / "layers.py").write_text("from ..sizes import SCALE\n\n\ndef rnn(x):\n    return SCALE * x\n")
    found, _ = located(f"{package / 'layers.py'}:rnn")
    assert found(2) == 10
    assert found.__module__ == "outer_package.inner_package.layers"


def test_a_method_and_a_class_inside_a_class_are_found(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "class Outer:\n    class Inner:\n        @staticmethod\n        def rnn(x):\n            return x\n"
    )
    assert located(f"{file}:Outer.Inner.rnn")[0](3) == 3


def test_what_a_module_has_is_found_by_its_dotted_name():
    assert located("json:dumps")[0] is json.dumps


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("{folder}/mine.py:rn", r"mine\.py has no rn \(did you mean rnn\?\); it has rnn"),
        ("{folder}/mein.py:rnn", r"there is no file .*mein\.py \(did you mean mine\.py\?\)"),
        ("{folder}/empty.py:rnn", "it has no function and no class: wrap its code as"),
        ("no_such_module:rnn", "there is no module no_such_module"),
        ("json.no_such:rnn", "there is no module json.no_such"),
        ("json:no_such", "json has no no_such"),
    ],
)
def test_a_file_name_or_module_that_is_not_there_is_an_error_of_usage(tmp_path, target, said):
    (tmp_path / "mine.py").write_text("def rnn(x):\n    return x\n")
    (tmp_path / "empty.py").write_text("x = 1\n")
    with pytest.raises(ConfigError, match=said):
        located(target.format(folder=tmp_path))


def test_a_module_whose_own_import_fails_costs_the_candidate(tmp_path, monkeypatch):
    (tmp_path / "needs_more.py").write_text("import no_such_dependency\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CandidateError, match="No module named 'no_such_dependency'"):
        located("needs_more:rnn")


def test_a_file_beside_a_candidate_does_not_take_the_place_of_the_standard_library_s(tmp_path):
    (tmp_path / "sched.py").write_text("raise RuntimeError('not this one')")
    (tmp_path / "helper.py").write_text("factor = 2")
    file = tmp_path / "my_rnn.py"
    file.write_text("from sched import scheduler\nfrom helper import factor\nrnn = lambda x: factor * x\n")
    found, note = located(f"{file}:rnn")
    assert found(3) == 6
    assert note is None


def test_a_file_beside_a_candidate_comes_before_what_is_installed(tmp_path, monkeypatch):
    for folder in ("own", "installed"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "models_of_mine.py").write_text(f"folder = {folder!r}")
    (tmp_path / "own" / "my_rnn.py").write_text("from models_of_mine import folder\nrnn = lambda x: folder\n")
    monkeypatch.syspath_prepend(tmp_path / "installed")
    assert located(f"{tmp_path / 'own' / 'my_rnn.py'}:rnn")[0](0) == "own"


def test_a_candidate_may_be_called_as_a_module_of_the_standard_library(tmp_path):
    file = tmp_path / "mailbox.py"
    file.write_text("def rnn(x):\n    return x\n")
    before = sys.modules.get(file.stem)
    found, _ = located(f"{file}:rnn")
    assert found(3) == 3
    assert sys.modules.get(file.stem) is before


def test_a_package_of_a_candidate_may_be_called_as_one_of_the_standard_library(tmp_path):
    package = tmp_path / "pydoc_data"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "factor.py").write_text("two = 2")
    (package / "my_rnn.py").write_text("from .factor import two\nrnn = lambda x: two * x\n")
    assert located(f"{package / 'my_rnn.py'}:rnn")[0](3) == 6


def test_an_error_that_prints_tensors_is_cut_after_some_lines():
    said = own_frames(ValueError("\n".join(map(str, range(100)))), __file__)
    assert said.splitlines()[:2] == ["ValueError: 0", "1"]
    assert len(said.splitlines()) == MOST_LINES + 1
