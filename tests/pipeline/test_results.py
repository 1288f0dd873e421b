"""Results that last: written line by line, resumed, put together; and what is refused."""

import json
import os
import shutil
import threading

import pytest
from levels import one_in

from rnncli.pipeline.grid import GridRun

GRID = """
rnn: {input_size: 3, hidden_size: 5}
input: {seq_len: 4, batch_size: 2}
run: {device: cpu}
grid: {rnn.num_layers: [1, 2], rnn.bidirectional: [false, true], candidate: [manual, bmm]}
"""


@pytest.fixture
def grid(tmp_path):
    config = tmp_path / "grid.yaml"
    config.write_text(GRID)
    return config


@pytest.fixture
def verify(rnncli, grid):
    """Run the grid of eight cases into a file of lines."""

    def run(file, *flags):
        return rnncli("verify", grid, "--format", "jsonl", "--output", file, *flags)

    return run


@pytest.fixture(scope="module")
def kept():
    return {}


@pytest.fixture
def finished(verify, kept):
    """Write the results of the grid, or of a shard, into a file; they are computed once."""

    def write(file, *flags):
        if flags not in kept:
            assert verify(file, *flags).code == 0
            kept[flags] = file.read_text()
        file.write_text(kept[flags])

    return write


def lines(file):
    return file.read_text().splitlines(keepends=True)


def cases(outcome):
    return json.loads(outcome.out)["cases"]


def test_a_line_is_the_case_of_the_json_and_says_what_run_it_is_of(rnncli, verify, grid, tmp_path):
    outcome = verify(tmp_path / "r.jsonl", "--no-timing")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "rnncli: 8 cases: 8 match\n")
    in_json = cases(rnncli("verify", grid, "--format", "json", "--no-timing"))

    def without_null(value):
        if isinstance(value, dict):
            return {key: without_null(inner) for key, inner in value.items() if inner is not None}
        return [without_null(inner) for inner in value] if isinstance(value, list) else value

    for line, case in zip(lines(tmp_path / "r.jsonl"), in_json, strict=True):
        found = json.loads(line)
        assert (found["schema_version"], found["command"], found["environment"]["threads"]) == (1, "verify", 1)
        assert {"error", "faults", "replay"} <= found.keys()
        assert without_null({key: found[key] for key in case}) == without_null(case)
        assert found["origin"] == {"config": found["origin"]["config"], "index": in_json.index(case), "cases": 8}


def test_lines_go_to_stdout_as_they_come(rnncli, grid):
    outcome = rnncli("verify", grid, "--format", "jsonl")
    assert [json.loads(line)["verdict"] for line in outcome.out.splitlines()] == ["match"] * 8


def test_one_case_is_one_line(rnncli):
    outcome = rnncli("verify", "--format", "jsonl")
    (line,) = outcome.out.splitlines()
    assert json.loads(line)["timing"]


@pytest.mark.parametrize("kept", one_in(3, [0, 1, 5, 8], "test_what_is_missing_is_run_on_resume"))
@pytest.mark.parametrize("cut", [False, True], ids=["between lines", "in a line"])
def test_what_is_missing_is_run_on_resume(rnncli, verify, tmp_path, kept, cut):
    whole, file = tmp_path / "whole.jsonl", tmp_path / "r.jsonl"
    verify(whole)
    text = lines(whole)
    file.write_text("".join(text[8 - kept :]) + (text[0][:700] if cut else ""))
    outcome = verify(file, "--resume")
    assert outcome.code == 0
    assert outcome.err.splitlines()[0] == f"rnncli: {kept} of 8 cases are in {file}"
    assert sorted(lines(file)) == sorted(text)
    assert lines(file)[:kept] == text[8 - kept :]
    reports = [rnncli("report", each, "--format", "json") for each in (whole, file)]
    assert reports[0] == reports[1]
    assert [case["origin"]["index"] for case in cases(reports[1])] == list(range(8))


