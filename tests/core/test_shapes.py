"""Shapes by rule, held against nn.RNN, and the lines of code that come with them."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.rnn import pad_packed_sequence

from rnncli.core.case import Case
from rnncli.core.shapes import confront, predict_parameters, predict_tensors, recipes
from rnncli.numerics import reference
from rnncli.numerics.probe import blank, packer
from rnncli.pipeline.verify import look
from rnncli.verdict.evaluate import values_of

CPU = torch.device("cpu")


@st.composite
def cases(draw) -> Case:
    """Any small case: every argument, layout and form of h_0."""
    layout = draw(st.sampled_from(["batched", "unbatched", "packed"]))
    batch_size = draw(st.integers(0 if layout == "batched" else 1, 6))
    given: dict = {"seq_len": draw(st.integers(1, 6)), "batch_size": batch_size, "layout": layout}
    given["h_0"] = draw(st.sampled_from(["random", "zeros", "omitted"]))
    if layout == "packed" and draw(st.booleans()):
        lengths = st.lists(st.integers(1, given["seq_len"]), min_size=batch_size, max_size=batch_size)
        given["lengths"] = draw(lengths)
    booleans = {name: draw(st.booleans()) for name in ("bias", "batch_first", "bidirectional")}
    rnn = {"input_size": draw(st.integers(1, 6)), "hidden_size": draw(st.integers(1, 6)), **booleans}
    rnn |= {"num_layers": draw(st.integers(1, 4)), "nonlinearity": draw(st.sampled_from(["tanh", "relu"]))}
    rnn |= {"dropout": draw(st.sampled_from([0.0, 0.5, 1.0]))}
    return Case.model_validate({"rnn": rnn, "input": given, "run": {"train": draw(st.booleans())}})


@settings(max_examples=300, deadline=None)
@given(cases())
def test_predictions_equal_what_nn_rnn_gives(case):
    compare_with_nn_rnn(case)


@pytest.mark.exhaustive(twin="test_predictions_equal_what_nn_rnn_gives", pool="long")
@settings(max_examples=2000, deadline=None)
@given(cases())
def test_many_more_predictions_equal_what_nn_rnn_gives(case):
    compare_with_nn_rnn(case)


def compare_with_nn_rnn(case):
    module = reference.build(case, torch.float32, CPU)
    parameters = {name: tuple(value.shape) for name, value in module.named_parameters()}
    assert {p.name: p.shape for p in predict_parameters(case)} == parameters
    assert [p.name for p in predict_parameters(case)] == list(parameters)
    assert sum(p.count for p in predict_parameters(case)) == sum(value.numel() for value in module.parameters())
    data, h_0 = blank(case, torch.float32, CPU)
    output, h_n = module(packer(case, CPU)(data), h_0)
    predicted = {tensor.name: tensor.predicted for tensor in predict_tensors(case)}
    assert predicted["output"] == tuple(values_of(output).shape)
    assert predicted["h_n"] == tuple(h_n.shape)
    assert predicted["h_0"] == predicted["h_n"]


@settings(max_examples=150, deadline=None)
@given(cases())
def test_the_lines_of_code_run_and_give_the_shapes_they_promise(case):
    module = reference.build(case, torch.float32, CPU)
    data, h_0 = blank(case, torch.float32, CPU)
    output, h_n = module(packer(case, CPU)(data), h_0)
    names = {"output": output, "h_n": h_n, "k": 0, "torch": torch, "nn": nn, "num_classes": 3}
    names["pad_packed_sequence"] = pad_packed_sequence
    for recipe in recipes(case):
        if " = " in recipe.code:
            exec(recipe.code, names)
            if recipe.code.startswith("head"):
                right = next(line.code for line in recipes(case) if line.note.startswith("right"))
                assert names["head"](eval(right, names)).shape[-1] == 3
        else:
            assert tuple(eval(recipe.code, names).shape) == recipe.shape, recipe


def example(layout: str, **rnn) -> tuple[Case, dict[str, torch.Tensor]]:
    """A case, and the tensors of nn.RNN on random input, under the names the lines of code use."""
    given = {"seq_len": 4, "batch_size": 3, "layout": layout}
    given |= {"lengths": [2, 4, 1]} if layout == "packed" else {}
    case = Case.model_validate({"rnn": {"input_size": 2, "hidden_size": 5, "num_layers": 2} | rnn, "input": given})
    module = reference.build(case, torch.float32, CPU)
    data = torch.randn(blank(case, torch.float32, CPU)[0].shape)
    output, h_n = module(packer(case, CPU)(data))
    names = {"output": output, "h_n": h_n, "torch": torch, "pad_packed_sequence": pad_packed_sequence}
    return case, names


@pytest.mark.parametrize("layout", ["batched", "unbatched", "packed"])
@pytest.mark.parametrize("batch_first", [False, True])
def test_the_classifier_head_takes_the_states_that_have_read_the_whole_sequence(layout, batch_first):
    case, names = example(layout, bidirectional=True, batch_first=batch_first)
    right = next(recipe for recipe in recipes(case) if recipe.note.startswith("right"))
    head = eval(right.code, names)
    forward_end, reverse_end = names["h_n"].unflatten(0, (2, 2))[-1]
    assert torch.equal(head, torch.cat([forward_end, reverse_end], dim=-1))
    wrong = next(recipe for recipe in recipes(case) if recipe.note.startswith("wrong"))
    unpacking = next((recipe.code for recipe in recipes(case) if recipe.code.startswith("padded")), "")
    exec(unpacking, names)
    assert not torch.equal(eval(wrong.code, names), head)


def test_output_splits_into_the_directions_that_the_lines_name():
    case, names = example("batched", bidirectional=True)
    parts = {
        recipe.note: eval(recipe.code, names) for recipe in recipes(case) if recipe.code.startswith("output.view(")
    }
    assert torch.equal(parts["the forward direction"], names["output"][..., :5])
    assert torch.equal(parts["the reverse direction"], names["output"][..., 5:])


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
