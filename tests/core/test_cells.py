"""The cell of a case: its arguments, its id, and what is refused."""

import json

import pytest
import torch
from conftest import ROOT
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from rnncli import manual
from rnncli.config.cases import load
from rnncli.core.case import Case, changed_by
from rnncli.core.cells import CELLS
from rnncli.core.memory import needed_for_shapes, needed_for_verify
from rnncli.cost.flops import products

OLD = {
    "mce2abb5b6": {},
    "c01b7fa17a": {
        "rnn": {"num_layers": 2, "bidirectional": True, "nonlinearity": "relu"},
        "input": {"layout": "packed", "lengths": [3, 5, 1]},
        "run": {"dtype": "float64", "seed": 3},
        "candidate": "bmm",
    },
    "baaf94f58d": {"candidate": {"target": "my.py:rnn", "returns": "both"}, "expect": {"output": [5, 10, 40]}},
}


def of(**rnn):
    return Case.model_validate({"rnn": rnn})


@pytest.mark.parametrize("id", OLD)
def test_a_case_of_an_rnn_keeps_the_id_of_results_that_were_saved_before_there_were_other_cells(id):
    case = Case.model_validate(OLD[id])
    assert case.id == id
    without = json.loads(json.dumps(case.config))
    del without["rnn"]["cell"], without["rnn"]["proj_size"]  # as such results have them
    assert Case.model_validate(without) == case


def test_the_first_and_the_last_case_of_a_grid_keep_their_ids():
    cases = load(ROOT / "configs/full.yaml", {})
    assert (cases[0].id, cases[-1].id) == ("ncd450b076", "lbecd94e45")


def test_cases_that_differ_in_the_cell_or_its_projection_have_ids_of_their_own():
    cases = [of(), of(cell="GRU"), of(cell="LSTM"), of(cell="LSTM", proj_size=3), of(cell="LSTM", proj_size=4)]
    assert len({case.id for case in cases}) == len(cases)


@pytest.mark.parametrize("cell", CELLS)
def test_a_case_is_what_its_config_says(cell):
    case = of(cell=cell)
    assert Case.model_validate(case.config) == case
    assert case.config.keys() == Case().config.keys()
    assert case.config["rnn"].keys() == Case().config["rnn"].keys()


@pytest.mark.parametrize("cell", CELLS)
def test_the_arguments_of_a_cell_are_those_of_torch_s_layer(cell):
    module = getattr(nn, cell)(**of(cell=cell).rnn.arguments)
    assert type(module) is getattr(nn, cell)
    assert ("nonlinearity" in of(cell=cell).rnn.arguments) == hasattr(module, "nonlinearity")


def test_another_cell_is_a_change_of_one_leaf():
    assert changed_by(of(), {"rnn.cell": "GRU", "rnn.nonlinearity": None}) == of(cell="GRU")
    assert changed_by(of(cell="LSTM"), {"rnn.cell": "RNN"}) == of()
    assert changed_by(of(cell="LSTM", proj_size=3), {"rnn.cell": "GRU"}) is None


REFUSED = {
    "--cell lsmt": '--cell: "lsmt" is not allowed (did you mean LSTM?); allowed: RNN, GRU, LSTM',
    "--cell GRU --nonlinearity tanh": "--nonlinearity: nonlinearity belongs to cell RNN, and cell is GRU; allowed: no"
    " value, or cell RNN",
    "--cell LSTM --nonlinearity relu": "--nonlinearity: nonlinearity belongs to cell RNN, and cell is LSTM; allowed: no"
    " value, or cell RNN",
    "--cell GRU --proj-size 3": "--proj-size: proj_size belongs to cell LSTM, and cell is GRU; allowed: 0, or cell"
    " LSTM",
    "--proj-size 3": "--proj-size: proj_size belongs to cell LSTM, and cell is RNN; allowed: 0, or cell LSTM",
    "--cell LSTM --proj-size 40": "--proj-size: 40 is not below hidden_size 40; allowed: 0 (none) to 39",
    "--cell LSTM --proj-size -1": "--proj-size: -1 is not allowed; allowed: an integer from 0 to 2147483647",
    "--expect c_n=1,10,40": "--expect: expect.c_n: this case has no such tensor (did you mean h_n?); allowed: input,"
    " h_0, output, h_n, weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0",
}


@pytest.mark.parametrize("arguments", REFUSED)
def test_what_a_cell_does_not_take_is_told_in_one_message(rnncli, arguments):
    outcome = rnncli("shapes", "--static", *arguments.split())
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == f"rnncli: {REFUSED[arguments]}\n"


