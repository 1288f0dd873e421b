"""Finds the candidate a case names, and gives it the one form everything else knows.

The canonical form: `f(input, h_0, params, case) -> (output, h_n)`, with `params` under nn.RNN's names. A user's own is
imported as Python would import it, and read (`read.py`); that runs its code, so it is done in a process of its own.
"""

import importlib.machinery
import importlib.util
import inspect
import json
import linecache
import os
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, NoneType
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from rnncli.core.case import Case
from rnncli.core.errors import CandidateError, ConfigError, described, nearest
from rnncli.manual import BUILT_IN

Sequence = Tensor | PackedSequence
Canonical = Callable[[Sequence, Tensor | None, Mapping[str, Tensor], Case], tuple[Sequence, Tensor]]
CANONICAL_ARGUMENTS = ("input", "h_0", "params", "case")


def load(case: Case) -> Canonical:
    """The built-in candidate of the case in canonical form."""
    assert isinstance(case.candidate, str)
    rnn = BUILT_IN[case.candidate]

    def built_in(input: Sequence, h_0: Tensor | None, params: Mapping[str, Tensor], case: Case) -> object:
        return rnn(input, h_0, params, **arguments_of(case))

    return canonical(case.candidate, built_in)


def arguments_of(case: Case) -> dict[str, Any]:
    """The arguments that a built-in implementation takes of a case, beside input, h_0 and parameters."""
    return {
        "num_layers": case.rnn.num_layers,
        "nonlinearity": case.rnn.nonlinearity,
        "batch_first": case.rnn.batch_first,
        "dropout": case.rnn.dropout,
        "bidirectional": case.rnn.bidirectional,
        "training": case.run.train,
    }


def find(target: str) -> object:
    """What a PATH.py:NAME, PATH.ipynb:NAME or MODULE:NAME names; see `located`."""
    return located(target)[0]


def located(target: str) -> tuple[object, str | None]:
    """What a target names, and what was raised after its definition, which is then taken all the same.

    Raises ConfigError where there is no such file, module or name, and CandidateError where it cannot be imported.
    """
    file, _, name = target.rpartition(":")
    module, error = _imported(file, target)
    found: Any = module
    for part in name.split("."):
        if hasattr(found, part):
            found = getattr(found, part)
            continue
        if error is not None:
            raise CandidateError(f"candidate {target}: importing {file} raised {described(error)}") from error
        names = [key for key, value in vars(module).items() if _is_own(value, module)]
        has = "it has no function and no class: wrap its code as `def rnn(input, h_0, params, case): ...` that returns"
        has = f"it has {', '.join(names)}" if names else f"{has} output, h_n"
        near = nearest(name, names) or nearest(name, [key for key in vars(module) if not key.startswith("_")])
        raise ConfigError(f"candidate {target}: {file} has no {name}{near}; {has}")
    if error is None:
        return found, None
    return found, f"{file} raised {described(error)} after {name} was defined; the definition is taken"


def from_source(target: str, source: str) -> object:
    """Return what a PATH.py:NAME names where the file holds another source. Raises what running it raises."""
    file, _, name = target.rpartition(":")
    path = f"{Path(file).resolve()} [edited]"
    module = ModuleType(f"{Path(file).stem}_edited")
    module.__file__ = path
    sys.modules[module.__name__] = module
    linecache.cache[path] = (len(source), None, source.splitlines(keepends=True), path)  # where inspect finds it
    exec(compile(source, path, "exec"), vars(module))
    found: Any = module
    for part in name.split("."):
        found = getattr(found, part)
    return found


def is_canonical(target: object) -> bool:
    """Whether a candidate has the canonical form and needs no reading."""
    try:
        return callable(target) and tuple(inspect.signature(target).parameters)[:4] == CANONICAL_ARGUMENTS
    except (TypeError, ValueError):
        return False


def own_frames(error: BaseException, file: str) -> str:
    """The traceback of an error, cut to the frames of the candidate's own folder."""
    folder = str(Path(file).resolve().parent)
    frames = traceback.extract_tb(error.__traceback__)
    ours = str(Path(__file__).resolve().parents[1])
    own = [
        frame
        for frame in frames
        if frame.filename.startswith(folder)
        and not frame.filename.startswith(ours)
        and "/site-packages/" not in frame.filename
    ]
    lines = [] if not own else ["Traceback (most recent call last):\n", *traceback.format_list(own)]
    return "".join([*lines, *traceback.format_exception_only(error)])


def canonical(name: str, call: Callable[..., object], *, partial: bool = False) -> Canonical:
    """A function of the canonical arguments whose failures are the candidate's.

    Calling it raises CandidateError where the function raises, ends the process, or returns no (output, h_n).
    `partial`: one of the two may be None, of a candidate that does not claim to return it.
    """

    def called(
        input: Sequence, h_0: Tensor | None, params: Mapping[str, Tensor], case: Case
    ) -> tuple[Sequence, Tensor]:
        try:
            returned = call(input, h_0, params, case)
        except (MemoryError, torch.OutOfMemoryError):
            raise
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise CandidateError(f"candidate {name}: its forward raised {described(error)}") from error
        match returned:
            case (output, h_n) if partial or (output is not None and h_n is not None):
                allowed = (Tensor, PackedSequence, NoneType)
                if issubclass(type(output), allowed) and issubclass(type(h_n), (Tensor, NoneType)):
                    return _as_tensor(output), _as_tensor(h_n)
        raise CandidateError(f"candidate {name}: returned {_described(returned)}; expected (output, h_n)")

    return called


