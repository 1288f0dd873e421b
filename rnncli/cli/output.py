"""The way out for a result: stdout in colour or plain, or a file written whole or not at all; and the exit code."""

import codecs
import errno
import io
import os
import secrets
import shlex
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import typer

from rnncli.cli.messages import drop_stdout, not_allowed, tell
from rnncli.core.errors import (
    INTERRUPTIONS,
    AmbiguousError,
    CandidateError,
    ConfigError,
    ExitCode,
    ReaderGoneError,
    RnncliError,
    UnavailableError,
)
from rnncli.core.records import Detail, RunRecord, Verdict, printable
from rnncli.core.summary import conclusion, unmet, unmet_by_strict
from rnncli.report import OF_ONE_COMMAND, SUFFIXES, renderer

STDOUT = Path("-")
MANY = 1000  # cases: to render them may take longer than a moment
PLAIN_CHARACTERS = str.maketrans("─▁▂▃▄▅▆▇█░▲▶◀", "-_.:-=+*#~^><")  # rules, bars and arrows, where the locale is ASCII


def check_destination(
    format: str | None, output: Path | None, *inputs: Path | None, formats: Sequence[str] = OF_ONE_COMMAND
) -> str:
    """Return the format: the one given, else that of the file's suffix, else table.

    Raises ConfigError for a format that does not exist or a file that cannot be written.
    """
    file = output if output != STDOUT else None
    if format is None and file is not None:
        format = SUFFIXES.get(file.suffix.lower(), "table")
        if format not in formats:
            raise ConfigError(
                f"--output: {file} would be {format}, which this command does not write; allowed:"
                f" {', '.join(formats)}, by --format or the suffix"
            )
    format = format or "table"
    if format not in formats:
        raise not_allowed("--format", format, formats)
    if file is not None:
        check_file("--output", file, *inputs)
    elif format == "html" and sys.stdout is not None and sys.stdout.isatty():
        raise ConfigError(f"--format: a page of HTML is not for a terminal; {_into_a_file(sys.argv[1:])} writes a file")
    return format


def _into_a_file(arguments: Sequence[str]) -> str:
    kept = [*arguments]
    for flag in ("--format", "--output", "-o"):
        if flag in kept:
            at = kept.index(flag)
            del kept[at : at + 2]
    kept = [one for one in kept if not one.startswith(("--format=", "--output="))]
    return shlex.join(["rnncli", *kept, "--output", "report.html"])


def check_file(flag: str, file: Path, *inputs: Path | None) -> None:
    """Raise ConfigError for the file of a flag that cannot be written, or is one of the inputs."""
    with _writable(flag, file):
        if file.is_dir():
            raise ConfigError(f"{flag}: {file} is a directory; allowed: a file")
        if not file.parent.is_dir():
            raise ConfigError(f"{flag}: the folder {file.parent} does not exist; allowed: a file in a folder that does")
        if file.exists() and any(path and path.exists() and file.samefile(path) for path in inputs):
            what = "the config itself" if file.suffix in (".yaml", ".yml") else "an input of this command"
            raise ConfigError(f"{flag}: {file} is {what}; allowed: another file")


def check_folder(flag: str, folder: Path) -> None:
    """Raise ConfigError for the folder of a flag that is neither there nor can be made."""
    with _writable(flag, folder):
        if folder.exists() and not folder.is_dir():
            raise ConfigError(f"{flag}: {folder} is a file; allowed: a folder")
        if not folder.exists() and not folder.parent.is_dir():
            raise ConfigError(
                f"{flag}: the folder {folder.parent} does not exist; allowed: a folder, or a new one in one that does"
            )


@contextmanager
def _writable(flag: str, path: Path) -> Iterator[None]:
    try:
        with suppress(FileNotFoundError, NotADirectoryError):
            path.stat()
        yield
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise ConfigError(f"{flag}: {path} cannot be written: permission denied")
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise ConfigError(f"{flag}: {path} is a loop of links; allowed: a path that leads somewhere") from None
        raise ConfigError(f"{flag}: {str(path)[:60]} cannot be written: {error.strerror}") from None


def emit(record: RunRecord, format: str, output: Path | None) -> None:
    """Write the record to stdout or to the file; where one line is asked for, that line to stdout beside the file."""
    quiet, to_file = record.detail == Detail.QUIET, output not in (None, STDOUT)
    if quiet and (format == "table" or to_file):
        if to_file:
            write_text(renderer(format)(record), output)
        _write_one_line(record)
    elif format == "table" and not to_file and stdout_is_terminal():
        from rich.console import Console

        from rnncli.report.table import draw

        plain_where_needed()
        draw(record, Console(highlight=False))
    else:
        from rnncli.cli.progress import with_progress

        pieces = renderer(format)(record)
        write_text(with_progress(pieces, 1) if len(record.cases) > MANY else pieces, output)


def _write_one_line(record: RunRecord) -> None:
    from rnncli.report.one_line import one_line

    write_text(f"{printable(one_line(record))}\n", None)


