"""A mismatch and its replay: the smallest case that fails, the command that shows it, the config that holds it."""

import json
import re
import shlex

import pytest
import torch
import yaml
from levels import one_in

from rnncli.candidate.load import canonical
from rnncli.cli.grid import MOST_SHRUNK
from rnncli.core.case import Case, changed_by
from rnncli.core.errors import ConfigError
from rnncli.faults.planted import plant
from rnncli.faults.shrink import MOST_TRIED, SIZES, replay_command, shrunk
from rnncli.manual import BUILT_IN, rnn
from rnncli.pipeline.verify import VerifyOptions, verify
from rnncli.verdict.judge import Judgement
from rnncli.verdict.problem import Problem
from rnncli.verdict.stage import is_wrong

TWO_LAYERS = {"rnn": {"num_layers": 2, "bidirectional": True}}
PACKED = {**TWO_LAYERS, "input": {"layout": "packed", "lengths": [3, 7, 5, 2]}, "run": {"dtype": "float64", "seed": 4}}
BATCH_FIRST = {"rnn": {"num_layers": 3, "batch_first": True, "nonlinearity": "relu"}, "run": {"dtype": "bfloat16"}}
DROPOUT = {"rnn": {"num_layers": 3, "dropout": 0.3}, "run": {"train": True}}
ONE = "--input-size 1 --hidden-size 1"
SMALLEST = "test_a_planted_fault_is_shown_in_the_smallest_case"
FAULTS = {  # id: (the case it is seen in, the flags of the smallest one)
    "missing-bias-hh": (BATCH_FIRST, f"{ONE} --seq-len 1 --batch-size 1"),
    "state-not-carried": (TWO_LAYERS, f"{ONE} --seq-len 2 --batch-size 1"),
    "state-detached": (TWO_LAYERS, f"{ONE} --seq-len 2 --batch-size 1"),
    "h0-detached": (PACKED, f"{ONE} --seq-len 1 --batch-size 1"),
    "h0-layer-shared": (TWO_LAYERS, f"{ONE} --layers 2 --seq-len 1 --batch-size 1"),
    "weight-ih-transposed": (PACKED, "--input-size 2 --hidden-size 1 --seq-len 1 --batch-size 1"),
    "weight-hh-transposed": (TWO_LAYERS, "--input-size 1 --hidden-size 2 --seq-len 1 --batch-size 1"),
    "reverse-not-restored": (PACKED, f"{ONE} --bidirectional --seq-len 2 --batch-size 1"),
    "hn-direction-major": (TWO_LAYERS, f"{ONE} --layers 2 --bidirectional --seq-len 1 --batch-size 1"),
    "hn-last-layer-only": (BATCH_FIRST, f"{ONE} --layers 2 --seq-len 1 --batch-size 1"),
    "batch-first-ignored": (BATCH_FIRST, f"{ONE} --batch-first --seq-len 1 --batch-size 2"),
    "packed-hn-not-restored": (PACKED, f"{ONE} --seq-len 2 --batch-size 2 --layout packed"),
    "dropout-missing": (DROPOUT, f"{ONE} --layers 2 --dropout 0.3 --seq-len 1 --batch-size 1 --train"),
    "state-leaks-between-calls": (TWO_LAYERS, f"{ONE} --seq-len 1 --batch-size 1"),
}
EVERYTHING_ELSE = {
    "rnn": {"num_layers": 2, "nonlinearity": "relu", "bias": False, "batch_first": True, "dropout": 0.25},
    "input": {"seq_len": 6, "layout": "packed", "h_0": "zeros"},
    "run": {"dtype": "float64", "seed": 3, "train": True, "gradients": False, "weight_scale": 1e-05, "tf32": True},
}


@pytest.fixture
def planted(monkeypatch):
    """Makes a fault the candidate of every case."""

    def make(id):
        monkeypatch.setattr("rnncli.pipeline.verify.load", lambda _: canonical(id, plant(id)))

    return make


def counting(predicate):
    """A predicate over cases, and the cases it was asked about."""
    asked = []

    def still_fails(case):
        asked.append(case)
        return predicate(case)

    return still_fails, asked