def test_a_case_without_a_verdict_is_run_again_on_resume(rnncli, verify, tmp_path):
    file = tmp_path / "r.jsonl"
    verify(file)
    text = lines(file)
    failed = json.loads(text[3]) | {"verdict": None, "error": {"kind": "candidate", "message": "gone"}}
    file.write_text("".join([*text[:3], json.dumps(failed) + "\n", *text[4:]]))
    assert rnncli("report", file).code == 4
    assert verify(file, "--resume").err.startswith("rnncli: 7 of 8 cases are in")
    assert rnncli("report", file).code == 0


def test_resume_starts_a_file_there_is_none_of(verify, tmp_path):
    assert verify(tmp_path / "new.jsonl", "--resume").code == 0
    assert len(lines(tmp_path / "new.jsonl")) == 8


def test_an_unfinished_run_is_not_written_over(verify, tmp_path):
    file = tmp_path / "r.jsonl"
    verify(file)
    assert verify(file).code == 0  # a finished one is, as in any other format
    before = "".join(lines(file)[:3])
    file.write_text(before)
    outcome = verify(file)
    assert outcome.code == 2
    assert outcome.err == (
        f"rnncli: --output: {file} holds 3 of 8 cases of an unfinished run; allowed: --resume to go on with it,"
        " or another file\n"
    )
    assert file.read_text() == before


@pytest.mark.parametrize(
    "flags",
    [
        ["--seed", "1"],
        ["--policy", "exact"],
        ["--filter", "num_layers=1"],
    ],
    ids=str,
)
def test_a_file_of_another_run_is_not_resumed(verify, tmp_path, flags):
    file = tmp_path / "r.jsonl"
    verify(file)
    before = file.read_text()
    outcome = verify(file, "--resume", *flags)
    assert outcome.code == 2
    assert outcome.err == (
        f"rnncli: --resume: {file} is of another config, candidate or policy; allowed: the file of the same run, or"
        " another --output\n"
    )
    assert file.read_text() == before


def test_another_version_s_results_are_not_resumed(verify, tmp_path):
    file = tmp_path / "r.jsonl"
    verify(file)
    file.write_text(file.read_text().replace('"torch": "2', '"torch": "1'))
    outcome = verify(file, "--resume")
    assert outcome.code == 2
    assert "is from torch 1" in outcome.err


def test_two_runs_do_not_write_one_file(verify, tmp_path):
    fcntl = pytest.importorskip("fcntl")
    file = tmp_path / "r.jsonl"
    with file.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        outcome = verify(file)
    assert outcome.code == 2
    assert "is being written by another run; allowed: another file" in outcome.err


@pytest.mark.parametrize(
    "flags", [["--resume"], ["--resume", "--format", "json", "-o", "r"], ["--resume", "--format", "jsonl"]], ids=str
)
def test_resume_needs_a_file_of_lines(rnncli, flags):
    outcome = rnncli("verify", *flags)
    assert outcome.code == 2
    assert outcome.err.endswith("allowed with --format jsonl --output FILE\n")


def test_a_disk_that_is_full_is_told(verify):
    outcome = verify("/dev/full")
    assert outcome.code == 2
    assert outcome.err.splitlines()[-1] == "rnncli: --output: /dev/full cannot be written: No space left on device"


# report


@pytest.fixture
def shards(finished, tmp_path):
    files = [tmp_path / f"shard-{number}.jsonl" for number in (1, 2, 3)]
    for number, file in enumerate(files, 1):
        finished(file, "--shard", f"{number}/3")
    return files


def test_shards_together_are_the_run(rnncli, verify, shards, tmp_path):
    verify(tmp_path / "whole.jsonl")
    whole, merged = cases(rnncli("report", tmp_path / "whole.jsonl", "--format", "json")), None
    for order in (shards, shards[::-1], [tmp_path / "shard-*.jsonl"]):
        outcome = rnncli("report", *order, "--format", "json")
        assert outcome.code == 0
        merged = cases(outcome)
        for case, of_whole in zip(merged, whole, strict=True):
            assert case["origin"].pop("shard") in {"1/3", "2/3", "3/3"}
            assert {**case, "origin": None} == {**of_whole, "origin": None}
    assert len(merged) == 8


