"""Every tensor's axes and sizes, and every parameter, by the rules of torch's documentation and without torch.

The rules (documentation of `torch.nn.RNN`, `GRU` and `LSTM`: Inputs, Outputs, Variables): states are (D*num_layers, N,
features) even with `batch_first`; layers above the first read D*H_out features; a 2-D input is one sequence (L, H_in).
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

from rnncli.core.case import Case, Changes, as_flags, changed_by
from rnncli.core.cells import CELLS
from rnncli.core.records import CaseRecord, Parameter, Recipe, TensorShape, Verdict
from rnncli.core.words import counted


def predict_tensors(case: Case) -> tuple[TensorShape, ...]:
    """Return input, initial states, output and final states; of a packed tensor, its `.data`."""
    rnn, given, cell = case.rnn, case.input, case.cell
    sizes = {"L": given.seq_len, "N": given.batch_size, "D*num_layers": rnn.directions * rnn.num_layers}
    sizes |= {"H_in": rnn.input_size, "H_cell": rnn.hidden_size, "H_out": rnn.h_out}
    sizes |= {"D*H_out": rnn.directions * rnn.h_out}
    if given.layout == "packed":
        sizes["sum(lengths)"] = sum(given.sequence_lengths)
    batched = ("N", "L") if rnn.batch_first else ("L", "N")
    steps = {"packed": ("sum(lengths)",), "unbatched": ("L",), "batched": batched}[given.layout]
    batch = () if given.layout == "unbatched" else ("N",)
    axes = {name: ("D*num_layers", *batch, cell.features_of(name)) for name in (*cell.initial, *cell.final)}
    axes |= {"input": (*steps, "H_in"), "output": (*steps, "D*H_out")}
    predicted = {name: tuple(sizes[axis] for axis in axes[name]) for name in cell.tensors}
    return tuple(
        TensorShape(name=name, axes=axes[name], predicted=size, expected=case.expect.get(name))
        for name, size in predicted.items()
    )


def tensor_sizes(case: Case) -> dict[str, tuple[int, ...]]:
    """Return the size of each tensor that goes in or comes out."""
    return {tensor.name: tensor.predicted for tensor in predict_tensors(case)}


def predict_parameters(case: Case) -> tuple[Parameter, ...]:
    """Return every parameter under torch's name, in torch's order: by layer, then direction."""
    rnn, cell, parameters = case.rnn, case.cell, []
    for layer in range(rnn.num_layers):
        features = rnn.input_size if layer == 0 else rnn.directions * rnn.h_out
        weights = cell.weights(features, rnn.h_out, rnn.hidden_size, rnn.bias)
        for suffix in ("", "_reverse")[: rnn.directions]:
            for kind, shape in weights.items():
                name = f"{kind}_l{layer}{suffix}"
                gates = None if cell.has_nonlinearity or kind == "weight_hr" else cell.gates
                count, expected = math.prod(shape), case.expect.get(name)
                parameters.append(Parameter(name=name, shape=shape, count=count, gates=gates, expected=expected))
    return tuple(parameters)


def parameter_sizes(case: Case) -> dict[str, tuple[int, ...]]:
    """Return the size of each parameter."""
    return {parameter.name: parameter.shape for parameter in predict_parameters(case)}


def _given_by(case: Case, name: str, predicted: tuple[int, ...]) -> str | None:
    """Return the flags of one changed argument with which a tensor or parameter has the expected shape, or None."""
    expected, rnn = case.expect.get(name), case.rnn
    if expected in (None, predicted):
        return None
    case = case.model_copy(update={"expect": {}})
    sizes = sorted({size // parts for size in expected for parts in (1, 2, len(case.cell.gates))} - {0})
    changes: list[Changes] = [
        {"rnn.bidirectional": not rnn.bidirectional},
        {"rnn.batch_first": not rnn.batch_first},
        *({f"rnn.{leaf}": size} for leaf in ("num_layers", "hidden_size", "input_size", "proj_size") for size in sizes),
        *({f"input.{leaf}": size, "input.lengths": None} for leaf in ("seq_len", "batch_size") for size in sizes),
        *({"input.layout": layout, "input.lengths": None} for layout in ("unbatched", "batched")),
        *({"rnn.cell": cell, "rnn.nonlinearity": None} for cell in CELLS),
    ]
    for change in changes:
        changed = changed_by(case, change)
        if changed and (tensor_sizes(changed) | parameter_sizes(changed)).get(name) == expected:
            return as_flags({leaf: value for leaf, value in change.items() if value is not None})
    return None


def warnings_for(case: Case) -> tuple[str, ...]:
    """Return a warning for each thing that the case asks for and torch's layer will not do."""
    rnn = case.rnn
    warnings = []
    if rnn.dropout and rnn.num_layers == 1:
        warnings.append(f"dropout {rnn.dropout:g} does nothing with num_layers 1: it acts between layers")
    elif rnn.dropout and not case.run.train:
        warnings.append(f"dropout {rnn.dropout:g} does nothing in eval mode: --train makes it active")
    if rnn.batch_first and case.input.layout == "unbatched":
        warnings.append("batch_first does nothing for an unbatched input")
    return tuple(warnings)


