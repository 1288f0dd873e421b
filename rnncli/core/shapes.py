"""Every tensor's axes and sizes, and every parameter, by rule: what nn.RNN's documentation says, and not by asking it.

The rules (documentation of `torch.nn.RNN`: Inputs, Outputs, Variables): h_0 and h_n are (D*num_layers, N, H_out) even
with `batch_first`; layers above the first read D*H_out features; a 2-D input is one sequence (L, H_in).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rnncli.core.case import Case, as_flags, changed_by
from rnncli.core.records import CaseRecord, Parameter, Recipe, TensorShape, Verdict

TENSORS = ("input", "h_0", "output", "h_n")


def predict_tensors(case: Case) -> tuple[TensorShape, ...]:
    """input, h_0, output and h_n. A packed tensor is described by its `.data`."""
    rnn, given = case.rnn, case.input
    sizes = {
        "L": given.seq_len,
        "N": given.batch_size,
        "H_in": rnn.input_size,
        "H_out": rnn.hidden_size,
        "D*H_out": rnn.directions * rnn.hidden_size,
        "D*num_layers": rnn.directions * rnn.num_layers,
    }
    state_axes: tuple[str, ...] = ("D*num_layers", "N", "H_out")
    if given.layout == "packed":
        sizes["sum(lengths)"] = sum(given.sequence_lengths)
        sequence_axes: tuple[str, ...] = ("sum(lengths)",)
    elif given.layout == "unbatched":
        sequence_axes, state_axes = ("L",), ("D*num_layers", "H_out")
    else:
        sequence_axes = ("N", "L") if rnn.batch_first else ("L", "N")
    axes = {
        "input": (*sequence_axes, "H_in"),
        "h_0": state_axes,
        "output": (*sequence_axes, "D*H_out"),
        "h_n": state_axes,
    }
    return tuple(
        TensorShape(
            name=name,
            axes=axes[name],
            predicted=tuple(sizes[axis] for axis in axes[name]),
            expected=case.expect.get(name),
        )
        for name in TENSORS
    )


def predict_parameters(case: Case) -> tuple[Parameter, ...]:
    """Every parameter under nn.RNN's name, in nn.RNN's order: by layer, then direction."""
    rnn = case.rnn
    kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh") if rnn.bias else ("weight_ih", "weight_hh")
    parameters = []
    for layer in range(rnn.num_layers):
        layer_input = rnn.input_size if layer == 0 else rnn.directions * rnn.hidden_size
        shapes = {
            "weight_ih": (rnn.hidden_size, layer_input),
            "weight_hh": (rnn.hidden_size, rnn.hidden_size),
            "bias_ih": (rnn.hidden_size,),
            "bias_hh": (rnn.hidden_size,),
        }
        for suffix in ("", "_reverse")[: rnn.directions]:
            for kind in kinds:
                name = f"{kind}_l{layer}{suffix}"
                count = rnn.hidden_size * (shapes[kind][1] if len(shapes[kind]) == 2 else 1)
                parameters.append(Parameter(name=name, shape=shapes[kind], count=count, expected=case.expect.get(name)))
    return tuple(parameters)


def recipes(case: Case) -> tuple[Recipe, ...]:
    """The lines of code a person looks up every time: `output` by direction, `h_n` by layer, the classifier head."""
    return (*_split_output(case), *_split_states(case), *_classifier_head(case))


def _split_output(case: Case) -> list[Recipe]:
    rnn, given = case.rnn, case.input
    name, lines = "output", []
    length, batch = given.seq_len, given.batch_size
    if given.layout == "packed":
        name, length = "padded", max(given.sequence_lengths)
        batch_first = ", batch_first=True" if rnn.batch_first else ""
        code = f"padded, lengths = pad_packed_sequence(output{batch_first})"
        note = "output is a PackedSequence: torch.nn.utils.rnn gives it its axes back"
        lines.append(Recipe(code=code, shape=None, note=note))
    steps = "max(lengths)" if given.layout == "packed" else "L"
    if given.layout == "unbatched":
        axes, every = "L, D, H_out", ":"
        sizes: tuple[int, ...] = (length,)
    elif rnn.batch_first:
        axes, every, sizes = f"N, {steps}, D, H_out", ":, :", (batch, length)
    else:
        axes, every, sizes = f"{steps}, N, D, H_out", ":, :", (length, batch)
    if not rnn.bidirectional:  # there is nothing to split
        return lines
    whole = (*sizes, rnn.directions, rnn.hidden_size)
    view = f"{name}.view({', '.join(map(str, whole))})"
    lines.append(Recipe(code=view, shape=whole, note=axes))
    for d, direction in enumerate(("forward", "reverse")):
        part = (*sizes, rnn.hidden_size)
        lines.append(Recipe(code=f"{view}[{every}, {d}]", shape=part, note=f"the {direction} direction"))
    return lines


def _split_states(case: Case) -> list[Recipe]:
    rnn = case.rnn
    one = (rnn.hidden_size,) if case.input.layout == "unbatched" else (case.input.batch_size, rnn.hidden_size)
    last = "its own last step" if case.input.layout == "packed" else "the last step"
    if not rnn.bidirectional:
        note = f"layer k: {last}"
        return [Recipe(code="h_n[k]", shape=one, note=note)] if rnn.num_layers > 1 else []
    whole = (rnn.num_layers, rnn.directions, *one)
    view = f"h_n.view({', '.join(map(str, whole))})"
    axes = "num_layers, D, H_out" if case.input.layout == "unbatched" else "num_layers, D, N, H_out"
    return [
        Recipe(code=view, shape=whole, note=axes),
        Recipe(code=f"{view}[k, 0]", shape=one, note=f"layer k, forward: {last}"),
        Recipe(code=f"{view}[k, 1]", shape=one, note="layer k, reverse: t = 0"),
    ]


def _classifier_head(case: Case) -> list[Recipe]:
    rnn, given = case.rnn, case.input
    batch = () if given.layout == "unbatched" else (given.batch_size,)
    features = (*batch, rnn.directions * rnn.hidden_size)
    right = "torch.cat([h_n[-2], h_n[-1]], dim=-1)" if rnn.bidirectional else "h_n[-1]"
    lines = [Recipe(code=right, shape=features, note="right for a head")]
    name = "padded" if given.layout == "packed" else "output"
    last = f"{name}[:, -1]" if rnn.batch_first and given.layout != "unbatched" else f"{name}[-1]"
    why = {
        (True, False): "wrong for a head: its reverse half has read one step",
        (True, True): "wrong for a head: padding, and a reverse half of one step",
        (False, True): "wrong for a head: padding, except for the longest sequences",
    }.get((rnn.bidirectional, given.layout == "packed"))
    if why:
        lines.append(Recipe(code=last, shape=features, note=why))
    head = f"head = nn.Linear({features[-1]}, num_classes)"
    return [*lines, Recipe(code=head, shape=None, note="the classifier head")]


def arguments_giving(case: Case, name: str, expected: tuple[int, ...]) -> str | None:
    """Return the flags of one changed argument with which a tensor or parameter has the expected shape, or None."""
    rnn = case.rnn
    sizes = sorted({*expected, *(size // 2 for size in expected)} - {0})
    changes: list[dict[str, Any]] = [
        {"rnn.bidirectional": not rnn.bidirectional},
        {"rnn.batch_first": not rnn.batch_first},
        *({"rnn.num_layers": count} for count in sizes),
        *({"rnn.hidden_size": size} for size in sizes),
        *({"rnn.input_size": size} for size in sizes),
        *({"input.seq_len": size, "input.lengths": None} for size in sizes),
        *({"input.batch_size": size, "input.lengths": None} for size in sizes),
        {"input.layout": "unbatched", "input.lengths": None},
        {"input.layout": "batched", "input.lengths": None},
    ]
    for change in changes:
        changed = changed_by(case, change)
        if changed is None:
            continue
        shapes = {tensor.name: tensor.predicted for tensor in predict_tensors(changed)}
        shapes |= {parameter.name: parameter.shape for parameter in predict_parameters(changed)}
        if shapes.get(name) == expected:
            return as_flags({leaf: value for leaf, value in change.items() if value is not None})
    return None


def warnings_for(case: Case) -> tuple[str, ...]:
    """What the case asks for and nn.RNN will not do."""
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
    """The predictions beside the sizes observed in nn.RNN and in the candidate, by name, and beside `expect`.

    The verdict is None where there was nothing to hold the predictions against.
    """
    reference, candidate = reference or {}, candidate or {}
    tensors = tuple(
        replace(tensor, reference=reference.get(tensor.name), candidate=candidate.get(tensor.name))
        for tensor in predict_tensors(case)
    )
    predicted = predict_parameters(case)
    if parameters is not None:
        predicted = tuple(replace(parameter, reference=parameters.get(parameter.name)) for parameter in predicted)
    tensors = tuple(replace(tensor, given_by=_given_by(case, tensor)) for tensor in tensors)
    predicted = tuple(replace(parameter, given_by=_given_by(case, parameter)) for parameter in predicted)
    agree = all(tensor.agrees for tensor in tensors) and all(parameter.agrees for parameter in predicted)
    warnings = warnings_for(case)
    if parameters is not None and parameters.keys() != {parameter.name for parameter in predicted}:
        agree = False
        warnings += (f"nn.RNN's parameters are not the predicted ones: {', '.join(parameters)}",)
    return CaseRecord(
        id=case.id,
        config=case.config,
        verdict=None if parameters is None and not case.expect else Verdict.MATCH if agree else Verdict.MISMATCH,
        warnings=warnings,
        shapes=tensors,
        parameters=predicted,
        recipes=recipes(case),
    )


def _given_by(case: Case, of: TensorShape | Parameter) -> str | None:
    predicted = of.predicted if isinstance(of, TensorShape) else of.shape
    if of.expected in (None, predicted):
        return None
    return arguments_giving(case.model_copy(update={"expect": {}}), of.name, of.expected)
