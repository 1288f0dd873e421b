"""`rnncli bench`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnncli.cli.help import TIMED
from rnncli.cli.messages import not_allowed, tell
from rnncli.cli.options import (
    IMPLEMENTATIONS,
    Output,
    PrintConfig,
    format_option,
    option,
    seconds,
    switch,
    whole_number,
)
from rnncli.cli.startup import quick_imports
from rnncli.core.errors import INTERRUPTIONS, ConfigError, ExitCode, nearest

if TYPE_CHECKING:
    from rnncli.config.cases import Flag
    from rnncli.core.case import Case
    from rnncli.core.records import Detail, RunRecord
    from rnncli.pipeline.bench import Bench
    from rnncli.pipeline.gates import Baseline, Condition

FORMATS = ("table", "json", "jsonl", "csv", "markdown", "html")
AXES = ("input.seq_len", "input.batch_size", "rnn.input_size", "rnn.hidden_size", "rnn.num_layers")
FEWEST, MOST = 7, 1000  # measurements of a pass
BUDGET_S = 0.5  # for each implementation and pass
MOST_AXES = 2


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The options of the command beside those of a case."""

    over: list[str] | None = option("--over SIZE=VALUES", "A range, as hidden_size=32,64 or seq_len=2^4..2^10", TIMED)
    only: str | None = option("--only NAME,...", "Of manual, bmm, concat, cell, candidate  [all]", TIMED)
    compile: bool = switch("--compile", "Each under torch.compile too", TIMED)
    even_if_wrong: bool = switch("--even-if-wrong", "A mismatch too; the exit code stays 1", TIMED)
    threads: int | None = option("--threads N", "torch's threads on the CPU  [the cores]", TIMED, read=whole_number)
    min_run_time: float | None = option(
        "--min-run-time SECONDS", "Of each implementation and pass  [0.5]", TIMED, read=seconds(3600)
    )
    baseline: Path | None = option("--baseline FILE", "An earlier run, as json, to compare", TIMED)
    fail_if: list[str] | None = option("--fail-if CONDITION", "Exit 1 if it holds: 'manual.forward > 1.1'", TIMED)
    format: Annotated[str | None, format_option(FORMATS)] = None
    output: Output = None
    plot: Path | None = option("--plot FILE", "The ratios, or over a range the times, as svg, png or pdf")
    print_config: PrintConfig = False


def bench(
    configs: Annotated[list[Path] | None, typer.Argument(metavar="[FILE.py[:NAME]] [CONFIG]", hidden=True)] = None,
    *,
    flags: "dict[str, Flag]",
    asked: Asked,
    detail: "Detail",
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
    from rnncli.cli import candidates, output, plot

    axes, names = _axes(asked.over or []), _names(asked.only)
    config, flags = candidates.split(configs or [], flags)
    if len(config) > 1:
        raise ConfigError(f"{config[1]}: one argument too many; allowed: one config")
    format = output.check_destination(asked.format, asked.output, *config, asked.baseline, formats=FORMATS)
    plot.check_plot(asked.plot, asked.output, *config, asked.baseline)
    loaded = candidates.load(next(iter(config), None), flags, with_values=True, over=axes)
    if asked.print_config:
        output.write_text(loaded.to_yaml(), asked.output)
        return
    candidates.require_expected(loaded)
    if "candidate" in names and not any(case.target for case in loaded):
        raise ConfigError("--only: candidate: there is none of your own; allowed with --candidate PATH.py:NAME")
    cases = list({_problem(case): case for case in loaded}.values())
    conditions, earlier = _conditions(asked, cases, names), _baseline(asked.baseline, cases)
    benches = _benches(asked, cases, names)
    early = _run(benches)
    record = _record(benches, early, list(axes), conditions, earlier)
    try:
        output.finish(record, format, asked.output, early, detail=detail)
    finally:  # the report first: a full disk does not cost it
        plot.write_plot(record, asked.plot)


def _problem(case: "Case") -> str:
    # cases that differ in a built-in candidate alone are one: all of these are measured anyway
    return case.id if case.target else case.model_copy(update={"candidate": "manual"}).id


def _benches(asked: Asked, cases: "Sequence[Case]", names: tuple[str, ...]) -> "list[Bench]":
    with quick_imports():
        import torch

        from rnncli.core.memory import needed_for_verify
        from rnncli.cost.timing import Effort
        from rnncli.pipeline.bench import Bench, BenchOptions
        from rnncli.pipeline.verify import largest

    if asked.threads:
        torch.set_num_threads(asked.threads)
    largest(cases, needed_for_verify)
    effort = Effort(asked.min_run_time or BUDGET_S, FEWEST, MOST)
    options = BenchOptions(effort, names, asked.compile, asked.even_if_wrong)
    return [Bench(case, options) for case in cases]


def _run(benches: "Sequence[Bench]") -> ExitCode | None:
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
    axes: Sequence[str],
    conditions: "Sequence[Condition]",
    earlier: "Baseline | None",
) -> "RunRecord":
    from rnncli.core.records import RunRecord
    from rnncli.numerics.device import environment
    from rnncli.pipeline.bench import growth

    cases = [bench.record() for bench in benches]
    if early is not None:
        cases = [case for case in cases if case.timing or case.error]
        done = sum(len({timing.pass_ for timing in case.timing or ()}) for case in cases)
        missing = [f"{INTERRUPTIONS[early]}: {done} of {sum(len(bench.passes) for bench in benches)} passes were timed"]
    cases = [earlier.beside(case) for case in cases] if earlier else cases
    held = [(condition, case, condition.of(case)) for case in cases for condition in conditions]
    if early is None:  # what was refused or could not be compiled must not pass for a gate that holds
        missing = [f"--fail-if {of.text}: not measured in case {case.id}" for of, case, gate in held if not gate]
    gates = [gate for _, _, gate in held if gate]
    for gate in gates:
        if gate.failed:
            where = f" in case {gate.case}" if len(cases) > 1 else ""
            spread = f"half of its measurements from {gate.ratio_low:.2f} to {gate.ratio_high:.2f}"
            tell(f"--fail-if {gate.condition}: it is {gate.ratio:.2f}{where}, {spread}")
    return RunRecord.of("bench", environment(), cases, missing, growth=growth(cases, axes), gates=gates)


