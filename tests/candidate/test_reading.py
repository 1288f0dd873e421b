"""How a candidate is read: by names, shapes and experiments on itself, never by its agreement with nn.RNN."""

import pytest
import torch
from torch import nn

import rnncli
from rnncli.candidate.reading import Unreadable, read
from rnncli.core.case import Case, altered


def steps(x, h, W_ih, W_hh, b_ih, b_hh):
    states = []
    for x_t in x:
        h = torch.tanh(x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh)
        states.append(h)
    return torch.stack(states), h


def by_order(seq, start, w1, w2, b1, b2):
    return steps(seq, start, w1, w2, b1, b2)


def keyword_only(*, x, h0, W_ih, W_hh, b_ih, b_hh):
    return steps(x, h0, W_ih, W_hh, b_ih, b_hh)


def as_a_dict(x, h, W_ih, W_hh, b_ih, b_hh):
    output, h = steps(x, h, W_ih, W_hh, b_ih, b_hh)
    return {"output": output, "hidden": h}


def letters(x, U, W, b, h):
    states = []
    for x_t in x:
        h = torch.tanh(b + h @ W.T + x_t @ U.T)
        states.append(h)
    return torch.stack(states), h


def state_bias_first(x, W_ih, W_hh, b_h, b_i, h):
    return steps(x, h, W_ih, W_hh, b_i, b_h)


class OfAClass:
    def __init__(self, dim, width):
        self.w = {"x": torch.zeros(dim, width), "h": torch.zeros(width, width), "b": torch.zeros(1, width)}

    def run(self, sequence):
        h, states = 0 * sequence[0] @ self.w["x"], []
        for x_t in sequence:
            h = torch.tanh(x_t @ self.w["x"] + h @ self.w["h"] + self.w["b"])
            states.append(h)
        return states


