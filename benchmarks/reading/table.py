"""The section of docs/verdicts.md about readings, and whether the audit has failed."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

MOST_SHOWN = 20  # of the failing mutants, on the page
COLUMNS = ("mutants", "cases", "right", "wrong", "raises", "excluded", "wrong matches", "wrong mismatches")

Result = dict[str, Any]  # of `Judged.to_json`


def what_is_wrong(result: Result) -> str | None:
    """Return "wrong match" where the tool passes what is not right, "wrong mismatch" where it refuses what is."""
    if result["verdict"] == "match" and result["truth"] in ("wrong", "raises"):
        return "wrong match"
    return "wrong mismatch" if result["verdict"] == "mismatch" and result["truth"] == "right" else None


def counts(results: Sequence[Result]) -> dict[str, int]:
    """The figures of a row: cases are mutants, each for the flags that its style claims."""
    truths, wrongs = Counter(result["truth"] for result in results), Counter(map(what_is_wrong, results))
    right = [result for result in results if result["truth"] == "right"]
    return {
        "mutants": len({result["mutant"] for result in results}),
        "cases": len(results),
        **{kind: truths[kind] for kind in ("right", "wrong", "raises", "excluded")},
        "wrong matches": wrongs["wrong match"],
        "wrong mismatches": wrongs["wrong mismatch"],
        "read": sum(result["verdict"] == "match" for result in right),
    }


def section(results: Sequence[Result]) -> tuple[str, bool]:
    """The section, and whether a wrong one is a match or a right one a mismatch."""
    by_style: dict[str, list[Result]] = {}
    for result in results:
        by_style.setdefault(result["style"], []).append(result)
    rows = [_row(f"`{style}`", counts(found)) for style, found in sorted(by_style.items())]
    total = counts(results)
    wrong = [result for result in results if what_is_wrong(result)]
    reasons = Counter(result["because"] for result in results if result["truth"] == "excluded")
    excluded = "; ".join(f"{reason}: {count}" for reason, count in sorted(reasons.items())) or "none"
    text = f"""## Readings

Right RNNs, GRUs and LSTMs in {len(by_style)} styles (`benchmarks/reading/styles`), and single-point mutants: swapped
operands and arguments, dropped terms and statements, other indices, axes and ranges, detached, stale and kept states,
other returned values, other sizes in the constructor, mixed batches. {total["mutants"]:,} of them, each judged for the
flags of what its style claims: {total["cases"]:,} cases. The truth comes from a hand-written binding for each style and
torch's layer in float64: values and gradients, a second call, N = 1, h_0 omitted, a loss on one result alone,
accumulated gradients, input that requires no gradient or is not contiguous. The verdict is that of
`rnncli verify FILE:NAME`.

**{total["wrong matches"]} wrong matches, {total["wrong mismatches"]} wrong mismatches.**

| style | {" | ".join(COLUMNS)} | right ones read |
|---|{"---:|" * (len(COLUMNS) + 1)}
{chr(10).join(rows)}
{_row("all", total)}

A right one that cannot be read has no verdict and no exit code 0; it counts in the last column alone. Excluded, because
either verdict can be defended: {excluded}.
"""
    shown = "".join(f"\n- {_line(result)}\n" for result in wrong[:MOST_SHOWN])
    return text + shown, bool(wrong)


def _row(name: str, figures: dict[str, int]) -> str:
    read = f"{100 * figures['read'] / figures['right']:.0f}%" if figures["right"] else "-"
    return f"| {name} | {' | '.join(f'{figures[column]:,}' for column in COLUMNS)} | {read} |"


def _line(result: Result) -> str:
    flags = f" {result['flags']}" if result["flags"] else ""
    change, truth = result["change"].replace("`", "'"), result["because"] or "right"
    where = f"`{result['style']}{flags}`, line {result['line']}: `{change}`"
    return f"{what_is_wrong(result)}: {where}; truth: {truth}"
