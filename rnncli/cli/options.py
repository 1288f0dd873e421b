"""The options that commands share, and groups of options that a command receives as one argument."""

import inspect
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnncli.cli.help import ARGUMENTS, INPUT, JUDGED, NUMERICS
from rnncli.core.cells import CELLS
from rnncli.core.errors import ConfigError, ReaderGoneError, shown
from rnncli.report import FORMATS, OF_ONE_COMMAND

if TYPE_CHECKING:
    from rnncli.config.cases import Flag
    from rnncli.core.records import Detail

IMPLEMENTATIONS = ("manual", "bmm", "concat", "cell")  # those that are built in
CANDIDATES = (*IMPLEMENTATIONS, "PATH.py:NAME")
DEVICES = ("auto", "cpu", "cuda", "meta")
DTYPES = ("float64", "float32", "bfloat16", "float16")
# For each leaf of the config: its type, its flags, its help, and the values it takes (also what the shell completes).
# Written out, because reading it off the config would cost --help the import of the validation library; a test holds
# this table against the config.
_FLAGS: dict[str, tuple[type, tuple[str, ...], str, tuple[str, ...]]] = {
    "rnn.cell": (str, ("--cell",), "RNN, GRU or LSTM  [RNN]", tuple(CELLS)),
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
    "run.device": (str, ("--device",), "auto, cpu, cuda, cuda:N; shapes: meta  [auto]", DEVICES),
    "run.dtype": (str, ("--dtype",), f"{', '.join(DTYPES)}  [float32]", DTYPES),
    "run.seed": (int, ("--seed",), "Of weights, input, h_0, dropout  [0]", ()),
    "run.train": (bool, ("--train/--no-train",), "Training mode: dropout is active", ()),
    "run.gradients": (bool, ("--gradients/--no-gradients",), "Compare gradients too  [gradients]", ()),
    "run.weight_scale": (float, ("--weight-scale",), "Times nn.RNN's own initialisation  [1]", ()),
    "run.tf32": (bool, ("--tf32/--no-tf32",), "CUDA: allow TF32 on both sides", ()),
    "run.cudnn": (bool, ("--cudnn/--no-cudnn",), "CUDA: off is PyTorch's own kernels  [cudnn]", ()),
    "candidate": (str, ("--candidate",), f"{', '.join(CANDIDATES)}  [manual]", CANDIDATES),
    "expect": (list, ("--expect",), "A shape to hold, as output=5,10,80; repeatable", ()),
}
_GROUPS = {"rnn": ARGUMENTS, "input": INPUT, "run": NUMERICS, "candidate": JUDGED, "expect": JUDGED}


def option(
    written: str,
    help: str,
    group: str | None = None,
    values: Sequence[str] = (),
    read: Callable[[str], Callable[[str], Any]] | None = None,
    default: Any = None,
) -> Any:
    """Return an option of Typer, from the way it is written: "--jobs, -j N". What its default means stands in `help`.

    The shell completes `values`. `read`: of the option's name, what reads its text.
    """
    *others, last = written.split(", ")
    name, _, metavar = last.partition(" ")
    names = [*others, name]
    return typer.Option(
        default,
        *names,
        help=help,
        metavar=metavar or None,
        autocompletion=(lambda: list(values)) if values else None,
        parser=read(names[0]) if read else None,
        show_default=False,
        rich_help_panel=group,
    )


def switch(written: str, help: str, group: str | None = None) -> Any:
    """Return an option that is given or not."""
    return option(written, help, group, default=False)


def format_option(formats: Sequence[str]) -> Any:
    """Return the option --format of a command that writes these formats."""
    return option("--format FORMAT", f"{', '.join(formats[:-1])} or {formats[-1]}", values=formats, default=...)


def _print_version(asked: bool) -> None:
    if asked:
        from rnncli import __version__
        from rnncli.cli.output import write_text

        with suppress(ReaderGoneError):
            write_text(f"rnncli {__version__}\n", None)
        raise typer.Exit


Format = Annotated[str | None, format_option(OF_ONE_COMMAND)]
VerdictFormat = Annotated[str | None, format_option(FORMATS)]
Output = Annotated[
    Path | None, option("--output, -o FILE", "Write to a file; its suffix gives the format", default=...)
]
Config = Annotated[Path | None, typer.Argument(metavar="[CONFIG]", hidden=True)]
Strict = Annotated[bool, option("--strict", "not-comparable ends with exit code 1", default=...)]
PrintConfig = Annotated[bool, option("--print-config", "Print the merged config as YAML and stop", default=...)]
Version = Annotated[
    bool, typer.Option("--version", "-V", callback=_print_version, is_eager=True, help="Print the version")
]


