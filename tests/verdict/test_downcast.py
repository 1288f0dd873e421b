"""float32 inside float64: a finding beside the verdict of a float32 case, a mismatch of a float64 one."""

import pytest
import torch

import rnncli


def with_buffer(x, h, W_ih, W_hh, b_ih, b_hh):
    output = torch.zeros(x.shape[0], x.shape[1], W_hh.shape[0])  # float32, whatever x is
    for t, x_t in enumerate(x):
        h = torch.tanh(x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh)
        output[t] = h
    return output, h


def with_cast(x, h, W_ih, W_hh, b_ih, b_hh):
    states = []
    for x_t in x:
        h = torch.tanh(x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh).float().to(x.dtype)
        states.append(h)
    return torch.stack(states), h


def with_buffer_and_without_a_bias(x, h, W_ih, W_hh, b_ih, b_hh):
    del b_hh
    output = torch.zeros(x.shape[0], x.shape[1], W_hh.shape[0])
    for t, x_t in enumerate(x):
        h = torch.tanh(x_t @ W_ih.T + b_ih + h @ W_hh.T)
        output[t] = h
    return output, h


def ids(report):
    return [found.id for found in report.diagnosis]


@pytest.mark.parametrize("candidate", [with_buffer, with_cast])
def test_in_float32_it_is_a_finding_beside_a_match(candidate):
    report = rnncli.verify(candidate)
    assert report
    assert ids(report) == ["downcast-float32"]
    assert "test_downcast.py:" in report.diagnosis[0].evidence


@pytest.mark.parametrize("candidate", [with_buffer, with_cast])
def test_in_float64_it_is_a_mismatch(candidate):
    report = rnncli.verify(candidate, dtype="float64")
    assert report.verdict == "mismatch"
    assert "downcast-float32" in ids(report)


def test_in_bfloat16_a_float32_buffer_gives_an_output_of_another_dtype():
    report = rnncli.verify(with_buffer, dtype="bfloat16")
    assert report.verdict == "mismatch"
    reasons = {check.tensor: check.reason for check in report.checks if check.verdict == "mismatch"}
    assert "dtype float32, expected bfloat16" in reasons["output"]


def test_a_cast_to_float32_is_right_in_bfloat16():
    report = rnncli.verify(with_cast, dtype="bfloat16")
    assert report.verdict == "match"


def test_a_float32_buffer_hides_no_other_fault():
    report = rnncli.verify(with_buffer_and_without_a_bias)
    assert report.verdict == "mismatch"
    assert ids(report) == ["missing-bias-hh", "downcast-float32"]


def test_torch_s_default_dtype_is_as_it_was_afterwards():
    rnncli.verify(with_buffer)
    assert torch.get_default_dtype() == torch.float32
