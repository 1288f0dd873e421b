"""Faults as edits: each matches the equations exactly once, shows as a difference of lines, and gives another layer."""

import itertools

import pytest
import torch
from levels import one_in
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from rnncli.core.case import Case
from rnncli.faults.catalogue import CATALOGUES, GATED, edits_of, named
from rnncli.faults.edits import FILES, STEP_FUNCTIONS, difference, edited, functions
from rnncli.faults.fault import STEP, Edit, inserted, left_out
from rnncli.faults.planted import compiled, plant

FORMS = [(cell, id) for cell, faults in CATALOGUES.items() for fault in faults.values() for id in fault.as_written()]
OF_GATED = [(cell, id) for cell, id in FORMS if cell != "RNN" and not CATALOGUES[cell][id.split(":")[0]].own_evidence]
LENGTHS = [2, 4, 3]


@pytest.mark.parametrize(("cell", "id"), FORMS)
def test_every_edit_matches_exactly_once_and_shows_as_lines_of_the_equations(cell, id):
    (edits,) = edits_of([id], cell)
    changed = edited([edits], cell)
    assert all(text != functions()[name] for name, text in changed.items())
    for step in set(STEP_FUNCTIONS[cell]) & changed.keys() or STEP_FUNCTIONS[cell][:1]:
        lines = difference(edits, step)
        assert {line[0] for line in lines} & {"-", "+"}
        whole = "\n".join(functions().values())
        assert all(line[2:].strip() in whole for line in lines if line[0] != "-")


def test_an_edit_that_matches_nowhere_or_twice_is_an_error():
    with pytest.raises(ValueError, match=r"'b_xh' stands 0 times in tanh_step, not once"):
        edited([[Edit("tanh_step", "b_xh", "b_hh")]])
    with pytest.raises(ValueError, match=r"' @ ' stands 2 times in relu_step, not once"):
        edited([[Edit("relu_step", " @ ", " * ")]])
    with pytest.raises(KeyError, match="tan_step"):
        edited([[Edit("tan_step", " + b_hh", "")]])


def test_an_edit_of_the_step_is_one_of_every_step_of_the_cell():
    edit = Edit(STEP, " + b_hh", "")
    for cell, steps in STEP_FUNCTIONS.items():
        assert tuple(edited([[edit]], cell)) == steps


def test_lines_are_put_in_and_left_out_at_the_indentation_of_their_place():
    edits = [inserted("layer", "states = new", "if t:", "    t -= 1"), left_out("layer", "outputs.append(states[0])")]
    assert difference(edits) == (
        "- if t:",
        "-     t -= 1",
        "  states = new if inside is None else tuple(map(torch.where, [inside[t]] * len(new), new, states))",
        "+ outputs.append(states[0])",
    )


def test_the_difference_is_that_of_the_step_that_is_looked_at():
    (edits,) = edits_of(["wrong-nonlinearity"])
    assert [line.count("torch.relu") for line in difference(edits, "tanh_step")] == [1, 0]
    assert [line.count("torch.relu") for line in difference(edits, "relu_step")] == [0, 1]
    relu = Case.model_validate({"rnn": {"nonlinearity": "relu"}})
    assert named("wrong-nonlinearity", "", relu).equations == difference(edits, "relu_step")


def test_the_functions_are_those_of_the_files_and_nothing_is_left_of_their_import_of_each_other():
    assert {"tanh_step", "lstm_step", "stack", "recurrent", "flipped", "made_of", "zeros"} <= functions().keys()
    assert FILES == ("equations.py", "stepwise.py")
    assert ".equations" not in "".join(functions().values())


def test_of_two_faults_that_change_the_same_words_the_first_holds():
    for first, second in SAME_WORDS:
        assert edited(edits_of([first, second])) == edited(edits_of([second, first])) == edited(edits_of([first]))


