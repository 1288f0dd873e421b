"""The fault catalogue: its words, its code, and the command that shows it."""

import functools
import itertools
import json
import re

import pytest
import torch
from conftest import ROOT
from levels import one_in

from rnncli.candidate.load import load
from rnncli.core.case import Case
from rnncli.core.errors import ExitCode
from rnncli.faults.catalogue import CATALOGUE, CATALOGUES
from rnncli.faults.planted import plant
from rnncli.numerics.probe import draw, packer
from rnncli.verdict.evaluate import candidate_side, evaluate, reference_side

FLAGS = (False, True)
UNPLANTED = "test_without_a_fault_it_is_nn_rnn_gradients_and_dropout_masks_included"
MODES = ((0.0, False), (0.4, False), (0.4, True))  # dropout, train
LAYOUTS = {
    "time-first": {"layout": "batched"},
    "batch-first": {"layout": "batched"},
    "unbatched": {"layout": "unbatched"},
    "unbatched-batch-first": {"layout": "unbatched"},
    "packed": {"layout": "packed", "lengths": [3, 8, 5]},
    "packed-batch-first": {"layout": "packed", "lengths": [3, 8, 5]},
}
BY_VALUES = [id for id, fault in CATALOGUE.items() if not fault.own_evidence]
# Right forward, or for all but h_n: what the words of these faults say of the tensors that stay right
FORWARD_RIGHT = {"state-detached", "h0-detached", "backward-breaks", "device-hardcoded", "h0-mutated"}
OUTPUT_RIGHT = {
    "reverse-final-from-last-step",
    "hn-direction-major",
    "hn-batch-first",
    "hn-last-layer-only",
    "hn-directions-joined",
    "packed-hn-not-restored",
}
RIGHT_STATE_OF_THE_FIRST_LAYER = {
    "state-delayed",
    "state-aliased",
    "reverse-not-restored",
    "directions-swapped",
    "h0-from-layer-below",
    "layer-input-delayed",
    "dropout-missing",
    "dropout-after-last-layer",
    "dropout-in-eval",
    "dropout-not-scaled",
    "dropout-mask-shared",
}
UNREACHED = {
    "missing-bias-ih": r"bias_ih",
    "missing-bias-hh": r"bias_hh",
    "bias-ih-twice": r"bias_hh",
    "h0-ignored": r"h_0",
    "h0-detached": r"h_0",
    "reverse-weights-shared": r"_reverse",
}


def case_of(layout="time-first", *, h_0="random", train=False, **rnn):
    """A case whose sizes are pairwise distinct, H_in, H_out, D*H_out, N, L and D*num_layers alike."""
    rnn = {"input_size": 7, "hidden_size": 5, "batch_first": layout.endswith("batch-first"), **rnn}
    sizes = {"seq_len": 8, "batch_size": 3, "h_0": h_0, **LAYOUTS[layout]}
    return Case.model_validate({"rnn": rnn, "input": sizes, "run": {"dtype": "float64", "train": train}})


def revealing_case(id):
    """A case in which the fault is possible and can be seen."""
    fault = CATALOGUE[id]
    needs = {need.what for need in fault.needs}
    layout = "packed" if "layout packed" in needs else "batch-first" if "batch_first" in needs else "time-first"
    dropout = 0.4 if "dropout above 0" in needs else 0.0
    case = case_of(layout, num_layers=2, bidirectional=True, dropout=dropout, train="train" in needs)
    assert fault.unmet(case) is None
    return case


def computed(candidate, case, probe=None):
    """What a candidate computes, by tensor; a raise of its forward instead of it, as text."""
    try:
        return evaluate(candidate_side(candidate, case, probe or draw(case)), case)
    except (RuntimeError, IndexError) as error:
        return f"raises {error}"


def distance(one, other):
    """The largest error of any tensor, relative to the largest value; infinite where forms or findings differ."""
    if isinstance(one, str) or isinstance(other, str):
        return 0.0 if isinstance(one, str) and one == other else float("inf")
    if one.findings != other.findings:
        return float("inf")
    assert one.tensors.keys() == other.tensors.keys()
    return max(tensor_distance(one.tensors[name], other.tensors[name]) for name in one.tensors)


