"""`rnncli power`."""

from typing import TYPE_CHECKING

from rnncli.cli.options import Config, Format, Output, PrintConfig, switch
from rnncli.cli.startup import quick_imports

if TYPE_CHECKING:
    from rnncli.config.cases import Flag
    from rnncli.core.records import Detail


def power(
    config: Config = None,
    strict: bool = switch("--strict", "A fault that is not visible ends with exit code 1"),
    format: Format = None,
    output: Output = None,
    print_config: PrintConfig = False,
    *,
    detail: "Detail",
    flags: "dict[str, Flag]",
) -> None:
    """Which mistakes a case would catch, and how to catch the rest.

    Plants every fault of the catalogue that can happen in the case, and judges each as `verify` judges a candidate.
    A fault that is not visible would pass unseen: beside it stands the smallest change to the case that reveals it. One
    that is equivalent computes the same function here. CONFIG is a YAML file; without one, the defaults and the flags.

    \b
    Examples:
      rnncli power
      rnncli power --layers 2 --bidirectional --batch-first
      rnncli power --seq-len 1 --h-0 zeros --no-gradients
      rnncli power configs/smoke.yaml --strict --format json
    """
    from rnncli.cli.candidates import load, require_expected
    from rnncli.cli.output import check_destination, finish, write_text
    from rnncli.core.records import RunRecord

    format = check_destination(format, output, config)
    loaded = load(config, flags, with_values=True)
    if print_config:
        write_text(loaded.to_yaml(), output)
        return
    require_expected(loaded)
    with quick_imports():
        from rnncli.cli.progress import with_progress
        from rnncli.core.memory import needed_for_verify
        from rnncli.numerics.device import environment
        from rnncli.pipeline.verify import plant_faults, run_cases

    records = run_cases(loaded, plant_faults, needed_for_verify)
    cases = tuple(with_progress(records, len(loaded)))
    finish(RunRecord.of("power", environment(), cases, strict=strict), format, output, detail=detail)
