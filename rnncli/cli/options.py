"""The options that commands share: a flag for every leaf of the config, and how a result leaves."""

import inspect
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnncli.cli.help import ARGUMENTS, INPUT, JUDGED, NUMERICS
from rnncli.report import FORMATS

if TYPE_CHECKING:
    from rnncli.config.cases import Flag
    from rnncli.core.records import Detail

# For each leaf of the config: its type, its flags, its help, and the values it takes (also what the shell completes).
# Written out, because reading it off the config would cost --help the import of the validation library; a test holds
# this table against the config.
_FLAGS: dict[str, tuple[type, tuple[str, ...], str, tuple[str, ...]]] = {
    "rnn.cell": (str, ("--cell",), "RNN, GRU or LSTM  [RNN]", ("RNN", "GRU", "LSTM")),
    "rnn.input_size": (int, ("--input-size",), "H_in, features of each input step  [20]", ()),
    "rnn.hidden_size": (int, ("--hidden-size",), "H_out, features of the hidden state  [40]", ()),
    "rnn.num_layers": (int, ("--layers", "--num-layers"), "Recurrent layers  [1]", ()),
    "rnn.nonlinearity": (str, ("--nonlinearity",), "Of an RNN: the activation  [tanh]", ("tanh", "relu")),
    "rnn.bias": (bool, ("--bias/--no-bias",), "Whether b_ih and b_hh exist  [bias]", ()),
    "rnn.batch_first": (bool, ("--batch-first/--no-batch-first",), "Input and output as (N, L, features)", ()),
    "rnn.dropout": (float, ("--dropout",), "Between layers, in training  [0]", ()),
    "rnn.bidirectional": (bool, ("--bidirectional/--no-bidirectional",), "Add the reverse direction", ()),
    "rnn.proj_size": (int, ("--proj-size",), "Of an LSTM: H_out, below hidden size  [0]", ()),
    "input.seq_len": (int, ("--seq-len",), "L, time steps  [5]", ()),
    "input.batch_size": (int, ("--batch-size",), "N, sequences  [10]", ()),
    "input.layout": (str, ("--layout",), "batched, unbatched or packed  [batched]", ("batched", "unbatched", "packed")),
    "input.lengths": (str, ("--lengths",), "Packed: one per sequence, as 5,3,2", ()),
    "input.h_0": (str, ("--h-0",), "random, zeros or omitted  [random]", ("random", "zeros", "omitted")),
    "run.device": (
        str,
        ("--device",),
        "auto, cpu, cuda, cuda:N; shapes: meta  [auto]",
        ("auto", "cpu", "cuda", "meta"),
    ),
    "run.dtype": (
        str,
        ("--dtype",),
        "float64, float32, bfloat16, float16  [float32]",
        ("float64", "float32", "bfloat16", "float16"),
    ),
    "run.seed": (int, ("--seed",), "Of weights, input, h_0, dropout  [0]", ()),
    "run.train": (bool, ("--train/--no-train",), "Training mode: dropout is active", ()),
    "run.gradients": (bool, ("--gradients/--no-gradients",), "Compare gradients too  [gradients]", ()),
    "run.weight_scale": (float, ("--weight-scale",), "Times nn.RNN's own initialisation  [1]", ()),
    "run.tf32": (bool, ("--tf32/--no-tf32",), "CUDA: allow TF32 on both sides", ()),
    "run.cudnn": (bool, ("--cudnn/--no-cudnn",), "CUDA: off is PyTorch's own kernels  [cudnn]", ()),
    "candidate": (
        str,
        ("--candidate",),
        "manual, bmm, concat, cell, PATH.py:NAME  [manual]",
        ("manual", "bmm", "concat", "cell", "PATH.py:NAME"),
    ),
    "expect": (list, ("--expect",), "A shape to hold, as output=5,10,80; repeatable", ()),
}
_GROUPS = {"rnn": ARGUMENTS, "input": INPUT, "run": NUMERICS, "candidate": JUDGED, "expect": JUDGED}

Format = Annotated[
    str | None,
    typer.Option(
        help="table or json",
        metavar="FORMAT",
        autocompletion=lambda: ["table", "json"],
        show_default=False,
    ),
]
VerdictFormat = Annotated[
    str | None,
    typer.Option(
        help="table, json, jsonl, junit, markdown, html, github or csv",
        metavar="FORMAT",
        autocompletion=lambda: list(FORMATS),
        show_default=False,
    ),
]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to a file; its suffix gives the format")
]
Strict = Annotated[bool, typer.Option("--strict", help="not-comparable ends with exit code 1")]
PrintConfig = Annotated[bool, typer.Option("--print-config", help="Print the merged config as YAML and stop")]

_COMMON = ("quiet", "verbose", "version", "debug")
_CASE_PARAMETERS = {leaf.replace(".", "_"): leaf for leaf in _FLAGS}


