"""rnncli from Python: what a test suite of one's own calls."""

import doctest
import subprocess
import sys

import pytest
import torch

import rnncli
from rnncli import api
from rnncli.core.errors import CandidateError, ConfigError
from rnncli.faults.catalogue import CATALOGUE


def right(x, W_ih, W_hh, b_ih, b_hh, h):
    states = []
    for x_t in x:
        h = torch.tanh(x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh)
        states.append(h)
    return torch.stack(states), h


def without_h_0(x, W_ih, W_hh, b_ih, b_hh, h):
    return right(x, W_ih, W_hh, b_ih, b_hh, torch.zeros_like(h))


def test_the_examples_of_the_docstring_hold():
    assert doctest.testmod(api, optionflags=doctest.ELLIPSIS).failed == 0


@pytest.mark.parametrize(
    "arguments", [{}, {"num_layers": 2, "bidirectional": True}, {"layout": "packed", "seq_len": 4}]
)
def test_a_right_function_passes_whatever_nn_rnn_s_arguments(arguments):
    rnncli.assert_parity(right, **arguments)
    assert rnncli.verify(right, **arguments)


def test_a_wrong_one_raises_with_the_diagnosis_and_the_line_to_change():
    with pytest.raises(AssertionError, match="h0-ignored") as raised:
        rnncli.assert_parity(without_h_0)
    assert f"fix: {CATALOGUE['h0-ignored'].fix}" in str(raised.value)
    assert "without_h_0 is not nn.RNN(20, 40): mismatch in output" in str(raised.value)


def test_what_the_catalogue_explains_comes_before_what_it_does_not():
    def rnn(x, h_0, weight_ih, weight_hh, bias_ih, bias_hh):  # noqa: ARG001
        h, outputs = h_0[0], []
        for x_t in x:
            h = torch.tanh(x_t @ weight_ih.T + bias_ih + h @ weight_hh.T)
            outputs.append(h)
        return torch.stack(outputs), [h]

    report = rnncli.verify(rnn)
    assert [found.id for found in report.diagnosis] == ["missing-bias-hh", "unexplained"]


def test_the_error_names_the_layer_of_the_cell():
    def keeps_h(x, W_ih, W_hh, b_ih, b_hh, h):
        for x_t in x:
            r_x, z_x, n_x = (x_t @ W_ih.T + b_ih).chunk(3, -1)
            r_h, z_h, n_h = (h @ W_hh.T + b_hh).chunk(3, -1)
            n, z = torch.tanh(n_x + torch.sigmoid(r_x + r_h) * n_h), torch.sigmoid(z_x + z_h)
            yield (1 - z) * n + z * h

    def gru(x, W_ih, W_hh, b_ih, b_hh, h):
        states = list(keeps_h(x, W_ih, W_hh, b_ih, b_hh, h))
        return torch.stack(states), states[-1]

    with pytest.raises(AssertionError, match=r"gru is not nn\.GRU\(20, 40, num_layers=2\): mismatch in output"):
        rnncli.assert_parity(gru, cell="GRU", num_layers=2)


def test_a_report_is_false_and_holds_what_verify_prints():
    report = rnncli.verify(without_h_0, hidden_size=6, dtype="bfloat16")
    assert not report
    assert report.verdict == "mismatch"
    assert [found.id for found in report.diagnosis] == ["h0-ignored"]
    assert report.reading.startswith("function of positional tensors, time-first")
    assert "h0-ignored: " in str(report)
    assert report.record.config["rnn"]["hidden_size"] == 6


def test_a_built_in_is_named_and_needs_no_reading():
    assert rnncli.verify("bmm", num_layers=2).verdict == "match"


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"num_layer": 2}, TypeError, "no argument num_layer (did you mean num_layers?)"),
        ({"num_layers": 0}, ConfigError, "num_layers: 0 is not allowed"),
        ({"nonlinearity": "tan"}, ConfigError, "did you mean tanh?"),
    ],
)
def test_a_wrong_argument_gets_one_message(arguments, error, said):
    with pytest.raises(error) as raised:
        rnncli.verify(right, **arguments)
    assert said in str(raised.value)


def test_what_is_no_candidate_is_a_candidate_error():
    with pytest.raises(CandidateError, match="expected a function or a class"):
        rnncli.verify(7, num_layers=1)


def test_importing_rnncli_loads_neither_torch_nor_the_configs():
    code = "import sys, rnncli; sys.exit(bool({'torch', 'pydantic', 'rnncli.api'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], check=True)
