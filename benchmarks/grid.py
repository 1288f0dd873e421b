"""What many cases cost: the smoke check, the full grid beside a plain loop, processes, memory, and kills.

`python -m benchmarks.grid [PART...]` prints each part; only ratios mean anything on another machine.
"""

import collections
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

RNNCLI = [sys.executable, "-W", "ignore", "-m", "rnncli"]
YARDSTICK = [sys.executable, "-W", "ignore", "-c", "import torch"]
ROOT = Path(__file__).parents[1]
SMOKE, FULL = "configs/smoke.yaml", "configs/full.yaml"
SMOKE_LIMIT, PLAIN_LEAST, JOBS_LEAST = 3.0, 0.3, 1.8
SAMPLED = 120  # units of the full grid, four cases each
CASES = (25_000, 50_000, 100_000)
KILLS = 20
MIXED = ["--filter", "num_layers=2", "--filter", "layout!=batched", "--filter", "dtype=float32"]  # 768 of the full grid


def run(*command: object) -> tuple[float, int]:
    """Wall time of a command that must succeed, and the most bytes it takes, with what it starts."""
    start = time.perf_counter()
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, list(map(str, command)))
    return time.perf_counter() - start, usage.ru_maxrss * 1024


def smoke() -> bool:
    """The smoke check in one process, start-up included, in imports of torch."""
    ratios = []
    for turn in range(8):
        yardstick = run(*YARDSTICK)[0]
        ratio = run(*RNNCLI, "verify", SMOKE, "--jobs", 1)[0] / yardstick
        ratios += [ratio] if turn else []  # the first warms the disk cache
    median = statistics.median(ratios)
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    print(f"smoke.yaml in one process: {median:.2f} imports of torch ({spread}, 7 rounds; limit {SMOKE_LIMIT:g})")
    return median <= SMOKE_LIMIT


def plain() -> bool:
    """The full grid in one process beside the plain loop: a sample of units, in turn."""
    import torch

    from benchmarks import cost
    from rnncli.config.cases import load
    from rnncli.config.selection import Selection
    from rnncli.pipeline.grid import verify_unit
    from rnncli.pipeline.verify import VerifyOptions

    torch.set_num_threads(1)
    selection = Selection([load(ROOT / FULL, {})])
    origin, options = selection.origins(()), VerifyOptions(timing=False, shrink=False)
    chosen = random.Random(7).sample(selection.units, SAMPLED)
    units = [[(selection.case(index), origin(index)) for index in unit] for unit in chosen]

    def ours() -> None:
        for unit in units:
            verify_unit(unit, options, {})

    def loop() -> list[bool]:
        return [cost.plain(case) for unit in units for case, _ in unit]

    ours(), loop()
    pairs = [(taken(ours), taken(loop)) for _ in range(3)]
    ratio = statistics.median(theirs / own for own, theirs in pairs)
    count = sum(map(len, units))
    own, theirs = (count / statistics.median(times) for times in zip(*pairs, strict=True))
    print(f"full.yaml, {count} cases of it, in one process: {own:.0f} cases/s, the plain loop {theirs:.0f};", end=" ")
    print(f"ratio {ratio:.2f} (at least {PLAIN_LEAST})")
    print(f"  the plain loop calls {loop().count(False)} of these {count} right implementations wrong, rnncli none")
    print("  where the time goes: " + ", ".join(f"{name} {share:.0%}" for name, share in shares(ours)))
    return ratio >= PLAIN_LEAST


