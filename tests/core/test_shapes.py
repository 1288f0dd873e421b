"""Shapes by rule, held against torch's own layers, and the lines of code that come with them."""

import warnings

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.rnn import pad_packed_sequence

from rnncli.core.case import Case
from rnncli.core.cells import CELLS
from rnncli.core.shapes import confront, every_step, for_a_head, predict_parameters, predict_tensors, recipes
from rnncli.numerics import reference
from rnncli.numerics.probe import packer
from rnncli.pipeline.shapes import look
from rnncli.verdict.evaluate import values_of

CPU = torch.device("cpu")
each_cell = pytest.mark.parametrize("cell", CELLS)


@st.composite
def cases(draw, cell: str) -> Case:
    """Any small case of a cell: every argument, layout and form of the initial states."""
    layout = draw(st.sampled_from(["batched", "unbatched", "packed"]))
    batch_size = draw(st.integers(0 if layout == "batched" else 1, 6))
    given: dict = {"seq_len": draw(st.integers(1, 6)), "batch_size": batch_size, "layout": layout}
    given["h_0"] = draw(st.sampled_from(["random", "zeros", "omitted"]))
    if layout == "packed" and draw(st.booleans()):
        lengths = st.lists(st.integers(1, given["seq_len"]), min_size=batch_size, max_size=batch_size)
        given["lengths"] = draw(lengths)
    booleans = {name: draw(st.booleans()) for name in ("bias", "batch_first", "bidirectional")}
    hidden_size = draw(st.integers(1, 6))
    rnn = {"cell": cell, "input_size": draw(st.integers(1, 6)), "hidden_size": hidden_size, **booleans}
    rnn |= {"num_layers": draw(st.integers(1, 4)), "dropout": draw(st.sampled_from([0.0, 0.5, 1.0]))}
    rnn |= {"nonlinearity": draw(st.sampled_from(["tanh", "relu"]))} if cell == "RNN" else {}
    rnn |= {"proj_size": draw(st.integers(0, hidden_size - 1))} if cell == "LSTM" else {}
    return Case.model_validate({"rnn": rnn, "input": given, "run": {"train": draw(st.booleans())}})


@each_cell
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_predictions_equal_what_torch_gives(cell, data):
    compare_with_torch(data.draw(cases(cell)))


@pytest.mark.exhaustive(twin="test_predictions_equal_what_torch_gives", pool="long")
@each_cell
@settings(max_examples=2000, deadline=None)
@given(data=st.data())
def test_many_more_predictions_equal_what_torch_gives(cell, data):
    compare_with_torch(data.draw(cases(cell)))


def run(case: Case) -> tuple[nn.Module, dict[str, torch.Tensor]]:
    """Torch's layer of a case, and by name what goes in and comes out, of random values."""
    module = reference.build(case, torch.float32, CPU)
    sizes = {tensor.name: tensor.predicted for tensor in predict_tensors(case)}
    names = {name: torch.randn(sizes[name]) for name in ("input", *case.cell.initial)}
    states = [names[name] for name in case.cell.initial]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of oneDNN, which knows no projection
        given = () if case.input.h_0 == "omitted" else (states[0] if len(states) == 1 else tuple(states),)
        names["output"], last = module(packer(case, CPU)(names["input"]), *given)
    return module, names | dict(zip(case.cell.final, [last] if torch.is_tensor(last) else last, strict=True))


def compare_with_torch(case):
    module, names = run(case)
    parameters = {name: tuple(value.shape) for name, value in module.named_parameters()}
    assert {p.name: p.shape for p in predict_parameters(case)} == parameters
    assert [p.name for p in predict_parameters(case)] == list(parameters)
    assert sum(p.count for p in predict_parameters(case)) == sum(value.numel() for value in module.parameters())
    predicted = {tensor.name: tensor.predicted for tensor in predict_tensors(case)}
    assert predicted == {name: tuple(values_of(names[name]).shape) for name in case.cell.tensors}


def names_of_the_lines(case: Case, names: dict[str, torch.Tensor]) -> dict:
    module, results = run(case)
    found = {**results, **names, "rnn": module, "torch": torch, "nn": nn, "num_classes": 3}
    found |= {"k": case.rnn.num_layers - 1, "d": case.rnn.directions - 1, "pad_packed_sequence": pad_packed_sequence}
    for recipe in recipes(case):
        if recipe.shape is None:
            exec(recipe.code, found)
    return found


