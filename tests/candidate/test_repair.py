"""Edits of a candidate's source: which are tried, and that one which is shown makes the candidate match."""

import itertools
import re
from pathlib import Path

import pytest
from levels import one_in

from rnncli.candidate.repair import EDITS, Hunk, applied, difference, edits
from rnncli.core.case import Case
from rnncli.pipeline.fixes import WAYS
from rnncli.pipeline.verify import VerifyOptions, verify

RNN = """
import torch
from torch import nn

def rnn(x, h_0, W_ih, W_hh, b_ih, b_hh):
    h = h_0
    out = []
    for x_t in x:
        h = torch.tanh(x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh)
        out.append(h)
    return torch.stack(out), h
"""
STEP = "h = torch.tanh(x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh)"
CARRIED = RNN.replace(STEP, STEP.replace("h =", "h_t =", 1)).replace("append(h)", "append(h_t)\n        h = h_t")
CARRIED = CARRIED.replace("out), h", "out), h_t")
BOTH = """
import torch

def walk(xs, h, W_ih, W_hh, b_ih, b_hh):
    out = []
    for x_t in xs:
        h = torch.tanh(x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh)
        out.append(h)
    return torch.stack(out), h

def birnn(x, h_0, p):
    forward, h_f = walk(x, h_0[0], *[p[f"{k}_l0"] for k in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")])
    back, h_b = walk(x.flip(0), h_0[1],
                     *[p[f"{k}_l0_reverse"] for k in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")])
    return torch.cat([forward, back.flip(0)], dim=-1), torch.stack([h_f, h_b])
"""
LAYERS = """
import torch

def rnn(x, h_0, w_ih, w_hh, b_ih, b_hh):
    h_n = []
    for layer in range(len(w_hh)):
        h, out = h_0[layer], []
        for x_t in x:
            h = torch.tanh(x_t @ w_ih[layer].T + b_ih[layer] + h @ w_hh[layer].T + b_hh[layer])
            out.append(h)
        x = torch.stack(out)
        h_n.append(h)
    return x, torch.stack(h_n)
"""
TWO = {"num_layers": 2, "input_size": 40}
FAULTS = {  # the fault, what was written instead of what, and the line that goes or comes
    "missing-bias-hh": (RNN, " + b_hh)", ")", "+ b_hh)"),
    "missing-bias-ih": (RNN, " + b_ih + h", " + h", "+ b_ih)"),
    "bias-ih-twice": (RNN, "W_hh.T + b_hh)", "W_hh.T + b_ih)", "b_hh"),
    "wrong-nonlinearity": (RNN, "torch.tanh", "torch.relu", "torch.tanh"),
    "activation-missing": (RNN, STEP, "h = x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh", "h = torch.tanh("),
    "weight-hh-transposed": (RNN, "W_hh.T", "W_hh", "h @ W_hh.T"),
    "h0-ignored": (RNN, "h = h_0", "h = torch.zeros_like(h_0)", "h = h_0"),
    "state-delayed": (
        RNN, f"        {STEP}\n        out.append(h)", f"        out.append(h)\n        {STEP}", "        out.append(h)"
    ),
    "state-not-carried": (CARRIED, "        h = h_t\n", "", "        h = h_t"),
    "h0-detached": (RNN, "h = h_0", "h = h_0.detach()", "h = h_0"),
    "output-detached": (RNN, "out.append(h)", "out.append(h.data)", "out.append(h)"),
    "reverse-not-restored": (BOTH, "back.flip(0)", "back", "back.flip(0)"),
    "reverse-reads-forward": (BOTH, "walk(x.flip(0),", "walk(x,", "walk(x.flip(0),"),
    "directions-swapped": (BOTH, "[forward, back.flip(0)]", "[back.flip(0), forward]", "[forward, back.flip(0)]"),
    "layer-input-not-stacked": (
        LAYERS, "        x = torch.stack(out)\n        h_n.append(h)\n    return x",
        "        out = torch.stack(out)\n        h_n.append(h)\n    return out", "        x = out"
    ),
    "h0-layer-shared": (LAYERS, "h_0[layer]", "h_0[0]", "h_0[layer]"),
}  # fmt: skip
LSTM = """
import torch
from torch import nn

def rnn(x, state, W_ih, W_hh, b_ih, b_hh):
    h, c = state
    out = []
    for x_t in x:
        gates = x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh
        i, f, g, o = gates.chunk(4, 1)
        i, f, o = torch.sigmoid(i), torch.sigmoid(f), torch.sigmoid(o)
        g = torch.tanh(g)
        c = f * c + i * g
        h = o * torch.tanh(c)
        out.append(h)
    return torch.stack(out), (h, c)
"""
ASSIGNED = "c = f * c + i * g\n        h = o * torch.tanh(c)"
UNASSIGNED = ASSIGNED.replace("c =", "new =").replace("(c)", "(new)")
SPARED = "size :].T) + b_hh[2 * size :]"
GRU = """
import torch
from torch import nn

class rnn(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.xr, self.xz, self.xn = (nn.Linear(input_size, hidden_size) for _ in range(3))
        self.hr, self.hz, self.hn = (nn.Linear(hidden_size, hidden_size) for _ in range(3))

    def forward(self, x, h):
        out = []
        for x_t in x:
            r = torch.sigmoid(self.xr(x_t) + self.hr(h))
            z = torch.sigmoid(self.xz(x_t) + self.hz(h))
            n = torch.tanh(self.xn(x_t) + r * self.hn(h))
            h = (1 - z) * n + z * h
            out.append(h)
        return torch.stack(out), h
"""
LERP = GRU.replace("(1 - z) * n + z * h", "torch.lerp(n, h, z)")
PRODUCT = """
import torch

def rnn(x, h, W_ih, W_hh, b_ih, b_hh):
    size = h.shape[1]
    out = []
    for x_t in x:
        x_r, x_z, x_n = (x_t @ W_ih.T + b_ih).chunk(3, 1)
        h_r, h_z = (h @ W_hh[: 2 * size].T + b_hh[: 2 * size]).chunk(2, 1)
        r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
        n = torch.tanh(x_n + r * (h @ W_hh[2 * size :].T + b_hh[2 * size :]))
        h = (1 - z) * n + z * h
        out.append(h)
    return torch.stack(out), h
"""
GATED = {  # the cell, the fault, and as above
    "order": ("LSTM", "gates-in-another-order", LSTM, "i, f, g, o = gates", "i, f, o, g = gates", "i, f, g, o = gates"),
    "f + 1": ("LSTM", "forget-bias-added", LSTM, "torch.sigmoid(f)", "torch.sigmoid(f + 1)", "torch.sigmoid(f)"),
    "no f": ("LSTM", "cell-not-carried", LSTM, "c = f * c + i * g", "c = i * g", "c = f * c + i * g"),
    "c": ("LSTM", "cell-not-carried", LSTM, ASSIGNED, UNASSIGNED, "c = new"),
    "detached": ("LSTM", "cell-detached", LSTM, "f * c +", "f * c.detach() +", "c = f * c + i * g"),
    "states": ("LSTM", "hn-cn-swapped", LSTM, "(h, c)", "(c, h)", "(h, c)"),
    "o * c": ("LSTM", "output-gate-without-tanh", LSTM, "o * torch.tanh(c)", "o * c", "o * torch.tanh(c)"),
    "g": ("LSTM", "gate-activation-wrong", LSTM, "torch.tanh(g)", "torch.sigmoid(g)", "torch.tanh(g)"),
    "1 - f": ("LSTM", "input-forget-coupled", LSTM, "i * g", "(1 - f) * g", "i * g"),
    "z": ("GRU", "update-inverted", GRU, "(1 - z) * n + z * h", "z * n + (1 - z) * h", "(1 - z) * n + z * h"),
    "lerp": ("GRU", "update-inverted", LERP, "lerp(n, h, z)", "lerp(h, n, z)", "lerp(n, h, z)"),
    "r": ("GRU", "reset-before-product", GRU, "r * self.hn(h)", "self.hn(r * h)", "r * self.hn(h)"),
    "r @": ("GRU", "reset-before-product", PRODUCT, "r * (h @ W", "((r * h) @ W", "r * (h @"),
    "b_hn": ("GRU", "reset-spares-bias", PRODUCT, "size :].T + b_hh[2 * size :])", SPARED, "r * ("),
}  # fmt: skip


