"""The page in its formats. To accept a change: GOLDEN=write make test, and read the diff."""

import os
import re
from html.parser import HTMLParser

import pytest
from cases import CASES, CONFIGS
from conftest import ROOT
from levels import one_in

from rnncli.cli.output import PLAIN_CHARACTERS
from rnncli.explain import FORMATS, renderer
from rnncli.explain.explanation import explain
from rnncli.explain.html import SCALES
from rnncli.explain.table import WIDEST, WIDTH, lines

FIRST = "test_no_line_is_wider_than_the_page"
every_case = pytest.mark.parametrize("case", one_in(3, CASES.values(), FIRST, 2), ids=list(CASES))
GOLDEN = {f"explain_{path.stem}": (path,) for path in CONFIGS} | {
    "explain_two_layers_both_directions": ("--layers", 2, "--bidirectional"),
    "explain_packed_long": ("--layout", "packed", "--seq-len", 40, "--batch-first"),
    "explain_gru": ("--cell", "gru", "--bidirectional"),
    "explain_markdown": ("--layers", 2, "--bidirectional", "--format", "markdown"),
}


@pytest.mark.parametrize(("name", "arguments"), GOLDEN.items(), ids=list(GOLDEN))
def test_the_page_to_the_letter(rnncli, name, arguments):
    shown = rnncli("explain", *arguments).out
    golden = ROOT / "tests" / "golden" / f"{name}.txt"
    if os.environ.get("GOLDEN") == "write":
        golden.write_text(shown)
    assert shown == golden.read_text()


@every_case
def test_no_line_is_wider_than_the_page(case):
    for width in (WIDTH, 100, WIDEST):
        for text, _ in lines(explain(case), width):
            assert len(text) <= width, text


def test_a_short_sequence_is_shown_whole_and_a_long_one_as_far_as_the_terminal_is_wide():
    assert list(lines(explain(CASES["default"])))[5][0].split() == ["t=0", "t=1", "t=2", "t=3", "t=4"]
    page = explain(CASES["long"])
    shown = [sum("t=" in word for word in list(lines(page, width))[5][0].split()) for width in (WIDTH, WIDEST)]
    assert shown[0] < shown[1]


@every_case
def test_every_character_has_a_plain_one_for_an_ascii_terminal(case):
    "".join(renderer("table")(explain(case))).translate(PLAIN_CHARACTERS).encode("ascii")


def test_the_picture_comes_first_and_the_code_last():
    titles = [section.title for section in explain(CASES["default"]).sections]
    assert titles == [
        "Unrolled: time to the right, layers upwards",
        "One step of layer 0, forward",
        "What is what",
        "The eight arguments",
        "The same in code",
    ]


@every_case
def test_markdown_closes_its_fences_and_every_row_of_a_table_has_all_its_cells(case):
    text = "".join(renderer("markdown")(explain(case)))
    assert text.count("```") % 2 == 0
    for table in re.findall(r"(?:^\|.*\n)+", text, flags=re.M):
        assert len({row.count("|") for row in table.splitlines()}) == 1, table


class Page(HTMLParser):
    """The elements of a page that open and never close, and all attributes."""

    VOID = frozenset({"meta", "rect", "path", "th", "td", "tr"})

    def __init__(self, text):
        super().__init__()
        self.open, self.attributes, self.tags = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@every_case
def test_the_html_page_is_whole_and_loads_nothing(case):
    text = "".join(renderer("html")(explain(case)))
    page = Page(text)
    assert not page.open
    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    assert not [found for found in page.attributes if found[1] in ("src", "href", "onclick")]
    assert "url(" not in text.replace("url(#", "")
    assert text.isascii()
    assert "@media (prefers-color-scheme: dark) {" in text
    assert page.tags.count("svg") == len(SCALES)
    assert text.count(f'aria-label="The {case.cell.name} unrolled') == len(SCALES)


def test_the_svg_marks_the_states_that_h_n_holds():
    text = "".join(renderer("html")(explain(CASES["bidirectional"])))
    wide = text.partition('<svg class="wide"')[2].partition("</svg>")[0]
    finals = {kind: re.findall(rf'"{kind} final" x="([\d.]+)"', wide) for kind in ("forward", "reverse")}
    times = re.findall(r'x="([\d.]+)" y="17">t=', wide)
    for kind, found in finals.items():
        assert len(found) == CASES["bidirectional"].rnn.num_layers
        assert {float(x) + 17 for x in found} == {float(times[0 if kind == "reverse" else -1])}


def test_the_format_follows_the_suffix_of_the_file(rnncli, tmp_path):
    starts = {"a.html": "<!doctype html>", "a.md": "# nn.RNN(20, 40)", "a.txt": "nn.RNN(20, 40)\n"}
    for name, start in starts.items():
        outcome = rnncli("explain", "--output", tmp_path / name)
        assert (outcome.code, outcome.out, outcome.err) == (0, "", "")
        assert (tmp_path / name).read_text().startswith(start)
    assert rnncli("explain", "--output", tmp_path / "b.html", "--format", "markdown").code == 0
    assert (tmp_path / "b.html").read_text().startswith("# ")


def test_one_line_is_one_line_on_stdout_by_name_too(rnncli):
    assert rnncli("explain", "-q", "-o", "-").out == rnncli("explain", "-q").out
    assert rnncli("explain", "-q").out.count("\n") == 1


def test_a_format_there_is_not_is_told(rnncli):
    outcome = rnncli("explain", "--format", "htm")
    assert outcome.code == 2
    assert (
        outcome.err == 'rnncli: --format: "htm" is not allowed (did you mean html?); allowed: table, markdown, html\n'
    )
    assert FORMATS == ("table", "markdown", "html")


def test_of_a_grid_the_first_case_is_explained_and_flags_choose_another(rnncli):
    outcome = rnncli("explain", "configs/smoke.yaml")
    assert "configs/smoke.yaml is a grid of 96 cases; this is its first, --no-bidirectional" in outcome.err
    assert outcome.out.startswith("nn.RNN(3, 5, num_layers=2, dropout=0.4)\n")
    chosen = rnncli("explain", "configs/smoke.yaml", "--bidirectional", "--no-bias")
    assert "grid of 24 cases" in chosen.err
    assert chosen.out.startswith("nn.RNN(3, 5, num_layers=2, bias=False, dropout=0.4, bidirectional=True)\n")


@pytest.mark.parametrize("argument", ["--layers", "--hidden-size", "--input-size", "--seq-len"])
def test_a_size_of_zero_is_told(rnncli, argument):
    outcome = rnncli("explain", argument, 0)
    assert outcome.code == 2
    assert re.fullmatch(rf"rnncli: {argument}: 0 is not allowed; allowed: an integer from 1 to \d+\n", outcome.err)


def test_the_commands_of_the_page_about_it_parse(rnncli):
    commands = re.findall(r"^rnncli (explain .*)$", (ROOT / "docs/explain.md").read_text(), flags=re.M)
    assert len(commands) == 7
    for command in commands:
        outcome = rnncli(*command.partition("--output")[0].split(), "--format", "html")
        assert outcome.code == 0, (command, outcome.err)


def test_what_has_no_effect_is_warned_of(rnncli):
    assert "warning: dropout 0.5 does nothing with num_layers 1" in rnncli("explain", "--dropout", 0.5).err
