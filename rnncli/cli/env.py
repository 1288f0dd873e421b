"""`rnncli env`."""

from rnncli.cli.options import Format, Output


def env(format: Format = "table", output: Output = None) -> None:
    """Versions, devices, threads: what a bug report needs.

    \b
    Examples:
      rnncli env
      rnncli env --format json
    """
    from rnncli.cli.output import check_destination, emit
    from rnncli.device import environment
    from rnncli.records import RunRecord

    check_destination(format, output)
    emit(RunRecord(command="env", environment=environment(), verdict=None, cases=()), format, output)