def test_a_merged_file_is_as_good_as_its_parts(rnncli, shards, tmp_path):
    merged = tmp_path / "merged.jsonl"
    assert rnncli("report", *shards, "--format", "jsonl", "--output", merged).code == 0
    together = tmp_path / "together.jsonl"
    together.write_text("".join(file.read_text() for file in shards))
    for file in (merged, together):
        assert cases(rnncli("report", file, "--format", "json")) == cases(rnncli("report", *shards, "--format", "json"))


def test_json_results_are_read_too(rnncli, grid, tmp_path):
    file = tmp_path / "r.json"
    rnncli("verify", grid, "--format", "json", "--output", file)
    outcome = rnncli("report", file, "--format", "json")
    assert outcome.code == 0
    assert cases(outcome) == json.loads(file.read_text())["cases"]


@pytest.mark.parametrize("format", ["table", "json", "junit", "markdown", "github"])
def test_a_shard_that_is_missing_is_an_error_and_the_rest_is_shown(rnncli, shards, format):
    outcome = rnncli("report", shards[0], shards[2], "--format", format)
    assert outcome.code == 2
    assert "2 of 8 cases have no result: shard 2/3 is missing" in " ".join(outcome.err.split())
    assert "shard 2/3 is missing" in " ".join(outcome.out.replace("&#47;", "/").split())
    if format == "json":
        assert json.loads(outcome.out)["verdict"] is None
    if format == "junit":
        assert 'errors="1"' in outcome.out


def test_a_shard_that_is_cut_short_is_an_error(rnncli, shards):
    shards[1].write_text("".join(lines(shards[1])[:1]))
    outcome = rnncli("report", *shards)
    assert outcome.code == 2
    assert "1 of 8 cases have no result: shard 2/3 has 1 of its 2 cases" in " ".join(outcome.err.split())


def test_a_shard_that_is_given_twice_is_an_error(rnncli, shards, tmp_path):
    copy = tmp_path / "copy.jsonl"
    shutil.copy(shards[0], copy)
    outcome = rnncli("report", *shards, copy)
    assert (outcome.code, outcome.out) == (2, "")
    assert f"{copy}: 4 of its cases are in {shards[0]} too; allowed: every case once" in outcome.err


def test_a_shard_of_another_config_is_an_error(rnncli, verify, shards):
    assert verify(shards[1], "--shard", "2/3", "--seed", "7").code == 0
    outcome = rnncli("report", *shards)
    assert (outcome.code, outcome.out) == (2, "")
    assert f"{shards[1]} is of another config, candidate or policy; {shards[0]} is another; allowed" in outcome.err


@pytest.mark.parametrize("name", ["rnncli", "torch"])
def test_a_shard_from_another_version_is_an_error(rnncli, shards, name):
    text = lines(shards[1])
    changed = [json.loads(line) for line in text]
    for entry in changed:
        entry["environment"][name] = "0.0.9"
    shards[1].write_text("".join(json.dumps(entry) + "\n" for entry in changed))
    outcome = rnncli("report", *shards)
    assert (outcome.code, outcome.out) == (2, "")
    assert f"{shards[1]} is from {name} 0.0.9, not " in outcome.err


def test_a_failing_case_of_a_shard_fails_the_report(rnncli, shards):
    text = lines(shards[1])
    shards[1].write_text(
        "".join([text[0].replace('"verdict":"match","origin"', '"verdict":"mismatch","origin"'), *text[1:]])
    )
    outcome = rnncli("report", *shards)
    assert outcome.code == 1
    assert "8 cases: 1 mismatch, 7 match" in outcome.out


