"""The numbers of --trace: those of nn.RNN, forwards and backwards."""

import pytest
import torch
from cases import CASES

from rnncli.core.case import Case, altered
from rnncli.explain.blocks import Code
from rnncli.explain.trace import follow
from rnncli.explain.traced import MOST_STEPS, MOST_UNITS, Place, parse, steps_shown, traced

SMALL = {"input_size": 2, "hidden_size": 3}
FEW = {"seq_len": 4, "batch_size": 3}
FOLLOWED = {
    "one layer": {"rnn": SMALL, "input": FEW},
    "two layers, both directions": {"rnn": {**SMALL, "num_layers": 2, "bidirectional": True}, "input": FEW},
    "relu without bias": {"rnn": {**SMALL, "nonlinearity": "relu", "bias": False}, "input": FEW},
    "batch first": {"rnn": {**SMALL, "batch_first": True}, "input": FEW, "run": {"seed": 3}},
    "unbatched": {"rnn": {**SMALL, "bidirectional": True}, "input": {"layout": "unbatched"}},
    "packed": {"rnn": {**SMALL, "num_layers": 2}, "input": {"layout": "packed", "lengths": [3, 5, 1]}},
    "packed, no h_0": {"rnn": {**SMALL, "bidirectional": True}, "input": {**FEW, "layout": "packed", "h_0": "omitted"}},
    "zeros": {"rnn": SMALL, "input": {**FEW, "h_0": "zeros"}},
    "dropout": {"rnn": {**SMALL, "num_layers": 2, "dropout": 0.5}, "input": FEW, "run": {"train": True}},
}


def places(case):
    """The last step of every sequence, in every layer and direction."""
    packed, one = case.input.layout == "packed", case.input.layout == "unbatched"
    lengths = case.input.sequence_lengths if packed else [case.input.seq_len] * (1 if one else case.input.batch_size)
    for layer in range(case.rnn.num_layers):
        for reverse in (False, True)[: case.rnn.directions]:
            yield [Place(length - 1, n, layer, reverse) for n, length in enumerate(lengths)]


def from_nn_rnn(case):
    """The names of the code that the page of a trace shows, after it ran."""
    place = Place(0, 0, 0, False)
    (code,) = [b for s in traced(case, place, follow(case, place)).sections for b in s.blocks if isinstance(b, Code)]
    names = {}
    exec(code.text, names)
    return names


@pytest.mark.parametrize("name", FOLLOWED)
def test_the_gradients_of_all_sequences_add_up_to_those_of_nn_rnn_s_parameters(name):
    case = Case.model_validate(FOLLOWED[name])
    rnn = from_nn_rnn(case)["rnn"]
    for together in places(case):
        weight_hh, bias = torch.zeros(3, 3), torch.zeros(3)
        for place in together:
            trace = follow(case, place)
            order = sorted(trace.steps, reverse=place.reverse)
            h = torch.tensor(follow(case, altered_place(place, order[0])).h_before)
            for t in order:
                step = trace.steps[t]
                weight_hh += torch.outer(torch.tensor(step.grad_pre_activation), h)
                bias += torch.tensor(step.grad_pre_activation)
                h = torch.tensor(step.h)
        suffix = together[0].suffix
        torch.testing.assert_close(weight_hh, getattr(rnn, f"weight_hh_{suffix}").grad)
        if case.rnn.bias:
            torch.testing.assert_close(bias, getattr(rnn, f"bias_hh_{suffix}").grad)


def altered_place(place, t):
    return Place(t, place.n, place.layer, place.reverse)


@pytest.mark.parametrize("name", FOLLOWED)
def test_the_last_states_are_those_of_nn_rnn(name):
    case = Case.model_validate(FOLLOWED[name])
    h_n = from_nn_rnn(case)["h_n"]
    for together in places(case):
        for place in together:
            trace = follow(case, place)
            row = h_n[case.rnn.directions * place.layer + place.reverse]
            end = min(trace.steps) if place.reverse else max(trace.steps)
            torch.testing.assert_close(
                torch.tensor(trace.steps[end].h), row if case.input.layout == "unbatched" else row[place.n]
            )


