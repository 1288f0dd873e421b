"""The application: its commands, and the one place where an error becomes a message and an exit code."""

import errno
import os
import sys
import traceback
from contextlib import suppress
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from rnncli import __version__
from rnncli.cli import adapt, bench, env, faults, power, report, schema, shapes, verify
from rnncli.cli.interrupt import ended_by_signals, exit_code_of, keeping_results
from rnncli.cli.options import takes_debug
from rnncli.errors import INTERRUPTIONS, ConfigError, ExitCode, ReaderGoneError, RnncliError, described

# Looking for plugins of the validation library would read the metadata of every package installed
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


FULL = (errno.ENOSPC, errno.EDQUOT, errno.EIO)  # errors of a stdout that takes nothing more


class _Group(TyperGroup):
    """Ends every command with the exit codes of the contract, and without a traceback unless --debug is given."""

    def invoke(self, ctx: Any) -> Any:
        try:
            _require_a_folder()
            with keeping_results():
                return super().invoke(ctx)
        except RnncliError as error:
            _end(error.exit_code, *(f"rnncli: {line}" for line in str(error).splitlines()))
        except KeyboardInterrupt as error:
            code = exit_code_of(error)
            _end(code, f"rnncli: {INTERRUPTIONS[code]}")
        except (BrokenPipeError, ReaderGoneError):
            sys.stderr = None  # the reader has gone: nothing more to say to anyone
            raise typer.Exit(ExitCode.MATCH) from None
        except (typer.Exit, typer.Abort):
            raise
        except Exception as error:
            if _is_usage_error(error):
                raise
            if isinstance(error, OSError) and error.errno in FULL:
                _end_without_stdout(error)
            what = described(error)
            _end(ExitCode.INTERNAL, f"rnncli: internal error: {what}", "rnncli: --debug shows where; please report it")


def _require_a_folder() -> None:
    """Raise ConfigError where the current folder has been deleted: torch then ends the process while it is imported."""
    try:
        os.getcwd()
    except OSError:
        raise ConfigError("the current folder does not exist any more; allowed: a folder that does") from None


def _end_without_stdout(error: OSError) -> NoReturn:
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115  # what is still buffered has nowhere to go
    _end(ExitCode.USAGE, f"rnncli: stdout cannot be written: {error.strerror}")


def _is_usage_error(error: Exception) -> bool:
    """Whether Typer raised it to be shown as a usage message; its base class moved between Typer's releases."""
    return hasattr(error, "format_message") and hasattr(error, "exit_code")


def _end(code: ExitCode, *lines: str) -> NoReturn:
    from rnncli.records import printable

    if "--debug" in sys.argv:
        traceback.print_exc()
    with suppress(OSError):  # of a terminal that is gone; the exit code still says what happened
        for line in lines:
            print(printable(line), file=sys.stderr)
    raise typer.Exit(int(code))


app = typer.Typer(
    name="rnncli",
    cls=_Group,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with: rnncli verify    or: rnncli shapes --bidirectional --layers 4",
)


def _version(asked: bool) -> None:
    if asked:
        from rnncli.cli.output import write_text

        with suppress(ReaderGoneError):
            write_text(f"rnncli {__version__}\n", None)
        raise typer.Exit


@app.callback()
def _rnncli(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """The tool to run before trusting a recurrent layer: shapes, parity and timing beside torch.nn.RNN."""


for command in (
    shapes.shapes,
    verify.verify,
    bench.bench,
    power.power,
    faults.faults,
    report.report,
    adapt.adapt,
    schema.schema,
    env.env,
):
    app.command()(takes_debug(command))


def main() -> None:
    """The `rnncli` command."""
    with ended_by_signals():
        try:
            app(prog_name="rnncli")
        except (OSError, ConfigError) as error:  # of --help and --version, which are no commands
            what = error.strerror if isinstance(error, OSError) else str(error)
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115  # what is still buffered has nowhere to go
            print(f"rnncli: {what}", file=sys.stderr)
            sys.exit(ExitCode.USAGE)
