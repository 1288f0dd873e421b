"""How a candidate is read: by names, shapes and experiments on itself, never by its agreement with nn.RNN."""

import pytest
import torch
from levels import one_in
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import rnncli
from rnncli.candidate.convention import Part, Reading
from rnncli.candidate.reading import Unreadable, read
from rnncli.candidate.weights import Binding
from rnncli.core.case import Case, altered
from rnncli.core.errors import CandidateError
from rnncli.numerics.probe import draw


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


@pytest.mark.exhaustive(twin="test_what_people_write_is_read_and_judged_without_an_edit", sample=2)
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


def stacked(x, h_0, weights_of):
    """Stack layers that read the one below; `weights_of` gives the matrices and the bias of each."""
    finals = []
    for k, h in enumerate(h_0):
        W_ih, W_hh, b = weights_of(k)
        x, h = steps(x, h, W_ih, W_hh, b, 0)
        finals.append(h)
    return x, torch.stack(finals)


def keys_with_numbers(x, h0, w):
    return stacked(x, h0, lambda k: (w[f"Wx{k}"], w[f"Wh{k}"], w[f"b{k}"]))


def keys_numbered_from_one(x, h0, w):
    return stacked(x, h0, lambda k: (w[f"W_ih_{k + 1}"], w[f"W_hh_{k + 1}"], w[f"b_ih_{k + 1}"] + w[f"b_hh_{k + 1}"]))


def keys_written_out(x, h0, w):
    weights = (w["Wx0"], w["Wh0"], w["b0"]), (w["Wx1"], w["Wh1"], w["b1"]), (w["Wx2"], w["Wh2"], w["b2"])
    return stacked(x, h0[:3], weights.__getitem__)


def keys_that_are_tuples(x, h0, w):
    return stacked(x, h0, lambda k: (w["W_ih", k], w["W_hh", k], w[k, "b"]))


def a_dict_for_each_layer(x, h0, w):
    return stacked(x, h0, lambda k: (w[k]["W_ih"], w[k]["W_hh"], w[k]["b"]))


def numbers_as_keys(x, h0, params):
    weights = {k: (p["W_ih"], p["W_hh"], p["b"]) for k, p in params.items()}
    return stacked(x, h0, weights.__getitem__)


def attributes(x, h0, w):
    return stacked(x, h0, lambda k: (w[k].W_ih, w[k].W_hh, w[k].b))


DICTS = [
    keys_with_numbers,
    keys_numbered_from_one,
    keys_written_out,
    keys_that_are_tuples,
    a_dict_for_each_layer,
    numbers_as_keys,
    attributes,
]


@pytest.mark.parametrize("target", one_in(3, DICTS, "test_a_dict_of_weights_is_read_whatever_its_name_and_its_keys"))
def test_a_dict_of_weights_is_read_whatever_its_name_and_its_keys(target):
    assert rnncli.verify(target, num_layers=3).verdict == "match"


def test_layers_that_keys_write_out_are_all_that_a_candidate_has():
    report = rnncli.verify(keys_written_out)
    assert report.verdict == "not-comparable"
    assert "it has 3 layers, always" in report.checks[0].reason


def test_a_key_of_another_layer_is_a_mismatch():
    def rnn(x, h0, w):
        return stacked(x, h0, lambda k: (w[f"Wx{k}"], w["Wh0"], w[f"b{k}"]))

    assert rnncli.verify(rnn, num_layers=3).verdict == "mismatch"


def joined(x, h, W, b, state_first):
    states = []
    for x_t in x:
        h = torch.tanh(torch.cat([h, x_t] if state_first else [x_t, h], 1) @ W.T + b)
        states.append(h)
    return torch.stack(states), h


@pytest.mark.parametrize("state_first", [False, True])
def test_the_order_of_x_and_h_in_a_joined_matrix_of_a_function_is_found_by_experiment(state_first):
    def rnn(x, h, W_cat, b):
        return joined(x, h, W_cat, b, state_first)

    report = rnncli.verify(rnn)
    assert report.verdict == "match"
    expected = "[weight_hh_l0, weight_ih_l0]" if state_first else "[weight_ih_l0, weight_hh_l0]"
    assert {wire.tensor: wire.weight for wire in report.record.wiring}["W_cat"] == expected


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


