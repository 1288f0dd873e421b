"""Small edits of a candidate's source, for a mistake that has no name: another name, index, function or order.

Each undoes a slip of the pen. Nothing here runs code, and no edit is right by itself, as in `repair`.
"""

import ast
from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import chain, pairwise, permutations
from typing import Any

from rnncli.candidate.names import words
from rnncli.candidate.repair import Hunk, Places, Source
from rnncli.candidate.syntax import called, is_number, name_of

FUNCTIONS = {"sigmoid": ("tanh",), "tanh": ("sigmoid", "relu"), "relu": ("tanh",)}
FUNCTIONS |= {f"{new}{value}{like}": (f"{new}zeros{like}",) for value in ("ones", "rand", "randn", "empty")
              for new, like in (("", ""), ("", "_like"), ("new_", ""))}  # fmt: skip
OPERATORS: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.MatMult: "@", ast.Div: "/"}
OTHERS: dict[type[ast.operator], str] = {ast.Add: "-*", ast.Sub: "+", ast.Mult: "+@", ast.MatMult: "*"}
LIBRARIES = ("torch", "nn", "F", "np", "self", "math")
NOTHING: Mapping[ast.expr, str] = {}
OUTWARD = words(  # calls that do more than compute: an edit must not turn one of them into another
    "open write writelines write_text write_bytes truncate save dump to_csv savetxt remove unlink rename rmdir rmtree"
    " move copyfile mkdir makedirs touch system popen Popen check_call check_output urlopen connect send exec eval"
)
SYSTEM = ("os.", "shutil.", "subprocess.", "socket.", "requests.")
MOST_ELEMENTS = 4  # of a list of elements or arguments that is put in other orders


def small_edits(source: Source, lines: Collection[int]) -> Iterator[Hunk]:
    """Yield the edits of those lines, the slips that are made most often first."""
    edits = _SmallEdits(source, lines)
    ways: tuple[Callable[[], Places], ...] = (
        edits.unwrapped, edits.other_names, edits.other_attributes, edits.one_side, edits.other_numbers,
        edits.other_indices, edits.other_functions, edits.other_extent, edits.other_factors, edits.other_operators,
        edits.other_flags, edits.activated, edits.names_for_parts, edits.renamed, edits.other_keys, edits.other_order,
        edits.other_slices, edits.fewer_arguments, edits.without_a_statement, edits.other_order_of_statements,
        edits.with_a_factor, edits.turned, edits.carried,
    )  # fmt: skip
    yield from dict.fromkeys(chain.from_iterable(chain.from_iterable(way() for way in ways)))


