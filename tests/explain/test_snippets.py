"""The code that `explain` shows: it runs, and all three pieces give nn.RNN's numbers."""

import warnings

import pytest
import torch
from cases import CASES
from conftest import ROOT
from levels import one_in

from rnncli.config.cases import load
from rnncli.core.shapes import predict_tensors
from rnncli.explain.snippets import WIDTH, by_cells, by_hand, by_module, snippets

SMOKE = load(ROOT / "configs/smoke.yaml", {})


def run(code, names):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # dropout with one layer, and oneDNN, which knows no projection
        exec(code, names)
    return names


def held(case):
    names = run(by_module(case), {})
    for name, value in case.rnn.arguments.items():
        assert getattr(names["rnn"], name) == value
    assert type(names["rnn"]).__name__ == case.cell.name
    sizes = {tensor.name: tensor.predicted for tensor in predict_tensors(case)}
    for name in sizes.keys() - (set(case.cell.initial) if case.input.h_0 == "omitted" else set()):
        assert tuple(getattr(names[name], "data", names[name]).shape) == sizes[name], name
    results = ("output", *case.cell.final)
    expected = {name: getattr(names[name], "data", names[name]) for name in results}
    written = {"hand": by_hand(case)} | ({} if case.rnn.proj_size else {"cell": by_cells(case)})
    for prefix, code in written.items():
        run(code, names)
        found = {name: names[f"{prefix}_{name}"] for name in results}
        torch.testing.assert_close({name: getattr(value, "data", value) for name, value in found.items()}, expected)


SAME = "test_the_three_snippets_give_the_same_numbers"


@pytest.mark.parametrize("name", one_in(3, CASES, SAME, 2))
def test_the_three_snippets_give_the_same_numbers(name):
    held(CASES[name])


def test_the_three_snippets_give_the_same_numbers_for_every_argument_and_layout():
    for case in (
        SMOKE[at] for at in range(0, len(SMOKE), 10)
    ):  # in eval mode, the last axis of the grid; five has no factor of the other axes
        assert not case.run.train
        held(case)


WRONG = {
    "output": ("steps.append(h)", "steps.append(2 * h)"),
    "c": ("(c)", "(2 * c)"),
    "c[None]": ("c[None]", "h[None]"),
}


@pytest.mark.parametrize(
    ("name", "what"),
    [
        *((name, "output") for name in ("default", "packed", "everything", "gru", "lstm, packed")),
        *(("lstm, packed", "c"), ("lstm, no bias", "c"), ("lstm", "c[None]")),
    ],
)
@pytest.mark.parametrize("write", [by_cells, by_hand])
def test_a_snippet_raises_where_its_numbers_are_others(name, what, write):
    code = write(CASES[name])
    assert WRONG[what][0] in code
    code = code.replace(*WRONG[what])
    with pytest.raises(AssertionError, match="not close"):
        run(code, run(by_module(CASES[name]), {}))


@pytest.mark.parametrize("name", CASES)
def test_no_line_of_code_is_longer_than_a_terminal(name):
    for write in (by_module, by_cells, by_hand):  # also that of a cell which the page leaves out
        for line in write(CASES[name]).splitlines():
            assert len(line) <= WIDTH, line


def test_one_layer_in_one_direction_needs_no_more_than_the_equation():
    assert by_hand(CASES["default"]).splitlines() == [
        "W_ih, W_hh, b_ih, b_hh = rnn.all_weights[0]",
        "h, steps = h_0[0], []",
        "for x_t in input:",
        "    h = torch.tanh(x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh)",
        "    steps.append(h)",
        "hand_output, hand_h_n = torch.stack(steps), h[None]",
        "torch.testing.assert_close((hand_output, hand_h_n), (output, h_n))",
    ]


def test_the_equations_of_an_lstm_stand_gate_by_gate():
    assert by_hand(CASES["lstm"]).splitlines()[2:] == [
        "for x_t in input:",
        "    a = x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh",
        "    a_i, a_f, a_g, a_o = a.chunk(4, -1)",
        "    i = torch.sigmoid(a_i)",
        "    f = torch.sigmoid(a_f)",
        "    g = torch.tanh(a_g)",
        "    o = torch.sigmoid(a_o)",
        "    c = f * c + i * g",
        "    h = o * torch.tanh(c)",
        "    steps.append(h)",
        "hand_output, hand_h_n = torch.stack(steps), h[None]",
        "hand_c_n = c[None]",
        "torch.testing.assert_close((hand_output, hand_h_n), (output, h_n))",
        "torch.testing.assert_close(hand_c_n, c_n)",
    ]


def test_a_projection_has_no_cell_of_torch_s_and_the_page_says_so():
    section = snippets(CASES["lstm, projected"])
    assert [block.title for block in section.blocks[1:]] == ["1. nn.LSTM", "2. The equations by hand"]
    assert "nn.LSTMCell has no proj_size" in section.blocks[0].text
