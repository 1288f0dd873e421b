"""The numbers of --trace: those of torch's layers, forwards and backwards."""

import re
import warnings

import pytest
import torch
from cases import CASES

from rnncli.cli.explain import parse
from rnncli.core.case import Case, altered
from rnncli.explain.blocks import Code
from rnncli.explain.equations import backward
from rnncli.explain.grid import Place
from rnncli.explain.trace import MOST_STEPS, MOST_UNITS, columns, follow, steps_shown, terms, trace

SMALL = {"input_size": 2, "hidden_size": 3}
FEW = {"seq_len": 4, "batch_size": 3}
GRU, LSTM = {**SMALL, "cell": "GRU"}, {**SMALL, "cell": "LSTM"}
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
    "gru": {"rnn": {**GRU, "num_layers": 2, "bidirectional": True}, "input": FEW},
    "gru without bias": {"rnn": {**GRU, "bias": False, "batch_first": True}, "input": FEW},
    "gru, packed": {"rnn": GRU, "input": {"layout": "packed", "lengths": [3, 5, 1]}},
    "lstm": {"rnn": {**LSTM, "num_layers": 2, "bidirectional": True}, "input": FEW},
    "lstm without bias": {"rnn": {**LSTM, "bias": False}, "input": {**FEW, "h_0": "omitted"}},
    "lstm, projected": {"rnn": {**LSTM, "proj_size": 2, "num_layers": 2, "bidirectional": True}, "input": FEW},
    "lstm, projected without bias": {"rnn": {**LSTM, "proj_size": 1, "bias": False}, "input": {"layout": "unbatched"}},
    "lstm, packed": {"rnn": {**LSTM, "num_layers": 2}, "input": {"layout": "packed", "lengths": [3, 5, 1]}},
}


@pytest.fixture(params=FOLLOWED)
def case(request):
    return Case.model_validate(FOLLOWED[request.param])


def places(case):
    """The last step of every sequence, in every layer and direction."""
    packed, one = case.input.layout == "packed", case.input.layout == "unbatched"
    lengths = case.input.sequence_lengths if packed else [case.input.seq_len] * (1 if one else case.input.batch_size)
    for layer in range(case.rnn.num_layers):
        for reverse in (False, True)[: case.rnn.directions]:
            yield [Place(length - 1, n, layer, reverse) for n, length in enumerate(lengths)]


def from_torch(case):
    """The names of the code that the page of a trace shows, after it ran."""
    (code,) = [b for s in trace(case, Place(0, 0, 0, False)).sections for b in s.blocks if isinstance(b, Code)]
    names = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of oneDNN, which knows no projection
        exec(code.text, names)
    return names


def gradients(case, place, names):
    """The gradients that a page shows of a step, whole: by what they are those of."""
    found = {head.removeprefix("dL/d"): value for head, value in columns(case, place, names).items() if "dL/d" in head}
    gates = case.cell.gates
    found["a"] = torch.cat([found[f"a_{gate if len(gates) > 1 else 't'}"] for gate in gates])
    of_s = [found[f"a_{gate}"] * (names["r"] if gate == "n" else 1) for gate in "rzn"] if "s" in names else [found["a"]]
    return found | {"s": torch.cat(of_s)}


def test_the_gradients_of_all_sequences_add_up_to_those_of_torch_s_parameters(case):
    rnn = from_torch(case)["rnn"]
    for together in places(case):
        found = {}
        for place in together:
            for names in follow(case, place).values():
                of = gradients(case, place, names)
                parts = {
                    "weight_ih": torch.outer(of["a"], names["x_t"]),
                    "weight_hh": torch.outer(of["s"], names["h"]),
                    "bias_ih": of["a"],
                    "bias_hh": of["s"],
                }
                parts |= {"weight_hr": torch.outer(of["h_t"], names["m_t"])} if case.rnn.proj_size else {}
                found = {name: found.get(name, 0) + part for name, part in parts.items()}
        for name, total in found.items():
            if case.rnn.bias or "bias" not in name:
                torch.testing.assert_close(total, getattr(rnn, f"{name}_{together[0].suffix}").grad)


def test_the_last_states_are_those_of_torch(case):
    results = from_torch(case)
    for together in places(case):
        for place in together:
            steps = follow(case, place)
            end = min(steps) if place.reverse else max(steps)
            for state in case.cell.states:
                row = results[f"{state}_n"][case.rnn.directions * place.layer + place.reverse]
                row = row if case.input.layout == "unbatched" else row[place.n]
                torch.testing.assert_close(steps[end][f"{state}_t"], row)


