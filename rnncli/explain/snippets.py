"""The same numbers three times, as code to copy: torch's layer, a loop over its cell, and the equations by hand.

The second and the third snippet go on where the first ends; each compares its results with those of the layer.
"""

import textwrap

from rnncli.core.case import Case
from rnncli.core.shapes import predict_tensors, recipes, tensor_sizes
from rnncli.core.words import call, size
from rnncli.explain.blocks import Code, Prose, Section
from rnncli.explain.equations import code, weights

WIDTH = 80
MOST_LENGTHS = 12  # written out; of more, the rule they follow


def snippets(case: Case) -> Section:
    """Return the section with the snippets: three, or two where torch's cell cannot do what the layer does."""
    cell = f"nn.{case.cell.name}Cell"
    text = "They run one after the other. `assert_close` raises where two results differ."
    found = {case.cell.layer: by_module(case), f"A loop over {cell}": by_cells(case)}
    if case.rnn.proj_size:
        text += f" {cell} has no proj_size, so there is no loop over it."
        found.popitem()
    found[f"The equation{'' if case.cell.has_nonlinearity else 's'} by hand"] = by_hand(case)
    codes = (Code(f"{at}. {title}", code) for at, (title, code) in enumerate(found.items(), 1))
    return Section("The same in code", (Prose(text), *codes))


def by_module(case: Case) -> str:
    """Return the code that builds torch's layer, an input and the states, and calls it."""
    sizes, given, final = tensor_sizes(case), case.input, case.cell.final
    packed, states = given.layout == "packed", _given_states(case)
    lines = ["import torch", "from torch import nn"]
    lines += ["from torch.nn.utils.rnn import pack_sequence, pad_packed_sequence"] * packed
    lines += ["", f"torch.manual_seed({case.run.seed})", *_fitted(f"rnn = {call(case)}")]
    lines += ["rnn.eval()  # dropout is active in training alone"] * (case.rnn.dropout > 0)
    if packed:
        lines += _lengths(case)
        lines += [f"sequences = [torch.randn(length, {case.rnn.input_size}) for length in lengths]"]
        lines += [f"input = pack_sequence(sequences, enforce_sorted=False)  # .data {size(sizes['input'])}"]
    for tensor in predict_tensors(case):
        if tensor.name in (*states, *["input"] * (not packed)):
            make = "zeros" if given.h_0 == "zeros" and tensor.name != "input" else "randn"
            lines += [f"{tensor.name} = torch.{make}{size(tensor.predicted)}  # ({', '.join(tensor.axes)})"]
    shapes = ", ".join(size(sizes[name]) for name in ("output", *final))
    called = f"output, {_tuple(final)} = rnn(input{', ' * bool(states)}{_tuple(states)})"
    lines += _commented(called, f"{'.data ' * packed}{shapes}")
    return "\n".join([*lines, *[recipes(case)[0].code] * packed])


def _given_states(case: Case) -> tuple[str, ...]:
    return () if case.input.h_0 == "omitted" else case.cell.initial


def by_cells(case: Case) -> str:
    """Return the code that does the same with one of torch's cells for each layer and direction."""
    rnn, states = case.rnn, _tuple(case.cell.states)
    extra = "" if rnn.bias else ", bias=False"
    extra += ', nonlinearity="relu"' if rnn.nonlinearity == "relu" else ""
    features = rnn.input_size if rnn.num_layers == 1 else "x.shape[-1]"
    make = [f"cell = nn.{case.cell.name}Cell({features}, {rnn.hidden_size}{extra})"]
    make += [
        f"weights = zip(cell.state_dict(), rnn.all_weights[{_index(case)}])",
        "cell.load_state_dict(dict(weights))",
    ]
    return _whole(case, "cell", make, [f"{states.strip('()')} = cell(x_t, {states})"])


def by_hand(case: Case) -> str:
    """Return the code that does the same with the equations written out."""
    lines = code(case)
    if case.cell.has_nonlinearity:  # in one line
        lines = [lines[1].replace("(a)", f"({lines[0].removeprefix('a = ')})")]
    return _whole(case, "hand", [f"{', '.join(weights(case))} = rnn.all_weights[{_index(case)}]"], lines)


def _walk(case: Case, make: list[str], step: list[str], steps: str) -> list[str]:
    """Return the lines of one layer in one direction, over the steps of an expression."""
    starts = [f"{name}[{_index(case)}]" for name in _given_states(case)]
    if not starts:
        sizes = (tensor_sizes(case)[name][-1 if case.input.layout == "packed" else 1 :] for name in case.cell.initial)
        starts = [f"torch.zeros({', '.join(map(str, one))})" for one in sizes]
    begin = f"{', '.join([*case.cell.states, 'steps'])} = {', '.join([*starts, '[]'])}"
    return [*make, begin, f"for x_t in {steps}:", *_indented([*step, "steps.append(h)"])]


