"""Audit the readings: `python -m benchmarks.reading [--sample 0.05] [--style NAME] [--list]`.

The whole audit keeps its results in .audit/reading.json for docs/verdicts.md; a sample prints its table instead. It
goes on where it was stopped. `--list` writes each failing mutant as a file into .audit/reading/, with the truth and the
verdict in its first lines.
"""

import argparse
import json
import os
import shutil
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported: processes are forked

from benchmarks.reading.audit import STATE, Judged, jobs, judged
from benchmarks.reading.catalogue import STYLES
from benchmarks.reading.table import section, what_is_wrong


def main() -> int:
    """Run what is missing; 1 where a wrong one is a match or a right one a mismatch."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reading", description=__doc__)
    parser.add_argument("--sample", type=float, default=1.0, help="the share of the mutants to judge")
    parser.add_argument("--style", action="append", choices=sorted(STYLES), help="a style to judge; may be repeated")
    parser.add_argument("--list", action="store_true", help="write the failing mutants into .audit/reading/")
    parser.add_argument("--unread", action="store_true", help="with --list: also the right ones that are not read")
    given = parser.parse_args()
    found = judged(jobs(given.style or list(STYLES), given.sample))
    results = [result.to_json() for result in found]
    text, failed = section(results)
    if given.sample == 1 and not given.style:
        (STATE / "reading.json").write_text(json.dumps(results))
    print(text)
    if given.list:
        folder = STATE / "reading"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for job, result in zip(found, results, strict=True):
            unread = given.unread and result["truth"] == "right" and result["verdict"] not in ("match", "mismatch")
            if kind := what_is_wrong(result) or ("unread" if unread else None):
                print(f"wrote {write(job, kind, folder)}", file=sys.stderr)
    return int(failed)


def write(result: Judged, kind: str, folder: Path) -> Path:
    """Write a mutant as a file that can be verified, with a heading."""
    job = result.job
    path = folder / f"{kind.replace(' ', '-')}-{job.style}-{job.key[:8]}.py"
    heading = [
        f"rnncli verify {path}:{STYLES[job.style].target} {job.flags}".rstrip(),
        f"line {job.line}: {job.operator}: {job.change}",
        f"truth: {result.truth}: {result.because}",
        f"verdict: {result.verdict}: {result.said}".replace("\n", " "),
    ]
    path.write_text("".join(f"# {line}\n" for line in heading) + job.source)
    return path


if __name__ == "__main__":
    sys.exit(main())
