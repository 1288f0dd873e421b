"""How far correct implementations stray: the figures behind the tolerance table of `rnncli.parity.compare`.

Random cases over every argument, layout, dtype and built-in implementation, weights at nn.RNN's own scale, sizes drawn
log-uniformly with the work per case capped. Prints, per stage and dtype, how small a tolerance all of them would pass.
`python -m benchmarks.tolerances [CASES] [SEED] [SCALE]`: weights from 1/SCALE to SCALE times that scale instead
"""

import math
import random
import sys
import time
from collections import Counter

import torch

from rnncli.case import Case
from rnncli.parity.compare import HONEST_FACTOR, SCALE_TOLERANCE
from rnncli.run import VerifyOptions, verify

MOST_WORK = 3e7  # multiply-adds of one forward


def log_uniform(generator: random.Random, low: int, high: int) -> int:
    """An integer whose logarithm is uniform."""
    return round(math.exp(generator.uniform(math.log(low), math.log(high))))


def draw(generator: random.Random, scale: float = 1.0) -> Case:
    """A random case that honest code must pass."""
    while True:
        hidden, features = log_uniform(generator, 1, 256), log_uniform(generator, 1, 256)
        steps, batch, layers = log_uniform(generator, 1, 512), log_uniform(generator, 1, 32), generator.randint(1, 4)
        both = generator.random() < 0.5
        if steps * batch * layers * (1 + both) * hidden * (hidden + features) <= MOST_WORK:
            break
    layout = generator.choice(["batched", "batched", "unbatched", "packed"])
    return Case.model_validate(
        {
            "rnn": {
                "input_size": features,
                "hidden_size": hidden,
                "num_layers": layers,
                "nonlinearity": generator.choice(["tanh", "relu"]),
                "bias": generator.random() < 0.8,
                "batch_first": generator.random() < 0.5,
                "dropout": generator.choice([0.0, 0.3]),
                "bidirectional": both,
            },
            "input": {
                "seq_len": steps,
                "batch_size": batch,
                "layout": layout,
                "h_0": generator.choice(["random", "random", "zeros", "omitted"]),
            },
            "run": {
                "device": "cpu",
                "dtype": generator.choice(["float64", "float32", "bfloat16", "float16"]),
                "seed": generator.getrandbits(32),
                "train": generator.random() < 0.5,
                "weight_scale": math.exp(generator.uniform(-math.log(scale), math.log(scale))),
            },
            "candidate": generator.choice(["manual", "bmm", "concat", "cell"]),
        }
    )


def main(cases: int, seed: int, scale: float) -> None:
    """Print the table; exit 1 if a correct implementation is called a mismatch."""
    torch.set_num_threads(1)
    generator = random.Random(seed)
    needed: dict[tuple[str, str, str], list[tuple[float, str]]] = {}
    verdicts: Counter[str] = Counter()
    mismatches, shown = [], time.monotonic()
    for index in range(cases):
        case = draw(generator, scale)
        for check in verify(case, VerifyOptions(timing=False)).checks or ():
            kind = "gradient" if check.tensor.startswith("grad ") else "forward"
            within_own = (check.max_abs_error or 0) <= HONEST_FACTOR * (check.reference_max_abs_error or 0)
            share = 0.0 if within_own else check.min_tolerance or 0.0
            needed.setdefault((check.stage, check.dtype, kind), []).append((share, check.tensor))
            verdicts[f"{check.verdict} at {check.stage} {check.dtype} {kind}"] += 1
            if check.verdict == "mismatch":
                mismatches.append((case, check))
        if time.monotonic() - shown > 10:
            shown = time.monotonic()
            print(f"{index + 1} of {cases} cases, {len(mismatches)} mismatches", file=sys.stderr, flush=True)
    weights = "at nn.RNN's own scale" if scale == 1 else f"x1/{scale} to x{scale}"
    print(f"{cases} correct cases, seed {seed}, weights {weights}: {len(mismatches)} checks called a mismatch")
    print("Largest error beyond twice nn.RNN's own, as a share of the tensor's largest value:")
    print("stage      dtype    tensors    checks  beyond     99 %   99.9 %    worst    bound  worst tensor")
    for (stage, dtype, kind), found in sorted(needed.items()):
        found.sort()
        beyond = sum(share > 0 for share, _ in found) / len(found)
        at = " ".join(f"{found[int(part * (len(found) - 1))][0]:8.1e}" for part in (0.99, 0.999, 1.0))
        bound = getattr(SCALE_TOLERANCE[dtype], kind)
        print(f"{stage:10} {dtype:8} {kind:9} {len(found):7} {beyond:6.1%} {at} {bound:8.1e}  {found[-1][1]}")
    for verdict, count in sorted(verdicts.items()):
        if not verdict.startswith("match"):
            print(f"{count} checks {verdict}")
    for case, check in mismatches[:20]:
        print(f"mismatch {check.tensor} {check.stage} {check.dtype} {check.min_tolerance}: {case.config}")
    sys.exit(bool(mismatches))


if __name__ == "__main__":
    arguments = [int(argument) for argument in sys.argv[1:]]
    main(*(arguments + [2000, 1, 1][len(arguments) :]))
