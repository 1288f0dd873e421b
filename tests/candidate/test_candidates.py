"""Implementations as people write them, read and judged with no edits: expected.yaml beside them says what each is."""

import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from conftest import ROOT
from levels import one_in

from rnncli.cli.output import exit_code
from rnncli.core.case import Case
from rnncli.core.records import RunRecord
from rnncli.pipeline.candidate_process import InProcessCandidate
from rnncli.pipeline.verify import VerifyOptions, run_cases, verify

FOLDER = ROOT / "tests" / "candidates"
EXPECTED = yaml.safe_load((FOLDER / "expected.yaml").read_text())
BY_LINE = {f"{entry['target']} {entry.get('flags', '')}".strip(): entry for entry in EXPECTED}
QUICK = VerifyOptions(timing=False, guard=False, timeout_s=10.0, shrink=False)
NO_NAME = [line for line in BY_LINE if ":" not in line]
LINES = [line for line in BY_LINE if line not in NO_NAME and not line.startswith("hostile/")]


@pytest.fixture
def record_of(rnncli):
    """The record of `verify` on a candidate of the folder, with flags; in a process of its own without `in_process`."""

    def record(target, flags="", options=QUICK):
        printed = rnncli("verify", "--print-config", "--candidate", f"tests/candidates/{target}", *shlex.split(flags))
        values = yaml.safe_load(printed.out)
        del values["grid"]
        case = Case.model_validate(values)
        return next(run_cases([case], lambda case: verify(case, options), lambda _: 0))

    return record


def listed(value):
    return value if isinstance(value, list) else [] if value is None else [value]


def exit_codes(entry):
    """The exit codes that are defensible for an entry."""
    return listed(entry.get("exit", {"match": 0, "mismatch": 1}.get(entry["verdict"])))


def said(record):
    """All that a record says in words."""
    lines = [record.error.message if record.error else "", record.reading or "", *record.warnings]
    lines += [f"{check.tensor}: {check.reason}" for check in record.checks or ()]
    lines += [found.evidence for found in record.diagnosis or ()]
    lines += [f"{shape.name} {shape.candidate}, expected {shape.predicted}" for shape in record.shapes or ()]
    return "\n".join(lines)


def by_path(wiring):
    """What each tensor holds, by its path with dots: `cells[0]["W"]` is `cells.0.W`."""
    return {re.sub(r"\[['\"]?(\w+)['\"]?\]", r".\1", tensor): weight for tensor, weight in wiring.items()}


def assert_as_expected(entry, record):
    assert int(exit_code(RunRecord.of("verify", {}, [record]))) in exit_codes(entry), said(record)
    assert entry.get("says", "") in said(record)
    if record.error is not None:
        return
    assert record.verdict == entry["verdict"]
    found = {found.id for found in record.diagnosis or ()}
    if entry.get("fault") == "any":
        assert found
    else:
        assert found == {*listed(entry.get("fault")), *listed(entry.get("also"))}
    held = by_path({wire.tensor: wire.weight for wire in record.wiring or ()})
    if record.verdict != "not-comparable":
        for tensor, weight in by_path(entry.get("wiring", {})).items():
            if weight == "buffer":
                assert held.get(tensor, "nothing").startswith("nothing")
            else:
                assert held[tensor] == weight
    assert not any(warning.startswith("the candidate changes") for warning in record.warnings)


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("line", one_in(180, LINES, "test_what_people_write_is_read_and_judged_without_an_edit", 6))
def test_what_people_write_is_read_and_judged_without_an_edit(record_of, line):
    entry = BY_LINE[line]
    options = replace(QUICK, guard="also" in entry)
    assert_as_expected(entry, record_of(entry["target"], entry.get("flags", ""), options))


@pytest.mark.exhaustive(twin="test_what_people_write_is_read_and_judged_without_an_edit", pool="long")
@pytest.mark.parametrize("line", [line for line in LINES if BY_LINE[line]["verdict"] is not None][::4])
def test_what_people_write_is_judged_the_same_in_a_process_of_its_own(record_of, request, line):
    entry = BY_LINE[line]
    in_its_own = record_of(entry["target"], entry.get("flags", ""))
    request.getfixturevalue("in_process")
    warnings = tuple(said for said in in_its_own.warnings if not said.startswith("the candidate prints"))  # torch's own
    assert replace(in_its_own, warnings=warnings) == record_of(entry["target"], entry.get("flags", ""))


