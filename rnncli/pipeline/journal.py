"""The file of a run under way: written line by line, and resumed."""

import fcntl
import os
import tempfile
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from errno import ENOSPC
from pathlib import Path
from typing import BinaryIO

from rnncli.core.errors import ConfigError
from rnncli.pipeline.results import Place, ResultFile, Results, Run

LINE_START = b'{"schema_version"'


@dataclass
class Journal(ResultFile):
    """The file of a run under way: the line of a case is added as soon as it is known.

    `descriptor`: of the file, to write to. `lasts`: whether the file outlives the run.
    """

    descriptor: int = field(kw_only=True)
    lasts: bool = True

    def add(self, line: str, index: int) -> None:
        """Add a case. Raises ConfigError where it cannot be written."""
        text = line.encode()
        try:
            if os.pwrite(self.descriptor, text, self.end) != len(text):
                raise OSError(ENOSPC, os.strerror(ENOSPC))
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self.descriptor, self.end)
            raise ConfigError(f"--output: {self.path} cannot be written: {error.strerror}") from None
        self.places[index] = Place(self.end)
        self.end += len(text)

    def require_kept(self) -> None:
        """Raise ConfigError where the file is not what was written: somebody has removed, replaced or cut it."""
        written, what = os.fstat(self.descriptor), None
        try:
            if not os.path.samestat(written, os.stat(self.path)):
                what = "replaced"
            elif written.st_size < self.end:
                what = "cut"
        except OSError:
            what = "removed"
        if what and self.lasts:
            raise ConfigError(f"--output: {self.path} was {what} while the results were written; they are lost")

    def results(self) -> Results:
        """Return all that the file holds."""
        return Results([self])

    def close(self) -> None:
        """Close the file: nothing is added any more, and none of its results is read."""
        os.close(self.descriptor)
        self.file.close()


def temporary_journal() -> Journal:
    """Return a file that goes away, for a run whose results are rendered in the end. Raises ConfigError."""
    try:
        file = tempfile.TemporaryFile()  # noqa: SIM115  # it lives as long as the run
    except OSError as error:
        raise ConfigError(f"no temporary file can be made: {error.strerror}; TMPDIR names a folder for them") from None
    return Journal(Path("results"), file, descriptor=os.dup(file.fileno()), lasts=False)


def open_journal(path: Path, run: Run, resume: bool) -> Journal:
    """Return the file at `path`, to add the results of a run to.

    With `resume`, what it holds is kept, but for a line that a kill has cut. Raises ConfigError where that is of
    another run; without, where it is an unfinished run, which would be lost.
    """
    with ExitStack() as opened:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
            opened.callback(os.close, descriptor)
            file = opened.enter_context(path.open("rb"))
        except OSError as error:
            raise ConfigError(f"--output: {path} cannot be written: {error.strerror}") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(f"--output: {path} is being written by another run; allowed: another file") from None
        except OSError:  # a file system without locks
            pass
        journal = Journal(path, file, descriptor=descriptor)
        if resume:
            _require_same_run(journal.scan(), run)
        else:
            _require_finished(path, file)
        os.ftruncate(descriptor, journal.end)
        journal.file = open(os.dup(file.fileno()), "rb")  # noqa: SIM115  # `file` may hold bytes that were cut off
        opened.pop_all()
        file.close()
        return journal


def _require_same_run(saved: ResultFile, run: Run) -> None:
    path, same = saved.path, "the file of the same run"
    for index in saved.places:  # what is wrong is told before anything is run
        saved.case(index)
    if not saved.end and os.fstat(saved.file.fileno()).st_size and not _begins_with_a_result(saved.file):
        raise ConfigError(f"--resume: {path} holds no results; allowed: {same}, or a new one")
    if difference := saved.run and run.differs_from(saved.run):
        raise ConfigError(f"--resume: {path} is {difference}; allowed: {same}, or another --output")


def _require_finished(path: Path, file: BinaryIO) -> None:
    try:
        saved = ResultFile(path, file).scan()
    except ConfigError as error:  # something else is replaced, as by any other format
        if _begins_with_a_result(file):
            raise ConfigError(f"--output: {error}; it holds results that would be lost") from None
        return
    done, expected = len(saved.finished), sum(saved.sizes.values()) or saved.cases
    if 0 < done < expected:
        allowed = "--resume to go on with it, or another file"
        raise ConfigError(f"--output: {path} holds {done} of {expected} cases of an unfinished run; allowed: {allowed}")


def _begins_with_a_result(file: BinaryIO) -> bool:
    file.seek(0)
    return file.read(len(LINE_START)) == LINE_START
