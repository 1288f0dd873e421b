"""Bad input gets one clear message and exit code 2: what, where, the value seen, what is allowed, the nearest name."""

import pytest

BAD_CONFIGS = {  # name: (content, what the message says)
    "boolean that is none": ("rnn: {bias: !!bool maybe}", ':1: rnn.bias: "maybe" cannot be read as true or false'),
    "empty integer": ('rnn: {num_layers: !!int ""}', ':1: rnn.num_layers: "" cannot be read as a number'),
    "empty number": ('rnn: {dropout: !!float ""}', ':1: rnn.dropout: "" cannot be read as a number'),
    "mapping that is none": ("rnn: !!map 5", ':1: rnn: "5" cannot be read as a mapping'),
    "escape beyond Unicode": ('candidate: "\\UFFFFFFFF"', ":1: not a config: an escape that stands for no character"),
    "half of a surrogate pair": ('candidate: "\\ud800:f"', ":1: candidate: "),
    "half of a surrogate pair in a key": ('"\\ud800": 1', ": a key with a character that no name has"),
    "NUL in a name": ('candidate: "a\\0b.py:f"', "has a character that no name has"),
    "name of 300 bytes": (f"candidate: {'n' * 300}.py:f", "has a name of more than 255 bytes; allowed: manual"),
    "sexagesimal integer": ("rnn: {num_layers: 1:30}", '"1:30" is not allowed; allowed: an integer from 1'),
    "sexagesimal number": ("rnn: {dropout: 0:0.5}", '"0:0.5" is not allowed; allowed: a number from 0 to 1'),
    "binary integer": ("rnn: {num_layers: 0b11}", '"0b11" is not allowed; allowed: an integer from 1'),
    "underscores in an integer": ("rnn: {num_layers: 1_0}", '"1_0" is not allowed; allowed: an integer from 1'),
    "misspelt key": (
        "rnn:\n  hiden_size: 3",
        ":2: rnn.hiden_size: unknown key (did you mean hidden_size?); allowed: cell, input_size",
    ),
    "key without its section": ("hidden_size: 3", ":1: hidden_size: unknown key (did you mean rnn.hidden_size?)"),
    "key in another section": ("run: {dropout: 0.1}", ":1: run.dropout: unknown key (did you mean rnn.dropout?)"),
    "the flag's name": ("rnn: {layers: 3}", ":1: rnn.layers: unknown key (did you mean rnn.num_layers?)"),
    "dropout over 1": ("rnn:\n  dropout: 1.5", ":2: rnn.dropout: 1.5 is not allowed; allowed: a number from 0 to 1"),
    "dropout not a number": ("rnn: {dropout: .nan}", "rnn.dropout: NaN is not allowed; allowed: a number from 0 to 1"),
    "negative batch": ("input: {batch_size: -1}", "input.batch_size: -1 is not allowed; allowed: an integer from 0"),
    "no steps": ("input: {seq_len: 0}", "input.seq_len: 0 is not allowed; allowed: an integer from 1"),
    "no layers": ("rnn: {num_layers: 0}", "rnn.num_layers: 0 is not allowed; allowed: an integer from 1 to 10000"),
    "boolean for integer": ("rnn: {num_layers: true}", "rnn.num_layers: true is not allowed; allowed: an integer"),
    "text for integer": ('rnn: {num_layers: "4"}', 'rnn.num_layers: "4" is not allowed; allowed: an integer'),
    "fraction for integer": ("rnn: {num_layers: 2.0}", "rnn.num_layers: 2.0 is not allowed; allowed: an integer"),
    "integer for boolean": ("rnn: {bias: 1}", "rnn.bias: 1 is not allowed; allowed: true or false"),
    "null for integer": ("rnn: {num_layers: null}", "rnn.num_layers: null is not allowed; allowed: an integer"),
    "unknown nonlinearity": (
        "rnn: {nonlinearity: gelu}",
        '"gelu" is not allowed (did you mean relu?); allowed: tanh, relu',
    ),
    "unknown dtype": ("run: {dtype: float23}", '"float23" is not allowed (did you mean float32?); allowed: float64'),
    "unknown device": ("run: {device: tpu}", 'run.device: "tpu" is not allowed; allowed: auto, cpu, cuda, cuda:N'),
    "the device of a Mac": ("run: {device: mps}", "is not a device that rnncli runs on (did you mean cpu?); allowed"),
    "unknown candidate": (
        "candidate: mannual",
        '"mannual" is not allowed (did you mean manual?); allowed: manual, bmm',
    ),
    "candidate that is a number": ("candidate: 3", ":1: candidate: 3 is not allowed; allowed: manual, bmm"),
    "reading with an unknown key": (
        "candidate: {target: a.py:f, layuot: unbatched}",
        ":1: candidate: unknown key layuot (did you mean layout?); allowed: target, convention",
    ),
    "reading with an unknown key in place of the target": (
        "candidate: {taget: a.py:f}",
        ":1: candidate: unknown key taget (did you mean target?); allowed: target, convention",
    ),
    "reading with a word misspelt": (
        "candidate: {target: a.py:f, layout: time_first}",
        ':1: candidate: layout "time_first" is not allowed (did you mean time-first?)',
    ),
    "reading without a target": (
        "candidate: {layout: unbatched}",
        ":1: candidate: target is missing; allowed: a mapping with target, and of target, convention",
    ),
    "reading that there is not": (
        "candidate: {target: a.py:f, layout: sideways}",
        ":1: candidate: layout \"sideways\" is not allowed; allowed: 'time-first', 'batch-first'",
    ),
    "target that is a number": (
        "candidate: {target: 3}",
        ":1: candidate: target 3 is not allowed; allowed: a text",
    ),
    "key that is a list": ("? [rnn]\n: 1", ":1: a key that is not a name; allowed: plain names"),
    "section not a mapping under a grid": ("rnn: 4\ngrid: {rnn.bias: [true]}", ":1: rnn: 4 is not allowed; allowed"),
    "expectations that are none": ("expect: 3", ":1: expect: 3 is not allowed; allowed: a mapping of names to lists"),
    "section not a mapping": ("rnn: 4", ":1: rnn: 4 is not allowed; allowed: a mapping with the keys cell, input_size"),
    "lengths on an unpacked layout": (
        "input: {lengths: [3, 2]}",
        "lengths belong to layout packed, and layout is batched",
    ),
    "too few lengths": (
        "input: {layout: packed, lengths: [3], batch_size: 2}",
        "1 lengths for batch_size 2; allowed: 2",
    ),
    "a length past the end": (
        "input: {layout: packed, lengths: [9], seq_len: 5}",
        "a length of 9 with seq_len 5; allowed",
    ),
    "an empty sequence": (
        "input: {layout: packed, lengths: [3, 0]}",
        "input.lengths[1]: 0 is not allowed; allowed: an integer, 1",
    ),
    "packed without sequences": (
        "input: {layout: packed, batch_size: 0}",
        "packed needs batch_size 1 or more, and it is 0",
    ),
    "scale of zero": (
        "run: {weight_scale: 0}",
        "run.weight_scale: 0 is not allowed; allowed: a number above 0 up to 1000",
    ),
    "expectation of an unknown tensor": (
        "expect: {outptu: [5]}",
        "expect.outptu: this case has no such tensor (did you mean output?)",
    ),
    "expectation of a missing layer": (
        "expect: {weight_ih_l1: [40, 40]}",
        "no such tensor (did you mean weight_ih_l0?)",
    ),
    "expectation that is not a shape": ("expect: {output: 5}", "expect.output: 5 is not allowed; allowed: a list"),
    "duplicate key": ("rnn:\n  bias: true\n  bias: false", ":3: rnn.bias: duplicate key, first given at"),
    "a tag": ("x: !!python/object/apply:os.system [ls]", "tag !!python/object/apply:os.system is not supported"),
    "a date": ("run: {seed: 2020-01-01}", "run.seed: tag !!timestamp is not supported"),
    "nested aliases": (
        "a0: &a0 [x]\n" + "".join(f"a{i + 1}: &a{i + 1} [*a{i}, *a{i}]\n" for i in range(1000)),
        "alias *a0",
    ),
    "deep nesting": ("[" * 5000, "nested too deep"),
    "broken YAML": ("rnn: [1", "not a config"),
    "two documents": ("rnn: {}\n---\nrun: {}", "not a config: expected a single document"),
    "empty file": ("", "it holds no keys"),
    "comments alone": ("# rnn:\n", "it holds no keys"),
    "a list": ("[1, 2]", "[1, 2] is not allowed; allowed: a mapping with keys rnn"),
    "prose": ("an RNN with 4 layers", "is not allowed; allowed: a mapping with keys rnn"),
    "binary": (b"\x89PNG\r\n\xff\xfe", "not a text file (byte 0 is not UTF-8)"),
    "control characters": ("\x00", "not a YAML text"),
    "too large": ("#" * 1_000_001, "larger than 1000000 bytes"),
    "a number of 5000 digits": ("rnn: {input_size: " + "9" * 5000 + "}", "cannot be read as a number"),
    "unknown grid axis": ("grid: {num_layers: [1]}", "grid.num_layers: unknown key (did you mean rnn.num_layers?)"),
    "a device with a leading zero": ("run: {device: 'cuda:01'}", '"cuda:01" is not allowed; allowed: auto, cpu, cuda'),
    "grid not a mapping": ("grid: []", "grid: [] is not allowed; allowed: a mapping of keys to lists"),
    "grid axis not a list": ("grid: {rnn.num_layers: 2}", "grid.rnn.num_layers: 2 is not allowed; allowed: a list"),
    "bad value in a grid": ("grid:\n  rnn.num_layers:\n    - 1\n    - 0", ":4: rnn.num_layers: 0 is not allowed"),
    "too many cases": (
        "grid: {run.seed: [" + "0," * 2000 + "], rnn.num_layers: [" + "1," * 2000 + "]}",
        "4000000 cases",
    ),
    "too big for memory": ("rnn: {hidden_size: 10000000}", "the case is too big: about"),
}

