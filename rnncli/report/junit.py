"""JUnit XML, as CI servers read it: a test case for each case, grouped by candidate."""

from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from rnncli.core.records import CaseRecord, RunRecord, Verdict, printable
from rnncli.core.summary import arguments, conclusion, reason, unmet
from rnncli.core.words import not_compared


def render(record: RunRecord) -> Iterator[str]:
    """Yield one test suite. A mismatch is a failure, a case that could not be judged or is missing an error, and one of
    which nothing could be compared is skipped.
    """
    tally = record.tally
    not_comparable, open_ = tally.verdicts[Verdict.NOT_COMPARABLE], tally.partly_open.total()
    failures = tally.verdicts[Verdict.MISMATCH] + (not_comparable + open_ if record.strict else 0)
    of_run = [("incomplete", missing, "every case has a result") for missing in record.missing]
    if not record.strict:  # then each case says what was not compared
        of_run += [("nothing-compared", said, "output is compared") for said in unmet(record)]
    counted = {"tests": tally.cases + len(of_run), "failures": failures}
    counted["errors"] = tally.kinds.total() + len(of_run)
    skipped = 0 if record.strict else not_comparable
    name = f"rnncli {record.command}"
    environment = {key: value for key, value in (record.environment or {}).items() if value is not None}
    properties = "".join(_element("property", name=key, value=value) for key, value in environment.items())
    yield '<?xml version="1.0" encoding="utf-8"?>\n'
    yield f"{_opened('testsuites', name=name, **counted)}\n"
    yield f"{_opened('testsuite', name=name, **counted, skipped=skipped)}\n"
    yield f"<properties>{properties}</properties>\n"
    for case in record.cases:
        about = {"classname": case.candidate, "name": f"{case.id} {arguments(case)}"}
        yield f"{_element('testcase', _outcome(case, record.strict), **about)}\n"
    for kind, said, name in of_run:
        error = _element("error", type=kind, message=said)
        yield f"{_element('testcase', error, classname='rnncli', name=name)}\n"
    yield f"<system-out>{_text(conclusion(record))}</system-out>\n</testsuite>\n</testsuites>\n"


def _outcome(case: CaseRecord, strict: bool) -> str | None:
    if case.error:
        text = _text(case.error.traceback or case.error.message)
        return _element("error", text, type=case.error.kind, message=reason(case))
    if case.verdict == Verdict.MISMATCH:
        lines = [f"{found.id}: {found.evidence}\nfix: {found.fix}" for found in case.diagnosis or ()]
        lines += [f"replay: {case.replay}"] if case.replay else []
        return _element("failure", _text("\n".join(lines)), type="mismatch", message=reason(case))
    left = "; ".join(not_compared(case)) if strict else ""
    if left or (strict and case.verdict == Verdict.NOT_COMPARABLE):
        return _element("failure", type=Verdict.NOT_COMPARABLE, message=left or reason(case))
    return _element("skipped", message=reason(case)) if case.verdict == Verdict.NOT_COMPARABLE else None


def _element(tag: str, content: str | None = None, **attributes: object) -> str:
    opened = _opened(tag, **attributes)
    return f"{opened[:-1]}/>" if content is None else f"{opened}{content}</{tag}>"


def _opened(tag: str, **attributes: object) -> str:
    return f"<{tag}{''.join(f' {name}={quoteattr(printable(str(value)))}' for name, value in attributes.items())}>"


def _text(text: str) -> str:
    return escape(printable(text))
