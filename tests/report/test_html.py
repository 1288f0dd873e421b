"""The HTML report: what stands in the page, what is packed into it, and that it needs nothing from elsewhere."""

import base64
import html.parser
import json
import re
import zlib
from dataclasses import replace

import pytest
from sample_records import HOSTILE, NASTY, WORSE, case_of, hostile_run, in_full, record_of, rendered, some

from rnncli.cli.output import write_text
from rnncli.core.errors import ConfigError
from rnncli.core.records import (
    Diagnosis,
    FaultResult,
    Gate,
    Growth,
    RunRecord,
    Timing,
    Verdict,
)
from rnncli.report.failures import MOST_GROUPS, Failures
from rnncli.report.html import IN_FULL, PICTURE, TOGETHER, bars, headline, picture
from rnncli.report.over_time import Course


class Page(html.parser.HTMLParser):
    """The text of a page by the place it stands in: elements with their attributes, and scripts by id or class."""

    VOID = ("meta", "br", "path", "input", "wbr")
    UNCLOSED = ("tr", "td", "th", "li")

    def __init__(self, text):
        super().__init__()
        self.elements, self.words, self.packed, self.index, self.open = [], [], [], None, []
        self.feed(text)
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in self.VOID + self.UNCLOSED:
            self.open.append((tag, dict(attributes)))

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if tag not in self.UNCLOSED:
            assert self.open.pop()[0] == tag

    def handle_data(self, data):
        tag, attributes = self.open[-1] if self.open else ("", {})
        if tag == "script" and attributes.get("class") == "packed":
            self.packed += json.loads(zlib.decompress(base64.b64decode(data)))
        elif tag == "script" and attributes.get("id") == "index":
            self.index = json.loads(data)
        elif tag not in ("script", "style"):
            glued = self.words and self.elements[-1][0] == "wbr"
            self.words.append(self.words.pop() + data if glued else data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def rows(self):
        columns = self.index["columns"]
        return [
            {column["name"]: column["values"][code] for column, code in zip(columns, row, strict=True)}
            for row in self.index["rows"]
        ]


def page_of(*cases, **more):
    return Page(rendered("html", record_of(*cases, **more)))


def test_the_verdict_comes_first():
    page = page_of(in_full())
    body = page.text.split("rnncli verify ", 1)[1]
    assert body.startswith(
        "mismatch my_rnn.py:f is not nn.RNN(20, 40): output differs, of 1 tensor"
        " verify: my_rnn.py:f against nn.RNN(20, 40)"
    )
    body = page_of(in_full(), case_of()).text.split("rnncli verify ", 1)[1]
    assert body.startswith("mismatch 2 cases: 1 mismatch, 1 match verify: my_rnn.py:f, manual against nn.RNN;")


def test_one_case_stands_in_the_page_with_everything_there_is():
    page = page_of(in_full())
    assert not page.packed
    for said in (
        "Diagnosis: h0-ignored",
        "Fix: start from h_0",
        "Replay: rnncli verify --candidate my_rnn.py:f",
        "candidate has (5, 11)",
        "be warned",
        "Read as: function (input, h_0)",
        "another equation",
        "Error of output over time, float64",
        "Error of output over time, float32",
        "forward candidate 2 ms 10 us 7 1.50",
        "1.40 to 1.60",
        "L=5 steps",
    ):
        assert said in page.text, said


def test_every_picture_has_its_figures_beside_it():
    page = page_of(in_full())
    pictures = [element for element in page.elements if element[0] == "figure"]
    assert len(pictures) == 4  # two stages of two directions
    figures = "t error nn.RNN's own allowed 0 1.0e-07 1.0e-07 1.0e-07 1 2.0e-03 2.0e-03 2.0e-03"
    assert figures in page.text


def test_of_many_cases_the_failing_ones_are_readable_without_scripts():
    cases = [case_of(run__seed=seed) for seed in range(30)]
    cases += [case_of(Verdict.MISMATCH, reason="late", run__seed=99)]
    page = page_of(*cases)
    assert f"The first {IN_FULL} of 31" in page.text
    shown = re.findall(r"(match|mismatch) (\w{10}) manual", page.text)
    assert shown[0] == ("mismatch", cases[-1].id)
    assert [id for _, id in shown[1:]] == [case.id for case in cases[: IN_FULL - 1]]


# What is wrong


def fault(*ids, **changes):
    """A mismatch that these faults explain."""
    evidence = f"it equals nn.RNN with {' and '.join(f'`{id}`' for id in ids)}, on 3 probes"
    found = tuple(Diagnosis(id=id, evidence=evidence, fix=f"undo {id}") for id in ids)
    return case_of(Verdict.MISMATCH, diagnosis=found, **changes)


def wrong_of(*cases):
    """The text of the groups of failures."""
    return page_of(*cases).text.partition("What is wrong ")[2].partition(" What was compared")[0]


def groups_of(*cases):
    failures = Failures()
    for place, case in enumerate(cases):
        failures.add(place, case)
    return failures.groups()


def test_failures_with_one_diagnosis_are_one_group_with_what_they_have_in_common():
    cases = [fault("missing-bias-hh", rnn__num_layers=layers, run__seed=seed) for layers in (2, 3) for seed in (0, 1)]
    said = wrong_of(*cases, case_of(rnn__bias=False), case_of(rnn__num_layers=2, rnn__bias=False))
    assert said.startswith(
        "missing-bias-hh 4 cases Fix: undo missing-bias-hh"
        " Evidence: it equals nn.RNN with missing-bias-hh , on 3 probes"
        " All have bias=true Replay of the smallest: rnncli verify --candidate manual copy The 4 cases "
    )
    assert all(case.id in said for case in cases)


def test_the_smallest_case_of_a_group_is_replayed():
    cases = [
        replace(fault("missing-bias-hh", rnn__num_layers=layers), replay=f"rnncli verify --layers {layers}")
        for layers in (3, 1, 2)
    ]
    assert "Replay of the smallest: rnncli verify --layers 1 copy" in wrong_of(*cases)
    small = replace(cases[0], replay="rnncli verify --seq-len 1", replay_config=case_of(input__seq_len=1).config)
    assert "Replay of the smallest: rnncli verify --seq-len 1 copy" in wrong_of(*cases, small)


def test_a_replay_that_leaves_out_what_the_cases_have_in_common_comes_last():
    shrunk = case_of(input__seq_len=1).config
    lost = replace(fault("reverse-not-restored", rnn__bidirectional=True), replay="rnncli verify", replay_config=shrunk)
    kept = replace(fault("reverse-not-restored", rnn__bidirectional=True, run__seed=1), replay="rnncli verify --seed 1")
    assert "Replay of the smallest: rnncli verify --seed 1 copy" in wrong_of(case_of(), lost, kept)
    assert "Replay of the smallest: rnncli verify copy" in wrong_of(lost, kept)  # all have it, so nothing is lost


def test_what_says_what_to_change_comes_first_and_of_that_what_happens_most():
    cases = [fault("unexplained", run__seed=seed) for seed in range(9)]
    cases += [case_of(error="its forward raised", run__seed=seed) for seed in range(10, 13)]
    cases += [fault("missing-bias-hh", run__seed=20)]
    cases += [fault("missing-bias-hh", "h0-ignored", run__seed=seed) for seed in (21, 22)]
    names = [group.name for group in groups_of(*cases)]
    assert names == ["missing-bias-hh and h0-ignored", "missing-bias-hh", "failed to run", "unexplained"]


def test_messages_that_differ_in_their_numbers_are_one_group():
    errors = [case_of(error=f"shapes ({n}x6 and 3x5) do not fit", run__seed=n) for n in range(3)]
    other = case_of(error="no such weight", run__seed=9)
    assert [len(group.places) for group in groups_of(*errors, other)] == [3, 1]


def test_what_is_unexplained_is_grouped_by_where_to_look():
    here, there = fault("unexplained"), fault("unexplained", run__seed=1)
    there = replace(there, diagnosis=(replace(there.diagnosis[0], fix="look there"),))
    assert [len(group.places) for group in groups_of(here, here, there)] == [2, 1]


def test_each_candidate_has_its_own_groups():
    cases = [fault("missing-bias-hh", candidate=f"{name}.py:f") for name in "ab"]
    assert [group.first[0].candidate for group in groups_of(*cases)] == ["a.py:f", "b.py:f"]
    said = wrong_of(*cases)
    assert "missing-bias-hh 1 case of b.py:f Fix:" in said
    assert "candidate=" not in said  # the heading has it


def test_a_run_whose_every_message_differs_has_a_bounded_number_of_groups():
    letters = [chr(ord("a") + at // 26) + chr(ord("a") + at % 26) for at in range(MOST_GROUPS + 20)]
    groups = groups_of(*(case_of(error=f"broken {name}") for name in letters))
    assert len(groups) == MOST_GROUPS + 1
    assert (groups[0].name, len(groups[0].places)) == ("other failures", 20)


def test_an_error_stands_in_its_group_with_its_traceback():
    said = wrong_of(case_of(), case_of(error="its forward raised", run__seed=1))
    assert said.startswith("failed to run 1 case its forward raised its forward raised It has seed=1 The case ")


def test_the_groups_of_the_page_are_those_of_the_table():
    cases = [case_of(), fault("h0-ignored", run__seed=1), case_of(run__seed=2), fault("h0-ignored", run__seed=3)]
    page = page_of(*cases)
    assert page.index["groups"] == [[1, 3]]
    assert [row["why"] for row in page.rows()] == ["", "h0-ignored", "", "h0-ignored"]


def test_a_run_without_failures_has_no_groups():
    page = page_of(case_of(), case_of(run__seed=1))
    assert page.index["groups"] == []
    assert "What is wrong" not in page.text


def test_a_case_of_each_group_is_readable_without_scripts():
    cases = [fault("h0-ignored", run__seed=seed) for seed in range(20)]
    cases += [fault("missing-bias-hh", run__seed=99)]
    assert cases[-1].id in re.findall(r"mismatch (\w{10}) manual", page_of(*cases).text)


def test_a_long_name_may_be_broken_after_a_sign_and_stays_the_same_text():
    name = "a_recurrent_network/written_by_hand.py:f"
    text = rendered("html", record_of(case_of(candidate=name), case_of(candidate=name, run__seed=1)))
    assert "a_<wbr>recurrent_<wbr>network/<wbr>written_<wbr>by_<wbr>hand.<wbr>py:<wbr>f against" in text
    assert f"verify: {name} against nn.RNN" in Page(text).text


def test_a_sentence_has_code_for_what_stands_between_backticks_and_flags_whole():
    case = case_of(Verdict.MISMATCH, diagnosis=(Diagnosis(id="h0-ignored", evidence="`<b>` & --no-bias", fix="a ` b"),))
    text = rendered("html", record_of(case))
    assert 'Evidence: <code class="whole">&lt;b&gt;</code> &amp; <span class="whole">--no-bias</span>' in text
    assert "Fix: a ` b<" in text


def test_every_case_is_packed_into_the_page_in_the_order_of_the_table():
    cases = [case_of(run__seed=seed) for seed in range(TOGETHER + 3)]
    page = page_of(*cases)
    assert len(page.packed) == len(cases) == len(page.rows())
    for row, detail, case in zip(page.rows(), page.packed, cases, strict=True):
        assert row["case"] == case.id
        assert f"seed {case.config['run']['seed']}" in detail


def test_the_table_has_the_columns_in_which_cases_differ():
    page = page_of(*some())
    assert [column["name"] for column in page.index["columns"]] == [
        "verdict",
        "case",
        "num_layers",
        "bidirectional",
        "seed",
        "passes at",
        "why",
    ]
    failing = [row for row in page.rows() if row["verdict"] == "mismatch"]
    assert len(failing) == 48
    assert {row["bidirectional"] for row in failing} == {"true"}


def test_why_is_the_last_column_and_there_only_where_there_is_a_reason():
    assert page_of(case_of(), in_full()).index["columns"][-1]["name"] == "why"
    assert "why" not in [column["name"] for column in page_of(case_of(), case_of(run__seed=1)).index["columns"]]


def test_a_figure_that_a_case_has_not_is_empty_in_its_row():
    timed = in_full()
    page = page_of(case_of(), timed, case_of(error="boom", run__seed=1))
    assert [row["candidate, forward"] for row in page.rows()] == ["", "1.50", ""]
    assert [row["verdict"] for row in page.rows()] == ["match", "mismatch", "failed"]


def test_what_no_tolerance_lets_through_is_none_in_the_table_and_for_the_run():
    shape = case_of(Verdict.MISMATCH, reason="shape (1,), expected (2,)", run__seed=1)
    close = replace(in_full(), checks=tuple(replace(check, min_tolerance=1e-3) for check in in_full().checks))
    assert [row["passes at"] for row in page_of(close, shape).rows()] == ["1.0e-03", "none"]
    assert "stage mismatch checks all pass at algorithm float64 2 2 none" in page_of(close, shape).text
    assert "algorithm float64 2 2 1.0e-03" in page_of(close, replace(close, id="other")).text


def test_a_column_without_a_value_is_not_there():
    shape = case_of(Verdict.MISMATCH, reason="shape (1,), expected (2,)", run__seed=1)
    page = page_of(in_full(), shape)
    assert "passes at" not in page.rows()[0]
    assert "all pass at" not in page.text
    assert "stage mismatch checks algorithm float64 2 2 precision float32 1 1" in page.text
    assert not {"noise", "passes"} & set(page_of(in_full()).text.split())


@pytest.mark.parametrize(("ratio", "shown"), [(2.5, True), (1e14, False)])
def test_the_error_in_envelopes_is_shown_where_it_can_be_rounding(ratio, shown):
    case = in_full()
    case = replace(case, checks=tuple(replace(check, noise_ratio=ratio) for check in case.checks))
    assert ("noise: the error in envelopes of rounding" in page_of(case).text) == shown
    assert ("1e+14" in page_of(case).text or "2.5" in page_of(case).text) == shown


def test_what_all_cases_have_is_there_for_the_filter():
    alike = page_of(*some()).index["alike"]
    assert alike["input_size"] == "20"
    assert alike["candidate"] == "manual"
    assert not {"num_layers", "verdict", "case", "seed"} & set(alike)


def test_the_page_is_the_same_in_every_encoding():
    page = rendered("html", record_of(case_of(Verdict.MISMATCH, candidate="\u00fc/\u65e5.py:f", reason="\u00fc")))
    assert page.isascii()
    assert "\u00fc/\u65e5.py:f" in Page(page).text


def test_a_candidate_that_bench_refuses_has_that_for_a_reason():
    wrong = replace(in_full(), checks=None, shapes=None, diagnosis=None)
    page = Page(rendered("html", RunRecord.of("bench", {}, [case_of(), wrong])))
    assert page.rows()[1]["why"] == "it does not compute what nn.RNN computes"


def test_a_ratio_that_means_little_is_marked():
    busy = replace(in_full().timing[0], ratio_low=0.5, ratio_high=2.5)
    assert "~1.50" in page_of(replace(in_full(), timing=(busy,))).text
    assert "~1.50" not in page_of(in_full()).text


def test_nothing_is_loaded_from_elsewhere():
    text = rendered("html", record_of(*some(), in_full()))
    page = Page(text)
    for tag, attributes in page.elements:
        assert not {"src", "href", "action", "data"} & set(attributes), (tag, attributes)
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest|import\(", text)


@pytest.mark.parametrize("cases", [1, 2, TOGETHER + 1])
def test_the_page_is_well_formed(cases):
    page = page_of(*(case_of(run__seed=seed) for seed in range(cases)))
    for detail in page.packed:
        Page(detail)
    assert [tag for tag, _ in page.elements].count("h1") == 1


def test_text_from_elsewhere_is_text_in_what_is_packed_too():
    page = Page(rendered("html", hostile_run()))
    for detail in page.packed:
        inner = Page(detail)
        assert not [tag for tag, attributes in inner.elements if tag in ("script", "a", "b") or "onclick" in attributes]
        assert HOSTILE in inner.text
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e]", detail)


def test_text_from_elsewhere_is_text_in_the_table_too():
    cases = [case_of(), case_of(candidate=NASTY), case_of(Verdict.MISMATCH, reason=WORSE, run__seed=1)]
    text = rendered("html", record_of(*cases))
    rows = Page(text).rows()
    assert rows[1]["candidate"] == NASTY
    assert "\u202e" not in rows[2]["why"]
    assert "\x1b" not in rows[2]["why"]
    assert not re.search(r"</script>.*alert", text.partition('id="index"')[2].partition("\n<script>")[0])
    assert text.count("</script>") == text.count("<script")


def test_a_run_without_cases_is_a_page():
    assert "incomplete" in page_of(missing=("interrupted: 0 of 3 cases",)).text


PASSED = RunRecord.of("verify", {}, [case_of()])
OPEN = case_of(Verdict.NOT_COMPARABLE, reason="why")
GATE = Gate(condition="manual.forward > 1", case="x", ratio=2.0, ratio_low=1.9, ratio_high=2.1, failed=True)
UNSEEN = replace(case_of(), verdict=None, checks=None, faults=(FaultResult(id="h0-ignored", status="not-visible"),))
SEEN = replace(UNSEEN, faults=(FaultResult(id="h0-ignored", status="caught"),))


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (PASSED, ("match", "good")),
        (RunRecord.of("verify", {}, [case_of(), OPEN]), ("match", "good")),
        (RunRecord.of("verify", {}, [case_of(), OPEN], strict=True), ("not all could be compared", "bad")),
        (RunRecord.of("verify", {}, [OPEN]), ("nothing was compared", "bad")),
        (RunRecord.of("verify", {}, [case_of(), case_of(Verdict.MISMATCH)]), ("mismatch", "bad")),
        (RunRecord.of("verify", {}, [case_of(), case_of(error="boom")]), ("failed to run", "bad")),
        (RunRecord.of("verify", {}, [case_of()], ["one of two"]), ("incomplete", "bad")),
        (RunRecord.of("verify", {}, [replace(case_of(), verdict=None)]), ("incomplete", "bad")),
        (RunRecord.of("bench", {}, [case_of()]), ("timed", "good")),
        (RunRecord.of("bench", {}, [case_of()], gates=[GATE]), ("too slow", "bad")),
        (RunRecord.of("power", {}, [SEEN]), ("every fault would be seen", "good")),
        (RunRecord.of("power", {}, [UNSEEN]), ("not every fault would be seen", "open")),
        (RunRecord.of("power", {}, [UNSEEN], strict=True), ("not every fault would be seen", "bad")),
        (RunRecord.of("shapes", {}, [replace(case_of(), verdict=None, checks=None)]), ("done", "good")),
    ],
    ids=lambda value: value[0].replace(" ", "-") if isinstance(value, tuple) else "",
)
def test_the_headline_says_what_the_exit_code_says(record, expected):
    assert headline(record) == expected
    assert (expected[1] == "bad") != record.passed


def test_gates_and_growth_stand_in_the_page():
    growth = Growth(implementation="manual", pass_="forward", exponents={"seq_len": 0.934})
    held = replace(GATE, failed=False, case="y", ratio=0.5)
    page = Page(rendered("html", RunRecord.of("bench", {}, [case_of()], gates=[GATE, held], growth=[growth])))
    assert "manual.forward > 1 fails in case x: 2.00, half of its measurements 1.90 to 2.10" in page.text
    assert "manual.forward > 1 holds in 1 of 1 case, the largest ratio 0.50" in page.text
    assert "manual seq_len 0.93" in page.text


def test_faults_stand_in_the_page():
    page = Page(rendered("html", RunRecord.of("power", {}, [UNSEEN])))
    assert "h0-ignored not-visible" in page.text


# Pictures


def lines_of(*, error, reference=None, allowed=None):
    drawn = picture(Course("forward", error, reference, allowed))
    return drawn, {line.name: line for line in drawn.lines}


def test_a_line_is_stairs_over_a_logarithmic_axis():
    drawn, lines = lines_of(error=(1.0, 1e-4, 1e-2))
    width, height = PICTURE
    assert drawn.ticks == [(0, "1e+00"), (height, "1e-04")]
    assert lines["error"].path == f"M0 0H{round(width / 3)}V{height}H{round(2 * width / 3)}V{height // 2}H{width}"


def test_an_error_of_zero_is_at_the_foot():
    _, lines = lines_of(error=(0.0, 1e-3))
    assert lines["error"].path.startswith(f"M0 {PICTURE[1]}H")


def test_what_is_not_finite_is_a_gap_and_a_mark():
    drawn, lines = lines_of(error=(1e-3, None, 1e-3))
    assert lines["error"].path.count("M") == 2
    assert lines["error"].beyond == [PICTURE[0] // 2]
    assert drawn.rows[1] == ("1", ["-"])


def test_errors_of_zero_alone_are_drawn():
    drawn, lines = lines_of(error=(0.0, 0.0))
    assert lines["error"].path == f"M0 {PICTURE[1]}H160V{PICTURE[1]}H320"
    assert drawn.rows[0][1] == ["0"]


def test_what_is_allowed_is_an_area_down_to_the_foot():
    _, lines = lines_of(error=(1e-7, 1e-7), allowed=(1e-6, 1e-5))
    assert lines["allowed"].area.count(f"V{PICTURE[1]}z") == 2
    assert not lines["error"].area


def test_of_many_steps_the_largest_of_each_part_is_drawn():
    errors = [1e-7] * 1000
    errors[500] = 1e-3
    drawn, _ = lines_of(error=tuple(errors))
    assert len(drawn.rows) == 32
    assert [figures[0] for span, figures in drawn.rows if figures[0] != "1.0e-07"] == ["1.0e-03"]
    assert drawn.rows[16] == ("500 of 500 to 530", ["1.0e-03"])


def test_a_bar_reaches_as_far_as_its_ratio():
    timing = Timing(implementation="a", pass_="forward", median_s=1, iqr_s=0, runs=1, ratio_to_reference=1.0)
    spread = replace(timing, ratio_to_reference=2.0, ratio_low=1.0, ratio_high=4.0)
    (_, one), (_, two), (_, none) = bars((timing, spread, replace(timing, ratio_to_reference=None)))
    assert one.high == one.low + 1  # or nothing is to be seen
    assert (one.one, one.mid, two.mid, two.low, two.high) == (30, 30, 60, 30, 120)
    assert none is None


# From the command line


def test_verify_works_out_the_envelope_for_a_page(rnncli, tmp_path):
    page = tmp_path / "report.html"
    assert rnncli("verify", "--no-timing", "--format", "html", "--output", page).code == 0
    text = Page(page.read_text()).text
    assert "t error nn.RNN's own allowed" in text
    assert "the envelope was not needed" not in text


def test_where_the_envelope_is_not_known_the_page_says_so(rnncli, tmp_path):
    lines, page = tmp_path / "r.jsonl", tmp_path / "report.html"
    assert rnncli("verify", "--format", "jsonl", "--output", lines).code == 0
    assert rnncli("report", lines, "--format", "html", "--output", page).code == 0
    assert "the envelope was not needed for the verdict" in Page(page.read_text()).text


@pytest.mark.exhaustive(twin="test_every_case_is_packed_into_the_page_in_the_order_of_the_table", pool="long")
def test_ten_thousand_cases_stay_small():
    """A thousand stand for them: each adds what it adds."""
    cases = [replace(in_full(), id=f"{seed:012x}") for seed in range(1000)]
    assert len(rendered("html", record_of(*cases))) < 1.5e6


def test_the_templates_are_part_of_what_is_installed():
    from importlib.resources import files

    names = {path.name for path in (files("rnncli") / "report" / "page").iterdir()}
    assert names == {"page.html", "case.html", "style.css", "script.js"}


def test_without_an_error_over_time_there_is_no_picture():
    page = page_of(case_of(candidate=NASTY, reason=WORSE))
    assert "figure" not in [tag for tag, _ in page.elements]


def test_a_stdout_that_is_closed_is_told(monkeypatch):
    monkeypatch.setattr("rnncli.cli.output.sys.stdout", None)
    with pytest.raises(ConfigError, match=r"stdout is closed; allowed: --output FILE"):
        write_text("a page", None)


def test_the_change_that_fixes_a_fault_stands_beside_its_diagnosis():
    change = ("- h = tanh(x @ W.T + h @ U.T)  # <b>", "+ h = tanh(x @ W.T + h @ U.T + b)  # <b>")
    found = Diagnosis(id="missing-bias-hh", evidence="values", fix="add it", at="my_rnn.py:7", change=change)
    page = rendered("html", record_of(replace(in_full(), diagnosis=(found,))))
    assert "my_rnn.py:7" in page
    for line in change:
        assert line.replace("<b>", "&lt;b&gt;") in page
    assert "<b>" not in page
