"""`rnncli explain`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnncli.cli.options import Output, PrintConfig, takes_case
from rnncli.cli.startup import quick_imports

if TYPE_CHECKING:
    from rnncli.config.cases import Config, Flag
    from rnncli.core.case import Case
    from rnncli.core.records import Detail
    from rnncli.explain.blocks import Page


@takes_case
def explain(
    config: Annotated[Path | None, typer.Argument(metavar="CONFIG", hidden=True)] = None,
    trace: Annotated[
        str | None,
        typer.Option(
            "--trace", metavar="t=T,n=N", help="The numbers of sequence N, with step T in full", show_default=False
        ),
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(
            metavar="FORMAT",
            help="table, markdown or html  [table, or by FILE's suffix]",
            autocompletion=lambda: ["table", "markdown", "html"],
            show_default=False,
        ),
    ] = None,
    output: Output = None,
    print_config: PrintConfig = False,
    flags: "dict[str, Flag] | None" = None,
    *,
    detail: "Detail",
) -> None:
    """How nn.RNN computes, step by step, in the sizes of this case.

    The RNN unrolled over time, one step product by product, what output and h_n hold and what feeds a head, the eight
    arguments, and three pieces of code that give the same numbers: nn.RNN, a loop over nn.RNNCell, the equation by
    hand. Needs no torch, except for --trace: the values of one sequence through time and the gradients of a loss
    through its states, to check backpropagation by hand. CONFIG is a YAML file; without one, the defaults and the
    flags.

    \b
    Examples:
      rnncli explain
      rnncli explain --layers 2 --bidirectional
      rnncli explain --layout packed --lengths 5,3,2
      rnncli explain configs/bidirectional.yaml --output explained.html
      rnncli explain --hidden-size 3 --input-size 2 --trace t=3,n=0
    """
    from rnncli.cli.output import check_destination, write_text
    from rnncli.config.cases import load
    from rnncli.core.records import Detail
    from rnncli.explain import FORMATS
    from rnncli.explain.explanation import explain as explained
    from rnncli.explain.explanation import in_short

    format = check_destination(format, output, *([config] if config else []), formats=FORMATS)
    loaded = load(config, flags or {})
    if print_config:
        write_text(loaded.to_yaml(), output)
        return
    case = loaded.cases[0]
    if detail == Detail.QUIET and output is None:
        write_text(f"{in_short(case)}\n", None)
        return
    _emit(explained(case) if trace is None else _traced(case, trace), format, output)
    _tell(config, loaded)


def _traced(case: "Case", at: str) -> "Page":
    """Return the page of --trace. Raises ConfigError for a place that the case does not have."""
    from rnncli.core.memory import available_memory, needed_for_verify, require_fits
    from rnncli.explain.traced import parse, traced

    place = parse(case, at)
    require_fits(case, needed_for_verify(case), available_memory())
    with quick_imports():
        from rnncli.explain.trace import follow
    return traced(case, place, follow(case, place))


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


def _tell(config: Path | None, loaded: "Config") -> None:
    """Say on stderr what the case asks for in vain, and of a grid, which of its cases is explained."""
    import sys

    from rnncli.core.case import as_flags
    from rnncli.core.records import printable
    from rnncli.core.shapes import warnings_for

    notes = [f"warning: {warning}" for warning in warnings_for(loaded.cases[0])]
    if loaded.grid:
        first = as_flags({leaf: values[0] for leaf, values in loaded.grid.items()})
        notes.append(
            f"{config} is a grid of {len(loaded.cases):,} cases; this is its first, {first}; flags choose another"
        )
    for note in notes:
        print(f"rnncli: {printable(note)}", file=sys.stderr)