def takes_case(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command a flag for every leaf of the config; it receives those given as `flags`, by dotted leaf name."""

    def with_flags(**arguments: Any) -> None:
        given = {leaf: arguments.pop(name) for name, leaf in _CASE_PARAMETERS.items()}
        command(**arguments, flags=_as_flags(given))

    annotations = {
        name: _annotation(*_FLAGS[leaf], _GROUPS[leaf.partition(".")[0]]) for name, leaf in _CASE_PARAMETERS.items()
    }
    return _extended(command, with_flags, annotations, without="flags", first=True)


def takes_common(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the flags that all have. It receives -q and -v as `detail`, if it has a parameter of that name.

    --debug is read where errors end (`main`).
    """
    shows = "detail" in inspect.signature(command).parameters

    def with_common(*, quiet: bool, verbose: bool, version: bool, debug: bool, **arguments: Any) -> None:
        del version, debug
        command(**arguments, **({"detail": _detail(quiet, verbose)} if shows else {}))

    annotations = {
        "quiet": Annotated[bool, typer.Option("--quiet", "-q", help="The last line alone")],
        "verbose": Annotated[
            bool, typer.Option("--verbose", "-v", help="Everything: each tensor, weight and sentence")
        ],
        "version": version_option(),
        "debug": Annotated[bool, typer.Option("--debug", help="Show the traceback of an error")],
    }
    return _extended(command, with_common, annotations, without="detail")


def version_option() -> Any:
    """Return the annotation of --version, which prints it and ends the command."""

    def print_version(asked: bool) -> None:
        if asked:
            from rnncli import __version__
            from rnncli.cli.output import write_text
            from rnncli.core.errors import ReaderGoneError

            with suppress(ReaderGoneError):
                write_text(f"rnncli {__version__}\n", None)
            raise typer.Exit

    return Annotated[
        bool, typer.Option("--version", "-V", callback=print_version, is_eager=True, help="Print the version")
    ]


def _detail(quiet: bool, verbose: bool) -> "Detail":
    from rnncli.core.errors import ConfigError
    from rnncli.core.records import Detail

    if quiet and verbose:
        raise ConfigError("--quiet: has no effect with --verbose; allowed: one of the two")
    return Detail.QUIET if quiet else Detail.VERBOSE if verbose else Detail.NORMAL


def _extended(
    command: Callable[..., None],
    wrapper: Callable[..., None],
    annotations: dict[str, Any],
    without: str = "",
    first: bool = False,
) -> Callable[..., None]:
    """`wrapper` with the name, the help and the parameters of `command`, and further ones, for Typer to read.

    `first`: the further ones stand first in the help.
    """
    own = [p.replace(kind=p.KEYWORD_ONLY) for p in inspect.signature(command).parameters.values() if p.name != without]
    added = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=False if name in _COMMON else None, annotation=a
        )
        for name, a in annotations.items()
    ]
    parameters = [*added, *own] if first else [*own, *added]
    wrapper.__name__, wrapper.__doc__ = command.__name__, command.__doc__
    wrapper.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    wrapper.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return wrapper


def _annotation(kind: type, names: tuple[str, ...], help: str, values: tuple[str, ...], group: str) -> Any:
    """Numbers are taken as text: the config says what is wrong with one, as it does for a value in a file."""
    metavars = {int: "N", float: "NUMBER", list: "NAME=SIZES", str: "|".join(values) if len(values) == 2 else None}
    completed = (lambda: list(values)) if values else None
    metavar = metavars.get(kind) or ("N,N,..." if not values else names[0].strip("-").upper().replace("-", "_"))
    option = typer.Option(
        *names, help=help, autocompletion=completed, metavar=metavar, show_default=False, rich_help_panel=group
    )
    return Annotated[{bool: bool, list: list[str]}.get(kind, str) | None, option]


def _as_flags(given: dict[str, Any]) -> "dict[str, Flag]":
    from rnncli.config.cases import Flag

    flags = {}
    for leaf, value in given.items():
        if value is None or value == []:
            continue
        kind, names, *_ = _FLAGS[leaf]
        if leaf == "input.lengths":
            value = None if value == "null" else _sizes(value)
        elif leaf == "expect":
            value = _expectations(value)
        elif kind in (int, float):
            value = as_number(value, kind)
        flags[leaf] = Flag(names[0].partition("/")[0], value)
    return flags


def as_number(text: str, kind: Callable[[str], Any]) -> Any:
    """The number; a text that is not one stays as it is, for the config to refuse."""
    try:
        return kind(text)
    except ValueError:
        return text


def _expectations(items: list[str]) -> dict[str, list[int] | str]:
    from rnncli.core.errors import ConfigError

    expected: dict[str, list[int] | str] = {}
    for item in items:
        name, sizes = _expectation(item)
        if name in expected:
            raise ConfigError(f"--expect: {name} is given twice; allowed: once")
        expected[name] = sizes
    return expected


def _expectation(item: str) -> tuple[str, list[int] | str]:
    name, equals, sizes = item.partition("=")
    if not equals:
        from rnncli.core.errors import ConfigError

        raise ConfigError(f'--expect: "{item}" is not allowed; allowed: NAME=SIZES, as output=5,10,80')
    return name.strip(), _sizes(sizes)


def _sizes(text: str) -> list[int] | str:
    """The integers of "5,3,2"; a text that is not that stays as it is, for the config to refuse."""
    parts = text.strip(" ()[]").rstrip(",").split(",")
    numbers = [as_number(part, int) for part in parts]
    return text if any(isinstance(number, str) for number in numbers) else numbers
