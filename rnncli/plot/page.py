"""The look of every picture: the settings, the colours, the sizes of text; and a figure as bytes."""

import io
import textwrap
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase

from rnncli.core.records import CaseRecord, printable
from rnncli.core.summary import arguments

SMALL = 8
WIDTH = 9.0  # inches, of a figure
LETTERS = 115  # of a line across it
# Okabe and Ito's colours, which stay apart for every kind of colour vision
BLACK, GREY = "#000000", "#777777"
ORANGE, SKY, GREEN, BLUE, VERMILLION, PURPLE = "#e69f00", "#56b4e9", "#009e73", "#0072b2", "#d55e00", "#cc79a7"
COLOURS = (BLACK, ORANGE, SKY, GREEN, BLUE, VERMILLION, PURPLE)

SETTINGS: Any = {  # matplotlib has a type for the keys, another in each release
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.labelsize": SMALL,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": SMALL,
    "figure.dpi": 72,
    "font.size": SMALL,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.5,
    "legend.fontsize": SMALL,
    "legend.frameon": False,
    "savefig.dpi": 144,
    "svg.fonttype": "none",  # text stays text: small, searched and read aloud
    "svg.hashsalt": "rnncli",  # ids that are the same each time
    "text.parse_math": False,  # a dollar in a name is a dollar
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
}


@contextmanager
def settings() -> Iterator[None]:
    """Draw with these settings, whatever the user's own are."""
    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a letter that the font lacks
        matplotlib.rcdefaults()
        with matplotlib.rc_context(SETTINGS):
            yield


def in_bytes(figure: Figure, format: str) -> bytes:
    """Return the file of a figure, without the date."""
    page = io.BytesIO()
    dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
    figure.savefig(page, format=format, metadata=dates.get(format))
    return page.getvalue()


def by_label(panels: Iterable[Axes]) -> dict[str, Artist]:
    """Return the labels of several panels for their legend, each once, with an artist that has it."""
    found: dict[str, Artist] = {}
    for panel in panels:
        handles, labels = panel.get_legend_handles_labels()
        found |= dict(zip(labels, handles, strict=True))
    return found


def put_title(figure: FigureBase, lines: Sequence[str]) -> None:
    """Write above a figure what it shows, and what came of it. Text from elsewhere stays text."""
    folded = (textwrap.fill(printable(line), LETTERS, max_lines=3) for line in lines if line)
    figure.suptitle("\n".join(folded), x=0.01, ha="left", fontsize=9)


def described(case: CaseRecord) -> str:
    """Return the arguments of a case, its sizes and where it ran."""
    given = case.config["input"]
    batch = "" if given["layout"] == "unbatched" else f", N={given['batch_size']}"
    return f"{arguments(case)} on {case.device or 'cpu'}, L={given['seq_len']}{batch}"
