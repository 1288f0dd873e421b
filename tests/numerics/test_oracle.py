"""The oracle is nn.RNN in float64, and its envelope is what honest rounding comes to."""

import itertools
import math

import pytest
import torch
from levels import one_in

from rnncli.candidate.load import load
from rnncli.core.case import Case
from rnncli.manual import BUILT_IN
from rnncli.numerics import oracle as oracles
from rnncli.numerics.device import seed_dropout
from rnncli.numerics.locate import over_elements
from rnncli.numerics.oracle import Envelope, Oracle
from rnncli.numerics.probe import Probe, draw
from rnncli.numerics.rounding import ARITHMETIC, arithmetic
from rnncli.verdict.compare import ENVELOPES
from rnncli.verdict.evaluate import candidate_side, evaluate, reference_side

CPU = torch.device("cpu")
DTYPES = ("float64", "float32", "bfloat16", "float16")
FLAGS = (False, True)
IS_NN_RNN = "test_the_oracle_is_nn_rnn_in_float64_gradients_included"
CELLS = (
    {"nonlinearity": "tanh"},
    {"nonlinearity": "relu"},
    {"cell": "GRU"},
    {"cell": "LSTM"},
    {"cell": "LSTM", "proj_size": 3},
)
LAYOUTS = {
    "batched": {"seq_len": 7, "batch_size": 3},
    "unbatched": {"seq_len": 6, "layout": "unbatched"},
    "packed": {"layout": "packed", "lengths": [3, 6, 1, 6, 2]},
    "packed, shorter than seq_len": {"layout": "packed", "lengths": [2, 4, 3], "batch_size": 3, "seq_len": 6},
}


def case_of(rnn=None, given=None, **run) -> Case:
    return Case.model_validate(
        {"rnn": {"input_size": 5, "hidden_size": 4, **(rnn or {})}, "input": given or {}, "run": run}
    )


def oracle_of(case: Case, **replaced) -> Oracle:
    probe = draw(case)
    return Oracle(case, Probe(**{**vars(probe), **replaced}))


def farthest(values, expected) -> float:
    """The largest error of any tensor, relative to its largest value."""
    assert values.keys() == expected.keys()
    return max(
        float((values[name] - expected[name]).abs().max() / expected[name].abs().max().clamp_min(1e-300))
        for name in expected
    )


# The values


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("batch_first", one_in(2, FLAGS, IS_NN_RNN), ids=["time-first", "batch-first"])
@pytest.mark.parametrize("bidirectional", FLAGS, ids=["one-direction", "two-directions"])
@pytest.mark.parametrize("h_0", one_in(3, ["random", "zeros", "omitted"], IS_NN_RNN))
def test_the_oracle_is_nn_rnn_in_float64_gradients_included(layout, batch_first, bidirectional, h_0):
    for layers, cell, bias in itertools.product((1, 2, 3), CELLS, FLAGS):
        rnn = {"batch_first": batch_first, "bidirectional": bidirectional, "num_layers": layers}
        rnn |= {"bias": bias, **cell}
        case = case_of(rnn, LAYOUTS[layout] | {"h_0": h_0})
        expected = evaluate(reference_side(case, draw(case)), case).tensors
        assert ("grad h_0" in expected) == (h_0 != "omitted")
        assert farthest(oracle_of(case).values, expected) < 1e-12, case


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("p", [0.4, 1.0])
def test_in_training_the_oracle_has_nn_rnn_s_dropout_masks(layout, p):
    for layers, bidirectional in itertools.product((1, 2, 3), FLAGS):
        rnn = {"num_layers": layers, "bidirectional": bidirectional, "dropout": p}
        case = case_of(rnn, LAYOUTS[layout], train=True)
        expected = evaluate(reference_side(case, draw(case)), case).tensors
        assert farthest(oracle_of(case).values, expected) < 1e-12, case


def test_in_eval_mode_the_oracle_drops_nothing():
    rnn = {"num_layers": 2, "dropout": 0.5}
    assert farthest(oracle_of(case_of(rnn)).values, oracle_of(case_of(rnn | {"dropout": 0.0})).values) == 0


