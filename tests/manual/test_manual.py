"""The hand-written RNNs compute the function of nn.RNN."""

import inspect
import itertools
from pathlib import Path

import pytest
import torch
from levels import one_in
from torch.multiprocessing.reductions import StorageWeakRef
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence
from torch.utils._python_dispatch import TorchDispatchMode

from rnncli.candidate.load import load
from rnncli.core.case import Case
from rnncli.manual import BUILT_IN, equations, rnn
from rnncli.numerics.probe import draw, packer
from rnncli.verdict.evaluate import as_candidate
from rnncli.verdict.problem import Problem
from rnncli.verdict.stage import stage_checks

FLAGS = (False, True)


def checks_in_float64(case: Case):
    return stage_checks(Problem(case, torch.device("cpu")), "algorithm", as_candidate(load(case)))


ONE_FUNCTION = "test_the_equations_to_be_read_and_the_fast_form_are_one_function"
PRODUCT = "test_every_built_in_matches_nn_rnn_over_the_product_of_the_arguments"


@pytest.mark.parametrize(
    ("candidate", "layout", "h_0"),
    [
        pytest.param(candidate, layout, h_0, marks=() if fast else pytest.mark.exhaustive(twin=PRODUCT))
        for (i, candidate), (j, layout), (k, h_0) in itertools.product(
            enumerate(BUILT_IN),
            enumerate(("batched", "unbatched", "packed")),
            enumerate(("random", "zeros", "omitted")),
        )
        for fast in [(i + j + k) % 3 == 0]  # every pair of values is in one of them
    ],
)
def test_every_built_in_matches_nn_rnn_over_the_product_of_the_arguments(candidate, layout, h_0):
    modes = ((0.0, False), (0.4, False), (0.4, True))  # dropout, train
    product = itertools.product((1, 2), ("tanh", "relu"), FLAGS, FLAGS, FLAGS, modes)
    for layers, nonlinearity, bias, batch_first, bidirectional, (dropout, train) in product:
        case = Case.model_validate(
            {
                "rnn": {
                    "input_size": 3,
                    "hidden_size": 4,
                    "num_layers": layers,
                    "nonlinearity": nonlinearity,
                    "bias": bias,
                    "batch_first": batch_first,
                    "dropout": dropout,
                    "bidirectional": bidirectional,
                },
                "input": {"seq_len": 3, "batch_size": 5, "layout": layout, "h_0": h_0},
                "run": {"dtype": "float64", "train": train},
                "candidate": candidate,
            }
        )
        checks = checks_in_float64(case)
        parameters = layers * (1 + bidirectional) * (4 if bias else 2)
        assert len(checks) == 3 + (h_0 != "omitted") + parameters
        failing = [check for check in checks if check.verdict != "match" or check.min_tolerance > 1e-13]
        assert not failing, (case, failing)


@pytest.mark.parametrize("candidate", BUILT_IN)
def test_a_candidate_leaves_its_inputs_alone(candidate):
    case = Case.model_validate({"rnn": {"num_layers": 2, "bidirectional": True}, "candidate": candidate})
    probe = draw(case)
    given = [probe.input, probe.h_0, *probe.parameters.values()]
    before = [value.clone() for value in given]
    load(case)(probe.input, probe.h_0, probe.parameters, case)
    assert all(torch.equal(value, copy) for value, copy in zip(given, before, strict=True))


@pytest.mark.parametrize("candidate", BUILT_IN)
def test_a_built_in_draws_nothing_from_the_global_generator_but_its_dropout_masks(candidate):
    case = Case.model_validate({"rnn": {"num_layers": 2}, "candidate": candidate})
    probe = draw(case)
    before = torch.random.get_rng_state()
    load(case)(probe.input, probe.h_0, probe.parameters, case)
    assert torch.equal(torch.random.get_rng_state(), before)


GRADIENT = pytest.mark.exhaustive(twin="test_the_gradient_of_the_gradient_is_right", pool="long")


@pytest.mark.parametrize(
    ("nonlinearity", "bidirectional", "packed"),
    [
        pytest.param(nonlinearity, bidirectional, packed, marks=() if fast else GRADIENT)
        for nonlinearity, bidirectional, packed in itertools.product(("tanh", "relu"), FLAGS, FLAGS)
        for fast in [(nonlinearity == "relu") ^ bidirectional ^ packed]  # every pair of values is in one of them
    ],
)
def test_the_gradient_of_the_gradient_is_right(nonlinearity, bidirectional, packed):
    arguments = {"num_layers": 2, "nonlinearity": nonlinearity, "bidirectional": bidirectional}
    given = {"seq_len": 2, "batch_size": 2, "layout": "packed" if packed else "batched"}
    given |= {"lengths": [1, 2]} if packed else {}
    case = Case.model_validate({"rnn": {"input_size": 2, "hidden_size": 2, **arguments}, "input": given})
    probe, pack = draw(case), packer(case, torch.device("cpu"))
    names = list(probe.parameters)
    leaves = [value.clone().requires_grad_() for value in (probe.input, probe.h_0, *probe.parameters.values())]

    def forward(input, h_0, *parameters):
        output, h_n = rnn(pack(input), h_0, dict(zip(names, parameters, strict=True)), **arguments)
        return output.data if packed else output, h_n

    assert torch.autograd.gradcheck(forward, leaves)
    assert torch.autograd.gradgradcheck(forward, leaves)


