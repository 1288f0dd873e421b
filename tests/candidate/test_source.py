"""What the docstrings, comments and code of a candidate say."""

import importlib
import sys

import pytest

from rnncli.candidate import source


@pytest.mark.parametrize(
    ("notes", "name", "axes"),
    [
        ("x (L, N, H_in)", "x", ["l", "n", "h_in"]),
        ("h0 is a tensor of shape [N, H]", "h0", ["n", "h"]),
        ("x -- Input data for every time-step, numpy array of shape (n_x, m, T_x).", "x", ["n_x", "m", "t_x"]),
        ("hx: T x B x F", "hx", ["t", "b", "f"]),
        ("nothing about it", "x", None),
    ],
)
def test_a_documented_shape_is_read_off_the_notes(notes, name, axes):
    assert source.documented_shape(notes, name) == axes


@pytest.mark.parametrize(
    ("name", "body", "unpacks"),
    [
        ("h_0", "h = h_0[0]", True),
        ("h_0", "f, b = h_0", True),
        ("h_0", "h = h_0.squeeze(0)", True),
        ("h_0", "for h in h_0: pass", True),
        ("h_0", "h = h_0", False),
        ("h_0", "y = x @ w + h_0", False),
        ("hx", "for h, c in zip(*hx): pass", True),
        ("hx", "h = hx[0]\n    h = h[0]", True),
        ("hx", "h, c = hx", False),
        ("hx", "step(*hx)", False),
    ],
)
def test_the_source_tells_whether_a_state_is_taken_apart_or_each_of_a_pair(tmp_path, monkeypatch, name, body, unpacks):
    (tmp_path / "own_source.py").write_text(f"def rnn(x, {name}, w=0):\n    {body}\n    return x\n")
    monkeypatch.syspath_prepend(tmp_path)
    sys.modules.pop("own_source", None)
    module = importlib.import_module("own_source")
    assert source.unpacks(module.rnn, name, in_one=name == "hx") is unpacks
