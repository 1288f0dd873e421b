"""The runs of a batch are each the equations of the cell: the first without noise, the others rounded as they go."""

import itertools
from collections.abc import Iterator

import pytest
import torch
from torch import nn

from rnncli.core.case import Case
from rnncli.manual.equations import gru_step, lstm_step, relu_step, tanh_step
from rnncli.numerics import rounding
from rnncli.numerics.locate import SEQUENCES
from rnncli.numerics.probe import Probe, in_layout, packer
from rnncli.numerics.rounding import ARITHMETIC, Rounding
from rnncli.numerics.runs import Runs

CPU = torch.device("cpu")
FEATURES, HIDDEN, PROJECTED = 5, 4, 3
CELLS = {
    "RNN": (nn.RNN, tanh_step, {}),
    "RNN with relu": (nn.RNN, relu_step, {"nonlinearity": "relu"}),
    "GRU": (nn.GRU, gru_step, {}),
    "LSTM": (nn.LSTM, lstm_step, {}),
    "LSTM with proj_size": (nn.LSTM, lstm_step, {"proj_size": PROJECTED}),
}
LAYOUTS = {
    "batched": {"seq_len": 7, "batch_size": 3},
    "unbatched": {"seq_len": 6, "layout": "unbatched"},
    "packed": {"layout": "packed", "lengths": [3, 6, 1, 6, 2]},
}


class Cell:
    """A layer of torch in float64, a case of its sizes, and a probe that holds its weights."""

    def __init__(self, name: str, layout: str, **rnn) -> None:
        layer, self.step, arguments = CELLS[name]
        rnn = {"input_size": FEATURES, "hidden_size": HIDDEN, **rnn}
        self.case = Case.model_validate({"rnn": rnn, "input": LAYOUTS[layout]})
        directions, given = self.case.rnn.directions, self.case.input
        self.layer = layer(**{**rnn, **arguments}, dtype=torch.float64)
        batch = {"unbatched": ()}.get(layout, (given.batch_size,))
        sizes = {"h": arguments.get("proj_size", HIDDEN)} | ({"c": HIDDEN} if layer is nn.LSTM else {})
        rows = directions * self.case.rnn.num_layers
        generator = torch.Generator().manual_seed(0)

        def drawn(*shape: int) -> torch.Tensor:
            return torch.randn(shape, generator=generator, dtype=torch.float64)

        steps = (sum(given.lengths),) if given.lengths else (given.seq_len, *batch)
        states = {name: drawn(rows, *batch, size) for name, size in sizes.items()}
        cotangents = {"output": drawn(*steps, directions * sizes["h"])}
        cotangents |= {f"{name}_n": drawn(rows, *batch, size) for name, size in sizes.items()}
        parameters = {name: value.detach() for name, value in self.layer.named_parameters()}
        self.probe = Probe(parameters, drawn(*steps, FEATURES), states["h"], cotangents, states.get("c"))

    def expected(self) -> dict[str, torch.Tensor]:
        """What torch's layer computes."""
        leaves = {name: value.clone().requires_grad_() for name, value in self.probe.leaves.items()}
        states = self.probe.initial_states(leaves)
        output, final = self.layer(packer(self.case, CPU)(leaves["input"]), states if len(states) > 1 else states[0])
        returned = (getattr(output, "data", output), *(final if isinstance(final, tuple) else (final,)))
        named = dict(zip(self.probe.cotangents, returned, strict=True))
        named["output"] = output.data if self.case.input.layout == "packed" else output
        total = sum((value * self.probe.cotangents[name]).sum() for name, value in named.items())
        given = leaves | dict(self.layer.named_parameters())
        gradients = torch.autograd.grad(total, list(given.values()))
        return named | {f"grad {name}": gradient for name, gradient in zip(given, gradients, strict=True)}

    def computed(self, kind: str = "float64", runs: int = 4) -> dict[str, torch.Tensor]:
        """What the runs compute, in the case's layout."""
        made = Runs(self.case, self.probe, self.step)
        tensors = made.tensors(Rounding(ARITHMETIC[kind], runs, made.rows, 0, CPU), gradients=True)
        return dict(self._in_layout(tensors))

    def _in_layout(self, tensors: dict[str, torch.Tensor]) -> Iterator[tuple[str, torch.Tensor]]:
        for name, value in tensors.items():
            bare = name.removeprefix("grad ")
            if bare in SEQUENCES:
                value = in_layout(self.case, value)
            elif bare not in self.probe.parameters and self.case.input.layout == "unbatched":
                value = value.squeeze(2)
            yield name, value


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", CELLS)
def test_the_run_without_noise_is_torch_s_layer_gradients_included(name, layout):
    for bidirectional, bias in itertools.product((False, True), repeat=2):
        cell = Cell(name, layout, num_layers=2, bidirectional=bidirectional, bias=bias)
        expected, computed = cell.expected(), cell.computed()
        assert computed.keys() == expected.keys()
        for tensor, value in expected.items():
            assert torch.allclose(computed[tensor][0], value, rtol=0, atol=1e-12), tensor


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", CELLS)
def test_every_tensor_of_every_noisy_run_is_moved_by_noise_of_the_size_of_the_unit(name, layout):
    computed = Cell(name, layout, num_layers=2, bidirectional=True).computed("float32")
    for tensor, runs in computed.items():
        moved = (runs[1:] - runs[0]).abs().flatten(1).amax(1) / runs[0].abs().max()
        assert ((moved > 2**-27) & (moved < 2**-17)).all(), tensor
        assert moved.unique().numel() == len(moved)


EXACT = {  # operations that choose, move or repeat values
    *("t", "view", "_unsafe_view", "select", "slice", "split", "unbind", "stack", "cat", "where", "detach", "expand"),
    *("select_backward", "slice_backward", "split_backward", "threshold_backward", "neg", "ones_like", "zeros_like"),
    *("zeros", "scalar_tensor"),
    "sum",  # of the losses, whose values nobody looks at
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", CELLS)
def test_every_operation_of_the_equations_and_of_their_gradients_is_rounded_or_exact(name, layout, monkeypatch):
    seen = set()
    dispatch = Rounding.__torch_dispatch__

    def watched(self, func, types, args=(), kwargs=None):
        result = dispatch(self, func, types, args, kwargs)
        if isinstance(result, torch.Tensor) and result.is_floating_point():
            seen.add(func)
        return result

    monkeypatch.setattr(Rounding, "__torch_dispatch__", watched)
    Cell(name, layout, num_layers=2, bidirectional=True).computed()
    assert {func for func in seen if func.overloadpacket.__name__ not in EXACT} <= rounding._ROUNDS.keys()
    assert torch.ops.aten.mm.default in seen
