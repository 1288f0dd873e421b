"""Many cases: in units, by whatever executor; each is kept as a line of JSON as soon as its result is known."""

import os
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import torch

from rnncli.config.selection import Selection
from rnncli.core.case import Case
from rnncli.core.errors import CandidateError, ReaderGoneError, RnncliError, UnavailableError, described
from rnncli.core.memory import needed_for_verify
from rnncli.core.records import SCHEMA_VERSION, CaseRecord, Failure, Origin, Verdict, case_from_json, line_of
from rnncli.execution.process import TookTooLong
from rnncli.execution.workers import Inline, Workers
from rnncli.numerics import device as devices
from rnncli.pipeline.journal import Results, Run, journal, spool
from rnncli.pipeline.verify import VerifyOptions, attempted, failed, largest, policy_flags, verify
from rnncli.verdict.problem import Problems

if TYPE_CHECKING:
    from rnncli.execution.dask import Cluster

CASE_TIMEOUTS = 20  # a case may take this many times what a call of a user's candidate may
FEW = 64  # cases that are done before further processes are up
FEW_OF_A_USER = 4  # likewise, where each is judged in a process of its own
AHEAD = 2  # units given to the executor, for each of its processes
AWAY_S = 1.0  # of a task of a cluster, which costs as much as a case in itself
TOGETHER = 16  # units in such a task, at the most