def test_every_file_with_a_candidate_has_an_entry():
    files = {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*") if path.suffix in (".py", ".ipynb")}
    named = {entry["target"].rpartition(":")[0] or entry["target"] for entry in EXPECTED}
    assert files == named


@pytest.mark.parametrize("target", NO_NAME)
def test_a_target_without_a_name_is_an_error_of_the_command_line(rnncli, target):
    shown = rnncli("verify", "--candidate", f"tests/candidates/{target}")
    assert shown.code == 2
    assert BY_LINE[target].get("says", "") in shown.err


BY_EXIT_CODE = {
    "elman.py:elman_forward": 0,
    "right/adapter_over_numpy.py:adapter": 0,
    "wrong/rnn_h0_every_step.py:rnn_forward": 1,
    "wrong/weights_not_parameters.py:RNN": 1,
    "wrong/tanh_only.py:tanh_rnn --nonlinearity relu": 1,
    "wrong/returns_a_string.py:rnn_forward": 4,
    "wrong/h0_none_raises.py:rnn": 4,
}


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("line", BY_EXIT_CODE)
def test_the_command_ends_with_the_exit_code_of_the_entry(rnncli, line):
    target, *flags = shlex.split(line)
    shown = rnncli("verify", "--no-timing", "--candidate", f"tests/candidates/{target}", *flags)
    assert shown.code == BY_EXIT_CODE[line]
    assert shown.code in exit_codes(BY_LINE[line])


HOSTILE = {  # what the one message says
    "endless_forward": "reading how it is called took longer than 2 s and was ended; --timeout allows more",
    "endless_import": "importing it took longer than 2 s and was ended; --timeout allows more",
    "segfault": "crashed with SIGSEGV at segfault.py:",
    "exit_at_import": "raised SystemExit: 0",
    "exit_in_forward": "ended its own process with exit code 0",
    "ten_gigabytes": "you tried to allocate 10737418240 bytes",
    "endless_recursion": "its forward raised RecursionError",
    "missing_module": "raised ModuleNotFoundError: No module named 'my_project_utils'",
    "syntax_error": "raised SyntaxError",
    "returns_none": "a call that returned None",
}
WORSE = {  # likewise: what few would write
    "tensor_that_raises": "the candidate raised RuntimeError: not today (tensor_that_raises.py:7)",
    "str_raises": "Silent: its __str__ raises",
    "base_exception": "the candidate raised Skipped: not on this machine (base_exception.py:9)",
    "base_exception_at_import": "the candidate raised Skipped: not on this machine (base_exception_at_import.py:8)",
    "cancelled": "the candidate raised CancelledError",
    "empty_message": "ValueError",
    "message_of_a_megabyte": "ValueError: xxxx",
    "message_with_escapes": "ValueError: ",
    "writes_to_every_file": "wrote into the pipe that its results are read from",
    "writes_a_few_bytes": "wrote into the pipe that its results are read from",
    "writes_a_length": "wrote into the pipe that its results are read from",
    "writes_a_pickle": "wrote into the pipe that its results are read from",
    "writes_another_reply": "gave a reply that is not of rnncli",
    "closes_every_file": "ended its own process with exit code 0",
    "closes_stdout": "its forward raised OSError",
    "stops_itself": "took longer than 2 s and was ended",
    "kills_itself": "was killed (SIGKILL)",
    "ends_its_group": "was ended with SIGTERM",
    "real_time_signal": "crashed with signal 37",
    "aborts": "crashed with SIGABRT at aborts.py:",
    "exits_in_backward": "ended its own process with exit code 3",
    "raises_in_backward": "the candidate raised Stop: no gradient",
    "kills_the_server": "ended its own process with exit code 255",
    "stack_overflow": "crashed with SIGSEGV at stack_overflow.py:",
    "repr_raises": "a call that returned",
    "lies_about_its_class": "a call that returned",
    "answers_to_every_name": "a call that returned",
    "quantized": "quantized tensor",
    "replaces_len": "ended its own process with exit code 1",
    "signature_is_a_text": "it has no signature to read",
}


OF_A_FILE = "test_a_file_that_sets_the_default_dtype_is_judged_with_it"
WHAT_MADE_IT = "test_an_object_without_its_source_is_told_by_what_made_it"
ENDLESS = pytest.mark.exhaustive(twin="test_a_candidate_that_fails_costs_its_own_case_and_says_why", pool="long")


def assert_fails(record_of, name, said):
    options = VerifyOptions(timing=False, guard=False, timeout_s=2.0 if "took longer" in said else 60.0)
    record = record_of(f"hostile/{name}.py:rnn_forward", options=options)
    assert record.verdict is None
    assert record.error.kind == "candidate"
    assert said in record.error.message
    assert "\n" not in record.error.message
    assert len(record.error.message) < 2000


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[ENDLESS] if name.startswith("endless_") else []) for name in HOSTILE]
)
def test_a_candidate_that_fails_costs_its_own_case_and_says_why(record_of, name):
    assert_fails(record_of, name, HOSTILE[name])


