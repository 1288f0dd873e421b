"""Which cases are run: filters, shards, ids, and the list of them."""

import json
from pathlib import Path

import pytest
from conftest import ROOT

from rnncli.config.cases import Flag, load
from rnncli.config.selection import Filter, Selection, parse_shard
from rnncli.core.errors import ConfigError

SMOKE = ROOT / "configs/smoke.yaml"
FULL = ROOT / "configs/full.yaml"


def smoke(filters=(), shard=None):
    return Selection([load(SMOKE, {})], [Filter.parse(text) for text in filters], shard)


@pytest.mark.parametrize(
    ("filters", "holds", "count"),
    [
        (["rnn.bias=true"], lambda case: case.rnn.bias, 48),
        (["bias==false"], lambda case: not case.rnn.bias, 48),
        (["layout!=packed"], lambda case: case.input.layout != "packed", 64),
        ([" rnn.num_layers >= 2 "], lambda case: case.rnn.num_layers == 2, 96),
        (["hidden_size<6", "dropout>0.3"], lambda case: case.rnn.dropout == 0.4, 96),
        (
            ["bidirectional=true", "nonlinearity=relu"],
            lambda c: c.rnn.bidirectional and c.rnn.nonlinearity == "relu",
            24,
        ),
        (["candidate=manual", "lengths=null", "expect={}"], lambda _: True, 96),
    ],
    ids=lambda value: None if callable(value) else str(value),
)
def test_a_filter_keeps_the_cases_that_fulfil_it(filters, holds, count):
    kept = smoke(filters)
    assert len(kept) == count
    assert all(holds(case) for case in kept)


def test_a_case_is_found_by_its_id():
    case = smoke().case(17)
    assert list(smoke([f"id={case.id}"])) == [case]


@pytest.mark.parametrize(
    ("filter", "message"),
    [
        ("num_layers", '--filter: "num_layers" is not allowed; allowed: KEY, one of >= <= != == = > <, and a value'),
        (
            "num_layer>2",
            "--filter: num_layer>2: unknown key num_layer (did you mean num_layers?); allowed: id, rnn.cell",
        ),
        ("num_layers>=two", "--filter: num_layers>=two: two is not a number; allowed with two: == and !="),
        ("bias>0.5", "--filter: bias>0.5: none of 96 cases"),
        ("bias=1", "--filter: bias=1: none of 96 cases; they have: True, False"),
        (
            "layout=packt",
            "--filter: layout=packt: none of 96 cases (did you mean packed?); they have: batched, unbatch",
        ),
    ],
)
def test_a_filter_that_makes_no_sense_is_told(filter, message):
    with pytest.raises(ConfigError) as told:
        smoke([filter])
    assert str(told.value).startswith(message)


def test_filters_that_exclude_each_other_are_told():
    with pytest.raises(ConfigError, match="bias=true and bias=false: none of 96 cases fulfils them together"):
        smoke(["bias=true", "bias=false"])


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "a/b", "1/0", "-1/3", "1/3/5", ""])
def test_a_shard_that_is_none_is_told(text):
    with pytest.raises(ConfigError, match=r"allowed: K/N with K from 1 to N, as 3/8"):
        parse_shard(text)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 96, 100])
def test_shards_are_parts_of_the_whole(count):
    whole = smoke()
    parts = [smoke(shard=(number, count)) for number in range(1, count + 1)]
    indices = [index for part in parts for index in part.indices]
    assert sorted(indices) == list(whole.indices)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert [whole.case(index).id for index in parts[0].indices] == [case.id for case in parts[0]]


def test_cases_that_differ_in_the_candidate_alone_are_run_together_and_of_one_shard():
    part = Selection([load(FULL, {})], shard=(2, 5))
    for unit in part.units:
        cases = [part.case(index) for index in unit]
        assert [case.candidate for case in cases] == ["manual", "bmm", "concat", "cell"]
        assert len({case.model_copy(update={"candidate": "manual"}).id for case in cases}) == 1


def test_a_shard_is_no_slice_of_the_grid():
    """Else a shard could have all that is slow."""
    part = Selection([load(FULL, {})], shard=(1, 24))
    assert {case.run.dtype for case in part} == {"float64", "float32", "bfloat16", "float16"}
    assert {case.input.layout for case in part} == {"batched", "unbatched", "packed"}


def test_a_case_that_is_given_twice_is_run_once():
    twice = Selection([load(SMOKE, {}), load(None, {}), load(SMOKE, {})])
    assert (len(twice), twice.twice) == (97, 96)


