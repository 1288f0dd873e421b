"""`rnncli verify`."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnncli.cli.help import JUDGED, MANY, NUMERICS
from rnncli.cli.messages import not_allowed, tell
from rnncli.cli.options import (
    Output,
    PrintConfig,
    Strict,
    VerdictFormat,
    number,
    option,
    seconds,
    switch,
    whole_number,
)
from rnncli.cli.startup import quick_imports
from rnncli.core.errors import ConfigError, ExitCode

if TYPE_CHECKING:
    from rnncli.config.cases import Flag
    from rnncli.config.selection import Selection
    from rnncli.core.records import CaseRecord, Detail, RunRecord
    from rnncli.pipeline.verify import VerifyOptions

POLICIES = ("envelope", "fixed", "exact")
WITHOUT_EFFECT = {  # options that have none beside another
    "fail_fast": ("max_failures",),
    "list_": ("resume", "watch", "save_failing", "plot"),
    "dask": ("jobs", "list_", "watch"),
    "watch": ("format", "max_failures", "plot", "fail_fast", "output", "jobs", "resume", "save_failing"),
}


def _tolerance(flag: str) -> Callable[[str], float]:
    return number(flag, float, lambda value: 0 <= value < inf, "a number, 0 or more")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The options of the command beside those of a case."""

    timeout: float | None = option(
        "--timeout SECONDS", "For a call of your own candidate  [30]", JUDGED, read=seconds(86400)
    )
    watch: bool = switch("--watch", "Judge again whenever its file is saved", JUDGED)
    policy: str | None = option(
        "--policy POLICY", f"What decides: {', '.join(POLICIES)}  [envelope]", NUMERICS, POLICIES
    )
    atol: float | None = option("--atol NUMBER", "Absolute tolerance; with --rtol", NUMERICS, read=_tolerance)
    rtol: float | None = option("--rtol NUMBER", "Relative tolerance; with --atol", NUMERICS, read=_tolerance)
    filter: list[str] | None = option("--filter CONDITION", "Of a grid, as 'num_layers>=2'; repeatable", MANY)
    list_: bool = switch("--list", "List the cases and stop", MANY)
    jobs: int | None = option("--jobs, -j N", "Processes that run cases  [the cores]", MANY, read=whole_number)
    fail_fast: bool = switch("--fail-fast", "Stop after the first failing case", MANY)
    max_failures: int | None = option("--max-failures N", "Stop after N failing cases", MANY, read=whole_number)
    shard: str | None = option("--shard K/N", "The K-th of N parts, as 3/8", MANY)
    resume: bool = switch("--resume", "Go on with the jsonl file of --output", MANY)
    save_failing: Path | None = option("--save-failing DIR", "Write each mismatch as a small config", MANY)
    dask: str | None = option("--dask ADDRESS", "Run on a Dask cluster, as tcp://HOST:8786", MANY)
    format: VerdictFormat = None
    output: Output = None
    plot: Path | None = option("--plot FILE", "The error over time, as svg, png or pdf")
    timing: bool | None = option("--timing/--no-timing", "Time both sides  [of one case: timing]")
    strict: Strict = False
    print_config: PrintConfig = False


