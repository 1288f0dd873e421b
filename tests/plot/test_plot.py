"""--plot: what is in a picture, what is refused before any work is done, and what a failure leaves."""

import errno
import math
import sys
import xml.etree.ElementTree as xml
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import matplotlib
import pytest
from matplotlib.artist import Artist

from rnncli.core.case import Case, changed_by
from rnncli.core.records import CaseRecord, Check, Failure, Growth, Location, RunRecord, Timing, Verdict
from rnncli.plot import bench, over_time, picture
from rnncli.plot.over_time import MOST_CASES, MOST_POINTS
from rnncli.plot.page import settings

SVG = "{http://www.w3.org/2000/svg}"
FIRST = Location(layer=0, direction="forward", time=2, batch=0, unit=1)
WORST = Location(layer=0, direction="reverse", time=1, batch=0, unit=1)


class Drawn:
    """What is in a picture: the ids of what is drawn, and its texts."""

    def __init__(self, record: RunRecord) -> None:
        self.bytes = picture(record, "svg")
        self.root = xml.fromstring(self.bytes)
        self.ids = [element.get("id", "") for element in self.root.iter()]
        self.texts = ["".join(element.itertext()) for element in self.root.iter(f"{SVG}text")]

    def kinds(self, *kinds: str) -> set[str]:
        """The ids that are of a kind."""
        return {id for id in self.ids if id.partition("-")[0] in kinds or id.rpartition("-")[0] in kinds}

    def points(self, id: str) -> int:
        """How many points the line of an id has."""
        (group,) = (element for element in self.root.iter() if element.get("id") == id)
        return len([command for command in group.find(f"{SVG}path").get("d").split() if command in "ML"])


def check(stage="algorithm", verdict=Verdict.MATCH, **over_time) -> Check:
    dtype = "float64" if stage == "algorithm" else "float32"
    course = {"error_by_step": {"forward": (1e-16, 2e-16, 1e-16)}, **over_time}
    return Check(tensor="output", stage=stage, dtype=dtype, verdict=verdict, policy="envelope", **course)


def case_of(*checks, candidate="manual", error=None, **changes) -> CaseRecord:
    case = changed_by(Case.model_validate({"candidate": candidate}), changes)
    wrong = any(check.verdict == Verdict.MISMATCH for check in checks)
    verdict = None if error else Verdict.MISMATCH if wrong else Verdict.MATCH
    return CaseRecord(
        id=case.id,
        config=case.config,
        verdict=verdict,
        checks=checks or None,
        error=Failure(kind="candidate", message=error) if error else None,
    )


def verified(*cases) -> RunRecord:
    return RunRecord.of("verify", {}, cases)


BOTH_WAYS = {"forward": (1e-7, 2e-7, 0.5), "reverse": (0.25, 1e-7, 1e-7)}
WRONG = (
    check(verdict=Verdict.MISMATCH, error_by_step=BOTH_WAYS, first_divergence=FIRST, worst=WORST),
    check(
        "precision",
        Verdict.MISMATCH,
        error_by_step=BOTH_WAYS,
        reference_error_by_step={"forward": (1e-7,) * 3, "reverse": (2e-7,) * 3},
        allowed_by_step={"forward": (1e-6,) * 3, "reverse": (3e-6,) * 3},
    ),
)


# The error over time


def artists(module, record: RunRecord) -> dict[str, Artist]:
    """What is drawn, by its id."""
    with settings():
        found = module.figure(record).findobj(lambda artist: artist.get_gid())
    return {artist.get_gid(): artist for artist in found}


def test_each_value_is_drawn_at_its_time_and_power_of_ten():
    course = {"forward": (0.0, 1e-3, None, 1e-5)}
    case = case_of(check("precision", error_by_step=course, allowed_by_step={"forward": (1e-4, None, 1e-4, 1e-4)}))
    drawn = artists(over_time, verified(case))
    line = drawn[f"error-precision-forward-{case.id}"]
    assert list(line.get_xdata()) == [0, 1, 2, 3]
    assert list(line.get_ydata()) == pytest.approx([-6, -3, math.nan, -5], nan_ok=True)
    broken = drawn[f"error-precision-forward-{case.id}-not-finite"]
    assert (list(broken.get_xdata()), list(broken.get_ydata())) == ([2], [-2])
    top = line.axes.get_ylim()[1]
    assert top > -2
    edge = drawn[f"allowed-precision-forward-{case.id}-edge"]
    assert list(edge.get_ydata()) == pytest.approx([-4, -4, top, -4, -4, -4])


