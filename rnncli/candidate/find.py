"""What a target names, PATH.py:NAME, PATH.ipynb:NAME or MODULE:NAME, imported as Python would import it.

That runs the candidate's code, so it is done in a process of its own.
"""

import importlib.machinery
import importlib.util
import json
import linecache
import os
import sys
import sysconfig
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from rnncli.core.errors import CandidateError, ConfigError, described, nearest

MOST_LINES = 12  # of the text of an error; TorchScript prints the tensors that it was given
Imported = tuple[ModuleType, BaseException | None]  # a module, and what its code raised at the end


def located(target: str) -> tuple[object, str | None]:
    """Return what a target names, and what was raised after its definition, which is then taken all the same.

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
    module = _new_module(f"{Path(file).stem}_edited", path)
    linecache.cache[path] = (len(source), None, source.splitlines(keepends=True), path)  # where inspect finds it
    exec(compile(source, path, "exec"), vars(module))
    found: Any = module
    for part in name.split("."):
        found = getattr(found, part)
    return found


def own_frames(error: BaseException, file: str) -> str:
    """Return the traceback of an error, cut to the frames of the candidate's own folder."""
    folder, ours = str(Path(file).resolve().parent), str(Path(__file__).resolve().parents[1])
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(folder)]
    own = [one for one in frames if not one.filename.startswith(ours) and "/site-packages/" not in one.filename]
    lines = ["Traceback (most recent call last):\n", *traceback.format_list(own)] if own else []
    said = "".join(traceback.format_exception_only(error)).splitlines(keepends=True)
    return "".join([*lines, *said[:MOST_LINES], *(["  ...\n"] if len(said) > MOST_LINES else [])])


def _imported(file: str, target: str) -> Imported:
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
    module = _new_module(f"candidate_{path.stem}" if taken else path.stem, str(path))
    return module, _run_notebook(path, module) if path.suffix == ".ipynb" else _run(str(path), module)


def _module(name: str, target: str) -> Imported:
    _add_to_path(Path.cwd())
    module, error = _import(name)
    if isinstance(error, ModuleNotFoundError) and error.name and name.startswith(error.name):
        raise ConfigError(f"candidate {target}: there is no module {name}: {error}") from error
    return module, error


def _import(name: str, folder: Path | None = None) -> Imported:
    """Import a module, first the package of a folder that it is in."""
    try:
        if folder is not None:
            _import_package(name.partition(".")[0], folder)
        return importlib.import_module(name), None
    except (Exception, SystemExit) as error:
        return sys.modules.get(name, ModuleType(name)), error


def _in_package(path: Path) -> Imported:
    """Import a file of a package as the package's: its relative imports then work."""
    parts, folder = ([] if path.stem == "__init__" else [path.stem]), path.parent
    while (folder / "__init__.py").is_file():
        parts.insert(0, folder.name)
        folder = folder.parent
    _add_to_path(folder)
    return _import(".".join(parts), folder)


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


def _new_module(name: str, file: str) -> ModuleType:
    sys.modules[name] = module = ModuleType(name)
    module.__file__ = file
    return module


def _run(name: str, module: ModuleType, source: str | None = None) -> BaseException | None:
    try:
        exec(compile(Path(name).read_bytes() if source is None else source, name, "exec"), vars(module))
    except (Exception, SystemExit) as error:
        return error
    return None


def _run_notebook(path: Path, module: ModuleType) -> BaseException | None:
    """Run the cells of a notebook in turn, each though one before it raised; return the first error."""
    name, lines, errors = f"{path} [cells]", list[str](), []
    try:
        cells = code_cells(path.read_text())
    except (ValueError, KeyError, TypeError) as error:
        return error
    for cell in cells:
        before = "\n" * len(lines)
        lines += [*cell.split("\n"), ""]
        linecache.cache[name] = (0, None, [f"{line}\n" for line in lines], name)  # where inspect finds the source
        errors.append(_run(name, module, f"{before}{cell}\n"))
    return next((error for error in errors if error), None)


def code_cells(notebook: str) -> list[str]:
    """Return the code of a notebook, cell by cell, without lines of magic. Raises what JSON of another kind raises."""
    cells = json.loads(notebook)["cells"]
    sources = ["".join(cell.get("source", "")) for cell in cells if cell.get("cell_type") == "code"]
    magic = ("%", "!", "?")
    return ["\n".join("" if line.lstrip().startswith(magic) else line for line in source.splitlines())
            for source in sources]  # fmt: skip


def _is_own(value: object, module: ModuleType) -> bool:
    return callable(value) and getattr(value, "__module__", None) == module.__name__
