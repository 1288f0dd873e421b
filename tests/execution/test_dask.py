"""Cases on a Dask cluster: who may judge, what is lost and what is not; the same results as here.

Those with the fixture `dask` start a real scheduler and real workers: `make test-dask`.
"""

import importlib
import json
import os
import pickle
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import Executor, Future
from contextlib import suppress
from dataclasses import replace
from functools import partial

import distributed
import pytest
from conftest import ROOT
from grids import GRID, matched, processes_with, units

from rnncli.config.cases import load
from rnncli.config.selection import Selection, digests
from rnncli.core import memory
from rnncli.core.case import Case
from rnncli.core.errors import CandidateError, UnavailableError
from rnncli.core.records import Origin
from rnncli.execution import dask as client_side
from rnncli.execution.dask import Cluster, require
from rnncli.execution.dask_worker import Requirements, check_worker, run_if_met, run_task
from rnncli.execution.process import TookTooLong
from rnncli.pipeline import grid as runner
from rnncli.pipeline.grid import GridRun, outcomes, verify_unit
from rnncli.pipeline.verify import VerifyOptions

ADDRESS = "tcp://127.0.0.1:8786"
QUICK = VerifyOptions(timing=False, shrink=False)


# At the edge: Dask's client replaced


class Edge(Executor):
    """What Dask's client gives: `answer` says what comes of the task of each number."""

    def __init__(self, answer=None):
        self.answer, self.submitted = answer or (lambda _, run: run()), 0

    def submit(self, function, requirements, task, _):
        assert function is run_task
        future, self.submitted = Future(), self.submitted + 1
        came = self.answer(self.submitted, lambda: run_if_met(requirements, task, None))
        if came == "cancelled":
            future.cancel()
        elif isinstance(came, BaseException) and not isinstance(came, UnavailableError | CandidateError):
            future.set_exception(came)
        elif came is not None:
            future.set_result(came)
        return future

    def shutdown(self, wait=True):
        pass


class Client:
    """Dask's client, with a worker for each of some versions."""

    def __init__(self, executor=None, workers=({},), threads=None, said=None):
        self.executor, self.said, self.closed = executor or Edge(), said or {}, False
        self.workers = {f"tcp://w{number}:1": changed for number, changed in enumerate(workers)}
        self.threads = threads or (lambda: len(self.workers))

    def nthreads(self):
        return {"all": self.threads()}

    def get_versions(self, packages):
        assert set(packages) == {"rnncli", "torch"}
        own = {"python": "3.11.7.final.0", "rnncli": "0.1.0", "torch": "2.13.0", "dask": "1", "distributed": "1"}
        workers = {name: {"packages": own | changed} for name, changed in self.workers.items()}
        return {"client": {"packages": own}, "workers": workers}

    def run(self, function, _, on_error):
        assert (function, on_error) == (check_worker, "return")
        return {name: self.said.get(name) for name in self.workers}

    def get_executor(self, pure):
        assert not pure
        return self.executor

    def close(self):
        self.closed = True


@pytest.fixture
def connected(monkeypatch):
    """A cluster, or what the command line connects to, behind a client of ours."""
    monkeypatch.setattr(client_side, "WATCH_S", 0.05)
    opened = []

    def connect(client):
        monkeypatch.setattr(client_side, "_client", lambda _: client)
        opened.append(Cluster(ADDRESS, (), 5.0))
        return opened[-1]

    yield connect
    for each in opened:
        each.shutdown(cancel_futures=True)