def on_the_cpu(values):
    return Case.model_validate({**values, "run": {**values.get("run", {}), "device": "cpu"}})


def without_device(command):
    """The command as it reads where the CPU is the device that is taken without a flag."""
    return command.replace(" --device cpu", "")


# The search


@pytest.mark.parametrize(
    ("id", "values", "flags"), one_in(3, [(id, *rest) for id, rest in FAULTS.items()], SMALLEST, 2), ids=FAULTS
)
def test_a_planted_fault_is_shown_in_the_smallest_case(planted, id, values, flags):
    planted(id)
    record = verify(on_the_cpu(values), VerifyOptions(timing=False))
    assert record.verdict == "mismatch"
    assert without_device(record.replay) == f"rnncli verify {flags}"


@pytest.mark.exhaustive(twin=SMALLEST)
@pytest.mark.parametrize("id", FAULTS)
def test_no_size_of_a_shrunk_case_could_be_one_less(planted, id):
    planted(id)
    smallest = Case.model_validate(verify(on_the_cpu(FAULTS[id][0]), VerifyOptions(timing=False)).replay_config)

    def fails(case):
        return is_wrong(Judgement(Problem(case, torch.device("cpu")), canonical(id, plant(id))).checks)

    assert fails(smallest)
    for leaf in SIZES:
        section, _, name = leaf.partition(".")
        less = changed_by(smallest, {leaf: getattr(getattr(smallest, section), name) - 1})
        assert less is None or less.input.batch_size == 0 or not fails(less), leaf


def test_leaves_that_keep_a_size_large_do_not_when_they_are_at_their_defaults():
    case = Case.model_validate({"rnn": {"bidirectional": True}})
    found = shrunk(case, lambda case: not case.rnn.bidirectional or case.input.seq_len >= 4)
    assert replay_command(found) == f"rnncli verify {ONE} --seq-len 1 --batch-size 1"


def test_what_the_case_expects_is_left_out():
    case = Case.model_validate({"expect": {"output": [5, 10, 40]}})
    assert shrunk(case, lambda _: False) == Case()


@pytest.mark.parametrize("seq_len", [1, 2, 4, 6, 11, 19, 20])
@pytest.mark.parametrize("hidden_size", [1, 3, 5, 37, 40])
def test_the_sizes_that_are_needed_are_found_exactly(seq_len, hidden_size):
    case = Case.model_validate({**TWO_LAYERS, "input": {"seq_len": 20}})
    found = shrunk(case, lambda case: case.input.seq_len >= seq_len and case.rnn.hidden_size >= hidden_size)
    assert (found.input.seq_len, found.rnn.hidden_size) == (seq_len, hidden_size)
    assert (found.input.batch_size, found.rnn.num_layers, found.rnn.input_size) == (1, 1, 1)


def test_all_that_is_not_needed_goes_back_to_its_default():
    found = shrunk(Case.model_validate(EVERYTHING_ELSE), lambda case: not case.rnn.bias and case.run.train)
    assert replay_command(found) == f"rnncli verify {ONE} --no-bias --seq-len 1 --batch-size 1 --train"


def test_lengths_are_left_to_the_rule_where_they_can_be():
    case = Case.model_validate({"input": {"layout": "packed", "lengths": [4, 9, 2]}})
    found = shrunk(case, lambda case: case.input.layout == "packed" and case.input.batch_size > 1)
    assert (found.input.lengths, found.input.seq_len, found.input.batch_size) == (None, 1, 2)


def test_lengths_that_matter_are_shortened():
    def first_is_longest(case):
        first, *others = case.input.lengths or (0,)
        return bool(others) and first > max(others)

    case = Case.model_validate({"input": {"layout": "packed", "lengths": [9, 4, 7, 2]}})
    assert replay_command(shrunk(case, first_is_longest)) == f"rnncli verify {ONE} --layout packed --lengths 2,1"


def test_any_sequence_may_be_the_one_that_is_left_out():
    case = Case.model_validate({"input": {"layout": "packed", "lengths": [9, 4, 7, 2]}})
    found = shrunk(case, lambda case: len(set(case.input.lengths or ())) == 2)
    assert found.input.lengths == (1, 2)
    assert found.input.seq_len == 2