def starts_c_itself(x, h_0, W_ih, W_hh, b):
    h, c, output = h_0[0], torch.zeros_like(h_0[0]), []
    for x_t in x:
        i, f, g, o = (x_t @ W_ih.T + h @ W_hh.T + b).chunk(4, -1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        output.append(h)
    return torch.stack(output), h[None], c[None]


def takes_a_pair(x, state, W_ih, W_hh, b):
    h, c = state
    return starts_c_itself(x, h + 0 * c, W_ih, W_hh, b)


def test_a_candidate_that_is_stated_to_take_h_0_alone_is_given_it_alone():
    case = Case.model_validate({"rnn": {"cell": "LSTM"}})
    (adapted,) = read(starts_c_itself, "mine.py:lstm", case, {"takes": "h_0"})
    assert adapted.native.states.takes == "h_0"
    with pytest.raises(CandidateError):
        read(takes_a_pair, "mine.py:lstm", case, {"takes": "h_0"})


def test_where_h_0_0_may_be_h_of_a_pair_or_the_first_row_of_h_both_are_readings():
    case = Case.model_validate({"rnn": {"cell": "LSTM"}})
    assert [one.native.states.takes for one in read(starts_c_itself, "mine.py:lstm", case)] == ["all", "h_0"]
    assert [one.native.states.takes for one in read(takes_a_pair, "mine.py:lstm", case)] == ["all"]


def test_what_numpy_computes_is_on_the_device_of_the_input():
    reading = Reading("LNI", "SNH", Binding(numpy=True), output=Part((0,), "LNF"), finals=(Part((1,), "SNH"),))
    x, h = torch.zeros(5, 3, 2, device="meta"), torch.zeros(1, 3, 4, device="meta")
    returned = torch.zeros(5, 3, 4, dtype=torch.float64), torch.zeros(1, 3, 4)
    results = reading.computed(lambda _, __: returned, x, (h,))
    assert [(one.device.type, one.dtype) for one in results] == [("meta", torch.float32)] * 2


class Masked(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cell = nn.RNNCell(input_size, hidden_size)

    def forward(self, x, lengths, h0):
        h, outputs = h0[0], []
        for t, x_t in enumerate(x):
            alive = (t < lengths)[:, None]
            h = torch.where(alive, self.cell(x_t, h), h)
            outputs.append(torch.where(alive, h, 0.0))
        return torch.stack(outputs), h[None]


class Packed(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.rnn = nn.RNN(input_size, hidden_size)

    def forward(self, x, lengths, h0):
        packed, h = self.rnn(pack_padded_sequence(x, lengths, enforce_sorted=False), h0)
        return pad_packed_sequence(packed)[0], h


@pytest.mark.parametrize(("candidate", "where"), [(Masked, "meta"), (Packed, "cpu")])
def test_lengths_are_where_they_are_used(candidate, where):
    case = Case.model_validate({"input": {"layout": "packed"}})
    (adapted,) = read(candidate, f"mine.py:{candidate.__name__}", case)
    native, x = adapted.native, torch.zeros(5, 10, 20, device="meta")
    assert native.given("lengths", "lengths", x, None, case, Binding())["lengths"].device.type == where


WITHOUT_A_SOURCE = """
import torch

def rnn(x, h_0, W_ih, W_hh, b_ih, b_hh):
    h, out = h_0[0], []
    for x_t in x:
        h = torch.tanh(x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh)
        out.append(h)
    return torch.stack(out), h[None]
"""


def test_a_function_without_a_source_is_given_h_0_as_torchs_layer_takes_it():
    made: dict = {}
    exec(WITHOUT_A_SOURCE, made)
    (adapted,) = read(made["rnn"], "rnn", Case())
    assert adapted.reading.state == "SNH"


OF_ANY_ALPHABET = "test_names_of_files_functions_and_classes_may_have_letters_of_any_alphabet"


@pytest.mark.parametrize("name", one_in(3, ["外.循环", "größe", "Réseau"], OF_ANY_ALPHABET, pool="long"))
def test_names_of_files_functions_and_classes_may_have_letters_of_any_alphabet(tmp_path, rnncli, name):
    file = tmp_path / "сеть.py"
    file.write_text(
        "import torch\n\n\ndef größe(x, h, W_ih, W_hh, b_ih, b_hh):\n"
        "    params = {'weight_ih_l0': W_ih, 'weight_hh_l0': W_hh, 'bias_ih_l0': b_ih, 'bias_hh_l0': b_hh}\n"
        "    rnn = Réseau(x.shape[-1], h.shape[-1])\n"
        "    return torch.func.functional_call(rnn, params, (x, h))\n\n\n"
        "class Réseau(torch.nn.RNN):\n    pass\n\n\n"
        "class 外:\n    循环 = staticmethod(größe)\n"
    )
    assert rnncli("verify", f"{file}::{name}", "--no-timing").out.startswith("match")
    config = tmp_path / "config.yaml"
    config.write_text(f'candidate:\n  target: "{file}:{name}"\n', encoding="utf-8")
    assert rnncli("verify", config, "--no-timing").out.startswith("match")


def test_a_finding_beside_the_verdict_comes_last():
    def rnn(x, h, W_ih, W_hh, b_ih, b_hh):
        states = torch.zeros(len(x), *h.shape)
        for t, x_t in enumerate(x):
            h = torch.tanh(x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh) * 1.01
            states[t] = h
        return states, h

    found = [one.id for one in rnncli.verify(rnn).diagnosis]
    assert found == ["unexplained", "downcast-float32"]


def test_a_call_that_raises_backward_leaves_the_next_one_forward():
    def one_way(x, h, W_ih, W_hh, b_ih, b_hh, reverse=False):
        if reverse and len(x) == 5:
            raise ValueError("not backward over five steps")
        output, h = steps(x.flip(0) if reverse else x, h, W_ih, W_hh, b_ih, b_hh)
        return output.flip(0) if reverse else output, h

    both, one = (Case.model_validate({"rnn": {"bidirectional": both}}) for both in (True, False))
    (adapted,) = read(one_way, "one_way", both)
    with pytest.raises(ValueError, match="five steps"):
        call(adapted, both)
    output, _ = call(adapted, one)
    probe = draw(one)
    expected, _ = steps(probe.input, probe.states["h_0"][0], *probe.parameters.values())
    assert torch.allclose(output, expected)


def call(adapted, case):
    probe = draw(case)
    return adapted(probe.input, probe.states["h_0"], probe.parameters, case)
