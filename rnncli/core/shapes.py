"""Every tensor's axes and sizes, and every parameter, by rule: what torch's documentation says, and not by asking it.

The rules (documentation of `torch.nn.RNN`, `GRU` and `LSTM`: Inputs, Outputs, Variables): states are (D*num_layers, N,
features) even with `batch_first`; layers above the first read D*H_out features; a 2-D input is one sequence (L, H_in).
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

from rnncli.core.case import Case, Changes, as_flags, changed_by
from rnncli.core.cells import CELLS
from rnncli.core.records import CaseRecord, Parameter, Recipe, TensorShape, Verdict


def predict_tensors(case: Case) -> tuple[TensorShape, ...]:
    """What goes in and comes out: input, h_0, output, h_n and what other states the cell has.

    A packed tensor is described by its `.data`.
    """
    rnn, given, cell = case.rnn, case.input, case.cell
    sizes = {"L": given.seq_len, "N": given.batch_size, "D*num_layers": rnn.directions * rnn.num_layers}
    sizes |= {"H_in": rnn.input_size, "H_out": rnn.h_out, "D*H_out": rnn.directions * rnn.h_out}
    sizes["H_cell"] = rnn.hidden_size
    batch: tuple[str, ...] = ("N",)
    if given.layout == "packed":
        sizes["sum(lengths)"] = sum(given.sequence_lengths)
        steps: tuple[str, ...] = ("sum(lengths)",)
    elif given.layout == "unbatched":
        steps, batch = ("L",), ()
    else:
        steps = ("N", "L") if rnn.batch_first else ("L", "N")
    axes = {name: ("D*num_layers", *batch, cell.features_of(name)) for name in (*cell.initial, *cell.final)}
    axes |= {"input": (*steps, "H_in"), "output": (*steps, "D*H_out")}
    return tuple(
        TensorShape(
            name=name,
            axes=axes[name],
            predicted=tuple(sizes[axis] for axis in axes[name]),
            expected=case.expect.get(name),
        )
        for name in cell.tensors
    )


def tensor_sizes(case: Case) -> dict[str, tuple[int, ...]]:
    """The size of each tensor that goes in or comes out."""
    return {tensor.name: tensor.predicted for tensor in predict_tensors(case)}


def predict_parameters(case: Case) -> tuple[Parameter, ...]:
    """Every parameter under torch's name, in torch's order: by layer, then direction."""
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


def recipes(case: Case) -> tuple[Recipe, ...]:
    """The lines of code a person looks up every time: `output` by direction, states by layer, weights by gate, the
    classifier head.
    """
    states = (recipe for name in case.cell.final for recipe in _split_state(case, name))
    return (*_split_output(case), *states, *_split_weights(case), *_classifier_head(case))


def _split_output(case: Case) -> Iterator[Recipe]:
    rnn, given = case.rnn, case.input
    name, length, steps = "output", given.seq_len, "L"
    if given.layout == "packed":
        name, length, steps = "padded", max(given.sequence_lengths), "max(lengths)"
        batch_first = ", batch_first=True" if rnn.batch_first else ""
        code = f"padded, lengths = pad_packed_sequence(output{batch_first})"
        yield Recipe(code=code, note="output is a PackedSequence: torch.nn.utils.rnn gives it its axes back")
    axes = {steps: length} if given.layout == "unbatched" else {steps: length, "N": given.batch_size}
    axes = dict(reversed(axes.items())) if rnn.batch_first else axes
    if not rnn.bidirectional:  # there is nothing to split
        return
    part = (*axes.values(), rnn.h_out)
    whole = (*part[:-1], rnn.directions, rnn.h_out)
    view = f"{name}.view({', '.join(map(str, whole))})"
    yield Recipe(code=view, shape=whole, note=f"{', '.join(axes)}, D, H_out")
    every = ", ".join(":" for _ in axes)
    for d, direction in enumerate(("forward", "reverse")):
        yield Recipe(code=f"{view}[{every}, {d}]", shape=part, note=f"the {direction} direction")


def _split_state(case: Case, name: str) -> Iterator[Recipe]:
    rnn, one = case.rnn, tensor_sizes(case)[name][1:]
    last = "its own last step" if case.input.layout == "packed" else "the last step"
    if not rnn.bidirectional:
        if rnn.num_layers > 1:
            yield Recipe(code=f"{name}[k]", shape=one, note=f"layer k: {last}")
        return
    whole = (rnn.num_layers, rnn.directions, *one)
    view = f"{name}.view({', '.join(map(str, whole))})"
    axes = ("num_layers", "D", *("N" for _ in one[1:]), case.cell.features_of(name))
    yield Recipe(code=view, shape=whole, note=", ".join(axes))
    yield Recipe(code=f"{view}[k, 0]", shape=one, note=f"layer k, forward: {last}")
    yield Recipe(code=f"{view}[k, 1]", shape=one, note="layer k, reverse: t = 0")


def _split_weights(case: Case) -> Iterator[Recipe]:
    gates, sizes = case.cell.gates, (case.rnn.hidden_size, case.rnn.input_size)
    if len(gates) > 1:
        code = f"{', '.join(gates)} = rnn.weight_ih_l0.chunk({len(gates)})"
        yield Recipe(code=code, shape=sizes, note="the rows of each gate")


def _classifier_head(case: Case) -> Iterator[Recipe]:
    rnn, packed = case.rnn, case.input.layout == "packed"
    features = (*tensor_sizes(case)["h_n"][1:-1], rnn.directions * rnn.h_out)
    right = "torch.cat([h_n[-2], h_n[-1]], dim=-1)" if rnn.bidirectional else "h_n[-1]"
    yield Recipe(code=right, shape=features, note="right for a head")
    name = "padded" if packed else "output"
    last = f"{name}[:, -1]" if rnn.batch_first and case.input.layout != "unbatched" else f"{name}[-1]"
    why = {
        (True, False): "its reverse half has read one step",
        (True, True): "padding, and a reverse half of one step",
        (False, True): "padding, except for the longest sequences",
    }.get((rnn.bidirectional, packed))
    if why:
        yield Recipe(code=last, shape=features, note=f"wrong for a head: {why}")
    yield Recipe(code=f"head = nn.Linear({features[-1]}, num_classes)", note="the classifier head")


def arguments_giving(case: Case, name: str, expected: tuple[int, ...]) -> str | None:
    """Return the flags of one changed argument with which a tensor or parameter has the expected shape, or None."""
    rnn = case.rnn
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
        if changed is None:
            continue
        shapes = tensor_sizes(changed) | {parameter.name: parameter.shape for parameter in predict_parameters(changed)}
        if shapes.get(name) == expected:
            return as_flags({leaf: value for leaf, value in change.items() if value is not None})
    return None


def warnings_for(case: Case) -> tuple[str, ...]:
    """What the case asks for and torch's layer will not do."""
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
    """The predictions beside the sizes observed in torch's layer and in the candidate, by name, and beside `expect`.

    The verdict is None where there was nothing to hold the predictions against.
    """
    reference, candidate, observed = reference or {}, candidate or {}, parameters or {}
    tensors = tuple(
        replace(of, reference=reference.get(of.name), candidate=candidate.get(of.name),
                given_by=_given_by(case, of.name, of.predicted))
        for of in predict_tensors(case)
    )  # fmt: skip
    predicted = tuple(
        replace(of, reference=observed.get(of.name), given_by=_given_by(case, of.name, of.shape))
        for of in predict_parameters(case)
    )
    agree = all(of.agrees for of in (*tensors, *predicted))
    warnings = warnings_for(case)
    if parameters is not None and parameters.keys() != {parameter.name for parameter in predicted}:
        agree = False
        warnings += (f"{case.cell.layer}'s parameters are not the predicted ones: {', '.join(parameters)}",)
    return CaseRecord(
        id=case.id,
        config=case.config,
        verdict=None if parameters is None and not case.expect else Verdict.MATCH if agree else Verdict.MISMATCH,
        warnings=warnings,
        shapes=tensors,
        parameters=predicted,
        recipes=recipes(case),
    )


def _given_by(case: Case, name: str, predicted: tuple[int, ...]) -> str | None:
    expected = case.expect.get(name)
    if expected in (None, predicted):
        return None
    return arguments_giving(case.model_copy(update={"expect": {}}), name, expected)
