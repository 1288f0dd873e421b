"""The diagnosis: named where it gives the candidate's values, and nowhere else."""

import pytest
import torch
from levels import one_in

import rnncli
from rnncli.candidate.load import canonical, load
from rnncli.core.case import Case, altered
from rnncli.faults.catalogue import CATALOGUES, GATED
from rnncli.faults.diagnose import BY_CAUSE, diagnosed
from rnncli.faults.planted import plant
from rnncli.verdict.judge import Judgement
from rnncli.verdict.problem import Problem

CPU = torch.device("cpu")


def case_of(**sections):
    return Case.model_validate({"input": {"seq_len": 4, "batch_size": 3}, **sections})


TWO_LAYERS = case_of(rnn={"input_size": 5, "hidden_size": 6, "num_layers": 2, "bidirectional": True})


def found(case, call):
    candidate = canonical("candidate", call)
    return diagnosed(case, CPU, candidate, Judgement(Problem(case, CPU), candidate).checks)


VALUES = ["missing-bias-hh", "reverse-not-restored", "layer-input-not-stacked", "hn-direction-major", "h0-ignored"]


@pytest.mark.parametrize("id", [*VALUES, "state-detached", *BY_CAUSE])
def test_a_planted_fault_is_named_with_evidence_and_the_line_to_change(id):
    (diagnosis,) = found(TWO_LAYERS, plant(id))
    assert diagnosis.id == id
    assert diagnosis.evidence
    assert diagnosis.fix


def test_a_result_on_another_device_is_named_and_not_compared():
    def elsewhere(input, h_0, params, case):
        output, h_n = load(Case())(input, h_0, params, case)
        return output.to("meta"), h_n

    (diagnosis,) = found(case_of(), elsewhere)
    assert (diagnosis.id, diagnosis.evidence) == ("device-hardcoded", "output: device meta, expected cpu")


@pytest.mark.parametrize("cell", CATALOGUES)
def test_what_a_check_says_of_itself_is_a_fault_of_every_cell(cell):
    assert {*BY_CAUSE, "batch-mixed", "device-hardcoded"} <= set(CATALOGUES[cell])


@pytest.mark.parametrize("cell", ["GRU", "LSTM"])
def test_a_state_that_is_written_in_place_is_named_for_a_cell_with_gates(cell):
    (diagnosis,) = found(case_of(rnn={"cell": cell}), plant("backward-breaks", cell=cell))
    assert diagnosis.id == "backward-breaks"
    assert diagnosis.evidence.startswith("backward raises RuntimeError")


OF_GATES = [(cell, fault.id, id) for cell in GATED for fault in GATED[cell] for id in fault.as_written()]
OF_GATES += [(cell, id, id) for cell in ("GRU", "LSTM") for id in ("weight-ih-transposed", "weight-hh-transposed")]


@pytest.mark.parametrize(
    ("cell", "id", "written"),
    one_in(3, OF_GATES, "test_a_planted_fault_of_gates_is_named_in_the_form_that_was_written"),
)
def test_a_planted_fault_of_gates_is_named_in_the_form_that_was_written(cell, id, written):
    case = case_of(rnn={"cell": cell, "input_size": 6, "hidden_size": 6})
    if "projection" in id:  # it raises in the second step
        case = altered(case, rnn={"proj_size": 4}, input={"seq_len": 1})
    (diagnosis,) = found(case, plant(written, cell=cell))
    assert diagnosis.id == id
    assert f"equals nn.{cell} with `{written}`" in diagnosis.evidence
    assert written.partition(":")[2] in diagnosis.written
    assert CATALOGUES[cell][id].fix == diagnosis.fix
    assert any(line.startswith("- ") for line in diagnosis.equations)


def test_a_fault_of_values_is_named_on_more_than_one_probe():
    (diagnosis,) = found(TWO_LAYERS, plant("directions-swapped"))
    assert diagnosis.evidence.startswith("the candidate equals nn.RNN with `directions-swapped`, ")
    assert diagnosis.evidence.endswith(", on 3 probes")


def test_a_diagnosis_shows_the_line_of_the_equations_that_differs():
    (diagnosis,) = found(TWO_LAYERS, plant("directions-swapped"))
    assert diagnosis.equations == (
        "- output = torch.cat(halves[::-1], dim=-1)",
        "+ output = torch.cat(halves, dim=-1)",
    )


@pytest.mark.parametrize("cell", CATALOGUES)
def test_sequences_that_are_mixed_in_a_way_of_their_own_show_no_line_of_the_catalogue(cell):
    def candidate(input, h_0, params, case):
        output, last = plant(cell=cell)(input, h_0, params, case)
        return output + output.mean(1, keepdim=True).tanh(), last

    (diagnosis,) = found(case_of(rnn={"cell": cell, "input_size": 5, "hidden_size": 6}), candidate)
    assert (diagnosis.id, diagnosis.equations) == ("batch-mixed", None)
    assert "the axis of every view" in diagnosis.fix