BAD_COMMANDS = {  # command line: what the message says
    "shapes --layers abc": '--layers: "abc" is not allowed; allowed: an integer from 1 to 10000',
    "shapes --seq-len 0": "--seq-len: 0 is not allowed; allowed: an integer from 1",
    "verify --dtype float33": "(did you mean float32?); allowed: float64, float32, bfloat16, float16",
    "verify --dropout 2": "--dropout: 2.0 is not allowed; allowed: a number from 0 to 1",
    "shapes --layer 3": "--layer: shapes has no such option (did you mean --layers?); rnncli shapes --help lists all",
    "shpes": "shpes: no such command (did you mean shapes?); allowed: explain, shapes, verify,",
    "shapes --layout packed --lengths 5,x": '--lengths: "5,x" is not allowed; allowed: a list',
    "shapes --expect output": "allowed: NAME=SIZES, as output=5,10,80",
    "shapes --expect outptu=5": "this case has no such tensor (did you mean output?)",
    "verify --atol 1e-3": "--atol: 0.001 without --rtol; allowed: both or neither",
    "verify --rtol -1 --atol 0": "--rtol: -1.0 is not allowed; allowed: a number, 0 or more",
    "verify --rtol x --atol 0": '--rtol: "x" is not allowed; allowed: a number, 0 or more',
    "verify --device meta": '--device: "meta" has no values to compare, only shapes takes it; allowed: auto, cpu',
    "verify --format jsno": "(did you mean json?); allowed: table, json",
    "verify --output no/such/folder/x.json": "the folder no/such/folder does not exist",
    "verify --output tests": "tests is a directory; allowed: a file",
    "shapes --expect output=5 --expect output=6": "--expect: output is given twice; allowed: once",
    "shapes --static configs/packed.yaml -o configs/packed.yaml": "is the config itself; allowed: another file",
    f"shapes --static -o {'a' * 300}": "cannot be written: File name too long",
    f"verify --list --candidate {'n' * 300}": "has a name of more than 255 bytes; allowed: manual",
    "shapes --hidden-size 2147483647 --layers 9 --device meta": "rnncli shapes --static predicts its shapes without",
    "verify configs": "configs: is a directory; allowed: a YAML file, or the pattern 'configs/*.yaml'",
    "verify configs/defalt.yaml": "no such file (did you mean configs/default.yaml?)",
    "verify tests/cli": "allowed: a YAML file. To judge an RNN in it: rnncli verify tests/cli/",
    "verify LICENSE": "; a config has a name that ends in .yaml, code to judge one in .py",
    "shapes my/rnn.py": "holds Python; allowed: a YAML file. To judge an RNN in it: rnncli verify my/rnn.py",
    "shapes configs/default.yaml configs/smoke.yaml": "configs/smoke.yaml: one argument too many; allowed: rnncli",
    "shapes --hidden-size 100000": "rnncli shapes --static predicts its shapes without torch",
}