def tensor_distance(one, other):
    if one is None or other is None:
        return 0.0 if one is other else float("inf")
    if (one.shape, one.dtype) != (other.shape, other.dtype):
        return float("inf")
    scale = max(one.abs().max().item(), other.abs().max().item())
    return (one - other).abs().max().item() / scale if scale else 0.0


@pytest.mark.parametrize("layout", one_in(3, LAYOUTS, UNPLANTED, 2))
@pytest.mark.parametrize("h_0", ["random", "omitted"])
@pytest.mark.parametrize("bidirectional", FLAGS, ids=["one-direction", "two-directions"])
def test_without_a_fault_it_is_nn_rnn_gradients_and_dropout_masks_included(layout, h_0, bidirectional):
    product = itertools.product((1, 3), ("tanh", "relu"), FLAGS, MODES)
    for layers, nonlinearity, bias, (dropout, train) in product:
        arguments = {"num_layers": layers, "nonlinearity": nonlinearity, "bias": bias, "dropout": dropout}
        case = case_of(layout, h_0=h_0, train=train, bidirectional=bidirectional, **arguments)
        probe = draw(case)
        reference = evaluate(reference_side(case, probe), case)
        assert all(value is not None for value in reference.tensors.values())
        assert distance(computed(plant(), case, probe), reference) < 1e-12, case


@pytest.mark.parametrize("layout", LAYOUTS)
def test_without_a_fault_it_runs_on_tensors_without_storage(layout):
    case = case_of(layout, num_layers=2, bidirectional=True, dropout=0.5, train=True)
    output, h_n = on_meta(plant(), case)
    data = output.data if case.input.layout == "packed" else output
    assert data.device.type == h_n.device.type == "meta"
    (data.sum() + h_n.sum()).backward()


def on_meta(candidate, case):
    probe = draw(case).to(torch.float32, torch.device("meta"))
    parameters = {name: value.requires_grad_() for name, value in probe.parameters.items()}
    return candidate(packer(case, probe.input.device)(probe.input), probe.h_0, parameters, case)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_without_a_fault_it_stays_in_the_dtype_it_is_given(dtype):
    case = case_of("packed", num_layers=2, bidirectional=True, dropout=0.4, train=True)
    values = computed(plant(), case, draw(case).to(dtype, torch.device("cpu")))
    assert {value.dtype for value in values.tensors.values()} == {dtype}


def test_without_a_fault_it_draws_nothing_but_dropout_masks():
    case = case_of("packed", num_layers=2, bidirectional=True, dropout=0.4)
    probe = draw(case)
    before = torch.random.get_rng_state()
    plant()(packer(case, probe.input.device)(probe.input), probe.h_0, probe.parameters, case)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_an_unknown_id_is_not_planted():
    with pytest.raises(KeyError, match="state-forgotten"):
        plant("state-delayed", "state-forgotten")


@pytest.mark.parametrize(("cell", "id"), [(cell, id) for cell in CATALOGUES for id in CATALOGUES[cell]])
def test_every_fault_has_all_its_words_and_they_name_the_layer_of_its_cell(cell, id):
    fault = CATALOGUES[cell][id]
    words = f"{fault.written} {fault.shows} {fault.fix}"
    assert set(re.findall(r"nn\.(\w+)", words)) - {"Dropout"} <= {cell}
    assert cell == "RNN" or "h = tanh(" not in words
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", id)
    for line in (fault.written, fault.fix):
        assert line
        assert "\n" not in line
        assert not line.endswith(".")
    assert re.fullmatch(r"[A-Za-z].*\.", fault.shows)
    assert "  " not in fault.written + fault.shows + fault.fix


@pytest.mark.parametrize("id", BY_VALUES)
def test_a_fault_is_seen_in_values_shapes_gradients_or_a_raise(id):
    case = revealing_case(id)
    assert distance(computed(plant(id), case), computed(plant(), case)) > 1e-6


@pytest.mark.parametrize("id", sorted(FORWARD_RIGHT | OUTPUT_RIGHT))
def test_a_fault_that_leaves_the_outputs_right_does(id):
    case = revealing_case(id)
    right, wrong = computed(plant(), case), computed(plant(id), case)
    assert tensor_distance(wrong.tensors["output"], right.tensors["output"]) < 1e-12
    assert (tensor_distance(wrong.tensors["h_n"], right.tensors["h_n"]) < 1e-12) == (id in FORWARD_RIGHT)