@pytest.fixture(autouse=True)
def on_a_busy_machine(monkeypatch):
    """Let the search of a fix take its time, whatever else runs."""
    monkeypatch.setattr("rnncli.pipeline.fixes.SEARCH_S", 600.0)
    monkeypatch.setattr("rnncli.pipeline.candidate_server.SLOW_IMPORT_S", 600.0)


def judged(file: Path, **rnn):
    case = Case.model_validate({"rnn": rnn, "candidate": f"{file}:{'birnn' if rnn.get('bidirectional') else 'rnn'}"})
    return verify(case, VerifyOptions(timing=False, guard=False))


def sizes_of(source):
    return {"bidirectional": True} if source is BOTH else TWO if source is LAYERS else {}


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("fault", one_in(12, FAULTS, "test_the_change_that_is_shown_makes_the_candidate_match"))
def test_the_change_that_is_shown_makes_the_candidate_match(fault, tmp_path):
    source, right, wrong, line = FAULTS[fault]
    assert right in source
    file = tmp_path / "wrong.py"
    file.write_text(source.replace(right, wrong))
    record = judged(file, **sizes_of(source))
    (found,) = record.diagnosis
    assert found.id == fault
    assert found.at.startswith(f"{file}:")
    assert any(line in told for told in found.change)
    patch(file, found)
    assert judged(file, **sizes_of(source)).verdict == "match"


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("name", one_in(14, GATED, "test_the_change_that_is_shown_makes_the_candidate_match"))
def test_the_change_of_a_step_with_gates_makes_the_candidate_match(name, tmp_path):
    cell, fault, source, right, wrong, line = GATED[name]
    assert right in source
    file = tmp_path / "wrong.py"
    file.write_text(source.replace(right, wrong))
    (found,) = judged(file, cell=cell).diagnosis
    assert found.id == fault
    assert found.at.startswith(f"{file}:")
    assert any(line in told for told in found.change)
    patch(file, found)
    assert judged(file, cell=cell).verdict == "match"


