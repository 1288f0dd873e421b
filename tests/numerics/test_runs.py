"""The runs of a batch are each the equations of the cell: the first without noise, the others rounded as they go."""

import itertools

import pytest
import torch

from rnncli.core.case import Case
from rnncli.numerics import rounding
from rnncli.numerics.oracle import Oracle
from rnncli.numerics.probe import Probe, draw, in_layout, time_first
from rnncli.numerics.rounding import ARITHMETIC, Rounding

CPU = torch.device("cpu")
CELLS = {
    "RNN": {},
    "RNN with relu": {"nonlinearity": "relu"},
    "GRU": {"cell": "GRU"},
    "LSTM": {"cell": "LSTM"},
    "LSTM with proj_size": {"cell": "LSTM", "proj_size": 3},
}
LAYOUTS = {
    "batched": {"seq_len": 7, "batch_size": 3},
    "unbatched": {"seq_len": 6, "layout": "unbatched"},
    "packed": {"layout": "packed", "lengths": [3, 6, 1, 6, 2]},
}


def case_of(cell: str, layout: str, given=None, **rnn) -> Case:
    sizes = {"input_size": 5, "hidden_size": 4, "num_layers": 2, "bidirectional": True}
    return Case.model_validate(
        {"rnn": sizes | CELLS[cell] | rnn, "input": LAYOUTS[layout] | (given or {}), "run": {"train": True}}
    )


def computed(case: Case, kind: str = "float64", runs: int = 4) -> dict[str, torch.Tensor]:
    """What the runs compute, in the case's layout."""
    probe: Probe = draw(case)
    made = Oracle(case, probe)._runs
    found = made.tensors(Rounding(ARITHMETIC[kind], runs, made.rows, 0, CPU), gradients=True)
    for name, value in found.items():
        if name in ("output", "grad input"):
            found[name] = in_layout(case, value)
        elif case.input.layout == "unbatched" and name.removeprefix("grad ") not in probe.parameters:
            found[name] = value.squeeze(2)
    return found


def assert_without_noise(case: Case) -> None:
    expected, found = Oracle(case, draw(case)).values, computed(case)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.allclose(found[name][0], value, rtol=0, atol=1e-12), name


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("cell", CELLS)
def test_the_run_without_noise_is_the_oracle_gradients_included(cell, layout):
    for bidirectional, bias in itertools.product((False, True), repeat=2):
        h_0 = "random" if bias else "omitted"
        assert_without_noise(case_of(cell, layout, {"h_0": h_0}, bidirectional=bidirectional, bias=bias))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("batch_first", [False, True], ids=["time-first", "batch-first"])
@pytest.mark.parametrize("p", [0.4, 1.0])
def test_in_training_every_run_has_the_dropout_masks_of_the_oracle(p, batch_first, layout):
    for bidirectional in (False, True):
        rnn = {"num_layers": 3, "dropout": p, "batch_first": batch_first, "bidirectional": bidirectional}
        assert_without_noise(case_of("GRU", layout, **rnn))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("cell", CELLS)
def test_every_tensor_of_every_noisy_run_is_moved_by_noise_of_the_size_of_the_unit(cell, layout):
    for name, runs in computed(case_of(cell, layout), "float32").items():
        moved = (runs[1:] - runs[0]).abs().flatten(1).amax(1) / runs[0].abs().max()
        assert ((moved > 2**-27) & (moved < 2**-17)).all(), name
        assert moved.unique().numel() == len(moved)


def test_a_relu_that_dropout_leaves_at_zero_is_at_no_kink():
    case = case_of("RNN with relu", "batched", {"h_0": "zeros"}, dropout=1.0, bias=False)
    oracle = Oracle(case, draw(case))
    assert not oracle.values["output"].any()
    assert oracle.kinks("float64") == 0


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("cell", CELLS)
def test_the_previous_states_are_those_each_step_started_from(cell, layout):
    case = case_of(cell, layout, num_layers=1)
    probe = draw(case)
    oracle = Oracle(case, probe)
    batch = 1 if layout == "unbatched" else case.input.batch_size
    lengths = case.input.sequence_lengths if layout == "packed" else [case.input.seq_len] * batch
    h, output = oracle.previous_states["h_0"], time_first(case, oracle.values["output"])
    forward, reverse = output.chunk(2, dim=-1)
    assert oracle.previous_states.keys() == probe.states.keys()
    for name, first in probe.states.items():
        first, found = first.reshape(2, batch, -1), oracle.previous_states[name]
        for n, length in enumerate(lengths):
            assert torch.equal(found[0, 0, n], first[0, n])
            assert torch.equal(found[1, length - 1, n], first[1, n])
    for n, length in enumerate(lengths):
        assert torch.allclose(h[0, 1:length, n], forward[: length - 1, n], rtol=0, atol=1e-14)
        assert torch.allclose(h[1, : length - 1, n], reverse[1:length, n], rtol=0, atol=1e-14)


EXACT = {  # operations that choose, move or repeat values
    *("t", "view", "_unsafe_view", "select", "slice", "split", "unbind", "stack", "cat", "where", "detach", "expand"),
    *("select_backward", "slice_backward", "split_backward", "threshold_backward", "neg", "ones_like", "zeros_like"),
    *("zeros", "scalar_tensor", "flip", "index", "index_put", "new_zeros"),
    "sum",  # of the losses, whose values nobody looks at
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("cell", CELLS)
def test_every_operation_of_the_equations_and_of_their_gradients_is_rounded_or_exact(cell, layout, monkeypatch):
    seen = set()
    dispatch = Rounding.__torch_dispatch__

    def watched(self, func, types, args=(), kwargs=None):
        result = dispatch(self, func, types, args, kwargs)
        if isinstance(result, torch.Tensor) and result.is_floating_point():
            seen.add(func)
        return result

    monkeypatch.setattr(Rounding, "__torch_dispatch__", watched)
    computed(case_of(cell, layout, dropout=0.3))
    assert {func for func in seen if func.overloadpacket.__name__ not in EXACT} <= rounding._ROUNDS.keys()
    assert torch.ops.aten.mm.default in seen
