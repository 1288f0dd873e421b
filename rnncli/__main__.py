"""`python -m rnncli`."""

import os
import sys

if __name__ == "__main__":
    if not sys.flags.safe_path:  # the current folder is first: a queue.py there is not to be taken for Python's own
        folder = sys.path.pop(0)
        if os.path.isdir(os.path.join(folder, "rnncli")):  # a checkout that is not installed
            sys.path.append(folder)

    from rnncli.cli.main import main

    main()