def test_the_activation_is_changed_first_where_the_name_of_the_gate_asks_for_it():
    written = Path("tests/candidates/wrong/lstm_sigmoid_of_g.py").read_text()
    first = next(edits(written, "gate-activation-wrong", WAYS))
    assert "+ " + 12 * " " + "torch.tanh(gates[:, self.hidden_size * 2 : self.hidden_size * 3])," in difference(first)


def patch(file: Path, found):
    """Change the file by hand, as a person would who reads the difference."""
    lines = file.read_text().splitlines()
    at = int(found.at.rpartition(":")[2]) - 1
    for apart, group in itertools.groupby(found.change, lambda line: line == "..."):
        if apart:
            continue
        told = [*group]
        go = [line[2:] for line in told if line[:2] in ("- ", "  ")]
        come = [line[2:] for line in told if line[:2] in ("+ ", "  ")]
        at = next(n for n in range(at, len(lines)) if lines[n : n + len(go)] == go)
        lines[at : at + len(go)] = come
        at += len(come)
    file.write_text("\n".join(lines) + "\n")


@pytest.mark.usefixtures("in_process")
def test_two_faults_have_a_change_each_and_both_together_match(tmp_path):
    file = tmp_path / "wrong.py"
    file.write_text(RNN.replace("h = h_0", "h = torch.zeros_like(h_0)").replace("W_hh.T", "W_hh"))
    record = judged(file)
    assert {found.id for found in record.diagnosis} == {"h0-ignored", "weight-hh-transposed"}
    for found in record.diagnosis:
        patch(file, found)
    assert judged(file).verdict == "match"


@pytest.mark.exhaustive(twin="test_the_change_that_is_shown_makes_the_candidate_match", pool="long")
@pytest.mark.usefixtures("in_process")
def test_one_change_that_fixes_two_faults_is_shown_once(tmp_path):
    file = tmp_path / "wrong.py"
    file.write_text(RNN.replace("h @ W_hh.T", "h.detach() @ W_hh.T"))
    found = judged(file).diagnosis
    assert {one.id for one in found} == {"h0-detached", "state-detached"}
    (change,) = [one for one in found if one.change]
    (other,) = [one for one in found if not one.change]
    assert other.fix == f"the change shown for {change.id} fixes it too"
    patch(file, change)
    assert judged(file).verdict == "match"


