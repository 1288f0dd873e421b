"""Messages on stderr, in one voice for our own errors and for those of the command line's parser."""

import re
import shutil
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from rnncli.core.errors import nearest

# What people write for a flag of ours that has another name.
MEANT = {
    "--batch": "--batch-size",
    "--relu": "--nonlinearity relu",
    "--tanh": "--nonlinearity tanh",
    "--lstm": "--cell LSTM",
    "--gru": "--cell GRU",
    "--gpu": "--device cuda",
    "--cuda": "--device cuda",
    "--cpu": "--device cpu",
    "--half": "--dtype float16",
    "--fp16": "--dtype float16",
    "--bf16": "--dtype bfloat16",
    "--double": "--dtype float64",
    "--json": "--format json",
    "--html": "--output report.html",
    "--config": "the file alone, without a flag",
}
YES_OR_NO = ("true", "false", "yes", "no", "on", "off")


def tell(text: str) -> None:
    """Print a message to stderr, folded between words where that is a terminal."""
    from rnncli.core.records import printable

    with suppress(OSError):  # of a terminal that is gone; the exit code still says what happened
        for line in printable(text).splitlines():
            print(_folded(f"rnncli: {line}") if sys.stderr and sys.stderr.isatty() else f"rnncli: {line}",
                  file=sys.stderr)  # fmt: skip


def _folded(line: str) -> str:
    import textwrap

    width = shutil.get_terminal_size().columns
    return textwrap.fill(line, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def is_usage_error(error: Exception) -> bool:
    """Return whether the parser of the command line raised an error; its base class moved between Typer's releases."""
    return hasattr(error, "format_message") and hasattr(error, "exit_code")


def usage_message(error: Any, arguments: Sequence[str]) -> str:
    """Return an error of the parser in the words of every other message: what, the nearest name, what helps."""
    context, option = error.ctx, getattr(error, "option_name", None)
    if option and hasattr(error, "possibilities"):
        return _no_such_option(context, _as_typed(option, arguments), arguments)
    usage = usage_of(context) if context else "rnncli --help"
    if option and "not take a value" in error.message:
        return f"{option}: takes no value; allowed: {_spellings(context, option)}"
    if option:
        return f"{option}: its value is missing; allowed: {_spellings(context, option)}"
    if hasattr(error, "param_type") and error.param is not None:
        what = (error.param.metavar or error.param.name).rstrip(".")
        return f"{what}: missing; allowed: {usage}"
    extra = re.search(r"unexpected extra arguments? ?(?:\(s\))? ?\((.*)\)", str(error.message))
    if extra:
        if extra[1].lower() in YES_OR_NO:
            return f"{extra[1]}: a flag takes no value; allowed: --NAME for true, --no-NAME for false"
        return f"{extra[1]}: one argument too many; allowed: {usage}"
    return f"{error.format_message().rstrip('.')}; allowed: {usage}"


def usage_of(context: Any) -> str:
    """Return the form of a command in a line: `rnncli faults [ID]`."""
    pieces = [piece for piece in context.command.collect_usage_pieces(context) if piece != "[OPTIONS]"]
    return " ".join([context.command_path, *pieces])


def no_such_command(name: str, commands: Iterable[str]) -> str:
    """Return the message for a command that does not exist."""
    if re.search(r"\.(py|ipynb)(:|$)", name):
        return f"{name}: is no command; rnncli verify {name} judges an RNN in that file"
    if name.endswith((".yaml", ".yml")):
        return f"{name}: is no command; rnncli verify {name} judges the cases of that config"
    known = list(commands)
    return f"{name}: no such command{nearest(name, known)}; allowed: {', '.join(known)}"


def _no_such_option(context: Any, name: str, arguments: Sequence[str]) -> str:
    """An option that the command does not have: the one that is meant, or the command that has it."""
    plain = f"--{name.lstrip('-')}".partition("=")[0].replace("_", "-").lower()
    own, command = options_of(context.command), context.command_path.removeprefix("rnncli").strip()
    helps = f"{context.command_path} --help lists all"
    if not command:
        owners = [one for one, it in context.command.commands.items() if {name, plain} & set(options_of(it))]
        if owners:
            given = next((word for word in arguments if word in owners), owners[0])
            return f"{name}: stands after its command; allowed: rnncli {given} {name}"
        return f"{name}: no such option{nearest(plain, own)}; {helps}"
    meant = MEANT.get(plain)
    if meant and (not meant.startswith("--") or meant.split()[0] in own):
        return f"{name}: {command} has no such option (did you mean {meant}?); {helps}"
    near = [one for one in own if one.startswith(plain)] if len(plain) > 4 else []
    hint = f" (did you mean {near[0]}?)" if near else nearest(plain, own) if len(plain) > 3 else ""
    siblings = context.parent.command.commands if context.parent else {}
    owners = [one for one, it in siblings.items() if {name, plain} & set(options_of(it))]
    hint = f", {owners[0]} has" if owners and not near else hint
    return f"{name}: {command} has no such option{hint}; {helps}"


def options_of(command: Any) -> list[str]:
    """Return the names of all options of a command."""
    return [name for param in command.params for name in (*param.opts, *param.secondary_opts) if name.startswith("-")]


def _as_typed(option: str, arguments: Sequence[str]) -> str:
    """The whole word of an option with one dash, of which the parser names the first letter."""
    if len(option) == 2:
        return next((one for one in arguments if one.startswith(option) and len(one) > 2), option)
    return option


def _spellings(context: Any, option: str) -> str:
    """The ways to write an option that exists."""
    for param in context.command.params if context else ():
        if option in (*param.opts, *param.secondary_opts):
            if param.is_flag:
                return " or ".join([*param.opts, *param.secondary_opts])
            return f"{option} {param.metavar or 'VALUE'}"
    return f"{option} VALUE"