def test_what_is_written_beside_an_axis_has_room():
    case = case_of(check(error_by_step={"forward": (0.0, 1e-16, 1.0, None)}))
    places = sorted(artists(over_time, verified(case))[f"error-algorithm-forward-{case.id}"].axes.get_yticks())
    assert min(after - before for before, after in pairwise(places)) > 1.5


def test_each_direction_and_stage_has_a_panel_with_what_is_known_of_it():
    case = case_of(*WRONG)
    drawn = Drawn(verified(case))
    assert drawn.kinds("error", "reference", "worst") | drawn.kinds("allowed") >= {
        f"error-algorithm-forward-{case.id}",
        f"error-algorithm-reverse-{case.id}",
        f"error-precision-forward-{case.id}",
        f"error-precision-reverse-{case.id}",
        f"reference-precision-forward-{case.id}",
        f"reference-precision-reverse-{case.id}",
        f"allowed-precision-forward-{case.id}",
        f"allowed-precision-reverse-{case.id}",
    }
    assert not [id for id in drawn.ids if id.startswith(("reference-algorithm", "allowed-algorithm"))]


def test_the_first_divergence_and_the_worst_place_are_marked_where_they_are():
    case = case_of(*WRONG)
    marks = [id for id in Drawn(verified(case)).ids if id.startswith(("first-divergence", "worst"))]
    assert sorted(marks) == [f"first-divergence-algorithm-forward-{case.id}", f"worst-algorithm-reverse-{case.id}"]


def test_the_numbers_stand_beside_the_lines():
    text = " ".join(Drawn(verified(case_of(*WRONG))).texts)
    assert "largest error 5.0e-01 at t=2" in text
    assert "there nn.RNN's own 2.0e-07, allowed 3.0e-06" in text
    assert "first divergence at t=2, sequence=0, unit=1" in text
    assert "manual against nn.RNN(20, 40), batched, h_0 random, float32" in text
    assert "mismatch: output" in text


def test_an_error_of_zero_and_one_that_is_not_finite_have_places_of_their_own():
    case = case_of(check(error_by_step={"forward": (0.0, 1e-16, None, 1e-16)}))
    drawn = Drawn(verified(case))
    assert {"0", "not finite"} <= set(drawn.texts)
    assert f"error-algorithm-forward-{case.id}-not-finite" in drawn.ids
    assert "not finite at 1 of 4 steps, first at t=2" in drawn.texts
    plain = Drawn(verified(case_of(check())))
    assert not {"0", "not finite"} & set(plain.texts[1:]) - {"0"}
    assert not [id for id in plain.ids if id.endswith("not-finite")]


def test_an_empty_batch_has_nothing_to_draw():
    assert picture(verified(case_of(check(error_by_step=None))), "svg") is None


@pytest.mark.parametrize(
    "error",
    [(0.0,) * 3, (1e-7,), (None,), (1e-320, 1e300), (0.0, None)],
    ids=["no error", "one step", "nothing finite", "the whole range", "neither"],
)
def test_whatever_the_errors_are_there_is_a_picture(error):
    allowed = {"forward": (None,) * len(error)}
    record = verified(case_of(check("precision", error_by_step={"forward": error}, allowed_by_step=allowed)))
    assert [id for id in Drawn(record).ids if id.startswith("error-precision-forward")]


def test_many_steps_are_drawn_as_the_largest_of_several():
    error = tuple(1e-7 * (1 + step % 7) for step in range(2000))
    case = case_of(check(error_by_step={"forward": error}))
    drawn = Drawn(verified(case))
    assert 100 < drawn.points(f"error-algorithm-forward-{case.id}") <= MOST_POINTS + 1
    assert "time step t (a point: of 4 steps, the one with most error for what is allowed)" in drawn.texts
    assert len(drawn.bytes) < 100_000


