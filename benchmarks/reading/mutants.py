"""Every single-point mutant of a style: one change at one place of its source.

Places are the expressions and statements inside functions. An instrumented copy of the style is run through its binding
first, to learn which expressions are tensors, of which shape, and which are modules or numbers: it would be no mutant
of interest to detach a number. The text outside the place stays as it is, comments included.
"""

import ast
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import Tensor, nn

from benchmarks.reading import truth
from benchmarks.reading.bindings import Given, Style, Task, Wiring

NOTE = "__note__"
KNOWN = (ast.Name, ast.Attribute, ast.Subscript, ast.Call, ast.BinOp, ast.IfExp, ast.UnaryOp)
INPLACE = {"tanh": "tanh_", "relu": "relu_", "add": "add_"}
FUNCTIONS = {
    "tanh": ("relu", "sigmoid"),
    "relu": ("tanh", "sigmoid"),
    "Tanh": ("ReLU", "Sigmoid"),
    "stack": ("cat",),
    "cat": ("stack",),
    "zeros": ("ones", "randn"),
    "new_zeros": ("new_ones",),
    "new_empty": ("new_zeros", "new_ones"),
    "zeros_like": ("ones_like",),
    "empty": ("zeros", "ones"),
    "flip": ("roll",),
    "unsqueeze": ("squeeze",),
    "squeeze": ("unsqueeze",),
    "append": ("extend",),
    "addmm": ("addmv",),
    "enumerate": ("list",),
    "ParameterList": ("list",),
    "ModuleList": ("list",),
}
SHAPING = ("t", "transpose", "contiguous", "clone", "squeeze", "unsqueeze", "flip", "permute", "reshape", "view", "to")
UNALIKE = ("other", "type", "NoneType", "function", "method", "builtin_function_or_method", "method_descriptor")
MODULES = ("Linear", "RNNCell", "Parameter")
SIZES = ("shape", "size", "dtype", "device", "new_zeros", "new_empty")
OPERATORS = {
    ast.Add: "- *",
    ast.Sub: "+",
    ast.Mult: "+ //",
    ast.MatMult: "*",
    ast.FloorDiv: "*",
    ast.Div: "*",
    ast.Mod: "*",
}
COMPARISONS = {
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Is: "is not",
    ast.IsNot: "is",
    ast.Lt: "<=",
    ast.Gt: ">=",
    ast.LtE: "<",
    ast.GtE: ">",
}


@dataclass(frozen=True)
class Mutant:
    """A mutant: what was done, in a line, and its source."""

    operator: str
    line: int
    change: str
    source: str


@dataclass
class Noted:
    """What an expression was in the runs: tensors or arrays by their shapes, modules and numbers by their type."""

    shapes: set[tuple[tuple[int, ...], int, int]] = field(default_factory=set)  # with the length and batch of the call
    types: set[str] = field(default_factory=set)

    @property
    def kind(self) -> str:
        """tensor, array, module, int, bool, str, or other."""
        return next(iter(self.types)) if len(self.types) == 1 else "other"

    def axis(self, of_batch: bool) -> int | None:
        """The axis whose size is the batch, or the length, wherever the expression was seen."""
        axes = {
            tuple(at for at, size in enumerate(shape) if size == (batch if of_batch else length))
            for shape, length, batch in self.shapes
        }
        found = next(iter(axes)) if len(axes) == 1 else ()
        return found[0] if len(found) == 1 else None

    @property
    def signature(self) -> tuple[str, frozenset[tuple[tuple[int, ...], int, int]]]:
        """What two expressions share that may stand for each other."""
        return self.kind, frozenset(self.shapes)


def mutants(source: str, style: Style) -> list[Mutant]:
    """All mutants of a style, each source once."""
    seen, found = {source}, []
    for mutant in _Mutator(source, style).all():
        if mutant.source in seen:
            continue
        seen.add(mutant.source)
        with contextlib.suppress(SyntaxError):
            compile(mutant.source, "mutant", "exec")
            found.append(mutant)
    return found


# -- what the expressions are ------------------------------------------------------------------------------------------


