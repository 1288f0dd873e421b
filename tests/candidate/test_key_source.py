"""What the source says of keys: the strings that a name goes through."""

import pytest

from rnncli.candidate import key_source

GATES = "ifgo"
CORPUS = "one letter after the other of a text that a model is trained on"


def of_a_constant(p):
    return [p["W_" + gate] for gate in GATES]


def of_a_tuple(p):
    return [p[f"W_{gate}"] for gate in ("i", "f", "g", "o")]


def of_pairs(p, i, f):
    return [v @ p["W_" + gate] for gate, v in (("i", i), ("f", f))]


def of_enumerate(p):
    return [p["W_" + gate][k] for k, gate in enumerate(["i", "f"])]


def of_a_helper(p):
    def gate(name):
        return p["W_" + name]

    return gate("i") + gate("f")


def of_a_text(p):
    return [p["W_" + letter] for letter in CORPUS]


@pytest.mark.parametrize(
    ("function", "keys"),
    [
        (of_a_constant, ["W_i", "W_f", "W_g", "W_o"]),
        (of_a_tuple, ["W_i", "W_f", "W_g", "W_o"]),
        (of_pairs, ["W_i", "W_f"]),
        (of_enumerate, ["W_i", "W_f"]),
        (of_a_helper, ["W_i", "W_f"]),
        (of_a_text, []),
    ],
)
def test_a_key_that_is_put_together_is_each_that_it_may_be(function, keys):
    assert key_source.keys_of(function, "p") == keys


def test_what_a_key_is_put_together_from_is_no_key():
    assert key_source.whole_texts(of_a_helper, ["p"], ["W_", "i", "b"]) == ["b", "W_i", "W_f"]