Unit = Sequence[tuple[Case, Origin]]  # cases run together: they differ in nothing but a built-in candidate


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a case: its verdict, and its record as a line of JSON, which is all that leaves a process."""

    index: int
    verdict: Verdict | None
    line: str

    @property
    def failed(self) -> bool:
        """Whether it is a mismatch or could not be judged."""
        return self.verdict in (None, Verdict.MISMATCH)

    @classmethod
    def of(cls, record: CaseRecord, origin: Origin, head: dict[str, Any]) -> "Outcome":
        """The outcome of a record. `head` stands before the case in its line."""
        return cls(origin.index, record.verdict, line_of(head, replace(record, origin=origin)))


def verify_unit(
    unit: Unit, options: VerifyOptions, head: dict[str, Any], problems: Problems | None = None, away: bool = False
) -> list[Outcome]:
    """Verify the cases of a unit; a defect of rnncli costs its own case alone. `judges`: of the units before.

    `away`: on a worker of a cluster. Nobody knows whether they fit into its memory, and what is not done after a moment
    is left to others.
    """
    judged = partial(verify, options=options, problems=problems or Problems())
    work = partial(_verified_if_it_fits, judged=judged) if away else judged
    found: list[Outcome] = []
    start = time.monotonic()
    for case, origin in unit:
        if away and found and time.monotonic() - start > AWAY_S:
            break
        try:
            outcome = Outcome.of(attempted(case, work), origin, head)
        except Exception as error:
            told = str(error) if isinstance(error, RnncliError) else f"internal error: {_described(error)}"
            record = failed(case, Failure(kind=RnncliError.kind, message=told))
            outcome = Outcome.of(record, origin, head)
        found.append(outcome)
    return found


def _verified_if_it_fits(case: Case, judged: Callable[[Case], CaseRecord]) -> CaseRecord:
    largest([case], needed_for_verify)
    return judged(case)


def outcomes(
    units: Iterable[Unit],
    work: Callable[[Unit], list[Outcome]],
    executor: Executor,
    ahead: Callable[[], int],
    head: dict[str, Any],
) -> Iterator[Outcome]:
    """What comes of each case, as they are done. The executor is given `ahead()` units at a time.

    The cases of a unit whose process dies are tried once more, each alone; one that takes too long is not. The cases
    that `work` has left over are given again, in halves.
    """
    waiting: dict[Future[list[Outcome]], Unit] = {}
    again: list[Unit] = []
    tried: set[int] = set()
    units = iter(units)
    while True:
        while len(waiting) < ahead() and (unit := again.pop() if again else next(units, None)):
            waiting[executor.submit(work, unit)] = unit
        if not waiting:
            return
        done = wait(waiting, return_when=FIRST_COMPLETED).done
        for future in sorted(done, key=lambda future: future.exception() is not None):  # what is finished is kept
            unit = waiting.pop(future)
            try:
                came = future.result()
                yield from came
                left = unit[len(came) :]
                again += [half for half in (left[: len(left) // 2], left[len(left) // 2 :]) if half]
            except CandidateError as error:
                (case, origin), *others = unit
                if others or (origin.index not in tried and not isinstance(error, TookTooLong)):
                    again += [[each] for each in unit]
                    tried |= {each.index for _, each in unit}
                else:
                    message = f"candidate {case.target or case.candidate}, case {case.id}: {error}"
                    yield Outcome.of(failed(case, Failure(kind=error.kind, message=message)), origin, head)


class GridRun:
    """The cases of a selection verified: what is done already, what comes, and where it is kept.

    A context manager: processes are ended when it is left, at once where that is by an exception.
    """

    def __init__(
        self,
        selection: Selection,
        options: VerifyOptions,
        jobs: int | None = None,
        lasting: Path | None = None,
        resume: bool = False,
        cluster: "Cluster | None" = None,
    ) -> None:
        """`jobs`: processes; None takes as many as pay. `lasting`: the file of lines to write, or else one that goes
        away; with `resume`, what it holds is kept. `cluster`: where the cases run, if not here. Raises ConfigError.
        """
        torch.set_num_threads(1)
        self.selection, self.options = selection, replace(options, shrink=False)
        self.environment = devices.environment()
        self._head = {"schema_version": SCHEMA_VERSION, "command": "verify", "environment": self.environment}
        self._origin = selection.origins(policy_flags(options.policy))
        self._cluster, self._jobs = cluster, 0 if cluster else _jobs(selection, jobs)
        run = Run("verify", self._origin(0).config, self.environment)
        self._journal = journal(lasting, run, resume) if lasting else spool()
        self._lasts = lasting is not None
        self.done = self._journal.finished.intersection(selection.indices)
        self.mismatches: list[int] = []  # that came
        self.failures = 0

    def __enter__(self) -> Self:
        timeout_s = CASE_TIMEOUTS * self.options.timeout_s
        self._executor = self._cluster or (Workers(self._jobs, timeout_s) if self._jobs > 1 else Inline())
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._executor.shutdown(cancel_futures=True)
        if kind and not issubclass(kind, (KeyboardInterrupt, ReaderGoneError, UnavailableError)):
            self.close()

    def close(self) -> None:
        """Give back the file: its results are read no more."""
        self._journal.close()

    def outcomes(self) -> Iterator[Outcome]:
        """Run what is not done, and keep what comes of it. Raises ConfigError where that cannot be written, and
        UnavailableError where the cluster is lost.
        """
        units = self._together() if self._cluster else self._units()
        work = partial(verify_unit, options=self.options, head=self._head, away=self._cluster is not None)
        if self._jobs == 1:  # here a case at a time, so that an interrupt costs no more
            units = ([case] for unit in units for case in unit)
            work = partial(work, problems=Problems())
        for outcome in outcomes(units, work, self._executor, self._ahead, self._head):
            self._journal.add(outcome.line, outcome.index)
            self.failures += outcome.failed
            if outcome.verdict == Verdict.MISMATCH:
                self.mismatches.append(outcome.index)
            yield outcome

    def shrink(self, most: int) -> list[CaseRecord]:
        """The first mismatches again, each with the smallest case found that is one too.

        In a file that goes away they take the place of the others; in one that lasts each case stays as it was judged.
        """
        options = replace(self.options, shrink=True, timing=False)
        units = [[(self.selection.case(index), self._origin(index))] for index in sorted(self.mismatches)[:most]]
        records = []
        work = partial(verify_unit, options=options, head=self._head, away=self._cluster is not None)
        for outcome in outcomes(units, work, self._executor, self._ahead, self._head):
            if outcome.verdict != Verdict.MISMATCH:  # the first judgement stands, whatever the second says
                continue
            again, first = case_from_json(outcome.line.encode()), self._journal.case(outcome.index)
            record = replace(first, replay=again.replay, replay_config=again.replay_config)
            if [found.id for found in first.diagnosis or ()] == [found.id for found in again.diagnosis or ()]:
                record = replace(record, diagnosis=again.diagnosis)  # with the changes that fix it
            if not self._lasts:
                self._journal.add(line_of(self._head, record), outcome.index)
            records.append(record)
        return records

    def require_kept(self) -> None:
        """Raise ConfigError where the file that was written is no longer there."""
        if self._lasts:
            self._journal.require_kept()

    def results(self) -> Results:
        """All results there are."""
        return self._journal.results()

    def _ahead(self) -> int:
        """How many units the executor is given at a time: the workers of a cluster come and go."""
        if self._cluster:
            return AHEAD * max(1, self._cluster.threads)
        return AHEAD * self._jobs if self._jobs > 1 else 1

    def _units(self) -> Iterator[Unit]:
        for unit in self._left():
            yield [(self.selection.case(index), self._origin(index)) for index in unit]

    def _left(self) -> Iterator[list[int]]:
        for unit in self.selection.units:
            if left := [index for index in unit if index not in self.done]:
                yield left

    def _together(self) -> Iterator[Unit]:
        """The units in tasks of a cluster: several at a time while there are many, fewer at last, so that all of its
        workers come to an end together.
        """
        units, left = self._units(), sum(1 for _ in self._left())
        while left > 0:
            count = max(1, min(TOGETHER, left // (2 * self._ahead())))
            yield [case for unit in islice(units, count) for case in unit]
            left -= count


def _jobs(selection: Selection, asked: int | None) -> int:
    """How many processes: those asked for, or a core each where that pays; no more than there is work and memory for.

    Raises ConfigError where a case needs more memory than there is.
    """
    sizes = [largest(cases.largest(), needed_for_verify) for cases in selection.grids]
    most, available = max(needed for needed, _ in sizes), min(there for _, there in sizes)
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    few = len(selection) < (FEW_OF_A_USER if selection.targets else FEW)
    jobs = asked or (1 if few or _on_a_gpu(selection) else cores)
    return max(1, min(jobs, len(selection.units), available // max(most, 1)))


def _on_a_gpu(selection: Selection) -> bool:
    """Whether a case runs on one: processes would share it, each with a context of its own."""
    try:
        names = {cases[at].run.device for cases in selection.grids for at in cases.along("run.device")}
        return any(devices.resolve(name).type == "cuda" for name in names)
    except UnavailableError:
        return False


def _described(error: Exception) -> str:
    """An error of our own, with the line it comes from."""
    at = traceback.extract_tb(error.__traceback__)[-1]
    what = described(error)
    return f"{what} ({Path(at.filename).name}:{at.lineno}); please report it"