class _Instrument(ast.NodeTransformer):
    """Wraps each expression that is read inside a function in a call that notes its value."""

    def __init__(self, numbers: dict[ast.AST, int]) -> None:
        self.numbers = numbers

    def visit(self, node: ast.AST) -> ast.AST:
        number = self.numbers.get(node)
        changed = self.generic_visit(node)
        if number is None or not isinstance(changed, ast.expr):
            return changed
        call = ast.Call(ast.Name(NOTE, ast.Load()), [ast.Constant(number), changed], [])
        return ast.copy_location(call, node)


def noted(tree: ast.Module, numbers: dict[ast.AST, int], style: Style) -> dict[int, Noted]:
    """Run an instrumented copy of a style for each of its cases."""
    instrumented = ast.fix_missing_locations(_Instrument(numbers).visit(tree))
    notes: dict[int, Noted] = {}
    size = [0, 0]

    def note(number: int, value: Any) -> Any:
        entry = notes.setdefault(number, Noted())
        if isinstance(value, Tensor | np.ndarray):
            entry.types.add("tensor" if isinstance(value, Tensor) else "array")
            entry.shapes.add((tuple(value.shape), *size))
        elif isinstance(value, nn.Module):
            entry.types.add(f"module {type(value).__name__}")
        else:
            entry.types.add(type(value).__name__)
        return value

    for flags in style.flags:
        task = Task.of(flags)
        weights = {name: value.detach() for name, value in task.reference().named_parameters()}
        module = truth.ModuleType(truth.SOURCE)
        module.__dict__[NOTE] = note
        exec(compile(instrumented, "instrumented", "exec"), module.__dict__)
        function = style.bind(Given(module, task, Wiring(weights)))
        for call in truth.calls_of(style, task):
            if call.x.shape[:2] == (truth.LENGTH, truth.BATCH):  # where no two sizes are equal
                size[:] = call.x.shape[:2]
                function(call.x, call.h_0)
    return notes


# -- the mutants -------------------------------------------------------------------------------------------------------


