"""Every format: what a run of many cases comes to, and text from elsewhere that stays text."""

import csv
import html.parser
import io
import json
import re
import xml.etree.ElementTree as xml
from dataclasses import replace

import pytest
import xmlschema
from conftest import ROOT
from sample_records import HOSTILE, NASTY, WORSE, benched, case_of, hostile_run, in_full, record_of, rendered, some

from rnncli.cli.options import FORMATS as OFFERED
from rnncli.core.records import Detail, Diagnosis, RunRecord, Verdict
from rnncli.core.summary import conclusion
from rnncli.plot import picture
from rnncli.report import FORMATS, SUFFIXES


def test_the_formats_that_are_offered_are_those_there_are():
    assert OFFERED == FORMATS
    rendering = {path.stem for path in (ROOT / "rnncli/report").glob("*.py")}
    assert rendering == {
        *FORMATS,
        "__init__",
        "failures",
        "over_time",
        "history",
        "bench",
        "one_line",
        "columns",
    }


@pytest.mark.parametrize(
    ("failing", "said"),
    [
        (lambda two, _: two, "96 cases: 48 mismatch, 48 match; all 48 failures have bidirectional=true"),
        (
            lambda two, n: two and n == 3,
            "16 mismatch, 80 match; all 16 failures have num_layers=3 and bidirectional=tr",
        ),
        (lambda _, n: n > 1, "96 cases: 64 mismatch, 32 match"),
        (lambda *_: True, "96 cases: 96 mismatch"),
        (lambda *_: False, "96 cases: 96 match"),
    ],
    ids=["one argument", "two", "two values", "all", "none"],
)
def test_what_the_failing_cases_have_in_common_is_said_in_a_line(failing, said):
    assert said in conclusion(record_of(*some(failing)))
    assert ("all" in said) == ("failures have" in conclusion(record_of(*some(failing))))


def of_lstm(record):
    """The record as though torch's layer were an LSTM."""
    cases = [
        replace(
            case,
            config=case.config | {"rnn": case.config["rnn"] | {"cell": "LSTM", "nonlinearity": None}},
            timing=tuple(replace(of, implementation=of.implementation.replace("RNN", "LSTM")) for of in case.timing),
            diagnosis=None,
        )
        for case in record.cases
    ]
    found = RunRecord.of(record.command, record.environment, cases, gates=record.gates or ())
    return found.changed(detail=record.detail)


@pytest.mark.parametrize(
    "record",
    [
        record_of(in_full()),
        record_of(in_full()).changed(detail=Detail.VERBOSE),
        record_of(in_full(), in_full()),
        benched(5),
        benched(4, 16),
    ],
    ids=["one", "one, verbose", "many", "bench", "bench over a range"],
)
def test_what_is_told_of_an_lstm_names_torchs_lstm(record):
    record = of_lstm(record)
    told = {"svg": picture(record, "svg").decode(), **{format: rendered(format, record) for format in FORMATS}}
    assert "nn.LSTM" in told["table"]
    assert [format for format, text in told.items() if "nn.RNN" in text] == []


def test_torchs_own_layer_compiled_has_its_ratio_beside_the_others():
    (case,) = benched(5).cases
    timing = replace(case.timing[0], implementation="nn.RNN compiled", ratio_to_reference=0.75)
    cases = [replace(case, timing=(*case.timing, timing)), *benched(7).cases]
    assert "0.75" in rendered("table", RunRecord.of("bench", {}, cases))


def test_what_one_case_has_is_not_said_to_be_in_common():
    assert conclusion(record_of(*some(lambda *_: False), case_of(Verdict.MISMATCH, run__seed=99))) == (
        "97 cases: 1 mismatch, 96 match"
    )


def test_the_diagnosis_that_all_failing_cases_have_is_said():
    fault = (Diagnosis(id="h0-ignored", evidence="e", fix="f"),)
    cases = [case_of(Verdict.MISMATCH, diagnosis=fault, run__seed=seed) for seed in range(3)]
    assert conclusion(record_of(*cases)) == "3 cases: 3 mismatch; diagnosis: h0-ignored"
    assert conclusion(record_of(*cases, case_of(Verdict.MISMATCH))).endswith("diagnosis: h0-ignored (3)")


