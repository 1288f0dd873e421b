"""The same numbers three times, as code to copy: nn.RNN, a loop over nn.RNNCell, and the equation by hand.

The second and the third snippet go on where the first ends; each compares its results with those of nn.RNN.
"""

import re
import textwrap

from rnncli.core.case import Case
from rnncli.core.shapes import confront, predict_tensors
from rnncli.core.summary import call
from rnncli.core.words import size
from rnncli.explain.blocks import Code, Prose, Section
from rnncli.explain.results import unpacking
from rnncli.explain.sizes import tensor_shapes

WIDTH = 80
MOST_LENGTHS = 12  # written out; of more, the rule they follow


def three_snippets(case: Case) -> Section:
    """Return the section with the three snippets."""
    text = "They run one after the other. `assert_close` raises where two results differ."
    return Section(
        "The same in code",
        (
            Prose(text),
            Code("1. nn.RNN", by_module(case)),
            Code("2. A loop over nn.RNNCell", by_cells(case)),
            Code("3. The equation by hand", by_hand(case)),
        ),
    )


def by_module(case: Case) -> str:
    """Return the code that builds nn.RNN, an input and h_0, and calls it."""
    sizes, given = tensor_shapes(case), case.input
    packed = given.layout == "packed"
    lines = ["import torch", "from torch import nn"]
    lines += ["from torch.nn.utils.rnn import pack_sequence, pad_packed_sequence"] if packed else []
    lines += ["", f"torch.manual_seed({case.run.seed})", *_fitted(f"rnn = {call(confront(case))}")]
    if case.rnn.dropout:
        lines += ["rnn.eval()  # dropout is active in training alone"]
    if packed:
        lines += [
            *_lengths(case),
            f"sequences = [torch.randn(length, {case.rnn.input_size}) for length in lengths]",
            f"input = pack_sequence(sequences, enforce_sorted=False)  # .data {size(sizes['input'])}",
        ]
    else:
        lines += [_annotated(f"input = torch.randn{size(sizes['input'])}", _axes(case, "input"))]
    if given.h_0 != "omitted":
        make = "randn" if given.h_0 == "random" else "zeros"
        lines += [_annotated(f"h_0 = torch.{make}{size(sizes['h_0'])}", _axes(case, "h_0"))]
    arguments = "input" if given.h_0 == "omitted" else "input, h_0"
    data = ".data " if packed else ""
    lines += [_annotated(f"output, h_n = rnn({arguments})", f"{data}{size(sizes['output'])}, {size(sizes['h_n'])}")]
    lines += [unpacking(case)] if packed else []
    return "\n".join(lines)


def by_cells(case: Case) -> str:
    """Return the code that does the same with one nn.RNNCell for each layer and direction."""
    rnn = case.rnn
    extra = "" if rnn.bias else ", bias=False"
    extra += "" if rnn.nonlinearity == "tanh" else f', nonlinearity="{rnn.nonlinearity}"'
    features = rnn.input_size if rnn.num_layers == 1 else "x.shape[-1]"
    make = [
        f"cell = nn.RNNCell({features}, {rnn.hidden_size}{extra})",
        f"weights = zip(cell.state_dict(), rnn.all_weights[{_index(case)}])",
        "cell.load_state_dict(dict(weights))",
    ]
    return _whole(case, "cell", make, "cell(x_t, h)")


def by_hand(case: Case) -> str:
    """Return the code that does the same with the equation written out."""
    rnn = case.rnn
    names = "W_ih, W_hh, b_ih, b_hh" if rnn.bias else "W_ih, W_hh"
    total = "x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh" if rnn.bias else "x_t @ W_ih.T + h @ W_hh.T"
    make = [f"{names} = rnn.all_weights[{_index(case)}]"]
    return _whole(case, "hand", make, f"torch.{rnn.nonlinearity}({total})")


def _walk(case: Case, make: list[str], step: str, steps: str) -> list[str]:
    """Return the lines of one layer in one direction, over the steps of an expression."""
    return [
        *make,
        f"h, steps = {_initial_state(case)}, []",
        f"for x_t in {steps}:",
        f"    h = {step}",
        "    steps.append(h)",
    ]


def _initial_state(case: Case) -> str:
    if case.input.h_0 != "omitted":
        return f"h_0[{_index(case)}]"
    batch = (case.input.batch_size,) if case.input.layout == "batched" else ()
    return f"torch.zeros({', '.join(map(str, (*batch, case.rnn.hidden_size)))})"