class _Mutator:
    def __init__(self, source: str, style: Style) -> None:
        self.source, self.style = source, style
        self.tree = ast.parse(source)
        self.starts = [0]
        for line in source.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))
        self.parents = {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}
        self.functions = [node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef)]
        self.inside = {node for function in self.functions for node in _body(function)}
        in_text = {inner for node in ast.walk(self.tree) if isinstance(node, ast.JoinedStr) for inner in ast.walk(node)}
        self.nodes = [node for node in ast.walk(self.tree) if node in self.inside and node not in in_text]
        self.texts = [node for node in self.inside if isinstance(node, ast.JoinedStr)]
        self.texts.sort(key=lambda node: (node.lineno, node.col_offset))
        again = ast.parse(source)
        numbers = {
            twin: at
            for at, (node, twin) in enumerate(zip(ast.walk(self.tree), ast.walk(again), strict=True))
            if node in self.inside and node not in in_text and self._is_read(node)
        }
        notes = noted(again, numbers, style)
        self.notes = {node: notes.get(at, Noted()) for at, node in enumerate(ast.walk(self.tree))}

    def all(self) -> Iterator[Mutant]:
        """All mutants, place by place."""
        for node in self.nodes:
            if isinstance(node, ast.expr):
                yield from self._of_expression(node)
            elif isinstance(node, ast.stmt):
                yield from self._of_statement(node)
        for text in self.texts:
            yield from self._of_text(text)

    def _is_read(self, node: ast.AST) -> bool:
        special = isinstance(node, ast.Name) and node.id == "super"
        return isinstance(node, KNOWN) and isinstance(getattr(node, "ctx", ast.Load()), ast.Load) and not special

    def _span(self, node: Any) -> tuple[int, int]:
        start = self.starts[node.lineno - 1] + node.col_offset
        return start, self.starts[node.end_lineno - 1] + node.end_col_offset

    def _text(self, node: Any) -> str:
        start, end = self._span(node)
        return self.source[start:end]

    def _replaced(self, operator: str, node: Any, text: str) -> Mutant:
        start, end = self._span(node)
        source = self.source[:start] + text + self.source[end:]
        before = " ".join(self.source[start:end].split())
        return Mutant(operator, node.lineno, f"{before} -> {' '.join(text.split())}", source)

    # expressions

    def _of_expression(self, node: ast.expr) -> Iterator[Mutant]:
        if isinstance(node, ast.Constant):
            yield from self._of_constant(node)
        if isinstance(node, ast.BinOp):
            yield from self._of_operation(node)
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            other = COMPARISONS.get(type(node.ops[0]))
            if other:
                left, right = self._text(node.left), self._text(node.comparators[0])
                yield self._replaced("condition", node, f"{left} {other} {right}")
            yield self._replaced("condition", node, "True")
            yield self._replaced("condition", node, "False")
        if isinstance(node, ast.IfExp):
            yield self._replaced("branch", node, f"({self._text(node.body)})")
            yield self._replaced("branch", node, f"({self._text(node.orelse)})")
            yield self._replaced(
                "branch", node, f"({self._text(node.orelse)} if {self._text(node.test)} else {self._text(node.body)})"
            )
        if isinstance(node, ast.Attribute) and node.attr in ("T", "mT"):
            yield self._replaced("transpose", node, self._text(node.value))
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            yield from self._of_subscript(node)
        if isinstance(node, ast.Call):
            yield from self._of_call(node)
        if isinstance(node, ast.Tuple | ast.List) and isinstance(node.ctx, ast.Load) and len(node.elts) > 1:
            texts = [self._text(element) for element in node.elts]
            for at in range(len(texts) - 1):
                swapped = [*texts[:at], texts[at + 1], texts[at], *texts[at + 2 :]]
                yield self._replaced("order", node, self._as(node, swapped))
        if self._is_read(node):
            yield from self._of_value(node)

    def _as(self, node: Any, texts: list[str]) -> str:
        """The elements in the brackets that the tuple or list has."""
        whole = self._text(node)
        if isinstance(node, ast.List):
            return f"[{', '.join(texts)}]"
        return f"({', '.join(texts)})" if whole.startswith("(") else ", ".join(texts)

    def _of_constant(self, node: ast.Constant) -> Iterator[Mutant]:
        value = node.value
        if isinstance(value, bool):
            yield self._replaced("flag", node, str(not value))
        elif isinstance(value, int):
            parent = self.parents[node]
            if isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.USub):
                for other in (0, -2) if value == 1 else (-value - 1, -value + 1):
                    yield self._replaced("index", parent, str(other))
            else:
                others = {0: ("1", "-1", "2"), 1: ("0", "2", "-1")}.get(value, (str(value - 1), str(value + 1)))
                for text in others:
                    yield self._replaced("index", node, text)
        elif isinstance(value, str) and not self._is_documentation(node):
            for text in _other_names(value):
                yield self._replaced("name", node, repr(text))

    def _is_documentation(self, node: ast.AST) -> bool:
        return isinstance(self.parents[node], ast.Expr)

    def _of_text(self, node: ast.JoinedStr) -> Iterator[Mutant]:
        """Other names of weights, and other layers."""
        for at, part in enumerate(node.values):
            if isinstance(part, ast.FormattedValue):
                others = [ast.Constant("0"), ast.Constant("")]
            else:
                others = [ast.Constant(text) for text in _other_names(part.value)]
            for other in others:
                values = [*node.values[:at], other, *node.values[at + 1 :]]
                yield self._replaced("name", node, ast.unparse(ast.JoinedStr(values)))

    def _of_operation(self, node: ast.BinOp) -> Iterator[Mutant]:
        left, right = self._text(node.left), self._text(node.right)
        for sign in OPERATORS.get(type(node.op), "").split():
            yield self._replaced("operator", node, f"({left} {sign} {right})")
        if not isinstance(node.op, ast.MatMult):
            yield self._replaced("term dropped", node, f"({left})")
            yield self._replaced("term dropped", node, f"({right})")
        if not isinstance(node.op, ast.Add):
            yield self._replaced("operands swapped", node, f"({right} {_sign(node.op)} {left})")
        if isinstance(node.op, ast.MatMult):
            yield self._replaced("transpose", node, f"({left} @ ({right}).mT)")
            yield self._replaced("transpose", node, f"(({left}).mT @ {right})")
        if isinstance(node.op, ast.Add) and self.notes[node].kind == "tensor":
            yield self._replaced("in place", node, f"({left}).add_({right})")

    def _of_subscript(self, node: ast.Subscript) -> Iterator[Mutant]:
        whole, kind = self._text(node.value), self.notes[node].kind
        if isinstance(node.slice, ast.Slice):
            yield self._replaced("slice dropped", node, whole)
            return
        if isinstance(node.slice, ast.Tuple):
            parts = [self._text(part) for part in node.slice.elts]
            for at in range(len(parts) - 1):
                swapped = [*parts[:at], parts[at + 1], parts[at], *parts[at + 2 :]]
                yield self._replaced("axis", node, f"{whole}[{', '.join(swapped)}]")
            return
        index = self._text(node.slice)
        if kind in ("tensor", "array"):
            yield self._replaced("axis", node, f"{whole}[:, {index}]")
            yield self._replaced("index", node, f"{whole}[-1 - {index}]" if index != "None" else whole)
            yield self._replaced("index", node, f"{whole}[0]")
        if isinstance(node.slice, ast.Name):
            yield self._replaced("index", node, f"{whole}[{index} - 1]")

    def _of_call(self, node: ast.Call) -> Iterator[Mutant]:
        function = self._text(node.func)
        stem, dot, name = function.rpartition(".")
        given = [self._text(argument) for argument in node.args]
        named = [self._text(keyword) for keyword in node.keywords]
        kind = self.notes[node].kind

        def call(name: str, given: list[str] = given, named: list[str] = named) -> str:
            return f"{stem}{dot}{name}({', '.join([*given, *named])})"

        for other in FUNCTIONS.get(name, ()):
            if other == "list":
                yield self._replaced("function", node, f"list({', '.join(given)})")
            elif not (other == "randn" and stem == "np"):
                yield self._replaced("function", node, call(other))
        if name in INPLACE and kind == "tensor":
            yield self._replaced("in place", node, call(INPLACE[name]))
        for at in range(len(given) - 1):
            if name not in ("super", "range"):
                swapped = [*given[:at], given[at + 1], given[at], *given[at + 2 :]]
                yield self._replaced("arguments swapped", node, call(name, swapped))
        if isinstance(node.func, ast.Attribute) and name in SHAPING:
            yield self._replaced("call dropped", node, self._text(node.func.value))
        elif len(given) == 1 and name not in ("range", "append", "len", "size", "super"):
            yield self._replaced("call dropped", node, f"({given[0]})")
        for at, keyword in enumerate(node.keywords):
            others = [*named[:at], *named[at + 1 :]]
            if keyword.arg is not None:
                yield self._replaced("argument dropped", node, call(name, named=others))
        if name == "range":
            yield from self._of_range(node, given)
        if name == "reversed":
            yield self._replaced("range", node, given[0])
        if name in ("zeros", "empty", "new_zeros") and stem != "np" and "dtype" not in "".join(named):
            for dtype in ("torch.float32", "torch.float64"):
                yield self._replaced("dtype", node, call(name, named=[*named, f"dtype={dtype}"]))
        if name == "Parameter":
            yield self._replaced("no parameter", node, given[0])
            yield self._replaced("no gradient", node, call(name, named=[*named, "requires_grad=False"]))
            yield self._replaced("no parameter", node, f"{given[0]}.requires_grad_()")
        if name in ("Linear", "RNNCell"):
            for at, argument in enumerate(given):
                for other in (f"({argument}) * 2", f"({argument}) + 1"):
                    yield self._replaced("size", node, call(name, [*given[:at], other, *given[at + 1 :]]))
            if not named:
                yield self._replaced("no bias", node, call(name, named=["bias=False"]))
            if name == "RNNCell":
                yield self._replaced("function", node, call(name, named=["nonlinearity='relu'"]))
            yield self._replaced("no gradient", node, f"{call(name)}.requires_grad_(False)")
            yield self._replaced("no parameter", node, f"[{call(name)}][0].__call__")
        if name in ("register_parameter", "requires_grad_") and isinstance(self.parents[node], ast.Expr):
            yield self._replaced("statement dropped", node, "None")

    def _of_range(self, node: ast.Call, given: list[str]) -> Iterator[Mutant]:
        whole = self._text(node)
        yield self._replaced("range", node, f"reversed({whole})")
        if len(given) == 1:
            yield self._replaced("range", node, f"range({given[0]} - 1)")
            yield self._replaced("range", node, f"range(1, {given[0]})")
            yield self._replaced("range", node, f"range(0, {given[0]}, 2)")
        else:
            yield self._replaced("range", node, f"{whole}[1:]")
            yield self._replaced("range", node, f"{whole}[:-1]")

    # values, by what they were in the runs

    def _of_value(self, node: ast.expr) -> Iterator[Mutant]:
        note, text = self.notes[node], f"({self._text(node)})"
        parent = self.parents[node]
        if isinstance(parent, ast.Attribute) and parent.attr in SIZES and note.kind != "int":
            return  # its values are not used
        if note.kind == "tensor":
            yield self._replaced("detached", node, f"{text}.detach()")
        if note.kind in ("tensor", "array"):
            yield from self._of_tensor(node, note, text)
        elif note.kind == "int":
            yield self._replaced("size", node, f"({text} + 1)")
            yield self._replaced("size", node, f"({text} - 1)")
        elif note.kind == "bool" and not isinstance(self.parents[node], ast.Compare):
            yield self._replaced("condition", node, f"(not {text})")
        elif note.kind == "list":
            yield self._replaced("order", node, f"{text}[::-1]")
            yield self._replaced("order", node, f"{text}[1:]")
        if isinstance(node, ast.Name | ast.Attribute) and note.kind not in UNALIKE:
            for other in self._others(node, note):
                yield self._replaced("another value", node, other)

    def _of_tensor(self, node: ast.expr, note: Noted, text: str) -> Iterator[Mutant]:
        axes = (("batch mixed", note.axis(of_batch=True)), ("time mixed", note.axis(of_batch=False)))
        for operator, axis in axes:
            if axis is None:
                continue
            before = ":, " * axis
            if note.kind == "array":
                changes = [f"np.roll({text}, 1, {axis})", f"np.flip({text}, {axis})"]
                changes += [f"(0 * {text} + {text}.mean({axis}, keepdims=True))", f"(0 * {text} + {text}[{before}:1])"]
            else:
                changes = [f"{text}.roll(1, {axis})", f"{text}.flip({axis})"]
                changes += [f"{text}.mean({axis}, keepdim=True).expand_as({text})"]
                changes += [f"{text}[{before}:1].expand_as({text})", f"{text}.sort({axis}).values"]
            for change in changes:
                yield self._replaced(operator, node, change)
        if {len(shape) for shape, *_ in note.shapes} == {2} and not isinstance(node, ast.BinOp):
            yield self._replaced("transpose", node, f"{text}.T")
        if self._is_returned(node):
            for change in (f"{text} * 2", f"{text}[:1]", f"{text}[0]", f"{text}[..., :3]", f"{text}[None]"):
                yield self._replaced("returned", node, change)
            yield self._replaced("returned", node, f"{text}.sum()")
            yield self._replaced("returned", node, f"{text}[1:]")
            yield self._replaced("returned", node, f"{text} * 0")

    def _is_returned(self, node: ast.AST) -> bool:
        parent = self.parents[node]
        if isinstance(parent, ast.Tuple):
            parent = self.parents[parent]
        return isinstance(parent, ast.Return)

    def _others(self, node: ast.expr, note: Noted) -> list[str]:
        """Other names and attributes read in the same function that were the same kind of thing."""
        function = self._function(node)
        text, found = self._text(node), []
        for other in self.nodes:
            if not isinstance(other, ast.Name | ast.Attribute) or not self._is_read(other):
                continue
            if self._function(other) is not function or isinstance(self.parents[other], ast.Attribute):
                continue
            same = self.notes[other].signature == note.signature
            words = self._text(other)
            if same and words != text and words not in found and words != "self":
                found.append(words)
        return found[:6]

    def _function(self, node: ast.AST) -> ast.AST:
        while not isinstance(node, ast.FunctionDef):
            node = self.parents[node]
        return node

    # statements

    def _of_statement(self, node: ast.stmt) -> Iterator[Mutant]:
        if isinstance(node, ast.Assign | ast.AugAssign):
            yield self._replaced("statement dropped", node, "pass")
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            target, value = self._text(node.targets[0]), self._text(node.value)
            yield self._replaced("stale", node, f"{target}_new = {value}")
            if self.notes.get(node.value, Noted()).kind == "tensor":
                yield self._replaced("stale", node, f"{target} = {target} + 0 * ({value})")
                yield self._replaced("in place", node, f"{target}.copy_({value})")
                if not isinstance(node.value, ast.Name | ast.Attribute | ast.Subscript):  # a name for the same tensor
                    yield self._replaced("kept", node, f"{target} = globals().setdefault('_kept', {value})")
            if value in ("[]", "list()"):
                yield self._replaced("kept", node, f"{target} = globals().setdefault('_kept', [])")
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute):
            yield from self._shared(node)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
            names = [self._text(element) for element in node.targets[0].elts]
            for at in range(len(names) - 1):
                swapped = [*names[:at], names[at + 1], names[at], *names[at + 2 :]]
                yield self._replaced("order", node.targets[0], ", ".join(swapped))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            yield self._replaced("statement dropped", node, "pass")
            yield self._replaced("statement doubled", node, f"{self._text(node)}; {self._text(node)}")
        if isinstance(node, ast.If):
            yield self._replaced("condition", node.test, "True")
            yield self._replaced("condition", node.test, "False")
            yield self._replaced("condition", node.test, f"not ({self._text(node.test)})")
        if isinstance(node, ast.For):
            yield from self._of_loop(node)

    def _shared(self, node: ast.Assign) -> Iterator[Mutant]:
        """A weight or module of a constructor that is another one's."""
        function = self._function(node)
        for other in function.body:
            if isinstance(other, ast.Assign) and other.lineno < node.lineno and _made(other) == _made(node) != "":
                yield self._replaced("shared", node.value, self._text(other.targets[0]))

    def _of_loop(self, node: ast.For) -> Iterator[Mutant]:
        first, last = node.body[0], node.body[-1]
        indent = "\n" + " " * last.col_offset
        yield self._replaced("loop ended", last, f"{self._text(last)}{indent}break")
        yield self._replaced("loop ended", first, f"continue{indent}{self._text(first)}")
        returns = [inner for inner in ast.walk(self._function(node)) if isinstance(inner, ast.Return)]
        if returns:
            yield self._replaced("loop ended", last, f"{self._text(last)}{indent}{self._text(returns[-1])}")
        values = self._text(node.iter)
        if not values.startswith(("range", "enumerate", "zip", "reversed")):
            for text in (f"list({values})[::-1]", f"list({values})[1:]", f"list({values})[:-1]"):
                yield self._replaced("range", node.iter, text)
        for statement in node.body:
            if isinstance(statement, ast.Assign):
                others = [inner for inner in node.body if inner is not statement]
                for other in others:
                    if other.lineno > statement.end_lineno and isinstance(other, ast.Assign | ast.Expr):
                        yield self._exchanged(statement, other)

    def _exchanged(self, first: ast.stmt, second: ast.stmt) -> Mutant:
        (start, end), (later, last) = self._span(first), self._span(second)
        one, other = self.source[start:end], self.source[later:last]
        source = self.source[:start] + other + self.source[end:later] + one + self.source[last:]
        return Mutant("statements swapped", first.lineno, f"{one} <-> {other}", source)