def _stack(case: Case, make: list[str], step: list[str], x: str) -> tuple[list[str], list[str]]:
    """Return the lines of all layers over the expression x, and the expressions of output and of the last states."""
    rnn, states = case.rnn, case.cell.states
    if rnn.num_layers == 1 and not rnn.bidirectional:
        return _walk(case, make, step, x), ["torch.stack(steps)", *(f"{state}[None]" for state in states)]
    last = {"last" if state == "h" else f"last_{state}": state for state in states}
    append = [f"{name}.append({state})" for name, state in last.items()]
    if rnn.bidirectional:
        walk = _walk(case, make, step, "x.flip(0) if d else x")
        walk += ["halves.append(torch.stack(steps[::-1] if d else steps))", *append]
        lines = ["halves = []", "for d in range(2):  # 0 forward, 1 reverse", *_indented(walk)]
        lines += ["x = torch.cat(halves, -1)"]
    else:
        lines = [*_walk(case, make, step, "x"), "x = torch.stack(steps)", *append]
    if rnn.num_layers > 1:
        lines = [f"for k in range({rnn.num_layers}):  # layers, from the bottom", *_indented(lines)]
    begin = ({} if x == "x" else {"x": x}) | dict.fromkeys(last, "[]")
    lines = [f"{', '.join(begin)} = {', '.join(begin.values())}", *lines]
    return lines, ["x", *(f"torch.stack({name})" for name in last)]


def _whole(case: Case, name: str, make: list[str], step: list[str]) -> str:
    """Return the lines around a stack: from the layout of the case to (L, N, features), and back."""
    results = [f"{name}_{of}" for of in ("output", *case.cell.final)]
    if case.input.layout == "packed":
        return "\n".join(_each_sequence(case, results, make, step))
    time_second = case.rnn.batch_first and case.input.layout == "batched"
    lines, found = _stack(case, make, step, "x" if time_second else "input")
    if time_second:
        lines = ["x = input.transpose(0, 1)  # (L, N, H_in)", *lines]
        found[0] += ".transpose(0, 1)"
    lines += [f"{results[0]}, {results[1]} = {found[0]}, {found[1]}"]
    lines += [f"{result} = {state}" for result, state in zip(results[2:], found[2:], strict=True)]
    return "\n".join([*lines, *_compared(results, ["output", *case.cell.final])])


def _each_sequence(case: Case, results: list[str], make: list[str], step: list[str]) -> list[str]:
    lines, found = _stack(case, make, step, "x")
    initial = _given_states(case)
    states, names = [f"{name}[:, n]" for name in initial], ["x", *case.cell.states]
    each = "for n, x in enumerate(sequences)" if initial else "for x in sequences"
    gap = " " if len(initial) < 2 else f"\n{' ' * len('results = [')}"
    columns = [f"[{of} for {', '.join(one if one == of else '_' for one in names)} in results]" for of in names]
    return [
        *_commented(f"def one_sequence({', '.join(['x', *initial])}):", ", ".join(["(length, H_in)", *states])),
        *_indented([*lines, f"return {', '.join(found)}"]),
        "",
        f"results = [one_sequence({', '.join(['x', *states])}){gap}{each}]",
        f"{results[0]} = pack_sequence({columns[0]}, enforce_sorted=False)",
        *(f"{result} = torch.stack({column}, 1)" for result, column in zip(results[1:], columns[1:], strict=True)),
        *_compared([f"{results[0]}.data", *results[1:]], ["output.data", *case.cell.final]),
    ]


def _compared(found: list[str], expected: list[str]) -> list[str]:
    together = f"torch.testing.assert_close(({', '.join(found)}), ({', '.join(expected)}))"
    if len(together) <= WIDTH:
        return [together]
    return [*_compared(found[:-1], expected[:-1]), f"torch.testing.assert_close({found[-1]}, {expected[-1]})"]


def _tuple(names: tuple[str, ...]) -> str:
    return ", ".join(names) if len(names) < 2 else f"({', '.join(names)})"


def _index(case: Case) -> str:
    """Return the place of a layer and direction in the states and `all_weights`, in the names of the loops."""
    if case.rnn.num_layers > 1:
        return "2 * k + d" if case.rnn.bidirectional else "k"
    return "d" if case.rnn.bidirectional else "0"


def _lengths(case: Case) -> list[str]:
    given = case.input
    if given.lengths is None and given.batch_size > MOST_LENGTHS:
        return [f"lengths = [1 + ({given.seq_len - 2} + n) % {given.seq_len} for n in range({given.batch_size})]"]
    return _fitted(f"lengths = [{', '.join(map(str, given.sequence_lengths))}]")


def _commented(code: str, comment: str) -> list[str]:
    """Return a line with a comment behind it, or above it where the two are wider than WIDTH."""
    line = f"{code}  # {comment}"
    return [line] if len(line) <= WIDTH else [f"# {comment}", code]


def _fitted(line: str) -> list[str]:
    """Return a line of code in lines of WIDTH, broken after commas behind its first bracket."""
    indent = " " * (min(line.index(bracket) for bracket in "([" if bracket in line) + 1)
    return textwrap.wrap(line, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]