@pytest.mark.parametrize("id", sorted(RIGHT_STATE_OF_THE_FIRST_LAYER))
def test_a_fault_that_begins_above_the_states_of_the_first_layer_leaves_them_right(id):
    case = revealing_case(id)
    right, wrong = computed(plant(), case), computed(plant(id), case)
    assert torch.equal(wrong.tensors["h_n"][:2], right.tensors["h_n"][:2])
    assert not torch.equal(wrong.tensors["output"], right.tensors["output"])


@pytest.mark.parametrize(("id", "leaves"), UNREACHED.items(), ids=list(UNREACHED))
def test_no_gradient_reaches_what_is_not_used(id, leaves):
    tensors = computed(plant(id), revealing_case(id)).tensors
    without = {name for name, value in tensors.items() if value is None}
    assert without == {name for name in tensors if name.startswith("grad ") and re.search(leaves, name)}


@pytest.mark.parametrize("layout", ["time-first", "packed"])
def test_an_aliased_buffer_holds_the_last_state_at_every_step(layout):
    case = case_of(layout)
    probe = draw(case)
    given = packer(case, probe.input.device)(probe.input)
    output, h_n = plant("state-aliased")(given, probe.h_0, probe.parameters, case)
    if layout == "packed":
        output, _ = torch.nn.utils.rnn.pad_packed_sequence(output)
        assert all(torch.equal(output[t, n], h_n[0, n]) for n, length in enumerate((3, 8, 5)) for t in range(length))
    else:
        assert torch.equal(output, h_n.expand_as(output))


@pytest.mark.parametrize("id", [id for id in BY_VALUES if not re.match("packed|dropout|hn-batch|batch", id)])
@pytest.mark.parametrize("input_size", [7, 10], ids=["distinct-sizes", "equal-sizes"])
def test_a_fault_does_to_a_packed_sequence_what_it_does_to_that_sequence_alone(id, input_size):
    arguments = {"num_layers": 2, "bidirectional": True, "input_size": input_size}
    packed = case_of("packed", **arguments)
    alone = case_of("unbatched", **arguments)
    probe = draw(packed)
    given = packer(packed, probe.input.device)(probe.input)
    sequences, lengths = torch.nn.utils.rnn.pad_packed_sequence(given)
    try:
        output, h_n = plant(id)(given, probe.h_0, probe.parameters, packed)
    except RuntimeError:
        with pytest.raises(RuntimeError):
            plant(id)(sequences[:, 1], probe.h_0[:, 1], probe.parameters, alone)
        return
    padded, _ = torch.nn.utils.rnn.pad_packed_sequence(output)
    for n, length in enumerate(lengths.tolist()):
        expected = plant(id)(sequences[:length, n], probe.h_0[:, n], probe.parameters, alone)
        assert tensor_distance(padded[:length, n], expected[0]) < 1e-13
        assert tensor_distance(h_n[:, n], expected[1]) < 1e-13


APPLICABILITY = [
    (layout, layers, bidirectional, bias, h_0, dropout, train)
    for layout, layers, bidirectional, (bias, h_0), (dropout, train) in itertools.product(
        LAYOUTS, (1, 2), FLAGS, ((True, "omitted"), (False, "random")), MODES
    )
]


PARTS = 7  # no axis of the product has seven values, so that each part has all values of each axis


@functools.cache
def applicability(part):
    cases = []
    for layout, layers, bidirectional, bias, h_0, dropout, train in APPLICABILITY[part::PARTS]:
        arguments = {"num_layers": layers, "bidirectional": bidirectional, "bias": bias, "dropout": dropout}
        cases.append(case_of(layout, h_0=h_0, train=train, **arguments))
    return cases


@functools.cache
def cases_without_a_fault(part):
    return [(case, draw(case), computed(plant(), case)) for case in applicability(part)]


APPLIES = pytest.mark.exhaustive(twin="test_a_fault_applies_exactly_where_planting_it_makes_a_difference")