@pytest.mark.parametrize("cell", CATALOGUES)
def test_what_is_reproduced_shows_the_step_of_its_cell(cell):
    case = case_of(rnn={"cell": cell, "input_size": 5, "hidden_size": 6})
    (diagnosis,) = found(case, plant("batch-mixed", cell=cell))
    assert diagnosis.id == "batch-mixed"
    assert diagnosis.equations[-1] == f"+ {'h, c' if cell == 'LSTM' else '(h,)'} = states"


@pytest.mark.parametrize(("part", "said"), [((slice(1, None),), "steps output holds"),
                                            ((..., slice(1, None)), "features each step"),
                                            ((slice(1, None), ..., slice(1, None)), "axes the steps")])  # fmt: skip
def test_output_of_another_size_is_told_by_the_one_axis_that_has_it(part, said):
    def candidate(input, h_0, params, case):
        output, last = plant()(input, h_0, params, case)
        return output[part], last

    (diagnosis,) = found(TWO_LAYERS, candidate)
    assert said in diagnosis.fix


def test_two_faults_are_two_entries_with_the_same_evidence():
    first, second = found(TWO_LAYERS, plant("reverse-not-restored", "missing-bias-ih"))
    assert {first.id, second.id} == {"reverse-not-restored", "missing-bias-ih"}
    assert first.evidence == second.evidence
    assert "`missing-bias-ih` and `reverse-not-restored`" in first.evidence


def nearly(id):
    """A planted fault, and a millionth more: nothing in the catalogue gives that."""

    def candidate(input, h_0, params, case):
        output, h_n = plant(id)(input, h_0, params, case)
        return output * (1 + 1e-6), h_n

    return candidate


def test_what_no_fault_reproduces_is_not_named_after_the_nearest():
    (diagnosis,) = found(TWO_LAYERS, nearly("missing-bias-hh"))
    assert diagnosis.id == "unexplained"


def test_where_nothing_reproduces_it_the_arguments_that_make_it_go_away_are_told():
    def candidate(input, h_0, params, case):
        output, h_n = load(case)(input, h_0, params, case)
        return (output + 0.25 if case.rnn.num_layers > 1 else output), h_n

    (diagnosis,) = found(TWO_LAYERS, candidate)
    assert diagnosis.id == "unexplained"
    assert "right with --num-layers 1" in diagnosis.evidence
    assert "wrong: output" in diagnosis.evidence


def test_where_an_upper_layer_alone_is_wrong_it_is_said_which():
    def candidate(input, h_0, params, case):
        scaled = {name: value * (1.1 if name == "weight_hh_l1" else 1) for name, value in params.items()}
        return load(case)(input, h_0, scaled, case)

    (diagnosis,) = found(TWO_LAYERS, candidate)
    assert "h_n of layer 0 is right, that of layer 1 is wrong" in diagnosis.evidence
    assert diagnosis.fix == "look at what layer 1 does otherwise than the one below it"


@pytest.mark.parametrize("batch_first", [False, True])
def test_axes_in_another_order_are_told_with_the_order_that_they_have(batch_first):
    def candidate(input, h_0, params, case):
        output, h_n = load(case)(input, h_0, params, case)
        return output.transpose(0, 1), h_n

    (diagnosis,) = found(altered(TWO_LAYERS, rnn={"batch_first": batch_first}), candidate)
    assert diagnosis.id == "unexplained"
    axes = "(N, L, D*H_out)", "(L, N, D*H_out)"
    seen, right = reversed(axes) if batch_first else axes
    assert f"output has nn.RNN's values as {seen}" in diagnosis.evidence
    assert diagnosis.fix == f"return output as {right}"


def test_axes_in_another_order_are_not_all_that_is_wrong_where_values_are_too():
    def candidate(input, h_0, params, case):
        output, h_n = load(case)(input, h_0, params, case)
        return output + 0.1, h_n.transpose(0, 1)

    (diagnosis,) = found(TWO_LAYERS, candidate)
    assert "h_n has nn.RNN's values as (N, D*num_layers, H_out)" in diagnosis.evidence
    assert not diagnosis.fix.startswith("return")


def test_gradients_that_alone_are_wrong_are_said_to_be():
    class Doubled(torch.autograd.Function):
        @staticmethod
        def forward(_, x):
            return x.clone()

        @staticmethod
        def backward(_, gradient):
            return 2 * gradient

    def candidate(input, h_0, params, case):
        return load(case)(Doubled.apply(input), h_0, params, case)

    (diagnosis,) = found(TWO_LAYERS, candidate)
    assert "the forward is right, gradients alone are wrong" in diagnosis.evidence


@pytest.mark.parametrize("candidate", ["manual", "bmm", "concat", "cell"])
def test_a_correct_candidate_is_given_no_diagnosis(candidate):
    case = TWO_LAYERS.model_copy(update={"candidate": candidate})
    assert diagnosed(case, CPU, load(case), Judgement(Problem(case, CPU), load(case)).checks) == ()


