"""Timing: what is measured against what. How long it takes is not tested here, but measured in benchmarks/."""

import time
from dataclasses import dataclass, field

import pytest

from rnncli import timing
from rnncli.case import Case
from rnncli.run import VerifyOptions, verify


@dataclass
class FakeSide:
    name: str
    seconds: float
    calls: list = field(default_factory=list)

    def forward(self):
        self.calls.append("forward")
        time.sleep(self.seconds)

    def forward_backward(self):
        self.calls.append("forward+backward")
        time.sleep(2 * self.seconds)


def test_ratios_are_to_the_first_side_and_runs_are_interleaved():
    log: list = []
    reference, candidate = FakeSide("nn.RNN", 0.002, log), FakeSide("manual", 0.006, log)
    measured = timing.time_sides([reference, candidate], gradients=True)
    assert [(t.implementation, t.pass_) for t in measured] == [
        ("nn.RNN", "forward"),
        ("manual", "forward"),
        ("nn.RNN", "forward+backward"),
        ("manual", "forward+backward"),
    ]
    assert [t.ratio_to_reference for t in measured[::2]] == [1.0, 1.0]
    for t in measured[1::2]:
        assert t.ratio_to_reference == pytest.approx(t.median_s / measured[measured.index(t) - 1].median_s)
    assert all(t.iqr_s >= 0 and timing.RUNS[0] <= t.runs <= timing.RUNS[1] for t in measured)


def test_without_gradients_the_backward_is_not_run():
    side = FakeSide("nn.RNN", 0.001)
    assert {t.pass_ for t in timing.time_sides([side], gradients=False)} == {"forward"}
    assert set(side.calls) == {"forward"}


def test_timing_can_be_left_out():
    assert verify(Case(), VerifyOptions(timing=False)).timing is None
