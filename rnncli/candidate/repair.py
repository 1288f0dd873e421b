"""Edits of a candidate's source, each of which may fix a fault of the catalogue. Running the edited code decides.

An edit is small, of the kind a reviewer would ask for: a term added, a call unwrapped, two elements exchanged. Nothing
here runs code, and no edit is right by itself: the candidate's process keeps the first one that gives nn.RNN's values.
"""

import ast
import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import combinations, product
from typing import TypeVar

from rnncli.candidate.names import role, slot
from rnncli.candidate.state_source import names_a_state
from rnncli.candidate.syntax import arguments_of, called, name_of

PRODUCTS = ("matmul", "mm", "linear", "einsum", "dot", "bmm", "addmm")
MAKING = ("zeros", "new_zeros", "zeros_like", "full", "new_full")
ACTIVATIONS = {"tanh": "relu", "relu": "tanh"}
JOINING = ("cat", "concat", "concatenate", "stack", "hstack")
T = TypeVar("T", bound=ast.AST)
MOST_SITES = 3  # places of one fault in a file: one layer in two directions, and a cell beside them


@dataclass(frozen=True)
class Hunk:
    """Lines of a file, from the one with this number, and what replaces them."""

    line: int
    before: tuple[str, ...]
    after: tuple[str, ...]

    @property
    def lines(self) -> range:
        return range(self.line, self.line + len(self.before))


Edit = tuple[Hunk, ...]
Places = Iterator[list[Hunk]]  # for each place, the ways to change it


def edits(source: str, fault: str, ways: "Mapping[str, Way]") -> Iterator[Edit]:
    """Yield edits that may fix a fault of the catalogue, by `ways`: the ones of a single place first."""
    try:
        places = [list(dict.fromkeys(place)) for place in ways[fault](Source(source)) if place]
    except (KeyError, SyntaxError, ValueError):
        return
    yield from ((hunk,) for place in places for hunk in place)
    for count in range(2, MOST_SITES + 1):
        for hunks in (hunks for chosen in combinations(places, count) for hunks in product(*chosen)):
            if not any(set(one.lines) & set(other.lines) for one, other in combinations(hunks, 2)):
                yield tuple(sorted(hunks, key=lambda hunk: hunk.line))


def applied(source: str, edit: Edit) -> str:
    """Return the source with an edit in it."""
    lines = source.splitlines()
    for hunk in sorted(edit, key=lambda hunk: -hunk.line):
        lines[hunk.line - 1 : hunk.line - 1 + len(hunk.before)] = hunk.after
    return "\n".join(lines) + "\n"


def everywhere(source: str, hunk: Hunk) -> Edit:
    """Return the change of a line at each line with the same code, as of two directions that are written out."""
    lines, code = source.splitlines(), hunk.before[0].strip() if hunk.before else ""
    if not len(hunk.before) == len(hunk.after) == 1:
        return (hunk,)
    return tuple(
        Hunk(number, (line,), (line.replace(code, hunk.after[0].strip()),))
        for number, line in enumerate(lines, 1)
        if line.strip() == code
    )


def difference(edit: Edit) -> tuple[str, ...]:
    """Return an edit as a difference: lines that go with "- " before them, lines that come with "+ ".

    A line that only stands beside one that comes has two spaces; "..." stands between places that are apart.
    """
    told: list[str] = []
    end = edit[0].line
    for hunk in edit:
        told += ["..."] if hunk.line > end else []
        end = hunk.lines.stop
        if set(hunk.before) == set(hunk.after):  # the same lines in another order
            told += [*(f"- {line}" for line in hunk.before), *(f"+ {line}" for line in hunk.after)]
            continue
        beside = set(hunk.before) <= set(hunk.after)
        lines = difflib.ndiff(hunk.before, hunk.after)
        told += [line for line in lines if line[0] in "+-" or (beside and line.startswith("  "))]
    return tuple(told)


