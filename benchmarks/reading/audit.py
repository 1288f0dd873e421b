"""The audit: the truth about every mutant beside the tool's verdict on it.

Both are kept in .audit/ as they come, each under a digest of what it rests on: the truth under that of the style, the
mutant and this package, the verdict under that of the mutant and of rnncli. A changed rnncli costs its verdicts alone.
"""

import hashlib
import json
import multiprocessing
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.reading.processes import results_of

HERE = Path(__file__).parent
STATE = Path(".audit")
RNNCLI = HERE.parent.parent / "rnncli"
TRUTH_TIMEOUT_S, VERDICT_TIMEOUT_S = 20.0, 60.0
UNCHANGED = "unchanged"

Tool = Callable[[Path, str, str], tuple[str, str]]


@dataclass(frozen=True)
class Job:
    """A mutant of a style, judged for the case of some flags."""

    style: str
    flags: str
    operator: str
    line: int
    change: str
    source: str

    @property
    def key(self) -> str:
        """A digest of the mutant and its case."""
        return digest([self.style, self.flags, self.source])


@dataclass(frozen=True)
class Judged:
    """A mutant, the truth about it and the tool's verdict, each with its reason."""

    job: Job
    truth: str
    because: str
    verdict: str
    said: str

    def to_json(self) -> dict[str, Any]:
        """Plain values, without the source."""
        values = asdict(self)
        job = values.pop("job")
        kept = {name: job[name] for name in ("style", "flags", "operator", "line", "change")}
        return kept | {"mutant": digest([self.job.style, self.job.source])} | values


def digest(parts: Iterable[str]) -> str:
    """A short digest of texts."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]


def digest_of_code(folder: Path, *names: str) -> str:
    """A digest of a folder's Python files, of all or of those with the names."""
    files = sorted(path for path in folder.rglob("*.py") if not names or path.name in names)
    return digest(path.read_text() for path in files)


# -- jobs --------------------------------------------------------------------------------------------------------------


def jobs_of(style: str) -> list[Job]:
    """The style itself and all its mutants, for each of its cases."""
    import torch

    from benchmarks.reading.catalogue import STYLES
    from benchmarks.reading.mutants import Mutant, mutants

    torch.set_num_threads(1)
    source = (HERE / "styles" / f"{style}.py").read_text()
    every = [Mutant(UNCHANGED, 0, "", source), *mutants(source, STYLES[style])]
    return [
        Job(style, flags, mutant.operator, mutant.line, mutant.change, mutant.source)
        for mutant in every
        for flags in STYLES[style].flags
    ]


def jobs(styles: Sequence[str], sample: float) -> list[Job]:
    """The jobs of styles, or a sample of them that follows from each mutant alone; every style itself is in it."""
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        every = [job for found in pool.map(jobs_of, styles, chunksize=1) for job in found]
    return [job for job in every if job.operator == UNCHANGED or drawn(job, sample)]


def drawn(job: Job, sample: float) -> bool:
    """Whether a mutant is in a sample: for all of its cases or none."""
    return int(digest([job.style, job.source])[:8], 16) < sample * 2**32


# -- the two sides -----------------------------------------------------------------------------------------------------


def truth_of(job: Job) -> tuple[str, str]:
    """The class of a mutant and the reason."""
    import torch

    from benchmarks.reading.catalogue import STYLES
    from benchmarks.reading.truth import truth

    torch.set_num_threads(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = truth(job.source, STYLES[job.style], job.flags)
    return found.kind, found.reason


def verdict_of(job: Job, tool: Tool | None = None) -> tuple[str, str]:
    """The verdict of the tool on a mutant, in a file of its own."""
    from benchmarks.reading import tool as rnncli_tool
    from benchmarks.reading.catalogue import STYLES

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{job.style}.py"
        path.write_text(job.source)
        try:
            return (tool or rnncli_tool.verdict_of)(path, STYLES[job.style].target, job.flags)
        except Exception as error:  # a defect of rnncli
            return "failed", f"internal error: {type(error).__name__}: {error}"


def _verdict_in_a_process(job: Job) -> tuple[str, str]:
    import torch

    torch.set_num_threads(1)
    return verdict_of(job)


def kept(
    file: Path,
    stamp: str,
    todo: Sequence[Job],
    found: Callable[[Sequence[Job]], Iterator[tuple[Job, Any]]],
    dead: tuple[str, str],
) -> dict[str, Any]:
    """Results by the key of a job: those in the file under the same stamp, and those that come, added to it."""
    done = {}
    if file.exists():
        lines = (json.loads(line) for line in file.read_text().splitlines())
        done = {line["key"]: line["result"] for line in lines if line["stamp"] == stamp}
    missing = [job for job in todo if job.key not in done]
    started = shown = time.monotonic()
    with file.open("a") as lines_out:
        for count, (job, result) in enumerate(found(missing), 1):
            done[job.key] = result or dead
            line = {"stamp": stamp, "key": job.key, "result": done[job.key]}
            lines_out.write(json.dumps(line) + "\n")
            lines_out.flush()
            if time.monotonic() - shown > 10:
                shown = time.monotonic()
                left = (len(missing) - count) * (shown - started) / count
                print(f"{file.stem}: {count} of {len(missing)}, {left:.0f} s left", file=sys.stderr, flush=True)
    return done


def judged(todo: Sequence[Job], folder: Path = STATE) -> list[Judged]:
    """The truth and the verdict of each job."""
    import rnncli.pipeline.verify  # noqa: F401  # loaded before the processes are forked
    from benchmarks.reading import bindings, truth  # noqa: F401

    folder.mkdir(exist_ok=True)
    truths = kept(
        folder / "reading-truth.jsonl",
        digest_of_code(HERE, "truth.py", "bindings.py", "gated.py"),
        todo,
        lambda missing: results_of(missing, truth_of, 40, TRUTH_TIMEOUT_S),
        ("raises", "it takes longer than 20 s, or ends the process"),
    )
    verdicts = kept(
        folder / "reading-verdicts.jsonl",
        digest_of_code(RNNCLI) + digest_of_code(HERE, "tool.py"),
        todo,
        lambda missing: results_of(missing, _verdict_in_a_process, 200, VERDICT_TIMEOUT_S),
        ("failed", "no verdict within 60 s, or the process ended"),
    )
    return [Judged(job, *truths[job.key], *verdicts[job.key]) for job in todo]
