"""Timing: what is measured against what. How long it takes is not tested here, but measured in benchmarks/."""

from dataclasses import dataclass, field

import pytest
import torch

from rnncli.core.case import Case
from rnncli.cost import timing
from rnncli.pipeline.verify import VerifyOptions, verify


class Clock:
    """A clock that work sets forward: what is measured does not depend on the load of the machine."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(timing, "timer", clock)
    return clock


@dataclass
class FakeSide:
    name: str
    seconds: float
    clock: Clock
    calls: list = field(default_factory=list)

    def forward(self):
        self.calls.append("forward")
        self.clock.sleep(self.seconds)

    def forward_backward(self):
        self.calls.append("forward+backward")
        self.clock.sleep(2 * self.seconds)


def test_ratios_are_to_the_first_side_and_runs_are_interleaved(clock):
    log: list = []
    reference, candidate = FakeSide("nn.RNN", 0.002, clock, log), FakeSide("manual", 0.006, clock, log)
    measured = timing.time_sides([reference, candidate], gradients=True)
    assert [(t.implementation, t.pass_) for t in measured] == [
        ("nn.RNN", "forward"),
        ("manual", "forward"),
        ("nn.RNN", "forward+backward"),
        ("manual", "forward+backward"),
    ]
    assert [t.median_s for t in measured] == pytest.approx([0.002, 0.006, 0.004, 0.012])
    assert [t.ratio_to_reference for t in measured[::2]] == [1.0, 1.0]
    for t in measured[1::2]:
        assert t.ratio_to_reference == pytest.approx(t.median_s / measured[measured.index(t) - 1].median_s)
        assert t.ratio_to_reference == pytest.approx(3)
        assert t.ratio_low <= t.ratio_to_reference <= t.ratio_high
    assert all(t.iqr_s >= 0 and timing.QUICK.fewest <= t.runs <= timing.QUICK.most for t in measured)


def test_without_gradients_the_backward_is_not_run(clock):
    side = FakeSide("nn.RNN", 0.001, clock)
    assert {t.pass_ for t in timing.time_sides([side], gradients=False)} == {"forward"}
    assert set(side.calls) == {"forward"}


def test_every_round_begins_with_the_next_of_them(monkeypatch):
    """What runs after something slow or large must not always be the same."""
    monkeypatch.setattr(timing, "BLOCK_S", 0.0)
    log = []
    timing.interleaved(
        [lambda: log.append("a"), lambda: log.append("b"), lambda: log.append("c")], timing.Effort(1, 3, 3)
    )
    assert "".join(log[6:]) == "abcbcacab"  # after a first and a second run of each


def test_the_effort_bounds_the_rounds(clock):
    def measured(effort, seconds):
        return len(timing.interleaved([lambda: clock.sleep(seconds)], effort)[0])

    assert measured(timing.Effort(budget_s=0.001, fewest=3, most=20), 0.01) == 3
    assert measured(timing.Effort(budget_s=10, fewest=3, most=20), 0.001) == 20
    assert measured(timing.Effort(budget_s=0.1, fewest=3, most=50), 0.0099) == 10


def test_the_ratio_is_that_of_measurements_beside_each_other():
    """A machine that slows down while it is measured slows both: the ratio stays, and its spread is small."""
    reference = [1.0, 2.0, 4.0, 8.0, 16.0]
    found = timing._timing("x", "forward", [2.0, 4.0, 8.0, 16.0, 33.0], reference)
    assert (found.median_s, found.ratio_to_reference) == (8.0, 2.0)
    assert (found.ratio_low, found.ratio_high) == (2.0, 2.0)
    assert found.iqr_s == 12.0
    assert not found.noisy
    assert timing._timing("x", "forward", [1.0, 9.0, 2.0, 30.0, 1.0], reference).noisy


@dataclass
class Work:
    call: object
    name = "work"

    def forward(self):
        return self.call()

    forward_backward = forward


def test_the_peak_of_memory_is_what_lives_at_once():
    given = torch.zeros(1000)

    def one_after_another():
        for _ in range(5):
            given + 1

    def all_at_once():
        return [given + 1 for _ in range(5)]

    def in_place():
        given.view(10, 100)[3].add_(1)

    peaks = [
        timing.peak_bytes(Work(call), "inference", torch.device("cpu"))
        for call in (one_after_another, all_at_once, in_place)
    ]
    assert 4000 <= peaks[0] <= 8000
    assert 20_000 <= peaks[1] <= 20_100
    assert peaks[2] <= 100


def test_memory_counts_what_is_kept_for_backward():
    weight = torch.randn(50, 50, requires_grad=True)

    def work():
        x = weight
        for _ in range(10):
            x = torch.tanh(x)
        return torch.autograd.grad(x.sum(), weight)

    assert timing.peak_bytes(Work(work), "forward+backward", torch.device("cpu")) >= 10 * weight.nbytes
    with torch.no_grad():
        recorded = timing.peak_bytes(Work(lambda: torch.tanh(torch.tanh(weight))), "inference", torch.device("cpu"))
    assert recorded <= 2 * weight.nbytes


def test_on_cuda_the_allocator_is_asked(monkeypatch):
    log = []
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _: 1000)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda _: log.append("reset"))
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda _: 1700)
    work = Work(lambda: log.append("work"))
    assert timing.peak_bytes(work, "inference", torch.device("cuda")) == 700
    assert log == ["reset", "work"]


def test_timing_can_be_left_out():
    assert verify(Case(), VerifyOptions(timing=False)).timing is None
