"""What `rnncli bench` says of the built-in implementations, and how far it can be trusted.

`python -m benchmarks.bench [speed|gru|lstm|length|memory|same]`, a part of `make bench`. Every ratio is from one run of
the command, both sides in turn.
"""

import json
import math
import subprocess
import sys
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
RNNCLI = [sys.executable, "-m", "rnncli"]
SIZES = ((2, 3, 2, 3), (8, 32, 64, 64), (32, 100, 256, 256), (64, 128, 512, 512))  # N, T, I, H
SHAPES: dict[str, list[str]] = {"1 layer": [], "3 layers": ["--layers", "3"], "bidirectional": ["--bidirectional"]}
PASSES = ("inference", "forward", "forward+backward")
LARGE = 512  # H at which bmm, at 30 to 70 times the time, is left out
LIMITS = {  # of manual, the geometric mean, by pass
    "RNN": (0.80, 0.90, 0.90),
    "GRU": (1.0, 1.0, 1.0),
    "LSTM": (1.4, 1.4, 1.4),
}
WORST = 1.05  # of manual, any one of an RNN
LONGEST = 100_000
INVOCATIONS = 50
RIGHT = 95  # of the 100 comparisons of two that are the same

SAME = """
import json
from dataclasses import replace
import torch
from rnncli.candidate.load import load
from rnncli.core.case import Case
from rnncli.verdict.evaluate import candidate_side
from rnncli.numerics.probe import draw
from rnncli.cost.timing import Effort, time_pass

case = Case.model_validate({"run": {"device": "cpu"}})
side = candidate_side(load(case), case, draw(case).to(torch.float32, torch.device("cpu")))
found = [time_pass([side, replace(side, name="again")], name, Effort(0.5, 7, 1000))[1]
         for name in ("inference", "forward+backward")]
print(json.dumps([[t.ratio_to_reference, t.ratio_low, t.ratio_high] for t in found]))
"""


def bench(*flags: object) -> list[dict[str, Any]]:
    """The cases of one run of the command."""
    command = [*RNNCLI, "bench", "--device", "cpu", "--format", "json", *map(str, flags)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    cases: list[dict[str, Any]] = json.loads(ended.stdout)["cases"]
    return cases


def speed(cell: str = "RNN") -> bool:
    """Return whether manual keeps its limits beside torch's layer, at four sizes, with layers and both directions.

    Beside an RNN the other built-ins are timed too.
    """
    ratios: dict[tuple[str, str], list[float]] = defaultdict(list)
    layer, others = f"nn.{cell}", ("concat", "cell", "bmm") if cell == "RNN" else ()
    print(
        f"{'N':>3} {'T':>4} {'I':>4} {'H':>4} {'pass':>31} {layer:>11}  manual " + " ".join(f"{o:>6}" for o in others)
    )
    for n, t, i, h in SIZES:
        for name, flags in SHAPES.items():
            sizes = ["--batch-size", n, "--seq-len", t, "--input-size", i, "--hidden-size", h, "--cell", cell]
            only = ["manual", *(other for other in others if other != "bmm" or h < LARGE)]
            timing = bench(*sizes, *flags, "--only", ",".join(only), "--min-run-time", 1)[0]["timing"]
            for of_pass in PASSES:
                row = {each["implementation"]: each for each in timing if each["pass"] == of_pass}
                shown = f"{row[layer]['median_s'] * 1e3:8.3f} ms"
                for implementation in only:
                    ratio = row[implementation]["ratio_to_reference"]
                    ratios[implementation, of_pass].append(ratio)
                    shown += f" {ratio:6.2f}"
                if "matrix products" in row:
                    shown += f"  (matrix products {row['matrix products']['ratio_to_reference']:.2f})"
                print(f"{n:3} {t:4} {i:4} {h:4} {name:>13} {of_pass:>17} {shown}", flush=True)
    held = True
    for of_pass, limit in zip(PASSES, LIMITS[cell], strict=True):
        means = {name: math.exp(sum(map(math.log, of)) / len(of)) for (name, p), of in ratios.items() if p == of_pass}
        shown = ", ".join(f"{name} {mean:.2f}" for name, mean in means.items())
        worst = max(ratios["manual", of_pass])
        print(f"{of_pass}: geometric means {shown}; limit for manual {limit}; its worst {worst:.2f}")
        held &= means["manual"] <= limit and (cell != "RNN" or worst <= WORST)
    return held


def length() -> bool:
    """Time over T up to 100,000: its exponent over the last two decades, and ten times the length in times the time."""
    flags = ("--input-size", 8, "--hidden-size", 16, "--batch-size", 2, "--only", "manual", "--min-run-time", 0.5)
    cases = bench("--over", f"seq_len=1000,10000,{LONGEST}", *flags)
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    for case in cases:
        for timing in case["timing"]:
            times[timing["implementation"], timing["pass"]].append(timing["median_s"])
    held = True
    for (name, of_pass), seconds in times.items():
        exponent = math.log(seconds[2] / seconds[0]) / math.log(100)
        print(
            f"{name:>15} {of_pass:>17}: T^{exponent:.2f} from 1,000 to {LONGEST:,}; {seconds[2]:.2f} s at {LONGEST:,}"
        )
        held &= name != "manual" or exponent < 1.1
    return held


def memory() -> bool:
    """What inference allocates, in outputs of a layer (batched: all of them are of one size)."""
    held = True
    for name, flags in {
        "4 layers": ["--layers", 4],
        "4 layers, bidirectional": ["--layers", 4, "--bidirectional"],
    }.items():
        sizes = ["--seq-len", 500, "--batch-size", 16, "--input-size", 64, "--hidden-size", 64]
        case = bench(*sizes, *flags, "--min-run-time", 0.05)[0]
        layer = 500 * 16 * 64 * 4 * (2 if "bidirectional" in name else 1)
        peaks = {
            t["implementation"]: t["peak_bytes"] / layer
            for t in case["timing"]
            if t["peak_bytes"] is not None and t["pass"] == "inference"
        }
        print(
            f"{name}, inference: {', '.join(f'{each} {peak:.2f}' for each, peak in peaks.items())} outputs of a layer"
        )
        held &= peaks["manual"] <= 3.05
    return held


def same() -> bool:
    """Two implementations that are the same: how often 1 lies in the spread the ratio comes with."""
    inside = total = 0
    ratios = []
    for _ in range(INVOCATIONS):
        ended = subprocess.run([sys.executable, "-c", SAME], capture_output=True, text=True, check=True, cwd=ROOT)
        for ratio, low, high in json.loads(ended.stdout):
            total += 1
            inside += low <= 1 <= high
            ratios.append(ratio)
    print(
        f"two that are the same, {INVOCATIONS} invocations: the ratio is {min(ratios):.3f} to {max(ratios):.3f};",
        end=" ",
    )
    print(f"1 lies in the spread told with it in {inside} of {total} comparisons (at least {RIGHT} of 100)")
    return inside >= RIGHT * total / 100


PARTS = {
    "speed": speed,
    "gru": partial(speed, "GRU"),
    "lstm": partial(speed, "LSTM"),
    "length": length,
    "memory": memory,
    "same": same,
}


def main(names: list[str]) -> None:
    """Print the parts; exit 1 where one is not within its limit."""
    held = [PARTS[name]() for name in names or PARTS]
    sys.exit(not all(held))


if __name__ == "__main__":
    main(sys.argv[1:])