@pytest.mark.parametrize("id", BY_VALUES)
@pytest.mark.parametrize("part", [pytest.param(part, marks=APPLIES if part else ()) for part in range(PARTS)])
def test_a_fault_applies_exactly_where_planting_it_makes_a_difference(id, part):
    for case, probe, right in cases_without_a_fault(part):
        reason = CATALOGUE[id].unmet(case)
        differs = distance(computed(plant(id), case, probe), right) > 1e-9
        assert differs == (reason is None), (case.config, reason)


@pytest.mark.parametrize("id", BY_VALUES)
def test_a_fault_applies_somewhere(id):
    assert None in {CATALOGUE[id].unmet(case) for part in range(PARTS) for case in applicability(part)}


@pytest.mark.parametrize(
    ("id", "arguments", "reason"),
    [
        ("missing-bias-ih", {"bias": False}, "needs bias"),
        ("h0-ignored", {"h_0": "omitted"}, "needs h_0 given"),
        ("h0-mutated", {"h_0": "omitted"}, "needs h_0 given"),
        ("layer-weights-shared", {}, "needs num_layers 2 or more"),
        ("directions-swapped", {}, "needs bidirectional"),
        ("hn-direction-major", {}, "needs num_layers 2 or more and bidirectional"),
        ("hn-batch-first", {}, "needs batch_first"),
        ("batch-first-ignored", {"batch_first": True, "layout": "packed"}, "needs layout batched"),
        ("packed-reads-padding", {}, "needs layout packed"),
        ("dropout-missing", {"num_layers": 2, "train": True}, "needs dropout above 0"),
        ("dropout-after-last-layer", {"dropout": 0.5}, "needs train"),
        ("dropout-in-eval", {"dropout": 0.5, "num_layers": 2, "train": True}, "needs train off"),
    ],
)
def test_what_a_case_lacks_is_said_in_words(id, arguments, reason):
    assert CATALOGUE[id].unmet(case_of(**arguments)) == reason


def test_sizes_and_values_do_not_make_a_fault_inapplicable():
    blind = Case.model_validate({"input": {"seq_len": 1, "h_0": "zeros"}, "run": {"gradients": False}})
    assert {CATALOGUE[id].unmet(blind) for id in ("state-not-carried", "state-detached", "h0-ignored")} == {None}


# Sizes that nothing raises on, so that faults are told apart by what they compute
RICH = {
    "two directions": {"num_layers": 2, "bidirectional": True, "input_size": 10, "dropout": 0.4, "train": True},
    "three layers in eval mode": {"num_layers": 3, "bidirectional": True, "input_size": 10, "dropout": 0.4},
    "packed": {"layout": "packed", "num_layers": 2, "bidirectional": True, "input_size": 10},
    "one direction": {"num_layers": 2, "input_size": 5},
    "N equals L": {"layout": "batch-first", "num_layers": 2, "bidirectional": True, "input_size": 10},
}


@pytest.mark.parametrize("rich", RICH)
def test_no_two_faults_are_the_same_function(rich):
    case = case_of(**RICH[rich])
    if rich == "N equals L":
        case = Case.model_validate(case.config | {"input": {"seq_len": 4, "batch_size": 4}})
    probe = draw(case)
    right = computed(plant(), case, probe)
    results = {id: computed(plant(id), case, probe) for id in BY_VALUES if CATALOGUE[id].unmet(case) is None}
    ran = {id: values for id, values in results.items() if not isinstance(values, str)}
    raised = {id for id, values in results.items() if isinstance(values, str)}
    assert raised <= {"weight-ih-transposed"}
    for one, other in itertools.combinations(ran, 2):
        assert distance(ran[one], ran[other]) > 1e-9, (one, other)
    assert min(distance(values, right) for values in ran.values()) > 1e-9


def test_every_fault_of_values_is_told_apart_somewhere_without_raising():
    cases = [case_of(**arguments) for arguments in RICH.values()]
    once = {id for id in BY_VALUES for case in cases if CATALOGUE[id].unmet(case) is None}
    assert once == set(BY_VALUES)


def test_two_faults_together_are_neither_of_them():
    case = case_of(num_layers=2, bidirectional=True)
    pairs = {ids: computed(plant(*ids), case) for ids in ((), ("missing-bias-hh",), ("hn-direction-major",))}
    pairs["both"] = computed(plant("missing-bias-hh", "hn-direction-major"), case)
    for one, other in itertools.combinations(pairs.values(), 2):
        assert distance(one, other) > 1e-6
    assert torch.equal(pairs["both"].tensors["output"], pairs["missing-bias-hh",].tensors["output"])