class Wrapped(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.inner = nn.RNN(n_in, n_out, batch_first=True)

    def forward(self, x):
        return self.inner(x)[0]


TELLING_LITTLE = [by_order, keyword_only, as_a_dict, letters, state_bias_first, OfAClass, Wrapped]


@pytest.mark.parametrize("target", TELLING_LITTLE)
def test_what_tells_little_is_read_in_one_way_and_judged(target):
    assert len(read(target, "mine.py:target", Case())) == 1
    assert rnncli.verify(target).verdict == "match"


def axes(target, case=None):
    (adapted,) = read(target, "mine.py:target", case or Case())
    return adapted.reading.input, adapted.reading.state


def batch_first(x, h, W_ih, W_hh, b_ih, b_hh):
    output, h = steps(x.transpose(0, 1), h, W_ih, W_hh, b_ih, b_hh)
    return output.transpose(0, 1), h


def with_rows(x, h, W_ih, W_hh, b_ih, b_hh):
    output, h = steps(x, h.squeeze(0), W_ih, W_hh, b_ih, b_hh)
    return output, h.unsqueeze(0)


@pytest.mark.parametrize(
    ("target", "expected"), [(by_order, ("LNI", "NH")), (batch_first, ("NLI", "NH")), (with_rows, ("LNI", "SNH"))]
)
def test_shapes_at_distinct_sizes_tell_the_axes_of_input_and_state(target, expected):
    assert axes(target) == expected


def test_two_results_are_output_and_h_n_in_that_order_whatever_their_shapes():
    def state_first(x, h, W_ih, W_hh, b_ih, b_hh):
        return steps(x, h, W_ih, W_hh, b_ih, b_hh)[::-1]

    assert rnncli.verify(state_first).verdict == "mismatch"


def test_results_under_keys_are_read_by_their_names():
    def named(x, h, W_ih, W_hh, b_ih, b_hh):
        output, h = steps(x, h, W_ih, W_hh, b_ih, b_hh)
        return {"h_n": h, "output": output}

    assert rnncli.verify(named).verdict == "match"


def test_a_state_beside_the_output_of_a_cell_is_judged_too():
    def cell(x, h, W_ih, W_hh, b_ih, b_hh):
        new = torch.tanh(x @ W_ih.T + b_ih + h @ W_hh.T + b_hh)
        return new, h  # the old state is carried

    assert rnncli.verify(cell).verdict == "mismatch"


def test_what_runs_a_whole_batch_is_never_read_one_sequence_at_a_time():
    def mixed(x, h, W_ih, W_hh, b_ih, b_hh):
        return steps(x, h[:1].expand_as(h), W_ih, W_hh, b_ih, b_hh)

    report = rnncli.verify(mixed)
    assert report.verdict == "mismatch"
    assert "batch" not in report.reading


def test_a_step_is_called_per_step_and_the_reading_says_so():
    def rnn_step(x_t, h, W_ih, W_hh, b_ih, b_hh):
        return torch.tanh(x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh)

    report = rnncli.verify(rnn_step)
    assert report.verdict == "match"
    assert "the loop over time is rnncli's" in report.reading


def test_matrices_of_a_function_lie_all_one_way_so_that_one_turned_alone_is_wrong():
    def rnn(x, h, W_ih, W_hh, b_ih, b_hh):
        return steps(x, h, W_ih, W_hh.T, b_ih, b_hh)

    assert [found.id for found in rnncli.verify(rnn).diagnosis] == ["weight-hh-transposed"]


def test_of_two_biases_one_is_forgotten_whatever_they_are_called():
    def rnn(x, W_ih, W_hh, b_h, b_i, h):  # noqa: ARG001
        return steps(x, h, W_ih, W_hh, torch.zeros_like(b_h), b_h)

    assert rnncli.verify(rnn).verdict == "mismatch"


class BatchFirstInVain(nn.Module):
    def __init__(self, input_size, hidden_size, batch_first=False):  # noqa: ARG002
        super().__init__()
        self.inner = nn.RNN(input_size, hidden_size)

    def forward(self, x, h_0):
        return self.inner(x, h_0)


def test_an_argument_batch_first_is_put_to_the_test():
    assert rnncli.verify(BatchFirstInVain).verdict == "match"
    report = rnncli.verify(BatchFirstInVain, batch_first=True)
    assert [found.id for found in report.diagnosis] == ["batch-first-ignored"]


def test_a_function_that_stacks_layers_wrongly_is_not_taken_for_one_of_a_single_layer():
    def rnn(x, h, W_ih: list, W_hh: list, b_ih: list, b_hh: list):
        outputs = [steps(x, h[k], W_ih[k], W_hh[k], b_ih[k], b_hh[k]) for k in range(len(W_ih))]  # all read x
        return outputs[-1][0], torch.stack([final for _, final in outputs])

    case = altered(Case(), rnn={"num_layers": 2})
    assert read(rnn, "mine.py:rnn", case)[0].reading.layers
    assert rnncli.verify(rnn, num_layers=2, input_size=40).verdict == "mismatch"


def test_what_is_no_rnn_is_unreadable_and_the_message_says_what_was_seen():
    def title(x):
        return f"a tensor of shape {tuple(x.shape)}"

    seen = r"cannot tell how to call it \(its arguments are x\): tried, among others, a call that returned a str"
    with pytest.raises(Unreadable, match=seen):
        read(title, "mine.py:title", Case())


def test_a_tensor_of_another_shape_in_output_s_place_is_a_mismatch_that_says_both():
    def mean(x):
        return x.mean()

    reasons = {check.tensor: check.reason for check in rnncli.verify(mean).checks if check.verdict == "mismatch"}
    assert reasons == {"output": "shape (), expected (5, 10, 40)"}


def test_what_is_stated_is_obeyed_and_nothing_else_is_tried():
    case = Case()
    (adapted,) = read(batch_first, "mine.py:rnn", case, {"layout": "batch-first", "returns": "output"})
    assert adapted.reading.input == "NLI"
    assert adapted.reading.h_n is None
    with pytest.raises(Unreadable):
        read(by_order, "mine.py:rnn", case, {"layout": "features-first"})