def test_without_the_extra_its_name_is_told(rnncli, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    outcome = rnncli("verify", "--dask", ADDRESS)
    said = "rnncli: --dask needs Dask, which is not installed: pip install 'rnncli[dask]'\n"
    assert (outcome.code, outcome.out, outcome.err) == (3, "", said)


@pytest.mark.parametrize("address", ["here", "tcp://here", "tcp://h:0", "h:65536", "http://h:80", "inproc://h:1/2", ""])
def test_what_is_no_address_is_told(rnncli, address):
    outcome = rnncli("verify", "--dask", address)
    assert outcome.code == 2
    assert outcome.err == (
        f'rnncli: --dask: "{address}" is not allowed; allowed: the address of a scheduler, tcp://HOST:PORT or'
        " tls://HOST:PORT, as tcp://127.0.0.1:8786\n"
    )


@pytest.mark.parametrize("address", ["tcp://h:1", "h-1.example:8786", "tls://10.0.0.1:443", "tcp://[::1]:8786"])
def test_an_address_is_one(address):
    require(address)


def test_what_answers_and_is_no_scheduler_is_told_within_a_bound(rnncli, monkeypatch):
    monkeypatch.setattr(client_side, "CONNECT_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it takes the connection, and says nothing
        port = silent.getsockname()[1]
        outcome = rnncli("verify", "configs/smoke.yaml", "--dask", f"tcp://127.0.0.1:{port}")
    assert (outcome.code, outcome.out) == (3, "")
    assert (
        f"no Dask scheduler was reached at tcp://127.0.0.1:{port}: nothing answered as one within 0.3 s" in outcome.err
    )


@pytest.mark.parametrize("address", ["tcp", "tls"])
def test_a_scheduler_that_is_not_there_is_told(rnncli, monkeypatch, address):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"{address}://127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setattr(client_side, "CONNECT_S", 0.5)
        start = time.monotonic()
        outcome = rnncli("verify", "--dask", address)
    assert outcome.code == 3
    assert re.fullmatch(rf"rnncli: --dask: no Dask scheduler was reached at {address}: .+\n", outcome.err)
    assert time.monotonic() - start < 10 > client_side.CONNECT_S


@pytest.mark.parametrize("flags", [("--watch",), ("--list",), ("--jobs", "2")], ids=" ".join)
def test_a_flag_without_effect_on_a_cluster_is_refused(rnncli, flags):
    outcome = rnncli("verify", "--dask", ADDRESS, *flags)
    said = f"rnncli: {flags[0]}: has no effect with --dask; allowed: one of the two\n"
    assert (outcome.code, outcome.err) == (2, said)


def test_dask_is_imported_by_those_who_ask_for_it_alone(rnncli, asked_for):
    names = asked_for("distributed", "dask", holders="rnncli.execution.dask")
    importlib.import_module("rnncli.execution.dask")
    assert rnncli("verify", "--device", "cpu", "--no-timing", "--candidate", "bmm").code == 0
    assert not names
    assert rnncli("verify", "--dask", ADDRESS).code == 3
    assert names


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"torch": "2.5.1"}, "torch is 2.5.1 there and 2.13.0 here; install the same on both sides"),
        ({"python": "3.12.1.final.0"}, "python is 3.12 there and 3.11 here; install the same on both sides"),
        ({"distributed": "2"}, "distributed is 2 there and 1 here; install the same on both sides"),
        ({"rnncli": None}, "rnncli is not installed there; allowed: rnncli 0.1.0, as here"),
    ],
    ids=["torch", "python", "distributed", "no rnncli"],
)
def test_a_worker_of_another_version_is_refused(connected, changed, what):
    with pytest.raises(UnavailableError) as told:
        connected(Client(workers=({}, changed))).prepare()
    assert str(told.value) == f"--dask: worker tcp://w1:1: {what}"


def test_workers_of_the_same_versions_are_taken(connected):
    connected(Client(workers=({}, {"python": "3.11.9.final.0"}, {"numpy": "1"}))).prepare()


def test_of_many_wrong_workers_the_first_are_told(connected):
    with pytest.raises(UnavailableError) as told:
        connected(Client(workers=[{"torch": "1"}] * 8)).prepare()
    assert len(str(told.value).splitlines()) == 6
    assert str(told.value).endswith("--dask: and 3 more workers")


def test_what_a_worker_says_of_its_processes_is_told(connected):
    with pytest.raises(UnavailableError, match=r"^--dask: worker tcp://w0:1: mine\.py is missing$"):
        connected(Client(said={"tcp://w0:1": "mine.py is missing"})).prepare()


def test_a_process_of_another_version_judges_nothing():
    done = []
    requirements = Requirements.of_this_process(())
    assert run_if_met(requirements, pickle.dumps(done.copy), None) == pickle.dumps([])
    other = replace(requirements, versions=(*requirements.versions[:2], ("torch", "1.0"), *requirements.versions[3:]))
    assert [name for name, _ in requirements.versions] == list(client_side.COMPARED)
    why = run_if_met(other, b"is not even read", None)
    assert re.match(r"torch is .+ there and 1\.0 here; install the same on both sides", why)


