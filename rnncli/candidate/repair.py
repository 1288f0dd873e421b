"""Edits of a candidate's source, each of which may fix a fault of the catalogue. Running the edited code decides.

An edit is small, of the kind a reviewer would ask for: a term added, a call unwrapped, two elements exchanged. Nothing
here runs code, and no edit is right by itself: the candidate's process keeps the first one that gives nn.RNN's values.
"""

import ast
import difflib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations, product

from rnncli.candidate.names import role, slot

PRODUCTS = ("matmul", "mm", "linear", "einsum", "dot", "bmm", "addmm")
MAKING = ("zeros", "new_zeros", "zeros_like", "full", "new_full")
ACTIVATIONS = {"tanh": "relu", "relu": "tanh"}
MOST_SITES = 3  # places of one fault in a file: one layer in two directions, and a cell beside them


@dataclass(frozen=True)
class Hunk:
    """Lines of a file, from the one with this number, and what replaces them."""

    line: int
    before: tuple[str, ...]
    after: tuple[str, ...]

    @property
    def lines(self) -> range:
        """Return the numbers of the lines it replaces."""
        return range(self.line, self.line + len(self.before))


Edit = tuple[Hunk, ...]


def edits(source: str, fault: str) -> Iterator[Edit]:
    """Yield edits that may fix a fault of the catalogue, the ones of a single place first."""
    made = EDITS.get(fault)
    if made is None:
        return
    try:
        places = [list(dict.fromkeys(place)) for place in made(Source(source))]
    except (SyntaxError, ValueError):
        return
    places = [place for place in places if place]
    yield from ((hunk,) for place in places for hunk in place)
    for count in range(2, MOST_SITES + 1):
        for chosen in combinations(places, count):
            for hunks in product(*chosen):
                if not any(set(one.lines) & set(other.lines) for one, other in combinations(hunks, 2)):
                    yield tuple(sorted(hunks, key=lambda hunk: hunk.line))


def applied(source: str, edit: Edit) -> str:
    """Return the source with an edit in it."""
    lines = source.splitlines()
    for hunk in sorted(edit, key=lambda hunk: -hunk.line):
        lines[hunk.line - 1 : hunk.line - 1 + len(hunk.before)] = hunk.after
    return "\n".join(lines) + "\n"


def difference(edit: Edit) -> tuple[str, ...]:
    """Return an edit as a difference: lines that go with "- " before them, lines that come with "+ ".

    A line that only stands beside one that comes has two spaces; "..." stands between places that are apart.
    """
    told: list[str] = []
    end = edit[0].line
    for hunk in edit:
        told += ["..."] if hunk.line > end else []
        end = hunk.line + len(hunk.before)
        if set(hunk.before) == set(hunk.after):  # the same lines in another order
            told += [*(f"- {line}" for line in hunk.before), *(f"+ {line}" for line in hunk.after)]
            continue
        for line in difflib.ndiff(hunk.before, hunk.after):
            kept = line.startswith("  ") and set(hunk.before) <= set(hunk.after)
            told += [line] if line[0] in "+-" or kept else []
    return tuple(told)


