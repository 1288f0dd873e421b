"""The mode moves the result of each operation by what rounding it can add, in the noisy runs alone."""

import math

import pytest
import torch

from rnncli.core.case import Case
from rnncli.numerics import rounding
from rnncli.numerics.rounding import WIDTH, Arithmetic, Rounding, arithmetic

CPU = torch.device("cpu")
ROWS, RUNS, FEATURES = 50, 21, 40
UNIT, INNER, SMALLEST = 1e-3, 1e-5, 1e-9


@pytest.fixture
def mode() -> Rounding:
    return Rounding(Arithmetic(UNIT, INNER, SMALLEST), RUNS, ROWS, seed=0, device=CPU)


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def batch(value: float = 3.0) -> torch.Tensor:
    """The same rows in every run, of one size and of random signs."""
    return (value * drawn(ROWS, FEATURES).sign()).repeat(RUNS, 1)


def deviations(mode: Rounding, operation, *given: torch.Tensor) -> torch.Tensor:
    """How far the noisy runs are from the result without the mode, (K*N, features). The run without noise is there."""
    expected = operation(*given)
    with mode:
        result = operation(*given)
    moved = (result - expected).unflatten(-2, (RUNS, ROWS))
    assert not moved[..., 0, :, :].any()
    return moved[..., 1:, :, :]


def size_of(moved: torch.Tensor) -> float:
    return float(moved.std()) / WIDTH


ELEMENTWISE = {
    "a sum": lambda x: x + x,
    "1 - x": lambda x: 1 - x.abs(),
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "a product": lambda x: x * x,
    "the gradient of sigmoid": lambda x: torch.ops.aten.sigmoid_backward(x, torch.full_like(x, 0.3)),
}


@pytest.mark.parametrize("operation", ELEMENTWISE.values(), ids=ELEMENTWISE)
def test_the_result_of_an_operation_is_rounded_by_its_size(mode, operation):
    x = batch().abs()
    assert size_of(deviations(mode, operation, x)) == pytest.approx(UNIT * float(operation(x).abs().max()), rel=0.05)


def test_a_sum_with_the_number_that_stands_for_no_bias_is_not_rounded(mode):
    assert not deviations(mode, lambda x: x + 0.0, batch()).any()


def test_what_only_moves_or_chooses_values_is_not_rounded(mode):
    def moves(x):
        x = torch.where(x > 0, x, -x).relu().chunk(2, dim=-1)[0]
        return torch.stack(torch.cat([x, x], -1).unbind(0)) + 0.0

    assert not deviations(mode, moves, batch()).any()


def test_a_matrix_product_rounds_where_it_is_stored_and_where_it_is_summed(mode):
    x, weight = torch.ones(RUNS * ROWS, 300).double(), torch.ones(300, FEATURES).double()
    weight[::2] = -1  # so that the product is 0, of 300 terms
    assert size_of(deviations(mode, torch.matmul, x, weight)) == pytest.approx(INNER * 300, rel=0.05)
    weight[0] += 7
    expected = UNIT * 7 + INNER * (300 + 5)
    assert size_of(deviations(mode, torch.matmul, x, weight)) == pytest.approx(expected, rel=0.05)


def test_the_square_of_a_state_is_rounded_before_the_difference_in_the_slope_of_tanh_cancels(mode):
    gradient, h = batch(3.0), torch.ones(RUNS * ROWS, FEATURES).double()
    moved = deviations(mode, torch.ops.aten.tanh_backward, gradient, h)
    assert size_of(moved) == pytest.approx(3 * UNIT, rel=0.05)


@pytest.mark.parametrize("operation", [torch.mul, lambda x, y: x @ y[:FEATURES]], ids=["product", "matrix product"])
def test_a_product_may_be_below_the_smallest_number_and_one_with_zero_stays_zero(mode, operation):
    tiny, one = batch(1e-15), torch.ones(RUNS * ROWS, FEATURES).double()
    assert size_of(deviations(mode, operation, tiny, one)) == pytest.approx(SMALLEST, rel=0.05)
    assert not deviations(mode, operation, 0 * tiny, one).any()


def test_a_sum_over_time_rounds_each_term_and_each_partial_sum(mode):
    total = torch.full((RUNS, ROWS, FEATURES), 2.0).double()
    mode.move_sum(total, torch.full((ROWS, FEATURES), 10.0).double(), 16)
    assert not (total[0] - 2).any()
    assert size_of(total[1:] - 2) == pytest.approx(UNIT * (10 + math.sqrt(16) * 2), rel=0.05)
    zeros = torch.zeros_like(total)
    mode.move_sum(zeros, zeros[0].clone(), 16)
    assert size_of(zeros[1:]) == pytest.approx(SMALLEST, rel=0.05)


def test_the_backward_pass_is_rounded_like_the_forward_pass(mode):
    x = batch(1.0).requires_grad_()
    with mode:
        (gradient,) = torch.autograd.grad(x.tanh().sum(), x)
    moved = gradient.unflatten(0, (RUNS, ROWS))
    assert size_of(moved[1:] - moved[0]) > UNIT


def test_rows_whose_magnitudes_are_many_are_moved_by_noise_of_their_own(mode, monkeypatch):
    monkeypatch.setattr(rounding, "POOL", 100)
    moved = deviations(mode, torch.tanh, batch().abs())
    assert size_of(moved) == pytest.approx(UNIT * math.tanh(3), rel=0.2)


def test_the_magnitudes_of_a_weight_are_not_those_of_another_in_its_place(mode):
    for size in (1.0, 3.0):
        weight = torch.full((FEATURES, FEATURES), size).double()
        weight[::2] *= -1
        moved = deviations(mode, torch.matmul, torch.ones(RUNS * ROWS, FEATURES).double(), weight)
        assert size_of(moved) == pytest.approx(INNER * size * FEATURES, rel=0.1)
        del weight  # whose memory the next may be given


def test_kinks_are_the_pre_activations_that_noise_may_take_across_zero(mode):
    z = torch.ones(RUNS * ROWS, 4).double()
    z[:, 1] = 0.0  # and stays it
    z[:, 2], z[ROWS:, 2] = 1e-3, 2e-3
    z[:ROWS, 3], z[ROWS:, 3] = 1e-3, 1.1e-3
    with mode:
        z.relu()
    assert [near.tolist() for near in mode.kinks] == [[1] * ROWS]


def test_tf32_is_the_arithmetic_of_float32_on_a_gpu_that_may_use_it():
    case = Case.model_validate({"run": {"tf32": True}})
    assert arithmetic(case, torch.float32, torch.device("cuda")) == "tf32"
    assert arithmetic(case, torch.float32, CPU) == "float32"
    assert arithmetic(case, torch.float64, torch.device("cuda")) == "float64"
    assert arithmetic(Case(), torch.float32, torch.device("cuda")) == "float32"