@pytest.mark.exhaustive(twin="test_a_candidate_that_fails_costs_its_own_case_and_says_why", sample=2)
@pytest.mark.parametrize("name", WORSE)
def test_a_candidate_that_does_its_worst_costs_its_own_case_and_says_why(record_of, name):
    assert_fails(record_of, name, WORSE[name])


JUDGED_BY_WHAT_IT_COMPUTES = "test_a_candidate_that_does_more_than_compute_is_judged_by_what_it_computes"
PECULIAR = {
    "fork_in_forward": ("match", None),
    "million_lines": ("match", "the candidate prints "),
    "default_dtype": ("match", "the candidate changes the default dtype from float32 to float64"),
    "thread_left": ("match", None),
    "patches_torch": ("mismatch", "the candidate changes torch.nn.RNN from torch's own to another"),
    "returns_nan": ("mismatch", None),
    "wrong_shape": ("mismatch", None),
}
ODD = {  # likewise: what few would write
    "tensor_of_its_own": ("match", None),
    "tensor_that_pickles_code": ("match", None),
    "bytes_to_stdout": ("match", "the candidate prints "),
    "says_fatal_error": ("match", None),
    "prints_from_a_thread": ("match", "the candidate prints "),
    "another_folder": ("match", None),
    "warnings_are_errors": ("match", None),
    "traces_every_line": ("match", None),
    "del_raises": ("match", "the candidate prints "),
    "thread_that_raises": ("match", "the candidate prints "),
    "default_device_meta": ("match", "the candidate changes the default device from cpu to meta"),
    "no_gradients_at_all": ("match", "the candidate changes grad mode from on to off"),
    "forgets_every_module": ("match", None),
    "child_left_behind": ("match", None),
    "child_in_a_session_of_its_own": ("match", None),
    "complex_values": ("mismatch", None),
    "sparse": ("mismatch", None),
    "on_meta": ("mismatch", None),
    "patches_lstm": ("match", "the candidate changes torch.nn.LSTM from torch's own to another"),
}


@pytest.mark.parametrize("name", one_in(3, PECULIAR, JUDGED_BY_WHAT_IT_COMPUTES, pool="long"))
def test_a_candidate_that_does_more_than_compute_is_judged_by_what_it_computes(record_of, name):
    assert_is_judged(record_of, name, *PECULIAR[name])


@pytest.mark.exhaustive(twin=JUDGED_BY_WHAT_IT_COMPUTES, pool="long")
@pytest.mark.parametrize("name", ODD)
def test_a_candidate_that_does_odd_things_is_judged_by_what_it_computes(record_of, name):
    assert_is_judged(record_of, name, *ODD[name])


def assert_is_judged(record_of, name, verdict, warning):
    record = record_of(f"hostile/{name}.py:rnn_forward")
    assert record.verdict == verdict
    assert warning is None or any(said.startswith(warning) for said in record.warnings)


