"""What shows in one regime alone: each candidate here is right when it is called once with everything."""

import inspect

import pytest
import torch

import rnncli
from rnncli.core.case import Case
from rnncli.core.errors import AmbiguousError, CandidateError
from rnncli.pipeline.verify import VerifyOptions, verify
from rnncli.verdict.evaluate import cause_of_raise, what_backward_raises


def walk(x, h, W_ih, W_hh, b_ih, b_hh):
    states = []
    for x_t in x:
        h = torch.tanh(x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh)
        states.append(h)
    return torch.stack(states), h


class Forgetful(torch.autograd.Function):
    """The identity of two results; without a gradient of the one that is named, none of the other is passed on."""

    @staticmethod
    def forward(ctx, output, h, needed):
        ctx.set_materialize_grads(False)
        ctx.needed = needed
        return output.clone(), h.clone()

    @staticmethod
    def backward(ctx, grad_output, grad_h):
        if (grad_output, grad_h)[ctx.needed] is None:
            return None, None, None
        return grad_output, grad_h, None


class Accumulating(torch.autograd.Function):
    """The identity; its backward adds what the leaf has accumulated already."""

    @staticmethod
    def forward(ctx, leaf):
        ctx.leaf = leaf
        return leaf.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient if ctx.leaf.grad is None else gradient + ctx.leaf.grad


def squeezed(x, h, W_ih, W_hh, b_ih, b_hh):
    output, h = walk(x, h, W_ih, W_hh, b_ih, b_hh)
    return (output.squeeze(1) if output.shape[1] == 1 else output), h


def tired():
    """A candidate that gives another output from the sixth call with the same input on."""
    seen = []

    def rnn(x, h, W_ih, W_hh, b_ih, b_hh):
        if not seen or seen[-1].shape != x.shape or not torch.equal(seen[-1], x.detach()):
            seen.clear()
        seen.append(x.detach().clone())
        output, h = walk(x, h, W_ih, W_hh, b_ih, b_hh)
        return (output + 1 if len(seen) > 5 else output), h

    return rnn


def contiguous_alone(x, h, W_ih, W_hh, b_ih, b_hh):
    in_memory = x.as_strided(x.shape, (x.shape[1] * x.shape[2], x.shape[2], 1))
    return walk(in_memory, h, W_ih, W_hh, b_ih, b_hh)


def views_h_0(x, h, W_ih, W_hh, b_ih, b_hh):
    output, h = walk(x, h.view(-1).view(h.shape), W_ih, W_hh, b_ih, b_hh)
    return output, h


def by_input(x, h, W_ih, W_hh, b_ih, b_hh):
    output, h = walk(x, h, W_ih, W_hh, b_ih, b_hh)
    return (output if x.requires_grad else output.detach()), h


def needs_grad_of_h_n(x, h, W_ih, W_hh, b_ih, b_hh):
    return Forgetful.apply(*walk(x, h, W_ih, W_hh, b_ih, b_hh), 1)


def needs_grad_of_output(x, h, W_ih, W_hh, b_ih, b_hh):
    return Forgetful.apply(*walk(x, h, W_ih, W_hh, b_ih, b_hh), 0)


def accumulating(x, h, W_ih, W_hh, b_ih, b_hh):
    return walk(x, h, W_ih, Accumulating.apply(W_hh), b_ih, b_hh)


def ones_by_default(x, W_ih, W_hh, b_ih, b_hh, h=None):
    h = torch.ones(x.shape[1], W_hh.shape[0], dtype=x.dtype) if h is None else h
    return walk(x, h, W_ih, W_hh, b_ih, b_hh)


def ten_by_default(x, W_ih, W_hh, b_ih, b_hh, h=None):
    h = torch.zeros(10, W_hh.shape[0], dtype=x.dtype) if h is None else h
    return walk(x, h, W_ih, W_hh, b_ih, b_hh)


def detached_by_default(x, W_ih, W_hh, b_ih, b_hh, h=None):
    if h is None:
        x, h = x.detach(), torch.zeros(x.shape[1], W_hh.shape[0], dtype=x.dtype)
    return walk(x, h, W_ih, W_hh, b_ih, b_hh)


