"""Small edits of a candidate's source: which there are, and that the one shown mends a mistake without a name."""

import itertools
from types import ModuleType

import pytest
import torch
from candidate.test_repair import GRU, LAYERS, LSTM, RNN, TWO, judged, on_a_busy_machine, patch, sizes_of  # noqa: F401
from levels import one_in

from rnncli.candidate.edited import Exchange, TooLong
from rnncli.candidate.find import from_source
from rnncli.candidate.reading import read
from rnncli.candidate.repair import Hunk, Source, applied
from rnncli.candidate.small_edits import small_edits
from rnncli.core.case import Case
from rnncli.pipeline.fixes import _wired_alike

EDITS = {  # a line of a function, and what one edit makes of it
    "unwrapped": ("h = torch.tanh(c).detach()", "h = torch.tanh(c)"),
    "a function taken away": ("h = torch.tanh(c)", "h = c"),
    "a slice taken away": ("h = c[::-1]", "h = c"),
    "a name": ("h = torch.tanh(a)", "h = torch.tanh(c)"),
    "a name for a part": ("h = torch.tanh(a[0])", "h = torch.tanh(c)"),
    "a name at every place": ("h = a * c + (1 - a) * b", "h = b * c + (1 - b) * b"),
    "an attribute": ("h = self.U_o(c) + self.U_f(a)", "h = self.U_f(c) + self.U_f(a)"),
    "a number": ("h = c[0]", "h = c[-1]"),
    "one more": ("h = c[2 * k]", "h = c[2 * k + 1]"),
    "both indices": ("h = a[k], b[k]", "h = a[k - 1], b[k - 1]"),
    "a row for two loops": (
        "for i in a:\n    for j in b:\n        h = c[i]",
        "for i in a:\n    for j in b:\n        h = c[2 * i + j]",
    ),
    "a fraction": ("h = 0.9 * c", "h = 1.0 * c"),
    "a function": ("h = torch.tanh(c)", "h = torch.sigmoid(c)"),
    "ones": ("h = c.new_ones(2)", "h = c.new_zeros(2)"),
    "one side": ("h = a * c + b", "h = a * c"),
    "a function of more": ("h = torch.tanh(a) + b", "h = torch.tanh(a + b)"),
    "a function of less": ("h = torch.tanh(c * (a + b))", "h = torch.tanh(c) * (a + b)"),
    "a factor of less": ("h = torch.tanh(c * (a + b))", "h = torch.tanh(a + c * b)"),
    "a factor of more": ("h = torch.tanh(a + c * b)", "h = torch.tanh(c * (a + b))"),
    "a term of a call": ("h = torch.tanh(a)", "h = torch.tanh(a + b)"),
    "an argument less": ("h = c.clamp(min=0, max=1)", "h = c.clamp(min=0)"),
    "a key": ('h = a["W"] + b["U"]', 'h = a["U"] + b["U"]'),
    "times for plus": ("h = a + b", "h = a * b"),
    "an operator": ("h = a + b", "h = a - b"),
    "a flag": ("h = c.sum(0, keepdim=True)", "h = c.sum(0, keepdim=False)"),
    "one side of a condition": ("h = a if c is None else b", "h = b"),
    "order": ("h = (a, b)", "h = (b, a)"),
    "order of targets": ("a, b = c", "b, a = c"),
    "a slice": ("h = a[:, :2] + b[:, 2:]", "h = a[:, 2:] + b[:, 2:]"),
    "a factor": ("h = a + b * c", "h = (1 - b) * a + b * c"),
    "a term": ("h = a * c", "h = a * c + b"),
    "wrapped": ("h = a * c", "h = torch.sigmoid(a) * c"),
    "the other way round": ("h = torch.stack(a)", "h = torch.stack(a[::-1])"),
}
OWN_ORDER = """
import torch
from torch import nn

class rnn(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.size = hidden_size
        self.kernel = nn.Parameter(torch.randn(input_size + hidden_size, 4 * hidden_size))
        self.bias = nn.Parameter(torch.zeros(4 * hidden_size))

    def forward(self, x, state):
        h, c = state
        out = []
        for x_t in x:
            i, j, f, o = torch.split(torch.cat([x_t, h], 1) @ self.kernel + self.bias, self.size, dim=1)
            new_c = c * torch.sigmoid(f) + torch.sigmoid(i) * torch.tanh(j)
            h = torch.tanh(new_c) * torch.sigmoid(o)
            c = new_c
            out.append(h)
        return torch.stack(out), (h, c)
"""
OF_EACH_GATE = """
import torch
from torch import nn

class rnn(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        sizes = input_size, hidden_size
        self.U_i, self.U_f, self.U_g, self.U_o = (nn.Parameter(torch.randn(sizes)) for _ in range(4))
        self.V_i, self.V_f, self.V_g, self.V_o = (nn.Parameter(torch.randn(sizes[1], sizes[1])) for _ in range(4))
        self.b_i, self.b_f, self.b_g, self.b_o = (nn.Parameter(torch.randn(sizes[1])) for _ in range(4))

    def forward(self, x, state):
        h, c = state
        out = []
        for x_t in x:
            i = torch.sigmoid(x_t @ self.U_i + h @ self.V_i + self.b_i)
            f = torch.sigmoid(x_t @ self.U_f + h @ self.V_f + self.b_f)
            g = torch.tanh(x_t @ self.U_g + h @ self.V_g + self.b_g)
            o = torch.sigmoid(x_t @ self.U_o + h @ self.V_o + self.b_o)
            c = f * c + i * g
            h = o * torch.tanh(c)
            out.append(h)
        return torch.stack(out), (h, c)
"""
MISTAKES = {  # the cell, a source, what was written instead of what, and the line that comes
    "h_n": ("RNN", RNN, "torch.stack(out), h", "torch.stack(out), out[0]", "torch.stack(out), out[-1]"),
    "h0": ("RNN", RNN, "h = h_0", "h = h_0 * 0.5", "h = h_0"),
    "twice": ("RNN", RNN, "out.append(h)", "out.append(h + h_0)", "out.append(h)"),
    "row": ("RNN", LAYERS, "h, out = h_0[layer]", "h, out = h_0[layer - 1]", "h_0[layer]"),
    "c": ("LSTM", LSTM, "o * torch.tanh(c)", "o * torch.tanh(c) + h", "o * torch.tanh(c)"),
    "gate": ("LSTM", LSTM, "f * c + i * g", "f * c + i * g * o", "i * g"),
    "own order": ("LSTM", OWN_ORDER, "torch.tanh(new_c)", "torch.tanh(c)", "torch.tanh(new_c)"),
    "unread": ("LSTM", OF_EACH_GATE, "h @ self.V_o", "h @ self.V_f", "h @ self.V_o"),
    "n": ("GRU", GRU, "torch.tanh(self.xn", "torch.relu(self.xn", "torch.tanh(self.xn"),
    "1 - z": ("GRU", GRU, "(1 - z) * n", "n", "(1 - z) *"),
    "n alone": ("GRU", GRU, "(1 - z) * n + z * h", "(1 - z) * n + z * n", "z * h"),
}  # fmt: skip


