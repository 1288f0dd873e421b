"""The HTML report in headless Chromium: `make test-browser`. Skipped where there is none. Pictures: .screenshots/."""

from dataclasses import replace

import pytest
from conftest import ROOT
from sample_records import case_of, in_full, record_of, rendered

from docs.screenshots import browser, missing
from rnncli.core.records import Timing, Verdict

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(missing() is not None, reason=str(missing())),
]

PICTURES = ROOT / ".screenshots"
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def chromium():
    PICTURES.mkdir(exist_ok=True)
    with browser() as started:
        yield started


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A run of 250 cases, five of them mismatches, with a timing each."""
    cases = []
    for at in range(250):
        case = case_of(rnn__num_layers=1 + at % 12, rnn__bidirectional=at % 2 == 0, run__seed=at)
        ratio = Timing(
            implementation="manual", pass_="forward", median_s=1.0, iqr_s=0.1, runs=9, ratio_to_reference=at / 100
        )
        if at % 50 == 49:
            wrong = in_full()
            case = replace(wrong, id=case.id, config=case.config | {"candidate": "manual"})
        cases.append(replace(case, timing=(ratio,)))
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(rendered("html", record_of(*cases)))
    return path


@pytest.fixture
def opened(chromium, file):
    """The page, opened as it is asked for. A script that fails, or anything that is loaded, fails the test."""
    contexts = []

    def open_page(path=file, anchor="", viewport=WIDE, **options):
        context = chromium.new_context(viewport=viewport, **options)
        contexts.append(context)
        page = context.new_page()
        page.faults = []
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        page.on("console", lambda message: page.faults.append(message.text) if message.type == "error" else None)
        page.on("request", lambda request: page.faults.append(request.url) if request.url != path.as_uri() else None)
        page.goto(path.as_uri() + anchor)
        return page

    yield open_page
    for context in contexts:
        assert not [fault for page in context.pages for fault in page.faults]
        context.close()


def rows(page, column):
    """The cells of a column, in the order they are shown."""
    at = page.locator("#table thead button").all_text_contents().index(column)
    return page.locator(f"#table > tbody > tr:not(.detail) > td:nth-child({at + 1})").all_text_contents()


def search(page, text):
    page.get_by_label("Filter the cases").fill(text)


def count(page):
    return page.locator("output").text_content()


def test_failing_cases_stand_first(opened):
    page = opened()
    page.screenshot(path=PICTURES / "light.png")
    verdicts = rows(page, "verdict")
    assert verdicts == ["mismatch"] * 5 + ["match"] * 95
    assert count(page) == "1 to 100 of 250 cases"


def test_every_word_of_a_filter_must_occur(opened):
    page = opened()
    search(page, "bidirectional=FALSE mism")
    assert count(page) == "5 of 250 cases"
    assert set(rows(page, "bidirectional")) == {"false"}
    search(page, "bidirectional=true mismatch")
    assert count(page) == "0 of 250 cases"


def test_a_value_that_is_given_whole_is_that_value(opened):
    page = opened()
    search(page, "num_layers=1")
    assert set(rows(page, "num_layers")) == {"1"}
    search(page, "num_layers=1 seed=12")
    assert rows(page, "seed") == ["12"]


@pytest.mark.parametrize(
    ("text", "count_"),
    [
        ("num_layers>=12", "20 of 250 cases"),
        ("num_layers!=1 num_layers<2.5", "21 of 250 cases"),
        ("rnn.num_layers==2", "21 of 250 cases"),
        ("input_size=20", "1 to 100 of 250 cases"),
        ("input_size=3", "0 of 250 cases"),
        ("input_size>30", "0 of 250 cases"),
        ("match", "1 to 100 of 245 of 250 cases"),
        ("num_layers=", "1 to 100 of 250 cases"),
        ("nothing=1", "0 of 250 cases"),
    ],
)
def test_the_conditions_of_the_command_line_hold_here(opened, text, count_):
    page = opened()
    search(page, text)
    assert count(page) == count_


def test_a_filter_begins_at_the_first_page(opened):
    page = opened()
    page.get_by_role("button", name="later").click()
    search(page, "match")
    assert count(page) == "1 to 100 of 245 of 250 cases"


def test_a_verdict_can_be_picked_and_dropped(opened):
    page = opened()
    page.get_by_role("button", name="mismatch 5").click()
    assert count(page) == "5 of 250 cases"
    page.get_by_role("button", name="match 245", exact=True).click()
    assert count(page) == "1 to 100 of 245 of 250 cases"
    page.get_by_role("button", name="match 245", exact=True).click()
    assert count(page) == "1 to 100 of 250 cases"


def test_an_argument_can_be_chosen(opened):
    page = opened()
    page.get_by_text("By argument").click()
    page.get_by_label("num_layers").select_option("7")
    assert set(rows(page, "num_layers")) == {"7"}
    page.get_by_label("num_layers").select_option("any")
    assert count(page) == "1 to 100 of 250 cases"


def test_a_column_sorts_by_number_and_back(opened):
    page = opened()
    head = page.get_by_role("columnheader", name="manual, forward")
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert [float(cell) for cell in rows(page, "manual, forward")] == [at / 100 for at in range(1, 101)]
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    assert [float(cell) for cell in rows(page, "manual, forward")][:3] == [2.49, 2.48, 2.47]


def test_the_table_is_shown_a_page_at_a_time_or_whole(opened):
    page = opened()
    page.get_by_role("button", name="later").click()
    page.get_by_role("button", name="later").click()
    assert count(page) == "201 to 250 of 250 cases"
    assert page.get_by_role("button", name="later").is_disabled()
    page.get_by_role("button", name="on one page").click()
    assert count(page) == "250 cases"
    assert len(rows(page, "case")) == 250


def test_a_case_opens_with_everything_and_closes(opened):
    page = opened()
    first = page.locator("button.id").first
    first.click()
    detail = page.locator("tr.detail article")
    detail.wait_for()
    page.screenshot(path=PICTURES / "opened.png", full_page=True)
    for said in ("Diagnosis: h0-ignored", "Replay", "Error of output over time", "Shapes", "Timing"):
        assert said in detail.text_content()
    assert first.get_attribute("aria-expanded") == "true"
    first.click()
    assert not page.locator("tr.detail").count()


def test_what_opens_is_the_case_of_the_row(opened):
    page = opened()
    search(page, "seed=137")
    page.locator("button.id").click()
    page.locator("tr.detail article").wait_for()
    assert "seed 137" in page.locator("tr.detail").text_content()


def test_an_open_case_stays_open_through_a_filter(opened):
    page = opened()
    page.locator("button.id").first.click()
    page.locator("tr.detail article").wait_for()
    search(page, "mismatch")
    page.locator("tr.detail article").wait_for()
    assert page.locator("tr.detail").count() == 1


def test_an_address_opens_its_case(opened):
    page = opened()
    search(page, "seed=249")
    id = rows(page, "case")[0]
    other = opened(anchor=f"#{id}")
    other.locator("tr.detail article").wait_for()
    assert other.locator(f"button.id:text-is('{id}')").get_attribute("aria-expanded") == "true"
    assert other.locator(f"button.id:text-is('{id}')").is_visible()


def test_the_keyboard_alone_is_enough(opened):
    page = opened()
    page.keyboard.press("/")
    page.keyboard.type("mismatch")
    assert count(page) == "5 of 250 cases"
    page.keyboard.press("Escape")
    assert count(page) == "1 to 100 of 250 cases"
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('button.id')"):
            break
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.locator("tr.detail article").wait_for()
    assert page.locator("button.id").nth(1).get_attribute("aria-expanded") == "true"
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.textContent") == rows(page, "case")[0]


def test_without_scripts_the_first_cases_are_readable(opened):
    page = opened(java_script_enabled=False)
    page.screenshot(path=PICTURES / "without-scripts.png")
    assert page.get_by_text("The first 10 of 250").is_visible()
    assert page.get_by_text("Diagnosis: h0-ignored").first.is_visible()


@pytest.mark.parametrize("path", ["many", "one"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_it_without_scrolling_aside(opened, file, tmp_path, scheme, path):
    if path == "one":
        file = tmp_path / "one.html"
        file.write_text(rendered("html", record_of(in_full())))
    page = opened(file, viewport=NARROW, color_scheme=scheme)
    if path == "many":
        page.locator("button.id").first.click()
        page.locator("tr.detail article").wait_for()
    page.screenshot(path=PICTURES / f"narrow-{path}-{scheme}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


SPOILT = """() => {
  const found = [];
  const text = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  while (text.nextNode()) {
    const node = text.currentNode;
    if (!node.parentElement.checkVisibility() || node.parentElement.closest("svg")) continue;
    for (const word of node.textContent.matchAll(/[\\p{L}\\p{N}_]+/gu)) {
      range.setStart(node, word.index);
      range.setEnd(node, word.index + word[0].length);
      const lines = new Set([...range.getClientRects()].filter((box) => box.width).map((box) => Math.round(box.top)));
      if (lines.size > 1) found.push(`broken: ${word[0]}`);
    }
  }
  for (const element of document.body.querySelectorAll("*")) {
    if (!element.checkVisibility() || element.closest("svg")) continue;
    const name = element.outerHTML.slice(0, 80);
    if (element.getBoundingClientRect().right > innerWidth) found.push(`beyond the page: ${name}`);
    const cut = getComputedStyle(element).overflowX !== "visible" && element.scrollWidth > element.clientWidth;
    if (cut) found.push(`clipped: ${name}`);
  }
  return found;
}"""


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("path", ["many", "one", "long"])
def test_nothing_is_clipped_or_broken_inside_a_word(opened, file, tmp_path, viewport, path):
    if path != "many":
        file = tmp_path / "report.html"
        name = "a_recurrent_network_written_by_hand/" * 3 + "my_rnn.py:f"
        trace = f'Traceback (most recent call last):\n  File "/home/somebody/{name}", line 4711, in forward\n' * 2
        long = case_of(candidate=name, error=trace)
        wrong = replace(in_full(), config=long.config, replay=f"rnncli verify --no-bidirectional --candidate {name}")
        file.write_text(rendered("html", record_of(*([in_full()] if path == "one" else [long, wrong, case_of()]))))
    page = opened(file, viewport=viewport)
    if path != "one":
        page.locator(".members summary").first.click()
        page.locator(".members button.id").first.click()
        page.locator(".members tr.detail article").wait_for()
        page.locator("#table button.id").first.click()
        page.locator("#table tr.detail article").wait_for()
    page.screenshot(path=PICTURES / f"{path}-{viewport['width']}.png", full_page=True)
    assert page.evaluate(SPOILT) == []


def test_the_failures_are_in_the_first_screen_with_the_fix(opened):
    page = opened()
    fix = page.get_by_text("Fix: start from h_0")
    assert page.locator(".group").count() == 1
    assert page.locator(".group h3").text_content() == "h0-ignored 5 cases"
    assert fix.bounding_box()["y"] < WIDE["height"] / 2
    assert page.get_by_text("What was compared").bounding_box()["x"] > WIDE["width"] / 2


def test_the_cases_of_a_group_open_in_it(opened):
    page = opened()
    page.locator(".members summary").click()
    cases = page.locator(".members button.id")
    assert cases.all_text_contents() == rows(page, "case")[:5]
    assert page.locator(".members thead th").all_text_contents() == ["case", "num_layers", "seed", "manual, forward"]
    cases.nth(1).click()
    page.locator(".members tr.detail article").wait_for()
    page.screenshot(path=PICTURES / "group.png")
    assert "seed 99" in page.locator(".members tr.detail").text_content()
    cases.nth(1).click()
    assert not page.locator("tr.detail").count()


def test_the_table_can_show_a_group_alone(opened):
    page = opened()
    page.locator(".members summary").click()
    page.get_by_role("button", name="show all 5 in the table").click()
    assert count(page) == "5 of 250 cases"
    assert 0 <= page.locator("output").bounding_box()["y"] < WIDE["height"]  # it has scrolled there
    page.get_by_role("button", name="only h0-ignored 5 cases").click()
    assert count(page) == "1 to 100 of 250 cases"
    assert not page.get_by_role("button", name="only h0-ignored").is_visible()


def test_a_replay_command_is_copied_as_one_line(opened):
    page = opened(permissions=["clipboard-read", "clipboard-write"])
    page.locator(".group .copy").click()
    page.get_by_role("button", name="copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == "rnncli verify --candidate my_rnn.py:f"


CONTRAST = """() => {
  const channel = (value) => value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const luminance = (color) => {
    const [r, g, b] = color.match(/[\\d.]+/g).map((value) => channel(value / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    while (element && getComputedStyle(element).backgroundColor === "rgba(0, 0, 0, 0)") element = element.parentElement;
    return getComputedStyle(element || document.body).backgroundColor;
  };
  const told = document.querySelectorAll("h1, p, td, th, small, li, button:enabled, summary, figcaption, code");
  return [...told].map((element) => {
    const [one, other] = [luminance(getComputedStyle(element).color), luminance(behind(element))];
    return [(Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05), element.outerHTML.slice(0, 80)];
  }).filter(([ratio]) => ratio < 4.5);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(opened, scheme):
    page = opened(color_scheme=scheme)
    page.locator("button.id").first.click()
    page.locator("tr.detail article").wait_for()
    page.screenshot(path=PICTURES / f"{scheme}.png")
    assert page.evaluate(CONTRAST) == []


def test_the_two_schemes_differ(opened):
    grounds = [
        opened(color_scheme=scheme).evaluate("getComputedStyle(document.body).backgroundColor")
        for scheme in ("light", "dark")
    ]
    assert grounds == ["rgb(255, 255, 255)", "rgb(13, 17, 23)"]


def test_on_paper_it_is_dark_on_white_and_without_controls(opened):
    page = opened(color_scheme="dark")
    page.locator("button.id").first.click()
    page.locator("tr.detail article").wait_for()
    page.emulate_media(media="print")
    page.pdf(path=PICTURES / "paper.pdf")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.get_by_label("Filter the cases").is_visible()
    assert page.locator("output").is_visible()  # how many of the cases are on paper
    assert page.locator("tr.detail").get_by_text("Diagnosis: h0-ignored").is_visible()
    assert page.locator("tr.detail").get_by_role("columnheader", name="nn.RNN's own").first.is_visible()


def test_text_from_elsewhere_runs_nothing(opened, tmp_path):
    evil = "<img src=x onerror=document.title='run'></script><script>document.title='run'</script>"
    cases = [case_of(Verdict.MISMATCH, candidate=f"{evil}.py:f", reason=evil, run__seed=seed) for seed in range(3)]
    file = tmp_path / "evil.html"
    file.write_text(rendered("html", record_of(*cases, missing=(evil,))))
    page = opened(file)
    page.locator("button.id").first.click()
    page.locator("tr.detail article").wait_for()
    assert page.title() != "run"
    assert evil in page.locator("tr.detail").text_content()