def test_the_lines_of_the_equations_stand_in_the_table_where_no_change_of_the_candidate_does():
    equations = ("- h = 0 * rows[k]", "+ h = rows[k]")
    fault = Diagnosis(id="h0-ignored", evidence="e", fix="f", written="zeros", equations=equations)
    told = ["In manual/equations.py, wrong and right:", *equations]
    page = rendered("table", record_of(case_of(Verdict.MISMATCH, diagnosis=(fault,)))).splitlines()
    at = page.index("h0-ignored: zeros")
    assert page[at + 1 : at + 5] == [*told, "Fix: f."]
    changed = case_of(Verdict.MISMATCH, diagnosis=(replace(fault, at="my_rnn.py:3", change=("- h = 0", "+ h = h_0")),))
    assert not {*told, *equations} & set(rendered("table", record_of(changed)).splitlines())
    for lines, said in ((equations[:1], "what does not belong there"), (equations[1:], "what is missing")):
        alone = rendered("table", record_of(case_of(Verdict.MISMATCH, diagnosis=(replace(fault, equations=lines),))))
        assert f"In manual/equations.py, {said}:" in alone.splitlines()
    told[0] = f"The same {told[0].replace('In', 'in')}"
    assert set(told) < set(rendered("table", record_of(changed).changed(detail=Detail.VERBOSE)).splitlines())


def test_the_table_says_on_which_argument_it_depends():
    page = rendered("table", record_of(*some(lambda two, n: two and n > 1)))
    assert re.search(r"^bidirectional +true: 32 of 48, false: 0 of 48$", page, flags=re.M)
    assert re.search(r"^num_layers +2: 16 of 32, 3: 16 of 32, 1: 0 of 32$", page, flags=re.M)
    assert "seed" not in page.rpartition("argument")[2]


def test_one_failing_case_of_a_thousand_is_found_without_scrolling():
    cases = [case_of(run__seed=seed) for seed in range(1000)]
    wrong = case_of(Verdict.MISMATCH, reason="other values", run__seed=5000)
    page = rendered("table", record_of(*cases[:500], wrong, *cases[500:]))
    assert len(page.splitlines()) < 20
    assert page.splitlines()[0] == "mismatch  manual against nn.RNN, 1001 cases: 1 mismatch, 1000 match"
    assert page.splitlines()[2].startswith("1 case: nn.RNN(20, 40), float32")
    assert f"[{wrong.id}]" in page.splitlines()[3]
    assert "\nReplay:\nrnncli verify" in page


@pytest.mark.parametrize("format", [format for format in FORMATS if format != "csv"])
def test_every_format_says_that_a_run_is_incomplete(format):
    page = rendered(format, record_of(case_of(), missing=("3 of 4 cases have no result",)))
    if format == "jsonl":
        return  # a line is a case
    assert "3 of 4 cases have no result" in " ".join(page.split())
    assert "\N{WHITE HEAVY CHECK MARK}" not in page
    assert "::notice" not in page


# JUnit


@pytest.fixture(scope="module")
def schema():
    return xmlschema.XMLSchema(str(ROOT / "tests/junit.xsd"))


@pytest.mark.parametrize(
    "record", [hostile_run(), record_of(*some()), record_of(case_of())], ids=["hostile", "many", "one"]
)
def test_junit_is_what_ci_servers_read(schema, record):
    page = rendered("junit", record)
    schema.validate(page)
    suite = xml.fromstring(page).find("testsuite")
    counted = {name: int(suite.get(name)) for name in ("tests", "failures", "errors", "skipped")}
    assert counted == {
        "tests": len(suite.findall("testcase")),
        "failures": len(suite.findall("testcase/failure")),
        "errors": len(suite.findall("testcase/error")),
        "skipped": len(suite.findall("testcase/skipped")),
    }
    assert counted["tests"] == len(record.cases) + len(record.missing)