def _body(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """The nodes of a function's statements, without those of signatures, annotations and docstrings."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.FunctionDef):
            continue  # walked as a function of its own
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "ctx", "op", "ops"):
                continue
            children = value if isinstance(value, list) else [value]
            waiting += [child for child in children if isinstance(child, ast.AST)]


def _made(node: ast.Assign) -> str:
    """The kind of module or weight that is made there: Linear, RNNCell, Parameter, or none."""
    if not isinstance(node.value, ast.Call):
        return ""
    name = ast.unparse(node.value.func).rpartition(".")[2]
    return name if name in MODULES else ""


def _sign(operator: ast.operator) -> str:
    signs = {ast.MatMult: "@", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%"}
    return signs.get(type(operator), "**")


def _other_names(text: str) -> list[str]:
    """Names that another weight, direction or nonlinearity has."""
    exchanges = (
        ("weight_ih", "weight_hh"),
        ("weight_hh", "weight_ih"),
        ("bias_ih", "bias_hh"),
        ("bias_hh", "bias_ih"),
        ("_reverse", ""),
        ("tanh", "relu"),
        ("l0", "l1"),
    )
    found = [text.replace(old, new) for old, new in exchanges if old in text]
    if "->" in text:  # of an einsum
        inputs, _, result = text.partition("->")
        found += [f"{inputs}->{result[::-1]}", ",".join(inputs.split(",")[::-1]) + f"->{result}"]
        found += [f"{first},{second[::-1]}->{result}" for first, second in [inputs.split(",")]]
    return found
