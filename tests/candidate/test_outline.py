"""What could be a recurrent layer in a file, by its source alone."""

import json

import pytest
import yaml
from conftest import ROOT

from rnncli.candidate.outline import outline
from rnncli.core.errors import CandidateError, ConfigError

FOLDER = ROOT / "tests" / "candidates"
NAMED = {}  # the candidates that people name, by file
for entry in yaml.safe_load((FOLDER / "expected.yaml").read_text()):
    file, _, name = entry["target"].rpartition(":")
    if file.endswith((".py", ".ipynb")):
        NAMED.setdefault(file, set()).add(name.partition(".")[0])
UNSEEN = {  # no definitions: objects and names that are assigned, parts of another candidate
    "right/sizes_of_its_own.py": {"make_rnn", "made"},
    "right/sizes_of_plain_code.py": {"made_with_sizes"},
    "coursera_rnn.py": {"rnn_cell_forward"},
    "last_state_classifier.py": {"model"},
    "right/bound_class.py": {"Tanh", "Sigmoid", "Two"},
    "right/made_of_other_sizes.py": {"rnn", "of_torch"},
    "gated/lstm_words_of_gates.py": {"lstm_step"},
    "gated/steps_with_gates.py": {"lstm_step"},
    "right/inp_hidden_params.py": {"made_of_weights"},
    "rnn_layers_np.py": {"rnn_step_forward"},
    "sentiment_lstm.py": {"lstm", "gru"},
    "spec/live_module.py": {"model"},
    "spec/live_module_frozen.py": {"model"},
    "wrong/partial_activation.py": {"rnn_tanh"},
    "spec/live_plain_instance.py": {"layer"},
    "spec/rnnbase_alias.py": {"Elman"},
    "wrong/batch_mixing_cells.py": {"MeanCell"},
    "field/espanol.py": {"red_recurrente"},
    "gated/gru_functional.py": {"gru_cell"},
    "gated/lstm_coursera_predictions.py": {"lstm_cell_forward"},
    "gated/lstm_functional.py": {"lstm_step"},
    "gated/lstm_flax.py": {"LSTMCell"},
    "gated/lstm_script_module.py": {"Cell"},
    "gated/lstm_steps_that_return_c_first.py": {"Step"},
}


def names(path):
    return [one.name for one in outline(path)]


def test_what_people_write_is_found_in_their_files():
    unseen = {}
    for file, wanted in NAMED.items():
        if file != "hostile/syntax_error.py" and wanted - set(names(FOLDER / file)):
            unseen[file] = wanted - set(names(FOLDER / file))
    assert unseen == UNSEEN


def test_nothing_is_listed_that_only_prepares_trains_or_tests(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "from layers import Imported\n\n\n"
        "def rnn(x, W_ih, W_hh, h): ...\n\n\n"
        "def _helper(x, h): ...\n\n\n"
        "def load_data(path): ...\n\n\n"
        "def test_rnn(x, h): ...\n\n\n"
        "def main(): ...\n\n\n"
        "class Config:\n    pass\n\n\n"
        "class Step(torch.autograd.Function):\n    def forward(ctx, x, h): ...\n"
    )
    assert names(file) == ["rnn"]


def test_a_helper_stands_after_what_calls_it_and_a_step_that_is_called_is_left_out(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "def one_layer(x, W_ih, W_hh, h): return rnn_step(x, W_ih, W_hh, h)\n\n\n"
        "def rnn_step(x, W_ih, W_hh, h): ...\n\n\n"
        "def stack(x, weights, h): return one_layer(x, *weights[0], h)\n"
    )
    assert names(file) == ["stack", "one_layer"]


def test_each_is_described_by_what_it_is_called_with(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "class RNN(nn.Module):\n"
        "    def __init__(self, input_size, hidden_size): ...\n"
        "    def forward(self, x, h=None): ...\n\n\n"
        "class Plain:\n"
        "    def __call__(self, x): ...\n\n\n"
        "def rnn(x, h, *, W_ih, W_hh): ...\n"
    )
    assert [(one.described, one.kind) for one in outline(file)] == [
        ("RNN(input_size, hidden_size)", "nn.Module"),
        ("Plain()", "class"),
        ("rnn(x, h, W_ih, W_hh)", "function"),
    ]


def test_a_notebook_is_read_without_its_magics_and_its_broken_cells(tmp_path):
    cells = ["%matplotlib inline\nimport torch", "def rnn(x, h, W_ih, W_hh): ...", "def ("]
    file = tmp_path / "mine.ipynb"
    file.write_text(json.dumps({"cells": [{"cell_type": "code", "source": [cell]} for cell in cells]}))
    assert names(file) == ["rnn"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("mine.py", b"def (", "mine.py:1: not valid Python: "),
        ("mine.py", b"x = '\xff'", "not a text file (byte 5 is not UTF-8)"),
        ("mine.ipynb", b"[]", "not a notebook"),
    ],
)
def test_a_file_that_is_no_python_is_told(tmp_path, name, content, said):
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(ConfigError if "not valid" not in said else CandidateError) as told:
        outline(file)
    assert said in str(told.value)


def test_a_class_that_only_inherits_from_a_layer_of_torch_is_found(tmp_path):
    file = tmp_path / "rnn.py"
    file.write_text("class A(nn.LSTM): pass\nclass B(A):\n  def reset_parameters(self): pass\nclass C(Dataset): pass\n")
    assert {one.name: one.kind for one in outline(file)} == {"A": "nn.Module", "B": "nn.Module"}
