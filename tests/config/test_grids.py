"""Grids are never walked: what is chosen of them, and what is refused, is as if each of their cases were looked at."""

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rnncli.config import grid as module
from rnncli.config.cases import load
from rnncli.config.grid import Grid
from rnncli.config.schema import leaves
from rnncli.config.selection import Filter, Selection
from rnncli.core.errors import ConfigError
from rnncli.core.memory import needed_for_verify
from rnncli.pipeline.grid import GridRun
from rnncli.pipeline.verify import VerifyOptions

MINE = {"target": "mine.py:f", "convention": "step"}
# Of every leaf: values that are allowed, some of them twice; and some that are not.
VALUES = {
    "rnn.cell": (["RNN", "rnn"], ["RNM"]),
    "rnn.input_size": ([1, 2, 3], [0, "2"]),
    "rnn.hidden_size": ([1, 2, 3], [2.0]),
    "rnn.num_layers": ([1, 2, 3], [-1]),
    "rnn.nonlinearity": (["tanh", "relu"], ["rely"]),
    "rnn.bias": ([True, False], [1]),
    "rnn.batch_first": ([True, False], [None]),
    "rnn.dropout": ([0, 0.0, -0.0, 0.5], [1.5]),
    "rnn.bidirectional": ([True, False], ["yes"]),
    "rnn.proj_size": ([0], [2]),
    "input.seq_len": ([3, 4, 5], [0]),
    "input.batch_size": ([2, 3, 4], [0, 2_000_000]),  # not with layout packed
    "input.layout": (["batched", "unbatched", "packed"], ["padded"]),
    "input.lengths": ([None, [3, 2], [2, 3], [5, 1]], [[3], [4, 3, 2], [], [0, 1]]),
    "input.h_0": (["random", "zeros"], [0]),
    "run.device": (["cpu", "auto", "CPU"], ["meta", "tpu"]),
    "run.dtype": (["float32", "fp32", "float64"], ["float8"]),
    "run.seed": ([0, 1, 2], [-1]),
    "run.train": ([True, False], [0]),
    "run.gradients": ([True, False], ["no"]),
    "run.weight_scale": ([1, 1.0, 2.5], [0]),
    "run.tf32": ([True, False], [""]),
    "run.cudnn": ([True, False], [2]),
    "candidate": (["manual", "bmm", None, "mine.py:f", "mine.py:g", MINE], ["manuel", {"target": "f"}]),
    "expect": ([{}, {"output": [1, 1, 1]}, {"weight_ih_l1": [1, 1]}, {"bias_hh_l0_reverse": [1]}], [{"outputs": []}]),
}


def of(given, grid):
    """A config as it would be read from a file."""
    values: dict = {}
    for leaf, value in given.items():
        module.put(values, leaves()[leaf], value)
    places = {(): "a.yaml"} | {("grid", name, at): f"a.yaml:{at}" for name in grid for at in range(9)}
    return Grid(values, grid, places)


@st.composite
def grids(draw):
    """Up to three configs that have much in common, each with some hundred cases at most."""

    def axis(leaf):
        return draw(st.lists(st.sampled_from(VALUES[leaf][0]), min_size=1, max_size=4))

    given: dict = {}
    if packed := draw(st.booleans()):
        given = {"input.layout": "packed", "input.lengths": axis("input.lengths")[0]}
    given |= {leaf: axis(leaf)[0] for leaf in draw(st.lists(st.sampled_from(list(VALUES)), max_size=3))}
    names = draw(st.lists(st.sampled_from([leaf for leaf in VALUES if leaf != "expect"]), max_size=4, unique=True))
    grid = {leaf: axis(leaf) for leaf in [*names, *(["input.lengths"] if packed and draw(st.booleans()) else [])]}
    configs = []
    for _ in range(draw(st.integers(1, 3))):
        configs.append(of(given, grid))
        grid = {leaf: axis(leaf) if draw(st.booleans()) else same for leaf, same in grid.items()}
        moved = draw(st.sampled_from([*grid, None]))
        if moved and draw(st.booleans()):
            given, grid = given | {moved: grid[moved][0]}, {leaf: grid[leaf] for leaf in grid if leaf != moved}
    return configs


