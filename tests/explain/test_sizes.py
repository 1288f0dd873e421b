"""Every size and every claim that `explain` makes, held against nn.RNN itself."""

import re

import pytest
import torch
from cases import CASES, reference, results
from levels import one_in
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from rnncli.core.words import size
from rnncli.explain.arguments import MEANINGS, the_arguments
from rnncli.explain.blocks import Table
from rnncli.explain.explanation import explain
from rnncli.explain.grid import MOST_LAYERS, unrolled
from rnncli.explain.results import facts, head, unpacking
from rnncli.explain.step import one_step

FIRST = "test_the_table_of_tensors_has_the_sizes_of_nn_rnn"
every_case = pytest.mark.parametrize("case", one_in(3, CASES.values(), FIRST, 2), ids=list(CASES))


def tables(section):
    return [block for block in section.blocks if isinstance(block, Table)]


def data(value):
    return value.data if isinstance(value, PackedSequence) else value


@every_case
def test_the_table_of_tensors_has_the_sizes_of_nn_rnn(case):
    input, output, h_n = results(case, reference(case))
    shown = {row[0]: row[2] for row in tables(explain(case).sections[0])[0].rows}
    seen = {"input": data(input), "h_0": h_n, "output": data(output), "h_n": h_n}
    assert shown == {name: size(tuple(tensor.shape)) for name, tensor in seen.items()}


@pytest.mark.parametrize("name", ["default", "bidirectional", "batch_first"])
def test_a_sequence_without_a_batch_axis_has_the_sizes_that_are_named(name):
    rnn = reference(CASES[name])
    input = torch.randn(CASES[name].input.seq_len, rnn.input_size)
    said = explain(CASES[name]).sections[0].blocks[-1].text
    for tensor, value in zip(("input", "output", "h_n"), (input, *rnn(input)), strict=True):
        assert f"`{tensor}` {size(tuple(value.shape))}" in said


@every_case
def test_the_columns_of_the_picture_have_the_sizes_of_nn_rnn_s_steps(case):
    input, output, _ = results(case, reference(case))
    grid = unrolled(case)
    steps = {"input": grid.input_size, "output": grid.output_size}
    for name, whole in {"input": input, "output": output}.items():
        if isinstance(whole, PackedSequence):
            rows = torch.split(whole.data, whole.batch_sizes.tolist())
        else:
            rows = whole.unbind(1 if case.rnn.batch_first and case.input.layout == "batched" else 0)
        assert len(rows) == grid.length
        assert [steps[name](t) for t in range(grid.length)] == [tuple(row.shape) for row in rows]


@every_case
def test_a_layer_of_the_picture_reads_what_its_weight_takes_and_ends_in_its_state(case):
    rnn = reference(case)
    for layer in filter(None, unrolled(case).layers):
        assert layer.features == getattr(rnn, f"weight_ih_l{layer.number}").shape[1]
        place = layer.number * case.rnn.directions
        ends = [f"h_n[{place + d}]" for d in range(case.rnn.directions)]
        assert [row.end for row in layer.rows] == ends
        omitted = case.input.h_0 == "omitted"
        assert [row.start for row in layer.rows] == ["zeros" if omitted else end.replace("n", "0") for end in ends]


@every_case
def test_each_term_of_a_step_runs_and_gives_the_size_it_says(case):
    (table, *_), names = tables(one_step(case)), dict(reference(case).named_parameters())
    batch = () if case.input.layout == "unbatched" else (case.input.batch_size,)
    names |= {"x_t": torch.ones(*batch, case.rnn.input_size), "h": torch.ones(*batch, case.rnn.hidden_size)}
    *terms, last = table.rows
    total = 0
    for code, _, gives in terms:
        total = total + eval(code.strip("`").removeprefix("+ "), {}, names)
        assert gives == f"-> {size(tuple(total.shape))}"
    assert last[0] == f"`h_t = {case.rnn.nonlinearity}(the sum)`"
    assert len(terms) == (4 if case.rnn.bias else 2)