class Source:
    """A file: its lines, its syntax tree, and the parent of every node."""

    def __init__(self, text: str) -> None:
        self.lines = text.splitlines()
        self.tree = ast.parse(text)
        self.nodes = list(ast.walk(self.tree))
        self.parents = {child: node for node in self.nodes for child in ast.iter_child_nodes(node)}

    def text(self, node: ast.AST) -> str:
        """Return a node as it is written."""
        return ast.get_source_segment("\n".join(self.lines), node) or ""

    def replaced(self, node: ast.expr, text: str) -> Hunk:
        """Return the lines of an expression with another text in its place."""
        first, last = node.lineno, node.end_lineno or node.lineno
        before = tuple(self.lines[first - 1 : last])
        head = before[0].encode()[: node.col_offset].decode()
        tail = before[-1].encode()[node.end_col_offset :].decode()
        return Hunk(first, before, tuple(f"{head}{text}{tail}".split("\n")))

    def of(self, *kinds: type[ast.AST]) -> Iterator[ast.AST]:
        """Yield the nodes of some kinds, in the order of the file."""
        found = [node for node in self.nodes if isinstance(node, kinds)]
        yield from sorted(found, key=lambda node: (node.lineno, node.col_offset))  # type: ignore[attr-defined]

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield the parent of a node, its parent, and so on."""
        while (parent := self.parents.get(node)) is not None:
            yield parent
            node = parent

    def calls(self, *names: str) -> Iterator[ast.Call]:
        """Yield the calls of functions and methods with these names."""
        for node in self.of(ast.Call):
            if isinstance(node, ast.Call) and _name_of(node.func) in names:
                yield node

    def biases(self) -> list[str]:
        """Return the expressions that name a bias, and what the other of a pair may be called."""
        found: list[str] = []
        for node in self.of(ast.arg, ast.Name, ast.Attribute, ast.Subscript):
            text = node.arg if isinstance(node, ast.arg) else self.text(node)
            if _is_weight(node) and (slot(_plain(text)).kind or "").startswith("bias"):
                others = [text.replace(*pair) for pair in (("ih", "hh"), ("hh", "ih"), ("xh", "hh"))]
                found += [text, *others]
        return [text for text in dict.fromkeys(found) if "\n" not in text]

    def states(self, node: ast.AST) -> list[str]:
        """Return the expressions for the initial state that the function around a node is given."""
        names, loops = [], []
        for parent in self.above(node):
            if isinstance(parent, ast.For) and isinstance(parent.target, ast.Name):
                loops.append(parent.target.id)
            if isinstance(parent, ast.FunctionDef):
                arguments = (*parent.args.posonlyargs, *parent.args.args, *parent.args.kwonlyargs)
                names += [argument.arg for argument in arguments if role(argument.arg) == "state"]
        return [f"{name}{index}" for name in names for index in ("", "[0]", *(f"[{loop}]" for loop in loops))]


Places = Iterator[list[Hunk]]  # for each place, the ways to change it


def _name_of(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _plain(text: str) -> str:
    return text.removesuffix("]").rpartition("[")[2].strip("\"'f") if text.endswith("]") else text


def _is_weight(node: ast.AST) -> bool:
    return not isinstance(node, ast.Subscript) or isinstance(node.slice, ast.Constant | ast.JoinedStr)


def _is_product(node: ast.AST) -> bool:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        return True
    return isinstance(node, ast.Call) and _name_of(node.func) in PRODUCTS


def _sums(source: Source) -> Iterator[ast.expr]:
    """Yield the sums, and the matrix products that stand in no sum."""
    for node in source.of(ast.BinOp, ast.Call):
        parent = source.parents[node]
        in_sum = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add)
        if isinstance(parent, ast.BinOp | ast.Attribute) or not (in_sum or _is_product(node)):
            continue
        if in_sum or any(_is_product(below) for below in ast.walk(node)):
            yield node  # type: ignore[misc]


def _with_another_bias(source: Source) -> Places:
    for call in source.calls("Linear"):
        if keyword := next((one for one in call.keywords if one.arg == "bias"), None):
            yield [source.replaced(keyword.value, "True")]
    biases = source.biases()
    slots = [call for call in source.calls("linear") if len(call.args) == 2 and not call.keywords]
    for call in slots:
        first, second = map(source.text, call.args)
        function = source.text(call.func)
        yield [source.replaced(call, f"{function}({first}, {second}, {bias})") for bias in biases]
    for node in _sums(source):
        yield [source.replaced(node, f"{source.text(node)} + {bias}") for bias in biases]


def _other_bias(source: Source) -> Places:
    biases = source.biases()
    for node in reversed(list(source.of(ast.Name, ast.Attribute, ast.Subscript))):  # the second one is the copy
        text = source.text(node)
        if text in biases and isinstance(getattr(node, "ctx", None), ast.Load):
            yield [source.replaced(node, other) for other in biases if other != text]  # type: ignore[arg-type]


def _other_activation(source: Source) -> Places:
    for node in source.of(ast.Name, ast.Attribute):
        name = _name_of(node)  # type: ignore[arg-type]
        if name in ACTIVATIONS:
            text = source.text(node).removesuffix(name) + ACTIVATIONS[name]
            yield [source.replaced(node, text)]  # type: ignore[arg-type]


def _activation_around(source: Source) -> Places:
    for node in _sums(source):
        yield [source.replaced(node, f"torch.{name}({source.text(node)})") for name in ACTIVATIONS]


def _transposed(source: Source, kind: str) -> Places:
    """A weight of this kind transposed, or as it is kept, in a product; what has another name is left alone."""
    operands: list[ast.expr] = []
    for node in source.of(ast.BinOp, ast.Call):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
            operands += [node.right, node.left]
        elif isinstance(node, ast.Call) and _is_product(node):
            operands += node.args[:2]
    for operand in operands:
        text = source.text(operand)
        bare = next((text.removesuffix(end) for end in (".T", ".t()") if text.endswith(end)), None)
        if slot(_plain(bare or text)).kind not in (kind, "weight", None):
            continue
        if bare is None:
            simple = isinstance(operand, ast.Name | ast.Attribute | ast.Subscript | ast.Call)
            bare = f"{text}.T" if simple else f"({text}).T"
        yield [source.replaced(operand, bare)]
    for call in source.calls("einsum"):
        if call.args and isinstance(call.args[0], ast.Constant) and "->" in str(call.args[0].value):
            yield [source.replaced(call.args[0], f'"{other}"') for other in _other_subscripts(str(call.args[0].value))]


def _other_subscripts(equation: str) -> Iterator[str]:
    """Yield an equation of einsum with the two axes of one operand exchanged."""
    given, _, result = equation.replace(" ", "").partition("->")
    operands = given.split(",")
    for at, axes in enumerate(operands):
        if len(axes) == 2:
            yield ",".join([*operands[:at], axes[::-1], *operands[at + 1 :]]) + "->" + result


def _from_h_0(source: Source) -> Places:
    for call in source.calls(*MAKING):
        yield [hunk for state in source.states(call) for hunk in _rewritten(source, call, state)]


def _of_its_layer(source: Source) -> Places:
    """A row or an element that is the first one for every layer, replaced by that of the loop's variable."""
    for node in source.of(ast.Subscript):
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and node.slice.value == 0:
            loops = [one.target for one in source.above(node) if isinstance(one, ast.For)]
            yield [source.replaced(node.slice, one.id) for one in loops if isinstance(one, ast.Name)]