def test_a_cell_is_named_in_lower_case_too(rnncli, tmp_path):
    assert "cell: LSTM" in rnncli("shapes", "--print-config", "--cell", "lstm").out
    (tmp_path / "a.yaml").write_text("rnn: {cell: gru}")
    assert load(tmp_path / "a.yaml", {})[0] == of(cell="GRU")


def test_a_grid_over_cells_gives_the_same_cases_after_it_was_printed(rnncli, tmp_path):
    path, printed = tmp_path / "a.yaml", tmp_path / "b.yaml"
    path.write_text("grid: {rnn.cell: [RNN, GRU, LSTM], rnn.bias: [true, false]}")
    printed.write_text(rnncli("shapes", "--print-config", path).out)
    assert tuple(load(printed, {})) == tuple(load(path, {}))
    outcome = rnncli("shapes", "--static", path, "--format", "json")
    assert [case["config"]["rnn"]["cell"] for case in json.loads(outcome.out)["cases"]] == [
        *("RNN", "RNN", "GRU", "GRU", "LSTM", "LSTM")
    ]
    path.write_text("rnn: {nonlinearity: relu}\ngrid: {rnn.cell: [RNN]}")
    printed.write_text(rnncli("shapes", "--print-config", path).out)
    assert tuple(load(printed, {})) == (of(nonlinearity="relu"),)


@pytest.mark.parametrize("needed", [needed_for_shapes, needed_for_verify])
def test_a_cell_with_more_gates_and_states_needs_more_memory(needed):
    long = {"seq_len": 1000}
    found = [needed(Case.model_validate({"rnn": {"cell": cell}, "input": long})) for cell in ("RNN", "GRU", "LSTM")]
    assert found[0] * 1.1 < found[1]
    assert found[1] * 1.1 < found[2]


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize(
    "rnn", [{}, {"cell": "GRU"}, {"cell": "LSTM"}, {"cell": "LSTM", "proj_size": 3}], ids=lambda rnn: str(rnn)
)
def test_the_products_of_a_case_are_those_that_the_equations_multiply(rnn, backward):
    sizes = {"input_size": 5, "hidden_size": 7, "num_layers": 2, "bidirectional": True, "bias": False}
    case = Case.model_validate({"rnn": {**sizes, **rnn}, "input": {"seq_len": 4, "batch_size": 6}})
    module = getattr(nn, case.cell.name)(**case.rnn.arguments)
    x = torch.randn(4, 6, 5, requires_grad=True)
    states = tuple(
        torch.randn(4, 6, features, requires_grad=True) for features in [case.rnn.h_out, 7][: len(case.cell.states)]
    )
    arguments = {name: value for name, value in case.rnn.arguments.items() if name in ("num_layers", "bidirectional")}
    with FlopCounterMode(display=False) as counter:
        output, last = manual.equations(x, states, dict(module.named_parameters()), cell=case.cell.name, **arguments)
        if backward:
            (output.sum() + sum(state.sum() for state in (last if isinstance(last, tuple) else (last,)))).backward()
    assert sum(product.flops for product in products(case, backward)) == counter.get_total_flops()


def test_every_table_of_cells_knows_every_cell():
    from rnncli.candidate.lookalikes import _OF_TORCH
    from rnncli.candidate.names import _GATE_WORDS
    from rnncli.explain import equations
    from rnncli.faults.catalogue import CATALOGUES
    from rnncli.faults.edits import STEP_FUNCTIONS
    from rnncli.manual import STEPS as OF_MANUAL
    from rnncli.manual import fused_steps
    from rnncli.verdict import dropout

    gated = {name for name, cell in CELLS.items() if not cell.has_nonlinearity}
    by_step = gated | {"tanh", "relu"}
    tables = {
        "faults.catalogue.CATALOGUES": (CATALOGUES, set(CELLS)),
        "faults.edits.STEP_FUNCTIONS": (STEP_FUNCTIONS, set(CELLS)),
        "candidate.lookalikes": (_OF_TORCH, set(CELLS)),
        "verdict.dropout.HELD": (dropout.HELD, set(CELLS)),
        "candidate.names": (_GATE_WORDS, set(CELLS)),
        "explain.equations.GATES": (equations.GATES, gated),
        "explain.equations.ELSEWHERE": (equations.ELSEWHERE, gated),
        "explain.equations.EQUATIONS": (equations.EQUATIONS, set(CELLS)),
        "explain.equations.BACKWARD": (equations.BACKWARD, set(CELLS)),
        "manual.STEPS": (OF_MANUAL, by_step),
        "manual.fused_steps.FAST_CELLS": (fused_steps.FAST_CELLS, by_step),
    }
    assert {name: set(table) for name, (table, _) in tables.items()} == {
        name: cells for name, (_, cells) in tables.items()
    }
