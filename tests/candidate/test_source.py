"""What the docstrings, comments and code of a candidate say."""

import importlib
import sys

import pytest

from rnncli.candidate import docstrings, source, state_source


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Write a module and import it."""

    def module(text):
        (tmp_path / "own_source.py").write_text(text)
        monkeypatch.syspath_prepend(tmp_path)
        sys.modules.pop("own_source", None)
        importlib.invalidate_caches()
        return importlib.import_module("own_source")

    return module


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
    assert docstrings.documented_shape(notes, name) == axes


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
        ("hx", "h, c = [s[0] for s in hx]", True),
        ("hx", "h, c = hx\n    h, c = (s.squeeze(0) for s in (h, c))", True),
        ("hx", "h, c = map(lambda s: s[0], hx)", True),
        ("hx", "h, c = [s[:2] for s in hx]", False),
        ("hx", "y = [row[0] for row in x]", False),
        ("hx", "y = [row[0] for row in ()]", False),
        ("hx", "h, c = hx.map(lambda s: s[0])", False),
        ("hx", "h, c = map(lambda *s: s[0], hx)", False),
    ],
)
def test_the_source_tells_whether_a_state_is_taken_apart_or_each_of_a_pair(written, name, body, unpacks):
    module = written(f"def rnn(x, {name}, w=0):\n    {body}\n    return x\n")
    assert state_source.unpacks(module.rnn, name, in_one=name == "hx") is unpacks


def test_what_a_helper_does_with_a_state_is_what_the_function_does(written):
    module = written("def go(start, x):\n    return start[0]\n\n\ndef rnn(x, h):\n    return go(h, x)\n")
    helpers = source.functions_behind(module.rnn, module)
    assert state_source.unpacks(module.rnn, "h", helpers=helpers)
    assert not state_source.unpacks(module.rnn, "x", helpers=helpers)
    assert not state_source.unpacks(module.rnn, "h")


@pytest.mark.parametrize(
    ("body", "rank"),
    [
        ("if h is None:\n        h = x.new_zeros(1, 2, 3)", 3),
        ("if h is None:\n        h = torch.zeros((2, 3))", 2),
        ("h = torch.zeros(2, 3) if h is None else h", 2),
        ("if h is not None:\n        h = torch.zeros(2, 3)", None),
        ("if h is None:\n        h = torch.zeros(size=(2, 3))", None),
        ("if x is None:\n        x = torch.zeros(2, 3)", None),
    ],
)
def test_the_zeros_that_a_state_starts_from_tell_its_axes(written, body, rank):
    module = written(f"import torch\n\n\ndef rnn(x, h=None):\n    {body}\n    return h\n")
    assert state_source.zeros_rank(module.rnn, "h") == rank


def test_a_name_that_is_short_for_a_function_of_torch_is_that_too(written):
    module = written("import torch\n\ns = torch.sigmoid\n\n\ndef gru(x):\n    return s(x)\n")
    assert {"s", "sigmoid"} <= source.words_of(module.gru, module)


def test_what_is_read_of_a_config_is_found_in_every_form(written):
    body = 'self.config.bias, cfg["dropout"], cfg.get("num_layers", 1), other.get("seq_len"), x["hidden_size"]'
    module = written(f"def read(self, cfg, other, x):\n    return {body}\n")
    functions = source.functions_behind(module.read, module)
    assert set(source.read_of(functions, {"config", "cfg"})) >= {"bias", "dropout", "num_layers"}
    assert not {"seq_len", "hidden_size"} & set(source.read_of(functions, {"config", "cfg"}))


@pytest.mark.parametrize(
    ("made", "called", "once"),
    [
        ("Linear(3, 3)", "torch.tanh(self.inner(x) + h)", True),
        ("Linear(3, 3)", "[torch.tanh(self.inner(x_t) + h) for x_t in x]", False),
        ("Linear(3, 3)", "self.inner(x) + h", False),
        ("RNN(3, 3)", "self.inner(torch.sigmoid(x), h)", False),
    ],
)
def test_what_walks_or_computes_no_state_is_no_step_by_its_code(written, made, called, once):
    module = written(
        "import torch\nfrom torch import nn\n\n\nclass Layer(nn.Module):\n    def __init__(self):\n"
        f"        super().__init__()\n        self.inner = nn.{made}\n\n"
        f"    def forward(self, x, h):\n        return {called}\n"
    )
    assert source.computes_once(module.Layer, module) is once


@pytest.mark.parametrize(
    ("taken", "unbound"),
    [("s.unbind()", True), ("s.unbind(0)", True), ("torch.unbind(s, dim=0)", True), ("s.unbind(1)", False)],
)
def test_a_state_is_unbound_along_its_first_axis(written, taken, unbound):
    module = written(f"import torch\n\n\ndef step(x, s):\n    h, c = {taken}\n    return x, h, c\n")
    assert state_source.is_unbound(module.step, "s") is unbound