def _attached(source: Source) -> Places:
    for call in source.calls("detach"):
        if isinstance(call.func, ast.Attribute):
            yield _rewritten(source, call, source.text(call.func.value))
    for node in source.of(ast.Attribute):
        if isinstance(node, ast.Attribute) and node.attr == "data":
            yield _rewritten(source, node, source.text(node.value))


def _rewritten(source: Source, node: ast.expr, text: str) -> list[Hunk]:
    """An expression with another text in its place; a line that then assigns a name to itself goes."""
    statement = source.parents[node]
    if isinstance(statement, ast.Assign) and [source.text(target) for target in statement.targets] == [text]:
        first, last = statement.lineno, statement.end_lineno or statement.lineno
        return [Hunk(first, tuple(source.lines[first - 1 : last]), ()), source.replaced(node, text)]
    return [source.replaced(node, text)]


def _copied(source: Source) -> Places:
    for call in source.calls("append"):
        if len(call.args) == 1:
            yield [source.replaced(call.args[0], f"{source.text(call.args[0])}.clone()")]


def _carried(source: Source) -> Places:
    """The new state assigned to the name that the next step reads."""
    for loop in source.of(ast.For):
        assert isinstance(loop, ast.For)
        assigned = {target.id for one in loop.body for target in _targets(one)}
        for statement in loop.body:
            value = getattr(statement, "value", None)
            if value is None:
                continue
            read = {node.id for node in ast.walk(value) if isinstance(node, ast.Name)}
            kept = sorted(name for name in read - assigned if role(name) == "state")
            yield [hunk for name in kept for hunk in _assigned(source, statement, name)]


def _assigned(source: Source, statement: ast.stmt, name: str) -> Iterator[Hunk]:
    """Yield the statement with the state it computes assigned to a name."""
    first, last = statement.lineno, statement.end_lineno or statement.lineno
    lines = tuple(source.lines[first - 1 : last])
    indent = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
    if targets := list(_targets(statement)):
        yield Hunk(first, lines, (*lines, f"{indent}{name} = {targets[0].id}"))
    elif isinstance(statement, ast.Expr) and isinstance(call := statement.value, ast.Call) and len(call.args) == 1:
        function = source.text(call.func)
        yield Hunk(first, lines, (f"{indent}{name} = {source.text(call.args[0])}", f"{indent}{function}({name})"))


def _targets(statement: ast.stmt) -> Iterator[ast.Name]:
    if isinstance(statement, ast.Assign):
        yield from (target for target in statement.targets if isinstance(target, ast.Name))


def _fed_upwards(source: Source) -> Places:
    """Assign the output of a layer to the input that the next layer reads."""
    for loop in source.of(ast.For):
        assert isinstance(loop, ast.For)
        last = loop.body[-1]
        read = {node.id for node in ast.walk(loop) if isinstance(node, ast.Name) and role(node.id) == "input"}
        made = dict.fromkeys(target.id for one in loop.body for target in _targets(one))
        line = source.lines[(last.end_lineno or last.lineno) - 1]
        indent = source.lines[last.lineno - 1][: last.col_offset]
        hunks = [(f"{indent}{name} = {output}") for name in sorted(read) for output in made if output != name]
        yield [Hunk(last.end_lineno or last.lineno, (line,), (line, added)) for added in hunks]


