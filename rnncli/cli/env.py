"""`rnncli env`."""

from typing import TYPE_CHECKING

from rnncli.cli.options import Format, Output

if TYPE_CHECKING:
    from rnncli.core.records import Detail


def env(format: Format = None, output: Output = None, *, detail: "Detail") -> None:
    """Versions, devices, threads: what a bug report needs.

    \b
    Examples:
      rnncli env
      rnncli env --format json
    """
    from rnncli.cli.output import check_destination, emit
    from rnncli.core.records import RunRecord
    from rnncli.numerics.device import environment

    format = check_destination(format, output)
    record = RunRecord(command="env", environment=environment(), verdict=None, detail=detail, cases=())
    emit(record, format, output)