def test_environments_that_differ_are_all_named(rnncli, shards):
    text = shards[1].read_text().replace('"cpus": ', '"cpus": 10')
    shards[1].write_text(text)
    environment = json.loads(rnncli("report", *shards, "--format", "json").out)["environment"]
    assert isinstance(environment["cpus"], list)
    assert isinstance(environment["torch"], str)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no results; allowed: files of --format jsonl or --format json"),
        (b"rnn: {}\n", "not a result of rnncli (Expecting value"),
        (b'{"cases": 3}\n', "not a result of rnncli ("),
        (b"[1, 2]\n", "not a result of rnncli ("),
        (b'{"id": "a", "config": {}, "verdict": "match", "origin": 7}\n', "r.jsonl:1: not a result of rnncli (origin"),
        (b'{"id": "a", "config": {}, "verdict": "super"}\n', "not a result of rnncli ("),
        (
            b'{"id": "a", "config": {}, "verdict": "match", "environment": "x"}\n',
            "environment: Input should be an object",
        ),
        (
            b'{"id": "a", "config": {}, "verdict": "match", "origin": {"config": "", "index": 0, "cases": "x"}}\n',
            "r.jsonl:1: not a result of rnncli (origin",
        ),
        (
            b'{"id": "a", "config": {}, "verdict": "match"}\nnonsense\n',
            "r.jsonl:2: not a result of rnncli (Invalid JSON",
        ),
        (
            b'{"id": "a", "config": {}, "verdict": null, "command": "verify"}\n'
            b'{"id": "a", "config": {}, "verdict": null, "command": "bench"}\n',
            "r.jsonl:2: a result of rnncli bench, not of rnncli verify as the lines before;"
            " allowed: results of one run",
        ),
        (b'{"id": "a", "config": {}, "verdict": "match", "schema_version": 9}\n', "schema_version 9 is newer"),
        (b"\xff\xfe\x00\n", "not a result of rnncli ("),
        (b"[" * 100_000 + b"\n", "not a result of rnncli (nested too deep)"),
        (b'{"cases": ' + b"[" * 100_000, "not a result of rnncli (nested too deep)"),
        (b'{"id": ' + b"9" * 5000 + b"}\n", "r.jsonl: not a result of rnncli (Exceeds"),
    ],
    ids=[
        "empty",
        "yaml",
        "cases",
        "list",
        "origin",
        "verdict",
        "environment",
        "kind",
        "second line",
        "another command",
        "newer",
        "binary",
        "deep",
        "deep document",
        "long number",
    ],
)
def test_what_is_no_result_is_told(rnncli, tmp_path, content, message):
    file = tmp_path / "r.jsonl"
    file.write_bytes(content)
    outcome = rnncli("report", file)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(f"rnncli: {file}")
    assert message in outcome.err


def test_two_files_that_say_nothing_of_their_run_are_not_put_together(rnncli, tmp_path):
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_text('{"id": "a", "config": {}, "verdict": null}\n')
    outcome = rnncli("report", tmp_path / "a.jsonl", tmp_path / "b.jsonl")
    assert (outcome.code, outcome.out) == (2, "")
    assert "says nothing of the run it is of; allowed beside others: results of verify" in outcome.err


@pytest.fixture
def changed(rnncli, finished, tmp_path):
    """Report on the eight cases after one of them is changed, or its line stands twice."""
    file = tmp_path / "r.jsonl"
    finished(file)

    def report(twice=False, **values):
        text = lines(file)
        other = json.dumps(json.loads(text[3]) | values) + "\n"
        file.write_text("".join([*text[: 4 if twice else 3], other, *text[4:]]))
        return rnncli("report", file, "--format", "json")

    return report


def test_an_error_of_a_kind_nobody_knows_is_refused(changed):
    outcome = changed(verdict=None, error={"kind": "strange", "message": "what is this"})
    assert outcome.code == 2
    assert "r.jsonl:4: not a result of rnncli (case" in outcome.err
    assert "error.kind is none of" in outcome.err


def test_a_case_without_verdict_and_error_is_no_match(changed):
    outcome = changed(verdict=None)
    assert (outcome.code, json.loads(outcome.out)["verdict"]) == (2, None)