def _appended_after(source: Source) -> Places:
    """Append after the state is updated and not before."""
    for loop in source.of(ast.For):
        assert isinstance(loop, ast.For)
        for at, statement in enumerate(loop.body):
            call = getattr(statement, "value", None)
            if isinstance(call, ast.Call) and _name_of(call.func) == "append":
                yield [_moved(source, loop.body[at : last + 1]) for last in range(at + 1, len(loop.body))]


def _moved(source: Source, statements: Sequence[ast.stmt]) -> Hunk:
    """Return the first of some statements moved behind the last."""
    first, last = statements[0].lineno, statements[-1].end_lineno or statements[-1].lineno
    count = (statements[0].end_lineno or first) - first + 1
    lines = tuple(source.lines[first - 1 : last])
    return Hunk(first, lines, (*lines[count:], *lines[:count]))


def _exchanged(source: Source) -> Places:
    """The two elements of a list that is concatenated or stacked, the other way round."""
    for call in source.calls("cat", "concat", "concatenate", "stack", "hstack"):
        joined = call.args[0] if call.args else None
        if isinstance(joined, ast.List | ast.Tuple) and len(joined.elts) == 2:
            left, right = map(source.text, joined.elts)
            around = "[]" if isinstance(joined, ast.List) else "()"
            yield [source.replaced(joined, f"{around[0]}{right}, {left}{around[1]}")]


def _other_end(source: Source) -> Places:
    """The first element where the last one is taken, or the reverse."""
    for node in source.of(ast.Subscript):
        if isinstance(node, ast.Subscript) and (text := source.text(node.slice)) in ("0", "-1"):
            yield [source.replaced(node.slice, "-1" if text == "0" else "0")]


def _walked_backwards(source: Source) -> Places:
    for loop in source.of(ast.For):
        if isinstance(loop, ast.For):
            yield [source.replaced(loop.iter, f"reversed({source.text(loop.iter)})")]
    for call in source.of(ast.Call):
        for argument in call.args if isinstance(call, ast.Call) else ():
            if isinstance(argument, ast.Name) and role(argument.id) == "input":
                yield [source.replaced(argument, f"{argument.id}.flip({axis})") for axis in (0, 1)]


def _put_back_in_time(source: Source) -> Places:
    """Put what is stacked or concatenated back in the order of time."""
    for call in source.calls("stack", "cat", "concat"):
        joined = call.args[0] if call.args else None
        if isinstance(joined, ast.Name):
            yield [source.replaced(joined, f"{joined.id}[::-1]")]
        elif isinstance(joined, ast.List | ast.Tuple) and len(joined.elts) == 2:
            last = joined.elts[1]
            yield [source.replaced(last, f"{source.text(last)}.flip({axis})") for axis in (0, 1)]


def _left_in_place(source: Source) -> Places:
    for call in source.calls("transpose", "permute", "swapaxes"):
        if isinstance(call.func, ast.Attribute):
            yield [source.replaced(call, source.text(call.func.value))]


def _in_training_alone(source: Source) -> Places:
    for call in source.calls("dropout"):
        if not any(one.arg == "training" for one in call.keywords):
            text = source.text(call).removesuffix(")")
            yield [source.replaced(call, f"{text}, training={flag})") for flag in ("self.training", "training")]


EDITS: dict[str, Callable[[Source], Places]] = {
    "missing-bias-ih": _with_another_bias,
    "missing-bias-hh": _with_another_bias,
    "bias-ih-twice": _other_bias,
    "wrong-nonlinearity": _other_activation,
    "activation-missing": _activation_around,
    "concat-order-swapped": _exchanged,
    "h0-ignored": _from_h_0,
    "h0-layer-shared": _of_its_layer,
    "state-not-carried": _carried,
    "state-delayed": _appended_after,
    "state-aliased": _copied,
    "weight-ih-transposed": partial(_transposed, kind="weight_ih"),
    "weight-hh-transposed": partial(_transposed, kind="weight_hh"),
    "layer-input-not-stacked": _fed_upwards,
    "layer-weights-shared": _of_its_layer,
    "reverse-reads-forward": _walked_backwards,
    "reverse-not-restored": _put_back_in_time,
    "reverse-final-from-last-step": _other_end,
    "directions-swapped": _exchanged,
    "hn-batch-first": _left_in_place,
    "dropout-in-eval": _in_training_alone,
    "state-detached": _attached,
    "h0-detached": _attached,
    "output-detached": _attached,
}