def edited(lines: str) -> list[str]:
    source = "def step(self, a, b, c, k):\n" + "".join(f"    {line}\n" for line in lines.split("\n")) + "    return h\n"
    found = [applied(source, (hunk,)) for hunk in small_edits(Source(source), range(2, 10))]
    return ["\n".join(line[4:] for line in one.splitlines()[1:-1]) for one in found]


@pytest.mark.parametrize("way", EDITS)
def test_a_line_is_changed_in_each_of_these_ways(way):
    before, after = EDITS[way]
    assert after in edited(before)


def test_a_statement_is_left_out_moved_and_followed_by_another():
    found = edited("h = a\nb = c")
    assert "h = a" in found
    assert "b = c\nh = a" in found
    assert "h = a\nb = c\nh = b" in found


def test_another_field_of_a_record_is_an_edit_though_nothing_reads_it():
    source = "class State:\n    h: int\n    c: int\n\ndef step(state):\n    return state.h\n"
    assert any("return state.c" in hunk.after[0] for hunk in small_edits(Source(source), {6}))


FILES = """
class Cell:
    def keep(self, x):
        torch.save(x, "x.pt")

    def kept(self, x):
        return self.keep(x)

    def other(self, x):
        return x

    def step(self, x):
        return self.other(x)
"""


