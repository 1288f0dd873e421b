"""YAML and flags into cases: flags over file over defaults."""

import json

import jsonschema
import pytest
import torch
import yaml
from conftest import ROOT

from rnncli.cli.options import _FLAGS
from rnncli.config.cases import Flag, load
from rnncli.config.schema import json_schema, leaves
from rnncli.core.case import BUILT_IN, Case

CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))
FULL = ROOT / "configs/full.yaml"
SHARDS = 144


def test_every_leaf_of_the_config_has_a_flag_of_its_name():
    assert list(_FLAGS) == list(leaves())
    for leaf, (_, names, _, _) in _FLAGS.items():
        dashed = leaf.rpartition(".")[2].replace("_", "-")
        assert any(name.partition("/")[0] == f"--{dashed}" for name in names), leaf


def test_a_flag_names_the_values_and_the_default_of_its_leaf():
    for leaf, (kind, _, help, values) in _FLAGS.items():
        section, _, name = leaf.rpartition(".")
        model = type(getattr(Case(), section)) if section else Case
        schema = model.model_json_schema()["properties"][name]
        if leaf == "candidate":
            assert values == (*BUILT_IN, "PATH.py:NAME")
        elif leaf != "run.device":
            assert list(values) == schema.get("anyOf", [schema])[0].get("enum", []), leaf
        if kind is not bool and schema.get("default"):
            assert help.endswith(f"[{schema['default']:g}]" if kind in (int, float) else f"[{schema['default']}]"), leaf


def test_defaults_are_nn_rnn_s_own():
    module = torch.nn.RNN(20, 40)
    for name, value in Case().rnn.arguments.items():
        assert getattr(module, name) == value


def test_the_default_config_holds_every_key_at_its_default():
    text = (ROOT / "configs/default.yaml").read_text()
    assert yaml.safe_load(text) == {**Case().config, "grid": {}}
    assert tuple(load(ROOT / "configs/default.yaml", {})) == (Case(),)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_a_shipped_config_validates_against_the_schema(config):
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(yaml.safe_load(config.read_text()), schema)


@pytest.mark.parametrize(
    "config", [{"rnn": {"hiden_size": 3}}, {"rnn": {"bias": 1}}, {"grid": {"num_layers": [1]}}, {"runs": {}}], ids=str
)
def test_the_schema_refuses_what_the_tool_refuses(config):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(config, json_schema())


SMOKE = pytest.mark.exhaustive(twin="test_a_shipped_config_matches", pool="long")  # `make smoke` verifies it too


@pytest.mark.parametrize(
    "config",
    [pytest.param(path, id=path.stem, marks=SMOKE if path.stem == "smoke" else ()) for path in CONFIGS if path != FULL],
)
def test_a_shipped_config_matches(rnncli, config):
    for command in (["shapes"], ["shapes", "--static"]):
        assert rnncli(*command, config).code == 0
    assert rnncli("verify", "--no-timing", config).code == 0


@pytest.mark.exhaustive(twin="test_a_shipped_config_matches", pool="long")
@pytest.mark.parametrize("shard", range(1, SHARDS + 1))
def test_the_full_grid_matches(rnncli, shard):
    """In 144 parts of 64 cases."""
    assert rnncli("verify", "--no-timing", FULL, "--shard", f"{shard}/{SHARDS}", "--jobs", 1).code == 0


@pytest.mark.exhaustive(twin="test_a_shipped_config_matches", pool="long")
@pytest.mark.parametrize("h_0", ["random", "zeros", "omitted"])
@pytest.mark.parametrize("train", ["--train", "--no-train"])
@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
@pytest.mark.parametrize("candidate", BUILT_IN)
def test_the_shapes_of_the_full_grid_match(rnncli, candidate, dtype, train, h_0):
    """In 96 parts of 96 cases: the flags take the place of four of its axes."""
    flags = ("--candidate", candidate, "--dtype", dtype, train, "--h-0", h_0)
    for command in (["shapes"], ["shapes", "--static"]):
        assert rnncli(*command, FULL, *flags).code == 0


