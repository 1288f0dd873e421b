"""`rnncli adapt`."""

from pathlib import Path
from typing import Annotated

import typer

from rnncli.cli.options import option
from rnncli.cli.startup import quick_imports


def adapt(
    target: Annotated[
        str, typer.Argument(metavar="FILE.py[:NAME]", help="PATH.py:NAME or MODULE:NAME", show_default=False)
    ],
    cell: str = option("--cell", "RNN, GRU or LSTM", default="RNN"),
    output: Path | None = option("--output, -o FILE", "Write to a file"),
) -> None:
    """Write a starter adapter for an RNN that cannot be read.

    At most 15 lines that call it as f(input, h_0, params, case) -> (output, h_n), with what its names and shapes say
    filled in. Looking at FILE.py:NAME runs its code, in a process of its own.

    \b
    Examples:
      rnncli adapt my_rnn.py:MyRNN -o adapter.py
      rnncli verify adapter.py:forward
    """
    from rnncli.cli.candidates import completed, load
    from rnncli.cli.output import STDOUT, check_destination, write_text
    from rnncli.config.cases import Flag
    from rnncli.core.errors import ConfigError
    from rnncli.execution.server import start_server

    check_destination("table", output)
    target = completed(target, "adapt")
    (case,) = load(None, {"candidate": Flag("--candidate", target), "rnn.cell": Flag("--cell", cell)})
    if case.target is None:
        raise ConfigError(f"{target}: is built in and needs no adapter; allowed: PATH.py:NAME or MODULE:NAME")
    source = Path(target.rpartition(":")[0])
    if output is not None and output.exists() and source.exists() and output.samefile(source):
        raise ConfigError(f"--output: {output} is the candidate itself; allowed: another file")
    start_server()
    with quick_imports():
        import torch

        from rnncli.pipeline.candidate_process import SubprocessCandidate
        from rnncli.pipeline.verify import TIMEOUT_S
    folder = Path.cwd() if output in (None, STDOUT) else output.parent
    with SubprocessCandidate(case, TIMEOUT_S, torch.device("cpu")) as candidate:
        write_text(candidate.adapter(case, folder), output)
