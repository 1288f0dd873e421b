"""`rnncli verify --watch`: the verdict again, whenever a file of the candidate is saved."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rnncli.core.errors import ConfigError

if TYPE_CHECKING:
    from rnncli.core.case import Case
    from rnncli.core.records import RunRecord
    from rnncli.pipeline.verify import VerifyOptions
    from rnncli.report.history import History

POLL_S = 0.03  # between two looks at the files


def watched_folders(cases: "Sequence[Case]") -> list[Path]:
    """Return the folders of the candidates' files. Raises ConfigError where there are none."""
    files = [Path(case.target.rpartition(":")[0]) for case in cases if case.target]
    folders = list(dict.fromkeys(file.parent for file in files if file.suffix == ".py"))
    if not folders:
        raise ConfigError("--watch: no candidate is a file; allowed with --candidate PATH.py:NAME")
    for folder in folders:
        if not folder.is_dir():
            raise ConfigError(f"--watch: the folder {folder} does not exist")
    return folders


def watch(cases: "Sequence[Case]", options: "VerifyOptions", folders: Sequence[Path]) -> None:
    """Judge every case, then again after every save, until Ctrl-C. What cannot be judged is told, and waited for."""
    from rnncli.core.memory import needed_for_verify
    from rnncli.core.records import RunRecord
    from rnncli.pipeline.verify import run_cases, verify
    from rnncli.report.history import History

    options, history = replace(options, timing=False, guard=False, shrink=False), History()
    for saves, _ in enumerate(_saves(folders)):
        started = time.perf_counter()
        records = list(run_cases(cases, lambda case: verify(case, options), needed_for_verify))
        took_s = time.perf_counter() - started
        record, clock = RunRecord.of("verify", {}, records), time.strftime("%H:%M:%S")
        history.add(clock, record)
        _show(record, history)
        after = f" {took_s:.2f} s after" if saves else ", then whenever a file is saved"
        print(f"rnncli: {clock}: judged{after}; Ctrl-C ends", file=sys.stderr, flush=True)


def _show(record: "RunRecord", history: "History") -> None:
    from rich.console import Console

    from rnncli.cli.output import plain_where_needed
    from rnncli.report.table import draw

    plain_where_needed()
    console = Console(highlight=False)
    if console.is_terminal:
        console.clear()
    draw(record, console)
    for line in history.lines(record):
        console.print(line, soft_wrap=True)
    sys.stdout.flush()


def _saves(folders: Sequence[Path]) -> Iterator[None]:
    """Yield at first, then after every change of a Python file there."""
    before = None
    while True:
        stamps = {}
        for file in (file for folder in folders for file in folder.glob("*.py")):
            with suppress(OSError):  # it is being replaced
                status = file.stat()
                stamps[file] = status.st_mtime_ns, status.st_size
        if stamps != before:
            before = stamps
            yield
        time.sleep(POLL_S)
