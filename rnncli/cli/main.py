"""The application: its commands, and the one place where an error becomes a message and an exit code."""

import errno
import os
import sys
import traceback
from typing import Any

import typer
from typer.core import TyperGroup

from rnncli.cli import adapt, bench, env, explain, faults, power, report, schema, shapes, verify
from rnncli.cli.help import GroupedCommand
from rnncli.cli.interrupt import ended_by_signals, exit_code_of, keeping_results
from rnncli.cli.messages import drop_stdout, is_usage_error, no_such_command, tell, usage_message
from rnncli.cli.options import Version, with_groups
from rnncli.core.errors import INTERRUPTIONS, ConfigError, ExitCode, ReaderGoneError, RnncliError, described

# Looking for plugins of the validation library would read the metadata of every package installed
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EIO)  # errors of a stdout that takes nothing more


class _Group(TyperGroup):
    """Ends every command with the exit codes of the contract, and without a traceback unless --debug is given."""

    def main(self, args: Any = None, prog_name: Any = None, *, standalone_mode: bool = True, **extra: Any) -> Any:  # type: ignore[override]
        """Run the command line and exit; the parser's own errors are told in our words."""
        try:
            ended = super().main(args, prog_name, standalone_mode=False, **extra)
        except Exception as error:
            if not is_usage_error(error) or not standalone_mode:
                raise
            tell(usage_message(error, sys.argv[1:]))
            ended = ExitCode.USAGE
        if standalone_mode:
            sys.exit(int(ended or 0))
        return ended

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read `rnncli help verify` as `rnncli verify --help`, and `rnncli` alone as `rnncli --help`."""
        if not args or args[0] == "help":
            args = [*args[1:2], "--help"]
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command of a name. Raises ConfigError where there is none."""
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            raise ConfigError(no_such_command(args[0], self.list_commands(ctx)))
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        try:
            _require_a_folder()
            with keeping_results():
                return super().invoke(ctx)
        except (typer.Exit, typer.Abort):
            raise
        except (Exception, KeyboardInterrupt) as error:
            if is_usage_error(error):
                raise
            if isinstance(error, BrokenPipeError | ReaderGoneError):
                sys.stderr = None  # the reader has gone: nothing more to say to anyone
                raise typer.Exit(ExitCode.MATCH) from None
            if "--debug" in sys.argv:
                traceback.print_exc()
            code, message = _told(error)
            tell(message)
            raise typer.Exit(int(code)) from None


def _require_a_folder() -> None:
    try:
        os.getcwd()
    except OSError:  # torch would end the process while it is imported
        raise ConfigError("the current folder does not exist any more; allowed: a folder that does") from None


def _told(error: BaseException) -> tuple[ExitCode, str]:
    if isinstance(error, RnncliError):
        return error.exit_code, str(error)
    if isinstance(error, KeyboardInterrupt):
        return exit_code_of(error), INTERRUPTIONS[exit_code_of(error)]
    if isinstance(error, OSError) and error.errno in FULL:
        drop_stdout()
        return ExitCode.USAGE, f"stdout cannot be written: {error.strerror}"
    if _stops_the_import_of_torch(error):
        allowed = "rnncli needs it: pip install torch, or `pip install --force-reinstall torch` where it is broken"
        return ExitCode.UNAVAILABLE, f"torch cannot be imported here ({described(error)}); {allowed}"
    return ExitCode.INTERNAL, f"internal error: {described(error)}\n--debug shows where; please report it"


def _stops_the_import_of_torch(error: BaseException) -> bool:
    lines = (frame.line or "" for frame in traceback.extract_tb(error.__traceback__))
    importing = any(line.startswith(("import torch", "from torch")) for line in lines)
    return importing and "torch" not in sys.modules and isinstance(error, ImportError | OSError)


app = typer.Typer(
    name="rnncli",
    cls=_Group,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
        "token_normalize_func": lambda name: name.replace("_", "-"),
    },
    epilog="Start with: rnncli verify my_rnn.py, or rnncli shapes --layers 4",
)


@app.callback()
def _rnncli(version: Version = False) -> None:
    """The tool to run before trusting a recurrent layer: shapes, parity and timing beside torch.nn.RNN."""


for module in (explain, shapes, verify, bench, power, faults, report, adapt, schema, env):
    command = getattr(module, module.__name__.rpartition(".")[2])
    app.command(cls=GroupedCommand)(with_groups(command))


def main() -> None:
    """The `rnncli` command."""
    with ended_by_signals():
        try:
            app(prog_name="rnncli")
        except (OSError, ConfigError) as error:  # of --help and --version, which are no commands
            drop_stdout()
            print(f"rnncli: {error.strerror if isinstance(error, OSError) else error}", file=sys.stderr)
            sys.exit(ExitCode.USAGE)