@pytest.mark.parametrize("target", ["mine.py:f", "sub/mine.py:f", "mine:f"])
@pytest.mark.parametrize("change", ["content", "missing", "helper"])
def test_a_process_with_another_candidate_judges_nothing(tmp_path, monkeypatch, target, change):
    (tmp_path / "sub").mkdir()
    for file in ("mine.py", "sub/mine.py", "helper.py", "sub/helper.py"):
        (tmp_path / file).write_text("def f(): pass\n")
    monkeypatch.chdir(tmp_path)
    requirements = Requirements.of_this_process([target])
    assert requirements.unmet() is None
    folder = tmp_path / "sub" if "sub" in target else tmp_path
    file = folder / ("helper.py" if change == "helper" else "mine.py")
    file.unlink() if change == "missing" else file.write_text("def f(): return 1\n")
    what = "is missing" if change == "missing" else "is not the file that it is here"
    where = "the files of a candidate must be on every worker, at the same path"
    assert requirements.unmet().endswith(f"{file.name} {what}; {where}")


def test_a_process_serves_two_runs_from_two_folders_in_turn(tmp_path, monkeypatch):
    requirements = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.py").write_text(f"{name} = 1\n")
        monkeypatch.chdir(tmp_path / name)
        requirements.append(Requirements.of_this_process(["mine.py:f"]))
    monkeypatch.chdir("/")
    for one in (*requirements, *requirements):
        assert pickle.loads(run_if_met(one, pickle.dumps(os.getcwd), None)) == one.folder


def test_files_of_a_module_have_names_that_are_the_same_wherever_it_is_installed(tmp_path, monkeypatch):
    found = []
    for place in ("here", "there"):
        package = tmp_path / place / "rnn_package"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("")
        (package / "cell.py").write_text("x = 1\n")
        monkeypatch.setattr(sys, "path", [str(tmp_path / place), *sys.path[1:]])
        found.append(digests(["rnn_package:f"]))
    assert found[0] == found[1]
    assert list(found[0]) == ["rnn_package/__init__.py", "rnn_package/cell.py"]


def test_a_module_alone_is_not_made_of_those_installed_beside_it(tmp_path, monkeypatch):
    installed = tmp_path / "site-packages"
    installed.mkdir()
    for name in ("my_rnn", "another"):
        (installed / f"{name}.py").write_text("")
    monkeypatch.syspath_prepend(installed)
    assert list(digests(["my_rnn:f"])) == ["site-packages/my_rnn.py"]


def test_a_case_that_kills_every_worker_costs_itself_alone(connected):
    killed = []

    def dies(_, run):
        indices = [outcome.index for outcome in pickle.loads(run())]
        if 2 not in indices:
            return run()
        killed.append(indices)
        return distributed.KilledWorker("task", None, 3)

    there = connected(Client(Edge(dies)))
    came = list(outcomes(units(1, 3, 1), matched, there, lambda: 2, {}))
    assert sorted(outcome.index for outcome in came) == list(range(5))
    (failed,) = (json.loads(outcome.line) for outcome in came if outcome.failed)
    assert (failed["verdict"], failed["error"]["kind"]) == (None, "candidate")
    assert failed["error"]["message"].endswith("every worker that took it died while it ran: out of memory?")
    assert killed == [[1, 2, 3], [2]]


def test_a_process_that_dies_on_a_worker_is_a_candidate_that_failed(connected):
    there = connected(Client(Edge(lambda *_: TookTooLong("worker process: the case took longer"))))
    with pytest.raises(TookTooLong, match="worker process: the case took longer"):
        there.submit(abs, -1).result(5)


def test_a_lost_scheduler_ends_what_is_waited_for_and_what_comes(connected):
    there = connected(Client(Edge(lambda number, _: "cancelled" if number == 2 else None)))
    first, second = there.submit(abs, -1), there.submit(abs, -2)
    for future in (first, second, there.submit(abs, -3)):
        with pytest.raises(UnavailableError, match=f"^--dask: {ADDRESS}: the scheduler is gone$"):
            future.result(5)


