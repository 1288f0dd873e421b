"""Messages on stderr, in one voice for our own errors and for those of the command line's parser."""

import os
import re
import shutil
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from rnncli.core.errors import ConfigError, nearest

MEANT = {  # what people write for a flag of ours that has another name
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
    "--grid": "a config with grid: {rnn.num_layers: [1, 2]}",
}
YES_OR_NO = ("true", "false", "yes", "no", "on", "off")
NO_VALUE = "a flag takes no value; allowed: --NAME for true, --no-NAME for false"


def tell(text: str) -> None:
    """Print a message to stderr, folded between words where that is a terminal."""
    from textwrap import fill

    from rnncli.core.records import printable

    lines = [f"rnncli: {line}" for line in printable(text).splitlines()]
    if sys.stderr and sys.stderr.isatty():
        look: Any = {"subsequent_indent": "  ", "break_long_words": False, "break_on_hyphens": False}
        lines = [fill(line, shutil.get_terminal_size().columns, **look) for line in lines]
    with suppress(OSError):  # of a terminal that is gone; the exit code still says what happened
        for line in lines:
            print(line, file=sys.stderr)


def drop_stdout() -> None:
    """Give what is still buffered for stdout nowhere to go."""
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115


def not_allowed(what: str, value: str, allowed: Iterable[str]) -> ConfigError:
    """Return the error for a value that is none of those allowed, with the nearest of these."""
    allowed = list(allowed)
    return ConfigError(f'{what}: "{value}" is not allowed{nearest(value, allowed)}; allowed: {", ".join(allowed)}')


def is_usage_error(error: BaseException) -> bool:
    """Return whether the parser of the command line raised an error; its base class moved between Typer's releases."""
    return hasattr(error, "format_message") and hasattr(error, "exit_code")


def usage_message(error: Any, arguments: Sequence[str]) -> str:
    """Return an error of the parser in the words of every other message: what, the nearest name, what helps."""
    context, option = error.ctx, getattr(error, "option_name", None)
    usage = usage_of(context) if context else "rnncli --help"
    if option and hasattr(error, "possibilities"):
        if len(option) == 2:  # of an option with one dash, the parser names the first letter
            option = next((one for one in arguments if one.startswith(option) and len(one) > 2), option)
        return _no_such_option(context, option, arguments)
    if option:
        what = "takes no value" if "not take a value" in error.message else "its value is missing"
        return f"{option}: {what}; allowed: {_spellings(context, option)}"
    if hasattr(error, "param_type") and error.param is not None:
        return f"{(error.param.metavar or error.param.name).rstrip('.')}: missing; allowed: {usage}"
    extra = re.search(r"unexpected extra arguments? ?(?:\(s\))? ?\((.*)\)", str(error.message))
    if extra and extra[1].lower() in YES_OR_NO:
        return f"{extra[1]}: {NO_VALUE}"
    return f"{f'{extra[1]}: one argument too many' if extra else error.format_message().rstrip('.')}; allowed: {usage}"


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
    plain = f"--{name.lstrip('-')}".partition("=")[0].replace("_", "-").lower()
    own, command = options_of(context.command), context.command_path.removeprefix("rnncli").strip()
    helps = f"{context.command_path} --help lists all"
    if not command:
        owners = [one for one, it in context.command.commands.items() if {name, plain} & set(options_of(it))]
        if owners:
            given = next((word for word in arguments if word in owners), owners[0])
            return f"{name}: stands after its command; allowed: rnncli {given} {name}"
        return f"{name}: no such option{_nearest_option(plain, own)}; {helps}"
    meant = MEANT.get(plain)
    if meant and (not meant.startswith("--") or meant.split()[0] in own):
        return f"{name}: {command} has no such option (did you mean {meant}?); {helps}"
    near = [one for one in own if one.startswith(plain)] if len(plain) > 3 else []
    hint = f" (did you mean {near[0]}?)" if near else _nearest_option(plain, own) if len(plain) > 3 else ""
    siblings = context.parent.command.commands if context.parent else {}
    owners = [one for one, it in siblings.items() if {name, plain} & set(options_of(it))]
    hint = f", {owners[0]} has" if owners and not near else hint
    return f"{name}: {command} has no such option{hint}; {helps}"


def _nearest_option(name: str, options: Iterable[str]) -> str:
    # without the dashes, which make every two options alike
    return nearest(name.lstrip("-"), [option.lstrip("-") for option in options]).replace("mean ", "mean --")


def options_of(command: Any) -> list[str]:
    """Return the names of all options of a command."""
    return [name for param in command.params for name in (*param.opts, *param.secondary_opts) if name.startswith("-")]


def _spellings(context: Any, option: str) -> str:
    for param in context.command.params if context else ():
        if option in (*param.opts, *param.secondary_opts):
            if param.is_flag:
                return " or ".join([*param.opts, *param.secondary_opts])
            return f"{option} {param.metavar or 'VALUE'}"
    return f"{option} VALUE"
