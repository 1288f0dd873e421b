"""Which tensor of an object holds which weight, and what is wrong with the tensors themselves."""

import pytest
import torch
from torch import nn

import rnncli
from rnncli.candidate.reading import read
from rnncli.core.case import Case, altered
from rnncli.core.errors import CandidateError


def steps(x, h, W_ih, W_hh, b):
    states = []
    for x_t in x:
        h = torch.tanh(x_t @ W_ih.T + h @ W_hh.T + b)
        states.append(h)
    return torch.stack(states), h


def held(target, **rnn):
    case = altered(Case(), rnn=rnn)
    adapted = read(target, "mine.py:target", case)[0]
    return {tensor: weight for tensor, weight, _ in adapted.wiring(case)}


class BothAtOnce(nn.Module):
    """Both directions in one parameter."""

    def __init__(self, n_in, n_hid):
        super().__init__()
        self.w_ih = nn.Parameter(torch.zeros(2, n_hid, n_in))
        self.w_hh = nn.Parameter(torch.zeros(2, n_hid, n_hid))
        self.b = nn.Parameter(torch.zeros(2, 1, n_hid))

    def forward(self, x, h_0):
        halves = []
        for d in range(2):
            output, h = steps(x.flip(0) if d else x, h_0[d], self.w_ih[d], self.w_hh[d], self.b[d])
            halves.append((output.flip(0) if d else output, h))
        return torch.cat([output for output, _ in halves], -1), torch.stack([h for _, h in halves])


class ByLetter(nn.Module):
    def __init__(self, n_in, n_hid):
        super().__init__()
        self.f, self.b = nn.RNNCell(n_in, n_hid), nn.RNNCell(n_in, n_hid)

    def forward(self, x, h_0):
        f, b = h_0
        forward, reverse = [], []
        for x_f, x_b in zip(x, x.flip(0), strict=True):
            f, b = self.f(x_f, f), self.b(x_b, b)
            forward.append(f)
            reverse.insert(0, b)
        return torch.cat([torch.stack(forward), torch.stack(reverse)], -1), torch.stack([f, b])


class SecondIsForward(ByLetter):
    """Names say nothing here, or the wrong thing: `one` walks backwards."""

    def __init__(self, n_in, n_hid):
        nn.Module.__init__(self)
        self.one, self.two = nn.RNNCell(n_in, n_hid), nn.RNNCell(n_in, n_hid)

    def forward(self, x, h_0):
        self.f, self.b = self.two, self.one
        try:
            return super().forward(x, h_0)
        finally:
            del self.f, self.b


@pytest.mark.parametrize(
    ("target", "weights"),
    [
        (BothAtOnce, {"w_ih[0]": "weight_ih_l0", "w_hh[1]": "weight_hh_l0_reverse"}),
        (ByLetter, {"f.weight_ih": "weight_ih_l0", "b.weight_hh": "weight_hh_l0_reverse"}),
        (SecondIsForward, {"two.weight_ih": "weight_ih_l0", "one.weight_hh": "weight_hh_l0_reverse"}),
    ],
)
def test_the_weights_of_both_directions_find_their_places(target, weights):
    assert weights.items() <= held(target, bidirectional=True).items()
    assert rnncli.verify(target, bidirectional=True).verdict == "match"