class Source:
    """A file: its lines, its syntax tree, and the parent of every node."""

    def __init__(self, text: str) -> None:
        self.lines = text.splitlines()
        self.nodes = list(ast.walk(ast.parse(text)))
        self.parents = {child: node for node in self.nodes for child in ast.iter_child_nodes(node)}

    def text(self, node: ast.AST) -> str:
        return ast.get_source_segment("\n".join(self.lines), node) or ""

    def replaced(self, node: ast.expr | ast.stmt, *texts: str) -> list[Hunk]:
        """Return the lines of a node with each of some texts in its place."""
        before = tuple(self.lines[node.lineno - 1 : node.end_lineno])
        head = before[0].encode()[: node.col_offset].decode()
        tail = before[-1].encode()[node.end_col_offset :].decode()
        return [Hunk(node.lineno, before, tuple(f"{head}{text}{tail}".split("\n"))) for text in texts]

    def all_replaced(self, node: ast.expr, parts: Mapping[ast.expr, str]) -> list[Hunk]:
        """Return the lines of a node of one line with texts in place of some of its parts."""
        text, at = self.lines[node.lineno - 1].encode(), sorted(parts, key=lambda one: -one.col_offset)
        if any(one.lineno != node.lineno or one.end_lineno != node.lineno for one in at):
            return []
        for one in at:
            start, end = one.col_offset, one.end_col_offset or 0
            in_brackets = isinstance(one, ast.BinOp) and text[start - 1 : start] + text[end : end + 1] == b"()"
            if in_brackets and parts[one].isidentifier() and text[start - 2 : start - 1] in b" (=+-*,":
                start, end = start - 1, end + 1
            text = text[:start] + parts[one].encode() + text[end:]
        return [Hunk(node.lineno, (self.lines[node.lineno - 1],), (text.decode(),))]

    def followed(self, node: ast.stmt, *added: str) -> list[Hunk]:
        """Return the last line of a statement with each of some others after it."""
        number, indent = node.end_lineno or node.lineno, " " * node.col_offset
        last = self.lines[number - 1]
        return [Hunk(number, (last,), (last, f"{indent}{line}")) for line in added]

    def unwrapped(self, node: ast.expr, text: str) -> list[Hunk]:
        """Return an expression with another text in its place; a line that then assigns a name to itself goes."""
        statement, goes = self.parents[node], list[Hunk]()
        if isinstance(statement, ast.Assign) and [self.text(target) for target in statement.targets] == [text]:
            goes = [Hunk(statement.lineno, tuple(self.lines[statement.lineno - 1 : statement.end_lineno]), ())]
        return [*goes, *self.replaced(node, text)]

    def of(self, *kinds: type[T]) -> list[T]:
        found = [node for node in self.nodes if isinstance(node, kinds)]
        return sorted(found, key=lambda node: (node.lineno, node.col_offset))  # type: ignore[attr-defined]

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        while (parent := self.parents.get(node)) is not None:
            yield parent
            node = parent

    def calls(self, *names: str) -> list[ast.Call]:
        return [node for node in self.of(ast.Call) if called(node) in names]

    def biases(self) -> list[str]:
        """Return the expressions that name a bias, and what the other of a pair may be called."""
        found: list[str] = []
        for node in self.of(ast.arg, ast.Name, ast.Attribute, ast.Subscript):
            text = node.arg if isinstance(node, ast.arg) else self.text(node)
            keyed = not isinstance(node, ast.Subscript) or isinstance(node.slice, ast.Constant | ast.JoinedStr)
            if keyed and slot(_plain(text)).is_bias:
                found += [text, *(text.replace(*pair) for pair in (("ih", "hh"), ("hh", "ih"), ("xh", "hh")))]
        return [text for text in dict.fromkeys(found) if "\n" not in text]

    # -- edits ---------------------------------------------------------------------------------------------------------

    def _sums(self) -> Iterator[ast.expr]:
        """Yield the sums, and the matrix products that stand in no sum."""
        for node in self.of(ast.BinOp, ast.Call):
            in_sum = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add)
            if (in_sum or _is_product(node)) and not isinstance(self.parents[node], ast.BinOp | ast.Attribute):
                yield node

    def with_another_bias(self) -> Places:
        for call in self.calls("Linear"):
            for keyword in [one for one in call.keywords if one.arg == "bias"][:1]:
                yield self.replaced(keyword.value, "True")
        biases = self.biases()
        for call in self.calls("linear"):
            if len(call.args) == 2 and not call.keywords:
                given = f"{self.text(call.func)}({self.text(call.args[0])}, {self.text(call.args[1])}"
                yield self.replaced(call, *(f"{given}, {bias})" for bias in biases))
        for node in self._sums():
            yield self.replaced(node, *(f"{self.text(node)} + {bias}" for bias in biases))

    def other_bias(self) -> Places:
        biases = self.biases()
        for node in reversed(self.of(ast.Name, ast.Attribute, ast.Subscript)):  # the second one is the copy
            text = self.text(node)
            if text in biases and isinstance(getattr(node, "ctx", None), ast.Load):
                yield self.replaced(node, *(other for other in biases if other != text))

    def other_activation(self) -> Places:
        for node in self.of(ast.Name, ast.Attribute):
            if (name := name_of(node)) in ACTIVATIONS:
                yield self.replaced(node, self.text(node).removesuffix(name) + ACTIVATIONS[name])

    def activation_around(self) -> Places:
        for node in self._sums():
            yield self.replaced(node, *(f"torch.{name}({self.text(node)})" for name in ACTIVATIONS))

    def transposed(self, kind: str) -> Places:
        """A weight of this kind transposed, or as it is kept, in a product; what has another name is left alone."""
        operands: list[ast.expr] = []
        for node in filter(_is_product, self.of(ast.BinOp, ast.Call)):
            operands += [node.right, node.left] if isinstance(node, ast.BinOp) else getattr(node, "args", [])[:2]
        for operand in operands:
            text = self.text(operand)
            bare = next((text.removesuffix(end) for end in (".T", ".t()") if text.endswith(end)), None)
            if slot(_plain(bare or text)).kind not in (kind, "weight", None):
                continue
            simple = isinstance(operand, ast.Name | ast.Attribute | ast.Subscript | ast.Call)
            yield self.replaced(operand, bare or (f"{text}.T" if simple else f"({text}).T"))
        for equation in [call.args[0] for call in self.calls("einsum") if call.args]:
            given, arrow, result = str(getattr(equation, "value", "")).replace(" ", "").partition("->")
            axes = given.split(",")
            turned = [
                [*axes[:at], one[::-1], *axes[at + 1 :]] for at, one in enumerate(axes) if len(one) == 2 and arrow
            ]
            yield self.replaced(equation, *(f'"{",".join(other)}->{result}"' for other in turned))

    def from_h_0(self) -> Places:
        """The initial state that a function is given, or that of its layer, in place of what it makes."""
        for call in self.calls(*MAKING):
            above = list(self.above(call))
            names = [name for one in above if isinstance(one, ast.FunctionDef) for name in arguments_of(one)]
            loops = [
                f"[{one.target.id}]" for one in above if isinstance(one, ast.For) and isinstance(one.target, ast.Name)
            ]
            states = [f"{name}{at}" for name in names if role(name) == "state" for at in ("", "[0]", *loops)]
            yield [hunk for state in states for hunk in self.unwrapped(call, state)]

    def of_its_layer(self) -> Places:
        """A row or an element that is the first one for every layer, replaced by that of the loop's variable."""
        for node in self.of(ast.Subscript):
            if isinstance(node.slice, ast.Constant) and node.slice.value == 0:
                loops = [one.target for one in self.above(node) if isinstance(one, ast.For)]
                yield self.replaced(node.slice, *(one.id for one in loops if isinstance(one, ast.Name)))

    def called_on(self, *names: str) -> Places:
        """The object in place of a call of one of its methods."""
        for call in self.calls(*names):
            if isinstance(call.func, ast.Attribute):
                yield self.unwrapped(call, self.text(call.func.value))

    def attached(self) -> Places:
        yield from self.called_on("detach")
        for node in self.of(ast.Attribute):
            if node.attr == "data":
                yield self.unwrapped(node, self.text(node.value))

    def copied(self) -> Places:
        for call in self.calls("append"):
            yield self.replaced(call.args[0], f"{self.text(call.args[0])}.clone()") if len(call.args) == 1 else []

    def carried(self) -> Places:
        """The new state assigned to the name that the next step reads."""
        for loop in self.of(ast.For):
            assigned = {name for one in loop.body for name in _targets(one)}
            for statement in loop.body:
                value = getattr(statement, "value", None)
                read = {node.id for node in ast.walk(value) if isinstance(node, ast.Name)} if value else set()
                kept = sorted(filter(names_a_state, read - assigned))
                if targets := _targets(statement):
                    yield self.followed(statement, *(f"{name} = {targets[0]}" for name in kept))
                elif isinstance(statement, ast.Expr) and isinstance(value, ast.Call) and len(value.args) == 1:
                    computed, function = self.text(value.args[0]), self.text(value.func)
                    indent = "\n" + " " * statement.col_offset
                    yield self.replaced(statement, *(f"{name} = {computed}{indent}{function}({name})" for name in kept))

    def fed_upwards(self) -> Places:
        """The output of a layer assigned to the input that the next layer reads."""
        for loop in self.of(ast.For):
            read = {node.id for node in ast.walk(loop) if isinstance(node, ast.Name) and role(node.id) == "input"}
            made = dict.fromkeys(name for one in loop.body for name in _targets(one))
            pairs = [f"{name} = {output}" for name in sorted(read) for output in made if output != name]
            yield self.followed(loop.body[-1], *pairs)

    def appended_after(self) -> Places:
        """An append moved behind the statements that update the state."""
        for loop in self.of(ast.For):
            for at, statement in enumerate(loop.body):
                if called(getattr(statement, "value", statement)) == "append":
                    yield [self.moved(statement, last) for last in loop.body[at + 1 :]]

    def moved(self, first: ast.stmt, last: ast.stmt) -> Hunk:
        lines = tuple(self.lines[first.lineno - 1 : last.end_lineno])
        count = (first.end_lineno or first.lineno) - first.lineno + 1
        return Hunk(first.lineno, lines, (*lines[count:], *lines[:count]))

    def exchanged(self) -> Places:
        """The two elements of a list that is concatenated or stacked, the other way round."""
        for joined in [call.args[0] for call in self.calls(*JOINING) if call.args]:
            if isinstance(joined, ast.List | ast.Tuple) and len(joined.elts) == 2:
                left, right = map(self.text, joined.elts)
                yield self.replaced(
                    joined, f"[{right}, {left}]" if isinstance(joined, ast.List) else f"({right}, {left})"
                )

    def other_end(self) -> Places:
        """The first element where the last one is taken, or the reverse."""
        other = {"0": "-1", "-1": "0"}
        for node in self.of(ast.Subscript):
            yield self.replaced(node.slice, other[self.text(node.slice)]) if self.text(node.slice) in other else []

    def walked_backwards(self) -> Places:
        for loop in self.of(ast.For):
            yield self.replaced(loop.iter, f"reversed({self.text(loop.iter)})")
        for argument in (argument for call in self.of(ast.Call) for argument in call.args):
            if isinstance(argument, ast.Name) and role(argument.id) == "input":
                yield self.replaced(argument, *(f"{argument.id}.flip({axis})" for axis in (0, 1)))

    def put_back_in_time(self) -> Places:
        """What is stacked or concatenated, in the order of time."""
        for joined in [call.args[0] for call in self.calls("stack", "cat", "concat") if call.args]:
            if isinstance(joined, ast.Name):
                yield self.replaced(joined, f"{joined.id}[::-1]")
            elif isinstance(joined, ast.List | ast.Tuple) and len(joined.elts) == 2:
                last = joined.elts[1]
                yield self.replaced(last, *(f"{self.text(last)}.flip({axis})" for axis in (0, 1)))

    def in_training_alone(self) -> Places:
        for call in self.calls("dropout"):
            if not any(one.arg == "training" for one in call.keywords):
                text = self.text(call).removesuffix(")")
                yield self.replaced(call, *(f"{text}, training={flag})" for flag in ("self.training", "training")))