def confront(
    case: Case,
    reference: Mapping[str, tuple[int, ...]] | None = None,
    candidate: Mapping[str, tuple[int, ...]] | None = None,
    parameters: Mapping[str, tuple[int, ...]] | None = None,
) -> CaseRecord:
    """Return the predictions beside the sizes observed in torch's layer and in the candidate, and beside `expect`.

    The verdict is None where there was nothing to hold the predictions against.
    """
    reference, candidate, observed = reference or {}, candidate or {}, parameters or {}
    tensors, predicted = list[TensorShape](), list[Parameter]()
    for tensor in predict_tensors(case):
        seen, own = reference.get(tensor.name), candidate.get(tensor.name)
        given_by = _given_by(case, tensor.name, tensor.predicted)
        tensors.append(replace(tensor, reference=seen, candidate=own, given_by=given_by))
    for parameter in predict_parameters(case):
        given_by = _given_by(case, parameter.name, parameter.shape)
        predicted.append(replace(parameter, reference=observed.get(parameter.name), given_by=given_by))
    agree = all(tensor.agrees for tensor in tensors) and all(parameter.agrees for parameter in predicted)
    warnings = warnings_for(case)
    if parameters is not None and parameters.keys() != {parameter.name for parameter in predicted}:
        agree = False
        warnings += (f"{case.cell.layer}'s parameters are not the predicted ones: {', '.join(parameters)}",)
    return CaseRecord(
        id=case.id,
        config=case.config,
        verdict=None if parameters is None and not case.expect else Verdict.MATCH if agree else Verdict.MISMATCH,
        warnings=warnings,
        shapes=tuple(tensors),
        parameters=tuple(predicted),
        recipes=recipes(case),
    )


def recipes(case: Case) -> tuple[Recipe, ...]:
    """Return what a person looks up every time: `output` by direction, states by layer, what feeds a head.

    Those with a shape are expressions of the results, of k (a layer) and of d (a direction); of a packed output they
    take `padded`, which the first line gives. The last line makes a head.
    """
    gates, packed = case.cell.gates, case.input.layout == "packed"
    found = _both_directions(case) if case.rnn.bidirectional else _one_direction(case)
    lines = [*found, *_by_layer(case, "h_n"), *(line for name in case.cell.final[1:] for line in _beside_h(case, name))]
    if packed:
        code = f"padded, lengths = pad_packed_sequence(output{', batch_first=True' * case.rnn.batch_first})"
        lines.insert(0, _recipe(code, None, "output is a PackedSequence; this gives it its axes back"))
    if len(gates) > 1:
        note = f"the rows of each gate, {case.rnn.hidden_size} of every weight and bias"
        lines.append(_recipe(f"{', '.join(gates)} = rnn.weight_ih_l0.chunk({len(gates)})", None, note))
    head = f"head = nn.Linear({tensor_sizes(case)['output'][-1]}, num_classes)"
    lines.append(_recipe(head, None, f"the classifier head: feed it {for_a_head(case)}"))
    return tuple(lines)


def _recipe(code: str, shape: tuple[int, ...] | None, note: str, equals: str | None = None) -> Recipe:
    return Recipe(code=code, shape=shape, note=note, equals=equals)


