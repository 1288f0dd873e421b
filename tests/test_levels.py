"""The two levels of the suite: what the sample holds, and that every test that is held back has a fast twin."""

import subprocess

import levels
import pytest
from conftest import ROOT

FILES = [path.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("test_*.py")]
NAMES = [f"test_{number}" for number in range(50)]


class Item:
    """A test as far as the sample knows it."""

    def __init__(self, nodeid, **mark):
        self.nodeid, self.mark = nodeid, mark

    def get_closest_marker(self, name):
        return getattr(pytest.mark, name)(**self.mark).mark if self.mark else None


def test_a_sample_is_the_same_for_a_seed_and_in_the_order_of_the_tests():
    drawn = levels.sample(NAMES, 5, "a")
    assert len(drawn) == 5
    assert drawn == sorted(drawn, key=NAMES.index) == levels.sample(NAMES, 5, "a")


def test_over_many_seeds_every_test_is_in_a_sample():
    assert {name for seed in range(500) for name in levels.sample(NAMES, 1, str(seed))} == set(NAMES)


def test_a_test_s_place_in_the_draw_does_not_depend_on_the_others():
    drawn = levels.sample(NAMES, 1, "a")
    assert levels.sample([name for name in NAMES if int(name[5:]) % 2 or name in drawn], 1, "a") == drawn


def test_of_each_pool_as_many_run_as_its_sample_says_and_what_is_not_marked_runs():
    items = [Item("a.py::fast[1]")]
    items += [Item(f"a.py::one[{number}]", twin="x") for number in range(4)]
    items += [Item(f"a.py::two[{number}]", twin="x", sample=3) for number in range(4)]
    items += [Item("a.py::three", twin="x", pool="shared"), Item("b.py::four", twin="x", pool="shared")]
    left = {item.nodeid for item in levels.held_back(items, "seed")}
    assert "a.py::fast[1]" not in left
    assert [sum(name in nodeid for nodeid in left) for name in ("one", "two")] == [3, 1]
    assert len(left & {"a.py::three", "b.py::four"}) == 1


def test_the_seed_is_the_one_given_that_of_the_environment_or_the_commit(monkeypatch, tmp_path):
    monkeypatch.setenv(levels.SEED_VARIABLE, "of the environment")
    assert levels.seed_of_the_sample("given") == "given"
    assert levels.seed_of_the_sample() == "of the environment"
    monkeypatch.delenv(levels.SEED_VARIABLE)
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    if commit:
        assert commit.startswith(levels.seed_of_the_sample())
    monkeypatch.setattr(levels, "ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert levels.seed_of_the_sample() == levels.__version__


def test_every_test_that_is_held_back_names_its_fast_twin(request):
    items = request.session.all_items
    if not {ROOT / "tests" / name for name in FILES} <= {item.path for item in items}:
        pytest.skip("a part of the suite may be without the twins")
    fast = {item.originalname for item in items if not item.get_closest_marker("exhaustive")}
    for item in items:
        if mark := item.get_closest_marker("exhaustive"):
            assert mark.kwargs.get("twin") in fast, item.nodeid


def test_one_in_three_parameters_is_fast_and_the_others_are_held_back():
    rows = levels.one_in(3, ["a", ("b", 1), "c", "d"], "test_x", sample=2)
    assert [row.values for row in rows] == [("a",), ("b", 1), ("c",), ("d",)]
    assert [bool(row.marks) for row in rows] == [False, True, True, False]
    assert rows[1].marks[0].kwargs == {"twin": "test_x", "sample": 2}