def test_every_hostile_file_is_in_one_of_the_tables():
    assert {path.stem for path in (FOLDER / "hostile").glob("*.py")} == {*HOSTILE, *WORSE, *PECULIAR, *ODD}


@pytest.mark.exhaustive(twin="test_the_command_ends_with_the_exit_code_of_the_entry", pool="long")
def test_what_a_candidate_prints_does_not_reach_our_stdout(rnncli):
    shown = rnncli("verify", "--no-timing", "--candidate", "tests/candidates/hostile/million_lines.py:rnn_forward")
    assert shown.code == 0
    assert len(shown.out.splitlines()) < 60
    assert shown.err.count("\n") < 10


def test_the_traceback_of_a_candidate_is_cut_to_its_own_frames(rnncli):
    shown = rnncli("verify", "--no-timing", "--candidate", "tests/candidates/hostile/missing_module.py:rnn_forward")
    assert shown.code == 4
    assert "hostile/missing_module.py" in shown.err
    assert "importlib" not in shown.err
    assert "/rnncli/" not in shown.err.replace(str(FOLDER), "")


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("no_such.py:rnn", "no_such.py: no such file; allowed: a Python file"),
        ("tests/candidates/elmann.py:elman_forward", "no such file (did you mean tests/candidates/elman.py?)"),
        ("tests/candidates/elman.py:elman_foward", "has no elman_foward (did you mean elman_forward?)"),
        ("tests/candidates/bidirectional_rnn.py", "candidates; name one of them:"),
        ("manuel", "(did you mean manual?)"),
        ("no_such_module:rnn", "there is no module no_such_module: No module named 'no_such_module'"),
        ("json:no_such_name", "json has no no_such_name"),
        ("nn.LSTN", "torch.nn has no LSTN (did you mean LSTM?)"),
    ],
)
def test_a_target_that_is_not_there_is_an_error_of_usage_with_one_message(rnncli, target, said):
    shown = rnncli("verify", "--candidate", target)
    assert shown.code == 2
    assert said in shown.err
    assert "Traceback" not in shown.err


def own(tmp_path: Path, text: str) -> str:
    file = tmp_path / "mine.py"
    file.write_text(f"import torch\n\n\n{text}\n")
    return f"{file}:rnn"


PROJECTED = """
import torch
from torch import nn


class LSTMP(nn.Module):
    def __init__(self, input_size, hidden_size, proj_size):
        super().__init__()
        self.wx = nn.Linear(input_size, 4 * hidden_size)
        self.wr = nn.Linear(proj_size, 4 * hidden_size, bias=False)
        self.proj = nn.Linear(hidden_size, proj_size, bias=False)

    def forward(self, x, state):
        r, c = state
        ys = []
        for x_t in x:
            i, f, o, g = (self.wx(x_t) + self.wr(r)).chunk(4, -1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            r = self.proj(torch.sigmoid(o) * torch.tanh(c))
            ys.append(r)
        return torch.stack(ys), (r, c)
"""
ELEMENTWISE = """def rnn(x, W_ih, W_hh, b_ih, b_hh, h0):
    h, states = h0, []
    for x_t in x:
        h = torch.tanh(x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh)
        states.append(h)
    return torch.stack(states), h"""


@pytest.mark.exhaustive(twin="test_what_people_write_is_read_and_judged_without_an_edit", pool="long")
@pytest.mark.parametrize(
    ("target", "verdict"),
    [("scan_with_a_carry.py:ScanLSTM", "match"), ("scan_with_a_carry.py:StatesFirst", "match"),
     ("states_when_asked_for.py:Asked", "mismatch")],
)  # fmt: skip
def test_states_come_first_where_that_is_stated(rnncli, tmp_path, target, verdict):
    config = tmp_path / "case.yaml"
    target = FOLDER / "gated" / target
    config.write_text(f"rnn: {{cell: LSTM}}\ncandidate: {{target: '{target}', returns: states first}}\n")
    assert rnncli("verify", "--no-timing", "-q", str(config)).out.startswith(verdict)