@st.composite
def nearly_right(draw):
    """A config with values that are refused, and one that is not at the beginning of each axis."""
    packed = {"input.seq_len": 5, "input.batch_size": 2, "input.lengths": None, "input.layout": "packed"}
    packed["input.lengths"] = draw(st.sampled_from([None, [3, 2]]))
    others = draw(st.lists(st.sampled_from([leaf for leaf in VALUES if leaf not in packed]), max_size=2, unique=True))
    given: dict = {}
    grid: dict = {}
    for leaf in draw(st.permutations([*packed, *others])):
        first = packed.get(leaf, VALUES[leaf][0][0])
        where = draw(st.sampled_from(["given", "absent"] if leaf == "expect" else ["given", "axis", "axis", "absent"]))
        if where == "given":
            given[leaf] = first
        elif where == "axis":
            allowed, refused = VALUES[leaf]
            grid[leaf] = [first, *draw(st.lists(st.sampled_from(allowed + refused), max_size=3))]
    return of(given, grid)


def refused(config):
    try:
        config.check(with_values=True)
    except ConfigError as error:
        return str(error)
    return None


def test_every_leaf_has_values_to_try():
    assert list(VALUES) == list(leaves())


@settings(max_examples=100, deadline=None, derandomize=True)
@given(nearly_right())
@example(of({"input.layout": "packed"}, {"input.lengths": [None, [3, 2]], "input.batch_size": [2, 3]}))
@example(of({"input.layout": "packed"}, {"input.lengths": [None, [5, 2]], "input.seq_len": [5, 4]}))
@example(of({}, {"input.layout": ["packed", "batched"], "input.lengths": [None, [3, 2]]}))
@example(of({}, {"run.seed": [0, -1], "rnn.bias": [True, 1]}))  # the second case, not the third
def test_the_first_case_that_is_refused_is_told_as_if_all_were_looked_at(config):
    found = refused(config)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Grid, "_indices_over", lambda cases, _: range(len(cases)))
        assert found == refused(config)


@st.composite
def filters(draw):
    leaf = draw(st.sampled_from(list(VALUES)))
    value = draw(st.sampled_from(VALUES[leaf][0]))
    number = isinstance(value, int | float) and not isinstance(value, bool)
    compare = draw(st.sampled_from(["==", "!=", *([">=", "<"] if number else [])]))
    return f"{leaf}{compare}{value if isinstance(value, str) else json.dumps(value)}"


def problem(case):
    return case.id if case.target else case.model_copy(update={"candidate": "manual"}).id


@pytest.mark.exhaustive(twin="test_shards_are_parts_of_the_whole", pool="long")
@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.data())
def test_what_is_chosen_is_what_is_chosen_case_by_case(data):
    configs = [config for config in data.draw(grids()) if not refused(config)]
    texts = data.draw(st.lists(filters(), max_size=2))
    if configs and data.draw(st.booleans()):
        one = data.draw(st.sampled_from(configs))
        chosen = one[data.draw(st.integers(0, len(one) - 1))].id
        texts.insert(0, f"id{data.draw(st.sampled_from(['==', '!=']))}{chosen}")
    conditions = [Filter.parse(text) for text in texts]
    plain: dict = {}
    given = units = 0
    for config in configs:
        fulfil = [case for case in config if all(condition.holds(case) for condition in conditions)]
        new = {case.id: case for case in fulfil if case.id not in plain}
        given += len(fulfil)
        units += len(set(map(problem, new.values())))
        plain |= new
    if not plain:
        with pytest.raises(ConfigError):
            Selection(configs, conditions)
        return
    whole = Selection(configs, conditions)
    found = {case.id: case for case in whole}
    assert (found, len(whole), whole.whole, len(whole.units)) == (plain, len(plain), len(plain), units)
    assert whole.twice == given - len(plain)
    if len(configs) == 1 and "id!=" not in str(texts):  # else what is left of a grid comes in parts
        assert list(found) == list(plain)
    assert set(whole.targets) == {case.target for case in plain.values() if case.target}
    most = [
        max(map(needed_for_verify, cases)) for cases in (whole, [c for grid in whole.grids for c in grid.largest()])
    ]
    assert most[0] == most[1]
    count = data.draw(st.sampled_from([1, 2, 3, 7, 40]))
    parts = [Selection(configs, conditions, (number, count)) for number in range(1, count + 1)]
    compare_shards(whole, parts)


