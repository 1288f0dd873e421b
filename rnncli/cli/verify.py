"""`rnncli verify`."""

import os
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnncli.cli.help import JUDGED, MANY, NUMERICS
from rnncli.cli.messages import tell
from rnncli.cli.options import Output, PrintConfig, Strict, VerdictFormat, as_number, takes_case
from rnncli.cli.startup import quick_imports
from rnncli.core.errors import ConfigError, ExitCode

if TYPE_CHECKING:
    from rnncli.config.cases import Flag
    from rnncli.config.selection import Selection
    from rnncli.core.records import CaseRecord, Detail, RunRecord
    from rnncli.pipeline.verify import VerifyOptions

POLICIES = ("envelope", "fixed", "exact")


@takes_case
def verify(
    configs: Annotated[list[Path] | None, typer.Argument(metavar="[FILE.py[:NAME]] [CONFIG]...", hidden=True)] = None,
    timeout: Annotated[
        str | None,
        typer.Option(
            metavar="SECONDS",
            help="For a call of your own candidate  [30]",
            show_default=False,
            rich_help_panel=JUDGED,
        ),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Judge again whenever its file is saved", rich_help_panel=JUDGED)
    ] = False,
    policy: Annotated[
        str | None,
        typer.Option(
            metavar="POLICY",
            autocompletion=lambda: list(POLICIES),
            help="What decides: envelope, fixed, exact  [envelope]",
            show_default=False,
            rich_help_panel=NUMERICS,
        ),
    ] = None,
    atol: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="Absolute tolerance; with --rtol", rich_help_panel=NUMERICS)
    ] = None,
    rtol: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="Relative tolerance; with --atol", rich_help_panel=NUMERICS)
    ] = None,
    filter: Annotated[
        list[str] | None,
        typer.Option(
            "--filter",
            metavar="CONDITION",
            help="Of a grid, as 'num_layers>=2'; repeatable",
            rich_help_panel=MANY,
        ),
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the cases and stop", rich_help_panel=MANY)] = False,
    jobs: Annotated[
        str | None,
        typer.Option(
            "--jobs",
            "-j",
            metavar="N",
            help="Processes that run cases  [the cores]",
            show_default=False,
            rich_help_panel=MANY,
        ),
    ] = None,
    fail_fast: Annotated[
        bool, typer.Option("--fail-fast", help="Stop after the first failing case", rich_help_panel=MANY)
    ] = False,
    max_failures: Annotated[
        str | None,
        typer.Option(metavar="N", help="Stop after N failing cases", show_default=False, rich_help_panel=MANY),
    ] = None,
    shard: Annotated[
        str | None, typer.Option(metavar="K/N", help="The K-th of N parts, as 3/8", rich_help_panel=MANY)
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the jsonl file of --output", rich_help_panel=MANY)
    ] = False,
    save_failing: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write each mismatch as a small config", rich_help_panel=MANY),
    ] = None,
    dask: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Run on a Dask cluster, as tcp://HOST:8786",
            show_default=False,
            rich_help_panel=MANY,
        ),
    ] = None,
    format: VerdictFormat = None,
    output: Output = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The error over time, as svg, png or pdf"),
    ] = None,
    timing: Annotated[
        bool | None,
        typer.Option("--timing/--no-timing", help="Time both sides  [of one case: timing]", show_default=False),
    ] = None,
    strict: Strict = False,
    print_config: PrintConfig = False,
    *,
    detail: "Detail",
    flags: "dict[str, Flag] | None" = None,
) -> None:
    """Shapes, parity and timing of a hand-written RNN, beside nn.RNN. The code of FILE.py is run; without one, the
    built-in manual RNN is judged. CONFIG is a YAML file or a pattern of several; a flag overrides its value.

    \b
    Examples:
      rnncli verify my_rnn.py
      rnncli verify my_rnn.py:rnn_forward --layers 2 --bidirectional
      rnncli verify configs/smoke.yaml my_rnn.py:MyRNN --output report.html
      rnncli verify configs/full.yaml --filter 'num_layers>=2' --list
    """
    from rnncli.cli.candidates import split
    from rnncli.cli.grid import LISTED_AS, chosen, list_cases, whole_number
    from rnncli.cli.output import check_destination, write_text
    from rnncli.cli.plot import check_plot
    from rnncli.config.cases import found
    from rnncli.report import FORMATS

    _refuse_together("--fail-fast", fail_fast, max_failures=max_failures)
    _refuse_together("--list", list_, resume=resume, watch=watch, save_failing=save_failing, plot=plot)
    _refuse_together("--dask", dask is not None, jobs=jobs, list=list_, watch=watch)
    alone = {"fail_fast": fail_fast, "output": output, "jobs": jobs, "resume": resume, "save_failing": save_failing}
    machine = format not in (None, "table")
    _refuse_together("--watch", watch, format=machine, max_failures=max_failures, plot=plot, **alone)
    name, tolerances = _policy(policy, atol, rtol)
    seconds = _timeout(timeout) if timeout is not None else None
    at_most = 1 if fail_fast else whole_number("--max-failures", max_failures)
    processes = whole_number("--jobs", jobs)
    named, flags = split(configs or [], flags or {})
    paths = found(named)
    format = check_destination(format, output, *paths, formats=LISTED_AS if list_ else FORMATS)
    if resume and (format != "jsonl" or output is None or output == Path("-")):
        raise ConfigError("--resume: there is no file to go on with; allowed with --format jsonl --output FILE")
    if save_failing:
        _check_folder(save_failing)
    if dask is not None:
        from rnncli.execution.dask import require

        require(dask)
    loaded, selection = chosen(paths or [None], flags, filter or [], shard)
    check_destination(format, output, *selection.sources, formats=FORMATS)
    check_plot(plot, output, *paths, *selection.sources)
    if print_config:
        write_text("---\n".join(config.to_yaml() for config in loaded), output)
        return
    if list_:
        list_cases(selection, format, output)
        return
    if watch:
        from rnncli.cli.watch import watched_folders

        watched_folders(cases := tuple(selection))

    with quick_imports():
        if dask is None and (selection.targets or (processes != 1 and len(selection) > 1)):
            from rnncli.execution.server import start_server

            start_server(users_code=bool(selection.targets), many=len(selection) > 1)
        from rnncli.pipeline.verify import TIMEOUT_S, VerifyOptions
        from rnncli.verdict.compare import Policy

    options = VerifyOptions(
        timing=len(selection) == 1 if timing is None else timing,
        policy=Policy(name, *tolerances),
        timeout_s=TIMEOUT_S if seconds is None else seconds,
        envelope=plot is not None or format == "html",
    )
    if watch:
        from rnncli.cli.watch import watch as watch_files

        watch_files(cases, options)
        return
    wanted = Wanted(format, output, plot, strict, save_failing, detail)
    if len(selection) == 1 and format != "jsonl" and dask is None:
        _verify_one(selection, options, wanted)
    else:
        _verify_many(selection, options, wanted, processes, resume, at_most, dask)


