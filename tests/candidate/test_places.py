"""The tensors of an object: each once, under all its names, and how one is put in its place."""

import functools

import torch
from torch import nn

from rnncli.candidate.places import held_by


def names_of(made):
    return [one.names for one in held_by(made)]


def test_a_parameter_under_two_names_is_one_tensor():
    made = nn.Module()
    made.inner = nn.Linear(3, 2, bias=False)
    made.register_parameter("weight_ih_l0", made.inner.weight)
    assert names_of(made) == [["weight_ih_l0", "inner.weight"]]


def test_an_array_in_an_attribute_and_in_a_dict_is_one_tensor():
    class Plain:
        def __init__(self):
            self.W = torch.zeros(2, 3)
            self.params = {"W": self.W, "b": torch.zeros(2)}

    assert names_of(Plain()) == [["W", "params.W"], ["params.b"]]


def test_a_transposed_view_is_turned_along_when_its_tensor_is_set():
    class Plain:
        def __init__(self):
            self.W = torch.zeros(2, 3)
            self.turned = self.W.T

    made = Plain()
    (held,) = held_by(made)
    value = torch.arange(6.0).reshape(2, 3)
    held.set(made, value)
    assert made.W is value
    assert torch.equal(made.turned, value.T)


def test_another_view_of_the_same_memory_is_a_tensor_of_its_own():
    class Plain:
        def __init__(self):
            self.both = torch.zeros(2, 3)
            self.first = self.both[:1]

    assert len(held_by(Plain())) == 2


def test_containers_closures_and_partials_are_looked_into():
    inner, outer = torch.zeros(2), torch.zeros(3)

    def forward(x, w):
        return x + inner + w

    class Plain:
        def __init__(self):
            self.cells = [(torch.zeros(4),), {"w": torch.zeros(5)}]
            self.call = functools.partial(forward, w=outer)

    found = {one.shape for one in held_by(Plain())}
    assert {(3,), (4,), (5,)} <= found
    assert [one.shape for one in held_by(forward)] == [(2,)]


def test_a_value_is_put_into_a_tuple_a_dict_and_a_module():
    made = nn.Module()
    made.pair = (torch.zeros(2), torch.zeros(3))
    made.table = {"w": torch.zeros(4)}
    made.weight = nn.Parameter(torch.zeros(5))
    for held in held_by(made):
        held.set(made, torch.ones(held.shape))
    assert torch.equal(torch.cat([*made.pair, made.table["w"], made.weight]), torch.ones(14))


def test_a_parameter_that_is_set_lets_a_gradient_pass():
    made = nn.Linear(3, 2, bias=False)
    weight = torch.ones(2, 3, requires_grad=True)
    held_by(made)[0].set(made, weight)
    made(torch.ones(1, 3)).sum().backward()
    assert torch.equal(weight.grad, torch.ones(2, 3))


def test_integers_empty_tensors_and_scalars_are_no_weights():
    class Plain:
        def __init__(self):
            self.steps, self.none, self.scale = torch.zeros(3, dtype=torch.int64), torch.zeros(0), torch.tensor(2.0)

    assert held_by(Plain()) == []
