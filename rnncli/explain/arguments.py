"""The arguments of torch's layer: what each does, its value, and the sizes of the case that depend on it."""

from typing import Any

from rnncli.core.case import Case, altered
from rnncli.core.shapes import parameter_sizes, tensor_sizes
from rnncli.core.words import joined, size
from rnncli.explain.blocks import Section, Table

MEANINGS = {
    "input_size": "H_in, the features of x_t",
    "hidden_size": "H_out, the features of h",
    "num_layers": "layers, each reading the output of the one below",
    "nonlinearity": "the function around the sum: `tanh` keeps h between -1 and 1, `relu` sets negative sums to zero",
    "bias": "whether `bias_ih` and `bias_hh` are added",
    "batch_first": "whether N comes before L in `input` and `output`; {states} keep their axes",
    "dropout": "the share of features set to zero between layers, in training",
    "bidirectional": "whether a second direction reads the input from its end",
    "proj_size": "H_out, the features of h after a projection; 0 is none, and H_out is then H_cell",
}
COUNTS = {7: "seven", 8: "eight"}
MOST_NAMED = 2  # parameters; of more, their number


def the_arguments(case: Case) -> Section:
    """Return the section with a row for each argument."""
    of_two = {"hidden_size": "H_cell, the features of c and of each gate"} if len(case.cell.states) > 1 else {}
    states = joined([f"`{name}`" for name in (*case.cell.initial, *case.cell.final)])
    rows = tuple(
        (f"`{name}`", f"{value}", f"{(MEANINGS | of_two)[name].format(states=states)}. {_here(case, name, value)}")
        for name, value in case.rnn.arguments.items()
    )
    table = Table(("argument", "value", "what it does, and what it sets here"), rows)
    return Section(f"The {COUNTS[len(rows)]} arguments", (table,))


def _here(case: Case, name: str, value: Any) -> str:
    if name in ("nonlinearity", "dropout"):
        idle = name == "dropout" and case.rnn.num_layers == 1
        return f"Changes no size.{' With one layer it does nothing.' if idle else ''}"
    if name == "batch_first" and case.input.layout == "unbatched":
        return "Does nothing for an unbatched input."
    if name == "batch_first" and case.input.layout == "packed":
        return "Changes no size: a packed input has one axis for N and L. `pad_packed_sequence` takes it too."
    if isinstance(value, bool):
        sizes = _sizes_that_depend(case, name, not value, after=True)
        return f"{not value} would give {joined(sizes or ['the same sizes here'])}."
    if name == "proj_size" and value == 0:
        return "h has as many features as c."
    other = value - 1 if name == "proj_size" and value > 1 else value + 1
    return f"Sets {joined(_sizes_that_depend(case, name, other, after=False))}."


def _sizes_that_depend(case: Case, name: str, other: Any, after: bool) -> list[str]:
    """Return the sizes that differ where the argument has another value: with that value, or (not `after`) as here."""
    changed = altered(case, rnn={name: other})
    found: list[list[str]] = []
    for sizes_of in (tensor_sizes, parameter_sizes):
        here, there = sizes_of(case), sizes_of(changed)
        shown = there if after else here
        if here.keys() != there.keys():
            return [*found[0], f"{len(shown):,} parameters{f' instead of {len(here):,}' if after else ''}"]
        found.append([f"{name} {size(shown[name])}" for name in here if here[name] != there[name]])
    tensors, parameters = found
    if len(parameters) == len(here):
        return [*tensors, "every parameter"]
    return [*tensors, *(parameters if len(parameters) <= MOST_NAMED else [f"{len(parameters):,} parameters"])]