def write_text(pieces: Iterable[str], output: Path | None) -> None:
    """Write text, in pieces, to stdout or to the file. Raises ConfigError where it cannot be written."""
    if output is not None and output != STDOUT:
        write_whole(output, pieces)
        return
    if sys.stdout is None:
        raise ConfigError("stdout is closed; allowed: --output FILE")
    plain_where_needed()
    try:
        for piece in [pieces] if isinstance(pieces, str) else pieces:
            sys.stdout.write(piece)
        sys.stdout.flush()
    except OSError as error:
        drop_stdout()
        if isinstance(error, BrokenPipeError):
            raise ReaderGoneError from None
        raise ConfigError(f"stdout cannot be written: {error.strerror}") from None


def stdout_is_terminal() -> bool:
    """Tell whether stdout is drawn on: a terminal, or a pipe that FORCE_COLOR makes one."""
    return sys.stdout is not None and (sys.stdout.isatty() or bool(os.environ.get("FORCE_COLOR")))


def plain_where_needed() -> None:
    """Let stdout write what its encoding lacks in plain characters, whoever prints."""

    def plain(error: UnicodeError) -> tuple[str, int]:
        assert isinstance(error, UnicodeEncodeError)
        lacking = error.object[error.start : error.end].translate(PLAIN_CHARACTERS)
        return lacking.encode("ascii", "replace").decode(), error.end

    codecs.register_error("rnncli-plain", plain)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="rnncli-plain")


def write_whole(path: Path, pieces: bytes | Iterable[str], flag: str = "--output") -> None:
    """Replace the file in one step, so that a reader finds what was there or what is. Raises ConfigError."""
    texts = [pieces] if isinstance(pieces, str | bytes) else pieces
    content = (text if isinstance(text, bytes) else text.encode() for text in texts)
    target = path.resolve()
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        if path.exists() and not path.is_file():  # a device or a pipe is written to, not replaced
            with path.open("wb") as stream:
                stream.writelines(content)
            return
        try:
            with temporary.open("xb") as file:
                file.writelines(content)
            if target.exists():
                shutil.copymode(target, temporary)
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ConfigError(f"{flag}: {path} cannot be written: {error.strerror}") from None


def finish(
    record: RunRecord,
    format: str,
    output: Path | None,
    early: ExitCode | None = None,
    emitted: bool = False,
    detail: Detail = Detail.NORMAL,
) -> None:
    """Emit the record, unless it is, say on stderr what stands beside it, and leave with the exit code of the record.

    `early`: why the run was ended before its time: interrupted, or what it runs on was lost. The exit code of an
    interruption stands, whatever becomes of the report: a terminal that hung up takes none.

    Where the one case could not run there is nothing to draw: a table is left out, a format for machines has the error.
    `detail`: quiet leaves out warnings and the tracebacks of what failed.
    """
    record = record.changed(detail=detail)
    code, notes = exit_code(record), []
    if early in INTERRUPTIONS or (early and code != ExitCode.CANDIDATE_FAILED):
        code = early
    if not emitted or (detail == Detail.QUIET and output not in (None, STDOUT)):
        try:
            if emitted:
                _write_one_line(record)
            elif format != "table" or record.tally.cases > 1 or not record.tally.kinds:
                emit(record, format, output)
        except ReaderGoneError:  # nothing more to say to anyone
            raise typer.Exit(int(code)) from None
        except (OSError, ConfigError) as error:
            if early not in INTERRUPTIONS:
                raise
            notes += str(error).splitlines()
    notes += _notes(record, format)
    notes += [INTERRUPTIONS[early]] if early in INTERRUPTIONS and not record.missing else []
    for note in notes:
        first, *rest = note.splitlines()
        tell(first)
        with suppress(OSError):  # where nobody reads them, the exit code still says what came of it
            for line in rest:  # the candidate's own traceback
                print(printable(line), file=sys.stderr)
    raise typer.Exit(int(code))


def _notes(record: RunRecord, format: str) -> Iterator[str]:
    tally, quiet = record.tally, record.detail == Detail.QUIET
    if not quiet:
        yield from (f"warning: {warning}" for warning, count in tally.warnings.items() if count == tally.cases)
        yield from tally.errors
    elif tally.cases == 1:
        yield from (error.partition("\n")[0] for error in tally.errors)
    if tally.cases > 1 and format != "table" and record.command == "verify" and not quiet:
        yield conclusion(record)
    else:
        said = unmet(record) if format != "table" else unmet_by_strict(record)  # a table says the rest itself
        yield from (*said, *record.missing)


def exit_code(record: RunRecord) -> ExitCode:
    """Return the exit code of a run: a failed candidate, then what is not here, then what is too big, then a mismatch,
    then cases without a result.
    """
    tally = record.tally
    for error in (CandidateError, UnavailableError, ConfigError, AmbiguousError, RnncliError):
        if error.kind in tally.kinds:
            return error.exit_code
    if tally.kinds:  # of a file that somebody has changed
        return ExitCode.INTERNAL
    if tally.verdicts[Verdict.MISMATCH]:
        return ExitCode.MISMATCH
    if record.missing or record.unjudged:
        return ExitCode.USAGE
    return ExitCode.MATCH if record.passed else ExitCode.MISMATCH
