"""Many cases: in units, by whatever executor; each is kept as a line of JSON as soon as its result is known."""

import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import torch

from rnncli.config.selection import Selection
from rnncli.core.case import Case
from rnncli.core.errors import CandidateError, ReaderGoneError, RnncliError, UnavailableError, described
from rnncli.core.lines import case_from_json, line_of
from rnncli.core.memory import needed_for_verify
from rnncli.core.records import SCHEMA_VERSION, CaseRecord, Failure, Origin, Verdict
from rnncli.execution.process import TookTooLong
from rnncli.execution.workers import Inline, Workers
from rnncli.numerics.device import environment, resolve
from rnncli.pipeline.journal import open_journal, temporary_journal
from rnncli.pipeline.results import Run
from rnncli.pipeline.verify import VerifyOptions, attempted, failed, largest, policy_flags, verify
from rnncli.verdict.problem import Problems

if TYPE_CHECKING:
    from rnncli.execution.dask import Cluster

CASE_TIMEOUTS = 20  # a case may take this many times what a call of a user's candidate may
FEW = 64  # cases that are done before further processes are up
FEW_OF_A_USER = 4  # likewise, where each is judged in a process of its own
AHEAD = 2  # units given to the executor, for each of its processes
TASK_S = 1.0  # of a task of a cluster, which costs as much as a case in itself
MOST_TOGETHER = 16  # units in such a task