def test_a_fault_given_twice_is_planted_once():
    case = case_of()
    assert (
        distance(computed(plant("state-delayed", "state-delayed"), case), computed(plant("state-delayed"), case)) == 0
    )


def test_any_two_faults_can_be_planted_together():
    for pair in itertools.combinations(CATALOGUE, 2):
        plant(*pair)  # what is compiled is Python, in particular


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_backward_that_breaks_has_a_right_forward(nonlinearity, layout):
    case = case_of(layout, nonlinearity=nonlinearity)
    values, right = computed(plant("backward-breaks"), case), computed(load(case), case)
    assert max(tensor_distance(values.tensors[name], right.tensors[name]) for name in ("output", "h_n")) < 1e-12
    assert values.findings
    assert all("modified by an inplace operation" in finding.reason for finding in values.findings.values())


def test_a_float32_buffer_shows_in_float64_alone_and_at_the_size_of_float32_rounding():
    case = case_of(num_layers=2, bidirectional=True)
    error = distance(computed(plant("downcast-float32"), case), computed(plant(), case))
    assert 1e-9 < error < 1e-5
    probe = draw(case).to(torch.float32, torch.device("cpu"))
    assert distance(computed(plant("downcast-float32"), case, probe), computed(plant(), case, probe)) == 0


@pytest.mark.parametrize("layout", one_in(3, LAYOUTS, "test_a_buffer_on_the_cpu_shows_on_another_device_alone"))
def test_a_buffer_on_the_cpu_shows_on_another_device_alone(layout):
    case = case_of(layout, num_layers=2, bidirectional=True)
    assert distance(computed(plant("device-hardcoded"), case), computed(plant(), case)) < 1e-12
    with pytest.raises(RuntimeError, match="device"):
        on_meta(plant("device-hardcoded"), case)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_h_0_that_is_overwritten_is_found_and_every_value_is_right(layout):
    case = case_of(layout, num_layers=2, bidirectional=True)
    values, right = computed(plant("h0-mutated"), case), computed(plant(), case)
    assert list(values.findings) == ["grad h_0"]
    assert "overwritten" in values.findings["grad h_0"].reason
    assert all(torch.equal(values.tensors[name], right.tensors[name]) for name in right.tensors)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_state_that_leaks_shows_in_the_second_call_of_the_same_callable(layout):
    case = case_of(layout, num_layers=2, bidirectional=True)
    leaking, right = plant("state-leaks-between-calls"), computed(plant(), case)
    assert distance(computed(leaking, case), right) == 0
    assert distance(computed(leaking, case), right) > 1e-6
    assert distance(computed(plant("state-leaks-between-calls"), case), right) == 0


def test_state_that_leaks_does_not_where_the_next_call_has_another_form():
    leaking = plant("state-leaks-between-calls")
    computed(leaking, case_of())
    other = case_of(num_layers=2)
    assert distance(computed(leaking, other), computed(plant(), other)) == 0


@pytest.mark.parametrize("cell", ["", "RNN", "GRU", "lstm"])
def test_the_list_of_faults_names_each_with_what_was_written_in_80_columns(rnncli, cell):
    outcome, catalogue = rnncli("faults", *(["--cell", cell] if cell else [])), CATALOGUES[cell.upper() or "RNN"]
    assert (outcome.code, outcome.err) == (0, "")
    assert max(map(len, outcome.out.splitlines())) <= 80
    text = " ".join(outcome.out.split())
    for fault in catalogue.values():
        assert f"{fault.id} {fault.written}" in text
    asked = "rnncli faults ID" if cell in ("", "RNN") else f"rnncli faults --cell {cell.upper()} ID"
    assert f"{len(catalogue)} faults; `{asked}` shows" in outcome.out
    by_values, by_evidence = outcome.out.split("found by their own evidence")
    assert "\nh0-detached " in by_values
    assert "\nh0-mutated " in by_evidence
    assert "\nh0-mutated " not in by_values