def of_output(**over_time):
    courses = {name: {"forward": steps} for name, steps in over_time.items()}
    check = {"tensor": "output", "stage": "algorithm", "dtype": "float64", "verdict": "match", "policy": "envelope"}
    return {"checks": [check | courses]}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (of_output(error_by_step=[]), "error_by_step of forward has 0 steps"),
        (of_output(error_by_step=[1.0, -1.0]), "error_by_step of forward has a step that is not 0 or more"),
        (of_output(error_by_step=[10**400]), "error_by_step of forward has a step that is not 0 or more"),
        (of_output(error_by_step=[1.0], allowed_by_step=[1.0, 2.0]), "allowed_by_step of forward has 2 steps"),
        (of_output(allowed_by_step=[1.0]), "allowed_by_step of forward has 1 steps"),
        ({"verdict": "match", "checks": [of_output()["checks"][0] | {"verdict": "mismatch"}]}, "that of a check is"),
        ({"config": {"rnn": None, "input": {}, "run": {}, "candidate": "manual"}}, "its config: rnn: Input should be"),
        (
            {"config": {"rnn": {}, "input": {}, "run": {"dtype": 7}, "candidate": "manual"}},
            "its config: run.dtype: Input",
        ),
    ],
    ids=["no steps", "negative", "huge", "longer", "alone", "verdict", "no arguments", "dtype"],
)
def test_a_case_that_contradicts_itself_is_refused(changed, values, said):
    outcome = changed(**values)
    assert outcome.code == 2
    assert said in outcome.err
    assert "internal error" not in outcome.err


def test_what_a_config_does_not_say_is_the_default(changed):
    outcome = changed(config={"rnn": {"num_layers": 2}, "input": {}})
    assert outcome.code == 0
    config = json.loads(outcome.out)["cases"][3]["config"]
    assert (config["rnn"]["num_layers"], config["rnn"]["input_size"], config["candidate"]) == (2, 20, "manual")


def test_steps_that_are_not_finite_are_no_contradiction(changed):
    assert changed(**of_output(error_by_step=[1.0, None], allowed_by_step=[None, 2.0])).code == 0


def test_what_a_run_said_to_be_missing_is_said_by_its_report(rnncli, tmp_path):
    saved = tmp_path / "bench.json"
    flags = ("--hidden-size", 4, "--seq-len", 2, "--only", "manual", "--min-run-time", 0.001)
    assert rnncli("bench", *flags, "--format", "json", "--output", saved).code == 0
    document = json.loads(saved.read_text()) | {"missing": ["interrupted: 1 of 9 passes were timed"]}
    saved.write_text(json.dumps(document))
    for format in ("table", "html", "markdown"):
        outcome = rnncli("report", saved, "--format", format)
        assert outcome.code == 2
        assert "interrupted: 1 of 9 passes were timed" in outcome.out
    for nothing_like_it in (1.5, "interrupted", {"a": 1}, [1]):
        saved.write_text(json.dumps(document | {"missing": nothing_like_it}))
        outcome = rnncli("report", saved)
        assert (outcome.code, outcome.out) == (2, "")
        assert "not a result of rnncli (missing: not a list of strings)" in outcome.err


def test_a_case_that_stands_twice_in_a_file_is_refused(changed):
    outcome = changed(twice=True)
    assert (outcome.code, outcome.out) == (2, "")
    assert "r.jsonl:5: a case that stands before in the file too; allowed: every case once" in outcome.err


@pytest.mark.parametrize("origin", [{"index": 8}, {"index": -1}, {"cases": 9}], ids=str)
def test_a_case_that_the_run_does_not_have_is_refused(changed, tmp_path, origin):
    known = json.loads(lines(tmp_path / "r.jsonl")[3])["origin"]
    outcome = changed(origin=known | origin)
    assert (outcome.code, outcome.out) == (2, "")
    assert "origin is not that of the lines before, or of no case of the run" in outcome.err


@pytest.mark.parametrize(
    "origin",
    [
        {"shard": "1/1000000000000", "shard_cases": 1},
        {"shard": "3/2", "shard_cases": 1},
        {"shard": "1/2", "shard_cases": 10**30},
        {"cases": 10**30},
        {"config": "c" * 100},
    ],
    ids=["shard", "shard beyond", "cases of the shard", "cases", "config"],
)
def test_an_origin_that_no_run_has_is_refused_at_once(changed, tmp_path, origin):
    known = json.loads(lines(tmp_path / "r.jsonl")[3])["origin"]
    outcome = changed(origin=known | origin)
    assert (outcome.code, outcome.out) == (2, "")
    assert "r.jsonl:4: not a result of rnncli (origin." in outcome.err