def test_sequences_are_shortened_together():
    case = Case.model_validate({"input": {"layout": "packed", "lengths": [9, 9, 9, 9]}})
    found = shrunk(case, lambda case: len(set(case.input.lengths or ())) == 1 and case.input.batch_size > 2)
    assert found.input.lengths == (1, 1, 1)


def test_lengths_are_given_up_with_the_layout_they_belong_to():
    case = Case.model_validate({"input": {"layout": "packed", "lengths": [2, 1]}})
    found = shrunk(case, lambda case: case.input.lengths is not None or case.input.layout == "batched")
    assert (found.input.layout, found.input.lengths) == ("batched", None)


def test_a_batch_size_that_does_nothing_needs_no_flag_and_is_not_tried():
    case = Case.model_validate({"input": {"layout": "unbatched", "batch_size": 7}})
    still_fails, asked = counting(lambda case: case.input.layout == "unbatched")
    assert replay_command(shrunk(case, still_fails)) == f"rnncli verify {ONE} --seq-len 1 --layout unbatched"
    assert {case.input.batch_size for case in asked if case.input.layout == "unbatched"} == {7, 10}


def test_one_sequence_stays_one_sequence_in_a_batch():
    case = Case.model_validate({"input": {"layout": "unbatched"}})
    still_fails, asked = counting(lambda _: True)
    found = shrunk(case, still_fails)
    assert (found.input.layout, found.input.batch_size) == ("batched", 1)
    assert {case.input.batch_size for case in asked if case.input.layout == "batched"} == {1}


def test_the_search_is_the_same_every_time_and_tries_no_case_twice():
    case = Case.model_validate(EVERYTHING_ELSE)
    runs = [counting(lambda case: case.rnn.hidden_size > 6 and case.input.seq_len > 1) for _ in range(2)]
    assert shrunk(case, runs[0][0]) == shrunk(case, runs[1][0])
    asked = [case.id for case in runs[0][1]]
    assert asked == [case.id for case in runs[1][1]]
    assert len(set(asked)) == len(asked)


def test_a_large_case_is_not_tried_before_the_smallest():
    still_fails, asked = counting(lambda _: True)
    shrunk(Case.model_validate(EVERYTHING_ELSE), still_fails)
    first = asked[0]
    assert (first.rnn.input_size, first.rnn.hidden_size, first.rnn.num_layers) == (1, 1, 1)
    assert (first.input.seq_len, first.input.batch_size) == (1, 1)


def test_the_search_ends_after_so_many_cases():
    sizes = {"rnn": {"input_size": 1000, "hidden_size": 1000}, "input": {"seq_len": 1000, "batch_size": 1000}}
    small = 999
    still_fails, asked = counting(
        lambda case: min(case.rnn.input_size, case.rnn.hidden_size, case.input.seq_len, case.input.batch_size) >= small
    )
    found = shrunk(Case.model_validate(sizes), still_fails)
    assert len(asked) == MOST_TRIED
    assert found.input.seq_len == small


def test_the_search_ends_after_so_long():
    still_fails, asked = counting(lambda _: True)
    assert shrunk(Case(), still_fails, seconds=0) == Case()
    assert asked == []


def test_a_smaller_case_in_which_the_candidate_raises_is_not_the_mismatch(monkeypatch):
    def wrong_and_needs_four_steps(input, h_0, params, **arguments):
        if input.shape[0] < 4:
            raise ValueError("a window of four steps")
        output, h_n = rnn(input, h_0, params, **arguments)
        return -output, h_n

    monkeypatch.setitem(BUILT_IN, "manual", wrong_and_needs_four_steps)
    record = verify(on_the_cpu({"input": {"seq_len": 9}}), VerifyOptions(timing=False))
    assert without_device(record.replay) == f"rnncli verify {ONE} --seq-len 4 --batch-size 1"


ONE_LAYER = """
import torch


def rnn(x, h, W_ih, W_hh, b_ih, b_hh, num_layers=1):
    states = []
    for x_t in x:
        h = torch.tanh(x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh)
        states.append(h)
    return torch.stack(states), h
"""