def test_without_gradients_the_oracle_has_the_values_alone():
    assert list(oracle_of(case_of(gradients=False)).values) == ["output", "h_n"]


# The envelope


def worst_in_envelopes(case: Case, candidate: str, oracle: Oracle, probe: Probe) -> dict[str, float]:
    """By tensor, how many envelopes a built-in's largest error is, where it is the envelope that decides."""
    largest = torch.finfo(probe.input.dtype).max / 16
    if any(value.abs().max() > largest for value in oracle.values.values()):
        return {"nothing": 0.0}  # the working dtype overflows, or nearly
    side = candidate_side(load(altered_candidate(case, candidate)), case, probe)
    envelope, worst = oracle.envelope(arithmetic(case, probe.input.dtype, CPU)), {}
    for name, value in evaluate(side, case).tensors.items():
        if name.startswith("grad ") and envelope.kinks:
            continue
        spread = over_elements(case, name, envelope.spread[name])
        error = (value.double() - oracle.values[name]).abs()
        worst[name] = float((error / spread.clamp_min(1e-300)).max()) if error.any() else 0.0
    return worst


def altered_candidate(case: Case, candidate: str) -> Case:
    return case.model_copy(update={"candidate": candidate})


WITHIN_BOUND = "test_honest_values_lie_within_the_envelope_s_bound"
HONEST = {
    f"{layout}, {nonlinearity}, {layers} layers, x{scale}": (layout, nonlinearity, layers, scale)
    for (layout, layers), nonlinearity, scale in itertools.product(
        (("batched", 1), ("unbatched", 2), ("packed", 2)), ("tanh", "relu"), (1.0, 2.0, 5.0)
    )
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("layout", "nonlinearity", "layers", "scale"), one_in(4, HONEST.values(), WITHIN_BOUND, 6), ids=HONEST
)
def test_honest_values_lie_within_the_envelope_s_bound(layout, nonlinearity, layers, scale, dtype):
    rnn = {"nonlinearity": nonlinearity, "num_layers": layers, "bidirectional": layers == 2, "hidden_size": 9}
    for seed in (0, 1):
        case = case_of(rnn, LAYOUTS[layout], dtype=dtype, weight_scale=scale, seed=seed)
        probe = draw(case).to(getattr(torch, dtype), CPU)
        oracle = Oracle(case, probe.to(torch.float64, CPU))
        for candidate in BUILT_IN:
            assert max(worst_in_envelopes(case, candidate, oracle, probe).values()) <= ENVELOPES


@pytest.mark.parametrize("dtype", DTYPES)
def test_honest_values_come_near_the_envelope(dtype):
    """The envelope is no larger than it must be: of every tensor honest rounding reaches a fiftieth of it."""
    case = case_of({"hidden_size": 16}, {"seq_len": 20, "batch_size": 4}, dtype=dtype)
    probe = draw(case).to(getattr(torch, dtype), CPU)
    worst = worst_in_envelopes(case, "manual", Oracle(case, probe.to(torch.float64, CPU)), probe)
    assert min(worst.values()) > 0.02


def ratios(one: Envelope, other: Envelope) -> list[float]:
    return [float(one.spread[name].max() / other.spread[name].max()) for name in one.spread]


@pytest.mark.parametrize("kind", ARITHMETIC)
def test_the_envelope_of_a_seed_is_the_same_every_time(kind):
    one, other = (oracle_of(case_of()).envelope(kind) for _ in range(2))
    assert all(torch.equal(one.spread[name], other.spread[name]) for name in one.spread)


def test_the_envelope_of_another_seed_is_another_one_of_the_same_size():
    probe = vars(draw(case_of()))
    one, other = (Oracle(case_of(seed=seed), Probe(**probe)).envelope("float32") for seed in (0, 1))
    assert not torch.equal(one.spread["output"], other.spread["output"])
    assert all(1 / 3 < ratio < 3 for ratio in ratios(one, other))


