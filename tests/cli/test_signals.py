"""SIGINT, SIGTERM and SIGHUP: what they end, with which exit code, and that neither they nor SIGKILL leave a trace."""

import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from conftest import ROOT

LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
SAID = {
    signal.SIGINT: "interrupted",
    signal.SIGTERM: "interrupted by SIGTERM",
    signal.SIGHUP: "interrupted by SIGHUP",
}
each_signal = pytest.mark.parametrize("number", CODES, ids=lambda number: number.name)
WITHIN_S = 60.0  # for what a test waits for; only a failing test takes as long


def wait_until(condition, what):
    deadline = time.monotonic() + WITHIN_S
    while not (found := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.01)
    return found


class Started:
    """A process group of its own, with a TMPDIR of its own, and what it has started."""

    def __init__(self, command, folder, ignored=(), pass_fds=(), **environment):
        self.temporary = folder / "tmp"
        self.temporary.mkdir(exist_ok=True)
        self._mark = f"RNNCLI_TEST={folder}-{time.monotonic_ns()}"
        variable, _, value = self._mark.partition("=")

        def reset():
            for number in (*CODES, signal.SIGQUIT):
                signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)

        self.errors = folder / "stderr.txt"
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, *map(str, command)],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                cwd=ROOT,
                env={**os.environ, "TMPDIR": str(self.temporary), variable: value, **environment},
                preexec_fn=reset,
                start_new_session=True,
                pass_fds=pass_fds,
            )

    def pids(self):
        """The processes that are left of all that were started."""
        found = []
        for entry in os.scandir("/proc"):
            if entry.name.isdigit():
                with suppress(OSError):
                    if self._mark.encode() in Path(entry.path, "environ").read_bytes().split(b"\0"):
                        found.append(int(entry.name))
        return found

    def processor_ticks(self):
        """What the process has used of a processor, in hundredths of a second."""
        return int(Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[11])

    def printed(self):
        """All that the process prints on stdout until it ends, beside lines that were read before.

        `communicate` would lose what came together with such a line.
        """
        limit = threading.Timer(WITHIN_S, self.process.kill)
        limit.start()
        text = self.process.stdout.read()
        self.process.wait()
        limit.cancel()
        return text

    def said(self):
        return self.errors.read_text()

    def wait(self):
        """Wait for the exit code, and until no process is left."""
        code = self.process.wait(timeout=WITHIN_S)
        if sys.platform.startswith("linux"):
            wait_until(lambda: not self.pids(), "processes are left")
        return code

    def leaves_nothing(self):
        # torch makes an empty folder for its compiler when it is imported
        return {path.name.partition("_")[0] for path in self.temporary.iterdir()} <= {"torchinductor"}


@pytest.fixture
def start(tmp_path):
    """Start Python with a command line; whatever is left of it ends with the test."""
    started = []

    def started_with(*command, **options):
        started.append(Started(command, tmp_path, **options))
        return started[-1]

    yield started_with
    for each in started:
        with suppress(ProcessLookupError):
            os.killpg(each.process.pid, signal.SIGKILL)
        if sys.platform.startswith("linux"):
            for pid in each.pids():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        each.process.stdout.close()
        each.process.wait()


# What a handler does, without torch

FRAME = """
import hashlib, sys, threading, time
from rnncli.cli.interrupt import *

def work():
{work}

with ended_by_signals(), keeping_results():
    work()
"""
ENDLESS = "while True: time.sleep(0.01)"
ENDS = {
    "in Python": f"""
    try:
        print("ready", flush=True)
        {ENDLESS}
    except KeyboardInterrupt as error:
        print("kept", flush=True)
        sys.exit(exit_code_of(error))
""",
    "in one long call": """
    print("ready", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)  # minutes, without a look at signals
""",
    "before there is anything to keep": f"""
    with keeping_results(False):
        print("ready", flush=True)
        try:
            {ENDLESS}
        except KeyboardInterrupt:
            sys.exit("raised")
""",
    "in a destructor": f"""
    class Destroyed:
        def __del__(self):
            print("ready", flush=True)
            {ENDLESS}
    Destroyed()
    sys.exit("the exception was lost")
""",
}
GOES_ON = f"""
    try:
        print("ready", flush=True)
        {ENDLESS}
    except KeyboardInterrupt:
        print("ending", flush=True)
        {ENDLESS}
"""


