"""The hand-written RNNs compute the function of nn.RNN."""

import itertools

import pytest
import torch

from rnncli.candidate.load import load
from rnncli.case import Case
from rnncli.manual import BUILT_IN, rnn
from rnncli.parity.judge import Judge
from rnncli.parity.probe import draw, packer

FLAGS = (False, True)


def checks_in_float64(case: Case):
    return Judge(case, torch.device("cpu")).checks("algorithm", load(case))


@pytest.mark.parametrize("candidate", BUILT_IN)
@pytest.mark.parametrize("layout", ["batched", "unbatched", "packed"])
@pytest.mark.parametrize("h_0", ["random", "zeros", "omitted"])
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


def test_the_gradient_of_the_gradient_is_right():
    case = Case.model_validate({"rnn": {"input_size": 2, "hidden_size": 3}, "input": {"seq_len": 3, "batch_size": 2}})
    probe = draw(case)
    names = list(probe.parameters)
    leaves = [value.clone().requires_grad_() for value in (probe.input, probe.h_0, *probe.parameters.values())]

    def forward(input, h_0, *parameters):
        return rnn(input, h_0, dict(zip(names, parameters, strict=True)))

    assert torch.autograd.gradgradcheck(forward, leaves)


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