@pytest.mark.exhaustive(twin=SMALLEST, pool="long")
@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("flags", ["--layers 2", "--layers 3 --bidirectional"])
def test_a_case_of_one_layer_that_is_read_in_another_way_is_not_the_mismatch(rnncli, tmp_path, flags):
    (tmp_path / "one_layer.py").write_text(ONE_LAYER)
    shown = rnncli("verify", "--no-timing", f"{tmp_path}/one_layer.py", *flags.split())
    assert shown.code == 1
    assert "permute" not in shown.out
    replay = shown.out[shown.out.index("rnncli verify") :].splitlines()[0]
    assert rnncli(*shlex.split(replay)[1:], "--no-timing").code == 1


def test_a_smaller_case_that_does_not_fit_into_memory_is_not_taken(planted, monkeypatch):
    def nothing_fits(*_):
        raise ConfigError("the case is too big")

    planted("missing-bias-hh")
    monkeypatch.setattr("rnncli.core.memory.require_fits", nothing_fits)
    record = verify(on_the_cpu({}), VerifyOptions(timing=False))
    assert (record.verdict, without_device(record.replay)) == ("mismatch", "rnncli verify")


def test_only_the_first_mismatches_of_a_run_are_shrunk(rnncli, planted, tmp_path):
    planted("missing-bias-hh")
    config = tmp_path / "seeds.yaml"
    config.write_text(f"run: {{device: cpu}}\ngrid: {{run.seed: {list(range(1, MOST_SHRUNK + 3))}}}")
    outcome = rnncli("verify", config, "--no-timing", "--format", "json")
    commands = [without_device(case["replay"]) for case in json.loads(outcome.out)["cases"]]
    assert commands[:MOST_SHRUNK] == [f"rnncli verify {ONE} --seq-len 1 --batch-size 1"] * MOST_SHRUNK
    assert commands[MOST_SHRUNK:] == [f"rnncli verify --seed {seed}" for seed in (MOST_SHRUNK + 1, MOST_SHRUNK + 2)]


def test_a_wrong_candidate_is_replayed_without_the_expected_shapes(planted):
    planted("missing-bias-hh")
    case = on_the_cpu({"expect": {"output": [1, 1, 1]}})
    record = verify(case, VerifyOptions(timing=False, shrink=False))
    assert without_device(record.replay) == "rnncli verify"


# The command


@pytest.mark.parametrize(
    "values",
    [
        {},
        EVERYTHING_ELSE,
        {**TWO_LAYERS, "run": {"cudnn": False}, "candidate": "concat"},
        {"input": {"layout": "packed", "lengths": [3, 1]}},
        {"input": {"layout": "packed", "lengths": [3, 1], "seq_len": 5}},
        {"input": {"layout": "packed", "lengths": [2] * 10, "seq_len": 7}},
        {"input": {"layout": "unbatched", "h_0": "omitted", "batch_size": 0}},
        {"expect": {"output": [5, 10, 40], "bias_ih_l0": [41]}},
    ],
    ids=str,
)
def test_the_command_gives_the_case_again(rnncli, values):
    case = Case.model_validate(values)
    outcome = rnncli(*shlex.split(replay_command(case))[1:], "--print-config")
    assert outcome.err == ""
    printed = yaml.safe_load(outcome.out)
    assert printed.pop("grid") == {}
    assert Case.model_validate(printed) == case


def test_the_command_names_layers_as_a_user_does_and_keeps_the_order_of_the_config():
    case = Case.model_validate({"run": {"seed": 2}, "rnn": {"bias": False, "num_layers": 3}})
    assert replay_command(case) == "rnncli verify --layers 3 --no-bias --seed 2"


def test_the_command_is_safe_in_a_shell():
    case = Case().model_copy(update={"candidate": "my rnn.py:RNN; $(true)"})
    words = shlex.split(replay_command(case, "--policy", "a 'b'"))
    assert words == ["rnncli", "verify", "--candidate", "my rnn.py:RNN; $(true)", "--policy", "a 'b'"]


