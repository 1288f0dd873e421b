"""Configs, flags and result files that nobody would write: never a traceback, never an internal error, never a hang."""

import contextlib
import io
import json
import sys

import pytest
from conftest import ROOT
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from rnncli.cli.main import main
from rnncli.cli.options import _FLAGS as FLAGS
from rnncli.report import FORMATS

SAMPLE, ALL = 15, 2000
LONGEST_MS = 20_000
CONFIGS = [path for path in sorted((ROOT / "configs").glob("*.yaml")) if path.stem != "full"]
TOKENS = [
    *(
        "null",
        "true",
        "-1",
        "0",
        "017",
        "0x",
        "1e999",
        ".nan",
        "-.inf",
        "1:30",
        "9" * 5000,
        "99999999999",
        "2001-01-01",
    ),
    *("!!bool maybe", '!!int ""', "!!float x", "!!map 5", "!!set {a}", "!!python/name:os.system", "&a", "*a", "<<: *a"),
    *('"\\UFFFFFFFF"', '"\\ud800"', '"\\0"', "\x00", "\ufeff", "\x85", "\U0001f600", "\t", "%YAML 9.9", "---\n", "..."),
    *(
        "[",
        "]",
        "{",
        "}",
        ": ",
        "- ",
        "? ",
        "| ",
        "> ",
        "#",
        "'",
        '"',
        "\n",
        "\r",
        "\n  ",
        ", ",
        "k: " * 50,
        "[" * 2000,
    ),
    *("candidate: /dev/null:f\n", "n" * 300, "a:b", "../x.py:f", "grid: {run.seed: []}\n", "expect: {output: [1]}\n"),
]
VALUES = [*TOKENS, "", " ", "-", "--", "=", "5,3,2", "[5]", "cuda:99", "meta", "float16", "packed", "output=1,2", "::"]
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.sampled_from([*TOKENS, "match", "mismatch", "config", "1/1000000000000", "3/2", "\x1b[31m", "<script>"])
)
LISTS = st.lists(LEAVES, max_size=3)
NOTHING_LIKE_IT = LEAVES | LISTS | st.dictionaries(st.sampled_from(["a", "kind", "rnn"]), LEAVES | LISTS, max_size=3)


def fuzzed(share):
    """The settings of a test that runs a share of the inputs: a few of them, the same in each run."""
    count = max(1, round(SAMPLE * share))
    return settings(
        max_examples=count,
        deadline=LONGEST_MS,
        database=None,
        phases=[Phase.generate],  # what fails is printed as it is: to make it smaller takes minutes
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )


def many(share):
    """Those of one that runs many, other ones in each run."""
    return settings(fuzzed(share), max_examples=round(ALL * share), derandomize=False)


def run(*arguments):
    """Run a command line in this process; return its exit code and all it printed."""
    out, err, before = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["rnncli", *arguments]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue(), err.getvalue()
    finally:
        sys.argv = before
    raise AssertionError("a command ends with an exit code")


def assert_told(code, out, err):
    assert code in (0, 1, 2, 3, 4), err[-2000:]
    assert "Traceback" not in out + err
    assert "internal error" not in err
    assert len(err) < 100_000


@st.composite
def texts_like(draw, texts):
    """One of some texts, after a few changes to it."""
    text = draw(st.sampled_from(texts))
    for _ in range(draw(st.integers(1, 4))):
        at, end = sorted(draw(st.integers(0, len(text))) for _ in range(2))
        match draw(st.sampled_from(["insert", "replace", "delete", "repeat", "character"])):
            case "insert":
                text = text[:at] + draw(st.sampled_from(TOKENS)) + text[at:]
            case "replace":
                text = text[:at] + draw(st.sampled_from(TOKENS)) + text[min(end, at + 12) :]
            case "delete":
                text = text[:at] + text[end:]
            case "repeat":
                text = text[:end] + text[at:]
            case "character":
                text = text[:at] + draw(st.characters()) + text[at + 1 :]
    return text


@st.composite
def flags(draw):
    """Flags of the leaves, with values that few of them take."""
    given = []
    for leaf in draw(st.lists(st.sampled_from(sorted(FLAGS)), max_size=4)):
        kind, names, *_ = FLAGS[leaf]
        name = draw(st.sampled_from([part for name in names for part in name.split("/")]))
        value = draw(st.sampled_from(VALUES) | st.text(max_size=20)).replace("\0", "")
        given += [name] if kind is bool else [f"{name}={value}"]
    return given