def test_of_many_shards_that_are_missing_the_first_are_told(rnncli, verify, tmp_path):
    file = tmp_path / "r.jsonl"
    verify(file)
    line = json.loads(lines(file)[0])
    line["origin"] |= {"shard": "1/900000", "shard_cases": 1}
    file.write_text(json.dumps(line) + "\n")
    outcome = rnncli("report", file)
    assert outcome.code == 2
    assert "899979 more shards" in " ".join(outcome.out.split())
    assert len(outcome.out) < 5000


def test_a_line_without_an_end_is_not_read_whole(rnncli, monkeypatch, tmp_path):
    monkeypatch.setattr("rnncli.pipeline.results.LONGEST_LINE", 1000)
    file = tmp_path / "r.jsonl"
    file.write_bytes(b'{"id": "a", "config": {}, "verdict": "match"}\n' + b"{" * 5000)
    outcome = rnncli("report", file)
    assert (outcome.code, outcome.out) == (2, "")
    assert f"{file}:2: not a result of rnncli (a line of more than 1000 bytes)" in outcome.err


def test_a_document_that_is_too_large_is_not_read_whole(rnncli, monkeypatch, tmp_path):
    monkeypatch.setattr("rnncli.pipeline.merge.LARGEST_DOCUMENT", 1000)
    file = tmp_path / "r.json"
    file.write_bytes(b'{"cases":\n' + b" " * 5000)
    outcome = rnncli("report", file)
    assert (outcome.code, outcome.out) == (2, "")
    assert "a document of more than 1000 bytes" in outcome.err


@pytest.mark.parametrize("format", ["json", "jsonl"])
def test_results_are_read_from_a_pipe(rnncli, grid, tmp_path, format):
    file, pipe = tmp_path / "r", tmp_path / "pipe"
    rnncli("verify", grid, "--no-timing", "--format", format, "--output", file)
    os.mkfifo(pipe)
    writing = threading.Thread(target=lambda: pipe.write_bytes(file.read_bytes()))
    writing.start()
    outcome = rnncli("report", pipe)
    writing.join()
    assert (outcome.code, outcome.out) == (0, rnncli("report", file).out)


def test_a_pipe_of_something_else_is_not_read_whole(rnncli, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    writing = threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(b"notes"))
    writing.start()
    outcome = rnncli("report", tmp_path / "pipe")
    writing.join()
    assert outcome.code == 2
    assert "it does not begin with {" in outcome.err


def test_a_run_over_a_file_that_holds_no_results_reads_what_it_wrote(verify, tmp_path):
    file = tmp_path / "r.jsonl"
    file.write_text("my notes\n" * 1000)
    outcome = verify(file, "--no-timing")
    assert (outcome.code, outcome.err) == (0, "rnncli: 8 cases: 8 match\n")


def test_a_run_that_goes_on_behind_a_torn_first_line_reads_what_it_wrote(verify, tmp_path):
    file = tmp_path / "r.jsonl"
    verify(file, "--no-timing")
    file.write_text(lines(file)[0][:-5].replace("match", "catch"))
    outcome = verify(file, "--no-timing", "--resume")
    assert outcome.code == 0
    assert outcome.err.endswith("rnncli: 8 cases: 8 match\n")
    assert len(lines(file)) == 8


