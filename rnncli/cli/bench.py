"""`rnncli bench`."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnncli.cli.help import TIMED
from rnncli.cli.messages import tell
from rnncli.cli.options import Output, PrintConfig, as_number, takes_case
from rnncli.cli.startup import quick_imports
from rnncli.core.errors import INTERRUPTIONS, ConfigError, ExitCode, nearest

if TYPE_CHECKING:
    from rnncli.config.cases import Flag
    from rnncli.core.case import Case
    from rnncli.core.records import CaseRecord, Detail, RunRecord
    from rnncli.pipeline.bench import Bench
    from rnncli.pipeline.gates import Baseline, Condition

FORMATS = ("table", "json", "jsonl", "csv", "markdown", "html")
AXES = ("input.seq_len", "input.batch_size", "rnn.input_size", "rnn.hidden_size", "rnn.num_layers")
IMPLEMENTATIONS = ("manual", "bmm", "concat", "cell")
FEWEST, MOST = 7, 1000  # measurements of a pass
MOST_AXES = 2


@takes_case
def bench(
    configs: Annotated[list[Path] | None, typer.Argument(metavar="[FILE.py[:NAME]] [CONFIG]", hidden=True)] = None,
    over: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SIZE=VALUES", help="A range, as hidden_size=32,64 or seq_len=2^4..2^10", rich_help_panel=TIMED
        ),
    ] = None,
    only: Annotated[
        str | None,
        typer.Option(metavar="NAME,...", help="Of manual, bmm, concat, cell, candidate  [all]", rich_help_panel=TIMED),
    ] = None,
    compile: Annotated[
        bool, typer.Option("--compile", help="Each under torch.compile too", rich_help_panel=TIMED)
    ] = False,
    even_if_wrong: Annotated[
        bool, typer.Option("--even-if-wrong", help="A mismatch too; the exit code stays 1", rich_help_panel=TIMED)
    ] = False,
    threads: Annotated[
        str | None,
        typer.Option(
            metavar="N", help="torch's threads on the CPU  [the cores]", show_default=False, rich_help_panel=TIMED
        ),
    ] = None,
    min_run_time: Annotated[
        str | None,
        typer.Option(
            metavar="SECONDS",
            help="Of each implementation and pass  [0.5]",
            show_default=False,
            rich_help_panel=TIMED,
        ),
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option(metavar="FILE", help="An earlier run, as json, to compare", rich_help_panel=TIMED)
    ] = None,
    fail_if: Annotated[
        list[str] | None,
        typer.Option(metavar="CONDITION", help="Exit 1 if it holds: 'manual.forward > 1.1'", rich_help_panel=TIMED),
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(
            help=", ".join(FORMATS),
            metavar="FORMAT",
            autocompletion=lambda: list(FORMATS),
            show_default=False,
        ),
    ] = None,
    output: Output = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The ratios, or over a range the times, as svg, png or pdf",
        ),
    ] = None,
    print_config: PrintConfig = False,
    *,
    detail: "Detail",
    flags: "dict[str, Flag] | None" = None,
) -> None:
    """What each way of writing an RNN costs, beside nn.RNN.

    Times nn.RNN, the built-in implementations and a candidate of your own in turn: inference (without autograd),
    forward, and forward+backward. Each ratio to nn.RNN comes with the range that half of its measurements lie in.
    Beside it stands what the matrix products alone take: the part of the time that no rewriting takes away. What does
    not compute nn.RNN's values is not timed.

    \b
    Examples:
      rnncli bench
      rnncli bench --hidden-size 256 --seq-len 100 --layers 3
      rnncli bench --over seq_len=2^4..2^10 --only manual
      rnncli bench --over hidden_size=32,64,128 --over batch_size=1,16
      rnncli bench my_rnn.py:rnn_forward --fail-if 'candidate.forward > 2'
      rnncli bench --device cuda --compile --format json --output bench.json
      rnncli bench --baseline bench.json
      rnncli bench --over seq_len=2^4..2^10 --plot bench.svg
    """
    from rnncli.cli.candidates import load, split
    from rnncli.cli.grid import whole_number
    from rnncli.cli.output import check_destination, finish, write_text
    from rnncli.cli.plot import check_plot, write_plot

    axes = _axes(over or [])
    names = _names(only)
    thread_count = whole_number("--threads", threads)
    seconds = _seconds(min_run_time)
    named, flags = split(configs or [], flags or {})
    if len(named) > 1:
        raise ConfigError(f"{named[1]}: one argument too many; allowed: one config")
    config = named[0] if named else None
    inputs = [path for path in (config, baseline) if path]
    format = check_destination(format, output, *inputs, formats=FORMATS)
    check_plot(plot, output, *inputs)
    loaded = load(config, flags, with_values=True, over=axes)
    if print_config:
        write_text(loaded.to_yaml(), output)
        return
    if "candidate" in names and not any(case.target for case in loaded.cases):
        raise ConfigError("--only: candidate: there is none of your own; allowed with --candidate PATH.py:NAME")
    cases = list({_problem(case): case for case in loaded.cases}.values())
    conditions = _conditions(fail_if or [], cases, names, compile)
    earlier = _baseline(baseline)
    if earlier:
        earlier.require_any(case.id for case in cases)

    with quick_imports():
        import torch

        from rnncli.core.memory import needed_for_verify
        from rnncli.cost.timing import Effort
        from rnncli.pipeline.bench import Bench, BenchOptions
        from rnncli.pipeline.verify import largest

    if thread_count:
        torch.set_num_threads(thread_count)
    largest(cases, needed_for_verify)
    options = BenchOptions(Effort(seconds, FEWEST, MOST), names, compile, even_if_wrong)
    benches = [Bench(case, options) for case in cases]
    early = _run(benches)
    record = _record(benches, early, axes, conditions, earlier)
    try:
        finish(record, format, output, early, detail=detail)
    finally:  # the report first: a full disk does not cost it
        write_plot(record, plot)


def _problem(case: "Case") -> str:
    """What cases have in common that differ in a built-in candidate alone: all of these are measured anyway."""
    return case.id if case.target else case.model_copy(update={"candidate": "manual"}).id


def _run(benches: "Sequence[Bench]") -> ExitCode | None:
    """Do them all. Return the exit code where a signal ended that early."""
    from rnncli.cli.interrupt import exit_code_of
    from rnncli.cli.progress import with_progress

    steps = ((bench, step) for bench in benches for step in bench.steps())
    try:
        for _ in with_progress(steps, sum(len(bench.passes) for bench in benches), "passes"):
            pass
    except KeyboardInterrupt as error:
        return exit_code_of(error)
    return None


def _record(
    benches: "Sequence[Bench]",
    early: ExitCode | None,
    axes: dict[str, list[int]],
    conditions: "Sequence[Condition]",
    earlier: "Baseline | None",
) -> "RunRecord":
    """What there is of all cases: those that were not begun are missing."""
    from rnncli.core.records import RunRecord
    from rnncli.numerics.device import environment
    from rnncli.pipeline.bench import growth

    cases = [bench.record() for bench in benches]
    missing = []
    if early is not None:
        cases = [case for case in cases if case.timing or case.error]
        done = sum(len({timing.pass_ for timing in case.timing or ()}) for case in cases)
        missing = [f"{INTERRUPTIONS[early]}: {done} of {sum(len(bench.passes) for bench in benches)} passes were timed"]
    if earlier:
        cases = [earlier.beside(case) for case in cases]
    held = [(condition, case, condition.of(case)) for case in cases for condition in conditions]
    gates = [gate for _, _, gate in held if gate]
    if early is None:  # what was refused or could not be compiled must not pass for a gate that holds
        missing = [
            f"--fail-if {condition.text}: not measured in case {case.id}" for condition, case, gate in held if not gate
        ]
    for gate in gates:
        if gate.failed:
            tell(f"--fail-if {gate.condition}: {_told(gate, cases)}")
    return RunRecord.of("bench", environment(), cases, missing, growth=growth(cases, list(axes)), gates=gates)


def _told(gate: Any, cases: "Sequence[CaseRecord]") -> str:
    where = f" in case {gate.case}" if len(cases) > 1 else ""
    return f"it is {gate.ratio:.2f}{where}, half of its measurements from {gate.ratio_low:.2f} to {gate.ratio_high:.2f}"


def _axes(texts: Sequence[str]) -> dict[str, list[int]]:
    """The sizes of --over, by leaf. Raises ConfigError."""
    if len(texts) > MOST_AXES:
        raise ConfigError(f"--over: {len(texts)} ranges; allowed: up to {MOST_AXES}")
    axes: dict[str, list[int]] = {}
    leaves = {leaf.rpartition(".")[2]: leaf for leaf in AXES} | {leaf: leaf for leaf in AXES}
    for text in texts:
        name, equals, values = (part.strip() for part in text.partition("="))
        sizes = _sizes(values) if equals else None
        if not sizes:
            raise ConfigError(
                f'--over: "{text}" is not allowed; allowed: SIZE=VALUES, as hidden_size=32,64,128 or'
                " seq_len=2^4..2^10, which doubles"
            )
        leaf = leaves.get(name) or leaves.get({"layers": "num_layers"}.get(name, ""))
        if leaf is None:
            short = [known.rpartition(".")[2] for known in AXES]
            raise ConfigError(f"--over: {text}: unknown size {name}{nearest(name, short)}; allowed: {', '.join(short)}")
        if leaf in axes:
            raise ConfigError(f"--over: {name} is given twice; allowed: once")
        axes[leaf] = sizes
    return axes


def _sizes(text: str) -> list[int] | None:
    """The integers of "32,64" or of "2^4..2^10"; None for anything else."""
    ends = text.split("..")
    if len(ends) == 2:
        low, high = map(_size, ends)
        if low is None or high is None or not 0 < low <= high:
            return None
        sizes = [low]
        while sizes[-1] * 2 <= high:
            sizes.append(sizes[-1] * 2)
        return sizes
    numbers = [_size(part) for part in text.split(",")]
    return None if None in numbers else list(dict.fromkeys(number for number in numbers if number is not None))


def _size(text: str) -> int | None:
    found = re.fullmatch(r"\s*(\d{1,9})\s*(?:(?:\^|\*\*)\s*(\d{1,2}))?\s*", text)
    return int(found[1]) ** int(found[2] or 1) if found else None


def _names(text: str | None) -> tuple[str, ...]:
    allowed = (*IMPLEMENTATIONS, "candidate")
    names = tuple(part.strip() for part in text.split(",")) if text is not None else ()
    for name in names:
        if name not in allowed:
            raise ConfigError(
                f'--only: "{name}" is not allowed{nearest(name, allowed)}; allowed: {", ".join(allowed)},'
                " with commas between"
            )
    return names


def _seconds(text: str | None) -> float:
    number = as_number(text, float) if text is not None else 0.5
    if isinstance(number, str) or not 0 < number <= 3600:
        shown = f'"{number}"' if isinstance(number, str) else number
        raise ConfigError(f"--min-run-time: {shown} is not allowed; allowed: seconds, above 0 up to 3600")
    return float(number)


def _conditions(
    texts: Sequence[str], cases: Sequence[Any], names: Sequence[str], compile: bool
) -> "tuple[Condition, ...]":
    if not texts:
        return ()
    from rnncli.pipeline.gates import PASSES, Condition

    own = next((case.target for case in cases if case.target), None)
    measured = [name for name in (*IMPLEMENTATIONS, *(["candidate", own] if own else [])) if not names or name in names]
    measured += [f"{name} compiled" for name in (*{case.cell.layer for case in cases}, *measured)] if compile else []
    passes = PASSES if all(case.run.gradients for case in cases) else ("inference",)
    return tuple(Condition.parse(text, measured, passes) for text in texts)


def _baseline(path: Path | None) -> "Baseline | None":
    if path is None:
        return None
    from rnncli.pipeline.gates import Baseline

    return Baseline(path)