@each_cell
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_the_lines_of_code_run_and_give_the_shapes_and_values_they_promise(cell, data):
    case = data.draw(cases(cell))
    names = names_of_the_lines(case, {})
    for recipe in recipes(case):
        if recipe.shape is not None:
            value = eval(recipe.code, names)
            assert tuple(value.shape) == recipe.shape, recipe
            assert recipe.equals is None or torch.equal(value, eval(recipe.equals, names)), recipe
    every, size = every_step(case)
    assert tuple(names[every].shape) == size
    for fed in (every, for_a_head(case)):
        assert names["head"](eval(fed, names)).shape[-1] == 3


def example(layout: str, **rnn) -> tuple[Case, dict]:
    """A case of two layers, and the names that its lines of code use."""
    given = {"seq_len": 4, "batch_size": 3, "layout": layout}
    given |= {"lengths": [2, 4, 1]} if layout == "packed" else {}
    case = Case.model_validate({"rnn": {"input_size": 2, "hidden_size": 5, "num_layers": 2} | rnn, "input": given})
    return case, names_of_the_lines(case, {})


@each_cell
@pytest.mark.parametrize("layout", ["batched", "unbatched", "packed"])
@pytest.mark.parametrize("batch_first", [False, True])
def test_the_classifier_head_takes_the_states_that_have_read_the_whole_sequence(cell, layout, batch_first):
    case, names = example(layout, cell=cell, bidirectional=True, batch_first=batch_first)
    head = eval(for_a_head(case), names)
    forward_end, reverse_end = names["h_n"].unflatten(0, (2, 2))[-1]
    assert torch.equal(head, torch.cat([forward_end, reverse_end], dim=-1))
    last = next(recipe for recipe in recipes(case) if "forward half" in recipe.note or "padding" in recipe.note)
    assert not torch.equal(eval(last.code, names), head)


def test_a_packed_lstm_ends_where_the_lines_say_it_does():
    case, names = example("packed", cell="LSTM", proj_size=3)
    at_end = torch.stack([names["padded"][length - 1, n] for n, length in enumerate(case.input.lengths)])
    assert torch.equal(names["h_n"][-1], at_end)
    (of_c,) = (recipe for recipe in recipes(case) if recipe.code == "c_n[-1]")
    assert of_c.shape == (3, 5)
    assert "in no `output`" in of_c.note


@pytest.mark.parametrize(("cell", "gates"), [("GRU", "r, z, n"), ("LSTM", "i, f, g, o")])
def test_the_rows_of_the_weights_are_the_gates_in_torch_s_order(cell, gates):
    case, names = example("unbatched", cell=cell)
    assert {p.gates for p in predict_parameters(case)} == {tuple(gates.split(", "))}
    x, h = names["input"][0], names["h_0"][0]
    rnn = names["rnn"]
    of_x = (rnn.weight_ih_l0 @ x + rnn.bias_ih_l0).chunk(len(case.cell.gates))
    of_h = (rnn.weight_hh_l0 @ h + rnn.bias_hh_l0).chunk(len(case.cell.gates))
    sums = dict(zip(case.cell.gates, zip(of_x, of_h, strict=True), strict=True))
    if cell == "LSTM":
        i, f, g, o = (sum(sums[gate]) for gate in "ifgo")
        c = f.sigmoid() * names["c_0"][0] + i.sigmoid() * g.tanh()
        expected = o.sigmoid() * c.tanh()
    else:
        r, z = (sum(sums[gate]).sigmoid() for gate in "rz")
        expected = (1 - z) * (sums["n"][0] + r * sums["n"][1]).tanh() + z * h
    one = nn.Module.__call__(
        rnn, names["input"][:1], *([(names["h_0"], names["c_0"])] if cell == "LSTM" else [names["h_0"]])
    )
    first = one[1][0] if cell == "LSTM" else one[1]
    torch.testing.assert_close(first[0], expected)


def test_a_projection_has_weights_of_its_own_and_no_gates():
    case = Case.model_validate({"rnn": {"cell": "LSTM", "hidden_size": 5, "proj_size": 2, "bias": False}})
    parameters = {p.name: p for p in predict_parameters(case)}
    assert list(parameters) == ["weight_ih_l0", "weight_hh_l0", "weight_hr_l0"]
    assert (parameters["weight_hr_l0"].shape, parameters["weight_hr_l0"].gates) == ((2, 5), None)


def test_a_prediction_that_nn_rnn_contradicts_is_a_mismatch(monkeypatch):
    from rnncli.core import shapes

    case = Case()
    wrong = [*predict_parameters(case)[:-1]]
    monkeypatch.setattr(shapes, "predict_parameters", lambda _: tuple(wrong))
    assert look(case).verdict == "mismatch"