@pytest.mark.parametrize(
    ("has_cuda", "device", "flags"),
    [
        (False, "auto", ""),
        (False, "cpu", ""),
        (False, "cuda:1", " --device cuda:1"),
        (True, "auto", ""),
        (True, "cpu", " --device cpu"),
        (True, "cuda", ""),
    ],
)
def test_the_device_is_named_where_it_is_not_the_one_taken_without_a_flag(monkeypatch, has_cuda, device, flags):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: has_cuda)
    assert replay_command(Case.model_validate({"run": {"device": device}})) == f"rnncli verify{flags}"


# The command line


AGAIN = "test_the_command_and_the_saved_config_show_the_mismatch_again"


@pytest.mark.parametrize("id", one_in(5, FAULTS, AGAIN))
def test_the_command_and_the_saved_config_show_the_mismatch_again(rnncli, planted, tmp_path, id):
    planted(id)
    config, folder = tmp_path / "case.yaml", tmp_path / "failing"
    config.write_text(json.dumps({**FAULTS[id][0], "expect": {"h_n": [1, 1, 1]}}))
    outcome = rnncli("verify", config, "--no-timing", "--format", "json", "--save-failing", folder)
    [case] = json.loads(outcome.out)["cases"]
    [saved] = folder.iterdir()
    assert (outcome.code, saved) == (1, folder / f"{case['id']}.yaml")
    assert f"rnncli: wrote {saved}\n" in outcome.err
    assert yaml.safe_load(saved.read_text()) == case["replay_config"]
    for command in (shlex.split(case["replay"])[1:], ["verify", saved]):
        again = rnncli(*command, "--format", "json")
        assert again.code == 1
        [shown] = json.loads(again.out)["cases"]
        assert "mismatch" in {check["verdict"] for check in shown["checks"]}
        assert shown["config"] == case["replay_config"]


def test_the_saved_config_says_what_was_seen(rnncli, planted, tmp_path):
    planted("state-not-carried")
    outcome = rnncli("verify", "--no-timing", "--save-failing", tmp_path, "--format", "json")
    [case], [saved] = json.loads(outcome.out)["cases"], tmp_path.iterdir()
    first, *others = saved.read_text().splitlines()
    seen = "output (algorithm, float64): an error of"
    assert first.startswith(f"# rnncli verify FILE; seen in case {case['id']}: {seen}")
    assert others[0] == "rnn:"


def test_tolerances_are_part_of_the_command_and_named_in_the_saved_config(rnncli, tmp_path):
    tolerances = ("--atol", "0", "--rtol", "1e-30")
    outcome = rnncli("verify", "--no-timing", "--format", "json", "--save-failing", tmp_path, *tolerances)
    [case], [saved] = json.loads(outcome.out)["cases"], tmp_path.iterdir()
    assert case["replay"].endswith(" --atol 0 --rtol 1e-30")
    assert case["replay_config"] != case["config"]
    assert rnncli(*shlex.split(case["replay"])[1:]).code == 1
    assert saved.read_text().startswith("# rnncli verify FILE --atol 0 --rtol 1e-30; seen in case")
    assert (rnncli("verify", saved, *tolerances).code, rnncli("verify", saved, "--no-timing").code) == (1, 0)


def test_a_policy_is_part_of_the_command(rnncli, planted):
    planted("missing-bias-hh")
    outcome = rnncli("verify", "--policy", "exact", "--no-timing", "--format", "json")
    assert json.loads(outcome.out)["cases"][0]["replay"].endswith(" --policy exact")


def test_a_shape_that_is_not_the_expected_one_is_replayed_as_it_is(rnncli, tmp_path):
    outcome = rnncli("verify", "--expect", "output=5,10,41", "--format", "json", "--save-failing", tmp_path)
    [case], [saved] = json.loads(outcome.out)["cases"], tmp_path.iterdir()
    assert case["replay"] == "rnncli verify --expect output=5,10,41"
    assert case["replay_config"] == case["config"]
    for command in (shlex.split(case["replay"])[1:], ["verify", saved]):
        assert rnncli(*command, "--no-timing").code == 1
    assert "a shape is not the expected one" in saved.read_text().splitlines()[0]


def test_a_match_has_no_replay_and_writes_nothing(rnncli, tmp_path):
    folder = tmp_path / "failing"
    outcome = rnncli("verify", "--no-timing", "--format", "json", "--save-failing", folder)
    [case] = json.loads(outcome.out)["cases"]
    assert (outcome.code, case["replay"], case["replay_config"]) == (0, None, None)
    assert not folder.exists()
    assert "wrote" not in outcome.err