def test_each_kind_of_arithmetic_has_an_envelope_of_the_size_of_its_unit():
    oracle = oracle_of(case_of())
    for kind in ("float64", "bfloat16", "float16"):
        unit = ARITHMETIC[kind].unit / ARITHMETIC["float32"].unit
        assert all(unit / 10 < ratio < 10 * unit for ratio in ratios(oracle.envelope(kind), oracle.envelope("float32")))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_noisy_runs_in_parts_give_an_envelope_of_the_same_size(monkeypatch, layout):
    case = case_of({"num_layers": 2, "bidirectional": True}, LAYOUTS[layout])
    at_once = oracle_of(case).envelope("float32")
    monkeypatch.setattr(oracles, "NOISY_ELEMENTS", 1)
    one_by_one = oracle_of(case)
    assert sizes_of_parts(one_by_one) == [1] * oracles.NOISY_RUNS
    assert all(1 / 3 < ratio < 3 for ratio in ratios(one_by_one.envelope("float32"), at_once))


def sizes_of_parts(oracle: Oracle) -> list[int]:
    """How many noisy runs are made at once, in each part of them."""
    return [len(tensors["output"]) - 1 for _, tensors in oracle._noisy("float32", gradients=False)]


def test_a_bounded_number_of_elements_is_in_noisy_runs_at_once(monkeypatch):
    oracle = oracle_of(case_of({"hidden_size": 40}, {"seq_len": 50, "batch_size": 10}))
    monkeypatch.setattr(oracles, "NOISY_RUNS", 8)
    monkeypatch.setattr(oracles, "NOISY_ELEMENTS", 3 * 40 * 50 * 10)
    assert sizes_of_parts(oracle) == [3, 3, 2]


def along_time(**run) -> torch.Tensor:
    case = case_of({"hidden_size": 40}, {"seq_len": 60, "batch_size": 2}, gradients=False, **run)
    return oracle_of(case).envelope("float64").spread["output"][:, 0]


def test_the_envelope_of_a_chaotic_recurrence_grows_along_time():
    spread = along_time(weight_scale=5.0)
    assert spread[-1] > 1e4 * spread[0]


def test_the_envelope_of_a_contracting_recurrence_stays_flat():
    spread = along_time(weight_scale=1.0)
    assert spread.max() < 10 * spread.min()


def test_the_envelope_of_the_reverse_direction_grows_against_time():
    rnn, given = {"hidden_size": 40, "bidirectional": True}, {"seq_len": 60, "batch_size": 2}
    case = case_of(rnn, given, gradients=False, weight_scale=5.0)
    spread = oracle_of(case).envelope("float64").spread["output"][:, 1]
    assert spread[0] > 1e4 * spread[-1]


# relu at its kink


def with_a_unit_at_zero(case: Case) -> dict[str, torch.Tensor]:
    """The probe's parameters, but for those of the first layer's unit 1: its weights are zero, its biases cancel."""
    parameters = {name: value.clone() for name, value in draw(case).parameters.items()}
    for name, value in (("weight_ih_l0", 0), ("weight_hh_l0", 0), ("bias_ih_l0", 1), ("bias_hh_l0", -1)):
        parameters[name][1] = value
    return parameters


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_pre_activation_at_zero_is_a_kink(layout):
    case = case_of({"nonlinearity": "relu"}, LAYOUTS[layout])
    oracle = oracle_of(case, parameters=with_a_unit_at_zero(case))
    of_the_unit = sum(case.input.lengths) if case.input.lengths else oracle.previous_states["h_0"][0, ..., 0].numel()
    assert oracle.envelope("float64").kinks == oracle.kinks("float64") == of_the_unit