def test_two_faults_that_change_other_words_are_both_made():
    alone = {id: edited(edits_of([id])) for id in CATALOGUES["RNN"]}
    for ids in set(itertools.combinations(CATALOGUES["RNN"], 2)) - SAME_WORDS:
        both = edited(edits_of(ids))
        assert both.keys() == {name for id in ids for name in alone[id]}
        assert all(both != alone[id] for id in ids), ids
        assert all(compile(text, "", "exec") for text in both.values())


SAME_WORDS = {
    ("missing-bias-hh", "bias-ih-twice"),
    ("wrong-nonlinearity", "activation-missing"),
    ("concat-order-swapped", "weight-hh-transposed"),
    *itertools.combinations(["h0-ignored", "h0-layer-shared", "h0-direction-major"], 2),
    *itertools.combinations(["h0-ignored", "h0-reverse-shared", "h0-direction-major"], 2),
    ("dropout-missing", "dropout-after-last-layer"),
    ("dropout-missing", "dropout-mask-shared"),
}


def test_what_is_given_by_name_can_be_used_by_an_edit():
    parameters = dict(nn.RNN(20, 40).named_parameters())
    planted = compiled(edited([[Edit("tanh_step", "torch.tanh(", "mine(")]]), mine=torch.zeros_like)
    assert not planted(torch.ones(5, 10, 20), None, parameters, Case())[0].any()


# Layers with gates


def layer_and_case(cell, layout, layers, bidirectional, bias, h_0, dropout, train, proj_size=0):
    """torch's layer, a case with its arguments, and an input and states for both, in float64."""
    torch.manual_seed(1)
    arguments = {"num_layers": layers, "bidirectional": bidirectional, "bias": bias, "dropout": dropout}
    arguments["batch_first"] = layout == "batch-first"
    given = {"seq_len": 4, "batch_size": 3, "h_0": h_0, "layout": layout.replace("batch-first", "batched")}
    given |= {"lengths": LENGTHS} if layout == "packed" else {}
    arguments |= {"proj_size": proj_size} if proj_size else {}
    rnn = {"cell": cell, "input_size": 7, "hidden_size": 5, **arguments}
    case = Case.model_validate({"rnn": rnn, "input": given, "run": {"dtype": "float64", "train": train}})
    layer = getattr(nn, cell)(7, 5, **arguments).double().train(train)
    for parameter in layer.parameters():
        nn.init.normal_(parameter, std=0.5)
    rows, sizes = layers * (1 + bidirectional), [proj_size or 5, 5] if cell == "LSTM" else [5]
    states = [torch.randn(rows, 3, size, dtype=torch.float64, requires_grad=True) for size in sizes]
    x = torch.randn((3, 4, 7) if layout == "batch-first" else (4, 3, 7), dtype=torch.float64)
    if layout == "unbatched":
        x, states = x[:, 0], [state[:, 0].detach().requires_grad_() for state in states]
    x.requires_grad_()
    start = None if h_0 == "omitted" else tuple(states) if cell == "LSTM" else states[0]
    return layer, case, x, start


def computed(call, x, states, parameters, packed):
    """output, the last states, and every gradient; a raise instead of them."""
    torch.manual_seed(2)  # of the masks of dropout
    try:
        given = pack_padded_sequence(x, torch.tensor(LENGTHS), enforce_sorted=False) if packed else x
        output, last = call(given, states)
        output = output.data if isinstance(output, PackedSequence) else output
        results = [output, *(last if isinstance(last, tuple) else [last])]
        loss = sum((value * torch.arange(value.numel()).view_as(value).sin()).sum() for value in results)
        starts = () if states is None else states if isinstance(states, tuple) else (states,)
        return results + list(torch.autograd.grad(loss, [x, *starts, *parameters.values()], allow_unused=True))
    except (RuntimeError, IndexError) as error:
        return str(error)


def differ(one, other):
    if isinstance(one, str) or len(one) != len(other):
        return True
    return any(
        a is not b if a is None or b is None else a.shape != b.shape or not torch.allclose(a, b, rtol=1e-9, atol=1e-10)
        for a, b in zip(one, other, strict=True)
    )