@st.composite
def changed(draw, documents):
    """One of some JSON documents, with a value in it replaced, taken away or doubled."""
    document = json.loads(draw(st.sampled_from(documents)))
    case = document["cases"][0] if "cases" in document else document
    for key in draw(st.lists(st.sampled_from(["error", "shard", "verdict", "command", "checks"]), max_size=2)):
        value = draw(NOTHING_LIKE_IT)
        match key:
            case "error":
                case |= {"verdict": None, "error": {"kind": value, "message": draw(st.sampled_from(TOKENS))}}
            case "shard":
                case["origin"] |= {"shard": value, "shard_cases": draw(st.integers(-1, 2**70))}
            case "checks":
                draw(st.sampled_from(case["checks"]))[draw(st.sampled_from(sorted(case["checks"][0])))] = value
            case _:
                (document if key == "command" else case)[key] = value
    for _ in range(draw(st.integers(1, 3))):
        inner = document
        while isinstance(inner, dict | list) and inner:
            keys = list(inner) if isinstance(inner, dict) else list(range(len(inner)))
            key = draw(st.sampled_from(keys))
            if isinstance(inner[key], dict | list) and inner[key] and draw(st.integers(0, 3)):
                inner = inner[key]
                continue
            if draw(st.integers(0, 4)):
                inner[key] = draw(NOTHING_LIKE_IT)
            else:
                del inner[key]
            break
    return json.dumps(document)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


@pytest.fixture(scope="module")
def saved(folder):
    """The lines of results, and a document of them."""
    config = folder / "grid.yaml"
    sizes = "rnn: {input_size: 2, hidden_size: 2}\ninput: {seq_len: 2, batch_size: 2}\n"
    config.write_text(sizes + "grid: {rnn.bidirectional: [false, true], rnn.bias: [true, false]}")
    for format in ("json", "jsonl"):
        run("verify", str(config), "--no-timing", "--jobs", "1", "--format", format, "--output", str(folder / format))
    return (folder / "jsonl").read_text().splitlines(), (folder / "json").read_text()


def configs(folder, limits):
    @limits
    @given(text=texts_like([path.read_text() for path in CONFIGS]), flags=flags(), data=st.data())
    def on_a_config(text, flags, data):
        file = folder / "fuzzed.yaml"
        file.write_bytes(text.encode("utf-8", "surrogatepass"))
        command = data.draw(st.sampled_from(["verify --list", "verify --print-config", "shapes --static"]))
        assert_told(*run(*command.split(), str(file), *data.draw(st.sampled_from([[], flags]))))

    on_a_config()


def command_lines(limits):
    commands = ["verify --list", "shapes --static", "bench --print-config", "faults", "power --print-config", "schema"]
    others = [
        "--filter",
        "--shard",
        "--over",
        "--only",
        "--format",
        "--jobs",
        "--timeout",
        "--atol",
        "--policy",
        "--plot",
    ]

    @limits
    @given(command=st.sampled_from(commands), flags=flags(), data=st.data())
    def on_flags(command, flags, data):
        more = [f"{flag}={data.draw(st.sampled_from(VALUES))}" for flag in data.draw(st.lists(st.sampled_from(others)))]
        assert_told(*run(*command.split(), *(flag.replace("\0", "") for flag in (*flags, *more))))

    on_flags()


def results(folder, saved, limits):
    lines, document = saved

    @limits
    @given(line=changed(lines) | texts_like(lines), whole=changed([document]) | texts_like([document]), data=st.data())
    def on_results(line, whole, data):
        file = folder / "fuzzed.json"
        text = data.draw(st.sampled_from([line + "\n" + lines[1] + "\n", lines[0] + "\n" + line + "\n", whole]))
        file.write_bytes(text.encode("utf-8", "surrogatepass"))
        assert_told(*run("report", str(file), "--format", data.draw(st.sampled_from(sorted(FORMATS)))))

    on_results()


def test_a_few_configs_that_nobody_would_write_are_told(folder):
    configs(folder, fuzzed(1))


def test_a_few_command_lines_that_nobody_would_write_are_told():
    command_lines(fuzzed(1))


def test_a_few_result_files_that_nobody_would_write_are_told(folder, saved):
    results(folder, saved, fuzzed(1))


@pytest.mark.exhaustive(twin="test_a_few_configs_that_nobody_would_write_are_told", sample=0)
def test_configs_that_nobody_would_write_are_told(folder):
    configs(folder, many(0.4))


@pytest.mark.exhaustive(twin="test_a_few_command_lines_that_nobody_would_write_are_told", sample=0)
def test_command_lines_that_nobody_would_write_are_told():
    command_lines(many(0.2))


@pytest.mark.exhaustive(twin="test_a_few_result_files_that_nobody_would_write_are_told", sample=0)
def test_result_files_that_nobody_would_write_are_told(folder, saved):
    results(folder, saved, many(0.4))