def held(outcome, message):
    assert outcome.code == 2
    assert outcome.out == ""
    assert message in outcome.err
    assert "Traceback" not in outcome.err
    assert len(outcome.err.splitlines()) <= 4


@pytest.mark.parametrize(("content", "message"), BAD_CONFIGS.values(), ids=BAD_CONFIGS)
def test_a_bad_config_is_told_in_one_message(rnncli, tmp_path, content, message):
    config = tmp_path / "bad.yaml"
    config.write_bytes(content if isinstance(content, bytes) else content.encode())
    outcome = rnncli("shapes", config)
    held(outcome, message)
    assert outcome.err.startswith(f"rnncli: {config}") or "too big" in outcome.err


@pytest.mark.parametrize(("command", "message"), BAD_COMMANDS.items(), ids=list(BAD_COMMANDS))
def test_a_bad_command_line_is_told_in_one_message(rnncli, command, message):
    held(rnncli(*command.split()), message)


def test_several_problems_are_told_at_once(rnncli, tmp_path):
    config = tmp_path / "bad.yaml"
    config.write_text("rnn:\n  dropout: 2\n  bias: 1\nruns: {}\n")
    outcome = rnncli("verify", config)
    assert outcome.code == 2
    lines = outcome.err.splitlines()
    assert sorted(line.split(": ")[1].rpartition("bad.yaml")[2] for line in lines) == [":2", ":3", ":4"]


