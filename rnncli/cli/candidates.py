"""Names of candidates as people type them, completed to the FILE:NAME that can be judged."""

import glob
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnncli.cli.messages import NO_VALUE, YES_OR_NO
from rnncli.config import cases as config
from rnncli.config.cases import Flag
from rnncli.config.grid import Grid
from rnncli.config.yamlfile import nearest_file
from rnncli.core.case import BUILT_IN, LONGEST_NAME
from rnncli.core.errors import ConfigError, ExpectationError, nearest

if TYPE_CHECKING:
    from rnncli.core.case import Case

MOST_LISTED = 12
LINE_WIDTH = 68  # columns of a candidate in the list, so that a line with its prefix fits 80
PYTHON = (".py", ".ipynb")
YAML = (".yaml", ".yml")
_IDENTIFIER = r"[^\W\d]\w*"


def load(path: Path | None, flags: Mapping[str, Flag], **options: Any) -> Grid:
    """Return the config at `path` with the flags over it, what its candidates are called completed."""
    return config.load(path, flags, named=completed, **options)


def require_expected(cases: "Iterable[Case]") -> None:
    """Raise ExpectationError where the shapes that a config expects are not those that come out, by rule."""
    from rnncli.core.shapes import confront
    from rnncli.core.words import shape_disagreements

    for case in cases:
        if case.expect and (wrong := list(shape_disagreements(confront(case)))):
            raise ExpectationError("\n".join(f"expect: {line}" for line in wrong))


def completed(name: str, command: str = "verify") -> str:
    """Return what a candidate is called in full: my_rnn.py with the only RNN in it, my_rnn.rnn_forward with its colon.

    A name that is complete, or not understood, comes back as it is. `command`: of the example in a message. Raises
    ConfigError where the file does not exist, or has no candidate or several.
    """
    if name in BUILT_IN:
        return name
    file, attribute = _parts(name)
    if file.endswith(PYTHON):
        _require(Path(file))
        return f"{file}:{attribute}" if attribute else _only(Path(file), command)
    return (_of_module(file, command) if not attribute else None) or name


def split(paths: Sequence[Path], flags: Mapping[str, Flag]) -> tuple[list[Path], dict[str, Flag]]:
    """Return the configs among the arguments of a command, and the flags with the candidate among the arguments.

    Raises ConfigError for a candidate that is not there, and for two.
    """
    given = dict(flags)
    configs = [path for path in paths if not _names_a_candidate(path, paths)]
    named = [completed(str(path)) for path in paths if path not in configs]
    if "candidate" in given:
        named.append(completed(str(given["candidate"].value)))
    several = list(dict.fromkeys(named))
    if len(several) > 1:
        listed = ", ".join(several)
        raise ConfigError(
            f"{listed}: {len(several)} candidates; allowed: one, or a config with grid: {{candidate: [{listed}]}}"
        )
    if several:
        given["candidate"] = Flag("--candidate", several[0])
    return configs, given


def _names_a_candidate(path: Path, paths: Sequence[Path]) -> bool:
    text = str(path)
    if _parts(text)[0].endswith(PYTHON):
        return True
    if config.is_there(path) or path.suffix in YAML or glob.has_magic(text):
        return False
    if text in BUILT_IN or ":" in text or _is_understood(text):
        return True
    if text.lower() in YES_OR_NO:
        raise ConfigError(f"{text}: {NO_VALUE}")
    files = [one for one in paths if one.suffix in PYTHON and one.is_file()]
    in_file = f" (did you mean {files[0]}:{text}?)" if files and text.isidentifier() else ""  # FILE.py NAME
    beside = in_file or nearest_file(path, (*YAML, *PYTHON)) or nearest(text, BUILT_IN)
    raise ConfigError(f"{text}: no such file{beside}; allowed: a config in YAML, or a candidate as FILE.py:NAME")


def _is_understood(name: str) -> bool:
    try:
        return completed(name) != name
    except ConfigError:
        return True


def _parts(name: str) -> tuple[str, str]:
    """Split `a.py:f`, `a.py::f`, `a.py.f`, `a.py` and `a:f` into the file or module, and the attribute in it."""
    in_file = re.fullmatch(rf"(.+?\.(?:py|ipynb))(?:(?:::?|\.)({_IDENTIFIER}(?:\.{_IDENTIFIER})*)?(?:\(\))?)?", name)
    if in_file:
        return in_file[1], in_file[2] or ""
    file, _, attribute = name.rpartition(":")
    return (file, attribute) if file else (name, "")


def _require(file: Path) -> None:
    if len(os.fsencode(file.name)) > LONGEST_NAME:  # told where the case is read
        return
    if file.is_dir():
        raise ConfigError(f"{file}: is a directory; allowed: a Python file")
    if not file.is_file():
        raise ConfigError(f"{file}: no such file{nearest_file(file, PYTHON)}; allowed: a Python file")


def _only(file: Path, command: str) -> str:
    """Return FILE:NAME of the only candidate of a file. Raises ConfigError, which lists several."""
    from rnncli.candidate.outline import outline

    found = outline(file)
    if not found:
        raise ConfigError(
            f"{file}: defines no function and no class that could be an RNN; allowed: {file}:NAME, or wrap its code as"
            " `def rnn(input, h_0, params, case): ...` that returns output, h_n"
        )
    if len(found) > 1:
        width = min(max(len(one.described) for one in found), LINE_WIDTH - 10)
        lines = [f"{file}: has {len(found)} candidates; name one of them:"]
        lines += [f"  {_cut(one.described, width):{width}}  {one.kind}" for one in found[:MOST_LISTED]]
        lines += [f"  ... and {len(found) - MOST_LISTED} more"] if len(found) > MOST_LISTED else []
        raise ConfigError("\n".join([*lines, f"for example: rnncli {command} {file}:{found[0].name}"]))
    return f"{file}:{found[0].name}"


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 4]}...)"


def _is_file(path: Path) -> bool:
    """Return whether a path is that of a file; one that is too long for the system is not."""
    try:
        return path.is_file()
    except OSError:
        return False


def _of_module(name: str, command: str) -> str | None:
    """Return the target that a dotted name stands for: in a file here, else in a module that is installed."""
    if not re.fullmatch(rf"{_IDENTIFIER}(\.{_IDENTIFIER})*", name):
        return None
    parts = name.split(".")
    parts = ["torch", *parts] if parts[0] == "nn" else parts
    if _is_file(file := Path(*parts).with_suffix(".py")):
        return _only(file, command)
    *holder, last = parts
    if not holder:
        return None
    if _is_file(file := Path(*holder).with_suffix(".py")):
        return f"{file}:{last}"
    installed = PathFinder.find_spec(holder[0], [str(Path.cwd()), *sys.path])
    return f"{'.'.join(holder)}:{last}" if installed is not None and installed.origin is not None else None
