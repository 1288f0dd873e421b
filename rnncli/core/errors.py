"""The errors a user can meet, the exit code of each kind, and the names of keys and values in messages."""

import json
import os
from collections.abc import Iterable
from enum import IntEnum
from typing import Any

LONGEST_NEAR = 60  # characters of a name that another is looked for: the time grows with their square
LONGEST_LINE = 1000  # characters of what an error says

KeyPath = tuple[str | int, ...]


class ExitCode(IntEnum):
    """The exit codes of every command."""

    MATCH = 0
    MISMATCH = 1
    USAGE = 2
    UNAVAILABLE = 3
    CANDIDATE_FAILED = 4
    INTERNAL = 70  # a defect of rnncli itself (EX_SOFTWARE of sysexits.h), never a verdict
    HUNG_UP = 129  # interruptions are 128 and the number of the signal: SIGHUP,
    INTERRUPTED = 130  # SIGINT,
    TERMINATED = 143  # SIGTERM


INTERRUPTIONS = {
    ExitCode.INTERRUPTED: "interrupted",
    ExitCode.TERMINATED: "interrupted by SIGTERM",
    ExitCode.HUNG_UP: "interrupted by SIGHUP",
}


class RnncliError(Exception):
    """A failure that is told to the user in its own words, without a traceback."""

    exit_code, kind = ExitCode.INTERNAL, "internal"


class ConfigError(RnncliError):
    """The config, a flag, a path, or a case too big for the machine. Each line of the message is one problem."""

    exit_code, kind = ExitCode.USAGE, "config"


class UnavailableError(RnncliError):
    """A device, a dtype on that device, or an optional package that is not here."""

    exit_code, kind = ExitCode.UNAVAILABLE, "unavailable"


class ExpectationError(RnncliError):
    """Shapes that are not those of `expect:`, in a command that compares nothing else."""

    exit_code, kind = ExitCode.MISMATCH, "expect"


class CandidateError(RnncliError):
    """The candidate itself failed: it could not be loaded, its forward raised, hung, crashed, or returned no tensor.

    `trace` is its own traceback, where there is one.
    """

    exit_code, kind = ExitCode.CANDIDATE_FAILED, "candidate"

    def __init__(self, message: str, trace: str | None = None) -> None:
        super().__init__(message)
        self.trace = trace


class AmbiguousError(RnncliError):
    """A candidate that can be read in two ways which lead to different verdicts."""

    exit_code, kind = ExitCode.USAGE, "ambiguous"


class ReaderGoneError(Exception):
    """Nobody reads stdout any more, as in `rnncli ... | head`."""


def described(error: BaseException) -> str:
    """Return the type of an error and the first line of its text; with a colon at its end, the second line too."""
    try:
        said = str(error)
    except BaseException:
        said = "its __str__ raises"
    if len(said) > LONGEST_LINE:
        said = f"{said[:LONGEST_LINE].rpartition(' ')[0] or said[:LONGEST_LINE]} ..."
    first, *others = said.splitlines() or [""]
    line = " ".join([first, *map(str.strip, others[:1])]) if first.endswith(":") else first
    return f"{type(error).__name__}: {line}".removesuffix(": ")


def nearest(name: str, valid: Iterable[str]) -> str:
    """Return a clause for a message: " (did you mean X?)" where a valid name is near to `name`, else nothing."""
    import difflib

    if len(name) > LONGEST_NEAR:
        return ""
    lower = name.lower().replace("-", "_")
    by_lower = {candidate.lower().replace("-", "_"): candidate for candidate in valid}
    matches = difflib.get_close_matches(lower, by_lower, n=5, cutoff=0.6)

    def likeness(one: str) -> tuple[float, int]:
        """Of names that share as many letters, the one that begins alike is nearer: of rnm rnn, and not run."""
        return difflib.SequenceMatcher(None, one, lower).ratio(), len(os.path.commonprefix([one, lower]))  # noqa: RUF071

    return f" (did you mean {by_lower[max(matches, key=likeness)]}?)" if matches else ""


def shown(value: Any) -> str:
    """Return a value as it would stand in YAML, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."


def dotted(path: KeyPath) -> str:
    """Return a path as it is written in messages: `input.lengths[2]`."""
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)
    text = text.removeprefix(".") or "config"
    return text if len(text) <= 200 else f"{text[:197]}..."