def _plain(text: str) -> str:
    return text.removesuffix("]").rpartition("[")[2].strip("\"'f") if text.endswith("]") else text


def _is_product(node: ast.AST) -> bool:
    return (isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult)) or called(node) in PRODUCTS


def _targets(statement: ast.stmt) -> list[str]:
    names = statement.targets if isinstance(statement, ast.Assign) else []
    return [target.id for target in names if isinstance(target, ast.Name)]


Way = Callable[[Source], Places]
EDITS: dict[str, Way] = {
    "missing-bias-ih": Source.with_another_bias,
    "missing-bias-hh": Source.with_another_bias,
    "bias-ih-twice": Source.other_bias,
    "wrong-nonlinearity": Source.other_activation,
    "activation-missing": Source.activation_around,
    "concat-order-swapped": Source.exchanged,
    "h0-ignored": Source.from_h_0,
    "h0-layer-shared": Source.of_its_layer,
    "state-not-carried": Source.carried,
    "state-delayed": Source.appended_after,
    "state-aliased": Source.copied,
    "weight-ih-transposed": partial(Source.transposed, kind="weight_ih"),
    "weight-hh-transposed": partial(Source.transposed, kind="weight_hh"),
    "layer-input-not-stacked": Source.fed_upwards,
    "layer-weights-shared": Source.of_its_layer,
    "reverse-reads-forward": Source.walked_backwards,
    "reverse-not-restored": Source.put_back_in_time,
    "reverse-final-from-last-step": Source.other_end,
    "directions-swapped": Source.exchanged,
    "hn-batch-first": lambda source: source.called_on("transpose", "permute", "swapaxes"),
    "dropout-in-eval": Source.in_training_alone,
    "state-detached": Source.attached,
    "h0-detached": Source.attached,
    "output-detached": Source.attached,
}