def test_code_that_touches_files_is_not_edited_and_no_edit_calls_it():
    for line in (4, 7):
        assert not list(small_edits(Source(FILES), {line}))
    found = [hunk.after[0] for hunk in small_edits(Source(FILES), {13}) if hunk.after]
    assert any("self.other(x) + x" in line for line in found)
    assert not any("keep" in line or "kept" in line for line in found)


def test_conditions_and_lines_that_do_not_run_are_left_alone():
    source = "def step(a, b):\n    if a is None:\n        a = b\n    return b\n"
    found = [applied(source, (hunk,)) for hunk in small_edits(Source(source), {2, 4})]
    assert all("if a is None:\n        a = b" in one for one in found)
    assert any("return a" in one for one in found)


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("mistake", one_in(12, MISTAKES, "test_a_line_is_changed_in_each_of_these_ways"))
def test_the_change_of_a_mistake_without_a_name_makes_the_candidate_match(mistake, tmp_path):
    cell, source, right, wrong, line = MISTAKES[mistake]
    assert right in source
    file = tmp_path / "wrong.py"
    file.write_text(source.replace(right, wrong))
    (found,) = judged(file, cell=cell, **sizes_of(source)).diagnosis
    assert found.id == "unexplained"
    assert any(line in told for told in found.change), found.change
    assert "with the change it equals" in found.evidence
    patch(file, found)
    assert judged(file, cell=cell, **sizes_of(source)).verdict == "match"


@pytest.mark.usefixtures("in_process")
def test_the_change_of_a_mixed_batch_makes_the_candidate_match(tmp_path):
    file = tmp_path / "wrong.py"
    file.write_text(RNN.replace("torch.stack(out), h", "torch.stack(out), h.mean(0, keepdim=True).expand_as(h)"))
    (found,) = judged(file).diagnosis
    assert found.id == "batch-mixed"
    patch(file, found)
    assert judged(file).verdict == "match"


WRITTEN_OUT = """
import torch

def birnn(x, h_0, weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0,
          weight_ih_l0_reverse, weight_hh_l0_reverse, bias_ih_l0_reverse, bias_hh_l0_reverse):
    W, U, b, c = weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0
    h, forward = h_0[0], []
    for t in range(len(x)):
        h = torch.tanh(2 * x[t] @ W.T + b + h @ U.T + c)
        forward.append(h)
    last = h
    W, U, b, c = weight_ih_l0_reverse, weight_hh_l0_reverse, bias_ih_l0_reverse, bias_hh_l0_reverse
    h, backward = h_0[1], []
    if True:
        for t in reversed(range(len(x))):
            h = torch.tanh(2 * x[t] @ W.T + b + h @ U.T + c)
            backward.append(h)
    return torch.cat([torch.stack(forward), torch.stack(backward[::-1])], -1), torch.stack([last, h])
"""


@pytest.mark.exhaustive(twin="test_the_change_of_a_mixed_batch_makes_the_candidate_match", pool="long")
@pytest.mark.usefixtures("in_process")
def test_the_same_mistake_in_two_lines_is_changed_in_both(tmp_path):
    file = tmp_path / "wrong.py"
    file.write_text(WRITTEN_OUT)
    (found,) = judged(file, bidirectional=True).diagnosis
    assert sum("torch.tanh(x[t] @ W.T" in line for line in found.change) == 2
    patch(file, found)
    assert judged(file, bidirectional=True).verdict == "match"


