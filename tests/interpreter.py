"""An interpreter that runs each command line in a fork of itself, and tells which modules are loaded afterwards.

It has the command line loaded and nothing else, so that a command costs a fork instead of a start of Python.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Self

SERVER = """
import contextlib, importlib, io, json, os, sys

for name in json.loads(sys.argv[1]):
    importlib.import_module(name)
for line in sys.stdin:
    request = json.loads(line)
    read, written = os.pipe()
    if child := os.fork():
        os.close(written)
        with open(read) as answer:
            found = answer.read()
        os.waitpid(child, 0)
        print(found or json.dumps({"raised": "the fork died"}), flush=True)
        continue
    answer = {"raised": None, "code": None}
    try:
        with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
            exec(request["before"], {})
            if request["arguments"] is not None:
                sys.argv = ["rnncli", *request["arguments"]]
                from rnncli.cli.main import main
                main()
    except SystemExit as ended:
        answer["code"] = ended.code or 0
    except BaseException as error:
        answer["raised"] = repr(error)
    answer |= {"modules": list(sys.modules), "out": out.getvalue(), "err": err.getvalue()}
    with open(written, "w") as pipe:
        pipe.write(json.dumps(answer))
    os._exit(0)
"""


@dataclass(frozen=True)
class Ran:
    """How a command line ended, and the names of the modules that were loaded by then."""

    code: int | None
    modules: frozenset[str]
    out: str
    err: str


class Interpreter:
    """A process of Python with some modules loaded. Each command runs in a fork of it."""

    def __init__(self, folder: Path, *preloaded: str) -> None:
        command = [sys.executable, "-c", SERVER, json.dumps(preloaded)]
        self._process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def after(self, arguments: list[str] | None, before: str = "") -> Ran:
        """Run the code `before` and then a command line, if there is one, in a fork."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"arguments": arguments, "before": before}) + "\n")
        answer = json.loads(self._process.stdout.readline())
        assert answer["raised"] is None, answer
        return Ran(answer["code"], frozenset(answer["modules"]), answer["out"], answer["err"])