def test_a_weight_that_is_not_there_at_other_sizes_is_no_failure_of_its_forward(rnncli):
    shown = rnncli("verify", f"{FOLDER / 'right' / 'weights_of_a_first_call.py'}:LazyByFeatures")
    assert shown.code == 4
    assert "its forward raised" not in " ".join(shown.err.split())


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(("flags", "warned"), [("", True), ("--bidirectional", False)])
def test_a_direction_that_may_be_asked_to_reverse_is_said_to_be_tried_by_both(record_of, flags, warned):
    record = record_of("right/asked_to_reverse.py:rnn", flags, replace(QUICK, shrink=True))
    told = "the candidate takes reverse, and this case does not try it: add --bidirectional"
    assert (told in record.warnings) == warned


COMPILED = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, input_size: int, hidden_size: int):
        super().__init__()
        self.i2h = nn.Linear(input_size, hidden_size)

    def forward(self, x: torch.Tensor, h: torch.Tensor):
        return torch.tanh(self.i2h(x)), h


scripted = torch.jit.script(Net(20, 40))
traced = torch.jit.trace(Net(20, 40), (torch.ones(5, 10, 20), torch.ones(10, 40)))
compiled = torch.compile(Net(20, 40))


def make(input_size, hidden_size):
    return torch.jit.script(Net(input_size, hidden_size))