REGIMES = {
    "N = 1": (squeezed, "output", "given the first sequence alone (N = 1): shape "),
    "ten calls": (tired(), "output", "called ten times"),
    "strided input": (contiguous_alone, "output", "given an input and h_0 that are not contiguous"),
    "strided h_0": (views_h_0, "output", "given an input and h_0 that are not contiguous"),
    "input without gradient": (by_input, "grad h_0", "given an input that needs no gradient"),
    "a loss on output alone": (needs_grad_of_h_n, "grad input", "with a loss on output alone"),
    "a loss on h_n alone": (needs_grad_of_output, "grad input", "with a loss on h_n alone"),
    "two backward calls": (accumulating, "grad weight_hh_l0", "after two backward calls"),
    "no h_0": (ones_by_default, "output", "called without h_0"),
    "no h_0, another batch size": (ten_by_default, "output", "called without h_0"),
    "no h_0, gradients": (detached_by_default, "grad input", "called without h_0"),
}


@pytest.mark.parametrize(("candidate", "tensor", "when"), REGIMES.values(), ids=REGIMES)
def test_what_goes_wrong_in_one_regime_alone_is_a_mismatch_that_says_which(candidate, tensor, when):
    report = rnncli.verify(candidate)
    wrong = {check.tensor: check.reason for check in report.checks if check.verdict == "mismatch"}
    assert report.verdict == "mismatch"
    assert list(wrong) == [tensor]
    assert wrong[tensor].startswith(when)
    assert report.diagnosis[0].id in ("unexplained", "state-leaks-between-calls")


def test_a_start_in_float32_where_h_0_is_omitted_is_a_finding_and_no_mismatch():
    def rnn(x, W_ih, W_hh, b_ih, b_hh, h=None):
        h = torch.zeros(x.shape[1], W_hh.shape[0], dtype=torch.float32) if h is None else h
        return walk(x, h, W_ih, W_hh, b_ih, b_hh)

    report = rnncli.verify(rnn)
    assert report.verdict == "match"
    assert [found.id for found in report.diagnosis] == ["downcast-float32"]


def test_the_walk_that_all_of_them_share_is_a_match():
    assert rnncli.verify(walk).verdict == "match"


def test_an_h_0_that_may_be_omitted_and_raises_where_it_is_fails_the_case():
    def rnn(x, W_ih, W_hh, b_ih, b_hh, h_0=None):
        return walk(x, h_0.squeeze(0), W_ih, W_hh, b_ih, b_hh)

    with pytest.raises(CandidateError, match=r"no attribute 'squeeze' \(h_0 is omitted, as its code allows\)"):
        rnncli.verify(rnn)


@pytest.mark.parametrize(("hidden_size", "longest"), [(8, 260), (400, 5)])
def test_260_steps_are_given_where_they_are_little_work(hidden_size, longest):
    lengths = set()

    def rnn(x, h, W_ih, W_hh, b_ih, b_hh):
        lengths.add(len(x))
        return walk(x, h, W_ih, W_hh, b_ih, b_hh)

    assert rnncli.verify(rnn, hidden_size=hidden_size).verdict == "match"
    assert max(lengths - {6, 9}) == longest  # trials of the reading have 6 steps, or 9


def test_a_regime_that_raises_is_a_mismatch_that_names_the_line():
    def rnn(x, h, W_ih, W_hh, b_ih, b_hh):
        if not x.is_contiguous():
            raise ValueError("not laid out in order")
        return walk(x, h, W_ih, W_hh, b_ih, b_hh)

    wrong = [check.reason for check in rnncli.verify(rnn).checks if check.verdict == "mismatch"]
    assert "its forward raised ValueError: not laid out in order" in wrong[0]


def without_a_gradient_from_zeros(x, W_ih, W_hh, b_ih, b_hh, h_0=None):
    alone = 1 in x.shape[:2]  # a call with one step, or of one sequence, shows it before
    with torch.set_grad_enabled((h_0 is not None or alone) and torch.is_grad_enabled()):
        return walk(x, x.new_zeros(x.shape[1], 40) if h_0 is None else h_0, W_ih, W_hh, b_ih, b_hh)


def test_a_result_without_a_gradient_is_nothing_written_in_place():
    report = rnncli.verify(without_a_gradient_from_zeros)
    (wrong,) = [check for check in report.checks if check.verdict == "mismatch"]
    assert "does not require grad" in wrong.reason
    assert wrong.cause == "no-gradient"