def test_of_many_cases_the_failing_ones_come_first():
    right = [case_of(check(), **{"run.seed": seed}) for seed in range(8)]
    wrong = case_of(*WRONG, **{"run.seed": 99})
    drawn = Drawn(verified(*right, wrong))
    ids = [id.rpartition("-")[2] for id in drawn.ids if id.startswith("error-algorithm-forward")]
    assert ids == [wrong.id, *(case.id for case in right[: MOST_CASES - 1])]
    assert "6 of 9 cases, failing ones first" in drawn.texts
    assert any("9 cases: 1 mismatch, 8 match" in text for text in drawn.texts)


def test_a_case_without_an_error_over_time_leaves_its_place_to_the_next():
    failed = case_of(error="it hangs", **{"run.seed": 1})
    assert picture(verified(failed), "svg") is None
    drawn = Drawn(verified(failed, case := case_of(check())))
    assert f"error-algorithm-forward-{case.id}" in drawn.ids


@pytest.mark.exhaustive(twin="test_whatever_the_errors_are_there_is_a_picture", pool="long")
def test_the_same_record_gives_the_same_bytes_whatever_the_settings_of_the_user(monkeypatch):
    record = verified(case_of(*WRONG))
    before = {format: picture(record, format) for format in ("svg", "png", "pdf")}
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")
    for name, value in {"figure.facecolor": "red", "lines.linewidth": 9.0, "svg.hashsalt": None}.items():
        monkeypatch.setitem(matplotlib.rcParams, name, value)
    assert {format: picture(record, format) for format in before} == before
    assert matplotlib.rcParams["figure.facecolor"] == "red"


def test_text_from_elsewhere_stays_text():
    name = "<b>$x^2$&\x1b\x07 \N{CJK UNIFIED IDEOGRAPH-65E5}.py:f"
    text = " ".join(Drawn(verified(case_of(check(), candidate=name))).texts)
    assert "<b>$x^2$&   \N{CJK UNIFIED IDEOGRAPH-65E5}.py:f against nn.RNN" in " ".join(text.split(" "))


# Times


def timing(name, pass_="forward", ratio=1.0, seconds=1.0, **more) -> Timing:
    figures = {"ratio_to_reference": ratio, "ratio_low": ratio * 0.9, "ratio_high": ratio * 1.1, **more}
    return Timing(implementation=name, pass_=pass_, median_s=seconds, iqr_s=seconds / 10, runs=9, **figures)


def timed(*timings, candidate="manual", **changes) -> CaseRecord:
    return replace(case_of(candidate=candidate, **changes), verdict=None, timing=timings)


def test_one_case_has_a_bar_with_its_spread_for_each_implementation_and_pass():
    case = timed(
        timing("nn.RNN"),
        timing("manual", ratio=0.87, seconds=0.002),
        timing("manual", "inference", ratio=3.0, ratio_low=1.0),
        timing("a.py:f", ratio=2.0, wrong=True),
        candidate="a.py:f",
    )
    drawn = Drawn(RunRecord.of("bench", {"threads": 2}, [case]))
    for kind in ("bar", "spread"):
        assert {id for id in drawn.ids if id.startswith(kind)} == {
            f"{kind}-forward-0-nn.RNN",
            f"{kind}-forward-0-manual",
            f"{kind}-inference-0-manual",
            f"{kind}-forward-0-a.py:f",
        }
    assert "0.87 (0.78 to 0.96), 2 ms" in drawn.texts
    assert "~3.00 (1.00 to 3.30), 1 s" in drawn.texts
    assert "candidate WRONG" in drawn.texts
    assert any("2 threads" in text for text in drawn.texts)


def test_bars_reach_from_nn_rnn_to_the_ratio():
    case = timed(timing("nn.RNN"), timing("manual", ratio=0.5), timing("bmm", ratio=3.0, ratio_low=2.0))
    drawn = artists(bench, RunRecord.of("bench", {}, [case]))
    bars = {name: drawn[f"bar-forward-0-{name}"] for name in ("manual", "bmm")}
    assert {name: (bar.get_x(), bar.get_x() + bar.get_width()) for name, bar in bars.items()} == {
        "manual": (1, 0.5),
        "bmm": (1, 3),
    }
    assert list(drawn["spread-forward-0-bmm"].get_xdata()) == pytest.approx([2.0, 3.3])


def range_of(sizes, batches=(10,)) -> RunRecord:
    cases = [
        timed(
            timing("nn.RNN", seconds=0.001 * size),
            timing("manual", seconds=0.002 * size, wrong=True if size == 4 else None),
            **{"input.seq_len": size, "input.batch_size": batch},
        )
        for batch in batches
        for size in sizes
    ]
    growth = (Growth(implementation="manual", pass_="forward", exponents={"seq_len": 0.98}),)
    return RunRecord.of("bench", {"threads": 1}, cases, growth=growth)