"""


@pytest.mark.parametrize("name", one_in(4, ["compiled", "scripted", "traced", "make"], WHAT_MADE_IT, pool="long"))
def test_an_object_without_its_source_is_told_by_what_made_it(rnncli, tmp_path, name):
    (tmp_path / "mine.py").write_text(COMPILED)
    shown = rnncli("verify", f"{tmp_path / 'mine.py'}:{name}")
    assert shown.code == 4
    assert "name its class" in " ".join(shown.err.split())


def test_a_module_that_takes_token_ids_is_told_so(rnncli, tmp_path):
    text = COMPILED.partition("scripted")[0].replace(
        "nn.Linear(input_size, hidden_size)", "nn.Embedding(9, hidden_size)"
    )
    (tmp_path / "mine.py").write_text(text)
    shown = rnncli("verify", f"{tmp_path / 'mine.py'}:Net")
    assert shown.code == 4
    assert "it looks its input up in an nn.Embedding" in shown.err


@pytest.mark.exhaustive(twin="test_what_people_write_is_read_and_judged_without_an_edit", pool="long")
@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("written", ["pass", "out[t] = h if t < len(x) - 1 else out[t]"])
def test_memory_that_nothing_is_written_to_is_told_as_that(rnncli, tmp_path, written):
    made = ELEMENTWISE.replace("h, states = h0, []", "h, out = h0, torch.empty(len(x), *h0.shape, dtype=x.dtype)")
    made = made.replace("for x_t in x", "for t, x_t in enumerate(x)").replace("states.append(h)", written)
    shown = rnncli("verify", "--no-timing", own(tmp_path, made.replace("torch.stack(states)", "out")))
    assert shown.code == 1
    assert "output holds memory of torch.empty that nothing is written to" in " ".join(shown.out.split())


@pytest.mark.parametrize(
    ("default", "verdict"), one_in(2, [("float64", "match"), ("float32", "mismatch")], OF_A_FILE, pool="long")
)
def test_a_file_that_sets_the_default_dtype_is_judged_with_it(rnncli, tmp_path, default, verdict):
    made = ELEMENTWISE.replace(
        "torch.stack(states), h", "torch.zeros(h.shape) + torch.stack(states).to(torch.zeros(1)), h"
    )
    target = own(tmp_path, f"torch.set_default_dtype(torch.{default})\n\n\n{made}")
    assert rnncli("verify", "--no-timing", "-q", "--dtype", "float64", target).out.startswith(verdict)


@pytest.mark.exhaustive(twin="test_what_people_write_is_read_and_judged_without_an_edit", pool="long")
@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("flags", ["--layers 3", "--bidirectional", "--layers 2 --bidirectional --batch-first",
                                   "--layout packed --layers 2", "--layout unbatched --bidirectional", "--no-bias",
                                   "--h-0 omitted --layers 2"])  # fmt: skip
def test_what_one_layer_and_one_direction_do_not_claim_is_done_around_them(record_of, flags):
    record = record_of("elman.py:elman_forward", flags)
    assert record.verdict == "match"
    assert {check.verdict for check in record.checks} == {"match"}
    assert ("put together by rnncli" in record.reading) == ("layers" in flags or "bidirectional" in flags)


@pytest.mark.usefixtures("in_process")
def test_a_nonlinearity_that_is_not_claimed_is_not_a_mismatch(record_of):
    record = record_of("elman.py:elman_forward", "--nonlinearity relu")
    assert record.verdict == "not-comparable"
    assert "relu is not claimed" in record.checks[0].reason


@pytest.mark.usefixtures("in_process")
def test_what_is_not_returned_or_taken_is_not_comparable_and_says_so(record_of):
    record = record_of("sequence_encoder.py:SequenceEncoder")
    assert record.verdict == "match"
    left_out = {check.tensor: check.reason for check in record.checks if check.verdict == "not-comparable"}
    assert left_out == {"h_n": "the candidate does not return it", "grad h_0": "the candidate takes no h_0"}


@pytest.mark.usefixtures("in_process")
def test_the_config_can_say_how_a_candidate_is_to_be_read(rnncli, tmp_path):
    target = own(tmp_path, ELEMENTWISE)
    config = tmp_path / "case.yaml"
    config.write_text(f"candidate:\n  target: {target}\n  layout: time-first\n  returns: output\n")
    shown = rnncli("verify", "--no-timing", config)
    assert shown.code == 0
    assert "read as function of positional tensors, time-first, h_0 as (N, H_out), returns output" in " ".join(
        shown.out.split()
    )


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ("layout: sideways\n  target: a.py:b", 'layout "sideways" is not allowed; allowed: '),
        ("layuot: time-first\n  target: a.py:b", "unknown key layuot (did you mean layout?)"),
        ("layout: time-first", "target is missing"),
    ],
)
def test_a_candidate_block_that_is_wrong_gets_one_message(rnncli, tmp_path, block, said):
    config = tmp_path / "case.yaml"
    config.write_text(f"candidate:\n  {block}\n")
    shown = rnncli("verify", config)
    assert shown.code == 2
    assert f"{config}:" in shown.err
    assert said in shown.err


@pytest.mark.usefixtures("in_process")
def test_a_buffer_hard_wired_to_the_cpu_is_told_and_changes_no_verdict(rnncli, tmp_path):
    text = ELEMENTWISE.replace("h, states = h0, []", "h, states = h0 + torch.zeros(h0.shape, dtype=h0.dtype), []")
    shown = rnncli("verify", "--no-timing", "--candidate", own(tmp_path, text))
    assert shown.code == 0
    assert "device-hardcoded: torch.zeros" in shown.out
    assert "mine.py:5" in "".join(shown.out.split())


@pytest.mark.usefixtures("in_process")
def test_a_backward_that_breaks_names_the_line_whose_values_were_overwritten(record_of):
    record = record_of("torch_docs.py:forward", "--input-size 10 --hidden-size 20 --layers 2")
    (diagnosis,) = record.diagnosis
    assert diagnosis.id == "backward-breaks"
    assert "It was saved for backward at torch_docs.py:24: input_t @ params" in diagnosis.evidence
    assert "Hint" not in diagnosis.evidence


def test_sizes_that_the_case_does_not_have_make_a_candidate_print_nothing(rnncli, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(PROJECTED)
    judged = rnncli("verify", f"{file}:LSTMP", "--cell", "LSTM", "--proj-size", 3, "--no-timing")
    assert (judged.code, judged.err) == (0, "")


@pytest.mark.parametrize("command", ["shapes", "explain"])
def test_a_command_that_judges_nothing_does_not_run_a_candidate_s_code(rnncli, tmp_path, command):
    file = tmp_path / "mine.py"
    file.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n\n\ndef rnn(x, h):\n    return x, h\n")
    shown = rnncli(command, "--candidate", file)
    assert shown.code == 0
    assert f"{command} does not run {file}:rnn" in shown.err
    assert not (tmp_path / "ran").exists()


STEPS = """import torch