def taken(work: Callable[[], object]) -> float:
    """Seconds that work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def shares(work: Callable[[], object]) -> list[tuple[str, float]]:
    """The part of the time that each of some functions takes, without what it calls of the others."""
    from rnncli.numerics import oracle, runs
    from rnncli.pipeline import grid as runner
    from rnncli.verdict import evaluate, problem, stage

    stack, spent = ["the rest"], collections.Counter[str]()
    last = time.perf_counter()

    @contextmanager
    def within(name: str) -> Iterator[None]:
        nonlocal last
        now = time.perf_counter()
        spent[stack[-1]] += now - last
        last = now
        stack.append(name)
        try:
            yield
        finally:
            now = time.perf_counter()
            spent[stack.pop()] += now - last
            last = now

    def timed(owner: Any, attribute: str, name: str) -> Callable[[], None]:
        function = getattr(owner, attribute)

        def wrapped(*arguments: Any, **named: Any) -> Any:
            with within(name):
                return function(*arguments, **named)

        setattr(owner, attribute, wrapped)
        return lambda: setattr(owner, attribute, function)

    restore = [
        timed(problem, "draw", "drawing the probe"),
        timed(problem, "evaluate", "nn.RNN"),
        timed(evaluate.FunctionCandidate, "evaluate", "the candidate"),
        timed(problem, "built", "nn.RNN"),
        timed(oracle, "recurrent", "the oracle"),
        timed(runs.Runs, "tensors", "the noisy runs"),
        timed(oracle.Oracle, "_measured", "the envelope"),
        timed(stage, "compare", "comparing"),
        timed(stage._Open, "resolved", "comparing"),
        timed(runner, "line_of", "JSON"),
    ]
    try:
        work()
    finally:
        for undo in restore:
            undo()
    spent["the rest"] += time.perf_counter() - last
    total = sum(spent.values())
    return [(name, seconds / total) for name, seconds in spent.most_common()]


def jobs() -> bool:
    """The whole of the full grid with one job and with two, in turn."""
    pairs = [tuple(run(*RNNCLI, "verify", FULL, "--jobs", count)[0] for count in (1, 2)) for _ in range(2)]
    ratios = [one / two for one, two in pairs]
    seconds = ", ".join(f"{one:.0f} s and {two:.0f} s" for one, two in pairs)
    best = statistics.median(ratios)
    print(f"full.yaml, 9216 cases: 2 jobs {best:.2f} times 1 job on 2 cores (at least {JOBS_LEAST}; {seconds})")
    return best >= JOBS_LEAST


def memory() -> bool:
    """The list, and a merged report, of many cases: peak memory, and time, which may not grow faster than they."""
    right = True
    with tempfile.TemporaryDirectory() as folder:
        for what in ("--list", "report"):
            seen = []
            for count in CASES:
                command = _list(Path(folder), count) if what == "--list" else _report(Path(folder), count)
                seen.append((count, *run(*RNNCLI, *command)))
            for count, seconds, peak in seen:
                print(f"{what:7} {count:7} cases: {seconds:6.1f} s, {peak / 2**20:5.0f} MiB")
            (first, fast, _), (last, slow, most) = seen[0], seen[-1]
            growth = (slow / last) / (fast / first)
            print(f"  seconds a case at {last} over those at {first}: {growth:.2f}")
            right &= growth < 1.3 and most < 2**30
    return right


def _list(folder: Path, count: int) -> list[object]:
    config = folder / f"{count}.yaml"
    config.write_text(f"grid: {{run.seed: {list(range(count // 100))}, rnn.hidden_size: {list(range(1, 101))}}}\n")
    return ["verify", config, "--list"]


def _report(folder: Path, count: int) -> list[object]:
    """Four shards of results: a real case, as often as is asked for, under an id of its own."""
    line = subprocess.run([*RNNCLI, "verify", "--format", "jsonl"], capture_output=True, check=True, cwd=ROOT).stdout
    case = json.loads(line)
    for shard in range(1, 5):
        with (folder / f"{shard}.jsonl").open("w") as file:
            for index in range(shard - 1, count, 4):
                origin = {"index": index, "cases": count, "shard": f"{shard}/4", "shard_cases": count // 4}
                file.write(json.dumps(case | {"id": f"{index:010x}", "origin": case["origin"] | origin}) + "\n")
    return ["report", *(folder / f"{shard}.jsonl" for shard in range(1, 5))]


def kills() -> bool:
    """kill -9 at random moments: after --resume, the merged report is that of an undisturbed run."""
    generator = random.Random(7)
    with tempfile.TemporaryDirectory() as folder:
        whole, file = Path(folder) / "whole.jsonl", Path(folder) / "killed.jsonl"
        base = [*RNNCLI, "verify", FULL, *MIXED, "--jobs", "2", "--format", "jsonl", "--output"]
        length = run(*base, whole)[0]
        expected = _merged(whole)
        differ = []
        for victim in ("the parent", "a worker"):
            left = []
            for _ in range(KILLS):
                file.unlink(missing_ok=True)
                running = subprocess.Popen([*base, file], stderr=subprocess.DEVNULL, cwd=ROOT)
                time.sleep(generator.uniform(0.35 * length, 0.95 * length))
                _kill(running, victim, generator)
                left.append(len(file.read_bytes().splitlines()) if file.exists() else 0)
                run(*base, file, "--resume")
                differ += [victim] if _merged(file) != expected else []
            print(
                f"{KILLS} kills of {victim}: {min(left)} to {max(left)} of 768 cases were in the file; after --resume",
                end=" ",
            )
            print(f"{differ.count(victim)} reports differ from that of an undisturbed run")
    return not differ


def _merged(file: Path) -> bytes:
    return subprocess.run([*RNNCLI, "report", file, "--format", "json"], capture_output=True, check=True).stdout


def _kill(running: "subprocess.Popen[bytes]", victim: str, generator: random.Random) -> None:
    if victim == "the parent":
        running.kill()
        running.wait()
        return
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    children = collections.defaultdict(list)
    for line in listed.splitlines():
        pid, parent = map(int, line.split())
        children[parent].append(pid)
    below = [pid for child in children[running.pid] for pid in children[child]]  # of the server that forks them
    if below:
        os.kill(generator.choice(below), signal.SIGKILL)
    running.wait()


PARTS = {"smoke": smoke, "plain": plain, "jobs": jobs, "memory": memory, "kills": kills}


def main(names: list[str]) -> None:
    """Print the parts; exit 1 where one is not within its limit."""
    os.environ["OMP_NUM_THREADS"] = "1"
    held = [PARTS[name]() for name in names or PARTS]
    sys.exit(not all(held))


if __name__ == "__main__":
    main(sys.argv[1:])