@pytest.mark.parametrize("asked", ["input", "h_0", "weight_ih_l0", "weight_hh_l1", "bias_ih_l0", "bias_hh_l1_reverse"])
def test_a_gradient_that_is_asked_for_alone_is_that_of_all(asked):
    case = Case.model_validate({"rnn": {"num_layers": 2, "bidirectional": True}})
    probe = draw(case)
    every = {"input": probe.input, "h_0": probe.h_0, **probe.parameters}

    def gradient(names):
        leaves = {name: value.clone().requires_grad_(name in names) for name, value in every.items()}
        parameters = {name: leaves[name] for name in probe.parameters}
        output, h_n = rnn(leaves["input"], leaves["h_0"], parameters, num_layers=2, bidirectional=True)
        return torch.autograd.grad(output.square().sum() + h_n.sum(), leaves[asked])[0]

    assert torch.equal(gradient({asked}), gradient(every.keys()))


def test_inference_allocates_at_most_two_layer_outputs_beyond_the_result():
    class Allocated(TorchDispatchMode):
        """The most bytes that live at once in storages made while it is on."""

        most = 0

        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            made = function(*args, **(kwargs or {}))
            for storage in (
                tensor.untyped_storage() for tensor in (made if isinstance(made, tuple | list) else [made])
            ):
                if storage.data_ptr() not in known:
                    live[storage._cdata] = StorageWeakRef(storage), storage.nbytes()
            for gone in [key for key, (storage, _) in live.items() if storage.expired()]:
                del live[gone]
            self.most = max(self.most, sum(size for _, size in live.values()))
            return made

    for directions in (1, 2):
        arguments = {"num_layers": 5, "bidirectional": directions == 2}
        module = torch.nn.RNN(8, 16, **arguments)
        parameters, input = dict(module.named_parameters()), torch.randn(300, 4, 8)
        known, live = {value.untyped_storage().data_ptr() for value in (*parameters.values(), input)}, {}
        with torch.no_grad(), Allocated() as seen:
            output, _ = rnn(input, None, parameters, **arguments)
        assert output.nbytes < seen.most <= 3.05 * output.nbytes  # and the small ones


@pytest.mark.parametrize("layout", ["batched", "unbatched", "packed"])
@pytest.mark.parametrize("candidate", BUILT_IN)
def test_a_built_in_runs_on_tensors_without_storage(candidate, layout):
    """Nothing in it makes a tensor on a device of its own choosing: on meta that would be an error."""
    case = Case.model_validate(
        {
            "rnn": {"num_layers": 2, "bidirectional": True, "dropout": 0.5},
            "input": {"layout": layout},
            "run": {"train": True},
            "candidate": candidate,
        }
    )
    meta = draw(case).to(torch.float32, torch.device("meta"))
    parameters = {name: value.requires_grad_() for name, value in meta.parameters.items()}
    output, h_n = load(case)(packer(case, meta.input.device)(meta.input), meta.h_0, parameters, case)
    data = output.data if layout == "packed" else output
    assert data.device.type == h_n.device.type == "meta"
    gradients = torch.autograd.grad(data.sum() + h_n.sum(), list(parameters.values()))
    assert all(gradient.device.type == "meta" for gradient in gradients)


@pytest.mark.parametrize("layout", one_in(3, ["packed", "batched", "unbatched"], ONE_FUNCTION, pool="long"))
def test_the_equations_to_be_read_and_the_fast_form_are_one_function(layout):
    modes = ((0.0, False), (0.4, True))  # dropout, train
    product = itertools.product((1, 3), ("tanh", "relu"), FLAGS, FLAGS, FLAGS, modes, ("random", "omitted"))
    for layers, nonlinearity, bias, batch_first, bidirectional, (dropout, train), h_0 in product:
        arguments = {"num_layers": layers, "nonlinearity": nonlinearity, "batch_first": batch_first}
        arguments |= {"dropout": dropout, "bidirectional": bidirectional}
        case = Case.model_validate(
            {
                "rnn": {"input_size": 3, "hidden_size": 4, "bias": bias, **arguments},
                "input": {"seq_len": 4, "batch_size": 5, "layout": layout, "h_0": h_0},
            }
        )
        found = [computed(one, case, arguments | {"training": train}) for one in (equations, rnn)]
        torch.testing.assert_close(*found, rtol=1e-12, atol=1e-13)


def computed(function, case, arguments):
    """output, h_n and every gradient."""
    probe, pack = draw(case), packer(case, torch.device("cpu"))
    leaves = {"input": probe.input, "h_0": probe.h_0, **probe.parameters}
    leaves = {name: value.clone().requires_grad_() for name, value in leaves.items() if value is not None}
    torch.manual_seed(3)  # of the masks of dropout
    parameters = {name: leaves[name] for name in probe.parameters}
    output, h_n = function(pack(leaves["input"]), leaves.get("h_0"), parameters, **arguments)
    data = output.data if isinstance(output, PackedSequence) else output
    loss = (data * torch.linspace(-1, 1, data.numel(), dtype=data.dtype).view_as(data)).sum() + h_n.square().sum()
    return data, h_n, *torch.autograd.grad(loss, list(leaves.values()))


def test_packed_input_is_walked_without_padding():
    lengths = [20, *[1] * 19]
    input = pack_padded_sequence(torch.randn(20, 20, 3), torch.tensor(lengths))
    parameters = dict(torch.nn.RNN(3, 4).named_parameters())

    class Rows(TorchDispatchMode):
        """The rows of the left operand of all products of the state."""

        count = 0

        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            if function is torch.ops.aten.addmm_.default:
                self.count += len(args[1])
            return function(*args, **(kwargs or {}))

    with torch.no_grad(), Rows() as seen:
        rnn(input, None, parameters)
    assert seen.count == sum(lengths)


def test_the_equations_fit_on_two_pages():
    assert len(Path(inspect.getsourcefile(equations)).read_text().splitlines()) <= 130
