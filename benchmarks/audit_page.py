"""The page of the audit: docs/verdicts.md from its results."""

import math
import platform
from collections import Counter
from datetime import date
from typing import Any

import torch

from benchmarks import audit, cost
from benchmarks.reading.table import section

Result = dict[str, Any]
HEAD = """# Verdicts, measured

What `rnncli verify` and `rnncli power` say, held against thousands of random cases whose truth is known. `make audit`
measures everything on this page again ({machine}; {date}{share}).

How a verdict is reached: both sides run in float64 and are compared with each other (the **algorithm** stage), then in
the working dtype, each against the float64 oracle (the **precision** stage). The tolerance is the noise envelope: the
oracle is run {runs} more times with rounding noise of the dtype added wherever that dtype rounds, in the backward too;
an error of up to {envelopes:g} times the largest spread, for each time step, direction and layer, is rounding. How near
correct cases come to that stands below, as the worst match.
"""


def page(results: dict[str, list[Result]], share: float, readings: list[Result] | None = None) -> tuple[str, bool]:
    """The page, and whether anything on it is not as it must be. `readings`: what `benchmarks.reading` found."""
    from rnncli.core.memory import NOISY_RUNS
    from rnncli.verdict.compare import ENVELOPES

    gated = results["fault gated"]
    machine = f"{platform.machine()}, 2 processes of one thread, Python {platform.python_version()}"
    head = HEAD.format(
        machine=f"{machine}, torch {torch.__version__}",
        date=date.today().isoformat(),
        share="" if share == 1 else f"; a share of {share:g} of the cases",
        runs=NOISY_RUNS,
        envelopes=ENVELOPES,
    )
    parts = [
        _honest("No false alarms", "tanh and relu", results["honest"], audit.HONEST),
        _honest(
            "No false alarms: GRU and LSTM",
            "LSTMs with and without projection",
            results["honest gated"],
            audit.HONEST_GATED,
        ),
        _faults("No missed faults", "RNN", results["fault"]),
        _faults("No missed faults: GRU", "GRU", [found for found in gated if found["cell"] == "GRU"]),
        _faults("No missed faults: LSTM", "LSTM", [found for found in gated if found["cell"] == "LSTM"]),
        _diagnosis(results["single"], results["single gated"], results["pair"]),
        _small(results["small"]),
        _sensitivity(results["sensitivity"]),
        *([section(readings)] if readings else []),
        _cost(),
    ]
    return "\n".join([head, *(text for text, _ in parts)]), any(failed for _, failed in parts)


def _honest(title: str, kinds: str, results: list[Result], limits: audit.Limits) -> tuple[str, bool]:
    counts: Counter[str] = Counter()
    worst: dict[str, float] = {}
    mismatches = [found for result in results for found in result["mismatches"]]
    for result in results:
        counts.update(result["counts"])
        for key, value in result.items():
            if key.startswith("worst "):
                name = key.removeprefix("worst ")
                worst[name] = max(worst.get(name, 0.0), value)
    rows = []
    for group in sorted({key.rpartition(" ")[0] for key in counts}):
        by_verdict = [counts[f"{group} {verdict}"] for verdict in ("match", "not-comparable", "mismatch")]
        shown = f"{worst[group]:.2f}" if group in worst else "-"
        stage, dtype, kind = group.split(" ", 2)
        rows.append(f"| {stage} | {dtype} | {kind} | {' | '.join(f'{n:,}' for n in by_verdict)} | {shown} |")
    kinks = "of a relu at its kink, and " if "relu" in kinds else ""
    text = f"""## {title}

{len(results):,} correct cases: the four built-in implementations; all dtypes; {kinds}; 1 to
{limits.layers} layers; T from 1 to {limits.steps:,}, hidden 1 to {limits.hidden_size}, drawn log-uniformly with
at most {limits.work:.0e} multiply-adds for one forward; weights at 0.5 to 5 times torch's own scale; packed with
random lengths, unbatched, batch-first; train and eval.

**{len(mismatches)} mismatches** in {sum(counts.values()):,} checks.

| stage | dtype | tensors | match | not-comparable | mismatch | worst match, in envelopes |
|---|---|---|---:|---:|---:|---:|
{chr(10).join(rows)}

The worst match is that of the checks that needed the envelope. Not comparable are, above all, gradients in bfloat16 and
float16 {kinks}of weights so large that rounding alone moves a gradient by a large part of itself
from the first step on; their float64 stage decides.
"""
    return text + _exceptions(mismatches), bool(mismatches)