@pytest.mark.usefixtures("in_process")
def test_where_no_edit_matches_none_is_shown(tmp_path, monkeypatch):
    monkeypatch.setattr("rnncli.pipeline.fixes.WAYS", {"missing-bias-hh": lambda _: iter(())})
    monkeypatch.setattr("rnncli.pipeline.fixes.small_edits", lambda *_: iter(()))
    file = tmp_path / "wrong.py"
    file.write_text(RNN.replace(" + b_hh)", ")"))
    (found,) = judged(file).diagnosis
    assert (found.id, found.at, found.change) == ("missing-bias-hh", None, None)


WHERE_EQUAL = """import torch


def rnn(x, h_0, W_ih, W_hh, b_ih, b_hh):
    batch_first = x.shape[0] == x.shape[1]
    x = x.transpose(0, 1) if batch_first else x
    h, states = h_0, []
    for x_t in x:
        h = torch.tanh(x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh)
        states.append(h)
    output = torch.stack(states)
    return output.transpose(0, 1) if batch_first else output, h
"""


@pytest.mark.exhaustive(twin="test_the_change_that_is_shown_makes_the_candidate_match", pool="long")
@pytest.mark.usefixtures("in_process")
def test_a_change_with_which_a_further_call_is_still_wrong_is_not_shown(tmp_path, monkeypatch):
    """Compared with H_in the sizes are other ones in a case, and the same where all are equal."""
    file, line = tmp_path / "wrong.py", "    batch_first = x.shape[0] == x.shape[1]"
    other = Hunk(5, (line,), (line.replace("[0]", "[-1]"),))
    file.write_text(WHERE_EQUAL)
    monkeypatch.setattr("rnncli.pipeline.fixes.small_edits", lambda *_: iter([other]))
    (found,) = judged(file).diagnosis
    assert (found.id, found.change) == ("unexplained", None)


@pytest.mark.usefixtures("in_process")
def test_an_edit_that_gives_other_values_is_not_shown(tmp_path, monkeypatch):
    doubled = [(hunk,) for edit in edits(RNN, "weight-hh-transposed", EDITS) for hunk in edit]
    monkeypatch.setattr("rnncli.pipeline.fixes.edits", lambda *_: doubled)
    monkeypatch.setattr("rnncli.pipeline.fixes.small_edits", lambda *_: iter(()))
    file = tmp_path / "wrong.py"
    file.write_text(RNN.replace(" + b_hh)", ")"))
    (found,) = judged(file).diagnosis
    assert (found.id, found.change) == ("missing-bias-hh", None)


@pytest.mark.usefixtures("in_process")
def test_an_edit_after_which_the_weights_are_read_otherwise_is_not_shown(tmp_path, monkeypatch):
    """Without both .T the weights are read as (H_in, H_out), and it matches: that is no fix of a wrong W_hh."""
    wrong = RNN.replace("W_hh.T", "W_hh")
    line = STEP.replace("W_hh.T", "W_hh")
    number = next(at for at, text in enumerate(wrong.splitlines(), 1) if line in text)
    misleading = Hunk(number, (f"        {line}",), (f"        {line.replace('W_ih.T', 'W_ih')}",))
    monkeypatch.setattr("rnncli.pipeline.fixes.edits", lambda *_: iter([(misleading,)]))
    monkeypatch.setattr("rnncli.pipeline.fixes.small_edits", lambda *_: iter([misleading]))
    file = tmp_path / "wrong.py"
    file.write_text(applied(wrong, (misleading,)))
    assert judged(file).verdict == "match"
    file.write_text(wrong)
    (found,) = judged(file).diagnosis
    assert (found.id, found.change) == ("weight-hh-transposed", None)