def test_where_gradients_alone_are_wrong_the_advice_is_about_gradients():
    def call(input, h_0, parameters, case):
        output, h_n = load(case)(input, h_0, parameters, case)
        extra = input.sum().sin()
        return output + (extra - extra.detach()), h_n

    (diagnosis,) = found(TWO_LAYERS, call)
    assert diagnosis.id == "unexplained"
    assert "gradients alone are wrong" in diagnosis.evidence
    assert diagnosis.fix.startswith("look at what autograd follows")


CLIPPED = """
import torch

def rnn(x, h, W_ih, W_hh, b_ih, b_hh):
    out = []
    for x_t in x:
        h = torch.tanh(x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh)
        h = h / torch.clamp(h.norm(dim=-1, keepdim=True) / 3.0, min=1.0)
        out.append(h)
    return torch.stack(out), h
"""
RAISING = """
import torch

def rnn(x, h_0, params):
    if len(params) > 4:
        raise RuntimeError("one layer, please")
    h, out = h_0[0], []
    for x_t in x:
        h = torch.tanh(x_t @ params["weight_ih_l0"].T + params["bias_ih_l0"]
                       + h @ params["weight_hh_l0"].T + params["bias_hh_l0"])
        out.append(h)
    return torch.stack(out), h[None]
"""


@pytest.mark.exhaustive(twin="test_a_planted_fault_of_gates_is_named_in_the_form_that_was_written", pool="long")
@pytest.mark.usefixtures("in_process")
def test_what_is_wrong_at_larger_sizes_alone_is_no_other_call(rnncli, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(CLIPPED)
    said = " ".join(rnncli("verify", "--no-timing", f"{file}:rnn").out.split())
    assert "right at smaller sizes" in said
    assert "Fix: look at what depends on the sizes, or on how large values become." in said
    assert "in that call alone" not in said


OF_ONE_STEP = """
import torch

def rnn(x, h, W_ih, W_hh, b_ih, b_hh):
    out = []
    for x_t in x:
        h = torch.tanh(x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh * (len(x) > 1))
        out.append(h)
    return torch.stack(out), h
"""


@pytest.mark.usefixtures("in_process")
def test_what_is_wrong_in_one_step_alone_is_right_at_other_sizes_and_not_at_smaller_ones(rnncli, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(OF_ONE_STEP)
    said = " ".join(rnncli("verify", "--no-timing", "--seq-len", 1, f"{file}:rnn").out.split())
    assert "right at other sizes" in said


@pytest.mark.usefixtures("in_process")
def test_what_a_forward_raises_stands_in_the_evidence(rnncli, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        RAISING.replace("rnn(x, h_0, params)", "rnn(input, h_0, params, case)").replace("in x:", "in input:")
    )
    said = " ".join(rnncli("verify", "--no-timing", f"{file}:rnn", "--layers", 2).out.split())
    assert "Evidence: no fault of the catalogue, and no two of them, give its values; wrong: output; of output:" in said
    assert said.index("one layer, please") < said.index("Replay:")


@pytest.mark.parametrize(
    ("argument", "sections"),
    [("num_layers", {"num_layers": 2, "bidirectional": True}), ("bidirectional", {"bidirectional": True})],
)
def test_an_argument_without_effect_is_told(argument, sections):
    case = case_of(rnn={"input_size": 5, "hidden_size": 6, **sections})

    def without(input, h_0, params, case):
        less = altered(case, rnn={"num_layers": 1} if argument == "num_layers" else {"bidirectional": False})
        rows = less.rnn.num_layers * less.rnn.directions
        return load(Case())(input, h_0[:rows], params, less)

    (diagnosis,) = found(case, without)
    assert f"output is what it is without {argument}: the argument has no effect" in diagnosis.evidence


@pytest.mark.parametrize(("way", "merged"), [("sum", torch.add), ("product", torch.mul)])
def test_directions_that_are_made_one_are_told(way, merged):
    def summed(input, h_0, params, case):
        output, h_n = load(Case())(input, h_0, params, case)
        return merged(*output.chunk(2, -1)), h_n

    (diagnosis,) = found(case_of(rnn={"input_size": 5, "hidden_size": 6, "bidirectional": True}), summed)
    assert f"output is the {way} of its two directions" in diagnosis.evidence


def test_values_that_are_not_finite_are_no_question_of_axes():
    def infinite(input, h_0, params, case):
        output, h_n = load(Case())(input, h_0, params, case)
        return output * torch.inf, h_n

    (diagnosis,) = found(case_of(), infinite)
    assert diagnosis.fix.startswith("look at what is not finite")


def test_what_raises_where_sizes_differ_is_to_be_looked_for_at_its_line():
    def exchanged(x, h, W_ih, W_hh, b_ih, b_hh):
        states = []
        for x_t in x:
            h = torch.tanh(x_t @ W_hh.T + h @ W_ih.T + b_ih + b_hh)
            states.append(h)
        return torch.stack(states), h

    (found,) = rnncli.verify(exchanged).diagnosis
    assert found.fix == "look at the line that raises, and at the sizes that meet there"