def _faults(title: str, cell: str, results: list[Result]) -> tuple[str, bool]:
    by_fault: dict[str, list[Result]] = {}
    for result in results:
        by_fault.setdefault(result["fault"], []).append(result)
    exceptions = [result["exception"] for result in results if result["exception"]]
    rows = [
        f"| `{id}` | {len(found)} | {sum(r['power'] for r in found)} | {sum(r['verify'] for r in found)} |"
        f" {sum(not r['power'] for r in found)} |"
        for id, found in by_fault.items()
    ]
    masks = sum(result["masks"] for result in results)
    text = f"""## {title}

Every fault in the catalogue of {cell}, planted in random cases it can happen in (T to {audit.PLANTED.steps}, hidden to
{audit.PLANTED.hidden_size}, all else as above). Wherever `power` says visible, `verify` ends in a mismatch; wherever it
says not visible, the values of the planted candidate were looked at apart, and lie within the envelope in float64.
**{len(exceptions)} exceptions** in {len(results):,} cases. In {masks} of them all that differs is which of the allowed
dropout masks is drawn, and `verify` says that.

| fault | cases | visible, says power | caught by verify | not visible |
|---|---:|---:|---:|---:|
{chr(10).join(rows)}

`device-hardcoded` is caught by the guard over meta tensors, which `power` runs and `verify` does not run for built-ins.
"""
    return text + _exceptions(exceptions), bool(exceptions)


def _small(results: list[Result]) -> tuple[str, bool]:
    by_wrong: dict[str, list[Result]] = {}
    for result in results:
        by_wrong.setdefault(result["wrong"], []).append(result)
    rows = []
    for name, found in by_wrong.items():
        changed = [result for result in found if result["change"] > 1e-12]
        caught = sum(result["caught"] for result in changed)
        sized, told = (sum(result[key] for result in changed) for key in ("sized", "told"))
        rows.append(f"| {name} | {len(found)} | {len(changed)} | {caught} | {told} of {sized} |")
    missed = [[result["wrong"], result["missed"]] for result in results if result["missed"]]
    text = f"""## Small wrongs

Implementations that are slightly wrong, in the algorithm stage (T to {audit.SMALL.steps}, hidden to
{audit.SMALL.hidden_size}). Changed: by more than 1e-12 of a tensor's largest value in float64. Told apart: the size of
the error in output, at its first wrong step, is not called another equation. **{len(missed)} missed.**

| what is wrong | cases | changed | caught | told apart from another equation |
|---|---:|---:|---:|---:|
{chr(10).join(rows)}
"""
    return text + _exceptions(missed), bool(missed)


def _sensitivity(results: list[Result]) -> tuple[str, bool]:
    rows, beaten = [], False
    for dtype in audit.DTYPES:
        found = [result for result in results if result["dtype"] == dtype]
        passing = [result for result in found if result["honest_passes"]]
        ours_there, theirs = (_median([result[key] for result in passing]) for key in ("ours", "assert_close"))
        ours = _median([result["ours"] for result in found])
        beaten |= dtype in ("float64", "float32") and not ours_there <= theirs
        rows.append(f"| {dtype} | {len(found)} | {ours:.1e} | {len(passing)} | {ours_there:.1e} | {theirs:.1e} |")
    text = f"""## Sensitivity of the precision stage alone

The smallest relative change of `weight_hh_l0` (in steps of {10 ** (1 / audit.STEPS):.2f} times) that is caught in
half of the cases, without the algorithm stage. Beside it `torch.testing.assert_close` at its defaults, on those cases
in which it passes the correct implementation.

| dtype | cases | caught from | of these assert_close passes honest code in | there: caught from | assert_close |
|---|---:|---:|---:|---:|---:|
{chr(10).join(rows)}

In bfloat16 and float16 the tolerances of assert_close are narrower than honest rounding is in most cases: where they do
pass, they see more.
"""
    wrong = [result["number"] for result in results if not result["honest_is_not_wrong"]]
    return text + _exceptions(wrong), beaten or bool(wrong)