def test_a_worker_that_comes_later_with_another_version_ends_the_run(connected):
    refusal = UnavailableError("--dask: worker tcp://late:1: torch is 1 there and 2 here; install the same")
    there = connected(Client(Edge(lambda number, run: refusal if number == 2 else run())))
    assert there.submit(abs, -1).result(5) == 1
    with pytest.raises(UnavailableError, match="worker tcp://late:1: torch is 1 there"):
        there.submit(abs, -2).result(5)


@pytest.mark.parametrize(
    ("late", "said"),
    [
        ({"rnncli": None}, "worker tcp://late:1: rnncli is not installed there"),
        ({}, "KeyError: 'what'"),
        (None, "KeyError: 'what'"),
    ],
    ids=["its worker is found", "no worker is wrong", "nobody can say"],
)
def test_an_error_of_another_kind_is_told(connected, late, said):
    client = Client(Edge(lambda *_: KeyError("what")))
    there = connected(client)
    there.prepare()
    client.workers["tcp://late:1"] = late
    with pytest.raises(UnavailableError, match=said):
        there.submit(abs, -1).result(5)


@pytest.mark.exhaustive(twin="test_results_are_those_of_a_local_run", pool="long")
def test_a_cluster_without_workers_for_long_is_lost(connected, monkeypatch):
    monkeypatch.setattr(client_side, "NO_WORKER_S", 0.3)
    client = Client(Edge(lambda *_: None))
    there = connected(client)
    there.prepare()
    future = there.submit(abs, -1)
    time.sleep(0.6)
    assert not future.done()
    client.threads = lambda: 0
    with pytest.raises(UnavailableError, match=f"^--dask: {ADDRESS} had no worker for 0.3 s$"):
        future.result(5)


def test_workers_are_waited_for(connected):
    waits = iter([0, 0, 0, 2])
    there = connected(Client(threads=lambda: next(waits, 2)))
    assert there.threads == 0
    there.prepare()
    assert there.threads == 2


def test_a_cluster_that_has_no_workers_is_told(rnncli, connected, monkeypatch):
    monkeypatch.setattr(client_side, "WORKERS_S", 0.2)
    monkeypatch.setattr(Cluster.prepare, "__defaults__", (0.2,))
    client = Client(threads=lambda: 0)
    connected(client)
    outcome = rnncli("verify", "--dask", ADDRESS)
    assert outcome.code == 3
    assert outcome.err == (
        f"rnncli: {ADDRESS} has no workers; waiting up to 0.2 s for one\n"
        f"rnncli: --dask: {ADDRESS} has no workers; 0.2 s were waited for one\n"
    )
    assert client.closed


def test_as_many_units_are_given_as_there_are_threads(connected):
    client = Client()
    there = connected(client)
    run = GridRun(Selection([load(None, {})]), QUICK, cluster=there)
    given = []
    for threads in (1, 4, 0, 8):
        there.threads = threads
        given.append(run._ahead())
    run.journal.close()
    assert given == [2, 8, 2, 16]


def one_of(**sizes):
    return Case.model_validate({"rnn": sizes, "run": {"device": "cpu"}}), Origin(config="", index=0, cases=1)


def test_a_task_on_a_worker_ends_after_a_moment(monkeypatch):
    unit = [one_of(hidden_size=size) for size in (3, 4, 5)]
    assert len(verify_unit(unit, QUICK, {}, on_cluster=True)) == 3
    monkeypatch.setattr(runner, "TASK_S", 0.0)
    assert len(verify_unit(unit, QUICK, {}, on_cluster=True)) == 1
    assert len(verify_unit(unit, QUICK, {})) == 3


def test_a_case_too_big_for_its_worker_costs_itself_alone():
    memory.limit(2**20)
    try:
        came = verify_unit([one_of(hidden_size=3), one_of(hidden_size=2000)], QUICK, {}, on_cluster=True)
    finally:
        memory.limit(None)
    assert [outcome.verdict for outcome in came] == ["match", None]
    error = json.loads(came[1].line)["error"]
    assert error["kind"] == "config"
    assert "needed, 1 MiB available (hidden_size 2000" in error["message"]


def test_the_memory_of_a_case_is_that_of_its_worker():
    requirements, task = Requirements.of_this_process(()), pickle.dumps(memory.available_memory)
    assert pickle.loads(run_if_met(requirements, task, 1000)) == 1000
    assert pickle.loads(run_if_met(requirements, task, 0)) > 1000  # Dask's word for no limit


