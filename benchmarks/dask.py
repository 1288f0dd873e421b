"""What a second worker of a Dask cluster brings: 2,000 cases of the full grid, on one worker and on two, in turn.

`python -m benchmarks.dask` starts two schedulers on the loopback interface, one with one worker and one with two, of
one thread each; only the ratio means anything on another machine.
"""

import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
UNITS, CASES = 500, 2000  # drawn from the grid; a unit is the four built-in candidates of a case
ROUNDS = 3
LEAST = 1.6


def main() -> None:
    """Print the ratio; exit 1 where it is below its limit."""
    from rnncli.execution.dask import Cluster

    with ExitStack() as running:
        addresses = [running.enter_context(cluster(port, workers)) for port, workers in ((18791, 1), (18792, 2))]
        for address, workers in zip(addresses, (1, 2), strict=True):  # torch is loaded before anything is timed
            with Cluster(address, (), 60.0) as warm:
                while warm.threads < workers:
                    time.sleep(0.1)
                    warm.prepare()
        pairs = [(seconds(addresses[0]), seconds(addresses[1])) for _ in range(ROUNDS)]
    ratio = statistics.median(one / two for one, two in pairs)
    told = ", ".join(f"{one:.1f} s and {two:.1f} s" for one, two in pairs)
    print(f"full.yaml, {CASES} cases of it, on {len(os.sched_getaffinity(0))} cores:", end=" ")
    print(f"2 Dask workers are {ratio:.2f} times 1 (at least {LEAST}; {told})")
    sys.exit(ratio < LEAST)


def seconds(address: str) -> float:
    """How long the cases take on the workers of a scheduler, which are there and have torch loaded."""
    from rnncli.config.cases import load
    from rnncli.config.selection import Selection
    from rnncli.execution.dask import Cluster
    from rnncli.pipeline.grid import GridRun
    from rnncli.pipeline.verify import VerifyOptions

    selection = Selection([load(ROOT / "configs/full.yaml", {})])
    selection.units = random.Random(7).sample(selection.units, UNITS)
    with Cluster(address, (), 60.0) as there:
        there.prepare()
        with GridRun(selection, VerifyOptions(timing=False), cluster=there) as run:
            start = time.perf_counter()
            verdicts = [outcome.verdict for outcome in run.outcomes()]
            taken = time.perf_counter() - start
    run.journal.close()
    assert verdicts == ["match"] * CASES
    return taken


@contextmanager
def cluster(port: int, workers: int) -> Iterator[str]:
    """The address of a scheduler with some workers, which end with the context."""
    address = f"tcp://127.0.0.1:{port}"
    dask = [sys.executable, "-m"]
    commands = [[*dask, "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]]
    commands += [[*dask, "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-dashboard"]] * workers
    started = [subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd=ROOT) for command in commands]
    try:
        yield address
    finally:
        for process in reversed(started):
            process.terminate()
        for process in started:
            process.wait()


if __name__ == "__main__":
    main()
