"""Processes for tasks: what a task that dies or hangs costs, and when a process ends."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest
import torch

from rnncli.core.errors import CandidateError
from rnncli.execution.process import TookTooLong
from rnncli.execution.workers import ProcessPool, Worker, Workers


@pytest.fixture(scope="module")
def workers():
    with Workers(2, timeout_s=20.0) as executor:
        yield executor


def test_a_worker_that_dies_costs_its_task_alone(workers):
    fine = [workers.submit(abs, -number) for number in range(4)]
    dead = [workers.submit(os._exit, 3), workers.submit(os.kill, 0, signal.SIGKILL)]
    after = [workers.submit(abs, -number) for number in range(4)]
    assert [future.result() for future in fine + after] == [0, 1, 2, 3] * 2
    with pytest.raises(CandidateError, match="worker process: the case ended its own process with exit code 3"):
        dead[0].result()
    with pytest.raises(CandidateError, match=r"worker process: the case was killed \(SIGKILL\): out of memory\?"):
        dead[1].result()


def test_workers_keep_their_process(workers):
    assert len({workers.submit(os.getpid).result() for _ in range(6)}) <= 2


def test_a_worker_has_one_torch_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        Worker()
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


@pytest.mark.exhaustive(twin="test_a_worker_has_one_torch_thread", pool="long")
def test_a_process_of_a_worker_has_one_torch_thread_where_the_command_has_more():
    code = """
import torch
from rnncli.execution.workers import Workers
with Workers(1, 60.0) as workers:
    print(torch.get_num_threads(), workers.submit(torch.get_num_threads).result())
"""
    environment = {**os.environ, "OMP_NUM_THREADS": "2"}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert ended.stdout == f"{min(2, os.cpu_count())} 1\n"


def servers():
    """Return what this process was forked from, and what one that it starts was."""
    processes = ProcessPool()
    try:
        return os.getppid(), processes.run(60.0, os.getppid)
    finally:
        processes.close()


def test_what_a_worker_starts_is_forked_from_the_server_that_has_torch_loaded(workers):
    own, its = workers.submit(servers).result()
    assert own == its


def test_a_worker_that_hangs_is_ended():
    started = time.monotonic()
    with Workers(1, timeout_s=1.0) as executor:
        with pytest.raises(TookTooLong, match=r"took longer than 1 s and was ended; --timeout allows more"):
            executor.submit(time.sleep, 60).result()
        assert executor.submit(abs, -1).result() == 1
    assert time.monotonic() - started < 50


def test_workers_that_are_shut_down_at_once_leave_what_they_are_at():
    executor = Workers(1, timeout_s=60.0)
    assert executor.submit(abs, -1).result() == 1
    running = executor.submit(time.sleep, 60)
    while not running.running():
        time.sleep(0.01)
    started = time.monotonic()
    executor.shutdown(cancel_futures=True)
    assert time.monotonic() - started < 30
    with pytest.raises(CandidateError):
        running.result()


def test_a_process_is_used_again_unless_it_died():
    processes = ProcessPool()
    first = processes.run(60.0, os.getpid)
    assert processes.run(60.0, os.getpid) == first
    with pytest.raises(CandidateError, match="ended its own process with exit code 3"):
        processes.run(60.0, os._exit, 3)
    assert processes.run(60.0, os.getpid) != first
    with pytest.raises(TookTooLong, match=r"took longer than 0\.2 s"):
        processes.run(0.2, time.sleep, 60)
    processes.close()


def test_a_process_that_stays_idle_is_ended():
    processes = ProcessPool(idle_s=0.1)
    last = processes.run(60.0, os.getpid)
    deadline = time.monotonic() + 60
    with suppress(ProcessLookupError):
        while time.monotonic() < deadline:
            os.kill(last, 0)
            time.sleep(0.05)
        pytest.fail("the process still runs")
    processes.close()