def test_a_case_too_big_for_this_machine_is_given_to_the_cluster(rnncli, connected, monkeypatch):
    connected(Client())
    monkeypatch.setattr(memory, "available_memory", lambda: 10)
    outcome = rnncli("verify", "--dask", ADDRESS, "--device", "cpu", "--format", "json")
    (case,) = json.loads(outcome.out)["cases"]
    assert outcome.code == 2
    assert case["error"]["message"].startswith("the case is too big")


def comparable(text):
    """Results as a set of lines, without what differs from run to run."""
    lines = [json.loads(line) for line in text.splitlines()]
    assert len({line["id"] for line in lines}) == len(lines)
    return sorted(json.dumps(line | {"timing": None, "environment": None}, sort_keys=True) for line in lines)


@pytest.fixture
def grid(tmp_path):
    config = tmp_path / "grid.yaml"
    config.write_text(GRID)
    return config


def test_results_are_those_of_a_local_run(rnncli, connected, grid):
    connected(Client())
    few = (grid, "--filter", "layout=batched", "--filter", "dtype=float32", "--format", "jsonl")
    there, here = rnncli("verify", *few, "--dask", ADDRESS), rnncli("verify", *few, "--jobs", 1)
    assert (there.code, here.code) == (0, 0)
    assert comparable(there.out) == comparable(here.out)
    assert len(here.out.splitlines()) == 16


def test_a_mismatch_on_a_cluster_is_shrunk_too(rnncli, connected):
    connected(Client())
    flags = ("--device", "cpu", "--format", "json", "--no-timing", "--atol", "0", "--rtol", "0", "--seq-len", "9")
    there, here = rnncli("verify", *flags, "--dask", ADDRESS), rnncli("verify", *flags)
    assert (there.code, here.code) == (1, 1)
    (first,), (second,) = (json.loads(each.out)["cases"] for each in (there, here))
    assert first["replay"] == second["replay"]
    assert first["checks"] == second["checks"]


@pytest.mark.exhaustive(twin="test_results_are_those_of_a_local_run", sample=1)
@pytest.mark.parametrize("format", ["json", "jsonl", "table"])
def test_what_was_finished_before_the_cluster_was_lost_is_kept(rnncli, connected, grid, tmp_path, format):
    connected(Client(Edge(lambda number, run: "cancelled" if number == 3 else run())))
    file = tmp_path / "results"
    outcome = rnncli("verify", grid, "--dask", ADDRESS, "--format", format, "--output", file)
    assert outcome.code == 3
    text = file.read_text()
    told = text if format == "table" else outcome.err
    found = re.search(rf"INCOMPLETE: --dask: {ADDRESS}: the scheduler is gone: (\d+) of 96", " ".join(told.split()))
    finished = int(found[1])
    assert 0 < finished < 96
    if format == "json":
        assert len(json.loads(text)["cases"]) == finished
    elif format == "jsonl":
        assert len(text.splitlines()) == finished
        assert "; the same command with --resume goes on" in told


# Real schedulers and workers


WIDE = GRID.replace("candidate: [", "run.seed: [0, 1]\n  candidate: [")
CASES = 192
IN_PROC = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


