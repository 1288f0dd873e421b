"""Every size and every claim that `explain` makes, held against torch's own layers."""

import re

import pytest
import torch
from cases import CASES, reference, results
from levels import one_in
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from rnncli.core.case import Case, altered
from rnncli.core.words import size
from rnncli.explain.arguments import the_arguments
from rnncli.explain.blocks import Table
from rnncli.explain.explanation import explain
from rnncli.explain.grid import MOST_LAYERS, unrolled
from rnncli.explain.step import one_step

FIRST = "test_the_table_of_tensors_has_the_sizes_of_torch_s_layer"
every_case = pytest.mark.parametrize("case", one_in(3, CASES.values(), FIRST, 2), ids=list(CASES))


def tables(section):
    return [block for block in section.blocks if isinstance(block, Table)]


def data(value):
    return value.data if isinstance(value, PackedSequence) else value


@every_case
def test_the_table_of_tensors_has_the_sizes_of_torch_s_layer(case):
    seen = results(case, reference(case))
    shown = {row[0]: row[2] for row in tables(explain(case).sections[0])[0].rows}
    assert shown == {name: size(tuple(data(tensor).shape)) for name, tensor in seen.items()}


@pytest.mark.parametrize("name", ["default", "bidirectional", "batch_first", "gru", "lstm, projected"])
def test_a_sequence_without_a_batch_axis_has_the_sizes_that_are_named(name):
    case = CASES[name]
    alone = results(altered(case, input={"layout": "unbatched"}), reference(case))
    said = explain(case).sections[0].blocks[-1].text
    for tensor in ("input", "output", *case.cell.final):
        assert f"`{tensor}` {size(tuple(alone[tensor].shape))}" in said


@every_case
def test_the_columns_of_the_picture_have_the_sizes_of_the_layer_s_steps(case):
    seen, grid = results(case, reference(case)), unrolled(case)
    shown = {row.kind: row.cells for row in grid.rows(grid.length)}
    for name in ("input", "output"):
        if isinstance(seen[name], PackedSequence):
            steps = torch.split(seen[name].data, seen[name].batch_sizes.tolist())
        else:
            steps = seen[name].unbind(1 if case.rnn.batch_first and case.input.layout == "batched" else 0)
        assert shown[name] == tuple(size(tuple(step.shape)) for step in steps)


@every_case
def test_a_layer_of_the_picture_reads_what_its_weight_takes_and_ends_in_its_state(case):
    rnn, directions = reference(case), case.rnn.directions
    rows = list(unrolled(case).rows(2))
    for at, row in enumerate(rows):
        if row.kind == "forward":
            k = int(row.name.removeprefix("layer "))
            ends = [(f"h_0[{directions * k + d}]", f"h_n[{directions * k + d}]") for d in range(directions)]
            ends = [("zeros", end) for _, end in ends] if case.input.h_0 == "omitted" else ends
            found = rows[at : at + directions]
            assert [(row.left, row.right) if row.kind == "forward" else (row.right, row.left) for row in found] == ends
            assert set(row.cells) <= {",".join(case.cell.states), "..."}
            features = getattr(rnn, f"weight_ih_l{k}").shape[1]
            assert rows[at + directions].right == f"{features:,} feature{'s' if features > 1 else ''}"


@every_case
def test_each_row_of_a_step_runs_and_gives_the_size_it_says(case):
    (table, *_), names = tables(one_step(case)), dict(reference(case).named_parameters())
    names |= {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu}
    batch = () if case.input.layout == "unbatched" else (case.input.batch_size,)
    names |= {"x_t": torch.ones(*batch, case.rnn.input_size), "h": torch.ones(*batch, case.rnn.h_out)}
    names["c"] = torch.ones(*batch, case.rnn.hidden_size)
    total = None
    for code, _, gives in table.rows:
        code = code.strip("`")
        if "(the sum)" in code:
            names["h_t"] = value = getattr(torch, case.rnn.nonlinearity)(total)
        elif " = " in code:
            name, _, expression = code.partition(" = ")
            names[name] = value = eval(expression, {}, names)
        elif "," in code:
            parts = code.split(", ")
            names |= zip(parts, total.chunk(len(parts), -1), strict=True)
            value = names[parts[0]]
            gives = gives.replace(f"{len(parts)} x ", "")
        else:
            term = eval(code.removeprefix("+ "), {}, names)
            total = value = total + term if code.startswith("+ ") else term
        assert re.sub(r"\w+=", "", gives) == f"-> {size(tuple(value.shape))}", code
    state = names["h_t"]
    assert tuple(state.shape) == (*batch, case.rnn.h_out)