@pytest.mark.parametrize(
    "values", [{"verdict": "banana"}, {"checks": 7}, {"config": {"rnn": 7}}, {"error": {"kind": "x", "message": "y"}}]
)
def test_a_saved_line_that_is_no_result_is_refused_before_anything_runs(verify, monkeypatch, tmp_path, values):
    file = tmp_path / "r.jsonl"
    verify(file, "--no-timing")
    first, second, *_ = lines(file)
    file.write_text(first + json.dumps(json.loads(second) | values) + "\n")
    monkeypatch.setattr("rnncli.pipeline.grid.verify_unit", lambda *_, **__: pytest.fail("it runs"))
    outcome = verify(file, "--no-timing", "--resume")
    assert outcome.code == 2
    assert f"{file}:2: not a result of rnncli (" in outcome.err


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda file: file.unlink(), "was removed"),
        (lambda file: (file.unlink(), file.write_text("another")), "was replaced"),
        (lambda file: os.truncate(file, 10), "was cut"),
    ],
    ids=["removed", "replaced", "cut"],
)
def test_a_file_that_does_not_stay_during_the_run_is_an_error_at_its_end(verify, monkeypatch, tmp_path, harm, said):
    file = tmp_path / "r.jsonl"
    shrink = GridRun.shrink

    def harmed(run, most):
        harm(file)
        return shrink(run, most)

    monkeypatch.setattr(GridRun, "shrink", harmed)
    outcome = verify(file, "--no-timing")
    assert outcome.code == 2
    assert f"{file} {said} while the results were written" in outcome.err


@pytest.mark.parametrize("content", ["my notes", '{"my": "notes"}', "my notes\n"])
def test_a_file_of_something_else_is_not_resumed(verify, tmp_path, content):
    file = tmp_path / "notes.txt"
    file.write_text(content)
    assert verify(file, "--resume").code == 2
    assert file.read_text() == content


def test_a_file_of_results_with_a_broken_line_is_not_written_over(verify, tmp_path):
    file = tmp_path / "r.jsonl"
    verify(file)
    before = file.read_text() + "broken\n"
    file.write_text(before)
    outcome = verify(file)
    assert outcome.code == 2
    assert "it holds results that would be lost" in outcome.err
    assert file.read_text() == before


def test_another_helper_of_the_candidate_is_another_run(rnncli, tmp_path):
    (tmp_path / "mine.py").write_text(
        "from helper_of_mine import run\n\n\ndef rnn(input, h_0, params, case):\n    return run(input, h_0, params)\n"
    )
    (tmp_path / "helper_of_mine.py").write_text("from rnncli.manual import rnn as run\n")
    file = tmp_path / "r.jsonl"
    command = ("verify", "--candidate", f"{tmp_path}/mine.py:rnn", "--device", "cpu", "--format", "jsonl")
    assert rnncli(*command, "--output", file).code == 0
    assert rnncli(*command, "--output", file, "--resume").code == 0
    with (tmp_path / "helper_of_mine.py").open("a") as helper:
        helper.write("# other\n")
    outcome = rnncli(*command, "--output", file, "--resume")
    assert outcome.code == 2
    assert "is of another config, candidate or policy" in outcome.err


def test_the_candidate_is_not_written_over(rnncli, tmp_path):
    candidate = tmp_path / "mine.py"
    candidate.write_text("def rnn(input, h_0, params, case): ...\n")
    outcome = rnncli("verify", "--candidate", f"{candidate}:rnn", "--format", "json", "--output", candidate)
    assert outcome.code == 2
    assert "is an input of this command; allowed: another file" in outcome.err
    assert candidate.read_text() == "def rnn(input, h_0, params, case): ...\n"


def test_files_that_are_not_there_are_told(rnncli, tmp_path):
    assert (
        ": no such file; allowed: files of --format jsonl or --format json"
        in rnncli("report", tmp_path / "none.jsonl").err
    )
    assert "is a directory" in rnncli("report", tmp_path).err
    assert "no file fits" in rnncli("report", tmp_path / "*.jsonl").err


def test_the_report_does_not_write_over_its_input(rnncli, shards):
    before = shards[0].read_text()
    assert rnncli("report", *shards, "--format", "jsonl", "--output", shards[0]).code == 2
    assert shards[0].read_text() == before


def test_the_schema_describes_a_merged_report(rnncli, shards):
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(rnncli("schema", "--results").out)
    jsonschema.validate(json.loads(rnncli("report", *shards, "--format", "json").out), schema)
