"""What the tests of runs with many cases share: a grid of 96 cases, units of work, the processes of a run."""

import os
from contextlib import suppress

from rnncli.core.case import Case
from rnncli.core.records import Origin, Verdict
from rnncli.pipeline.grid import Outcome

GRID = """
rnn: {input_size: 3, hidden_size: 5, num_layers: 2}
input: {seq_len: 4, batch_size: 2}
run: {device: cpu}
grid:
  rnn.bidirectional: [false, true]
  rnn.nonlinearity: [tanh, relu]
  input.layout: [batched, unbatched, packed]
  run.dtype: [float32, float16]
  candidate: [manual, bmm, concat, cell]
"""


def units(*sizes):
    start = 0
    for size in sizes:
        yield [(Case(), Origin(config="", index=index, cases=9)) for index in range(start, start + size)]
        start += size


def matched(unit):
    return [Outcome(origin.index, Verdict.MATCH, "") for _, origin in unit]


def processes_with(text):
    """The processes that have a text in their environment."""
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with suppress(OSError), open(f"/proc/{entry.name}/environ", "rb") as environment:
                found += [int(entry.name)] if text.encode() in environment.read() else []
    return found
