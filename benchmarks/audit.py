"""The audit of the verdicts: what docs/verdicts.md says is measured here, over thousands of random cases.

`python -m benchmarks.audit [SHARE]` runs it in two processes, shows its progress, keeps what is done in .audit/ and
goes on from there when it is called again; then it writes docs/verdicts.md. SHARE 0.1 takes a tenth of the cases, and
prints the page instead.
Every case follows from the seed, the section and its number: the same wherever and in whatever order it is run.
"""

import json
import math
import multiprocessing
import random
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rnncli.candidate.load import Canonical, Sequence, arguments_of, canonical, load
from rnncli.core.case import Case
from rnncli.core.causes import Cause
from rnncli.core.cells import CELLS
from rnncli.core.errors import CandidateError
from rnncli.faults.catalogue import CATALOGUES
from rnncli.faults.device_guard import check_devices
from rnncli.faults.diagnose import BY_CAUSE, diagnosed
from rnncli.faults.planted import plant
from rnncli.faults.power import _seen
from rnncli.manual.concat import concat_step
from rnncli.manual.equations import States
from rnncli.manual.stepwise import made_of
from rnncli.numerics.locate import by_group
from rnncli.verdict.compare import ENVELOPES
from rnncli.verdict.evaluate import FunctionCandidate, Values, candidate_side, evaluate
from rnncli.verdict.judge import Judgement
from rnncli.verdict.problem import Problem
from rnncli.verdict.stage import is_wrong, stage_checks

SEED = 2026
STATE = Path(".audit")
CPU = torch.device("cpu")
DTYPES = ("float64", "float32", "bfloat16", "float16")
BUILT_IN = ("manual", "bmm", "concat", "cell")
GATED = ("GRU", "LSTM")
Result = dict[str, Any]


@dataclass(frozen=True)
class Limits:
    """The largest sizes that are drawn, and the most multiply-adds of one forward."""

    steps: int
    hidden_size: int
    work: float
    layers: int = 6


HONEST = Limits(steps=2000, hidden_size=512, work=1e7)
HONEST_GATED = Limits(steps=500, hidden_size=256, work=3e6, layers=4)
PLANTED = Limits(steps=500, hidden_size=128, work=1e6, layers=4)
SMALL = Limits(steps=100, hidden_size=64, work=3e5, layers=3)


# -- cases -------------------------------------------------------------------------------------------------------------


def log_uniform(generator: random.Random, low: int, high: int) -> int:
    """An integer whose logarithm is uniform."""
    return round(math.exp(generator.uniform(math.log(low), math.log(high))))


def draw(generator: random.Random, limits: Limits, dtypes: tuple[str, ...] = DTYPES, cell: str = "RNN") -> Case:
    """A random case: every argument, layout, dtype and built-in, weights from half to five times torch's own scale."""
    gates = len(CELLS[cell].gates)
    while True:
        hidden, features = log_uniform(generator, 1, limits.hidden_size), log_uniform(generator, 1, 256)
        steps, batch = log_uniform(generator, 1, limits.steps), log_uniform(generator, 1, 32)
        layers, both = generator.randint(1, limits.layers), generator.random() < 0.5
        walks = layers * (1 + both)
        if (
            steps * batch * walks * gates * hidden * (hidden + features) <= limits.work
            and steps * walks <= 4 * limits.steps
        ):
            break
    layout = generator.choice(["batched", "batched", "unbatched", "packed"])
    lengths = [generator.randint(1, steps) for _ in range(batch)] if layout == "packed" else None
    rnn = {
        "input_size": features,
        "hidden_size": hidden,
        "num_layers": layers,
        "nonlinearity": generator.choice(["tanh", "relu"]),
        "bias": generator.random() < 0.8,
        "batch_first": generator.random() < 0.5,
        "dropout": generator.choice([0.0, 0.3]),
        "bidirectional": both,
    }
    given = {"seq_len": steps, "batch_size": batch, "layout": layout, "lengths": lengths}
    given["h_0"] = generator.choice(["random", "random", "zeros", "omitted"])
    run = {
        "device": "cpu",
        "dtype": generator.choice(dtypes),
        "seed": generator.getrandbits(32),
        "train": generator.random() < 0.5,
        "gradients": generator.random() < 0.9,
        "weight_scale": math.exp(generator.uniform(math.log(0.5), math.log(5))),
    }
    if cell != "RNN":
        del rnn["nonlinearity"]
        rnn["cell"] = cell
    if cell == "LSTM" and hidden > 1 and generator.random() < 0.3:
        rnn["proj_size"] = generator.randint(1, hidden - 1)
    return Case.model_validate({"rnn": rnn, "input": given, "run": run, "candidate": generator.choice(BUILT_IN)})


