"""The eight arguments of nn.RNN: what each does, its value, and the sizes of the case that depend on it."""

from typing import Any

from rnncli.core.case import Case, altered
from rnncli.core.words import joined, size
from rnncli.explain.blocks import Section, Table
from rnncli.explain.sizes import parameter_shapes, tensor_shapes

MEANINGS = {
    "input_size": "H_in, the features of x_t",
    "hidden_size": "H_out, the features of h",
    "num_layers": "layers, each reading the output of the one below",
    "nonlinearity": "the function around the sum: `tanh` keeps h between -1 and 1, `relu` sets negative sums to zero",
    "bias": "whether `bias_ih` and `bias_hh` are added",
    "batch_first": "whether N comes before L in `input` and `output`; `h_0` and `h_n` keep their axes",
    "dropout": "the share of features set to zero between layers, in training",
    "bidirectional": "whether a second direction reads the input from its end",
}
MOST_NAMED = 2  # parameters; of more, their number


def the_arguments(case: Case) -> Section:
    """Return the section with a row for each argument."""
    values = case.rnn.model_dump()
    rows = tuple(
        (f"`{name}`", f"{values[name]}", f"{meaning}. {_here(case, name, values[name])}")
        for name, meaning in MEANINGS.items()
    )
    return Section("The eight arguments", (Table(("argument", "value", "what it does, and what it sets here"), rows),))


def _here(case: Case, name: str, value: Any) -> str:
    if name == "nonlinearity":
        return "Changes no size."
    if name == "dropout":
        idle = " With one layer it does nothing." if case.rnn.num_layers == 1 else ""
        return f"Changes no size.{idle}"
    if name == "batch_first" and case.input.layout == "unbatched":
        return "Does nothing for an unbatched input."
    if name == "batch_first" and case.input.layout == "packed":
        return "Changes no size: a packed input has one axis for N and L. `pad_packed_sequence` takes it too."
    if isinstance(value, bool):
        sizes = _sizes_that_depend(case, name, not value, after=True)
        return f"{not value} would give {joined(sizes)}." if sizes else f"{not value} would give the same sizes here."
    return f"Sets {joined(_sizes_that_depend(case, name, value + 1, after=False))}."


def _sizes_that_depend(case: Case, name: str, other: Any, after: bool) -> list[str]:
    """Return the sizes that differ where the argument has another value: with that value, or (not `after`) as here."""
    changed = altered(case, rnn={name: other})
    before_and_after = [
        (tensor_shapes(case), tensor_shapes(changed)),
        (parameter_shapes(case), parameter_shapes(changed)),
    ]
    (tensors, new_tensors), (parameters, new_parameters) = before_and_after
    shown = new_tensors if after else tensors
    parts = [f"{tensor} {size(shown[tensor])}" for tensor in tensors if tensors[tensor] != new_tensors[tensor]]
    if parameters.keys() != new_parameters.keys():
        number = len(new_parameters if after else parameters)
        return [*parts, f"{number:,} parameters{f' instead of {len(parameters):,}' if after else ''}"]
    names = [parameter for parameter in parameters if parameters[parameter] != new_parameters[parameter]]
    if len(names) == len(parameters):
        return [*parts, "every parameter"]
    if len(names) > MOST_NAMED:
        return [*parts, f"{len(names):,} parameters"]
    return [
        *parts,
        *(f"{parameter} {size((new_parameters if after else parameters)[parameter])}" for parameter in names),
    ]