class Dask:
    """A scheduler and workers on this machine, in a folder that is not ours, and rnncli beside them."""

    def __init__(self, folder):
        self.folder, self.started, self.workers = folder, [], []
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{port}"
        settings = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"}
        self.scheduler = self._start("dask_scheduler", "--host", "127.0.0.1", "--port", port, **settings)

    def _start(self, command, *flags, **environment):
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
        arguments = [sys.executable, "-m", f"distributed.cli.{command}", *map(str, flags), "--no-dashboard"]
        with (self.folder / f"log-{len(self.started)}").open("wb") as log:
            process = subprocess.Popen(arguments, stdout=log, stderr=log, cwd=self.folder, env=environment)
        self.started.append(process)
        return process

    def worker(self, *flags, **environment):
        self.workers.append(self._start("dask_worker", self.address, "--nthreads", 1, *flags, **environment))
        return self.workers[-1]

    def client(self):
        return distributed.Client(self.address, set_as_default=False)

    def wait_for(self, workers):
        with self.client() as client:
            client.wait_for_workers(workers, timeout=60)

    def running(self, *arguments, cwd=ROOT, before=""):
        """rnncli verify under way."""
        line = ["rnncli", "verify", *map(str, arguments), "--dask", self.address]
        code = f"import sys\nsys.argv = {line!r}\n{before}\nfrom rnncli.cli.main import main\nmain()"
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        heeds = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # under nohup too
        command = [sys.executable, "-c", code]
        self.started.append(subprocess.Popen(command, cwd=cwd, env=environment, preexec_fn=heeds, **pipes))
        return self.started[-1]

    def rnncli(self, *arguments, code=0, cwd=ROOT):
        """What rnncli verify says on stdout and on stderr."""
        running = self.running(*arguments, cwd=cwd)
        out, err = running.communicate(timeout=200)
        logs = "".join(log.read_text()[-2000:] for log in sorted(self.folder.glob("log-*")))
        assert running.returncode == code, (out, err, logs)
        return out, err

    def end(self):
        for process in reversed(self.started):  # a worker whose scheduler is gone looks for it
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=20)
            process.kill()
            process.communicate()

    def assert_nothing_is_queued(self):
        with self.client() as client:
            deadline = time.monotonic() + 10
            while tasks := client.run_on_scheduler(lambda dask_scheduler: list(dask_scheduler.tasks)):
                assert time.monotonic() < deadline, tasks
                time.sleep(0.1)


@pytest.fixture
def dask(request, tmp_path):
    if "dask" not in request.config.option.markexpr:
        pytest.skip("starts a scheduler and workers: make test-dask")
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    cluster = Dask(folder)
    yield cluster
    cluster.end()


@pytest.fixture
def wide(tmp_path):
    config = tmp_path / "wide.yaml"
    config.write_text(WIDE)
    return config


def here(*arguments, cwd=ROOT):
    """The lines of a local run."""
    command = [sys.executable, "-m", "rnncli", "verify", *map(str, arguments), "--format", "jsonl", "--jobs", "1"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=environment).stdout


def until(file, count, running):
    """Wait for a number of lines in the file of a command under way."""
    deadline = time.monotonic() + 120
    while not file.exists() or len(file.read_bytes().splitlines()) < count:
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def shown_until_some_are_done(running):
    """Read the signs of life of a command under way."""
    while not re.search(r"[1-9]\d* of 192 cases done", line := running.stderr.readline()):
        assert line.startswith("rnncli: 0 of"), line


def finished(file, format):
    """How many cases a file holds."""
    text = file.read_text()
    return len(json.loads(text)["cases"] if format == "json" else text.splitlines())


@pytest.mark.dask
def test_a_cluster_gives_the_results_of_a_local_run_bit_by_bit(dask, wide):
    dask.worker()
    dask.worker("--no-nanny", "--nthreads", 2)
    dask.wait_for(2)
    out, err = dask.rnncli(wide, "--format", "jsonl")
    assert comparable(out) == comparable(here(wide))
    assert len(out.splitlines()) == CASES
    assert err.splitlines()[-1] == f"rnncli: {CASES} cases: {CASES} match"
    assert all(re.match(r"rnncli: \d+ of 192 cases done", line) for line in err.splitlines()[:-1])


@pytest.mark.dask
def test_a_worker_that_is_killed_loses_nothing_and_doubles_nothing(dask, wide, tmp_path):
    dask.worker("--no-nanny")
    dask.worker("--no-nanny")
    dask.wait_for(2)
    file = tmp_path / "r.jsonl"
    running = dask.running(wide, "--format", "jsonl", "--output", file)
    until(file, 40, running)
    dask.workers[0].kill()
    _, err = running.communicate(timeout=200)
    assert running.returncode == 0, err
    assert len(file.read_text().splitlines()) == CASES
    assert comparable(file.read_text()) == comparable(here(wide))


@pytest.mark.dask
def test_a_client_that_is_killed_leaves_nothing_queued_and_goes_on_with_resume(dask, wide, tmp_path):
    dask.worker()
    file = tmp_path / "r.jsonl"
    running = dask.running(wide, "--format", "jsonl", "--output", file)
    until(file, 40, running)
    running.kill()
    running.communicate()
    assert 40 <= len(file.read_text().splitlines()) < CASES
    dask.assert_nothing_is_queued()
    _, err = dask.rnncli(wide, "--format", "jsonl", "--output", file, "--resume")
    assert re.match(r"rnncli: \d+ of 192 cases are in ", err)
    assert comparable(file.read_text()) == comparable(here(wide))


