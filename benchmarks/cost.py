"""What a verdict costs: against a plain loop of assert_close over the same cases, and in memory.

`python -m benchmarks.cost` prints both. Ratios and rates are of one run; only the ratios mean anything elsewhere.
"""

import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import torch

from rnncli.core.case import Case
from rnncli.core.memory import needed_for_verify, require_fits
from rnncli.manual import BUILT_IN
from rnncli.numerics.device import available_memory
from rnncli.numerics.probe import draw, packer
from rnncli.pipeline.verify import VerifyOptions, verify
from rnncli.verdict.evaluate import values_of
from rnncli.verdict.problem import Problem

LEAST = 0.3  # of the plain loop's rate, at the smallest sizes
SIZES = {  # name: (seq_len, hidden_size), the largest
    "T <= 8, H <= 16": (8, 16),
    "T = 32, H = 64": (32, 64),
    "T = 200, H = 128": (200, 128),
}
CASES = {"T <= 8, H <= 16": 60, "T = 32, H = 64": 16, "T = 200, H = 128": 6}
ROUNDS = 5
CPU = torch.device("cpu")
BIG = {"rnn": {"input_size": 512, "hidden_size": 512}, "input": {"seq_len": 2000, "batch_size": 32}}


def cases(name: str) -> list[Case]:
    """The same cases every time: float32 and every built-in, one or two layers, one or two directions."""
    generator, (steps, hidden) = random.Random(7), SIZES[name]
    small = name.startswith("T <=")
    return [
        Case.model_validate(
            {
                "rnn": {
                    "input_size": generator.randint(1, 16) if small else hidden,
                    "hidden_size": generator.randint(1, hidden) if small else hidden,
                    "num_layers": generator.choice([1, 2]),
                    "bidirectional": generator.random() < 0.5,
                    "nonlinearity": generator.choice(["tanh", "relu"]),
                },
                "input": {"seq_len": generator.randint(1, steps) if small else steps, "batch_size": 8},
                "run": {"device": "cpu", "seed": generator.getrandbits(32)},
                "candidate": generator.choice(sorted(BUILT_IN)),
            }
        )
        for _ in range(CASES[name])
    ]


def plain(case: Case) -> bool:
    """What people write: both sides forward and backward in the working dtype, and assert_close, with the numbers it
    has for the dtype, on every tensor. Whether all are close: a fixed tolerance calls right ones wrong.
    """
    rnn, dtype = case.rnn, getattr(torch, case.run.dtype)
    arguments = {
        "num_layers": rnn.num_layers,
        "nonlinearity": rnn.nonlinearity,
        "batch_first": rnn.batch_first,
        "bidirectional": rnn.bidirectional,
        "dropout": rnn.dropout,
    }
    module = torch.nn.RNN(rnn.input_size, rnn.hidden_size, bias=rnn.bias, **arguments).to(dtype).train(case.run.train)
    probe, pack = draw(case).to(dtype, CPU), packer(case, CPU)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.copy_(probe.parameters[name])
    sides = []
    for name in ("nn.RNN", "candidate"):
        torch.manual_seed(0)
        input = probe.input.clone().requires_grad_()
        states = [] if probe.h_0 is None else [probe.h_0.clone().requires_grad_()]
        h_0 = states[0] if states else None
        if name == "nn.RNN":
            leaves = dict(module.named_parameters())
            output, h_n = module(pack(input), h_0)
        else:
            leaves = {key: value.clone().requires_grad_() for key, value in probe.parameters.items()}
            rnn_forward = BUILT_IN[case.candidate]
            output, h_n = rnn_forward(pack(input), h_0, leaves, training=case.run.train, **arguments)
        output = values_of(output)
        total = (output * probe.cotangents["output"]).sum() + (h_n * probe.cotangents["h_n"]).sum()
        sides.append([output, h_n, *torch.autograd.grad(total, [input, *states, *leaves.values()])])
    close = True
    for actual, expected in zip(sides[1], sides[0], strict=True):
        try:
            torch.testing.assert_close(actual, expected)
        except AssertionError:
            close = False
    return close


def full(case: Case) -> None:
    """Everything `verify` does but timing."""
    verify(case, VerifyOptions(timing=False))


def seconds(run: Callable[[Case], object], some: list[Case]) -> float:
    """Time for all of them."""
    start = time.perf_counter()
    for case in some:
        run(case)
    return time.perf_counter() - start


def rates() -> list[tuple[str, float, float, float]]:
    """By size: cases per second of verify and of the plain loop, and the ratio (median over rounds, in turn)."""
    torch.set_num_threads(1)
    found = []
    for name in SIZES:
        some = cases(name)
        seconds(plain, some[:4])
        seconds(full, some[:4])
        pairs = [(seconds(full, some), seconds(plain, some)) for _ in range(ROUNDS)]
        ratio = statistics.median(loop / ours for ours, loop in pairs)
        ours, loop = (statistics.median(times) for times in zip(*pairs, strict=True))
        found.append((name, len(some) / ours, len(some) / loop, ratio))
    return found


PEAK = """
import resource, sys
import torch
torch.set_num_threads(2)
from benchmarks import cost
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
cost.{work}()
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


def reference_alone() -> None:
    """nn.RNN, forward and backward, float32."""
    case = Case.model_validate(BIG)
    Problem(case, CPU).reference_side().forward_backward()


def verified() -> None:
    """The whole verify of the same case."""
    case = Case.model_validate(BIG)
    require_fits(case, needed_for_verify(case), available_memory(CPU))
    full(case)


def verified_with_noise() -> None:
    """The same, with every envelope measured."""
    case = Case.model_validate(BIG)
    problem = Problem(case, CPU)
    problem.oracle("precision").envelope("float32")


def peak(work: str) -> int:
    """Bytes a function of this file takes at its peak, beyond what importing takes, in a process of its own."""
    command = [sys.executable, "-W", "ignore", "-c", PEAK.format(work=work)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def memory() -> dict[str, int]:
    """Peak bytes of each, and what the refusal of cases too big for memory reckons with."""
    found = {work: peak(work) for work in ("reference_alone", "verified", "verified_with_noise")}
    return found | {"reckoned": needed_for_verify(Case.model_validate(BIG))}


def main() -> None:
    """Print rates and peaks; exit 1 where the smallest sizes are below LEAST of the plain loop's rate."""
    measured = rates()
    for name, ours, loop, ratio in measured:
        print(f"{name:18} verify {ours:8.1f} cases/s   assert_close loop {loop:8.1f} cases/s   ratio {ratio:.2f}")
    for work, size in memory().items():
        print(f"{work:20} {size / 2**20:8.0f} MiB")
    sys.exit(measured[0][3] < LEAST)


if __name__ == "__main__":
    main()