@pytest.mark.exhaustive(twin="test_the_change_that_is_shown_makes_the_candidate_match", pool="long")
def test_the_search_for_a_fix_prints_nothing_and_leaves_the_file_as_it_is(tmp_path):
    file = tmp_path / "wrong.py"
    file.write_text(f'print("loaded")\n{RNN.replace(" + b_hh)", ")")}')
    before = file.read_text()
    record = judged(file)
    assert record.diagnosis[0].change
    assert file.read_text() == before
    assert [re.sub(r"\d+", "N", said) for said in record.warnings] == ["the candidate prints N line, as: loaded"]


def test_a_source_that_does_not_parse_has_no_edits():
    assert list(edits("def f(:", "missing-bias-hh", EDITS)) == []
    assert list(edits(RNN, "packed-hn-not-restored", EDITS)) == []


def test_an_edit_of_two_places_changes_both():
    source = "a = w @ v.T\nb = w @ v.T\n"
    pairs = [edit for edit in edits(source, "weight-hh-transposed", EDITS) if len(edit) == 2]
    assert pairs
    for edit in pairs:
        after = applied(source, edit)
        assert len(after.splitlines()) == 2
        assert len(difference(edit)) == 4


@pytest.mark.usefixtures("in_process")
def test_the_difference_stands_under_the_verdict(rnncli, tmp_path):
    file = tmp_path / "wrong.py"
    file.write_text(RNN.replace(" + b_hh)", ")"))
    lines = rnncli("verify", "--no-timing", "--candidate", f"{file}:rnn").out.splitlines()
    assert lines[0].split()[0] == "mismatch"
    at = next(number for number, line in enumerate(lines) if line.startswith("missing-bias-hh: b_hh is left out"))
    shown = [line for line in lines[at : at + 5] if line[:2] in ("- ", "+ ")]
    assert shown == [f"-         {STEP.replace(' + b_hh', '')}", f"+         {STEP}"]


FURTHER = {  # right as it is judged, and wrong otherwise: where h_0 is omitted, or with the other nonlinearity
    "h_0 omitted": (
        "def rnn(x, W_ih, W_hh, b_ih, b_hh, h_0=None):\n    h = torch.zeros(x.shape[1], len(W_hh), dtype=x.dtype)",
        "h0-ignored",
    ),
    "the other nonlinearity": (
        "def rnn(x, h_0, W_ih, W_hh, b_ih, b_hh, nonlinearity='tanh'):\n    h = h_0\n    act = torch.relu",
        "wrong-nonlinearity",
    ),
}


@pytest.mark.exhaustive(twin="test_the_change_that_is_shown_makes_the_candidate_match", pool="long")
@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("what", FURTHER)
def test_a_change_that_breaks_what_the_candidate_takes_too_is_not_shown(what, tmp_path):
    head, fault = FURTHER[what]
    source = RNN.replace("def rnn(x, h_0, W_ih, W_hh, b_ih, b_hh):\n    h = h_0", head)
    file = tmp_path / "wrong.py"
    file.write_text(source.replace("torch.tanh(", "act(") if "act =" in head else source)
    (found,) = judged(file).diagnosis
    assert (found.id, found.change) == (fault, None)


@pytest.mark.usefixtures("in_process")
def test_a_line_that_would_assign_a_name_to_itself_goes(tmp_path):
    file = tmp_path / "wrong.py"
    file.write_text(RNN.replace("rnn(x, h_0,", "rnn(x, h,").replace("h = h_0", "h = torch.zeros_like(h)"))
    (found,) = judged(file).diagnosis
    assert found.change == ("-     h = torch.zeros_like(h)",)
    patch(file, found)
    assert judged(file).verdict == "match"


def test_places_that_are_apart_are_shown_apart():
    source = "a = w @ v.T\nprint(a)\nb = w @ v.T\n"
    shown = [difference(edit) for edit in edits(source, "weight-hh-transposed", EDITS) if len(edit) == 2]
    assert shown
    assert all(lines[2] == "..." and len(lines) == 5 for lines in shown)


def test_a_line_that_comes_alone_is_shown_behind_the_one_it_follows():
    source = "def f(h, x):\n    for x_t in x:\n        new = x_t + h\n    return new\n"
    shown = [difference(edit) for edit in edits(source, "state-not-carried", EDITS)]
    assert ("          new = x_t + h", "+         h = new") in shown
