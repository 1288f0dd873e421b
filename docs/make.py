"""Makes docs/cli.md and the picture of the README from the tool itself: `make docs`."""

import io
import re
import sys
from pathlib import Path

from rich.console import Console
from typer.main import get_command
from typer.testing import CliRunner

from rnncli.cli.main import app

DOCS = Path(__file__).parent
WIDTH = 80


def cli_reference() -> str:
    """The help of every command, as docs/cli.md holds it."""
    parts = ["# Command line reference\n\nMade from the commands by `make docs`; a test holds it against them.\n"]
    for command in ("", *get_command(app).commands):  # type: ignore[attr-defined]
        arguments = [command, "--help"] if command else ["--help"]
        result = CliRunner().invoke(app, arguments, prog_name="rnncli", env={"COLUMNS": str(WIDTH)})
        parts.append(f"## rnncli {command}".rstrip() + f"\n\n```text\n{result.stdout.strip()}\n```\n")
    return "\n".join(parts)


def picture(title: str) -> str:
    """What `rnncli verify` draws on a terminal, as an SVG that loads nothing from elsewhere."""
    from rnncli.case import Case
    from rnncli.memory import needed_for_verify
    from rnncli.records import RunRecord
    from rnncli.report.table import draw
    from rnncli.run import VerifyOptions, run_cases, verify

    cases = tuple(run_cases([Case()], lambda case: verify(case, VerifyOptions()), needed_for_verify))
    record = RunRecord(command="verify", environment=None, verdict=cases[0].verdict, cases=cases)
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    draw(record, console)
    svg = console.export_svg(title=title)
    return re.sub(r"@font-face \{.*?\}\n", "", svg, flags=re.S).replace("Fira Code", "DejaVu Sans Mono")


def main() -> None:
    """Write both."""
    (DOCS / "cli.md").write_text(cli_reference())
    (DOCS / "verify.svg").write_text(picture("$ rnncli verify"))
    print("docs/cli.md and docs/verify.svg are made", file=sys.stderr)


if __name__ == "__main__":
    main()