@dataclass(frozen=True)
class Wanted:
    """What is made of the results, and where it goes."""

    format: str
    output: Path | None
    plot: Path | None
    strict: bool
    save_failing: Path | None
    detail: "Detail"


def _verify_one(selection: "Selection", options: "VerifyOptions", wanted: Wanted) -> None:
    with quick_imports():
        from rnncli.cli.progress import with_progress
        from rnncli.core.memory import needed_for_verify
        from rnncli.core.records import RunRecord
        from rnncli.numerics.device import environment
        from rnncli.pipeline.verify import policy_flags, run_cases, verify

    (index,) = selection.indices
    origin = selection.origins(policy_flags(options.policy))(index)
    records = run_cases([selection.case(index)], lambda case: verify(case, options), needed_for_verify)
    finished = [replace(record, origin=origin) for record in with_progress(records, 1)]
    record = RunRecord.of("verify", environment(), finished, strict=wanted.strict)
    _leave(record, wanted, finished, policy_flags(options.policy))


def _verify_many(
    selection: "Selection",
    options: "VerifyOptions",
    wanted: Wanted,
    jobs: int | None,
    resume: bool,
    max_failures: int | None,
    dask: str | None,
) -> None:
    with quick_imports():
        from rnncli.cli.grid import on_cluster, run_grid
        from rnncli.pipeline.verify import policy_flags

    with on_cluster(dask, selection, options) if dask else nullcontext() as cluster:
        ended = run_grid(
            selection, options, wanted.format, wanted.output, wanted.strict, jobs, resume, max_failures, cluster
        )
    record, small = ended.record, {case.id: case for case in ended.shrunk}
    failing = (record.cases[at] for at in record.tally.failing)
    try:
        _leave(
            record,
            wanted,
            (small.get(case.id, case) for case in failing),
            policy_flags(options.policy),
            ended.early,
            emitted=wanted.format == "jsonl",
        )
    finally:
        ended.run.journal.close()