def test_the_schema_refuses_what_is_no_junit(schema):
    page = rendered("junit", record_of(case_of()))
    for wrong in (
        page.replace(' name="', ' nam="'),
        page.replace("<testsuite ", "<suite "),
        page.replace('="1"', '="x"'),
    ):
        assert not schema.is_valid(wrong.replace("</testsuite>", "</suite>") if "<suite " in wrong else wrong)


def test_a_case_of_junit_keeps_its_name_from_run_to_run():
    names = re.findall(r'<testcase classname="manual" name="([^"]+)"', rendered("junit", record_of(*some())))
    assert len(set(names)) == 96


# Text from elsewhere


class Elements(html.parser.HTMLParser):
    """The elements that a browser would find in a page."""

    def __init__(self, page):
        super().__init__()
        self.found = set()
        self.page = page
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.found.add((tag, bool(attributes)))


def test_every_format_but_that_of_a_log_has_a_suffix():
    assert set(FORMATS) - set(SUFFIXES.values()) == {"github"}


@pytest.mark.parametrize("format", FORMATS)
def test_a_hostile_name_stays_text(format):
    page = rendered(format, hostile_run())
    control = "[\x00-\x08\x0b-\x1f]" if format.startswith("json") else "[\x00-\x08\x0b-\x1f\x7f\u202e]"
    assert not re.search(control, page)
    check = {
        "table": lambda: None,
        "json": lambda: json.loads(page),
        "jsonl": lambda: [json.loads(line) for line in page.splitlines()],
        "junit": lambda: xml.fromstring(page),
        "markdown": lambda: markdown_is_harmless(page),
        "github": lambda: github_is_harmless(page),
        "html": lambda: html_is_harmless(page),
        "csv": lambda: csv_is_harmless(page),
    }
    check[format]()


def markdown_is_harmless(page):
    assert Elements(page).found == {("code", False)}
    for line in page.splitlines():
        if line.startswith("|"):
            assert line.count("|") in (3, 5), line
    assert not re.search(r"\]\(|@\w|://", page)


def html_is_harmless(page):
    benign = Elements(rendered("html", record_of(*(case_of(run__seed=seed) for seed in range(4)))))
    marks = {"table", "svg", "path", "h3", "ul", "li", "pre", "small", "div", "span", "button"}
    assert {tag for tag, _ in Elements(page).found} <= {tag for tag, _ in benign.found} | marks
    assert page.count("<script") == benign.page.count("<script")


def github_is_harmless(page):
    lines = page.splitlines()
    assert len(lines) == 3  # the run, the mismatch, the error
    assert all(line.startswith("::error ") for line in lines)
    for line in lines:
        head = line.split("::")[1]
        assert len(re.findall(r"(file|title)=", head)) == head.count("=") == head.count(",") + 1, head


def csv_is_harmless(page):
    rows = list(csv.reader(io.StringIO(page)))
    assert len(rows) == 5
    assert len({len(row) for row in rows}) == 1
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "  =1"])
def test_a_spreadsheet_calculates_nothing(text):
    page = rendered("csv", record_of(case_of(candidate=f"{text}/x.py:f")))
    cell = list(csv.reader(io.StringIO(page)))[1][2]
    assert cell.startswith("'")


def test_a_candidate_of_that_name_is_judged_and_reported_in_every_format(rnncli, tmp_path):
    """From the file to the page, and its traceback too."""
    folder = tmp_path / HOSTILE.partition("/")[0]
    folder.mkdir()
    file = folder / f"{HOSTILE.partition('/')[2]}.py"
    file.write_text("def f(input, h_0):\n    raise ValueError('<b>|\\x1b[31m')\n")
    lines = tmp_path / "r.jsonl"
    assert rnncli("verify", "--candidate", f"{file}:f", "--format", "jsonl", "--output", lines).code == 4
    for format in FORMATS:
        page = rnncli("report", lines, "--format", format).out
        assert "\x1b" not in page
        if format == "markdown":
            assert Elements(page).found == {("code", False)}
        if format == "junit":
            assert "<script>" in xml.fromstring(page).find(".//testcase").get("classname")