def _axes(texts: Sequence[str]) -> dict[str, list[int]]:
    if len(texts) > MOST_AXES:
        raise ConfigError(f"--over: {len(texts)} ranges; allowed: up to {MOST_AXES}")
    leaves = {leaf.rpartition(".")[2]: leaf for leaf in AXES}
    known = {**leaves, **dict(zip(AXES, AXES, strict=True)), "layers": "rnn.num_layers"}
    axes: dict[str, list[int]] = {}
    for text in texts:
        name, _, values = (part.strip() for part in text.partition("="))
        sizes = _sizes(values)
        if not sizes:
            raise ConfigError(
                f'--over: "{text}" is not allowed; allowed: SIZE=VALUES, as hidden_size=32,64,128 or'
                " seq_len=2^4..2^10, which doubles"
            )
        if name not in known:
            told = f"--over: {text}: unknown size {name}{nearest(name, leaves)}"
            raise ConfigError(f"{told}; allowed: {', '.join(leaves)}")
        if known[name] in axes:
            raise ConfigError(f"--over: {name} is given twice; allowed: once")
        axes[known[name]] = sizes
    return axes


def _sizes(text: str) -> list[int]:
    """The integers of "32,64" or of "2^4..2^10"; none for anything else."""
    ends = text.split("..")
    sizes = [_size(part) for part in (ends if len(ends) == 2 else text.split(","))]
    known = [size for size in sizes if size is not None]
    if len(known) < len(sizes):
        return []
    if len(ends) == 2:
        low, high = known
        return [low << doubled for doubled in range((high // low).bit_length())] if 0 < low <= high else []
    return list(dict.fromkeys(known))


def _size(text: str) -> int | None:
    found = re.fullmatch(r"\s*(\d{1,9})\s*(?:(?:\^|\*\*)\s*(\d{1,2}))?\s*", text)
    return int(found[1]) ** int(found[2] or 1) if found else None


def _names(text: str | None) -> tuple[str, ...]:
    allowed = (*IMPLEMENTATIONS, "candidate")
    names = tuple(part.strip() for part in text.split(",")) if text is not None else ()
    for name in names:
        if name not in allowed:
            raise ConfigError(f"{not_allowed('--only', name, allowed)}, with commas between")
    return names


def _conditions(asked: Asked, cases: "Sequence[Case]", names: Sequence[str]) -> "list[Condition]":
    if not asked.fail_if:
        return []
    from rnncli.pipeline.gates import PASSES, Condition

    own = next((case.target for case in cases if case.target), None)
    measured = [name for name in (*IMPLEMENTATIONS, *(["candidate", own] if own else [])) if not names or name in names]
    layers = {case.cell.layer for case in cases}
    measured += [f"{name} compiled" for name in (*layers, *measured)] if asked.compile else []
    passes = PASSES if all(case.run.gradients for case in cases) else ("inference",)
    return [Condition.parse(text, measured, passes, " and ".join(sorted(layers))) for text in asked.fail_if]


def _baseline(path: Path | None, cases: "Sequence[Case]") -> "Baseline | None":
    if path is None:
        return None
    from rnncli.pipeline.gates import Baseline

    earlier = Baseline(path)
    earlier.require_any(case.id for case in cases)
    return earlier