def test_what_is_not_drawn_is_said():
    case = replace(timed(timing("manual")), warnings=("a.py:f is a mismatch in output: it is not timed",))
    failed = replace(timed(), id="other", error=Failure(kind="candidate", message="boom"), timing=None)
    said = " ".join(Drawn(RunRecord.of("bench", {}, [case, failed])).texts)
    assert "1 of 2 cases failed and are not drawn" in said
    assert "a.py:f is a mismatch in output: it is not timed" in said


def test_a_range_has_a_line_with_its_band_for_each_implementation():
    drawn = Drawn(range_of((2, 4, 8)))
    lines = {id for id in drawn.ids if id.startswith(("line-", "band-", "wrong-"))}
    assert lines == {
        "line-forward-0-nn.RNN",
        "line-forward-0-manual",
        "band-forward-0-nn.RNN",
        "band-forward-0-manual",
        "wrong-forward-0-manual",
    }
    assert drawn.points("line-forward-0-manual") == 3
    assert "manual WRONG: 16 ms at 8, seq_len^0.98" in drawn.texts
    assert "nn.RNN: 8 ms at 8" in drawn.texts
    assert {"2", "4", "8", "seq_len"} <= set(drawn.texts)


def test_the_line_is_of_medians_and_the_band_as_wide_as_the_spread():
    drawn = artists(bench, range_of((2, 4, 8)))
    line = drawn["line-forward-0-manual"]
    assert (list(line.get_xdata()), list(line.get_ydata())) == ([2, 4, 8], pytest.approx([0.004, 0.008, 0.016]))
    corners = drawn["band-forward-0-manual"].get_paths()[0].vertices
    assert {round(seconds, 6) for size, seconds in corners if size == 8} == {0.0152, 0.0168}


def test_a_second_range_has_a_column_for_each_of_its_sizes():
    drawn = Drawn(range_of((2, 4, 8), (1, 16)))
    assert {"line-forward-0-manual", "line-forward-1-manual"} <= set(drawn.ids)
    assert {"forward, batch_size 1", "forward, batch_size 16"} <= set(drawn.texts)


def test_more_columns_than_there_is_room_for_are_said_to_be_left_out():
    drawn = Drawn(range_of((2, 4, 8, 16, 32, 64), (1, 2, 3, 4, 5, 6)))
    assert "line-forward-3-manual" in drawn.ids
    assert "line-forward-4-manual" not in drawn.ids
    assert "2 more panels are left out" in " ".join(drawn.texts)


def test_a_run_that_is_incomplete_says_so():
    record = replace(range_of((2, 4)), missing=("interrupted: 2 of 9 passes were timed",))
    assert any("INCOMPLETE: interrupted: 2 of 9" in text for text in Drawn(record).texts)


# From the command line

VERIFY = ("verify", "--no-timing", "--no-gradients", "--device", "cpu")
BENCH = ("bench", "--min-run-time", "0.001", "--device", "cpu", "--only", "manual", "--no-gradients")


@pytest.mark.parametrize(("suffix", "magic"), [("svg", b"<?xml"), ("png", b"\x89PNG"), ("PDF", b"%PDF")])
@pytest.mark.parametrize("command", [VERIFY, BENCH], ids=["verify", "bench"])
def test_the_picture_is_written_beside_the_report(rnncli, tmp_path, command, suffix, magic):
    plot, output = tmp_path / f"drawn.{suffix}", tmp_path / "report.json"
    outcome = rnncli(*command, "--plot", plot, "--format", "json", "--output", output)
    assert outcome.code == 0
    assert plot.read_bytes().startswith(magic)
    assert output.exists()
    assert outcome.err.endswith(f"rnncli: wrote {plot}\n")
    assert sorted(tmp_path.iterdir()) == sorted([plot, output])


def test_the_envelope_is_drawn_though_no_verdict_needs_it(rnncli, tmp_path):
    plot = tmp_path / "drawn.svg"
    assert rnncli(*VERIFY, "--bidirectional", "--plot", plot).code == 0
    ids = [element.get("id", "") for element in xml.parse(plot).iter()]
    assert len([id for id in ids if id.startswith("allowed-") and not id.endswith("-edge")]) == 4