@every_case
def test_what_is_what_is_true_of_nn_rnn_s_results(case):
    _, output, h_n = results(case, reference(case))
    for k in range(case.rnn.num_layers):
        for d in range(case.rnn.directions):
            names = {"output": output, "h_n": h_n, "k": k, "d": d, "torch": torch, "nn": nn, "num_classes": 4}
            if case.input.layout == "packed":
                exec(unpacking(case), {"pad_packed_sequence": pad_packed_sequence}, names)
            for fact in facts(case):
                value = eval(fact.code, names)
                assert tuple(value.shape) == fact.shape, fact
                if fact.equals:
                    torch.testing.assert_close(value, eval(fact.equals, names), rtol=0, atol=0)


@every_case
def test_a_head_takes_what_it_is_said_to_be_given(case):
    _, output, h_n = results(case, reference(case))
    names = {"output": output, "h_n": h_n, "torch": torch, "nn": nn, "num_classes": 4}
    if case.input.layout == "packed":
        exec(unpacking(case), {"pad_packed_sequence": pad_packed_sequence}, names)
    built, *fed = (eval(code, names) for code in head(case))
    text = explain(case).sections[2].blocks[-1].text
    for given in fed:
        assert size(tuple(built(given).shape)).replace("4)", "num_classes)").replace("(4,)", "(num_classes,)") in text


@every_case
def test_the_row_of_an_argument_names_the_sizes_that_another_value_changes(case):
    (table,) = tables(the_arguments(case))
    assert [row[0].strip("`") for row in table.rows] == list(MEANINGS)
    for (code, value, text), name in zip(table.rows, MEANINGS, strict=True):
        here = getattr(case.rnn, name)
        assert (code, value) == (f"`{name}`", str(here))
        assert re.search(r"\w\.$|\)\.$", text), text  # a sentence that ends in a word or a size
        if name in ("nonlinearity", "dropout"):
            assert "Changes no size." in text
            continue
        other = reference(case, **{name: not here if isinstance(here, bool) else here + 1})
        shown = other if isinstance(here, bool) else reference(case)
        seen, changed = (results(case, module) for module in (reference(case), other))
        said = results(case, shown)
        for at, tensor in enumerate(("input", "output", "h_n")):
            if data(seen[at]).shape != data(changed[at]).shape:
                assert f"{tensor} {size(tuple(data(said[at]).shape))}" in text
            else:
                assert f"{tensor} (" not in text


def test_of_many_layers_the_ends_are_drawn():
    grid = unrolled(CASES["many layers"])
    assert [layer and layer.number for layer in grid.layers] == [11, None, 1, 0]
    assert grid.folded_layers == 9
    four = CASES["bidirectional"]
    assert four.rnn.num_layers == MOST_LAYERS
    assert [layer.number for layer in unrolled(four).layers] == [3, 2, 1, 0]


@pytest.mark.parametrize("most", range(1, 8))
def test_long_sequences_are_folded_in_the_middle(most):
    grid = unrolled(CASES["long"])
    steps = grid.steps(most)
    assert len(steps) == most + 1
    assert steps.count(None) == 1
    assert steps[0] == 0
    assert most == 1 or steps[-1] == 199
    assert list(filter(lambda t: t is not None, steps)) == sorted(set(steps) - {None})
    assert unrolled(CASES["default"]).steps(5) == (0, 1, 2, 3, 4)


def test_the_steps_that_run_are_those_of_each_sequence():
    (_, running) = tables(explain(CASES["packed"]).sections[0])
    assert [row[2:-1].count("h") for row in running.rows] == [3, 5, 1, 4]
    assert [row[-1] for row in running.rows] == ["t=2 and t=0", "t=4 and t=0", "t=0 and t=0", "t=3 and t=0"]
    (_, folded) = tables(explain(CASES["packed, long"]).sections[0])
    for *cells, ends in folded.rows[:-1]:
        length = int(cells[1])
        assert ends == f"t={length - 1}"
        assert cells[2:].count("...") == (length > 3)
    assert folded.rows[-1][0] == "6\N{NO-BREAK SPACE}more"
