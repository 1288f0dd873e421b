"""Each format of made-up records, to the letter. To accept a change: GOLDEN=write make test, and read the diff."""

import os
import re
from dataclasses import replace

import pytest
from conftest import ROOT
from sample_records import benched, case_of, grouped, in_full, record_of, rendered

from rnncli.core.records import Detail, RunRecord, Wire

WIRE = Wire(tensor="left.weight", weight="weight_ih_l0", evidence="its name")
BENCHED = benched(5)
LATER = [
    replace(case, timing=tuple(replace(timing, baseline_ratio=1.25, changed=timing.wrong) for timing in case.timing))
    for case in BENCHED.cases
]
RECORDS = {
    "one": record_of(in_full(wiring=(WIRE,))),
    "many": grouped(),
    "failed": record_of(case_of(candidate="my_rnn.py:f", error="its forward raised\nmore")),
    "bench": BENCHED,
    "bench_baseline": RunRecord.of("bench", {"threads": 1}, LATER),
    "bench_range": benched(4, 16, 64),
}
SHOWN = [
    *(f"{name}.{format}" for name in RECORDS for format in ("txt", "md", "html", "csv")),
    *(f"{name}.{format}" for name in ("one", "many", "failed") for format in ("verbose.txt", "xml", "github")),
]
FORMATS = {"txt": "table", "md": "markdown", "xml": "junit"}


def without_ids_and_scripts(page):
    """The page without the ids of cases, without style and script, and without the cases that are packed into it."""
    page = re.sub(r"(<(style|script)[^>]*>).*?(</\2>)", r"\1...\3", page, flags=re.S)
    return re.sub(r"\b[a-z][0-9a-f]{9}\b", "caseid0000", page)


@pytest.mark.parametrize("name", SHOWN)
def test_a_record_is_rendered_to_the_letter(name):
    of, _, suffix = name.partition(".")
    record = RECORDS[of].changed(detail=Detail.VERBOSE if suffix.startswith("verbose") else Detail.NORMAL)
    suffix = suffix.removeprefix("verbose.")
    shown = without_ids_and_scripts(rendered(FORMATS.get(suffix, suffix), record))
    golden = ROOT / "tests" / "golden" / "report" / name
    if os.environ.get("GOLDEN") == "write":
        golden.write_text(shown)
    assert shown == golden.read_text()