def case_of(
    section: str, number: int, limits: Limits, needed: Callable[[Case], bool] = lambda _: True, cell: str = "RNN"
) -> Case:
    """The case of a section with a number: the first drawn that is of the kind that is needed."""
    generator = random.Random(f"{SEED} {section} {number}")
    return next(case for case in iter(lambda: draw(generator, limits, cell=cell), None) if needed(case))


# -- no false alarms ---------------------------------------------------------------------------------------------------


def honest(number: int, limits: Limits = HONEST) -> Result:
    """A correct RNN, judged."""
    return _right(case_of("honest", number, limits))


def honest_gated(number: int, limits: Limits = HONEST_GATED) -> Result:
    """A correct GRU or LSTM, judged."""
    return _right(case_of("honest gated", number, limits, cell=GATED[number % 2]))


def _right(case: Case) -> Result:
    """How many checks of a correct implementation have each verdict, and how near the worst came to a mismatch."""
    checks = Judgement(Problem(case, CPU), load(case)).checks
    found: Result = {"dtype": case.run.dtype, "counts": {}, "mismatches": []}
    for check in checks:
        kind = "gradients" if check.tensor.startswith("grad ") else "forward"
        key = f"{check.stage} {check.dtype} {kind} {check.verdict}"
        found["counts"][key] = found["counts"].get(key, 0) + 1
        if check.verdict == "match" and check.policy == "envelope" and check.noise_ratio is not None:
            worst = f"worst {check.stage} {check.dtype} {kind}"
            found[worst] = max(found.get(worst, 0.0), check.noise_ratio)
        if check.verdict == "mismatch":
            found["mismatches"].append([case.config, check.tensor, check.stage, check.reason])
    return found


# -- no missed faults --------------------------------------------------------------------------------------------------


def fault(number: int, limits: Limits = PLANTED, id: str | None = None) -> Result:
    """A planted fault in an RNN it can happen in: what power says, what verify says, and what the values say.

    `id`: the fault, where it is not the one whose turn it is in the catalogue.
    """
    return _planted("fault", number, limits, "RNN", id or list(CATALOGUES["RNN"])[number % len(CATALOGUES["RNN"])])


def fault_gated(number: int, limits: Limits = PLANTED) -> Result:
    """A planted fault in a GRU or an LSTM it can happen in, as `fault`."""
    return _planted("fault gated", number, limits, *GATED_FAULTS[number % len(GATED_FAULTS)])


def _planted(section: str, number: int, limits: Limits, cell: str, id: str) -> Result:
    case = case_of(section, number, limits, lambda case: CATALOGUES[cell][id].unmet(case) is None, cell)
    problem = Problem(case, CPU)
    seen = _seen(problem, id) is not None
    verified, masks = _verified(problem, id, canonical(id, plant(id, cell=cell)))
    found = {"fault": id, "cell": cell, "power": seen, "verify": verified, "masks": masks, "exception": None}
    found["differs"] = None if seen or masks else _leaves_the_envelope(problem, canonical(id, plant(id, cell=cell)))
    if seen and not found["verify"]:
        found["exception"] = ["power sees it, verify does not", case.config]
    if not seen and found["differs"]:
        found["exception"] = [f"not visible, but {found['differs']} leaves the envelope", case.config]
    return found


def _verified(problem: Problem, id: str, candidate: Canonical) -> tuple[bool, bool]:
    """Whether verify ends in a mismatch, and whether it says that nothing but dropout's masks is another."""
    if id == "device-hardcoded":
        finding = check_devices(plant(id, cell=problem.case.rnn.cell), problem.case)
        return finding is not None and finding.status == "found", False
    try:
        checks = Judgement(Problem(problem.case, CPU), candidate).checks
    except CandidateError:
        return True, False
    return is_wrong(checks), any(check.cause == Cause.DROPOUT_MASKS for check in checks)