def test_a_fault_of_another_cell_is_shown_with_its_forms_and_elsewhere_its_cell_is_named(rnncli):
    shown = " ".join(rnncli("faults", "gates-in-another-order", "--cell", "LSTM").out.split())
    assert "in forms i,o,f,c of ONNX; i,c,f,o of old TensorFlow; i,f,o,g of Core ML; f,i,c,o of OpenVINO" in shown
    outcome = rnncli("faults", "cell-detached", "--cell", "GRU")
    assert (outcome.code, outcome.err) == (2, 'rnncli: ID: "cell-detached" is a fault of cell LSTM; add --cell LSTM\n')
    unknown = rnncli("faults", "reset-before", "--cell", "gru").err
    assert unknown.endswith("(did you mean reset-before-product?); `rnncli faults --cell GRU` lists all of them\n")
    cell = rnncli("faults", "--cell", "LTSM").err
    assert cell == 'rnncli: --cell: "LTSM" is not allowed (did you mean LSTM?); allowed: RNN, GRU, LSTM\n'


@pytest.mark.parametrize("id", CATALOGUE)
def test_one_fault_is_shown_in_full(rnncli, id):
    outcome = rnncli("faults", id)
    assert (outcome.code, outcome.err) == (0, "")
    assert max(map(len, outcome.out.splitlines())) <= 80
    assert outcome.out.splitlines()[0] == id
    text = " ".join(outcome.out.split())
    fault = CATALOGUE[id]
    for part in (f"written {fault.written}", f"shows {fault.shows}", f"fix {fault.fix}"):
        assert part in text
    assert all(need.what in text.split(" applies to ")[1] for need in fault.needs)


def test_the_json_of_faults_holds_every_entry(rnncli, tmp_path):
    described = json.loads(rnncli("faults", "--format", "json").out)
    assert (described["schema_version"], described["command"], described["cell"]) == (1, "faults", "RNN")
    assert [fault["id"] for fault in described["faults"]] == list(CATALOGUE)
    gated = json.loads(rnncli("faults", "--cell", "GRU", "--format", "json").out)
    assert [fault["id"] for fault in gated["faults"]] == list(CATALOGUES["GRU"])
    keys = ("id", "written", "shows", "fix", "own_evidence")
    one = {key: getattr(CATALOGUE["h0-mutated"], key) for key in keys}
    assert one in described["faults"]
    file = tmp_path / "fault.json"
    assert rnncli("faults", "h0-mutated", "--format", "json", "--output", file).out == ""
    assert json.loads(file.read_text())["faults"] == [one]


def test_a_wrong_id_is_a_usage_error_that_names_the_nearest(rnncli):
    outcome = rnncli("faults", "state_delay")
    assert (outcome.code, outcome.out) == (ExitCode.USAGE, "")
    assert outcome.err == (
        'rnncli: ID: "state_delay" is not a fault of the catalogue (did you mean state-delayed?); '
        "`rnncli faults` lists all of them\n"
    )


COSTLY = {
    "torch",
    "pydantic",
    "yaml",
    "rich.table",
    "rnncli.core.case",
    "rnncli.config.cases",
}  # modules that cost time


def test_the_catalogue_is_read_without_torch_and_without_the_validation_of_configs(torch_free):
    assert not COSTLY & torch_free.after(None, before="import rnncli.faults.catalogue, rnncli.cli.faults").modules
    assert COSTLY & torch_free.after(None, before="import rnncli.core.case").modules >= {"pydantic", "rnncli.core.case"}


@pytest.mark.parametrize("asked", ["faults", "faults h0-mutated", "faults --format json", "faults h1-mutated"])
def test_the_command_loads_no_torch_and_none_of_the_validation_of_configs(torch_free, asked):
    loaded = COSTLY & torch_free.after(asked.split()).modules
    assert loaded <= {"pydantic"}  # Typer itself converts a command's arguments with it


@pytest.mark.parametrize("arguments", [["--format", "xml"], ["--output", ROOT]], ids=["format", "output"])
def test_a_format_or_file_that_cannot_be_is_refused_before_anything_is_printed(rnncli, arguments):
    outcome = rnncli("faults", *arguments)
    assert (outcome.code, outcome.out) == (ExitCode.USAGE, "")
    assert "allowed: " in outcome.err
