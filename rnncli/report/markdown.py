"""Markdown for a job summary or a comment: the verdict, what failing cases have in common, and the first of them."""

import re
from collections.abc import Iterator

from rnncli.core import summary
from rnncli.core.records import RunRecord, Verdict, printable
from rnncli.core.words import ratio_to

MOST_ROWS = 50  # a job summary holds a megabyte
LONGEST = 300  # characters of a cell


def render(record: RunRecord) -> Iterator[str]:
    """Yield a heading, and tables where there is something to say."""
    return _bench(record) if record.command == "bench" else _verdicts(record)


def _verdicts(record: RunRecord) -> Iterator[str]:
    tally = record.tally
    mark = "❌" if not record.passed else "✅" if record.verdict == Verdict.MATCH else "⚠️"
    yield f"## {mark} rnncli {_text(record.command)}: {summary.counts(tally)}\n"
    yield f"\n{_text(summary.heading(record))}\n"
    yield from (f"\n**Incomplete:** {_text(missing)}\n" for missing in record.missing)
    told = [summary.common(tally), summary.diagnoses(tally), summary.not_comparable(tally), *summary.unmet(record)]
    yield from (f"\n**{_text(said)}**\n" for said in told if said)
    if not tally.failing:
        return
    telling = list(summary.by_argument(tally))
    if telling:
        yield _head("argument", "failing of cases, by value")
    for name, values in telling:
        yield _row(_code(name), _text(", ".join(f"{value}: {failing} of {count}" for value, failing, count in values)))
    first = [record.cases[at] for at in tally.failing[:MOST_ROWS]]
    yield _head("case", "candidate", "arguments", "why")
    for case in first:
        yield _row(_code(case.id), _code(case.candidate), _code(summary.arguments(case)), _text(summary.reason(case)))
    if len(tally.failing) > MOST_ROWS:
        yield f"\n... and {len(tally.failing) - MOST_ROWS} more\n"
    fixes = {found.id: found.fix for case in first for found in case.diagnosis or ()}
    yield from (f"\n{_code(id)}, fix: {_text(fix)}\n" for id, fix in fixes.items())
    replay = next((case.replay for case in first if case.replay), None)
    if replay:
        yield f"\nTo see the first of them again: {_code(replay)}\n"


def _bench(record: RunRecord) -> Iterator[str]:
    yield f"## {'✅' if record.passed else '❌'} rnncli bench\n"
    for gate in record.gates or ():
        spread = f"half of its measurements {gate.ratio_low:.2f} to {gate.ratio_high:.2f}"
        yield f"\n- {_code(gate.condition)} {'**fails**' if gate.failed else 'holds'}: {gate.ratio:.2f}, {spread}\n"
    for said in (*record.missing, *record.tally.warnings, *record.tally.errors):
        yield f"\n**{_text(said)}**\n"
    of = f"of {summary.layers(record)}'s"
    yield f"\n| case | pass | implementation | median | {of} | half of the ratios | earlier |\n"
    yield "|---|---|---|--:|--:|--:|--:|\n"
    for case in record.cases:
        for timing in case.timing or ():
            name = _code(f"{timing.implementation}{' (wrong)' if timing.wrong else ''}")
            spread = f"{ratio_to(timing.ratio_low, '')} to {ratio_to(timing.ratio_high, '')}"
            ratios = ratio_to(timing.ratio_to_reference, ""), spread, ratio_to(timing.baseline_ratio, "")
            yield _row(_code(summary.arguments(case)), timing.pass_, name, f"{timing.median_s * 1e3:.4g} ms", *ratios)


def _head(*names: str) -> str:
    return f"\n{_row(*names)}|{'---|' * len(names)}\n"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |\n"


def _text(text: str) -> str:
    """Text in which nothing is markup, HTML, a link or a mention, cut to what a cell of a table holds."""
    line = " ".join(printable(text).split())
    line = line if len(line) <= LONGEST else f"{line[: LONGEST - 3]}..."
    return re.sub(r"[\\`*_\[\]#|<>&~@$]|:(?=//)", lambda found: f"&#{ord(found[0])};", line)


def _code(text: str) -> str:
    """Text in a fixed width, likewise: HTML's own element, as a backtick or a bar in Markdown's would end it."""
    return f"<code>{_text(text)}</code>"