LOADING = "test_nothing_outlives_a_process_that_is_killed_while_its_server_loads"
HELD_BACK = pytest.mark.exhaustive(twin="test_a_signal_ends_with_its_exit_code", pool="long")


@LINUX
@pytest.mark.parametrize(
    ("where", "number"),
    [
        pytest.param(where, number, id=f"{where}-{number.name}", marks=[] if fast else [HELD_BACK])
        for where in ENDS
        for number in CODES
        for fast in [where == "in Python" or number == signal.SIGTERM]
    ],
)
def test_a_signal_ends_with_its_exit_code(start, where, number):
    running = start("-c", FRAME.format(work=ENDS[where]))
    assert running.process.stdout.readline() == "ready\n"
    if where == "in one long call":
        before = running.processor_ticks()
        wait_until(lambda: running.processor_ticks() >= before + 10, "the call was not made")
    running.process.send_signal(number)
    assert running.wait() == CODES[number]
    said = "" if where == "in Python" else f"rnncli: {SAID[number]}\n"
    assert (running.said(), running.printed()) == (said, "" if said else "kept\n")


def test_a_second_signal_ends_at_once(start):
    running = start("-c", FRAME.format(work=GOES_ON))
    assert running.process.stdout.readline() == "ready\n"
    running.process.send_signal(signal.SIGINT)
    assert running.process.stdout.readline() == "ending\n"

    def ended():
        running.process.send_signal(signal.SIGTERM)
        return running.process.poll() is not None

    wait_until(ended, "it does not end")
    assert (running.wait(), running.said()) == (143, "rnncli: interrupted by SIGTERM\n")


def test_a_signal_sent_twice_together_is_one(start):
    """As `timeout` sends it: to the process, and to its group."""
    work = ENDS["in Python"].replace('print("kept"', 'signal.raise_signal(signal.SIGTERM); print("kept"')
    running = start("-c", FRAME.format(work=work))
    assert running.process.stdout.readline() == "ready\n"
    running.process.send_signal(signal.SIGTERM)
    assert (running.wait(), running.said(), running.printed()) == (143, "", "kept\n")


@pytest.mark.parametrize("ignored", [signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_that_was_ignored_at_the_start_stays_ignored_and_sigterm_ends(start, ignored):
    """As SIGINT is in a background job of a script, and SIGHUP under nohup."""
    answering = ENDS["in Python"].replace(ENDLESS, "while True: print(sys.stdin.readline(), end='', flush=True)")
    code = FRAME.format(work=answering).replace("sys.stdin.readline()", "time.sleep(0.01) or '.'")
    running = start("-c", code, ignored=[ignored])
    assert running.process.stdout.readline() == "ready\n"
    running.process.send_signal(ignored)
    assert running.process.stdout.read(20) == "." * 20  # it went on since
    running.process.send_signal(signal.SIGTERM)
    assert running.wait() == 143
    assert running.printed().strip(".") == "kept\n"


# Processes, without torch

OWNER = """
import os, sys, time
sys.path.insert(0, os.environ["FOLDER"])
from rnncli.execution import server
from rnncli.execution.process import ChildProcess
server.PRELOADED, server.PRELOADED_FOR_USERS_CODE = {preloaded}, ()
print("ready", flush=True)
{then}
"""
HELD = """
import os, re, signal, subprocess, sys, time
class Held:
    def run(self):
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
        re.match("(a+)+$", "a" * 60 + "b")  # for years, and no thread runs meanwhile
    def heeds(self, numbers):
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
        return [n for n in numbers if n in blocked or signal.getsignal(n) == signal.SIG_IGN]
    def escape(self):
        reads, writes = os.pipe()
        if os.fork() == 0:
            os.setsid()
            os.write(writes, b".")
            time.sleep(1000)
        os.read(reads, 1)  # it has left the group
"""
LOADS_FOR_EVER = 'import re\nre.match("(a+)+$", "a" * 60 + "b")\n'
CALLS = 'host = ChildProcess("held:Held", "it", 1000)\nhost.call("running", "run")'
NESTS = """
class Nests:
    def run(self):
        from rnncli.execution.process import ChildProcess
        ChildProcess("held:Held", "it", 1000).call("running", "run")
"""


@contextmanager
def nothing_left(running):
    yield
    running.wait()
    assert running.leaves_nothing(), list(running.temporary.iterdir())


@pytest.fixture
def owner(start, tmp_path):
    (tmp_path / "held.py").write_text(HELD)
    (tmp_path / "nests.py").write_text(NESTS)
    (tmp_path / "loads.py").write_text(LOADS_FOR_EVER)

    def started(then, preloaded=(), **options):
        options = {"FOLDER": str(tmp_path), "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}", **options}
        running = start("-c", OWNER.format(then=then, preloaded=preloaded), **options)
        assert running.process.stdout.readline() == "ready\n"
        return running

    return started


@LINUX
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGQUIT], ids=lambda number: number.name)
def test_nothing_outlives_a_process_that_is_killed_while_its_server_loads(owner, number):
    running = owner("server.start_server()\ntime.sleep(1000)", preloaded=["loads"])
    wait_until(lambda: len(running.pids()) == 2 and running.leaves_nothing(), "no server")
    with nothing_left(running):
        running.process.send_signal(number)