def under_way(dask, *arguments):
    """A run on one worker, of which some cases are done and shown to be."""
    dask.worker()
    dask.wait_for(1)
    progress = "rnncli.cli.progress"
    running = dask.running(*arguments, before=f"import {progress}\n{progress}.FIRST_LINE_S = 0.1")
    shown_until_some_are_done(running)
    return running


@pytest.mark.dask
@pytest.mark.parametrize("format", ["jsonl", "json"])
def test_an_interrupt_keeps_what_was_finished_and_leaves_nothing_queued(dask, wide, tmp_path, format):
    file = tmp_path / "r"
    running = under_way(dask, wide, "--format", format, "--output", file)
    running.send_signal(signal.SIGINT)
    start = time.monotonic()
    _, err = running.communicate(timeout=30)
    assert time.monotonic() - start < 5
    assert running.returncode == 130, err
    found = re.search(r"interrupted: (\d+) of 192 cases were finished", err)
    assert finished(file, format) == int(found[1]) > 0
    assert "Traceback" not in err
    dask.assert_nothing_is_queued()


@pytest.mark.dask
@pytest.mark.parametrize("format", ["jsonl", "json"])
def test_a_scheduler_that_is_killed_keeps_what_was_finished(dask, wide, tmp_path, format):
    file = tmp_path / "r"
    running = under_way(dask, wide, "--format", format, "--output", file)
    dask.scheduler.kill()
    _, err = running.communicate(timeout=30)
    assert running.returncode == 3, err
    found = re.search(rf"--dask: {dask.address}: the scheduler is gone: (\d+) of 192 cases were finished", err)
    assert finished(file, format) == int(found[1]) > 0
    assert all(line.startswith("rnncli: ") for line in err.splitlines())


@pytest.mark.dask
def test_a_run_whose_workers_are_all_gone_is_given_up(dask, wide, tmp_path):
    dask.worker("--no-nanny")
    dask.wait_for(1)
    file = tmp_path / "r.jsonl"
    before = "import rnncli.execution.dask\nrnncli.execution.dask.NO_WORKER_S = 3"
    running = dask.running(wide, "--format", "jsonl", "--output", file, before=before)
    until(file, 20, running)
    dask.workers[0].kill()
    _, err = running.communicate(timeout=60)
    assert running.returncode == 3
    assert f"INCOMPLETE: --dask: {dask.address} had no worker for 3 s: {finished(file, 'jsonl')} of 192" in err
    dask.worker()
    dask.rnncli(wide, "--format", "jsonl", "--output", file, "--resume")
    assert comparable(file.read_text()) == comparable(here(wide))


MINE = """
import torch
from helper import times

def rnn(x, h, W_ih, W_hh, b_ih, b_hh):
    states = []
    for x_t in x:
        h = torch.tanh(x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh)
        states.append(h)
    return times(torch.stack(states)), h
"""


@pytest.fixture
def own(tmp_path):
    """A folder with a candidate of one's own."""
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "helper.py").write_text("def times(x): return x\n")
    (tmp_path / "two.yaml").write_text("run: {device: cpu}\ngrid: {rnn.bidirectional: [false, true]}")
    return tmp_path


@pytest.mark.dask
@pytest.mark.parametrize(
    ("target", "flags"),
    [("mine.py:rnn", ()), ("mine:rnn", ("--no-nanny",)), ("mine.py:rnn", ("--nthreads", "2"))],
    ids=["nanny", "no nanny", "two threads"],
)
def test_a_candidate_of_one_s_own_is_judged_on_a_worker(dask, own, flags, target):
    dask.worker(*flags)
    out, _ = dask.rnncli("two.yaml", "--candidate", target, "--format", "jsonl", cwd=own)
    assert comparable(out) == comparable(here("two.yaml", "--candidate", target, cwd=own))
    assert [json.loads(line)["verdict"] for line in out.splitlines()] == ["match"] * 2