@every_case
def test_the_gates_have_the_rows_that_are_named(case):
    if case.cell.has_nonlinearity:
        return
    _, table = tables(one_step(case))
    rows = [row[1].split(":") for row in table.rows]
    blocks = torch.arange(len(reference(case).weight_hh_l0)).chunk(len(case.cell.gates))
    assert [list(range(*map(int, row))) for row in rows] == [block.tolist() for block in blocks]
    assert tuple(row[0].strip("`") for row in table.rows) == case.cell.gates


@every_case
def test_what_is_what_is_true_of_the_layer_s_results(case):
    names = {**results(case, reference(case)), "torch": torch, "nn": nn, "num_classes": 4}
    section = explain(case).sections[2]
    if case.input.layout == "packed":
        exec(section.blocks[0].text, {"pad_packed_sequence": pad_packed_sequence}, names)
    (table,) = tables(section)
    for k in range(case.rnn.num_layers):
        for d in range(case.rnn.directions):
            names |= {"k": k, "d": d}
            for code, shape, meaning in table.rows:
                value = eval(code.strip("`"), names)
                assert size(tuple(value.shape)) == shape, code
                equals = meaning.rpartition("; equals `")
                if equals[1]:
                    torch.testing.assert_close(value, eval(equals[2].strip("`"), names), rtol=0, atol=0)
    head, fed = re.search(r"A head is `(.*?)`. Given `(.*?)`", section.blocks[-1].text).groups()
    every = re.search(r"; given `(.*?)`", section.blocks[-1].text)[1]
    for given in (fed, every):
        shown = size(tuple(eval(head, names)(eval(given, names)).shape))
        assert shown.replace("4)", "num_classes)").replace("(4,)", "(num_classes,)") in section.blocks[-1].text


@every_case
def test_the_row_of_an_argument_names_the_sizes_that_another_value_changes(case):
    (table,) = tables(the_arguments(case))
    assert [row[0].strip("`") for row in table.rows] == list(case.rnn.arguments)
    for code, value, text in table.rows:
        name = code.strip("`")
        here = getattr(case.rnn, name)
        assert value == str(here)
        assert re.search(r"\w\.$|\)\.$", text), text  # a sentence that ends in a word or a size
        if name in ("nonlinearity", "dropout"):
            assert "Changes no size." in text
            continue
        if name == "proj_size" and here == 0:
            continue
        other = not here if isinstance(here, bool) else here - 1 if name == "proj_size" and here > 1 else here + 1
        seen, changed = results(case, reference(case)), results(case, reference(case, **{name: other}))
        said = changed if isinstance(here, bool) else seen
        for tensor in case.cell.tensors:
            differs = data(seen[tensor]).shape != data(changed[tensor]).shape
            assert (f"{tensor} {size(tuple(data(said[tensor]).shape))}" in text) == differs, (tensor, text)


@pytest.mark.parametrize("proj_size", [1, 2, 4])
def test_what_a_projection_sets_is_named_whatever_its_size(proj_size):
    case = Case.model_validate({"rnn": {"cell": "LSTM", "hidden_size": 5, "proj_size": proj_size, "bias": False}})
    (table,) = tables(the_arguments(case))
    assert f"weight_hr_l0 ({proj_size}, 5)" in {row[0]: row[2] for row in table.rows}["`proj_size`"]


def test_of_many_layers_the_ends_are_drawn():
    grid = unrolled(CASES["many layers"])
    assert grid.layers == (11, None, 1, 0)
    assert [row.name for row in grid.rows(1) if row.kind == "folded"] == ["9 more layers"]
    four = CASES["bidirectional"]
    assert four.rnn.num_layers == MOST_LAYERS
    assert unrolled(four).layers == (3, 2, 1, 0)


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