def test_a_candidate_with_another_shape_is_a_mismatch(monkeypatch):
    from rnncli import manual

    def transposed(input, h_0, params, **arguments):
        output, h_n = manual.rnn(input, h_0, params, **arguments)
        return output.transpose(0, 1), h_n

    monkeypatch.setitem(manual.BUILT_IN, "manual", transposed)
    record = look(Case())
    assert record.verdict == "mismatch"
    assert [shape.name for shape in record.shapes if not shape.agrees] == ["output"]


def test_an_expectation_that_is_not_met_is_a_mismatch_and_one_that_is_met_is_not():
    for expected, verdict in (((5, 10, 40), "match"), ((5, 10, 80), "mismatch")):
        assert look(Case(expect={"output": expected})).verdict == verdict
    assert look(Case(expect={"weight_hh_l0": (40, 41)})).verdict == "mismatch"


@pytest.mark.parametrize(
    ("expected", "flags"),
    [
        ({"output": (5, 10, 80)}, "--bidirectional"),
        ({"output": (10, 5, 40)}, "--batch-first"),
        ({"h_n": (3, 10, 40)}, "--num-layers 3"),
        ({"input": (7, 10, 20)}, "--seq-len 7"),
        ({"bias_hh_l0": (41,)}, "--hidden-size 41"),
        ({"output": (5, 40)}, "--layout unbatched"),
        ({"weight_hh_l0": (40, 41)}, None),
        ({"weight_ih_l0": (160, 20)}, "--hidden-size 160"),
        ({"weight_hh_l0": (160, 40)}, "--cell LSTM"),
        ({"bias_ih_l0": (120,)}, "--hidden-size 120"),
        ({"weight_hh_l0": (120, 40)}, "--cell GRU"),
    ],
)
def test_an_expectation_that_is_not_met_names_the_argument_that_meets_it(expected, flags):
    record = confront(Case(expect=expected))
    (of,) = (one for one in (*record.shapes, *record.parameters) if one.expected)
    assert of.given_by == flags


def test_of_many_parameters_the_first_are_shown_and_the_rest_is_counted(rnncli):
    outcome = rnncli("shapes", "--static", "--layers", 10000)
    assert outcome.code == 0
    assert "... 39996 more, -v" in outcome.out
    assert "40000 parameters" in outcome.out
    assert len(outcome.out.splitlines()) < 150


def test_of_many_cases_the_first_are_shown_in_full_and_the_rest_is_counted(rnncli, tmp_path):
    file = tmp_path / "grid.yaml"
    file.write_text(f"rnn: {{input_size: 3}}\ngrid: {{run.seed: {list(range(150))}}}")
    outcome = rnncli("shapes", "--static", file)
    assert outcome.code == 0
    assert "... and 50 more cases: --format json holds them all" in outcome.out
    assert "150 cases" in outcome.out.partition("\n\n")[0]


@pytest.mark.parametrize("cell", ["gru", "LSTM"])
def test_shapes_of_another_cell_are_confronted_with_torch_and_the_equations(rnncli, cell):
    outcome = rnncli("shapes", "--cell", cell, "--layers", 2, "--bidirectional", "--device", "cpu")
    assert outcome.code == 0
    assert f"predicted    nn.{cell.upper()}" in outcome.out
    assert ("c_n     (D*num_layers, N, H_cell)  (4, 10, 40)  (4, 10, 40)  (4, 10, 40)" in outcome.out) == (
        cell == "LSTM"
    )
    assert ("40 each of i, f, g, o" if cell == "LSTM" else "40 each of r, z, n") in outcome.out
    assert outcome.err == ""


@pytest.mark.parametrize("candidate", ["manual", "bmm", "concat", "cell"])
def test_the_shapes_of_every_built_in_are_seen_for_a_gated_cell(rnncli, candidate):
    outcome = rnncli("shapes", "--cell", "LSTM", "--candidate", candidate, "--device", "cpu")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.count("(5, 10, 40)  (5, 10, 40)  (5, 10, 40)") == 1


def test_a_prediction_that_torch_contradicts_for_another_cell_is_a_mismatch(monkeypatch):
    from rnncli.core import shapes

    case = Case.model_validate({"rnn": {"cell": "LSTM", "proj_size": 3}})
    without_projection = Case.model_validate({"rnn": {"cell": "LSTM"}})
    monkeypatch.setattr(shapes, "predict_parameters", lambda _: predict_parameters(without_projection))
    assert look(case).verdict == "mismatch"