class Zipped(nn.Module):
    """With one row of h_0 the second direction is left out, and nothing raises."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.sides = nn.ModuleList([nn.RNNCell(input_size, hidden_size) for _ in range(2)])

    def forward(self, x, h_0):
        halves = [self.walk(cell, x.flip(0) if d else x, h) for d, (cell, h) in enumerate(zip(self.sides, h_0))]  # noqa: B905
        outputs = [output.flip(0) if d else output for d, (output, _) in enumerate(halves)]
        return torch.cat(outputs, -1), torch.stack([h for _, h in halves])

    def walk(self, cell, x, h):
        states = []
        for x_t in x:
            h = cell(x_t, h)
            states.append(h)
        return torch.stack(states), h


def test_a_direction_that_one_row_of_h_0_leaves_out_is_the_candidate_s_own():
    assert held(Zipped, bidirectional=True)["sides.1.weight_hh"] == "weight_hh_l0_reverse"
    assert "put together" not in rnncli.verify(Zipped, bidirectional=True).reading


class Aliased(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.ih, self.hh = nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, hidden_size)
        self.register_parameter("weight_ih_l0", self.ih.weight)
        self.table = {"b": self.hh.bias}

    def forward(self, x, h):
        return steps(x, h, self.weight_ih_l0, self.hh.weight, self.ih.bias + self.table["b"])


def test_a_tensor_of_several_names_is_set_at_each_and_listed_with_all():
    found = held(Aliased)
    assert found["ih.weight"] == found["weight_ih_l0"] == "weight_ih_l0"
    assert found["table.b"] == found["hh.bias"]
    assert rnncli.verify(Aliased).verdict == "match"


class WithoutBiases(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.W, self.U = (nn.Linear(size, hidden_size, bias=False) for size in (input_size, hidden_size))

    def forward(self, x, h):
        return steps(x, h, self.W.weight, self.U.weight, 0)


def without_biases(x, h, weights):
    return steps(x, h, weights["W_ih"], weights["W_hh"], 0)


def without_matrix(x, h, W_hh, b_ih, b_hh):
    return steps(x[..., : len(W_hh)], h, torch.eye(len(W_hh), dtype=x.dtype), W_hh, b_ih + b_hh)


@pytest.mark.parametrize(
    ("target", "names"),
    [
        (WithoutBiases, ["bias_ih_l0", "bias_hh_l0"]),
        (without_biases, ["bias_ih_l0", "bias_hh_l0"]),
        (without_matrix, ["weight_ih_l0"]),
    ],
)
def test_a_parameter_of_nn_rnn_that_has_no_place_is_said_by_name(target, names):
    (adapted, *_) = read(target, "mine.py:target", altered(Case(), rnn={"input_size": 40}))
    told = [weight for tensor, weight, _ in adapted.wiring(Case()) if tensor == "none"]
    assert told == names


def test_the_input_s_products_are_told_as_what_they_are():
    def rnn(x_proj, h, W_hh):
        return steps(x_proj, h, torch.eye(len(W_hh), dtype=x_proj.dtype), W_hh, 0)

    assert held(rnn) == {"x_proj": "x @ weight_ih_l0.T + bias_ih_l0 + bias_hh_l0", "W_hh": "weight_hh_l0"}


class WithBuffers(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.W, self.U = nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, hidden_size)
        self.dU = torch.zeros(hidden_size, hidden_size)

    def forward(self, x, h):
        return steps(x, h, self.W.weight, self.U.weight, self.W.bias + self.U.bias)


def test_a_tensor_without_any_effect_is_a_buffer():
    assert held(WithBuffers)["dU"] == "nothing: it is a buffer"


class HeldOutOfReach(nn.Module):
    """A weight in an object that keeps its attributes in slots is found by nobody."""

    class Slots:
        __slots__ = ("weight",)

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.W = nn.Linear(input_size, hidden_size)
        self.hidden = self.Slots()
        self.hidden.weight = torch.randn(hidden_size, hidden_size)

    def forward(self, x, h):
        return steps(x, h, self.W.weight, self.hidden.weight.to(x.dtype), self.W.bias)


def test_a_weight_that_cannot_be_set_makes_the_candidate_unreadable():
    with pytest.raises(CandidateError, match="never set"):
        rnncli.verify(HeldOutOfReach)


# What is wrong with a tensor itself


class Sound(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.W = nn.Parameter(torch.randn(hidden_size, input_size))
        self.U = nn.Parameter(torch.randn(hidden_size, hidden_size))
        self.b = nn.Parameter(torch.randn(hidden_size))

    def forward(self, x, h):
        return steps(x, h, self.W, self.U, self.b)


class PlainTensor(Sound):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self._parameters.pop("U")
        self.U = torch.randn(hidden_size, hidden_size)


class Frozen(Sound):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.U.requires_grad_(False)


class NotRegistered(Sound):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.kept = [self._parameters.pop("U")]

    @property
    def U(self):
        return self.kept[0]


class OneRow(Sound):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.weight_hh = nn.Parameter(torch.randn(hidden_size))
        del self.U

    def forward(self, x, h):
        states = []
        for x_t in x:
            h = torch.tanh(x_t @ self.W.T + self.weight_hh * h + self.b)
            states.append(h)
        return torch.stack(states), h


class KeepsItsBias(Sound):
    def __init__(self, input_size, hidden_size, bias=True):  # noqa: ARG002
        super().__init__(input_size, hidden_size)


STRUCTURE = {
    PlainTensor: "U is a plain tensor, expected an nn.Parameter",
    Frozen: "U has requires_grad=False",
    NotRegistered: "kept.0 is not registered: parameters() does not give it",
    OneRow: "weight_hh has shape (40,), expected (40, 40)",
}


def test_the_module_that_the_faulty_ones_derive_from_is_a_match():
    assert rnncli.verify(Sound).verdict == "match"


@pytest.mark.parametrize("target", STRUCTURE)
def test_a_tensor_that_is_not_what_a_parameter_of_nn_rnn_is_makes_a_mismatch(target):
    report = rnncli.verify(target)
    wrong = {check.tensor: check.reason for check in report.checks if check.verdict == "mismatch"}
    assert report.verdict == "mismatch"
    assert wrong["grad weight_hh_l0"] == STRUCTURE[target]
    assert report.diagnosis[0].evidence == STRUCTURE[target]


def test_a_bias_that_is_there_with_bias_false_is_a_mismatch():
    report = rnncli.verify(KeepsItsBias, bias=False)
    assert report.verdict == "mismatch"
    assert "b is a bias, and bias=False was asked for" in [check.reason for check in report.checks]


class UpperOfHidden(nn.Module):
    """The upper layer is made for hidden_size features, and 2*hidden_size come in."""

    def __init__(self, input_size, hidden_size, num_layers=1, bidirectional=False):
        super().__init__()
        directions = 2 if bidirectional else 1
        self.cells = nn.ModuleList(
            [
                nn.ModuleList([nn.RNNCell(features, hidden_size) for _ in range(directions)])
                for features in [input_size, *[hidden_size] * (num_layers - 1)]
            ]
        )

    def forward(self, x, h_0):
        rows, finals = iter(h_0), []
        for sides in self.cells:
            outputs = []
            for d, cell in enumerate(sides):
                h, states = next(rows), []
                for x_t in x.flip(0) if d else x:
                    h = cell(x_t, h)
                    states.append(h)
                finals.append(h)
                outputs.append(torch.stack(states[::-1] if d else states))
            x = torch.cat(outputs, -1)
        return x, torch.stack(finals)


def test_an_upper_layer_made_for_hidden_size_is_named():
    assert rnncli.verify(UpperOfHidden, num_layers=2).verdict == "match"
    report = rnncli.verify(UpperOfHidden, num_layers=2, bidirectional=True)
    assert report.verdict == "mismatch"
    assert report.diagnosis[0].id == "upper-layer-reads-hidden-size"
    assert "has shape (40, 40), expected (40, 80)" in report.diagnosis[0].evidence
