"""Makes docs/cli.md and the pictures of the pages from the tool itself: `make docs`."""

import io
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from typer.main import get_command
from typer.testing import CliRunner

from docs.screenshots import browser, missing
from rnncli.cli.main import app

DOCS = Path(__file__).parent
ROOT = DOCS.parent
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
    from rnncli.core.case import Case
    from rnncli.core.memory import needed_for_verify
    from rnncli.core.records import RunRecord
    from rnncli.pipeline.verify import VerifyOptions, run_cases, verify
    from rnncli.report.table import draw

    cases = tuple(run_cases([Case()], lambda case: verify(case, VerifyOptions()), needed_for_verify))
    record = RunRecord(command="verify", environment=None, verdict=cases[0].verdict, cases=cases)
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    draw(record, console)
    svg = console.export_svg(title=title)
    return re.sub(r"@font-face \{.*?\}\n", "", svg, flags=re.S).replace("Fira Code", "DejaVu Sans Mono")


def plot(name: str, *arguments: str) -> None:
    """What a command draws with --plot."""
    CliRunner().invoke(app, [*arguments, "--plot", str(DOCS / name)], catch_exceptions=False)


def report(folder: Path) -> Path:
    """The HTML report of a bidirectional RNN that does not put the reverse outputs back in order."""
    right = (ROOT / "tests/candidates/my_rnn.py").read_text()
    wrong = right.replace("torch.stack(hs[::-1] if s else hs)", "torch.stack(hs)")
    assert wrong != right
    (folder / "my_rnn.py").write_text(wrong)
    command = [sys.executable, "-m", "rnncli", "verify", ROOT / "configs/smoke.yaml", "--candidate", "my_rnn.py:MyRNN"]
    for condition in ("bias==true", "train==false", "layout!=unbatched"):
        command += ["--filter", condition]
    command += ["--seq-len", "12"]
    command += ["--format", "html", "--output", "report.html"]
    subprocess.run(command, cwd=folder, check=False)  # it is a mismatch
    return folder / "report.html"


def explained(folder: Path) -> Path:
    """The page of `rnncli explain` for two layers in both directions."""
    path = folder / "explained.html"
    CliRunner().invoke(app, ["explain", "--layers", "2", "--bidirectional", "--output", str(path)])
    return path


def screenshots(path: Path, explained: Path) -> None:
    """The report as it opens, a case over time in the dark, a case on a phone; and `rnncli explain` as it opens."""
    wide, narrow = {"width": 1280, "height": 860}, {"width": 390, "height": 844}
    with browser() as chromium:
        for name, viewport, scheme in (("light", wide, "light"), ("dark", wide, "dark"), ("narrow", narrow, "light")):
            page = chromium.new_page(viewport=viewport, color_scheme=scheme)
            page.goto(path.as_uri())
            if name != "light":
                page.locator("button.id").first.click()
                page.locator("tr.detail article").wait_for()
            if name == "narrow":
                page.locator("tr.detail").evaluate("row => row.previousElementSibling.scrollIntoView()")
            if name == "dark":
                page.locator(".over-time").first.evaluate("section => section.scrollIntoView()")
            page.screenshot(path=DOCS / f"report-{name}.png")
        page = chromium.new_page(viewport=wide)
        page.goto(explained.as_uri())
        page.screenshot(path=DOCS / "explain.png")


def main() -> None:
    """Write all of them; the screenshots where there is a browser."""
    (DOCS / "cli.md").write_text(cli_reference())
    (DOCS / "verify.svg").write_text(picture("$ rnncli verify"))
    plot("error.svg", "verify", "--weight-scale", "5", "--seq-len", "100", "--no-gradients", "--no-timing")
    plot("bench-plot.svg", "bench", "--over", "seq_len=2^3..2^9", "--no-gradients")
    lacking = missing()
    if lacking is None:
        with tempfile.TemporaryDirectory() as folder:
            screenshots(report(Path(folder)), explained(Path(folder)))
    pictures = f"docs/*.png are not: {lacking}" if lacking else "docs/*.png too"
    print(f"docs/cli.md and docs/*.svg are made; {pictures}", file=sys.stderr)


if __name__ == "__main__":
    main()