@pytest.mark.usefixtures("in_process")
def test_a_change_that_is_right_with_two_layers_alone_is_not_shown(tmp_path, monkeypatch):
    wrong = LAYERS.replace("h_0[layer]", "h_0[layer - 1]")
    number, line = next((at, text) for at, text in enumerate(wrong.splitlines(), 1) if "h_0[layer - 1]" in text)
    misleading = Hunk(number, (line,), (line.replace("layer - 1", "layer - 2"),))
    monkeypatch.setattr("rnncli.pipeline.fixes.small_edits", lambda *_: iter([misleading]))
    file = tmp_path / "wrong.py"
    file.write_text(wrong)
    (found,) = judged(file, **TWO).diagnosis
    assert (found.id, found.change) == ("unexplained", None)


BOTH = """
import torch
from torch import nn

class rnn(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.a, self.b = nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, hidden_size)
        self.c, self.d = nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, hidden_size)

    def walk(self, x, h, of_x, of_h):
        out = []
        for x_t in x:
            h = torch.tanh(of_x(x_t) + of_h(h))
            out.append(h)
        return torch.stack(out), h

    def forward(self, x, h):
        left, h_l = self.walk(x, h[0], self.a, self.b)
        right, h_r = self.walk(x.flip(0), h[1], self.c, self.d)
        return torch.cat([left, right.flip(0)], 2), torch.stack([h_l, h_r])
"""


def test_an_edit_after_which_a_weight_is_another_is_told_from_one_after_which_it_is_not(tmp_path):
    file = tmp_path / "both.py"
    file.write_text(BOTH)
    case = Case.model_validate({"rnn": {"bidirectional": True}, "candidate": f"{file}:rnn"})
    exchanged = BOTH.replace("self.a, self.b)", "self.c, self.d)", 1).replace(
        "h[1], self.c, self.d", "h[1], self.a, self.b"
    )
    with torch.no_grad():
        one, other, again = (
            read(from_source(case.target, text), case.target, case, case.stated)[0]
            for text in (BOTH, exchanged, BOTH.replace("h_l", "h_left"))
        )
    assert not _wired_alike(one, other, case)
    assert _wired_alike(one, again, case)


MODULE = """
class Cell:
    def step(self, x):
        return add(x, 1)

def add(x, y):
    total = x
    while total < x + y:
        total += 1
    return total
"""


@pytest.fixture
def module():
    made = ModuleType("made")
    exec(compile(MODULE, "made.py", "exec"), vars(made))
    return made


def test_functions_run_the_code_of_an_edited_source_until_it_is_taken_back(module):
    exchange = Exchange(module)
    with exchange.holding(MODULE.replace("add(x, 1)", "add(x, 2)")):
        assert module.Cell().step(1) == 3
    assert module.Cell().step(1) == 2
    with pytest.raises(ZeroDivisionError), exchange.holding(MODULE.replace("add(x, 1)", "1 / 0")):
        module.Cell().step(1)
    assert module.Cell().step(1) == 2


def test_the_lines_that_run_are_told_and_a_loop_that_does_not_end_is_left(module):
    exchange = Exchange(module)
    total, lines = exchange.watched(lambda: module.add(1, 2))
    assert (total, set(lines)) == (3, {7, 8, 9, 10})
    with exchange.holding(MODULE.replace("total += 1", "total += 0")), pytest.raises(TooLong):
        exchange.watched(lambda: module.add(1, 2), 3 * len(lines))


def test_calls_that_do_not_end_are_left(module):
    def one_more():
        return True

    with pytest.raises(TooLong):
        Exchange(module).watched(lambda: all(one_more() for _ in itertools.count()), 100)
