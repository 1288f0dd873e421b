"""The code that `explain` shows: it runs, and all three pieces give nn.RNN's numbers."""

import warnings

import pytest
import torch
from cases import CASES
from conftest import ROOT
from levels import one_in

from rnncli.config.cases import load
from rnncli.core.shapes import predict_tensors
from rnncli.explain.snippets import WIDTH, by_cells, by_hand, by_module

SMOKE = load(ROOT / "configs/smoke.yaml", {}).cases


def run(code, names):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # dropout with one layer
        exec(code, names)
    return names


def held(case):
    names = run(by_module(case), {})
    for name, value in case.rnn.model_dump().items():
        assert getattr(names["rnn"], name) == value
    sizes = {tensor.name: tensor.predicted for tensor in predict_tensors(case)}
    for name in sizes.keys() - ({"h_0"} if case.input.h_0 == "omitted" else set()):
        assert tuple(getattr(names[name], "data", names[name]).shape) == sizes[name], name
    expected = getattr(names["output"], "data", names["output"]), names["h_n"]
    for prefix, code in (("cell", by_cells(case)), ("hand", by_hand(case))):
        run(code, names)
        found = names[f"{prefix}_output"], names[f"{prefix}_h_n"]
        torch.testing.assert_close((getattr(found[0], "data", found[0]), found[1]), expected)


SAME = "test_the_three_snippets_give_the_same_numbers"


@pytest.mark.parametrize("name", one_in(3, CASES, SAME, 2))
def test_the_three_snippets_give_the_same_numbers(name):
    held(CASES[name])


def test_the_three_snippets_give_the_same_numbers_for_every_argument_and_layout():
    for case in SMOKE[::10]:  # in eval mode, the last axis of the grid; five has no factor of the other axes
        assert not case.run.train
        held(case)


@pytest.mark.parametrize("name", ["default", "packed", "everything"])
@pytest.mark.parametrize("write", [by_cells, by_hand])
def test_a_snippet_raises_where_its_numbers_are_others(name, write):
    code = write(CASES[name]).replace("steps.append(h)", "steps.append(2 * h)")
    with pytest.raises(AssertionError, match="not close"):
        run(code, run(by_module(CASES[name]), {}))


@pytest.mark.parametrize("name", CASES)
def test_no_line_of_code_is_longer_than_a_terminal(name):
    for write in (by_module, by_cells, by_hand):
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