def compare_shards(whole, parts):
    units = [unit for part in parts for unit in part.units]
    assert sorted(units) == sorted(whole.units)
    assert sorted(index for unit in units for index in unit) == list(whole.indices)
    assert max(len(part.units) for part in parts) - min(len(part.units) for part in parts) <= 1
    for part in parts:
        assert len(part) == sum(map(len, part.units)) == len(list(part))
        assert list(part.units) == sorted(part.units)
    assert len({parts[at].origins(())(0).config for at in (0, -1)} | {whole.origins(())(0).config}) == 1
    together = [{problem(whole.case(index)) for index in unit} for unit in units]
    assert all(len(problems) == 1 for problems in together)


def test_a_size_that_follows_from_lengths_is_not_that_of_another_config_with_the_same_lengths():
    lengths = {"input.lengths": [[5, 3], [4, 2]]}
    packed = {"input.layout": "packed"}
    whole = Selection([of(packed, lengths), of(packed | {"input.seq_len": 5}, lengths)])
    sizes = [(case.input.lengths, case.input.seq_len) for case in whole]
    assert (sizes, whole.twice) == ([((5, 3), 5), ((4, 2), 4), ((4, 2), 5)], 1)
    whole = Selection([of(packed | {"input.seq_len": 5, "input.lengths": [4, 2]}, {}), of(packed, lengths)])
    assert (len(whole), whole.twice) == (3, 0)


MILLION = {
    "rnn.hidden_size": range(1, 51),
    "rnn.input_size": range(1, 11),
    "input.seq_len": range(1, 26),
    "rnn.num_layers": range(1, 5),
    "rnn.bidirectional": [False, True],
    "run.seed": range(5),
    "candidate": ["manual", "bmm"],
}


@pytest.fixture
def million(monkeypatch):
    """A grid of a million cases, of which a thousand may be built."""
    built, case_at = [], Grid.__getitem__

    def counted(grid, index):
        built.append(None)
        assert len(built) < 1000
        return case_at(grid, index)

    monkeypatch.setattr(Grid, "__getitem__", counted)
    return load(None, {}, with_values=True, over=MILLION)


def test_a_part_of_a_million_cases_is_chosen_without_building_them(million):
    assert len(million) == 1_000_000
    part = Selection([million, load(None, {})], [Filter.parse("hidden_size>=26")], (3, 8))
    assert (part.whole, len(part), len(part.units)) == (500_001, 62_500, 31_250)
    assert part.origins(())(0).shard_cases == 62_500
    assert [part.case(index).rnn.hidden_size for index in part.units[-1]] == [50, 50]


def test_a_million_cases_that_are_given_twice_are_counted_without_building_them(million):
    again = load(None, {}, over=MILLION | {"rnn.hidden_size": range(50, 61)})
    whole = Selection([million, again])
    assert (whole.whole, whole.twice) == (1_200_000, 20_000)


def test_the_largest_of_a_million_cases_is_found_without_building_them(million):
    (largest,) = [case for case in million.largest() if case.candidate == "bmm" and case.rnn.bidirectional]
    assert (largest.rnn.hidden_size, largest.input.seq_len) == (50, 25)


def test_a_run_over_a_million_cases_begins_without_building_them(million):
    run = GridRun(Selection([million]), VerifyOptions(timing=False))
    try:
        ((first, origin), (second, _)) = next(run._units())
        assert (first.candidate, second.candidate, origin.cases) == ("manual", "bmm", 1_000_000)
    finally:
        run.journal.close()


def test_the_same_cases_in_other_words_are_the_same_run():
    def run(**axes):
        return Selection([load(None, {}, over=axes)]).origins(())(0).config

    assert run(**{"run.dtype": ["float32", "float64"]}) == run(**{"run.dtype": ["fp32", "double", "float"]})
    assert run(**{"run.dtype": ["float32"]}) == run(**{"run.seed": [0, 0]}) == run()
    assert run(**{"run.seed": [0, 1], "rnn.bias": [True, False]}) != run(
        **{"rnn.bias": [True, False], "run.seed": [0, 1]}
    )
    assert run(**{"run.seed": [0, 1]}) != run(**{"run.seed": [1, 0]}) != run(**{"run.seed": [0, 2]})