class _SmallEdits:
    """The edits of some lines of a file. A condition is left alone: an edit of one takes a branch out of what runs."""

    def __init__(self, source: Source, lines: Collection[int]) -> None:
        self.source, self.text = source, source.text
        self.nodes: list[Any] = [node for node in source.nodes if hasattr(node, "lineno")]
        tests = {id(one) for node in source.nodes if hasattr(node, "test") for one in ast.walk(node.test)}
        self.nodes = [one for one in self.nodes if id(one) not in tests and any(at in lines for at in _lines(one))]
        self.nodes.sort(key=lambda node: (node.lineno, node.col_offset))
        self.outward = self._functions_that_reach_out()
        if any(getattr(self._function(node), "name", "") in self.outward for node in self.nodes):
            self.nodes = []

    def _functions_that_reach_out(self) -> set[str]:
        """Return the names of functions that touch files, processes or the network, or call one that does."""
        calls = dict[str, set[tuple[str, str]]]()
        for function in self.source.of(ast.FunctionDef):
            made = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
            calls.setdefault(function.name, set()).update((called(node), self.text(node.func)) for node in made)
        found = set[str]()
        while more := {name for name, made in calls.items() if name not in found and any(
                one in OUTWARD or one in found or text.startswith(SYSTEM) for one, text in made)}:  # fmt: skip
            found |= more
        return found

    def _of(self, *kinds: type) -> Iterator[Any]:
        """Yield the expressions of some kinds that are read."""
        is_read = (ast.Load, type(None))
        return (one for one in self.nodes if isinstance(one, kinds) and isinstance(getattr(one, "ctx", None), is_read))

    def _function(self, node: ast.AST) -> ast.AST:
        return next((one for one in self.source.above(node) if isinstance(one, ast.FunctionDef)), node)

    def _names_beside(self, node: ast.AST) -> list[str]:
        """Return the names that the function around a node binds: its arguments, and what it assigns."""
        inside = list(ast.walk(self._function(node)))
        bound = [one.arg for one in inside if isinstance(one, ast.arg)]
        bound += [one.id for one in inside if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)]
        return [name for name in dict.fromkeys(bound) if name not in ("self", "_")]

    def _loops_around(self, node: ast.AST) -> list[str]:
        loops = [one.target for one in self.source.above(node) if isinstance(one, ast.For)]
        first = [one.elts[0] if isinstance(one, ast.Tuple) else one for one in loops]  # of enumerate
        return [one.id for one in first if isinstance(one, ast.Name)]

    def _value_around(self, node: ast.expr) -> ast.expr:
        """Return the value of the statement that an expression is in; the expression where it has none."""
        statement = next(one for one in self.source.above(node) if isinstance(one, ast.stmt))
        return getattr(statement, "value", None) or node

    def unwrapped(self) -> Places:
        """What is sliced, or given to a function, in place of the result: `h` for `h.detach()` and `torch.tanh(h)`."""
        for node in self._of(ast.Attribute, ast.Subscript, ast.Call):
            if isinstance(node, ast.Call):
                held = [node.func.value] if isinstance(node.func, ast.Attribute) else []
                held = [one for one in held if self.text(one) not in LIBRARIES]
                yield [hunk for one in [*held, *node.args[:1]] for hunk in self.source.unwrapped(node, self.text(one))]
            elif getattr(node.value, "attr", "") == "shape":
                continue  # a shape is no size
            elif isinstance(node, ast.Subscript) or node.attr in ("data", "T", "mT"):
                yield self.source.unwrapped(node, self.text(node.value))

    def _other_names(self) -> Iterator[tuple[ast.Name, list[str]]]:
        """Yield each name that is read, and the others that the function binds: those like it first."""
        for node in self._of(ast.Name):
            others = [name for name in self._names_beside(node) if name != node.id]
            others.sort(key=lambda name: name[:1] != node.id[:1] and name[-1:] != node.id[-1:])
            if node.id not in LIBRARIES:
                yield node, others

    def other_names(self) -> Places:
        """Another name that the function binds."""
        for node, others in self._other_names():
            yield self.source.replaced(node, *others)

    def names_for_parts(self) -> Places:
        """A name that the function binds for a part of another: `h` for `h_0[0]`."""
        for node in self._of(ast.Subscript):
            yield self.source.replaced(node, *self._names_beside(node))

    def renamed(self) -> Places:
        """Another name at every place of a value."""
        for node, others in self._other_names():
            value = self._value_around(node)
            alike = [one for one in ast.walk(value) if isinstance(one, ast.Name) and one.id == node.id]
            for other in others if len(alike) > 1 else ():
                yield self.source.all_replaced(value, dict.fromkeys(alike, other))

    def other_attributes(self) -> Places:
        """Another attribute of the same object: `self.U_o` for `self.U_f`."""
        attributes: dict[str, dict[str, None]] = {}
        for node in self.source.of(ast.Attribute):
            attributes.setdefault(self.text(node.value), {})[node.attr] = None
        fields = [name_of(node.target) for node in self.source.of(ast.AnnAssign)]
        for node in self._of(ast.Attribute):
            held = self.text(node.value)
            attributes[held] |= dict.fromkeys(fields if node.attr in fields else ())
            if held == "self" or held not in LIBRARIES:
                others = [name for name in attributes[held] if name != node.attr and name not in self.outward]
                others.sort(key=lambda name: abs(len(name) - len(node.attr)))
                yield self.source.replaced(node, *(f"{held}.{name}" for name in others))

    def other_numbers(self) -> Places:
        """A number that is one more or less, or the one from the other end; 0 or 1 for a fraction."""
        for node in self._of(ast.Constant, ast.UnaryOp):
            negative = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)
            number = node.operand if negative else node
            if isinstance(self.source.parents[node], ast.UnaryOp) or not isinstance(number, ast.Constant):
                continue
            if is_number(number) and not isinstance(number.value, bool):
                value = ast.literal_eval(node)
                others = [*dict.fromkeys((-1 - value, value + 1, value - 1, -value))]
                in_sum = isinstance(self.source.parents[node], ast.BinOp)
                others = [other for other in others if other != value and not (in_sum and other == 0)]
                yield self.source.replaced(node, *map(str, others))
            elif isinstance(number.value, float):
                yield self.source.replaced(node, "0.0", "1.0")

    def other_indices(self) -> Places:
        """The neighbour of an element, that of another loop, or that of a row for each of two loops, in place of one
        element and of all of the value with the same index.
        """
        for node in self._of(ast.Subscript):
            index, loops = self.text(node.slice), self._loops_around(node)
            if isinstance(node.slice, ast.Slice | ast.Tuple):
                continue
            others = [f"{index} + 1", f"{index} - 1", f"2 * {index}", *loops]
            others += [f"2 * {layer} + {direction}" for layer, direction in permutations(loops, 2)]
            others = [other for other in others if other != index]
            yield self.source.replaced(node.slice, *others)
            value = self._value_around(node)
            beside = [one.slice for one in ast.walk(value) if isinstance(one, ast.Subscript)]
            alike = [one for one in beside if self.text(one) == index]
            for other in others if len(alike) > 1 and node.slice is alike[0] else ():
                yield self.source.all_replaced(value, dict.fromkeys(alike, other))

    def fewer_arguments(self) -> Places:
        """A call without one of the arguments that are given by name: `z.clamp(min=0)` for `z.clamp(min=0, max=1)`."""
        for node in self._of(ast.Call):
            parts = [*map(self.text, node.args), *map(self.text, node.keywords)]
            shorter = [", ".join(parts[:at] + parts[at + 1 :]) for at in range(len(node.args), len(parts))]
            yield self.source.replaced(node, *(f"{self.text(node.func)}({given})" for given in shorter))

    def other_functions(self) -> Places:
        for node in self._of(ast.Name, ast.Attribute):
            name = name_of(node)
            before = self.text(node).removesuffix(name)
            yield self.source.replaced(node, *(before + other for other in FUNCTIONS.get(name, ())))

    def one_side(self) -> Places:
        """One side of a sum or a product alone."""
        for node in self._of(ast.BinOp):
            yield self.source.replaced(node, self.text(node.left), self.text(node.right))

    def other_extent(self) -> Places:
        """A function of more or of less: `f(a + b)` for `f(a) + b`, and the reverse."""
        for node in self._of(ast.BinOp, ast.Call):
            if isinstance(node, ast.BinOp):
                for call in [
                    one for one in (node.left, node.right) if isinstance(one, ast.Call) and len(one.args) == 1
                ]:
                    yield self.source.replaced(
                        node, f"{self.text(call.func)}({self._joined(node, {call: self.text(call.args[0])})})"
                    )
            elif len(node.args) == 1 and isinstance(whole := node.args[0], ast.BinOp):
                function = self.text(node.func)
                sides = [{one: f"{function}({self.text(one)})"} for one in (whole.left, whole.right)]
                yield self.source.replaced(node, *(self._joined(whole, side) for side in sides))

    def other_factors(self) -> Places:
        """A factor of one term for that of a sum, `a + r * b` for `r * (a + b)`, and the reverse."""
        for node in self._of(ast.BinOp):
            for one, other in ((node.left, node.right), (node.right, node.left)):
                if isinstance(other, ast.BinOp) and {type(node.op), type(other.op)} == {ast.Add, ast.Mult}:
                    a, b, c = map(self.text, (one, other.left, other.right))
                    of_one, of_both = (
                        (f"{b} + {a} * {c}", f"{a} * {b} + {c}"),
                        (f"{b} * ({a} + {c})", f"({a} + {b}) * {c}"),
                    )
                    yield self.source.replaced(node, *(of_one if isinstance(node.op, ast.Mult) else of_both))

    def other_operators(self) -> Places:
        for node in self._of(ast.BinOp):
            turned = ast.BinOp(node.right, node.op, node.left)
            pairs = [(one, other) for other in OTHERS.get(type(node.op), "") for one in (node, turned)]
            yield self.source.replaced(node, *(self._joined(one, operator=other) for one, other in pairs))

    def _joined(self, node: ast.BinOp, instead: Mapping[ast.expr, str] = NOTHING, operator: str = "") -> str:
        """Return the text of two operands and of what is between them, with other texts in place of some."""
        strong = not isinstance(node.op, ast.Add | ast.Sub)
        sides = []
        for one in (node.left, node.right):
            weak = strong and isinstance(one, ast.BinOp) and isinstance(one.op, ast.Add | ast.Sub)
            sides.append(instead.get(one) or (f"({self.text(one)})" if weak else self.text(one)))
        return f" {operator or OPERATORS.get(type(node.op), '%')} ".join(sides)

    def other_flags(self) -> Places:
        """The other of True and False; one side of a conditional expression."""
        for node in self._of(ast.Constant, ast.IfExp):
            if isinstance(node, ast.Constant) and isinstance(node.value, bool):
                yield self.source.replaced(node, str(not node.value))
            elif isinstance(node, ast.IfExp):
                yield self.source.replaced(node, self.text(node.body), self.text(node.orelse))

    def other_keys(self) -> Places:
        """Another text of the file that is a name: `params["W_hh"]` for `params["W_ih"]`."""
        texts = [one for one in self.source.of(ast.Constant) if isinstance(one.value, str) and one.value.isidentifier()]
        keys = dict.fromkeys(map(self.text, texts))
        for node in [one for one in texts if one in self.nodes]:
            yield self.source.replaced(node, *(key for key in keys if key != self.text(node)))

    def other_order(self) -> Places:
        """Elements or arguments in another order."""
        for node in (one for one in self.nodes if isinstance(one, ast.Tuple | ast.List | ast.Call)):
            parts = node.args if isinstance(node, ast.Call) else node.elts
            if 2 <= len(parts) <= MOST_ELEMENTS:
                for order in [*permutations(map(self.text, parts))][1:]:
                    yield self.source.all_replaced(node, dict(zip(parts, order, strict=True)))

    def other_slices(self) -> Places:
        """A slice that the function takes elsewhere."""
        for node in self._of(ast.Subscript):
            subscripts = [one for one in ast.walk(self._function(node)) if isinstance(one, ast.Subscript)]
            index, others = self.text(node.slice), dict.fromkeys(self.text(one.slice) for one in subscripts)
            yield self.source.replaced(node.slice, *(other for other in others if other != index))

    def without_a_statement(self) -> Places:
        for node in (one for one in self.nodes if isinstance(one, ast.Assign | ast.AugAssign | ast.Expr)):
            yield [Hunk(node.lineno, tuple(self.source.lines[at - 1] for at in _lines(node)), ())]

    def other_order_of_statements(self) -> Places:
        """A statement behind the one that follows it."""
        for node in self.source.nodes:
            block = getattr(node, "body", None)
            for first, second in pairwise(block if isinstance(block, list) else ()):
                if first in self.nodes:
                    yield [self.source.moved(first, second)]

    def _values(self) -> Iterator[tuple[ast.expr, str]]:
        """Yield each value of a line, and its text."""
        for node in self._of(ast.Name, ast.Attribute, ast.BinOp, ast.Call, ast.Subscript):
            if (text := self.text(node)) not in LIBRARIES and "\n" not in text:
                yield node, text

    def activated(self) -> Places:
        for node, text in self._values():
            yield self.source.replaced(node, f"torch.tanh({text})", f"torch.sigmoid({text})")

    def turned(self) -> Places:
        """A value the other way round."""
        for node, text in self._values():
            held = f"({text})" if isinstance(node, ast.BinOp) else text
            ways = [f"{held}{way}" for way in ("[::-1]", ".flip(0)", ".flip(1)")]
            yield self.source.replaced(node, f"reversed({text})", *ways)

    def with_a_factor(self) -> Places:
        """A gate, or 1 less a gate, times a value; a value with another one added."""
        for node in self._of(ast.Name, ast.Attribute, ast.BinOp, ast.Call):
            text, above = self.text(node), self.source.parents[node]
            names = self._names_beside(node) if "\n" not in text else []
            if isinstance(above, ast.BinOp) or isinstance(node, ast.BinOp | ast.Call):
                value = f"({text})" if isinstance(node, ast.BinOp) else text
                yield self.source.replaced(node, *(f"{name} * {value}" for name in names))
                yield self.source.replaced(node, *(f"(1 - {name}) * {value}" for name in names))
                yield self.source.replaced(node, *(f"{text} + {name}" for name in names))
            elif isinstance(above, ast.Call) and text not in LIBRARIES:
                yield self.source.replaced(node, *(f"{text} + {name}" for name in names))

    def carried(self) -> Places:
        """What a statement assigns, assigned to another name too."""
        for node in (one for one in self.nodes if isinstance(one, ast.Assign)):
            made = self.text(node.targets[0])
            yield self.source.followed(node, *(f"{name} = {made}" for name in self._names_beside(node)))


def _lines(node: Any) -> range:
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)