def _leave(
    record: "RunRecord",
    wanted: Wanted,
    failing: "Iterable[CaseRecord]",
    policy: Sequence[str],
    early: ExitCode | None = None,
    emitted: bool = False,
) -> None:
    """The report first: a full disk does not cost it. Then the picture, and the failing cases."""
    from rnncli.cli.output import finish
    from rnncli.cli.plot import write_plot

    try:
        finish(record, wanted.format, wanted.output, early, emitted, wanted.detail)
    finally:
        try:
            write_plot(record, wanted.plot)
        finally:
            if wanted.save_failing:
                _save(wanted.save_failing, failing, policy)


def _refuse_together(flag: str, given: bool, **others: object) -> None:
    """Raise ConfigError for a flag that would have no effect beside another."""
    for name, value in others.items():
        if given and value:
            raise ConfigError(f"--{name.replace('_', '-')}: has no effect with {flag}; allowed: one of the two")


def _timeout(text: str) -> float:
    number = as_number(text, float)
    if isinstance(number, str) or not 0 < number <= 86400:
        shown = f'"{number}"' if isinstance(number, str) else number
        raise ConfigError(f"--timeout: {shown} is not allowed; allowed: seconds, above 0 up to 86400")
    return float(number)


def _check_folder(folder: Path) -> None:
    """Raise ConfigError, before any work is done, for a folder that is neither there nor can be made."""
    from rnncli.cli.output import refuse_loop

    try:
        refuse_loop("--save-failing", folder)
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
    from rnncli.config.yamlfile import write_yaml

    for case in cases:
        if case.replay_config is None:
            continue
        file = folder / f"{case.id}.yaml"
        try:
            folder.mkdir(exist_ok=True)
            write_whole(file, _heading(case, policy) + write_yaml(case.replay_config), "--save-failing")
        except OSError as error:
            raise ConfigError(f"--save-failing: {folder} cannot be written: {error.strerror}") from None
        tell(f"wrote {file}")


def _heading(case: "CaseRecord", policy: Iterable[str]) -> str:
    """A comment of one line: the flags that are no part of a config, and what was seen in the case it comes from."""
    from rnncli.core.records import printable

    wrong = [check for check in case.checks or () if check.verdict == "mismatch"]
    seen = "a shape is not the expected one"
    if wrong:
        seen = f"{wrong[0].tensor} ({wrong[0].stage}, {wrong[0].dtype}): {wrong[0].reason or 'other values'}"
    line = f"# {' '.join(['rnncli verify FILE', *policy])}; seen in case {case.id}: {seen}"
    return printable(line).replace("\n", " ") + "\n"


def _policy(policy: str | None, atol: str | None, rtol: str | None) -> tuple[Any, tuple[float | None, float | None]]:
    """The policy and its tolerances: given tolerances, both or neither, are the fixed policy's."""
    from rnncli.core.errors import nearest

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