def test_many_cases_have_one_picture(rnncli, tmp_path):
    plot, config = tmp_path / "drawn.svg", tmp_path / "c.yaml"
    config.write_text("grid: {input.seq_len: [1, 2, 3]}\nrun: {gradients: false, device: cpu}\n")
    assert rnncli("verify", config, "--jobs", 1, "--plot", plot).code == 0
    ids = [element.get("id", "") for element in xml.parse(plot).iter()]
    assert len([id for id in ids if id.startswith("error-precision-forward-")]) == 3


def test_a_candidate_that_cannot_run_leaves_nothing_to_draw(rnncli, tmp_path):
    file, plot = tmp_path / "mine.py", tmp_path / "drawn.svg"
    file.write_text("def f(input, h_0, params, case):\n    raise ValueError('no')\n")
    outcome = rnncli(*VERIFY, "--candidate", f"{file}:f", "--plot", plot)
    assert outcome.code == 4
    assert f"rnncli: --plot: no case has an error over time: {plot} is not written" in outcome.err
    assert not plot.exists()


@pytest.fixture
def nothing_runs(monkeypatch):
    """A case that is run after all fails the test."""

    def run(*_):
        raise AssertionError("a case was run")

    for name in (
        "rnncli.pipeline.verify.verify",
        "rnncli.pipeline.verify.largest",
        "rnncli.pipeline.bench.Bench.steps",
    ):
        monkeypatch.setattr(name, run)


REFUSED = {
    "no suffix": ("drawn", "does not say which kind of picture; allowed: a file that ends in .svg, .png, .pdf"),
    "another suffix": ("drawn.jpg", "drawn.jpg does not say which kind of picture; allowed: a file that ends in .svg"),
    "no folder": ("none/drawn.svg", "none does not exist; allowed: a file in a folder that does"),
    "a directory": ("folder.svg", "folder.svg is a directory; allowed: a file"),
    "an input": ("config.svg", "config.svg is an input of this command; allowed: another file"),
    "the output": ("out.svg", "out.svg is the file of --output; allowed: another file"),
}


@pytest.mark.usefixtures("nothing_runs")
@pytest.mark.parametrize("command", [VERIFY, BENCH], ids=["verify", "bench"])
@pytest.mark.parametrize(("name", "message"), REFUSED.values(), ids=REFUSED)
def test_a_picture_that_cannot_be_is_refused_before_anything_runs(rnncli, tmp_path, command, name, message):
    (tmp_path / "folder.svg").mkdir()
    config = tmp_path / "config.svg"
    config.write_text("rnn: {hidden_size: 3}\n")
    outcome = rnncli(*command, config, "--plot", tmp_path / name, "--output", tmp_path / "out.svg")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("rnncli: --plot: ")
    assert message in outcome.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.svg", "folder.svg"]


@pytest.mark.usefixtures("nothing_runs")
@pytest.mark.parametrize("command", [VERIFY, BENCH], ids=["verify", "bench"])
def test_without_matplotlib_the_extra_is_named_before_anything_runs(rnncli, tmp_path, monkeypatch, command):
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    outcome = rnncli(*command, "--plot", tmp_path / "drawn.svg")
    assert (outcome.code, outcome.out) == (3, "")
    assert "pip install 'rnncli[plot]'" in outcome.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("other", ["--list", "--watch"])
def test_a_picture_makes_no_sense_beside_some_flags(rnncli, tmp_path, other):
    outcome = rnncli("verify", other, "--plot", tmp_path / "drawn.svg")
    assert outcome.code == 2
    assert f"--plot: has no effect with {other}" in outcome.err


def test_a_picture_that_cannot_be_finished_leaves_the_one_before(rnncli, tmp_path, monkeypatch):
    plot = tmp_path / "drawn.svg"
    plot.write_text("before")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    outcome = rnncli(*VERIFY, "--plot", plot)
    assert outcome.code == 2
    assert outcome.err.endswith(f"rnncli: --plot: {plot} cannot be written: No space left on device\n")
    assert "match  manual = nn.RNN(20, 40): output and h_n" in outcome.out
    assert plot.read_text() == "before"
    assert list(tmp_path.iterdir()) == [plot]
