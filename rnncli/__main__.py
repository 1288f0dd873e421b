"""The `rnncli` command, and `python -m rnncli`."""

import os
import sys


def main() -> None:
    """Run the command line. An interrupt before it is loaded ends it as one does later, without a traceback."""
    try:
        from rnncli.cli.main import main as run
    except KeyboardInterrupt:
        sys.stderr.write("rnncli: interrupted\n")
        sys.exit(130)
    run()


if __name__ == "__main__":
    if not sys.flags.safe_path:  # the current folder is first: a queue.py there is not to be taken for Python's own
        folder = sys.path.pop(0)
        if os.path.isdir(os.path.join(folder, "rnncli")):  # a checkout that is not installed
            sys.path.append(folder)

    main()
