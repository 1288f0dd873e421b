"""`rnncli verify`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnncli.cli.options import Format, Output, PrintConfig, Strict, as_number, takes_case
from rnncli.cli.startup import quick_imports

if TYPE_CHECKING:
    from rnncli.config import Flag


@takes_case
def verify(
    configs: Annotated[list[Path] | None, typer.Argument(metavar="CONFIG", hidden=True)] = None,
    timing: Annotated[
        bool, typer.Option("--timing/--no-timing", help="Time both sides  [default: timing]", show_default=False)
    ] = True,
    atol: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="Absolute tolerance in the working dtype; with --rtol")
    ] = None,
    rtol: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="Relative tolerance in the working dtype; with --atol")
    ] = None,
    strict: Strict = False,
    format: Format = "table",
    output: Output = None,
    print_config: PrintConfig = False,
    flags: "dict[str, Flag] | None" = None,
) -> None:
    """Shapes, parity and timing of a hand-written RNN.

    Compares output, h_n and every gradient with nn.RNN's, and says what each side costs. First both sides run in
    float64, which tells a wrong equation from rounding; then in the working dtype, each measured against float64.
    CONFIG is a YAML file; without one, the defaults and the flags. A grid in a config is checked case by case.

    \b
    Examples:
      rnncli verify
      rnncli verify configs/default.yaml
      rnncli verify --bidirectional --layers 3 --nonlinearity relu
      rnncli verify --candidate concat --dtype bfloat16
      rnncli verify --device cuda --tf32
      rnncli verify configs/smoke.yaml --no-timing --format json --output results.json
    """
    from rnncli.cli.output import check_destination, finish, write_text
    from rnncli.config import load
    from rnncli.records import CaseRecord, RunRecord

    tolerance = _tolerance(atol, rtol)
    paths: Sequence[Path | None] = configs or [None]
    check_destination(format, output, *(configs or []))
    loaded = [load(path, flags or {}, with_values=True) for path in paths]
    if print_config:
        write_text("---\n".join(config.to_yaml() for config in loaded), output)
        return
    cases = [case for config in loaded for case in config.cases]

    with quick_imports():
        from rnncli.cli.interrupt import prompt_interrupts
        from rnncli.cli.progress import with_progress
        from rnncli.device import environment
        from rnncli.memory import needed_for_verify
        from rnncli.parity.compare import ElementwiseTolerance
        from rnncli.run import VerifyOptions, run_cases
        from rnncli.run import verify as verify_case

    options = VerifyOptions(timing=timing, tolerance=ElementwiseTolerance(*tolerance) if tolerance else None)
    records = run_cases(cases, lambda case: verify_case(case, options), needed_for_verify)
    finished: list[CaseRecord] = []
    interrupted = False
    try:
        with prompt_interrupts():
            finished.extend(with_progress(records, len(cases)))
    except KeyboardInterrupt:
        interrupted = True
    record = RunRecord.of("verify", environment(), finished)
    finish(record, format, output, strict, interrupted)


def _tolerance(atol: str | None, rtol: str | None) -> tuple[float, float] | None:
    """The user's own tolerances, both or neither."""
    from rnncli.errors import ConfigError

    given = {"--atol": atol, "--rtol": rtol}
    numbers = []
    for flag, text in given.items():
        if text is None:
            continue
        number = as_number(text, float)
        if isinstance(number, str) or not 0 <= number < float("inf"):
            shown = f'"{number}"' if isinstance(number, str) else number
            raise ConfigError(f"{flag}: {shown} is not allowed; allowed: a number, 0 or more")
        numbers.append(number)
        other = next(name for name in given if name != flag)
        if given[other] is None:
            raise ConfigError(f"{flag}: {number} without {other}; allowed: both or neither")
    return (numbers[0], numbers[1]) if numbers else None