def test_a_step_is_the_sum_of_its_terms(case):
    for place, *_ in places(case):
        names = follow(case, place)[place.t]
        found, total, sums = terms(case, place, names), 0, 0
        for term, value in found.items():
            if term.startswith("= "):
                torch.testing.assert_close(value, total)
                sums += 1
            elif " = " not in term:
                total = total + value if term.startswith("+ ") else value
        assert sums == len(case.cell.gates) * (2 if "s" in names else 1)
        assert torch.equal([*found.values()][-1], names["h_t"])


def test_a_gradient_comes_about_as_the_page_says(case):
    """Every formula of the page, evaluated with the numbers of the page."""
    for place, *_ in places(case):
        steps = follow(case, place)
        for t, step in steps.items():
            following = steps.get(t - 1 if place.reverse else t + 1)
            names = dict(step) | {"tanh": torch.tanh, "weight_hh_": step["W_hh"], "weight_hr_": step.get("W_hr")}
            shown, of = columns(case, place, step), gradients(case, place, step)
            names |= {f"d_{name}": value for name, value in of.items()}
            after = gradients(case, place, following) if following else {n: torch.zeros_like(v) for n, v in of.items()}
            names |= {f"d_{name.removesuffix('_t')}_next": value for name, value in after.items()}
            names |= {f"{gate}_next": (following or step)[gate] for gate in case.cell.gates}
            for head, text in backward(case).items():
                if head == "dL/ds":
                    continue  # held by the gradients of weight_hh
                expected = shown["from t-1" if place.reverse else "from t+1"] if "arrives" in text else shown.get(head)
                code = "".join(re.findall("`([^`]*)`", text)).format(above="", next="next", suffix="")
                names[f"d_{head[4:]}"] = value = eval(code.replace("dL/d", "d_").replace("(next)", "next"), names)
                names |= {"d_h_t": of["h_t"]}
                if expected is not None:
                    torch.testing.assert_close(value.to(expected.dtype), expected, atol=1e-6, rtol=1e-4)


def test_what_is_shown_is_bounded():
    case = Case.model_validate({"rnn": {"hidden_size": 50}, "input": {"seq_len": 100}})
    place = parse(case, "t=40,n=3")
    assert steps_shown(case, place) == [0, 1, 39, 40, 41, 98, 99]
    table = trace(case, place).sections[0].blocks[2]
    assert len([row for row in table.rows if row[0] != "..."]) == 7 * MOST_UNITS
    assert [row[0] for row in table.rows].count("...") == 2
    short = altered(case, input={"seq_len": MOST_STEPS})
    assert steps_shown(short, place) == list(range(MOST_STEPS))


@pytest.mark.parametrize(
    ("rnn", "heads"),
    [
        ({}, [["a_t", "h_t", "from output", "from t+1", "dL/dh_t", "dL/da_t"]]),
        (
            {"cell": "GRU"},
            [["r", "z", "n", "h_t"], ["from output", "from t+1", "dL/dh_t", "dL/da_r", "dL/da_z", "dL/da_n"]],
        ),
        (
            {"cell": "LSTM"},
            [
                ["i", "f", "g", "o", "c_t", "h_t"],
                ["from output", "from t+1", "dL/dh_t", "dL/dc_t"],
                ["dL/da_i", "dL/da_f", "dL/da_g", "dL/da_o"],
            ],
        ),
    ],
    ids=str,
)
def test_the_columns_stand_in_tables_that_fit_into_80_columns(rnncli, rnn, heads):
    case = Case.model_validate({"rnn": {**rnn, "hidden_size": 50}})
    tables = trace(case, Place(4, 0, 0, False)).sections[0].blocks[2:-1]
    assert [[head.removesuffix(">") for head in table.columns[2:]] for table in tables] == heads
    outcome = rnncli("explain", "--cell", rnn.get("cell", "RNN"), "--trace", "t=4")
    assert max(map(len, outcome.out.splitlines())) <= 80


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
    case, place = Case.model_validate({"rnn": SMALL}), Place(3, 0, 0, False)
    steps = follow(case, place)
    for value in (*steps[0]["h_t"], *columns(case, place, steps[3])["dL/dh_t"], *steps[3]["x_t"]):
        assert f"{value:.5f}" in outcome.out
    assert all(len(line) <= 80 for line in outcome.out.splitlines()) or format != "table"
