"""Tables in columns that fit the width of a page."""

from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

Row = Sequence[str | Text]


def table(heads: Sequence[str], rows: Sequence[Row] = ()) -> Table:
    """Return a table with a rule under its heads.

    Heads that end in ">" stand over numbers, which are right-aligned; those that end in "?" stand over a column that is
    left out where it has no value.
    """
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False, header_style="bold")
    empty = {at for at, head in enumerate(heads) if head[-1] == "?" and {str(row[at]) for row in rows} <= {"", "-"}}
    shown = [at for at in range(len(heads)) if at not in empty]
    for head in (heads[at].removesuffix("?") for at in shown):
        drawn.add_column(head.removesuffix(">"), justify="right" if head.endswith(">") else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(row[at] for at in shown))
    return drawn


def fit(table: Table, width: int) -> int:
    """Set the widths of the columns so that cells wrap between words and never inside a number or a name.

    Returns the width the table takes, which is more than `width` where that is too narrow for its words.
    """
    cells = [[str(cell) for cell in (column.header, *column.cells)] for column in table.columns]
    widths = [max(len(line) for cell in column for line in cell.split("\n")) for column in cells]
    narrowest = [max((len(word) for cell in column for word in cell.split()), default=0) for column in cells]
    narrowest[0] = widths[0]
    gaps = (len(widths) - 1) * (1 + table.padding[1])
    while sum(widths) + gaps > width:
        shrinkable = [index for index in range(len(widths)) if widths[index] > narrowest[index]]
        if not shrinkable:
            break
        widths[max(shrinkable, key=lambda index: widths[index])] -= 1
    for column, fitted in zip(table.columns, widths, strict=True):
        column.width = fitted
    return max(width, sum(widths) + gaps)
