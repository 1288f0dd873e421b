"""The help of a command: its options in groups, the most used first, one line for each."""

import inspect
from typing import Any

from typer.core import TyperCommand

from rnncli.cli.messages import is_usage_error

JUDGED, TIMED, ARGUMENTS, INPUT, NUMERICS, OUTPUT, MANY = GROUPS = (
    "What is judged",
    "What is timed",
    "The layer's arguments",
    "Input",
    "Numerics",
    "Output",
    "Many cases",
)
MOST_WIDE = 28  # columns of an option's names; its help starts on the next line where they are wider


class GroupedCommand(TyperCommand):
    """A command whose options stand in groups, by their `rich_help_panel`; those without one are about its output."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments; an error of the parser gets the context it came from, where it has none."""
        try:
            return super().parse_args(ctx, args)
        except Exception as error:
            if is_usage_error(error) and getattr(error, "ctx", None) is None:
                vars(error)["ctx"] = ctx
            raise

    def format_help_text(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        """Write the docstring at the margin, without the indentation that the parser adds."""
        paragraphs = inspect.cleandoc(self.help or "").split("\n\n")
        for paragraph in paragraphs:
            formatter.write_paragraph()
            if paragraph.startswith("\b\n"):
                formatter.write(paragraph.removeprefix("\b\n") + "\n")
            else:
                formatter.write_text(paragraph)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """Return the arguments as their metavars are written."""
        arguments = (param for param in self.params if param.param_type_name == "argument")
        return ["[OPTIONS]", *(param.metavar or param.name for param in arguments)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options by group, but for --help itself, and before them the arguments that have a help."""
        groups: dict[str, list[tuple[str, str]]] = {"Arguments": [], **{group: [] for group in GROUPS}}
        params: list[Any] = self.get_params(ctx)
        for param in params:
            if param.param_type_name == "argument" and param.help and not param.hidden:
                groups["Arguments"].append((param.metavar or param.name, param.help))
            elif param.param_type_name == "option" and param.name != "help" and not param.hidden:
                groups[param.rich_help_panel or OUTPUT].append((_names(param), param.help or ""))
        for group, rows in groups.items():
            if rows:
                with formatter.section(group):
                    formatter.write_dl(rows, col_max=MOST_WIDE)


def _names(option: Any) -> str:
    """An option as it is written: `-o, --output FILE`, `--[no-]bias`."""
    if option.secondary_opts:
        return f"--[no-]{option.opts[0].removeprefix('--')}"
    names = ", ".join(sorted(option.opts, key=len))
    return names if option.is_flag else f"{names} {option.metavar or 'VALUE'}"