def test_a_file_that_cannot_be_read_is_told(rnncli, tmp_path, monkeypatch):
    config = tmp_path / "secret.yaml"
    config.write_text("rnn: {}")

    def denied(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", denied)
    held(rnncli("verify", config), "cannot be read: Permission denied")


def test_a_device_that_is_not_here_is_one_line_and_exit_code_3(rnncli, monkeypatch):
    monkeypatch.setattr("torch.backends.cuda.is_built", lambda: False)
    outcome = rnncli("verify", "--device", "cuda")
    assert (outcome.code, outcome.out, len(outcome.err.splitlines())) == (3, "", 1)
    assert "is a build without CUDA; use --device cpu" in outcome.err


def test_an_error_of_our_own_is_not_a_verdict_and_shows_its_traceback_under_debug_alone(rnncli, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr("rnncli.pipeline.shapes.look", broken)
    outcome = rnncli("shapes")
    assert (outcome.code, outcome.out) == (70, "")
    assert "internal error: ZeroDivisionError: a defect" in outcome.err
    assert "Traceback" not in outcome.err
    assert "Traceback" in rnncli("shapes", "--debug").err


@pytest.mark.parametrize("section", ["", "rnn:\n", "expect:\n"])
def test_of_many_problems_the_first_are_told_and_the_rest_is_counted(rnncli, tmp_path, section):
    file = tmp_path / "many.yaml"
    indent = "  " if section else ""
    file.write_text(section + "".join(f"{indent}key{number}: [1]\n" for number in range(1000)))
    outcome = rnncli("verify", file)
    assert (outcome.code, outcome.out) == (2, "")
    *told, last = outcome.err.splitlines()
    assert (len(told), last) == (20, "rnncli: and 980 more problems")


def test_a_long_name_and_a_long_value_are_cut(rnncli, tmp_path):
    file = tmp_path / "long.yaml"
    file.write_text(f"{'k' * 100_000}: 1\nrnn: {{bias: {'v' * 100_000}}}\n")
    outcome = rnncli("verify", file)
    assert outcome.code == 2
    assert all(len(line) < 1100 for line in outcome.err.splitlines())


@pytest.mark.parametrize("command", ["verify", "shapes", "report", "bench --baseline", "verify --output"])
def test_a_file_name_that_is_too_long_is_told(rnncli, command):
    outcome = rnncli(*command.split(), "n" * 300)
    assert outcome.code == 2
    assert "File name too long" in outcome.err