def test_github_names_the_file_of_the_candidate():
    page = rendered("github", record_of(case_of(Verdict.MISMATCH, candidate="src/my_rnn.py:RNN.forward")))
    assert "::error file=src/my_rnn.py,title=src/my_rnn.py%3ARNN.forward [" in page


def test_github_shows_no_more_than_a_step_may():
    page = rendered("github", record_of(*some()))
    assert len(page.splitlines()) == 10
    assert page.splitlines()[0] == (
        "::error title=rnncli verify::96 cases: 48 mismatch, 48 match; all 48 failures have bidirectional=true"
    )


def test_markdown_fits_a_job_summary():
    cases = [case_of(Verdict.MISMATCH, candidate=NASTY, reason=WORSE * 50, run__seed=seed) for seed in range(2000)]
    page = rendered("markdown", record_of(*cases))
    assert len(page.encode()) < 2**20
    assert "... and 1950 more" in page


@pytest.mark.parametrize(
    ("strict", "signs"),
    [
        (False, {"github": "::notice ", "markdown": "\N{WHITE HEAVY CHECK MARK}", "junit": 'failures="0"'}),
        (True, {"github": "::error ", "markdown": "\N{CROSS MARK}", "junit": 'failures="1"'}),
    ],
    ids=["as it is", "strict"],
)
def test_what_is_not_comparable_fails_under_strict_in_every_format(strict, signs):
    cases = (case_of(), case_of(Verdict.NOT_COMPARABLE, reason="it takes no dropout", run__seed=1))
    record = RunRecord.of("verify", {}, cases, strict=strict)
    assert record.passed == (not strict)
    assert record.verdict == Verdict.MATCH
    for format, sign in signs.items():
        assert sign in rendered(format, record), format
    for format in ("table", "github", "markdown", "junit", "csv"):
        assert "it takes no dropout" in rendered(format, record), format


def test_what_a_match_left_out_fails_under_strict_and_is_named_in_every_format():
    case = case_of()
    (check,) = case.checks
    left = replace(check, tensor="h_n", verdict=Verdict.NOT_COMPARABLE, reason="the candidate does not return it")
    record = RunRecord.of("verify", {}, [replace(case, checks=(check, left))], strict=True)
    assert not record.passed
    for format in ("table", "github", "markdown", "junit", "csv", "html"):
        told = " ".join(rendered(format, record).replace("&#95;", "_").split())
        assert "h_n (the candidate does not return it)" in told, format
    assert 'failures="1"' in rendered("junit", record)
    assert 'failures="0"' in rendered("junit", replace(record, strict=False))


def test_a_run_that_compared_no_output_is_no_pass_in_any_format():
    record = record_of(case_of(Verdict.NOT_COMPARABLE, reason="it takes no dropout"))
    said = "output was compared in no case, so this is no pass"
    for format in ("github", "markdown", "junit", "html"):
        assert said in rendered(format, record), format
    assert 'failures="0" errors="1"' in rendered("junit", record)


def test_strict_is_passed_on_by_the_report(rnncli, tmp_path):
    config, lines = tmp_path / "grid.yaml", tmp_path / "r.jsonl"
    config.write_text("grid: {input.batch_size: [0, 2]}")
    assert rnncli("verify", "--no-timing", config, "--format", "jsonl", "--output", lines).code == 0
    assert rnncli("report", lines).code == 0
    outcome = rnncli("report", lines, "--strict", "--format", "github")
    assert outcome.code == 1
    assert outcome.out.startswith("::error title=rnncli verify::2 cases: 1 not-comparable, 1 match; not-comparable: ")


def test_the_name_of_a_command_is_text_in_markdown():
    for command in ("<script>alert(1)</script>", "a\n::error::gone", "\x1b]0;title\x07"):
        page = rendered("markdown", replace(record_of(case_of()), command=command))
        assert "<script" not in page
        assert not any(line.startswith("::") for line in page.splitlines())
        assert all(c.isprintable() or c == "\n" for c in page)