def _cost() -> tuple[str, bool]:
    measured = cost.rates()
    rows = [f"| {name} | {ours:.1f} | {loop:.1f} | {ratio:.2f} |" for name, ours, loop, ratio in measured]
    memory = {work: size / 2**20 for work, size in cost.memory().items()}
    text = f"""## Cost

Cases per second in one process and one thread, float32, everything `verify` checks (both stages, every gradient, a
second call with other weights and without h_0, a batch of one), beside a plain loop of `assert_close` over the same
cases that runs both sides once. The ratio is a median over {cost.ROUNDS} rounds in turn; at the smallest sizes it must
be {cost.LEAST} or more.

| sizes | verify, cases/s | plain loop, cases/s | ratio |
|---|---:|---:|---:|
{chr(10).join(rows)}

Peak memory beyond the imports at T=2,000, N=32, H=512, one layer, float32: `nn.RNN` forward and backward alone
{memory["reference_alone"]:,.0f} MiB; the whole `verify` {memory["verified"]:,.0f} MiB; a noise envelope
{memory["verified_with_noise"]:,.0f} MiB. The refusal of cases too big for memory reckons with
{memory["reckoned"]:,.0f} MiB. The noisy runs are made in parts, so that an envelope takes no more for more runs.
"""
    return text, measured[0][3] < cost.LEAST


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2] if values else math.nan


def _diagnosis(singles: list[Result], gated: list[Result], pairs: list[Result]) -> tuple[str, bool]:
    visible, of_gated, both = (
        [result for result in results if result["visible"]] for results in (singles, gated, pairs)
    )
    other, other_gated = (
        [result for result in results if result["named"] != result["planted"]] for results in (visible, of_gated)
    )
    exactly = sum(set(result["named"]) == set(result["planted"]) for result in both)
    unexplained = [result for result in both if result["named"] == ["unexplained"]]
    equal = len(both) - exactly - len(unexplained)
    named, named_gated = (1 - len(wrong) / len(all) for wrong, all in ((other, visible), (other_gated, of_gated)))
    explained = 1 - len(unexplained) / len(both)
    text = f"""## Diagnosis

What `rnncli verify` says of a candidate of one's own, tried on planted faults (T to {audit.SMALL.steps}, hidden to
{audit.SMALL.hidden_size}). A fault is named only where it gives the candidate's values, in float64, on every probe.

| planted | visible | named exactly | another that is equal | not explained |
|---|---:|---:|---:|---:|
| one fault in an RNN | {len(visible)} | {len(visible) - len(other)} ({named:.1%}) | - | {len(other)} |
| one fault in a GRU or an LSTM | {len(of_gated)} | {len(of_gated) - len(other_gated)} ({named_gated:.1%}) | - | \
{len(other_gated)} |
| two faults in an RNN | {len(both)} | {exactly} | {equal} | {len(unexplained)} ({1 - explained:.1%}) |

Two faults of which one hides the other equal that one alone; then that one is named. A correct candidate is given no
diagnosis: one is made of mismatches alone, and of those there are none above.
"""
    shown = [[result["planted"], result["named"], result["config"]] for result in (*other, *other_gated, *unexplained)]
    return text + _exceptions(shown[:6], "not explained"), min(named, named_gated) < 0.98 or explained < 0.9


def _exceptions(found: list[Any], word: str = "exception") -> str:
    return "".join(f"\n- {word}: `{one}`\n" for one in found[:20])