def test_a_candidate_that_fails_has_no_replay_and_writes_nothing(rnncli, monkeypatch, tmp_path):
    monkeypatch.setitem(BUILT_IN, "manual", lambda *_, **__: None)
    outcome = rnncli("verify", "--no-timing", "--format", "json", "--save-failing", tmp_path)
    assert (outcome.code, json.loads(outcome.out)["cases"][0]["replay"]) == (4, None)
    assert list(tmp_path.iterdir()) == []


def test_what_a_candidate_says_does_not_spoil_the_saved_config(rnncli, monkeypatch, tmp_path):
    def talks_of_one_sequence(input, h_0, params, **arguments):
        if input.shape[1] == 1:
            raise ValueError("\x07\ufeff: rnn: {")
        return rnn(input, h_0, params, **arguments)

    monkeypatch.setitem(BUILT_IN, "manual", talks_of_one_sequence)
    rnncli("verify", "--no-timing", "--save-failing", tmp_path)
    [saved] = tmp_path.iterdir()
    assert "ValueError:   : rnn: {" in saved.read_text().splitlines()[0]
    outcome = rnncli("verify", "--no-timing", saved)
    assert (outcome.code, "mismatch" in outcome.out) == (1, True)


@pytest.mark.parametrize(
    ("folder", "message"),
    [
        ("missing/failing", "the folder {parent} does not exist; allowed: a folder, or a new one in one that does"),
        ("file", "{folder} is a file; allowed: a folder"),
        ("x" * 300, "cannot be written: File name too long"),
    ],
    ids=["no such parent", "a file", "a name too long"],
)
def test_a_folder_that_cannot_be_is_refused_before_any_work(rnncli, monkeypatch, tmp_path, folder, message):
    def no_work(*_, **__):
        raise AssertionError

    monkeypatch.setitem(BUILT_IN, "manual", no_work)
    (tmp_path / "file").write_text("")
    path = tmp_path / folder
    outcome = rnncli("verify", "--save-failing", path)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("rnncli: --save-failing: ")
    assert message.format(folder=path, parent=path.parent) in outcome.err


def test_the_report_stands_where_a_config_cannot_be_written(rnncli, planted, tmp_path):
    planted("missing-bias-hh")
    (tmp_path / f"{Case().id}.yaml").mkdir()
    outcome = rnncli("verify", "--no-timing", "--save-failing", tmp_path)
    assert outcome.code == 2
    assert "mismatch" in outcome.out
    assert f"rnncli: --save-failing: {tmp_path / Case().id}.yaml cannot be written: Is a directory" in outcome.err


@pytest.mark.exhaustive(twin="test_a_planted_fault_is_shown_in_the_smallest_case", pool="long")
def test_a_smaller_case_that_is_wrong_since_it_raises_is_not_the_mismatch(rnncli, tmp_path):
    """Wrong at step 2 alone: with one step it raises, which is wrong too, and something else."""
    file = tmp_path / "late.py"
    file.write_text(
        """
import torch


def late(input, h_0, params, case):
    h, output = h_0[0], []
    for x_t in input:
        h = torch.tanh(
            x_t @ params["weight_ih_l0"].T
            + params["bias_ih_l0"]
            + h @ params["weight_hh_l0"].T
            + params["bias_hh_l0"]
        )
        output.append(h)
    output = torch.stack(output).clone()
    output[2] += 0.25
    return output, h[None]
"""
    )
    outcome = rnncli("verify", "--candidate", f"{file}:late", "--format", "json")
    assert outcome.code == 1
    (case,) = json.loads(outcome.out)["cases"]
    assert "--seq-len 3 " in case["replay"]


NUMPY = """
import numpy as np

def rnn(x, W_ih, W_hh, b_ih, b_hh, h_0):
    states = []
    for x_t in x:
        states.append(np.tanh(x_t @ W_ih.T + b_ih + h_0 @ W_hh.T + b_hh))
    return np.stack(states), states[-1]
"""