def _leaves_the_envelope(problem: Problem, candidate: Canonical) -> str | None:
    """The first tensor whose values in float64 are further from nn.RNN's than rounding alone may move them."""
    reference, actual = problem.reference("algorithm"), problem.values("algorithm", FunctionCandidate(candidate))
    for name, expected in reference.tensors.items():
        value = actual.tensors.get(name)
        if expected is None or not expected.isfinite().all():
            continue
        if value is None or value.shape != expected.shape:
            return name
        if (value - expected).abs().max() > 1e-13 * expected.abs().max():
            spread = problem.oracle("algorithm").envelope("float64").spread[name]
            if (by_group(problem.case, name, (value - expected).abs()) > ENVELOPES * spread).any():
                return name
    return None


# -- diagnosis ---------------------------------------------------------------------------------------------------------

BY_VALUES = [id for id in CATALOGUES["RNN"] if id not in BY_CAUSE and id != "device-hardcoded"]
NAMED = [id for id in CATALOGUES["RNN"] if id != "device-hardcoded"]
GATED_FAULTS = [(cell, id) for cell in GATED for id in CATALOGUES[cell]]
GATED_NAMED = [(cell, id) for cell, id in GATED_FAULTS if id != "device-hardcoded"]


def single(number: int, limits: Limits = SMALL) -> Result:
    """A planted fault in an RNN it can happen in, and what the diagnosis names."""
    return _single("single", number, limits, "RNN", NAMED[number % len(NAMED)])


def single_gated(number: int, limits: Limits = SMALL) -> Result:
    """A planted fault in a GRU or an LSTM it can happen in, and what the diagnosis names."""
    return _single("single gated", number, limits, *GATED_NAMED[number % len(GATED_NAMED)])


def _single(section: str, number: int, limits: Limits, cell: str, id: str) -> Result:
    case = case_of(section, number, limits, lambda case: CATALOGUES[cell][id].unmet(case) is None, cell)
    return {"planted": [id], **_diagnosed(case, (id,))}


def pair(number: int, limits: Limits = SMALL) -> Result:
    """Two planted faults in an RNN both can happen in, and what the diagnosis names."""
    generator = random.Random(f"{SEED} pair of faults {number}")
    case = case_of("pair", number, limits, lambda case: len(_possible(case)) > 1)
    ids = tuple(sorted(generator.sample(_possible(case), 2), key=BY_VALUES.index))
    return {"planted": list(ids), **_diagnosed(case, ids)}


def _possible(case: Case) -> list[str]:
    return [id for id in BY_VALUES if CATALOGUES["RNN"][id].unmet(case) is None]


def _diagnosed(case: Case, ids: tuple[str, ...]) -> Result:
    candidate = canonical("planted", plant(*ids, cell=case.rnn.cell))
    try:
        checks = Judgement(Problem(case, CPU), candidate).checks
    except CandidateError:
        return {"visible": False, "named": []}
    named = [found.id for found in diagnosed(case, CPU, candidate, checks)]
    return {"visible": is_wrong(checks), "named": named, "config": case.config}


# -- small wrongs ------------------------------------------------------------------------------------------------------


def _with_parameters(change: Callable[[str, Tensor], Tensor]) -> Canonical:
    def candidate(input: Sequence, h_0: Tensor | None, params: Any, case: Case) -> tuple[Sequence, Tensor]:
        changed = {name: value + (change(name, value) - value).detach() for name, value in params.items()}
        return load(case)(input, h_0, changed, case)

    return candidate


def _one_weight(name: str, value: Tensor) -> Tensor:
    if name != "weight_hh_l0":
        return value
    factor = torch.ones_like(value)
    factor[0, 0] += 1e-4
    return value * factor


def _to_tf32(value: Tensor) -> Tensor:
    """Rounded to ten bits of mantissa: Dekker's splitting."""
    scaled = value * (2**13 + 1)
    return (scaled - (scaled - value.float())).to(value.dtype) if value.dtype == torch.float32 else _to_bits(value, 11)


def _to_bits(value: Tensor, bits: int) -> Tensor:
    mantissa, exponent = torch.frexp(value.detach())
    return torch.ldexp(torch.round(mantissa * 2**bits) / 2**bits, exponent)