def with_groups(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that its parameters stand for, and those that all commands have.

    `flags` stands for a flag for every leaf of the config: the command receives those given, by dotted leaf name. A
    parameter whose type is a dataclass stands for the options that are its fields, and `detail` for -q and -v. --debug
    is read where errors end (`main`).
    """
    for parameter in inspect.signature(command).parameters.values():
        if parameter.name == "flags":
            command = _with_group(command, "flags", _flags)
        elif isinstance(parameter.annotation, type) and is_dataclass(parameter.annotation):
            command = _with_group(command, parameter.name, parameter.annotation)
    return _with_group(command, "detail", _detail)


def _with_group(command: Callable[..., None], name: str, group: Callable[..., Any]) -> Callable[..., None]:
    """Put the options of a group in place of a parameter; a command without that parameter has them and ignores them.

    `group`: makes the value of the parameter of its options, which are its own parameters.
    """
    own, options = inspect.signature(command).parameters, inspect.signature(group).parameters

    def with_options(**arguments: Any) -> None:
        value = group(**{option: arguments.pop(option) for option in options})
        command(**arguments, **({name: value} if name in own else {}))

    in_place: dict[str, inspect.Parameter] = {}
    for parameter in own.values():
        in_place |= options if parameter.name == name else {parameter.name: parameter}
    parameters = [parameter.replace(kind=parameter.KEYWORD_ONLY) for parameter in {**in_place, **options}.values()]
    with_options.__name__, with_options.__doc__ = command.__name__, command.__doc__
    with_options.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    with_options.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # Typer reads both
    return with_options


def _detail(
    *,
    quiet: bool = switch("--quiet, -q", "The last line alone"),
    verbose: bool = switch("--verbose, -v", "Everything: each tensor, weight and sentence"),
    version: Version = False,  # noqa: ARG001
    debug: bool = switch("--debug", "Show the traceback of an error"),  # noqa: ARG001
) -> "Detail":
    from rnncli.core.records import Detail

    if quiet and verbose:
        raise ConfigError("--quiet: has no effect with --verbose; allowed: one of the two")
    return Detail.QUIET if quiet else Detail.VERBOSE if verbose else Detail.NORMAL


def _flags(**given: Any) -> "dict[str, Flag]":
    from rnncli.config.cases import Flag

    flags = {}
    for leaf, (kind, names, _, _) in _FLAGS.items():
        value = given[leaf.replace(".", "_")]
        if value is None or value == []:
            continue
        if leaf == "input.lengths":
            value = None if value == "null" else _sizes(value)
        elif leaf == "expect":
            value = _expectations(value)
        elif kind in (int, float):
            value = as_number(value, kind)
        flags[leaf] = Flag(names[0].partition("/")[0], value)
    return flags


def _parameter(leaf: str) -> inspect.Parameter:
    # Numbers are taken as text: the config says what is wrong with one, as it does for a value in a file
    kind, names, help, values = _FLAGS[leaf]
    metavars = {int: "N", float: "NUMBER", list: "NAME=SIZES", str: "|".join(values) if len(values) == 2 else None}
    metavar = metavars.get(kind) or ("N,N,..." if not values else names[0].strip("-").upper().replace("-", "_"))
    written = ", ".join(names) + ("" if kind is bool else f" {metavar}")
    taken = option(written, help, _GROUPS[leaf.partition(".")[0]], values)
    type_ = {bool: bool, list: list[str]}.get(kind, str) | None
    return inspect.Parameter(leaf.replace(".", "_"), inspect.Parameter.KEYWORD_ONLY, default=taken, annotation=type_)


_flags.__signature__ = inspect.Signature([_parameter(leaf) for leaf in _FLAGS])  # type: ignore[attr-defined]


def as_number(text: str, kind: Callable[[str], Any]) -> Any:
    """Return the number; a text that is not one stays as it is, for the config to refuse."""
    try:
        return kind(text)
    except ValueError:
        return text


def number(flag: str, kind: Callable[[str], Any], fits: Callable[[Any], bool], allowed: str) -> Callable[[str], Any]:
    """Return what reads the number of a flag that is no leaf of the config. It raises ConfigError for what is none."""

    def read(text: str) -> Any:
        value = as_number(text, kind)
        if isinstance(value, str) or not fits(value):
            raise ConfigError(f"{flag}: {shown(value)} is not allowed; allowed: {allowed}")
        return value

    return read


def whole_number(flag: str) -> Callable[[str], int]:
    """Return what reads the number of a flag that counts something."""
    return number(flag, int, lambda value: 1 <= value <= 1_000_000, "an integer from 1 to 1000000")


def seconds(most: int) -> Callable[[str], Callable[[str], float]]:
    """Return what reads the duration of a flag."""
    return lambda flag: number(flag, float, lambda value: 0 < value <= most, f"seconds, above 0 up to {most}")


def _expectations(items: Sequence[str]) -> dict[str, list[int] | str]:
    expected: dict[str, list[int] | str] = {}
    for item in items:
        name, equals, sizes = item.partition("=")
        if not equals:
            raise ConfigError(f'--expect: "{item}" is not allowed; allowed: NAME=SIZES, as output=5,10,80')
        if name.strip() in expected:
            raise ConfigError(f"--expect: {name.strip()} is given twice; allowed: once")
        expected[name.strip()] = _sizes(sizes)
    return expected


def _sizes(text: str) -> list[int] | str:
    numbers = [as_number(part, int) for part in text.strip(" ()[]").rstrip(",").split(",")]
    return text if any(isinstance(number, str) for number in numbers) else numbers