@pytest.mark.dask
def test_a_candidate_that_is_another_on_a_worker_is_refused(dask, own):
    for place, factor in (("installed", 1), ("other", 2)):
        package = own / place / "rnn_package"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(MINE.replace("helper", "rnn_package.helper"))
        (package / "helper.py").write_text(f"def times(x): return {factor} * x\n")
    dask.worker(PYTHONPATH=f"{ROOT}:{own / 'other'}")
    dask.wait_for(1)
    flags = ("--candidate", "rnn_package:rnn", "--device", "cpu")
    running = dask.running(*flags, before=f"sys.path.append({str(own / 'installed')!r})")
    out, err = running.communicate(timeout=60)
    assert (running.returncode, out) == (3, "")
    assert re.fullmatch(
        r"rnncli: --dask: worker tcp://127.0.0.1:\d+: rnn_package/helper.py is not the file that it is here; the files"
        r" of a candidate must be on every worker, at the same path\n",
        err,
    )


def another_version(folder, version):
    """A folder that makes Dask, and what imports it, see another version of rnncli."""
    shutil.copytree(ROOT / "rnncli", folder / "rnncli", ignore=shutil.ignore_patterns("__pycache__"))
    module = folder / "rnncli/__init__.py"
    module.write_text(module.read_text().replace('__version__ = "0.1.0"', f'__version__ = "{version}"'))
    info = folder / f"rnncli-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: rnncli\nVersion: {version}\n")
    return folder


@pytest.mark.dask
def test_a_worker_of_another_version_is_refused_before_anything_runs(dask, tmp_path):
    dask.worker(PYTHONPATH=str(another_version(tmp_path / "other", "9.9")))
    out, err = dask.rnncli("--device", "cpu", code=3)
    assert out == ""
    assert re.search(r"worker tcp://127.0.0.1:\d+: rnncli is 9\.9 there and 0\.1\.0 here; install the same", err)


@pytest.mark.dask
def test_a_worker_of_another_version_that_comes_later_judges_nothing(dask, wide, tmp_path):
    dask.worker()
    dask.wait_for(1)
    file = tmp_path / "r.jsonl"
    running = dask.running(wide, "--format", "jsonl", "--output", file)
    until(file, 4, running)
    other = another_version(tmp_path / "other", "9.9")
    shutil.rmtree(next(other.glob("*.dist-info")))  # what Dask says of it is right: the task itself has to look
    dask.worker(PYTHONPATH=str(other))
    _, err = running.communicate(timeout=120)
    assert running.returncode == 3, err
    assert re.search(r"worker tcp://127.0.0.1:\d+: rnncli is 9\.9 there and 0\.1\.0 here; install the same", err)
    assert set(comparable(file.read_text())) < set(comparable(here(wide)))


KILLS = """
import os, signal
from rnncli.manual import BUILT_IN

def parent(pid):
    return int(open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[1])

def rnn(input, h_0, params, case):
    if case.rnn.hidden_size == 7:
        os.kill(parent(os.getppid()), signal.SIGKILL)  # of the server of this process: the worker
    return BUILT_IN["manual"](input, h_0, params)
"""


@IN_PROC
@pytest.mark.dask
def test_a_case_that_kills_its_workers_again_and_again_costs_itself_alone(dask, tmp_path):
    (tmp_path / "kills.py").write_text(KILLS)
    (tmp_path / "grid.yaml").write_text("run: {device: cpu}\ngrid: {rnn.hidden_size: [5, 6, 7, 8]}")
    dask.worker()
    dask.worker()
    dask.wait_for(2)
    out, _ = dask.rnncli("grid.yaml", "--candidate", "kills.py:rnn", "--format", "json", code=4, cwd=tmp_path)
    cases = json.loads(out)["cases"]
    assert [case["verdict"] for case in cases] == ["match", "match", None, "match"]
    assert cases[2]["error"]["message"].endswith("every worker that took it died while it ran: out of memory?")


@IN_PROC
@pytest.mark.dask
@pytest.mark.parametrize("flag", ["--nanny", "--no-nanny"])
@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGKILL], ids=["asked to", "killed"])
def test_the_processes_of_a_worker_end_with_it(dask, flag, by):
    mark = f"RNNCLI_TEST={dask.folder}"
    worker = dask.worker(flag, RNNCLI_TEST=str(dask.folder))
    dask.rnncli("--device", "cpu")
    assert len(processes_with(mark)) >= 3  # the worker, the server, the process
    worker.send_signal(by)
    deadline = time.monotonic() + 20
    while left := processes_with(mark):
        assert time.monotonic() < deadline, left
        time.sleep(0.1)