@pytest.mark.parametrize("name", FOLLOWED)
def test_a_step_is_the_sum_of_its_terms_and_a_gradient_of_its_parts(name):
    case = Case.model_validate(FOLLOWED[name])
    for place, *_ in places(case):
        trace = follow(case, place)
        terms = [trace.input_term, trace.bias_ih, trace.state_term, trace.bias_hh]
        total = sum(torch.tensor(term) for term in terms if term is not None)
        torch.testing.assert_close(total, torch.tensor(trace.steps[place.t].pre_activation))
        for t, step in trace.steps.items():
            torch.testing.assert_close(
                torch.tensor(step.from_above) + torch.tensor(step.from_time), torch.tensor(step.grad_h)
            )
            later = trace.steps.get(t - 1 if place.reverse else t + 1)
            through = torch.tensor(later.grad_pre_activation if later else [0.0] * 3) @ torch.tensor(trace.weight_hh)
            torch.testing.assert_close(torch.tensor(step.from_time), through)


def test_what_is_shown_is_bounded():
    case = Case.model_validate({"rnn": {"hidden_size": 50}, "input": {"seq_len": 100}})
    place = parse(case, "t=40,n=3")
    assert steps_shown(case, place) == [0, 1, 39, 40, 41, 98, 99]
    assert list(follow(case, place).steps) == steps_shown(case, place)
    assert len(follow(case, place).steps[40].h) == MOST_UNITS
    short = altered(case, input={"seq_len": MOST_STEPS})
    assert steps_shown(short, place) == list(range(MOST_STEPS))


def test_a_trace_leaves_torch_s_random_numbers_as_they_are():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    follow(CASES["default"], Place(0, 0, 0, False))
    assert torch.equal(torch.rand(3), expected)


def test_what_is_left_out_of_a_trace_has_a_default():
    assert parse(CASES["default"], "t=3") == Place(3, 0, 0, False)
    assert parse(CASES["default"], "n=2") == Place(4, 2, 0, False)
    assert parse(CASES["packed"], "n=2, layer=1, direction=reverse") == Place(0, 2, 1, True)


BAD = {
    "t=5": "t=5 is not allowed; allowed: t from 0 to 4",
    "t=-1": "t=-1 is not allowed; allowed: t from 0 to 4",
    "t=x": "t=x is not allowed; allowed: t from 0 to 4",
    "t=1.5": "t=1.5 is not allowed; allowed: t from 0 to 4",
    "n=10": "n=10 is not allowed; allowed: n from 0 to 9",
    "layer=1": "layer=1 is not allowed; allowed: layer=0 alone",
    "direction=reverse": "direction=reverse is not allowed; allowed: forward; --bidirectional adds reverse",
    "3": '"3" is not allowed; allowed: t=T,n=N, as t=3,n=0',
    "t=": '"t=" is not allowed; allowed: t=T,n=N, as t=3,n=0',
    "t=1,t=2": "t is given twice; allowed: once",
    "layers=0": "unknown key layers (did you mean layer?); allowed: t, n, layer, direction",
}


@pytest.mark.parametrize(("text", "message"), BAD.items(), ids=list(BAD))
def test_a_bad_place_is_told_in_one_message(rnncli, text, message):
    outcome = rnncli("explain", "--trace", text)
    assert (outcome.code, outcome.out, outcome.err) == (2, "", f"rnncli: --trace: {message}\n")


def test_a_place_beyond_a_packed_sequence_or_an_empty_batch_is_told(rnncli):
    outcome = rnncli("explain", "configs/packed.yaml", "--trace", "t=3,n=0")
    assert outcome.err == "rnncli: --trace: t=3 is not allowed; allowed: t from 0 to 2, for sequence 0 has 3 steps\n"
    outcome = rnncli("explain", "--batch-size", 0, "--trace", "t=0")
    assert "so there is no sequence to follow" in outcome.err
    assert outcome.code == 2


def test_a_case_too_big_to_follow_is_told(rnncli):
    outcome = rnncli("explain", "--hidden-size", 1_000_000, "--trace", "t=0")
    assert outcome.code == 2
    assert "the case is too big" in outcome.err


@pytest.mark.parametrize("format", ["table", "markdown", "html"])
def test_the_page_of_a_trace_states_its_loss_and_shows_its_numbers(rnncli, format):
    outcome = rnncli("explain", *("--hidden-size", 3, "--input-size", 2, "--trace", "t=3,n=0", "--format", format))
    assert outcome.code == 0
    assert "L = output.sum()" in outcome.out
    trace = follow(Case.model_validate({"rnn": SMALL}), Place(3, 0, 0, False))
    for value in (*trace.steps[0].h, *trace.steps[3].grad_h, *trace.x):
        assert f"{value:.5f}" in outcome.out
    assert all(len(line) <= 80 for line in outcome.out.splitlines()) or format != "table"