@LINUX
@pytest.mark.parametrize("whole_group", [False, True])
def test_nothing_outlives_a_process_that_is_killed_while_its_child_holds_the_interpreter(owner, whole_group):
    running = owner(CALLS)
    wait_until(lambda: len(running.pids()) == 4, "no child with a child of its own")
    with nothing_left(running):
        (os.killpg if whole_group else os.kill)(running.process.pid, signal.SIGKILL)


@LINUX
def test_nothing_outlives_a_process_that_is_killed_while_a_child_of_its_child_runs(owner):
    running = owner(CALLS.replace("held:Held", "nests:Nests"))
    wait_until(lambda: len(running.pids()) == 5, "no child with a child of its own")
    with nothing_left(running):
        running.process.kill()


@LINUX
def test_a_server_ends_though_what_escaped_from_its_child_goes_on(owner):
    running = owner(CALLS.replace('"run"', '"escape"') + '\nprint("escaped", flush=True)\ntime.sleep(1000)')
    assert running.process.stdout.readline() == "escaped\n"
    assert len(running.pids()) == 4
    running.process.kill()
    wait_until(lambda: len(running.pids()) == 1, "the server goes on")


@LINUX
def test_the_server_of_a_process_heeds_no_signal_and_its_children_do(owner):
    """A group that is sent SIGTERM must not lose the children first: that would pass for a crash of theirs."""
    then = """
import os, signal, time
host = ChildProcess("held:Held", "it", 60)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGHUP, signal.SIG_IGN)
for number in (signal.SIGTERM, signal.SIGHUP):
    os.killpg(0, number)
print(host.call("asking", "heeds", [signal.SIGTERM, signal.SIGHUP]))
print(ChildProcess("held:Held", "another", 60).call("asking", "heeds", [signal.SIGINT]))
"""
    running = owner(then)
    with nothing_left(running):
        assert running.printed() == f"[]\n[{int(signal.SIGINT)}]\n"


@LINUX
def test_a_long_folder_for_temporary_files_is_no_obstacle(owner, tmp_path):
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    running = owner('print(ChildProcess("held:Held", "it", 60).call("asking", "heeds", []))', TMPDIR=str(folder))
    assert running.printed() == "[]\n", running.said()
    assert not list(folder.iterdir())


# Commands


def ids(file):
    return [json.loads(line)["id"] for line in file.read_text().splitlines()]


@pytest.fixture
def signalled_after_three(monkeypatch):
    """Send a signal to this process when three results have come."""

    def applied(number):
        def never(*_):
            raise AssertionError("no handler was there")

        monkeypatch.setattr("rnncli.cli.progress.with_progress", signalling)
        before = signal.signal(number, never)
        restored.append((number, before))
        sent.append(number)

    def signalling(records, *_):
        for count, record in enumerate(records, 1):
            yield record
            if count == 3:
                signal.raise_signal(sent[0])

    restored, sent = [], []
    yield applied
    for number, before in reversed(restored):
        signal.signal(number, before)


@each_signal
def test_a_grid_keeps_what_was_finished_and_goes_on_with_resume(rnncli, tmp_path, signalled_after_three, number):
    signalled_after_three(number)
    config, file = tmp_path / "grid.yaml", tmp_path / "r.jsonl"
    config.write_text("run: {device: cpu, gradients: false}\ngrid: {run.seed: [0, 1, 2, 3, 4, 5]}")
    flags = ("verify", config, "--jobs", 1, "--format", "jsonl", "--output", file)
    ended = rnncli(*flags)
    assert ended.code == CODES[number]
    assert f"INCOMPLETE: {SAID[number]}: 3 of 6 cases were finished" in ended.err
    signalled_after_three(number)
    again = rnncli(*flags, "--resume")  # which is ended after three, too
    assert "3 of 6 cases are in" in again.err
    assert len(set(ids(file))) == 6