def test_kinks_are_the_same_with_and_without_the_gradients_share_of_the_work(monkeypatch):
    """Else a probe that one calls clear of kinks is drawn again by the other, for ever."""
    monkeypatch.setattr(oracles, "NOISY_ELEMENTS", 40 * oracles.NOISY_RUNS // 2)  # in two parts
    given = {"seq_len": 5, "batch_size": 2}
    found = [oracle_of(case_of({"nonlinearity": "relu"}, given, seed=seed)) for seed in range(30)]
    counts = [(oracle.kinks("bfloat16"), oracle.envelope("bfloat16").kinks) for oracle in found]
    assert all(alone == within for alone, within in counts)
    assert len(set(counts)) > 2


def test_the_masks_of_dropout_come_from_the_generator_of_the_device(monkeypatch):
    seeded = []
    monkeypatch.setattr(torch.cuda, "manual_seed", seeded.append)
    seed_dropout(torch.device("cuda", 0), 7)
    assert (seeded, torch.initial_seed()) == ([7], 7)
    seed_dropout(CPU, 8)
    assert (seeded, torch.initial_seed()) == ([7], 8)


def test_one_pre_activation_at_zero_is_one_kink():
    case = case_of({"nonlinearity": "relu"}, {"seq_len": 1, "batch_size": 1})
    assert oracle_of(case, parameters=with_a_unit_at_zero(case)).kinks("float64") == 1


def test_a_pre_activation_within_the_noise_of_zero_is_a_kink_and_one_beyond_it_is_none():
    case = case_of({"nonlinearity": "relu"}, {"seq_len": 1, "batch_size": 1})
    parameters = with_a_unit_at_zero(case)
    parameters["bias_ih_l0"][1], parameters["bias_hh_l0"][1] = 1 + 1e-6, -1
    oracle = oracle_of(case, parameters=parameters)
    assert (oracle.kinks("float64"), oracle.kinks("float16")) == (0, 1)


def test_pre_activations_away_from_zero_are_no_kinks():
    assert oracle_of(case_of({"nonlinearity": "relu"})).kinks("float64") == 0


@pytest.mark.parametrize("zeros", FLAGS, ids=["random", "at zero"])
def test_tanh_has_no_kinks(zeros):
    case = case_of()
    parameters = with_a_unit_at_zero(case) if zeros else draw(case).parameters
    oracle = oracle_of(case, parameters=parameters)
    assert oracle.envelope("bfloat16").kinks == oracle.kinks("bfloat16") == 0


# How fast rounding grows


def linear(factor: float, reverse: bool = False) -> Oracle:
    """One unit of relu that grows by a factor at each step, from a first state of 1."""
    case = case_of(
        {"nonlinearity": "relu", "input_size": 1, "hidden_size": 1, "bias": False, "bidirectional": reverse},
        {"seq_len": 80, "batch_size": 1},
        gradients=False,
    )
    probe = draw(case)
    parameters = {name: torch.zeros_like(value) for name, value in probe.parameters.items()}
    parameters["weight_hh_l0_reverse" if reverse else "weight_hh_l0"] += factor
    return oracle_of(case, parameters=parameters, states={"h_0": torch.ones_like(probe.states["h_0"])})


@pytest.mark.parametrize("reverse", FLAGS, ids=["forward", "reverse"])
@pytest.mark.parametrize("factor", [1.5, 2.0, 10.0])
def test_steps_per_decade_are_those_of_the_recurrence(factor, reverse):
    steps = linear(factor, reverse).envelope("float64").steps_per_decade()
    assert steps == pytest.approx(1 / math.log10(factor), rel=0.1)


@pytest.mark.parametrize("factor", [0.5, 1.0])
def test_there_are_no_steps_per_decade_where_nothing_grows(factor):
    assert linear(factor).envelope("float64").steps_per_decade() is None


def test_the_growth_is_measured_until_it_saturates():
    spread = torch.cat([torch.logspace(-16, 0, 17), torch.linspace(1, 2, 100)]).double()[:, None]
    assert Envelope({"output": spread}, 0, floor=0.0).steps_per_decade() == pytest.approx(1.0, rel=0.1)


def test_an_envelope_decides_a_tensor_that_it_moves_by_a_small_share_alone():
    envelope = Envelope({"output": torch.tensor([[0.5], [2.0]])}, 0, floor=0.0)
    assert envelope.decides("output", torch.tensor([10.0, -100.0]), 0.02)
    assert not envelope.decides("output", torch.tensor([10.0, -100.0]), 0.019)


def test_an_envelope_near_the_smallest_number_of_the_dtype_decides_however_small_the_tensor_is():
    envelope = oracle_of(case_of()).envelope("float16")
    spread = {"output": torch.tensor([[2.0**-18]])}
    assert Envelope(spread, 0, envelope.floor).decides("output", torch.tensor([2.0**-24]), 0.02)
    assert not Envelope(spread, 0, floor=0.0).decides("output", torch.tensor([2.0**-24]), 0.02)
