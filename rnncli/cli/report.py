"""`rnncli report`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnncli.cli.options import Output, Strict, VerdictFormat

if TYPE_CHECKING:
    from rnncli.core.records import Detail


def report(
    results: Annotated[list[Path], typer.Argument(metavar="RESULTS...", show_default=False)],
    strict: Strict = False,
    format: VerdictFormat = None,
    output: Output = None,
    *,
    detail: "Detail",
) -> None:
    """Put saved results together and render them.

    RESULTS are files that `verify` wrote with --format jsonl or --format json: the shards of one run, or a run that was
    interrupted. A shard that is missing, given twice, or from another version or config is an error, and a failing case
    ends with the exit code it has in `verify`.

    \b
    Examples:
      rnncli report results.jsonl
      rnncli report shard-*.jsonl --format junit --output results.xml
      rnncli report shard-*.jsonl --format markdown >> "$GITHUB_STEP_SUMMARY"
    """
    from rnncli.cli.output import check_destination, finish
    from rnncli.config.cases import found
    from rnncli.pipeline.merge import merged
    from rnncli.report import FORMATS

    paths = found(results)
    format = check_destination(format, output, *paths, formats=FORMATS)
    with merged(paths, strict) as record:
        finish(record, format, output, detail=detail)