class _RationalTanh(torch.nn.Module):
    """A continued fraction cut at x^5, held to +-1: right to about 1e-4."""

    def forward(self, x: Tensor) -> Tensor:
        """tanh(x), nearly."""
        square = x * x
        return (x * (945 + square * (105 + square)) / (945 + square * (420 + 15 * square))).clamp(-1, 1)


def _with_step(step: Callable[..., States]) -> Canonical:
    """The equations with another step; `step` takes the activation of the case first."""
    implementation = made_of({name: partial(step, getattr(torch, name)) for name in ("tanh", "relu")})

    def candidate(input: Sequence, h_0: Tensor | None, params: Any, case: Case) -> tuple[Sequence, Tensor]:
        output, h_n = implementation(input, h_0, params, **arguments_of(case))
        return output, h_n

    return candidate


def _rational_tanh(activation: Any, *given: Any) -> States:
    return concat_step(_RationalTanh() if activation is torch.tanh else activation, *given)


def _float16_sum(activation: Any, x_t: Tensor, states: States, weight_ih: Tensor, *others: Any) -> States:
    exact = x_t @ weight_ih.T
    rounded = exact + (exact.half().to(exact.dtype) - exact).detach()
    identity = torch.eye(exact.shape[-1], dtype=exact.dtype)
    return concat_step(activation, rounded, states, identity, *others)


SMALL_WRONGS: dict[str, Canonical] = {
    "one element of weight_hh_l0 off by 1e-4": _with_parameters(_one_weight),
    "tanh by a rational function": _with_step(_rational_tanh),
    "weights rounded to TF32": _with_parameters(lambda _, value: _to_tf32(value)),
    "weights rounded to bfloat16": _with_parameters(lambda _, value: value.bfloat16().to(value.dtype)),
    "x W_ih^T accumulated in float16": _with_step(_float16_sum),
}


def small_wrong(number: int, limits: Limits = SMALL) -> Result:
    """A slightly wrong implementation, in float64: how much it changes, and whether the algorithm stage says so."""
    name = list(SMALL_WRONGS)[number % len(SMALL_WRONGS)]
    needs_tanh = name.startswith("tanh")
    case = case_of("small", number, limits, lambda case: not needs_tanh or case.rnn.nonlinearity == "tanh")
    problem, candidate = Problem(case, CPU), FunctionCandidate(canonical(name, SMALL_WRONGS[name]))
    values = problem.values("algorithm", candidate)
    change = _largest_change(problem.reference("algorithm"), values)
    checks = stage_checks(problem, "algorithm", candidate, values, measure=True)
    wrong = [check for check in checks if check.verdict == "mismatch"]
    sizes = [check.reason or "" for check in wrong if check.tensor == "output" and check.max_abs_error]
    told = bool(sizes) and not any("another equation" in reason for reason in sizes)
    config = case.config if change > 1e-12 and not wrong else None
    return {
        "wrong": name,
        "change": change,
        "caught": bool(wrong),
        "told": told,
        "sized": bool(sizes),
        "missed": config,
    }


def _largest_change(reference: Values, values: Values) -> float:
    """The largest change of a value in any tensor, as a share of the tensor's largest value; 0 where not finite."""
    largest = 0.0
    for name, expected in reference.tensors.items():
        value = values.tensors.get(name)
        if expected is None or value is None or not (expected.isfinite().all() and value.isfinite().all()):
            continue
        scale = expected.abs().max().item()
        largest = max(largest, (value - expected).abs().max().item() / scale if scale else 0.0)
    return largest


# -- sensitivity of the precision stage --------------------------------------------------------------------------------

STEPS = 8  # to a factor of ten
PERTURBATIONS = [10 ** (exponent / STEPS) for exponent in range(0, -13 * STEPS, -1)]  # from 1 to 1e-13


