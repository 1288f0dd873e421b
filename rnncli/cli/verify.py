"""`rnncli verify`."""

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnncli.cli.options import Format, Output, PrintConfig, Strict, as_number, takes_case
from rnncli.cli.startup import quick_imports

if TYPE_CHECKING:
    from rnncli.config import Flag
    from rnncli.records import CaseRecord

POLICIES = ("envelope", "fixed", "exact")


@takes_case
def verify(
    configs: Annotated[list[Path] | None, typer.Argument(metavar="CONFIG", hidden=True)] = None,
    timing: Annotated[
        bool, typer.Option("--timing/--no-timing", help="Time both sides  [default: timing]", show_default=False)
    ] = True,
    policy: Annotated[
        str | None,
        typer.Option(
            metavar="|".join(POLICIES),
            autocompletion=lambda: list(POLICIES),
            help="What decides in the working dtype  [envelope; fixed with --atol, --rtol]",
            show_default=False,
        ),
    ] = None,
    atol: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="Absolute tolerance in the working dtype; with --rtol")
    ] = None,
    rtol: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="Relative tolerance in the working dtype; with --atol")
    ] = None,
    save_failing: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write each mismatch, shrunk to a small case, as a config into DIR"),
    ] = None,
    timeout: Annotated[
        str | None,
        typer.Option(metavar="SECONDS", help="For a call of your own candidate  [30]", show_default=False),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Judge again whenever a file of your own candidate is saved")
    ] = False,
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
      rnncli verify configs/smoke.yaml --save-failing failing
      rnncli verify --candidate my_rnn.py:rnn_forward --watch
    """
    from rnncli.cli.output import check_destination, finish, write_text
    from rnncli.config import load
    from rnncli.records import CaseRecord, RunRecord

    name, tolerances = _policy(policy, atol, rtol)
    paths: Sequence[Path | None] = configs or [None]
    check_destination(format, output, *(configs or []))
    if save_failing:
        _check_folder(save_failing)
    loaded = [load(path, flags or {}, with_values=True) for path in paths]
    if print_config:
        write_text("---\n".join(config.to_yaml() for config in loaded), output)
        return
    cases = [case for config in loaded for case in config.cases]
    if watch:
        from rnncli.cli.watch import watched_folders

        watched_folders(cases)

    with quick_imports():
        if any(case.target for case in cases):
            from rnncli.candidate.isolate import start_server

            start_server()
        from rnncli.cli.interrupt import prompt_interrupts
        from rnncli.cli.progress import with_progress
        from rnncli.device import environment
        from rnncli.memory import needed_for_verify
        from rnncli.parity.compare import Policy
        from rnncli.run import TIMEOUT_S, VerifyOptions, policy_flags, run_cases
        from rnncli.run import verify as verify_case

    seconds = _timeout(timeout) if timeout is not None else TIMEOUT_S
    options = VerifyOptions(timing=timing, policy=Policy(name, *tolerances), timeout_s=seconds)
    if watch:
        from rnncli.cli.watch import watch as watch_files

        with prompt_interrupts():
            watch_files(cases, options)
    records = run_cases(cases, lambda case: verify_case(case, options), needed_for_verify)
    finished: list[CaseRecord] = []
    interrupted = False
    try:
        with prompt_interrupts():
            finished.extend(with_progress(records, len(cases)))
    except KeyboardInterrupt:
        interrupted = True
    record = RunRecord.of("verify", environment(), finished)
    try:
        finish(record, format, output, strict, interrupted)
    finally:  # the report first: a full disk does not cost it
        if save_failing:
            _save(save_failing, finished, policy_flags(options.policy))


def _timeout(text: str) -> float:
    from rnncli.errors import ConfigError

    number = as_number(text, float)
    if isinstance(number, str) or not 0 < number <= 86400:
        shown = f'"{number}"' if isinstance(number, str) else number
        raise ConfigError(f"--timeout: {shown} is not allowed; allowed: seconds, above 0 up to 86400")
    return float(number)


def _check_folder(folder: Path) -> None:
    """Raise ConfigError, before any work is done, for a folder that is neither there nor can be made."""
    from rnncli.errors import ConfigError

    try:
        if folder.exists() and not folder.is_dir():
            raise ConfigError(f"--save-failing: {folder} is a file; allowed: a folder")
        if not folder.exists() and not folder.parent.is_dir():
            raise ConfigError(
                f"--save-failing: the folder {folder.parent} does not exist; allowed: a folder, or a new one in one"
                " that does"
            )
        if not os.access(folder if folder.exists() else folder.parent, os.W_OK):
            raise ConfigError(f"--save-failing: {folder} cannot be written: permission denied")
    except OSError as error:
        raise ConfigError(f"--save-failing: {str(folder)[:60]} cannot be written: {error.strerror}") from None


def _save(folder: Path, cases: "Iterable[CaseRecord]", policy: Iterable[str]) -> None:
    """Write the config that shows each mismatch again. Raises ConfigError where one cannot be written."""
    from rnncli.cli.output import write_whole
    from rnncli.errors import ConfigError
    from rnncli.yamlfile import write_yaml

    for case in cases:
        if case.replay_config is None:
            continue
        file = folder / f"{case.id}.yaml"
        try:
            folder.mkdir(exist_ok=True)
            write_whole(file, _heading(case, policy) + write_yaml(case.replay_config))
        except OSError as error:
            raise ConfigError(f"--save-failing: {folder} cannot be written: {error.strerror}") from None
        except ConfigError as error:
            raise ConfigError(str(error).replace("--output", "--save-failing", 1)) from None
        print(f"rnncli: wrote {file}", file=sys.stderr)


def _heading(case: "CaseRecord", policy: Iterable[str]) -> str:
    """A comment of one line: the flags that are no part of a config, and what was seen in the case it comes from."""
    wrong = [check for check in case.checks or () if check.verdict == "mismatch"]
    seen = "a shape is not the expected one"
    if wrong:
        seen = f"{wrong[0].tensor} ({wrong[0].stage}, {wrong[0].dtype}): {wrong[0].reason or 'other values'}"
    line = f"# {' '.join(['rnncli verify FILE', *policy])}; seen in case {case.id}: {seen}"
    return "".join(character if character.isprintable() else " " for character in line) + "\n"


def _policy(policy: str | None, atol: str | None, rtol: str | None) -> tuple[Any, tuple[float | None, float | None]]:
    """The policy and its tolerances: given tolerances, both or neither, are the fixed policy's."""
    from rnncli.errors import ConfigError, nearest

    tolerances = _tolerances(atol, rtol)
    if policy is None:
        return ("fixed" if tolerances else "envelope"), tolerances or (None, None)
    if policy not in POLICIES:
        raise ConfigError(
            f'--policy: "{policy}" is not allowed{nearest(policy, POLICIES)}; allowed: {", ".join(POLICIES)}'
        )
    if tolerances and policy != "fixed":
        raise ConfigError(f"--policy: {policy} takes no --atol and --rtol; allowed with them: fixed")
    return policy, tolerances or (None, None)


def _tolerances(atol: str | None, rtol: str | None) -> tuple[float, float] | None:
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
