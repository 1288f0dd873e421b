"""Objects that processes of the tests hold."""

import os
import subprocess
import sys
import time

SLEEPS = "import time; time.sleep(600)"
STARTS = f"""
import subprocess, sys
command = [sys.executable, "-c", {SLEEPS!r}]
print(subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True).pid)
"""


class Starts:
    """Starts processes in sessions of their own, one of them by a process that ends."""

    def both(self):
        mine = subprocess.Popen([sys.executable, "-c", SLEEPS], start_new_session=True).pid
        theirs = int(subprocess.check_output([sys.executable, "-c", STARTS]))
        return [mine, theirs]

    def fork_and_exit(self):
        if os.fork():
            os._exit(3)
        time.sleep(600)  # it holds the pipes of the process
