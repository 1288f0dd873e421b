"""What each command costs to start, as a ratio to `python -c "import torch"` measured in the same run.

The commands and the yardstick are run in turn, so that a machine that slows down slows both: only ratios mean anything.
`python -m benchmarks.startup [ROUNDS]`
"""

import os
import statistics
import subprocess
import sys
import time

YARDSTICK = [sys.executable, "-W", "ignore", "-c", "import torch"]
RNNCLI = [sys.executable, "-m", "rnncli"]
LIMITS = {  # command: the most it may cost, in imports of torch
    "--help": 0.15,
    "shapes --help": 0.15,
    "shapes --static": 0.20,
    "shapes --static configs/bidirectional.yaml": 0.20,
    "shapes": 1.3,
    "verify": 1.8,
    "verify configs/bidirectional.yaml": 1.8,
}


def seconds(command: list[str]) -> float:
    """Wall time of one run of a command that must succeed, its bytecode cached as in an installed package."""
    start = time.perf_counter()
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    return time.perf_counter() - start


def main(rounds: int) -> None:
    """Print the table; exit 1 if a median ratio is over its limit."""
    ratios: dict[str, list[float]] = {command: [] for command in LIMITS}
    for turn in range(rounds + 1):
        yardstick = seconds(YARDSTICK)
        for command, measured in ratios.items():
            ratio = seconds([*RNNCLI, *command.split()]) / yardstick
            if turn:  # the first round warms the disk cache
                measured.append(ratio)
    print(f"{'command':45} median    min    max  limit    (in imports of torch, {rounds} rounds)")
    over = False
    for command, measured in ratios.items():
        median = statistics.median(measured)
        over |= median > LIMITS[command]
        print(f"{command:45} {median:6.3f} {min(measured):6.3f} {max(measured):6.3f} {LIMITS[command]:6.2f}")
    sys.exit(over)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 11)