DIFFERS = "test_a_fault_of_a_gated_layer_applies_exactly_where_it_differs_from_torch_s"
CASES = [  # layout, num_layers, bidirectional, bias, h_0, dropout, train
    ("batched", 2, True, True, "random", 0.4, True),
    ("batch-first", 2, True, True, "random", 0.4, False),
    ("packed", 2, True, True, "random", 0.0, False),
    ("packed", 1, False, False, "omitted", 0.0, True),
    ("unbatched", 2, False, True, "random", 0.4, True),
    ("batch-first", 1, True, False, "omitted", 0.0, True),
    ("batched", 2, True, True, "omitted", 0.4, False),
]


PROJECTED = [(*CASES[0], 3), (*CASES[3], 3)]


@pytest.mark.parametrize(
    ("cell", "case"),
    one_in(3, [("GRU", case) for case in CASES] + [("LSTM", case) for case in (*CASES, *PROJECTED)], DIFFERS, 2),
    ids=lambda value: value if isinstance(value, str) else "-".join(map(str, value)),
)
def test_a_fault_of_a_gated_layer_applies_exactly_where_it_differs_from_torch_s(cell, case):
    layer, case, x, states = layer_and_case(cell, *case)
    packed, params = case.input.layout == "packed", dict(layer.named_parameters())
    right = computed(layer, x, states, params, packed)

    def wrong(*ids):
        planted = plant(*ids, cell=cell)
        return computed(lambda x, states: planted(x, states, params, case), x, states, params, packed)

    assert not differ(wrong(), right)
    applies = {id: CATALOGUES[cell][id.split(":")[0]].unmet(case) for of, id in OF_GATED if of == cell}
    assert {id: differ(wrong(id), right) for id in applies} == {id: reason is None for id, reason in applies.items()}


@pytest.mark.parametrize(("cell", "id"), one_in(4, OF_GATED, "test_a_fault_of_a_gated_layer_applies_somewhere"))
def test_a_fault_of_a_gated_layer_applies_somewhere(cell, id):
    fault = CATALOGUES[cell][id.split(":")[0]]
    cases = [*CASES, *(PROJECTED if cell == "LSTM" else [])]
    assert None in {fault.unmet(layer_and_case(cell, *case)[1]) for case in cases}


@pytest.mark.parametrize("cell", ["GRU", "LSTM"])
def test_no_two_faults_of_a_gated_step_are_the_same_function(cell):
    layer, case, x, states = layer_and_case(cell, "batched", 1, False, True, "random", 0.0, False)
    params = dict(layer.named_parameters())
    of_the_step = {fault.id for fault in GATED[cell]}
    own = [id for of, id in OF_GATED if of == cell and id.split(":")[0] in of_the_step]
    found = {}
    for id in own:
        if CATALOGUES[cell][id.split(":")[0]].unmet(case) is None:
            planted = plant(id, cell=cell)
            call = lambda x, states: planted(x, states, params, case)  # noqa: B023, E731
            found[id] = computed(call, x, states, params, False)
    assert len(found) >= 5
    for one, other in itertools.combinations(found, 2):
        assert differ(found[one], found[other]), (one, other)


def test_every_order_of_the_gates_but_torch_s_can_be_planted():
    for cell, gates in (("GRU", "rzn"), ("LSTM", "ifgo")):
        orders = {id.split(":")[1].split(" ")[0] for id in CATALOGUES[cell]["gates-in-another-order"].as_written()}
        every = {",".join(order) for order in itertools.permutations(gates)} | {"unit"}  # rows unit by unit
        assert {order.replace("c", "g") for order in orders} == every - {",".join(gates)}


def test_a_form_that_is_not_there_is_not_planted():
    with pytest.raises(KeyError, match="i,o,f,g"):
        plant("gates-in-another-order:i,o,f,g", cell="LSTM")  # that is ONNX's, and has its name
    with pytest.raises(KeyError, match="forget-bias-added"):
        plant("forget-bias-added")