def _stack(case: Case, make: list[str], step: str, x: str) -> tuple[list[str], str, str]:
    """Return the lines of all layers over the expression x, and the expressions of output and h_n."""
    rnn = case.rnn
    if rnn.num_layers == 1 and not rnn.bidirectional:
        return _walk(case, make, step, x), "torch.stack(steps)", "h[None]"
    if rnn.bidirectional:
        walk = _walk(case, make, step, "x.flip(0) if d else x")
        walk += ["halves.append(torch.stack(steps[::-1] if d else steps))", "last.append(h)"]
        lines = ["halves = []", "for d in range(2):  # 0 forward, 1 reverse", *_indented(walk)]
        lines += ["x = torch.cat(halves, -1)"]
    else:
        lines = [*_walk(case, make, step, "x"), "x = torch.stack(steps)", "last.append(h)"]
    if rnn.num_layers > 1:
        lines = [f"for k in range({rnn.num_layers}):  # layers, from the bottom", *_indented(lines)]
    start = "last = []" if x == "x" else f"x, last = {x}, []"
    return [start, *lines], "x", "torch.stack(last)"


def _whole(case: Case, name: str, make: list[str], step: str) -> str:
    """Return the lines around a stack: from the layout of the case to (L, N, features), and back."""
    output, h_n = f"{name}_output", f"{name}_h_n"
    if case.input.layout == "packed":
        return "\n".join(_each_sequence(case, output, h_n, make, step))
    time_second = case.rnn.batch_first and case.input.layout == "batched"
    lines, of_output, of_h_n = _stack(case, make, step, "x" if time_second else "input")
    if time_second:
        lines = ["x = input.transpose(0, 1)  # (L, N, H_in)", *lines]
        of_output += ".transpose(0, 1)"
    lines += [f"{output}, {h_n} = {of_output}, {of_h_n}"]
    return "\n".join([*lines, f"torch.testing.assert_close(({output}, {h_n}), (output, h_n))"])


def _each_sequence(case: Case, output: str, h_n: str, make: list[str], step: str) -> list[str]:
    """Return the lines that compute a packed input one sequence at a time."""
    lines, of_output, of_h_n = _stack(case, make, step, "x")
    omitted = case.input.h_0 == "omitted"
    return [
        "def one_sequence(x):  # (length, H_in)"
        if omitted
        else "def one_sequence(x, h_0):  # (length, H_in), h_0[:, n]",
        *_indented([*lines, f"return {of_output}, {of_h_n}"]),
        "",
        "results = [one_sequence(x) for x in sequences]"
        if omitted
        else "results = [one_sequence(x, h_0[:, n]) for n, x in enumerate(sequences)]",
        f"{output} = pack_sequence([x for x, _ in results], enforce_sorted=False)",
        f"{h_n} = torch.stack([h for _, h in results], 1)",
        f"torch.testing.assert_close(({output}.data, {h_n}), (output.data, h_n))",
    ]


def _index(case: Case) -> str:
    """Return the place of a layer and direction in `h_0`, `h_n` and `all_weights`, in the names of the loops."""
    rnn = case.rnn
    if rnn.num_layers > 1:
        return "2 * k + d" if rnn.bidirectional else "k"
    return "d" if rnn.bidirectional else "0"


def _axes(case: Case, name: str) -> str:
    axes = next(tensor.axes for tensor in predict_tensors(case) if tensor.name == name)
    return f"({', '.join(axes)})"


def _lengths(case: Case) -> list[str]:
    given = case.input
    if given.lengths is None and given.batch_size > MOST_LENGTHS:
        start = given.seq_len - 2
        return [f"lengths = [1 + ({start} + n) % {given.seq_len} for n in range({given.batch_size})]"]
    return _fitted(f"lengths = [{', '.join(map(str, given.sequence_lengths))}]")


def _fitted(line: str) -> list[str]:
    """Return a line of code in lines of WIDTH, broken after commas behind its first bracket."""
    bracket = re.search(r"[(\[]", line)
    indent = " " * (bracket.end() if bracket else 4)
    return textwrap.wrap(line, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _annotated(code: str, comment: str) -> str:
    return f"{code}  # {comment}"


def _indented(lines: list[str]) -> list[str]:
    return [f"    {line}" if line else line for line in lines]