def test_a_flag_overrides_the_file_and_the_file_the_defaults(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("rnn: {num_layers: 3, hidden_size: 7}")
    (case,) = load(path, {"rnn.num_layers": Flag("--layers", 4)})
    assert (case.rnn.num_layers, case.rnn.hidden_size, case.rnn.input_size) == (4, 7, 20)


def test_both_spellings_of_layers_are_one_flag(rnncli):
    for flag in ("--layers", "--num-layers"):
        assert "num_layers: 3" in rnncli("shapes", "--print-config", flag, 3).out


def test_booleans_come_with_their_no(rnncli):
    for leaf, (kind, names, _, _) in _FLAGS.items():
        if kind is bool:
            on, off = names[0].split("/")
            name = leaf.rpartition(".")[2]
            assert f"{name}: true" in rnncli("shapes", "--print-config", on).out
            assert f"{name}: false" in rnncli("shapes", "--print-config", off).out


@pytest.mark.exhaustive(twin="test_a_shipped_config_matches", sample=4)
@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_the_printed_config_gives_the_same_cases_again(rnncli, tmp_path, config):
    printed = tmp_path / "printed.yaml"
    printed.write_text(rnncli("shapes", "--print-config", config, "--weight-scale", "1e-1", "--seed", 3).out)
    flags = {"run.weight_scale": Flag("--weight-scale", 0.1), "run.seed": Flag("--seed", 3)}
    assert tuple(load(printed, {})) == tuple(load(config, flags))


def test_printing_a_config_loads_no_torch(torch_free):
    assert "torch" not in torch_free.after(["verify", "--print-config"]).modules


def test_a_grid_is_the_cross_product_in_order(tmp_path):
    path = tmp_path / "grid.yaml"
    path.write_text("grid: {rnn.num_layers: [1, 2], rnn.bidirectional: [false, true], candidate: [manual, bmm]}")
    cases = load(path, {})
    assert len({case.id for case in cases}) == 8
    assert [(c.rnn.num_layers, c.rnn.bidirectional, c.candidate) for c in cases][:3] == [
        (1, False, "manual"),
        (1, False, "bmm"),
        (1, True, "manual"),
    ]


def test_a_flag_replaces_the_grid_axis_of_its_name(tmp_path):
    path = tmp_path / "grid.yaml"
    path.write_text("grid: {rnn.num_layers: [1, 2], rnn.bidirectional: [false, true]}")
    cases = load(path, {"rnn.num_layers": Flag("--layers", 3)})
    assert [case.rnn.num_layers for case in cases] == [3, 3]


def test_sizes_that_are_not_given_follow_from_the_lengths():
    (case,) = load(None, {"input.layout": Flag("--layout", "packed"), "input.lengths": Flag("--lengths", [5, 9, 2])})
    assert (case.input.batch_size, case.input.seq_len) == (3, 9)


def test_sections_whose_keys_are_commented_out_take_the_defaults(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("rnn:\ninput:\nrun:\nexpect:\ngrid:\n")
    assert tuple(load(path, {})) == (Case(),)
    jsonschema.validate(yaml.safe_load(path.read_text()), json_schema())


def test_a_number_in_scientific_notation_is_a_number(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("run: {weight_scale: 1e-3}\nrnn: {dropout: 5e-1}")
    (case,) = load(path, {})
    assert (case.run.weight_scale, case.rnn.dropout) == (0.001, 0.5)


def test_the_id_of_a_case_depends_on_its_config_alone():
    assert Case().id == Case().id
    assert Case().id != Case.model_validate({"run": {"seed": 1}}).id


def test_the_schema_command_prints_the_schema(rnncli):
    assert json.loads(rnncli("schema").out) == json_schema()


@pytest.mark.parametrize(
    ("text", "number"), [("017", 17), ("09", 9), ("+3", 3), ("0o17", 15), ("0x1F", 31), ("12", 12)], ids=str
)
def test_integers_are_those_of_yaml_1_2(tmp_path, text, number):
    path = tmp_path / "c.yaml"
    path.write_text(f"rnn: {{num_layers: {text}}}")
    config = load(path, {})
    assert config[0].rnn.num_layers == number
    path.write_text(config.to_yaml())
    assert load(path, {})[0] == config[0]