@each_signal
def test_a_bench_keeps_what_was_timed(rnncli, signalled_after_three, number):
    signalled_after_three(number)
    flags = ("--over", "seq_len=1,2", "--only", "manual", "--device", "cpu", "--min-run-time", "0.001")
    ended = rnncli("bench", *flags, "--format", "json")
    assert ended.code == CODES[number]
    assert json.loads(ended.out)["missing"] == [f"{SAID[number]}: 3 of 6 passes were timed"]


UNDER_WAY = """
import sys
sys.argv = ["rnncli", *{arguments!r}]
import rnncli.cli.progress
rnncli.cli.progress.FIRST_LINE_S = 0.05
rnncli.cli.progress._nothing = rnncli.cli.progress._lines  # a line of a single case too, to wait for
from rnncli.cli.main import main
main()
"""
ENDLESS_CANDIDATE = """
import os, pathlib, subprocess, sys
def rnn(x, h_0):
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
    pathlib.Path(__file__).with_name(f"reached-{os.getpid()}").touch()
    while True:
        pass
"""
LONG = "--hidden-size=64 --seq-len=100000 --device=cpu --no-timing"


@pytest.fixture
def command(start, tmp_path):
    """Start a command, and wait until it is in the middle of its work."""
    (tmp_path / "endless.py").write_text(ENDLESS_CANDIDATE)
    (tmp_path / "grid.yaml").write_text("run: {device: cpu}\ngrid: {run.seed: [0, 1, 2, 3]}")
    where = {"candidate": tmp_path / "endless.py:rnn", "grid": tmp_path / "grid.yaml", "folder": tmp_path}

    def started(line, **options):
        arguments = line.format(**where).split()
        running = start("-c", UNDER_WAY.format(arguments=arguments), **options)
        if "endless.py" in line.format(**where):
            reached = 2 if "--jobs" in line else 1
            begun = lambda: len(list(tmp_path.glob("reached-*"))) == reached  # noqa: E731
        else:
            begun = running.said
        wait_until(lambda: begun() or running.process.poll() is not None, "it does not begin")
        assert running.process.poll() is None, running.said()
        return running

    return started


GRID_OF_A_USER = "verify {grid} --candidate {candidate} --jobs 2 --timeout 1000"
COMMANDS = {
    "one case": f"verify {LONG}",
    "a candidate of one's own": "verify --candidate {candidate} --device cpu --timeout 1000",
    "a grid": "verify {grid} " + LONG.replace("--no-timing", "") + " --jobs 2",
    "a grid of a candidate of one's own": GRID_OF_A_USER,
    "a bench": "bench --only manual --device cpu --min-run-time 60",
    "a bench of a candidate": "bench --candidate {candidate} --device cpu --only candidate",
    "a watch": "verify --candidate {candidate} --device cpu --watch --timeout 1000",
    "an explanation of faults": "power --hidden-size 64 --seq-len 5000 --layers 3 --device cpu",
}


@LINUX
@pytest.mark.exhaustive(twin=LOADING, pool="long")
def test_a_command_that_is_ended_with_its_group_blames_no_candidate_and_leaves_nothing(command):
    running = command(GRID_OF_A_USER + " --format json")
    with nothing_left(running):
        os.killpg(running.process.pid, signal.SIGTERM)
    assert running.process.returncode == 143
    ended = json.loads(running.printed())
    assert (ended["cases"], ended["missing"]) == ([], [f"{SAID[signal.SIGTERM]}: 0 of 4 cases were finished"])


@LINUX
@pytest.mark.exhaustive(twin=LOADING, pool="long")
@pytest.mark.parametrize("number", [*CODES, signal.SIGQUIT, signal.SIGKILL], ids=lambda number: number.name)
@pytest.mark.parametrize("what", COMMANDS)
def test_a_command_that_is_ended_leaves_nothing(command, what, number):
    running = command(COMMANDS[what])
    with nothing_left(running):
        running.process.send_signal(number)
    assert running.process.returncode == CODES.get(number, -number)
    assert "Traceback" not in running.said()
    if number in CODES:
        assert running.said().splitlines()[-1].startswith(f"rnncli: {SAID[number]}") or "grid" in what