@pytest.mark.usefixtures("in_process")
def test_the_replay_of_what_has_no_gradients_is_no_match(rnncli, tmp_path):
    """Gradients that the candidate does not claim are no mismatch of a smaller case."""
    file = tmp_path / "mine.py"
    file.write_text(NUMPY)
    record = json.loads(rnncli("verify", "--no-timing", f"{file}:rnn", "--format", "json").out)["cases"][0]
    assert [found["id"] for found in record["diagnosis"]] == ["state-not-carried"]
    assert "--seq-len 2" in record["replay"]  # the smallest that shows it
    again = rnncli(*shlex.split(record["replay"])[1:], "--no-timing", "-q")
    assert (again.code, again.out.split(": ")[-1]) == (1, "state-not-carried\n")


TWO_FAULTS = """
import torch

def walk(xs, h, W_ih, W_hh, b_ih, b_hh):
    out = []
    for x_t in xs:
        h = torch.tanh(x_t @ W_ih.T + b_ih + h @ W_hh.T)
        out.append(h)
    return torch.stack(out), h

def birnn(x, h_0, p):
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    forward, h_f = walk(x, h_0[0], *[p[name] for name in names])
    if len(p) <= 4:
        return forward, h_f[None]
    back, h_b = walk(x.flip(0), h_0[1], *[p[name + "_reverse"] for name in names])
    return torch.cat([forward, back], dim=-1), torch.stack([h_f, h_b])
"""


@pytest.mark.usefixtures("in_process")
def test_a_shrunk_replay_has_the_diagnosis_of_the_case_it_comes_from(rnncli, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(TWO_FAULTS)
    command = ("verify", "--no-timing", f"{file}:birnn", "--bidirectional", "--format", "json")
    record = json.loads(rnncli(*command).out)["cases"][0]
    named = {found["id"] for found in record["diagnosis"]}
    assert named == {"missing-bias-hh", "reverse-not-restored"}
    again = json.loads(rnncli(*shlex.split(record["replay"])[1:], "--no-timing", "--format", "json").out)
    assert {found["id"] for found in again["cases"][0]["diagnosis"]} == named


@pytest.mark.exhaustive(twin="test_a_planted_fault_is_shown_in_the_smallest_case", pool="long")
def test_the_replay_of_what_always_has_both_directions_has_them(rnncli):
    shown = rnncli(
        "verify", "tests/candidates/gated/gru_directions_added_up.py:Sum", "--cell", "GRU", "--bidirectional"
    )
    assert shown.code == 1
    (replay,) = (line for line in shown.out.splitlines() if line.startswith("rnncli verify "))
    assert "--bidirectional" in replay


ROLLED = """
import torch
from torch import nn

class RNN(nn.Module):
    def __init__(self, input_size, hidden_size, batch_first=True):
        super().__init__()
        self.ih, self.hh = nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, hidden_size)

    def forward(self, x, h_0):
        h, outputs, x = h_0[0], [], x.roll(1, dims=1)
        for t in range(x.shape[1]):
            h = torch.tanh(self.ih(x[:, t]) + self.hh(h))
            outputs.append(h)
        return torch.stack(outputs, 1), h[None]
"""


@pytest.mark.exhaustive(twin="test_a_planted_fault_is_shown_in_the_smallest_case", pool="long")
@pytest.mark.usefixtures("in_process")
def test_a_replay_keeps_a_layout_without_which_other_calls_are_wrong(rnncli, tmp_path):
    file = tmp_path / "rolled.py"
    file.write_text(ROLLED)
    shown = rnncli("verify", "--no-timing", f"{file}:RNN", "--batch-first")
    assert shown.code == 1
    assert re.search(r"^rnncli verify .*rolled\.py:RNN .*--batch-first", shown.out, re.MULTILINE)


@pytest.mark.usefixtures("in_process")
def test_a_replay_keeps_the_nonlinearity_that_may_be_written_into_the_code(rnncli):
    file = "tests/candidates/wrong/five_steps.py:clamped"
    shown = rnncli("verify", "--no-timing", file, "--nonlinearity", "relu")
    (replay,) = (line for line in shown.out.splitlines() if line.startswith("rnncli verify "))
    assert "--nonlinearity relu" in replay
    assert "--nonlinearity tanh" not in shown.out