def for_a_head(case: Case) -> str:
    """Return the expression that has read the whole of every sequence."""
    return "torch.cat([h_n[-2], h_n[-1]], -1)" if case.rnn.bidirectional else "h_n[-1]"


def every_step(case: Case) -> tuple[str, tuple[int, ...]]:
    """Return what holds every step of the output, with its axes, and its size."""
    output = tensor_sizes(case)["output"]
    if case.input.layout != "packed":
        return "output", output
    axes = (max(case.input.sequence_lengths), case.input.batch_size)
    return "padded", (*(axes[::-1] if case.rnn.batch_first else axes), output[-1])


def _one_direction(case: Case) -> Iterator[Recipe]:
    one, steps, last = tensor_sizes(case)["h_n"][1:], _steps(case), _at(case, -1)
    if case.input.layout == "packed":
        yield _recipe(last, one, f"padding, except for sequences of {steps}: not for a head")
        yield _recipe("h_n[-1]", one, "the top layer's h at each sequence's own last step")
    else:
        yield _recipe(last, one, f"the top layer's h at the last step: it has read {steps}")
        yield _recipe("h_n[-1]", one, "the top layer's last h", last)


def _both_directions(case: Case) -> Iterator[Recipe]:
    one, h_out = tensor_sizes(case)["h_n"][1:], case.rnn.h_out
    packed, steps = case.input.layout == "packed", _steps(case)
    last, first, (name, size) = _at(case, -1), _at(case, 0), every_step(case)
    both, every = (*one[:-1], 2 * h_out), (*size[:-1], h_out)
    of_last = f"forward half has read all {steps}, reverse half only 1"
    of_first = f"reverse half has read all {steps}, forward half only 1"
    if packed:
        of_last = "padding for shorter sequences; of the longest, the reverse half has read 1 step"
        of_first = "reverse half has read every step of each sequence, forward half only 1"
    if steps == "1 step":
        of_last = of_first = "both halves have read the one step"
    at_end = "at each sequence's own last step" if packed else "at its last step"
    yield _recipe(last, both, of_last)
    yield _recipe(first, both, of_first)
    yield _recipe("h_n[-2]", one, f"top layer, forward, {at_end}", None if packed else f"{last}[..., :{h_out}]")
    yield _recipe("h_n[-1]", one, "top layer, reverse, at t=0, where it ends", f"{first}[..., {h_out}:]")
    yield _recipe(for_a_head(case), both, "both have read every step: feed a head this")
    yield _recipe(f"{name}[..., :{h_out}]", every, "the forward direction at every step")
    yield _recipe(f"{name}[..., {h_out}:]", every, "the reverse direction at every step")


def _by_layer(case: Case, name: str) -> Iterator[Recipe]:
    rnn, one = case.rnn, tensor_sizes(case)[name][1:]
    if rnn.num_layers > 1 and rnn.bidirectional:
        view = f"{name}.view({', '.join(map(str, (rnn.num_layers, 2, *one)))})[k, d]"
        yield _recipe(view, one, "layer k, direction d (0 forward, 1 reverse)", f"{name}[2 * k + d]")
    elif rnn.num_layers > 1:
        alone = "; `output` has the top layer alone" if name == "h_n" else ""
        yield _recipe(f"{name}[k]", one, f"layer k's last {name[0]}, k = 0 to {rnn.num_layers - 1}{alone}")


def _beside_h(case: Case, name: str) -> Iterator[Recipe]:
    both, one = case.rnn.bidirectional, tensor_sizes(case)[name][1:]
    ends = "h_n[-2] and h_n[-1]" if both else "h_n[-1]"
    note = f"the top layer's {name[0]} beside {ends}: in no `output`, for a further call and not for a head"
    yield _recipe(f"{name}[-2:]", (2, *one), note) if both else _recipe(f"{name}[-1]", one, note)
    yield from _by_layer(case, name)


def _at(case: Case, t: int) -> str:
    time_second = case.rnn.batch_first and case.input.layout != "unbatched"
    return f"{every_step(case)[0]}[{':, ' * time_second}{t}]"


def _steps(case: Case) -> str:
    length = max(case.input.sequence_lengths) if case.input.layout == "packed" else case.input.seq_len
    return counted(length, "step")