@LINUX
@pytest.mark.exhaustive(twin=LOADING, pool="long")
@pytest.mark.parametrize("number", [*CODES, signal.SIGKILL], ids=lambda number: number.name)
def test_a_command_that_is_ended_while_it_imports_torch_leaves_nothing(start, tmp_path, number):
    (tmp_path / "endless.py").write_text(ENDLESS_CANDIDATE)
    running = start("-m", "rnncli", "verify", "--candidate", tmp_path / "endless.py:rnn")
    maps = Path(f"/proc/{running.process.pid}/maps")
    wait_until(lambda: "libtorch_cpu" in maps.read_text() and running.leaves_nothing(), "torch is not imported")
    with nothing_left(running):
        running.process.send_signal(number)
    assert running.process.returncode == CODES.get(number, -number)
    assert running.said() == (f"rnncli: {SAID[number]}\n" if number in CODES else "")


PAUSES = """
import pathlib, time
from rnncli.manual import BUILT_IN
def rnn(input, h_0, params, case):
    while case.run.seed > 1 and not pathlib.Path(__file__).with_name("go-on").exists():
        time.sleep(0.01)
    return BUILT_IN["manual"](input, h_0, params)
"""


@LINUX
@pytest.mark.exhaustive(twin="test_a_grid_keeps_what_was_finished_and_goes_on_with_resume", pool="long")
@each_signal
def test_a_grid_in_processes_that_is_ended_goes_on_with_resume(start, tmp_path, number):
    (tmp_path / "pauses.py").write_text(PAUSES)
    (tmp_path / "grid.yaml").write_text("run: {device: cpu}\ngrid: {run.seed: [0, 1, 2, 3]}")
    file = tmp_path / "r.jsonl"
    line = ["-m", "rnncli", "verify", tmp_path / "grid.yaml", "--candidate", tmp_path / "pauses.py:rnn", "--jobs", 2]
    line += ["--format", "jsonl", "--output", file]
    running = start(*line)
    wait_until(lambda: file.exists() and file.read_text().count("\n") == 2, "two cases are not finished")
    with nothing_left(running):
        os.killpg(running.process.pid, number)
    assert running.process.returncode == CODES[number]
    assert f"{SAID[number]}: 2 of 4 cases were finished; the same command with --resume goes on" in running.said()
    (tmp_path / "go-on").touch()
    again = start(*line, "--resume")
    assert again.wait() == 0
    assert len(set(ids(file))) == 4


@LINUX
@pytest.mark.exhaustive(twin="test_a_signal_ends_with_its_exit_code", pool="long")
def test_a_command_whose_terminal_is_closed_ends_with_129(start, tmp_path):
    """The terminal takes neither the report nor the message."""
    (tmp_path / "endless.py").write_text(ENDLESS_CANDIDATE)
    terminal, attached = pty.openpty()
    code = f"""
import fcntl, os, runpy, sys, termios
fcntl.ioctl({attached}, termios.TIOCSCTTY, 0)
for stream in (0, 1, 2):
    os.dup2({attached}, stream)
sys.argv = ["rnncli", "verify", "--candidate", {str(tmp_path / "endless.py:rnn")!r}, "--timeout", "1000"]
runpy.run_module("rnncli", run_name="__main__")
"""
    running = start("-c", code, pass_fds=(attached,))
    os.close(attached)
    wait_until(lambda: list(tmp_path.glob("reached-*")), "the candidate does not run")
    with nothing_left(running):
        os.close(terminal)
    assert running.process.returncode == 129


@LINUX
@pytest.mark.exhaustive(twin=LOADING, pool="long")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_a_signal_to_the_process_of_a_candidate_costs_its_case_alone(command, tmp_path, number):
    running = command(COMMANDS["a candidate of one's own"])
    (reached,) = tmp_path.glob("reached-*")
    os.kill(int(reached.name.removeprefix("reached-")), number)
    with nothing_left(running):
        assert running.wait() == 4
    assert number.name in running.said()


def test_an_interrupt_while_the_command_is_loaded_leaves_no_traceback(start):
    code = """
import sys

class Interrupting:
    def find_spec(self, name, *_):
        if name == "rnncli.cli.options":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupting())
from rnncli.__main__ import main
main()
"""
    running = start("-c", code)
    assert running.wait() == 130
    assert running.said() == "rnncli: interrupted\n"