def test_ids_are_the_same_whatever_is_beside_them():
    together = Selection([load(FULL, {}), load(None, {})])
    assert together.case(len(together) - 1).id == Selection([load(None, {})]).case(0).id == "mce2abb5b6"


def origin(*configs, filters=(), flags=()):
    return Selection(configs, [Filter.parse(text) for text in filters]).origins(flags)(0).config


def test_the_run_is_told_apart_by_its_cases_its_policy_and_its_candidates_code(tmp_path):
    plain = origin(load(SMOKE, {}))
    assert origin(load(SMOKE, {})) == plain
    assert origin(load(SMOKE, {}), filters=["bias=true"]) != plain
    assert origin(load(SMOKE, {}), flags=["--policy", "exact"]) != plain
    assert origin(load(SMOKE, {"run.seed": Flag("--seed", 1)})) != plain
    candidate = tmp_path / "mine.py"
    candidate.write_text("def f(): pass")
    named = {"candidate": Flag("--candidate", f"{candidate}:f")}
    before = origin(load(SMOKE, named))
    assert origin(load(SMOKE, named)) == before
    candidate.write_text("def f(): return 1")
    assert origin(load(SMOKE, named)) != before


def test_the_shards_of_a_run_say_they_are_of_one_run():
    first, second = (Selection([load(SMOKE, {})], shard=(number, 7)).origins(())(0) for number in (1, 2))
    assert (first.config, first.cases) == (second.config, second.cases)
    assert (first.shard, first.shard_cases) == ("1/7", 14)


def test_the_list_has_a_line_for_each_case_with_what_tells_it_from_the_others(rnncli):
    outcome = rnncli("verify", SMOKE, "--filter", "bias=true", "--filter", "layout=packed", "--list")
    lines = outcome.out.splitlines()
    assert (outcome.code, len(lines), outcome.err) == (0, 16, "rnncli: 16 cases\n")
    case = smoke(["bias=true", "layout=packed"]).case(0)
    assert lines[0] == (
        f"{case.id}  nonlinearity=tanh bias=true batch_first=false bidirectional=false layout=packed train=false"
    )
    assert len(set(lines)) == 16


@pytest.mark.parametrize("format", ["json", "jsonl", "csv"])
def test_the_list_is_readable_by_machines(rnncli, format):
    outcome = rnncli("verify", SMOKE, "--list", "--format", format)
    if format == "csv":
        ids = [line.split(",")[0] for line in outcome.out.splitlines()[1:]]
    elif format == "json":
        ids = [case["id"] for case in json.loads(outcome.out)["cases"]]
    else:
        ids = [json.loads(line)["id"] for line in outcome.out.splitlines()]
    assert ids == [case.id for case in smoke()]


def test_a_list_is_no_report(rnncli):
    outcome = rnncli("verify", "--list", "--format", "junit")
    assert outcome.code == 2
    assert outcome.err == 'rnncli: --format: "junit" is not allowed; allowed: table, json, jsonl, csv\n'


def test_a_pattern_stands_for_the_configs_it_fits(rnncli, tmp_path):
    for name in ("b", "a"):
        (tmp_path / f"{name}.yaml").write_text(f"rnn: {{hidden_size: {ord(name)}}}")
    outcome = rnncli("verify", tmp_path / "*.yaml", "--list")
    assert [line.split()[1] for line in outcome.out.splitlines()] == ["hidden_size=97", "hidden_size=98"]
    outcome = rnncli("verify", tmp_path / "*.yml", "--list")
    assert outcome.code == 2
    assert "*.yml: no file fits; allowed: a YAML file, or a pattern of names as configs/*.yaml" in outcome.err


@pytest.mark.parametrize("value", ["[1,", "{", "'", "2026-11-21", "!!python/object:os.system", "*a", "\ud800", "0x1F"])
def test_an_odd_value_of_a_filter_is_told(rnncli, value):
    outcome = rnncli("verify", "--filter", f"hidden_size={value}")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("rnncli: --filter: ")
    assert outcome.err.count("\n") == 1


def test_a_file_beside_a_candidate_that_cannot_be_read_is_no_error(rnncli, tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text((ROOT / "tests/candidates/elman.py").read_text())
    locked = tmp_path / "locked.py"
    locked.write_text("")
    read = Path.read_bytes

    def read_bytes(path):
        if path == locked:
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    shown = rnncli("verify", f"{tmp_path}/mine.py:elman_forward", "--no-timing", "--no-gradients")
    assert shown.code == 0, shown.err
