"""The functions of a candidate's file, which take the code of an edited file for a time.

That takes a thousandth of a second, where a file that is imported and read again takes some tenths.
"""

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType, FunctionType
from typing import Any, TypeVar

T = TypeVar("T")
MOST_CALLS = 100_000  # of Python functions; a call of a candidate makes some thousands


class TooLong(BaseException):
    """An edited file runs far longer than the file itself, as a loop does that an edit keeps from ending."""


class Exchange:
    """The functions and the methods of a module."""

    def __init__(self, module: Any) -> None:
        self.functions = {one.__qualname__: one for one in _functions_of(module)}
        self.file = next((one.__code__.co_filename for one in self.functions.values()), "")

    @contextmanager
    def holding(self, source: str) -> Iterator[None]:
        """Let the functions run the code of an edited source. Raises SyntaxError."""
        codes = _codes_in(compile(source, self.file, "exec"))
        before = {one: one.__code__ for one in self.functions.values()}
        try:
            for name, function in self.functions.items():
                code = codes.get(name)
                if code is not None and len(code.co_freevars) == len(function.__code__.co_freevars):
                    function.__code__ = code
            yield
        finally:
            for function, code in before.items():
                function.__code__ = code

    def watched(self, call: Callable[[], T], most: int | None = None) -> tuple[T, list[int]]:
        """Return what a call returns, and the lines that it runs.

        Raises TooLong where these are more than `most`, or many calls are made: of a list that holds itself, say.
        """
        lines: list[int] = []
        calls = 0

        def of_line(frame: FrameType, event: str, _: object) -> Any:
            if event == "line":
                lines.append(frame.f_lineno)
                if most is not None and len(lines) > most:
                    raise TooLong
            return of_line

        def of_call(frame: FrameType, *_: object) -> Any:
            nonlocal calls
            calls += 1
            if most is not None and calls > MOST_CALLS:
                raise TooLong
            return of_line if frame.f_code.co_filename == self.file else None

        before = sys.gettrace()
        sys.settrace(of_call)
        try:
            return call(), lines
        finally:
            sys.settrace(before)


def _functions_of(module: Any) -> Iterator[FunctionType]:
    """Yield the functions of a module and the methods of its classes, without what decorators put around them."""
    left = list(vars(module).values())
    seen = set[int]()
    for value in left:
        if id(value) in seen or getattr(value, "__module__", None) != module.__name__:
            continue
        seen.add(id(value))
        if isinstance(value, type):
            left += [_function_of(one) for one in vars(value).values()]
        elif isinstance(one := _function_of(value), FunctionType):
            yield one


def _function_of(value: Any) -> Any:
    held = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
    return inspect.unwrap(held) if callable(held) and not isinstance(held, type) else held


def _codes_in(code: CodeType) -> dict[str, CodeType]:
    """Return the code of each function and each class in a piece of code, by its qualified name."""
    found: dict[str, CodeType] = {}
    left = [code]
    for one in left:
        inside = [constant for constant in one.co_consts if isinstance(constant, CodeType)]
        found |= {each.co_qualname: each for each in inside}
        left += [each for each in inside if not each.co_flags & inspect.CO_OPTIMIZED]  # of a class
    return found