def a_graph_twice(x):
    y = (x * x).sum()
    y.backward()
    return y


def in_place(x):
    y = x.exp()
    y.add_(1.0)
    return y.sum()


@pytest.mark.parametrize(("made", "cause"), [(a_graph_twice, "raises"), (in_place, "backward-breaks")])
def test_what_autograd_raises_is_named_by_what_it_says(made, cause):
    loss = made(torch.ones(3, requires_grad=True))
    with pytest.raises(RuntimeError) as raised:
        loss.backward()
    assert cause_of_raise(what_backward_raises(raised.value)) == cause


def test_a_sequence_that_sees_another_of_its_batch_is_batch_mixed():
    def rnn(x, h, W_ih, W_hh, b_ih, b_hh):
        states = []
        for x_t in x:
            h = torch.tanh(x_t @ W_ih.T + b_ih + h.mean(0) @ W_hh.T + b_hh)
            states.append(h)
        return torch.stack(states), h

    assert [found.id for found in rnncli.verify(rnn).diagnosis] == ["batch-mixed"]


def test_a_state_kept_from_call_to_call_is_a_leak():
    class Kept(torch.nn.Module):
        def __init__(self, input_size, hidden_size):
            super().__init__()
            self.cell, self.h = torch.nn.RNNCell(input_size, hidden_size), None

        def forward(self, x):
            h = x.new_zeros(x.shape[1], self.cell.hidden_size) if self.h is None else self.h
            states = []
            for x_t in x:
                h = self.cell(x_t, h)
                states.append(h)
            self.h = h.detach() if h.shape[0] == x.shape[1] else None
            return torch.stack(states)

    report = rnncli.verify(Kept)
    assert report.verdict == "mismatch"
    assert "state-leaks-between-calls" in [found.id for found in report.diagnosis]


# Readings that lead to different verdicts, and runs that compare nothing


def joined_along_time(x, h, W_ih, W_hh, b_ih, b_hh):
    states = []
    for x_t in x:
        h = torch.tanh(x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh)
        states.append(h)
    return torch.cat(states), h  # right of an h_0 of (1, N, H) alone


def test_two_readings_with_different_verdicts_are_an_error_that_names_both():
    with pytest.raises(AmbiguousError, match="two readings lead to different verdicts") as raised:
        rnncli.verify(joined_along_time)
    told = "h_0 as (N, H_out), returns (output, h_n as (N, H_out)): mismatch (states: (N, H_out)); state which one is"
    assert told in str(raised.value)
    assert "returns (output, h_n): match (states: as nn.RNN); or read as " in str(raised.value)
    with pytest.raises(AssertionError, match="two readings lead to different verdicts"):
        rnncli.assert_parity(joined_along_time)


@pytest.mark.exhaustive(twin="test_two_readings_with_different_verdicts_are_an_error_that_names_both", pool="long")
@pytest.mark.parametrize(("states", "verdict"), [("as nn.RNN", "match"), ("(N, H_out)", "mismatch")])
def test_a_reading_whose_states_are_stated_is_obeyed(states, verdict, tmp_path):
    file = tmp_path / "joined.py"
    file.write_text(f"import torch\n\n\n{inspect.getsource(joined_along_time)}")
    candidate = {"target": f"{file}:joined_along_time", "states": states}
    record = verify(
        Case.model_validate({"candidate": candidate}), VerifyOptions(timing=False, guard=False, shrink=False)
    )
    assert record.verdict == verdict


def last_state(x, h, W_ih, W_hh, b_ih, b_hh):
    return walk(x, h, W_ih, W_hh, b_ih, b_hh)[1]


@pytest.mark.parametrize("arguments", [{}, {"nonlinearity": "relu"}], ids=["h_n alone", "relu is not claimed"])
def test_a_report_in_which_output_was_not_compared_is_false_and_no_parity(arguments):
    candidate = walk if arguments else last_state
    report = rnncli.verify(candidate, **arguments)
    assert report.verdict != "mismatch"
    assert not report
    with pytest.raises(AssertionError, match=r"^output of \w+ was not compared: "):
        rnncli.assert_parity(candidate, **arguments)
