"""Markdown for a job summary or a comment: the verdict, what failing cases have in common, and the first of them."""

import re
from collections.abc import Iterator

from rnncli.core.records import RunRecord, Verdict, printable
from rnncli.core.summary import arguments, by_argument, common, counts, diagnoses, heading, not_comparable, reason

MOST_ROWS = 50  # a job summary holds a megabyte
LONGEST = 300  # characters of a cell


def render(record: RunRecord) -> Iterator[str]:
    """A heading, and tables where there is something to say."""
    if record.command == "bench":
        yield from _bench(record)
        return
    tally = record.tally
    mark = "❌" if not record.passed else "✅" if record.verdict == Verdict.MATCH else "⚠️"
    yield f"## {mark} rnncli {_text(record.command)}: {counts(tally)}\n"
    yield f"\n{_text(heading(record))}\n"
    for missing in record.missing:
        yield f"\n**Incomplete:** {_text(missing)}\n"
    for said in (common(tally), diagnoses(tally), not_comparable(tally)):
        if said:
            yield f"\n**{_text(said)}**\n"
    arguments_that_tell = list(by_argument(tally)) if tally.failing else []
    if arguments_that_tell:
        yield "\n| argument | failing of cases, by value |\n|---|---|\n"
        for name, values in arguments_that_tell:
            shown = ", ".join(f"{value}: {failing} of {count}" for value, failing, count in values)
            yield f"| {_code(name)} | {_text(shown)} |\n"
    if tally.failing:
        yield "\n| case | candidate | arguments | why |\n|---|---|---|---|\n"
        for at in tally.failing[:MOST_ROWS]:
            case = record.cases[at]
            row = (_code(case.id), _code(case.candidate), _code(arguments(case)), _text(reason(case)))
            yield f"| {' | '.join(row)} |\n"
        if len(tally.failing) > MOST_ROWS:
            yield f"\n... and {len(tally.failing) - MOST_ROWS} more\n"
        first = [record.cases[at] for at in tally.failing[:MOST_ROWS]]
        fixes = {found.id: found.fix for case in first for found in case.diagnosis or ()}
        for id, fix in fixes.items():
            yield f"\n{_code(id)}, fix: {_text(fix)}\n"
        replay = next((case.replay for case in first if case.replay), None)
        if replay:
            yield f"\nTo see the first of them again: {_code(replay)}\n"


def _bench(record: RunRecord) -> Iterator[str]:
    """The ratios to nn.RNN, a row for each implementation of each case and pass; first, the gates."""
    yield f"## {'✅' if record.passed else '❌'} rnncli bench\n"
    for gate in record.gates or ():
        spread = f"half of its measurements {gate.ratio_low:.2f} to {gate.ratio_high:.2f}"
        yield f"\n- {_code(gate.condition)} {'**fails**' if gate.failed else 'holds'}: {gate.ratio:.2f}, {spread}\n"
    for said in (*record.missing, *record.tally.warnings, *record.tally.errors):
        yield f"\n**{_text(said)}**\n"
    yield "\n| case | pass | implementation | median | of nn.RNN's | half of the ratios | earlier |\n"
    yield "|---|---|---|--:|--:|--:|--:|\n"
    for case in record.cases:
        for timing in case.timing or ():
            ratios = (timing.ratio_to_reference, timing.ratio_low, timing.ratio_high, timing.baseline_ratio)
            own, low, high, earlier = ("" if ratio is None else f"{ratio:.2f}" for ratio in ratios)
            name = f"{timing.implementation}{' (wrong)' if timing.wrong else ''}"
            cells = (_code(arguments(case)), timing.pass_, _code(name), f"{timing.median_s * 1e3:.4g} ms", own)
            yield f"| {' | '.join(cells)} | {low} to {high} | {earlier} |\n"


def _cut(text: str) -> str:
    line = " ".join(printable(text).split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 3]}..."


def _text(text: str) -> str:
    """Text in which nothing is markup, HTML, a link or a mention, in a cell of a table."""
    return re.sub(r"[\\`*_\[\]#|<>&~@$]|:(?=//)", lambda found: f"&#{ord(found[0])};", _cut(text))


def _code(text: str) -> str:
    """Text in a fixed width, likewise: HTML's own element, as a backtick or a bar in Markdown's would end it."""
    return f"<code>{_text(text)}</code>"
