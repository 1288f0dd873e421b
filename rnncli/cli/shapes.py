"""`rnncli shapes`."""

from typing import TYPE_CHECKING

from rnncli.cli.options import Config, Format, Output, PrintConfig, switch
from rnncli.cli.startup import quick_imports

if TYPE_CHECKING:
    from rnncli.config.cases import Flag
    from rnncli.core.records import Detail


def shapes(
    config: Config = None,
    static: bool = switch("--static", "By rule alone, without importing torch"),
    format: Format = None,
    output: Output = None,
    print_config: PrintConfig = False,
    *,
    detail: "Detail",
    flags: "dict[str, Flag]",
) -> None:
    """Shapes, axes and parameter names, predicted and observed.

    What goes in, what comes out, what the parameters are called, and which axis is which, of nn.RNN, nn.GRU or nn.LSTM.
    The sizes predicted by rule stand beside those that torch's layer and the hand-written one really give. Exit code 1
    where they do not agree, or where an `expect:` of the config is not met. CONFIG is a YAML file; without one, the
    defaults and the flags.

    \b
    Examples:
      rnncli shapes --bidirectional --layers 4
      rnncli shapes --cell LSTM --layers 2 --proj-size 3
      rnncli shapes --layout packed --lengths 5,3,2
      rnncli shapes --static --hidden-size 512 --batch-first
      rnncli shapes --device meta --hidden-size 100000
      rnncli shapes configs/bidirectional.yaml --format json
    """
    from rnncli.cli.candidates import load
    from rnncli.cli.output import check_destination, finish, write_text
    from rnncli.core.records import RunRecord

    format = check_destination(format, output, config)
    loaded = load(config, flags)
    if print_config:
        write_text(loaded.to_yaml(), output)
        return
    if static:
        from rnncli.core.environment import static_environment
        from rnncli.core.shapes import confront

        environment = static_environment()
        cases = tuple(confront(case) for case in loaded)
    else:
        with quick_imports():
            from rnncli.cli.progress import with_progress
            from rnncli.core.memory import needed_for_shapes
            from rnncli.numerics.device import environment as describe_environment
            from rnncli.pipeline.shapes import look
            from rnncli.pipeline.verify import run_cases

        cases = tuple(with_progress(run_cases(loaded, look, needed_for_shapes), len(loaded)))
        environment = describe_environment()
    finish(RunRecord.of("shapes", environment, cases), format, output, detail=detail)
