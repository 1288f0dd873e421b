"""Records into pictures, by matplotlib: one file per command, imported when it is asked for. Drawing never judges."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rnncli.core.records import RunRecord

FORMATS = ("svg", "png", "pdf")


def picture(record: "RunRecord", format: str) -> bytes | None:
    """Return the file of a picture of the record; None where it has nothing to draw.

    The same record gives the same bytes.
    """
    from rnncli.plot import bench, over_time
    from rnncli.plot.page import in_bytes, settings

    with settings():
        figure = (bench if record.command == "bench" else over_time).figure(record)
        return in_bytes(figure, format) if figure else None
