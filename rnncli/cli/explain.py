"""`rnncli explain`."""

from pathlib import Path
from typing import TYPE_CHECKING

from rnncli.cli.options import Config, Output, PrintConfig, option
from rnncli.cli.startup import quick_imports
from rnncli.explain import FORMATS

if TYPE_CHECKING:
    from rnncli.config.cases import Flag
    from rnncli.config.grid import Grid
    from rnncli.core.case import Case
    from rnncli.core.records import Detail
    from rnncli.explain.blocks import Page
    from rnncli.explain.grid import Place

KEYS = ("t", "n", "layer", "direction")
DIRECTIONS = ("forward", "reverse")


def explain(
    config: Config = None,
    trace: str | None = option("--trace t=T,n=N", "The numbers of sequence N, with step T in full"),
    format: str | None = option(
        "--format FORMAT", "table, markdown or html  [table, or by FILE's suffix]", values=FORMATS
    ),
    output: Output = None,
    print_config: PrintConfig = False,
    *,
    flags: "dict[str, Flag]",
    detail: "Detail",
) -> None:
    """How nn.RNN, nn.GRU and nn.LSTM compute, in your own sizes.

    The layer unrolled over time, one step product by product, its gates, what output and the last states hold and what
    feeds a head, the arguments, and three pieces of code that give the same numbers: torch's layer, a loop over its
    cell, the equations by hand. Needs no torch, except for --trace: the values of one sequence through time and the
    gradients of a loss through its states, to check backpropagation by hand. CONFIG is a YAML file; without one, the
    defaults and the flags.

    \b
    Examples:
      rnncli explain
      rnncli explain --layers 2 --bidirectional
      rnncli explain --cell LSTM
      rnncli explain --layout packed --lengths 5,3,2
      rnncli explain configs/bidirectional.yaml --output explained.html
      rnncli explain --hidden-size 3 --input-size 2 --trace t=3,n=0
    """
    from rnncli.cli.candidates import load
    from rnncli.cli.output import STDOUT, check_destination, write_text
    from rnncli.core.records import Detail
    from rnncli.explain.explanation import explain as explained
    from rnncli.explain.explanation import in_short

    format = check_destination(format, output, config, formats=FORMATS)
    loaded = load(config, flags)
    if print_config:
        write_text(loaded.to_yaml(), output)
        return
    case = loaded[0]
    if detail == Detail.QUIET and output in (None, STDOUT):
        write_text(f"{in_short(case)}\n", None)
        return
    _emit(explained(case) if trace is None else _traced(case, trace), format, output)
    _tell(config, loaded)


def _traced(case: "Case", at: str) -> "Page":
    """Return the page of --trace. Raises ConfigError for a place that the case does not have."""
    from rnncli.core.memory import available_memory, needed_for_verify, require_fits

    place = parse(case, at)
    require_fits(case, needed_for_verify(case), available_memory())
    with quick_imports():
        from rnncli.explain.trace import trace
    return trace(case, place)


def parse(case: "Case", text: str) -> "Place":
    """Return the place that --trace names. Raises ConfigError, with what is allowed."""
    from rnncli.core.errors import ConfigError, nearest
    from rnncli.core.words import counted
    from rnncli.explain.grid import Place

    given = _given(text)
    rnn, layout = case.rnn, case.input.layout
    if layout != "unbatched" and case.input.batch_size == 0:
        raise ConfigError("--trace: batch_size is 0, so there is no sequence to follow; allowed: batch_size 1 or more")
    n = _number(given, "n", 0, 1 if layout == "unbatched" else case.input.batch_size, "")
    length = case.input.sequence_lengths[n] if layout == "packed" else case.input.seq_len
    of_sequence = f", for sequence {n} has {counted(length, 'step')}" if layout == "packed" else ""
    t = _number(given, "t", length - 1, length, of_sequence)
    layer = _number(given, "layer", 0, rnn.num_layers, "")
    direction = given.get("direction", "forward")
    allowed = DIRECTIONS[: rnn.directions]
    if direction not in allowed:
        hint = nearest(direction, allowed)
        more = "" if rnn.bidirectional else "; --bidirectional adds reverse"
        raise ConfigError(f"--trace: direction={direction} is not allowed{hint}; allowed: {', '.join(allowed)}{more}")
    return Place(t, n, layer, direction == "reverse")


def _given(text: str) -> dict[str, str]:
    from rnncli.core.errors import ConfigError, nearest, shown

    given: dict[str, str] = {}
    for part in text.split(","):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not value:
            raise ConfigError(f"--trace: {shown(text)} is not allowed; allowed: t=T,n=N, as t=3,n=0")
        if key not in KEYS:
            raise ConfigError(f"--trace: unknown key {key}{nearest(key, KEYS)}; allowed: {', '.join(KEYS)}")
        if key in given:
            raise ConfigError(f"--trace: {key} is given twice; allowed: once")
        given[key] = value
    return given


def _number(given: dict[str, str], key: str, default: int, below: int, why: str) -> int:
    from rnncli.core.errors import ConfigError

    value = given.get(key, str(default))
    if not (value.isascii() and value.isdecimal()) or int(value) >= below:
        allowed = f"{key} from 0 to {below - 1}" if below > 1 else f"{key}=0 alone"
        raise ConfigError(f"--trace: {key}={value} is not allowed; allowed: {allowed}{why}")
    return int(value)


def _emit(page: "Page", format: str, output: Path | None) -> None:
    from rnncli.cli.output import STDOUT, plain_where_needed, stdout_is_terminal, write_text
    from rnncli.explain import renderer

    if format == "table" and output in (None, STDOUT) and stdout_is_terminal():
        from rich.console import Console
        from rich.text import Text

        from rnncli.explain.table import WIDEST, WIDTH, lines

        plain_where_needed()
        console = Console(highlight=False)
        for text, style in lines(page, min(max(console.width, WIDTH), WIDEST)):
            console.print(Text(text, style), soft_wrap=True)
    else:
        write_text(renderer(format)(page), output)


def _tell(config: Path | None, loaded: "Grid") -> None:
    """Say on stderr what the case asks for in vain, and of a grid, which of its cases is explained."""
    from rnncli.cli.messages import tell
    from rnncli.core.case import as_flags
    from rnncli.core.shapes import warnings_for

    target = loaded[0].target
    notes = [f"warning: explain does not run {target}: rnncli verify does"] if target else []
    notes += [f"warning: {warning}" for warning in warnings_for(loaded[0])]
    if loaded.axes:
        first = as_flags({leaf: values[0] for leaf, values in loaded.axes.items()})
        notes.append(f"{config} is a grid of {len(loaded):,} cases; this is its first, {first}; flags choose another")
    for note in notes:
        tell(note)