Unit = Sequence[tuple[Case, Origin]]  # cases run together: they differ in nothing but a built-in candidate


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict of a case, and its record as a line of JSON, which is all that leaves a process."""

    index: int
    verdict: Verdict | None
    line: str

    @property
    def failed(self) -> bool:
        return self.verdict in (None, Verdict.MISMATCH)

    @classmethod
    def of(cls, record: CaseRecord, origin: Origin, head: dict[str, Any]) -> "Outcome":
        """Return the outcome of a record. `head` stands before the case in its line."""
        return cls(origin.index, record.verdict, line_of(head, replace(record, origin=origin)))


def verify_unit(
    unit: Unit, options: VerifyOptions, head: dict[str, Any], problems: Problems | None = None, on_cluster: bool = False
) -> list[Outcome]:
    """Verify the cases of a unit; a defect of rnncli costs its own case alone. `problems`: of the units before.

    `on_cluster`: refuse a case that does not fit into the memory of the worker, which the client does not know; and
    leave to others what is not begun after a moment.
    """
    problems, end = problems or Problems(), time.monotonic() + (TASK_S if on_cluster else inf)

    def verified(case: Case) -> CaseRecord:
        if on_cluster:
            largest([case], needed_for_verify)
        return verify(case, options=options, problems=problems)

    done: list[Outcome] = []
    for case, origin in unit:
        if done and time.monotonic() >= end:
            break
        try:
            done.append(Outcome.of(attempted(case, verified), origin, head))
        except Exception as error:
            said = str(error) if isinstance(error, RnncliError) else f"internal error: {_with_place(error)}"
            done.append(Outcome.of(failed(case, Failure(kind=RnncliError.kind, message=said)), origin, head))
    return done


def _with_place(error: Exception) -> str:
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{described(error)} ({Path(place.filename).name}:{place.lineno}); please report it"


def outcomes(
    units: Iterable[Unit],
    work: Callable[[Unit], list[Outcome]],
    executor: Executor,
    ahead: Callable[[], int],
    head: dict[str, Any],
) -> Iterator[Outcome]:
    """Yield the outcome of each case, as they are done. The executor is given `ahead()` units at a time.

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
        ended = wait(waiting, return_when=FIRST_COMPLETED).done
        for future in sorted(ended, key=lambda future: future.exception() is not None):  # what is finished is kept
            unit = waiting.pop(future)
            try:
                done = future.result()
                yield from done
                left = unit[len(done) :]
                again += [half for half in (left[: len(left) // 2], left[len(left) // 2 :]) if half]
            except CandidateError as error:
                (case, origin), *others = unit
                if others or (origin.index not in tried and not isinstance(error, TookTooLong)):
                    again += [[each] for each in unit]
                    tried |= {each.index for _, each in unit}
                else:
                    said = f"candidate {case.target or case.candidate}, case {case.id}: {error}"
                    yield Outcome.of(failed(case, Failure(kind=error.kind, message=said)), origin, head)


class GridRun:
    """The cases of a selection verified: `done` already, to come, and the `journal` that keeps them.

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
        self.environment = environment()
        self._head = {"schema_version": SCHEMA_VERSION, "command": "verify", "environment": self.environment}
        self._origin = selection.origins(policy_flags(options.policy))
        cores = self.environment["cpus"] or 1
        self._cluster, self._jobs = cluster, 0 if cluster else _jobs(selection, jobs, cores)
        run = Run("verify", self._origin(0).config, self.environment)
        self.journal = open_journal(lasting, run, resume) if lasting else temporary_journal()
        self.done = self.journal.finished.intersection(selection.indices)
        self.mismatches: list[int] = []  # of this run
        self.failures = 0

    def __enter__(self) -> Self:
        timeout_s = CASE_TIMEOUTS * self.options.timeout_s
        self._executor = self._cluster or (Workers(self._jobs, timeout_s) if self._jobs > 1 else Inline())
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._executor.shutdown(cancel_futures=True)
        if kind and not issubclass(kind, (KeyboardInterrupt, ReaderGoneError, UnavailableError)):
            self.journal.close()

    def outcomes(self) -> Iterator[Outcome]:
        """Run what is not done, and keep its results. Raises ConfigError where these cannot be written, and
        UnavailableError where the cluster is gone.
        """
        units = self._tasks() if self._cluster else self._units()
        work = self._work(self.options)
        if self._jobs == 1:  # here a case at a time, so that an interrupt costs no more
            units = ([case] for unit in units for case in unit)
            work = partial(work, problems=Problems())
        for outcome in outcomes(units, work, self._executor, self._ahead, self._head):
            self.journal.add(outcome.line, outcome.index)
            self.failures += outcome.failed
            if outcome.verdict == Verdict.MISMATCH:
                self.mismatches.append(outcome.index)
            yield outcome

    def shrink(self, most: int) -> list[CaseRecord]:
        """Verify the first mismatches again, and return each with the smallest case found that is one too.

        In a file that goes away they take the place of the others; in one that lasts each case stays as it was judged.
        """
        units = [[(self.selection.case(index), self._origin(index))] for index in sorted(self.mismatches)[:most]]
        work = self._work(replace(self.options, shrink=True, timing=False))
        records = []
        for outcome in outcomes(units, work, self._executor, self._ahead, self._head):
            if outcome.verdict != Verdict.MISMATCH:  # the first judgement stands, whatever the second says
                continue
            again, first = case_from_json(outcome.line.encode()), self.journal.case(outcome.index)
            record = replace(first, replay=again.replay, replay_config=again.replay_config)
            if [found.id for found in first.diagnosis or ()] == [found.id for found in again.diagnosis or ()]:
                record = replace(record, diagnosis=again.diagnosis)  # with the changes that fix it
            if not self.journal.lasts:
                self.journal.add(line_of(self._head, record), outcome.index)
            records.append(record)
        return records

    def _work(self, options: VerifyOptions) -> Callable[..., list[Outcome]]:
        return partial(verify_unit, options=options, head=self._head, on_cluster=self._cluster is not None)

    def _ahead(self) -> int:
        threads = self._cluster.threads if self._cluster else self._jobs  # the workers of a cluster come and go
        return 1 if self._jobs == 1 else AHEAD * max(1, threads)

    def _units(self) -> Iterator[Unit]:
        for unit in self.selection.units:
            if left := [index for index in unit if index not in self.done]:
                yield [(self.selection.case(index), self._origin(index)) for index in left]

    def _tasks(self) -> Iterator[Unit]:
        # several units together while there are many, and fewer at last, so that all workers end together
        units, left = self._units(), sum(not self.done.issuperset(unit) for unit in self.selection.units)
        while left > 0:
            count = max(1, min(MOST_TOGETHER, left // (2 * self._ahead())))
            yield [case for unit in islice(units, count) for case in unit]
            left -= count


def _jobs(selection: Selection, asked: int | None, cores: int) -> int:
    # those asked for, or a core each where that pays; no more than there is work and memory for
    sizes = [largest(cases.largest(), needed_for_verify) for cases in selection.grids]
    most, available = max(needed for needed, _ in sizes), min(there for _, there in sizes)
    few = len(selection) < (FEW_OF_A_USER if selection.targets else FEW)
    jobs = asked or (1 if few or _uses_gpu(selection) else cores)
    return max(1, min(jobs, len(selection.units), available // max(most, 1)))


def _uses_gpu(selection: Selection) -> bool:
    names = {cases[at].run.device for cases in selection.grids for at in cases.along("run.device")}
    with suppress(UnavailableError):
        return any(resolve(name).type == "cuda" for name in names)
    return False