def _as_tensor(value: Any) -> Any:
    """Return a result without its own type, whose methods would run wherever the result is looked at."""
    if value is None or type(value) is Tensor:
        return value
    if isinstance(value, PackedSequence):
        return value._replace(data=_as_tensor(value.data))
    with torch._C.DisableTorchFunctionSubclass():
        return value.as_subclass(Tensor)


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    """torch's default dtype, for buffers that a candidate makes without one; float32 for narrower ones."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype if dtype == torch.float64 else torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _imported(file: str, target: str) -> tuple[ModuleType, BaseException | None]:
    """The module, and what its code raised at the end. Raises ConfigError where there is none."""
    if not file.endswith((".py", ".ipynb")):
        return _module(file, target)
    path = Path(file).resolve()
    if not path.is_file():
        beside = [str(one.name) for one in path.parent.glob("*") if one.suffix in (".py", ".ipynb")]
        raise ConfigError(f"candidate {target}: there is no file {file}{nearest(path.name, beside)}")
    if path.suffix == ".py" and (path.parent / "__init__.py").is_file():
        return _in_package(path)
    _add_to_path(path.parent)
    taken = path.stem in sys.modules or path.stem in sys.stdlib_module_names
    name = f"candidate_{path.stem}" if taken else path.stem
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module
    return module, _run_notebook(path, module) if path.suffix == ".ipynb" else _run_file(path, module)


def _module(name: str, target: str) -> tuple[ModuleType, BaseException | None]:
    _add_to_path(Path.cwd())
    try:
        return importlib.import_module(name), None
    except ModuleNotFoundError as error:
        if error.name and name.startswith(error.name):
            raise ConfigError(f"candidate {target}: there is no module {name}: {error}") from error
        return ModuleType(name), error
    except (Exception, SystemExit) as error:
        return sys.modules.get(name, ModuleType(name)), error


def _in_package(path: Path) -> tuple[ModuleType, BaseException | None]:
    """A file of a package, imported as the package's: its relative imports then work."""
    parts, folder = ([] if path.stem == "__init__" else [path.stem]), path.parent
    while (folder / "__init__.py").is_file():
        parts.insert(0, folder.name)
        folder = folder.parent
    _add_to_path(folder)
    name = ".".join(parts)
    try:
        _import_package(parts[0], folder)
        return importlib.import_module(name), None
    except (Exception, SystemExit) as error:
        return sys.modules.get(name, ModuleType(name)), error


def _import_package(name: str, folder: Path) -> None:
    """Import the package of a candidate's own folder, though the standard library has one of that name, as `test`."""
    spec = importlib.machinery.PathFinder.find_spec(name, [str(folder)])
    if name in sys.modules or spec is None or spec.loader is None:
        return
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise


def _add_to_path(folder: Path) -> None:
    """Let imports find what is in a folder: behind the standard library, so that a queue.py there does not take the
    place of Python's own, and before everything that is installed.
    """
    own = {os.path.realpath(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")}
    own |= {os.path.join(one, "lib-dynload") for one in own}
    standard = [entry for entry in sys.path if os.path.realpath(entry) in own or entry.endswith(".zip")]
    sys.path[:] = [*standard, str(folder), *(entry for entry in sys.path if entry not in standard)]


def _run_file(path: Path, module: ModuleType) -> BaseException | None:
    try:
        exec(compile(path.read_bytes(), str(path), "exec"), vars(module))
    except (Exception, SystemExit) as error:
        return error
    return None


def _run_notebook(path: Path, module: ModuleType) -> BaseException | None:
    """Run the cells of a notebook in turn, each though one before it raised; lines of magic are left out."""
    name, lines, first = f"{path} [cells]", list[str](), None
    try:
        cells = json.loads(path.read_text())["cells"]
    except (ValueError, KeyError, TypeError) as error:
        return error
    for cell in cells:
        if cell.get("cell_type") != "code":
            continue
        source = "".join(cell.get("source", ""))
        kept = ["" if line.lstrip().startswith(("%", "!", "?")) else line for line in source.splitlines()]
        start = len(lines)
        lines += [*kept, ""]
        linecache.cache[name] = (0, None, [f"{line}\n" for line in lines], name)  # where inspect finds the source
        try:
            exec(compile("\n" * start + "\n".join(kept) + "\n", name, "exec"), vars(module))
        except (Exception, SystemExit) as error:
            first = first or error
    return first


def _is_own(value: object, module: ModuleType) -> bool:
    return callable(value) and getattr(value, "__module__", None) == module.__name__


def _described(returned: object) -> str:
    if isinstance(returned, tuple) and not isinstance(returned, PackedSequence):
        return f"({', '.join(type(item).__name__ for item in returned)})"
    return type(returned).__name__
