"""`--plot`: what is refused before any work is done, and the picture beside the report."""

from pathlib import Path
from typing import TYPE_CHECKING

from rnncli.cli.messages import tell
from rnncli.cli.output import STDOUT, check_file, write_whole
from rnncli.core.errors import ConfigError, UnavailableError
from rnncli.plot import FORMATS

if TYPE_CHECKING:
    from rnncli.core.records import RunRecord


def check_plot(plot: Path | None, output: Path | None, *inputs: Path | None) -> None:
    """Raise ConfigError for a picture that cannot be written, UnavailableError where matplotlib is not here."""
    if plot is None:
        return
    if _format(plot) not in FORMATS:
        allowed = ", ".join(f".{format}" for format in FORMATS)
        raise ConfigError(f"--plot: {plot} does not say which kind of picture; allowed: a file that ends in {allowed}")
    check_file("--plot", plot, *inputs)
    if output not in (None, STDOUT) and plot.resolve() == output.resolve():
        raise ConfigError(f"--plot: {plot} is the file of --output; allowed: another file")
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise UnavailableError(f"--plot: matplotlib is not here ({error}): pip install 'rnncli[plot]'") from None


def write_plot(record: "RunRecord", plot: Path | None) -> None:
    """Draw the record, whole or not at all; where it has nothing to draw, say so. Raises ConfigError."""
    if plot is None:
        return
    from rnncli.plot import picture

    drawn = picture(record, _format(plot))
    if drawn is None:
        what = "time was measured" if record.command == "bench" else "case has an error over time"
        tell(f"--plot: no {what}: {plot} is not written")
        return
    write_whole(plot, drawn, "--plot")
    tell(f"wrote {plot}")


def _format(plot: Path) -> str:
    return plot.suffix.removeprefix(".").lower()