def sensitivity(number: int, limits: Limits = SMALL) -> Result:
    """The smallest relative change of weight_hh_l0 that the precision stage sees, and that assert_close sees."""
    dtype = DTYPES[number % len(DTYPES)]
    case = case_of("sensitivity", number, limits, lambda case: case.run.dtype == dtype)
    problem, plain = Problem(case, CPU), load(case)
    reference = problem.reference("precision")

    def values(perturbation: float) -> Values:
        def candidate(input: Sequence, h_0: Tensor | None, params: Any, case: Case) -> tuple[Sequence, Tensor]:
            changed = dict(params)
            changed["weight_hh_l0"] = (params["weight_hh_l0"].double() * (1 + perturbation)).to(input.data.dtype)
            return plain(input, h_0, changed, case)

        side = candidate_side(canonical("perturbed", candidate), case, problem.reference_side().probe)
        return evaluate(side, case)

    def seen_by_us(perturbation: float) -> bool:
        return is_wrong(stage_checks(problem, "precision", FunctionCandidate(plain), values(perturbation)))

    def seen_by_assert_close(perturbation: float) -> bool:
        return not _close(reference, values(perturbation))

    return {
        "dtype": dtype,
        "ours": _smallest(seen_by_us),
        "assert_close": _smallest(seen_by_assert_close),
        "honest_passes": not seen_by_assert_close(0.0),
        "honest_is_not_wrong": not seen_by_us(0.0),
    }


def _close(reference: Values, values: Values) -> bool:
    try:
        for name, expected in reference.tensors.items():
            torch.testing.assert_close(values.tensors[name], expected, equal_nan=True)
    except AssertionError:
        return False
    return True


def _smallest(seen: Callable[[float], bool]) -> float:
    """The smallest perturbation that is seen, of those tried; infinite where none is."""
    low, high = 0, len(PERTURBATIONS)  # seen below `low`, not from `high` on
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if seen(PERTURBATIONS[middle]) else (low, middle)
    return PERTURBATIONS[low - 1] if low else math.inf


# -- running it --------------------------------------------------------------------------------------------------------

SECTIONS: dict[str, tuple[Callable[[int], Result], int]] = {
    "honest": (honest, 10_000),
    "honest gated": (honest_gated, 10_000),
    "fault": (fault, 200 * len(CATALOGUES["RNN"])),
    "fault gated": (fault_gated, 200 * len(GATED_FAULTS)),
    "single": (single, 20 * len(NAMED)),
    "single gated": (single_gated, 20 * len(GATED_NAMED)),
    "pair": (pair, 500),
    "small": (small_wrong, 200 * len(SMALL_WRONGS)),
    "sensitivity": (sensitivity, 400),
}
BATCH = 20


def _batch(section: str, numbers: list[int]) -> list[Result]:
    torch.set_num_threads(1)
    run = SECTIONS[section][0]
    return [{"number": number, **run(number)} for number in numbers]


def results(section: str, share: float, folder: Path, workers: int = 2) -> list[Result]:
    """The results of a section, those that are kept and those that are still missing."""
    count = round(SECTIONS[section][1] * share)
    kept = folder / f"{section}.jsonl"
    done = [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []
    missing = sorted(set(range(count)) - {result["number"] for result in done})
    batches = [missing[start : start + BATCH] for start in range(0, len(missing), BATCH)]
    started = shown = time.monotonic()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool, kept.open("a") as file:
        running = [pool.submit(_batch, section, batch) for batch in batches]
        for future in as_completed(running):
            found = future.result()
            done += found
            file.writelines(json.dumps(result) + "\n" for result in found)
            file.flush()
            if time.monotonic() - shown > 10:
                shown = time.monotonic()
                rate = (len(done) - count + len(missing)) / (shown - started)
                left = (count - len(done)) / max(rate, 1e-9)
                print(f"{section}: {len(done)} of {count}, {left:.0f} s left", file=sys.stderr, flush=True)
    return [result for result in done if result["number"] < count]


def whole(share: float) -> Iterator[tuple[str, list[Result]]]:
    """Every section's results."""
    STATE.mkdir(exist_ok=True)
    for section in SECTIONS:
        yield section, results(section, share, STATE)


def main(share: float = 1.0) -> None:
    """Run what is missing, and write or print the page."""
    from benchmarks.audit_page import page

    readings = STATE / "reading.json"  # written by benchmarks.reading
    found = json.loads(readings.read_text()) if readings.exists() else None
    text, failed = page(dict(whole(share)), share, found)
    if share == 1:
        Path("docs/verdicts.md").write_text(text, encoding="utf-8")
        print("wrote docs/verdicts.md")
    else:
        print(text)
    sys.exit(failed)


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