def verify(
    configs: Annotated[list[Path] | None, typer.Argument(metavar="[FILE.py[:NAME]] [CONFIG]...", hidden=True)] = None,
    *,
    flags: "dict[str, Flag]",
    asked: Asked,
    detail: "Detail",
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
    from rnncli.cli import candidates, grid, output, plot, watch
    from rnncli.config.cases import found
    from rnncli.report import FORMATS

    _refuse_what_has_no_effect(asked)
    policy = _policy(asked)
    named, flags = candidates.split(configs or [], flags)
    paths, formats = found(named), grid.LISTED_AS if asked.list_ else FORMATS
    format = output.check_destination(asked.format, asked.output, *paths, formats=formats)
    asked = replace(asked, format=format)
    _check_places(asked)
    loaded, selection = grid.chosen(paths or [None], flags, asked.filter or [], asked.shard)
    output.check_destination(format, asked.output, *selection.sources, formats=FORMATS)  # files that configs name
    plot.check_plot(asked.plot, asked.output, *paths, *selection.sources)
    if asked.print_config:
        output.write_text("---\n".join(config.to_yaml() for config in loaded), asked.output)
        return
    if asked.list_:
        grid.list_cases(selection, format, asked.output)
        return
    watched = tuple(selection) if asked.watch else ()
    folders = watch.watched_folders(watched) if asked.watch else []
    options = _options(asked, selection, policy)
    if asked.watch:
        watch.watch(watched, options, folders)
    elif len(selection) == 1 and format != "jsonl" and asked.dask is None:
        _verify_one(selection, options, asked, detail)
    else:
        _verify_many(selection, options, asked, detail)


def _refuse_what_has_no_effect(asked: Asked) -> None:
    given = {name for name, value in vars(asked).items() if value and (name, value) != ("format", "table")}
    for name, others in WITHOUT_EFFECT.items():
        for other in others:
            if {name, other} <= given:
                flags = [f"--{one.removesuffix('_').replace('_', '-')}" for one in (other, name)]
                raise ConfigError(f"{flags[0]}: has no effect with {flags[1]}; allowed: one of the two")


def _check_places(asked: Asked) -> None:
    from rnncli.cli.output import STDOUT, check_folder

    if asked.resume and (asked.format != "jsonl" or asked.output in (None, STDOUT)):
        raise ConfigError("--resume: there is no file to go on with; allowed with --format jsonl --output FILE")
    if asked.save_failing:
        check_folder("--save-failing", asked.save_failing)
    if asked.dask is not None:
        from rnncli.execution.dask import require

        require(asked.dask)


def _policy(asked: Asked) -> tuple[Any, ...]:
    """The policy and its tolerances: those that are given, both or neither, are of the fixed policy."""
    given = {flag: value for flag, value in {"--atol": asked.atol, "--rtol": asked.rtol}.items() if value is not None}
    if len(given) == 1:
        ((flag, value),) = given.items()
        other = "--rtol" if flag == "--atol" else "--atol"
        raise ConfigError(f"{flag}: {value} without {other}; allowed: both or neither")
    name = asked.policy if asked.policy is not None else "fixed" if given else "envelope"
    if name not in POLICIES:
        raise not_allowed("--policy", name, POLICIES)
    if given and name != "fixed":
        raise ConfigError(f"--policy: {name} takes no --atol and --rtol; allowed with them: fixed")
    return name, *given.values()


def _options(asked: Asked, selection: "Selection", policy: tuple[Any, ...]) -> "VerifyOptions":
    with quick_imports():
        if asked.dask is None and (selection.targets or (asked.jobs != 1 and len(selection) > 1)):
            from rnncli.execution.server import start_server

            start_server(users_code=bool(selection.targets), many=len(selection) > 1)
        from rnncli.pipeline.verify import TIMEOUT_S, VerifyOptions
        from rnncli.report import DRAWS_ENVELOPES
        from rnncli.verdict.problem import Policy

    return VerifyOptions(
        timing=len(selection) == 1 if asked.timing is None else asked.timing,
        policy=Policy(*policy),
        timeout_s=asked.timeout or TIMEOUT_S,
        every_envelope=asked.plot is not None or asked.format in DRAWS_ENVELOPES,
    )


def _verify_one(selection: "Selection", options: "VerifyOptions", asked: Asked, detail: "Detail") -> None:
    with quick_imports():
        from rnncli.cli.progress import with_progress
        from rnncli.core.memory import needed_for_verify
        from rnncli.core.records import Detail, RunRecord
        from rnncli.numerics.device import environment
        from rnncli.pipeline.verify import policy_flags, run_cases, verify

    from rnncli.cli.output import STDOUT

    the_last_line_alone = detail == Detail.QUIET and asked.format == "table" and asked.output in (None, STDOUT)
    if the_last_line_alone and asked.save_failing is None:  # no replay is shown, and no change
        options = replace(options, shrink=False)
    policy, (index,) = policy_flags(options.policy), selection.indices
    origin = selection.origins(policy)(index)
    records = run_cases([selection.case(index)], lambda case: verify(case, options), needed_for_verify)
    finished = [replace(record, origin=origin) for record in with_progress(records, 1)]
    _leave(RunRecord.of("verify", environment(), finished, strict=asked.strict), asked, detail, finished, policy)


def _verify_many(selection: "Selection", options: "VerifyOptions", asked: Asked, detail: "Detail") -> None:
    with quick_imports():
        from rnncli.cli.grid import run_grid
        from rnncli.pipeline.verify import policy_flags

    with run_grid(selection, options, asked) as (record, failing, early):
        _leave(record, asked, detail, failing, policy_flags(options.policy), early)


def _leave(
    record: "RunRecord",
    asked: Asked,
    detail: "Detail",
    failing: "Iterable[CaseRecord]",
    policy: Sequence[str],
    early: ExitCode | None = None,
) -> None:
    """The report first: a full disk does not cost it. Then the picture, and the failing cases."""
    from rnncli.cli import output, plot

    emitted = asked.format == "jsonl"  # each case as soon as it was judged
    try:
        output.finish(record, asked.format or "table", asked.output, early, emitted, detail)
    finally:
        try:
            plot.write_plot(record, asked.plot)
        finally:
            if asked.save_failing:
                _save(asked.save_failing, failing, policy)


def _save(folder: Path, cases: "Iterable[CaseRecord]", policy: Iterable[str]) -> None:
    from rnncli.cli.output import write_whole
    from rnncli.config.yamlfile import write_yaml

    for case in cases:
        if case.replay_config is None:
            continue
        file = folder / f"{case.id}.yaml"
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise ConfigError(f"--save-failing: {folder} cannot be written: {error.strerror}") from None
        write_whole(file, _heading(case, policy) + write_yaml(case.replay_config), "--save-failing")
        tell(f"wrote {file}")


def _heading(case: "CaseRecord", policy: Iterable[str]) -> str:
    """A comment of one line: the flags that are no part of a config, and what was seen in the case it comes from."""
    from rnncli.core.records import printable

    wrong = next((check for check in case.checks or () if check.verdict == "mismatch"), None)
    seen = "a shape is not the expected one"
    if wrong:
        seen = f"{wrong.tensor} ({wrong.stage}, {wrong.dtype}): {wrong.reason or 'other values'}"
    line = f"# {' '.join(['rnncli verify FILE', *policy])}; seen in case {case.id}: {seen}"
    return printable(line).replace("\n", " ") + "\n"
