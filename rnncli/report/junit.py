"""JUnit XML, as CI servers read it: a test case for each case, grouped by candidate."""

from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from rnncli.core.records import CaseRecord, RunRecord, Verdict, printable
from rnncli.core.summary import arguments, conclusion, reason


def render(record: RunRecord) -> Iterator[str]:
    """One test suite. A mismatch is a failure, a case that could not be judged or is missing an error, and one of which
    nothing could be compared is skipped.
    """
    tally = record.tally
    skipped = 0 if record.strict else tally.verdicts[Verdict.NOT_COMPARABLE]
    failures = tally.verdicts[Verdict.MISMATCH] + tally.verdicts[Verdict.NOT_COMPARABLE] - skipped
    name = f"name={_value(f'rnncli {record.command}')}"
    total = (
        f'tests="{tally.cases + len(record.missing)}" failures="{failures}"'
        f' errors="{tally.kinds.total() + len(record.missing)}"'
    )
    yield '<?xml version="1.0" encoding="utf-8"?>\n'
    yield f"<testsuites {name} {total}>\n"
    yield f'<testsuite {name} {total} skipped="{skipped}">\n'
    environment = [(key, value) for key, value in (record.environment or {}).items() if value is not None]
    properties = "".join(f"<property name={_value(key)} value={_value(value)}/>" for key, value in environment)
    yield f"<properties>{properties}</properties>\n"
    for case in record.cases:
        yield _test_case(case, record.strict)
    for missing in record.missing:
        error = f'<error type="incomplete" message={_value(missing)}/>'
        yield f'<testcase classname="rnncli" name="every case has a result">{error}</testcase>\n'
    yield f"<system-out>{_text(conclusion(record))}</system-out>\n</testsuite>\n</testsuites>\n"


def _test_case(case: CaseRecord, strict: bool) -> str:
    head = f"<testcase classname={_value(case.candidate)} name={_value(f'{case.id} {arguments(case)}')}"
    outcome = _outcome(case, strict)
    return f"{head}>{outcome}</testcase>\n" if outcome else f"{head}/>\n"


def _outcome(case: CaseRecord, strict: bool) -> str:
    if case.error:
        text = case.error.traceback or case.error.message
        return f"<error type={_value(case.error.kind)} message={_value(reason(case))}>{_text(text)}</error>"
    if case.verdict == Verdict.MISMATCH:
        lines = [f"{found.id}: {found.evidence}\nfix: {found.fix}" for found in case.diagnosis or ()]
        lines += [f"replay: {case.replay}"] if case.replay else []
        text = "\n".join(lines)
        return f'<failure type="mismatch" message={_value(reason(case))}>{_text(text)}</failure>'
    if case.verdict == Verdict.NOT_COMPARABLE:
        why = next((check.reason for check in case.checks or () if check.reason), "nothing could be compared")
        return (
            f'<failure type="not-comparable" message={_value(why)}/>' if strict else f"<skipped message={_value(why)}/>"
        )
    return ""


def _value(value: object) -> str:
    """An attribute's value, quoted."""
    return quoteattr(printable(str(value)))


def _text(text: str) -> str:
    return escape(printable(text))