class Cell(torch.nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.i2h = torch.nn.Linear(input_size, 4 * hidden_size)
        self.h2h = torch.nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x, state):
        c, h = state
        i, f, g, o = (self.i2h(x) + self.h2h(h)).chunk(4, -1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        return h, (c, h)


def step(x, h, W, U, b):
    return torch.tanh(x @ W.T + h @ U.T + b)

"""


@pytest.mark.exhaustive(twin="test_an_adapter_is_short_and_judged_like_every_candidate", pool="long")
@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(("name", "flags"), [("Cell", ("--cell", "LSTM")), ("step", ())])
def test_an_adapter_of_a_step_has_the_loop_over_time(rnncli, tmp_path, name, flags):
    file, adapter = tmp_path / "steps.py", tmp_path / "adapter.py"
    file.write_text(STEPS)
    assert rnncli("adapt", f"{file}:{name}", *flags, "-o", adapter).code == 0
    assert "    for x_t in input:\n" in adapter.read_text()
    assert rnncli("verify", "--no-timing", *flags, f"{adapter}:forward").code == 0


@pytest.mark.usefixtures("in_process")
def test_an_adapter_that_computes_something_else_than_the_candidate_is_not_offered(rnncli):
    two_rows = "tests/candidates/right/two_rows_of_bias.py:rnn"
    ended = rnncli("adapt", two_rows)
    assert (ended.code, ended.out) == (4, "")
    assert ended.err.endswith(f"; rnncli verify {two_rows} reads it without one\n")


@pytest.mark.exhaustive(twin="test_what_people_write_is_read_and_judged_without_an_edit", pool="long")
@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise ValueError('boom')", "its forward raised ValueError: boom, however it was called"),
        ("return None", "its forward returned None, however it was called"),
        ("return h.no_such_method()", "cannot tell how to call it"),
    ],
)
def test_what_a_forward_does_in_every_call_is_told_as_what_it_does(rnncli, tmp_path, body, said):
    file = tmp_path / "mine.py"
    file.write_text(f"def rnn(x, h, W_ih, W_hh, b_ih, b_hh):\n    {body}\n")
    ended = rnncli("verify", "--no-timing", file)
    assert ended.code == 4
    assert said in ended.err
    assert "rnncli adapt" not in ended.err


@pytest.mark.usefixtures("in_process")
def test_an_adapter_is_short_and_judged_like_every_candidate(rnncli, tmp_path):
    adapter = tmp_path / "adapter.py"
    assert rnncli("adapt", "tests/candidates/rnn_two_linears.py:SimpleRNN", "-o", adapter).code == 0
    text = adapter.read_text()
    code, _, told = text.partition("\n# ")
    assert len(code.splitlines()) <= 15
    assert told.startswith("rnncli reads it without an adapter too: module")
    assert " holds weight_ih_l0: " in told
    adapter.write_text(
        text.replace("(input, h_0)", "(input, h_0[0])").replace("return output, h_n", "return output, h_n[None]")
    )
    assert rnncli("verify", "--no-timing", "--candidate", f"{adapter}:forward").code == 0


@pytest.mark.usefixtures("in_process")
def test_where_one_call_is_right_and_another_wrong_no_simpler_argument_is_blamed(record_of):
    (found,) = record_of("wrong/repeated_step_skipped.py:rnn").diagnosis
    assert found.id == "unexplained"
    assert "given a step of zeros and a repeated one" in found.evidence
    assert "right with" not in found.evidence
    assert "in that call alone" in found.fix


@pytest.mark.exhaustive(twin="test_what_people_write_is_read_and_judged_without_an_edit", pool="long")
@pytest.mark.usefixtures("in_process")
def test_a_match_says_which_arguments_of_the_candidate_were_not_tried(rnncli):
    command = ("verify", "--no-timing", "tests/candidates/brnn_module.py:BRNN", "--layers", 2, "--bidirectional")
    said = "the candidate takes"
    drop_in = "benchmarks/reading/styles/dropin.py:RNN"
    alone = rnncli("verify", "--no-timing", drop_in, "--bidirectional").err
    assert f"{said} several layers, batch_first, and this case does not try them: add --layers 2 --batch-first" in alone
    assert said not in rnncli("verify", "--no-timing", drop_in, "--bidirectional", "--layers", 2, "--batch-first").err
    assert said not in rnncli(*command).err  # a mismatch has other worries
    packed = rnncli("verify", "--no-timing", "tests/candidates/field/packed_last_step.py:RNN").err
    assert f"{said} packed input, and this case does not try it: add --layout packed" in packed


@pytest.mark.exhaustive(twin="test_an_adapter_is_short_and_judged_like_every_candidate", pool="long")
@pytest.mark.usefixtures("in_process")
def test_a_starter_of_one_layer_says_which_weights_of_another_are_missing(rnncli, tmp_path):
    adapter = tmp_path / "adapter.py"
    target = "tests/candidates/right/linears_of_layers.py:MyRNN"
    assert rnncli("adapt", target, "-o", adapter).code == 0
    assert rnncli("verify", "-q", "--no-timing", f"{adapter}:forward").out.startswith("match")
    said = " ".join(rnncli("verify", "--no-timing", f"{adapter}:forward", "--layers", 2).out.split())
    assert "Missing key(s)" in said
    assert "i2h.1.weight" in said
    assert rnncli("verify", "-q", "--no-timing", target, "--layers", 2).out.startswith("match")


@pytest.mark.usefixtures("in_process")
def test_a_result_on_another_device_is_told_once_with_the_line_that_the_guard_finds(record_of, monkeypatch):
    monkeypatch.setattr(InProcessCandidate, "device_fault", lambda *_: "made at mine.py:3")
    record = record_of("wrong/output_on_meta.py:rnn", options=replace(QUICK, guard=True))
    assert [(found.id, found.evidence) for found in record.diagnosis] == [("device-hardcoded", "made at mine.py:3")]


@pytest.mark.exhaustive(twin="test_what_people_write_is_read_and_judged_without_an_edit", pool="long")
@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(
    "target", ["gated/lstm_head_of_any_name.py:lstm --cell LSTM", "gated/gru_head_of_any_name.py:gru --cell GRU"]
)
def test_weights_of_a_head_that_is_not_compared_lie_on_the_inputs_device(record_of, target):
    record = record_of(*target.split(" ", 1), options=replace(QUICK, guard=True))
    assert record.diagnosis == ()


@pytest.mark.usefixtures("in_process")
def test_a_weight_that_acts_within_the_recurrence_is_to_be_left_out(record_of):
    record = record_of("wrong/head_within.py:fed_back")
    assert [found.fix for found in record.diagnosis] == ["compute the states without it, as nn.RNN does"]


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(
    ("target", "fix"),
    [
        (
            "wrong/weight_hh_vector.py:IndRNN",
            "make it of the shape that the case's input_size, hidden_size and num_layers give",
        ),
        (
            "wrong/weights_not_parameters.py:RNN",
            "make it an nn.Parameter of the module that is trained; several are an nn.ParameterList",
        ),
        ("spec/keras_style_forced_bias.py:SimpleRNN --no-bias", "make it None where bias=False"),
    ],
)
def test_a_weight_that_is_no_parameter_of_nn_rnn_has_a_fix_of_its_kind(record_of, target, fix):
    record = record_of(*target.split(" ", 1))
    assert fix in [found.fix for found in record.diagnosis]


@pytest.mark.exhaustive(twin="test_what_people_write_is_read_and_judged_without_an_edit", pool="long")
def test_a_candidate_that_casts_is_not_told_that_more_steps_raise(rnncli):
    shown = rnncli("verify", "tests/candidates/gated/lstm_float32_start.py:Net", "--cell", "LSTM", "--no-timing")
    assert shown.code == 0
    assert "steps" not in shown.err


@pytest.mark.exhaustive(twin="test_sizes_that_the_case_does_not_have_make_a_candidate_print_nothing", pool="long")
@pytest.mark.usefixtures("in_process")
def test_what_is_right_in_the_first_call_is_no_question_of_sizes(record_of):
    (found,) = record_of("wrong/right_in_the_first_call.py:FirstStateKept").diagnosis
    assert found.fix == "look at what the candidate does in that call alone"
    assert "sizes" not in found.evidence
