"""A starter adapter: a few lines that call a candidate in canonical form. It is run before it is offered."""

import itertools
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rnncli.candidate import signature
from rnncli.candidate.adapter import Adapted
from rnncli.candidate.function import Function
from rnncli.candidate.names import option
from rnncli.candidate.objects import Candidate, Object, native_of
from rnncli.candidate.reading import read
from rnncli.candidate.settle import Unreadable
from rnncli.candidate.trial import trial_of
from rnncli.candidate.weights import Weight
from rnncli.core.case import Case, RNNArguments
from rnncli.core.errors import CandidateError, described

WIDTH = 106
_INPUTS = ("input", "input.transpose(0, 1)")
_STATES = ("h_0", "h_0[0]", "")
_HINT = "what is marked with (?) is a guess"


def adapter(target: object, name: str, folder: Path) -> str:
    """Return the text of a file in `folder` that adapts a candidate. Raises CandidateError where no such text runs."""
    case = Case.model_validate({"candidate": name})
    try:
        (adapted, *_) = read(target, name, case)
    except Unreadable:
        adapted = None
    native = adapted.native if adapted else native_of(target, name)
    said: BaseException | None = None
    # strict: a weight that is not given is an error and does not keep the value of the constructor
    for (given, state), strict in itertools.product(itertools.product(*_variants(adapted)), (", strict=True", "")):
        text = _text(native, name, folder, given, state, adapted is not None).replace("STRICT", strict)
        try:
            return _completed(text, native)
        except Exception as error:
            said = said or error
    what = described(said) if said else "nothing was tried"
    raise CandidateError(f"candidate {name}: no starter adapter runs: {what}; write forward(input, h_0, params, case)"
                         " that returns output, h_n by hand")  # fmt: skip


def _variants(adapted: Adapted | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the ways to give the input and the state, that of the reading first."""
    if adapted is None:
        return _INPUTS, _STATES
    reading = adapted.reading
    given = "input.transpose(0, 1)" if reading.input == "NLI" else "input"
    state = "" if not adapted.native.takes_state else "h_0[0]" if reading.state == "NH" else "h_0"
    return (given,), tuple(dict.fromkeys((state, *_STATES)))


def _text(native: Candidate, name: str, folder: Path, given: str, state: str, is_read: bool) -> str:
    file, _, attribute = name.rpartition(":")
    module = Path(file)
    hint = f"{_HINT}; the weights are those of one layer" if native.claims("num_layers") else _HINT
    lines = [f'"""Calls {attribute} of {file} as rnncli calls every candidate; {hint}."""']
    if file.endswith(".py") and module.resolve().parent != folder.resolve():
        lines.append(f"import sys; sys.path.insert(0, {str(module.resolve().parent)!r})  # noqa: E702")
    imported = module.stem if file.endswith(".py") else file
    lines += ["import torch", f"from {imported} import {attribute.partition('.')[0]}", ""]
    lines += [
        "def forward(input, h_0, params, case):",
        "    # input (L, N, H_in); h_0 (D*num_layers, N, H_out); RESULT",
    ]
    if isinstance(native, Object):
        body = _object(native, attribute, given, state, is_read)
    else:
        assert isinstance(native, Function)
        body = _function(native, attribute, given, state)
    return "\n".join([*lines, *(f"    {line}" for line in body), "    return OUTPUT, H_N", ""])


def _function(native: Function, name: str, given: str, state: str) -> list[str]:
    known = {"input": given, "projected": given, "state": state or None, "params": "params", "case": "case"}
    arguments = []
    for parameter in signature.parameters_of(native.target):
        of = native.arguments[parameter.name]
        if isinstance(of, str):
            value = known.get(of, f"case.rnn.{of}" if _is_argument(of) else None)
        else:
            kind = {"bias": "bias_ih", "weight": "weight_ih", "readout": "weight_hh"}.get(of.kind or "", of.kind)
            value = _code(Weight(kind or "", of.layer or 0, of.reverse))
        if value is not None:
            arguments.append(value if parameter.default is parameter.empty else f"{parameter.name}={value}")
    return _wrapped(f"result = {name}(", arguments, ")  # (?)")


def _object(native: Object, name: str, given: str, state: str, is_read: bool) -> list[str]:
    made = []
    for parameter in [] if native.fixed else signature.parameters_of_constructor(native.target):
        meant = option(parameter.name) or ""
        if _is_argument(meant):
            made.append(f"{parameter.name}=case.rnn.{meant}")
        elif parameter.default is parameter.empty:
            made.append(f"{parameter.name}=case.rnn.{'input_size' if not made else 'hidden_size'}")
    lines = _wrapped(f"rnn = {name}(", made, ")")
    plan = next(iter(native.plans.values()), None)
    pieces = [piece for piece in plan.pieces if piece.weight.parameters and piece.index is None] if plan else []
    weights = [f"{piece.tensor!r}: {_code(piece.weight)}" for piece in pieces]
    arguments = ", ".join([given, *([state] if state else [])])
    if native.is_module:
        lines += _wrapped("weights = {", weights, "}" if is_read else "}  # (?)")
        comma = "," if not state else ""
        return [*lines, f"result = torch.func.functional_call(rnn.to(input), weights, ({arguments}{comma})STRICT)"]
    lines += [f"vars(rnn).update({{{', '.join(weights)}}})"] if weights else []
    return [*lines, f"result = rnn.{native.method}({arguments})"]


def _is_argument(meant: str) -> bool:
    return meant in RNNArguments.model_fields and meant != "batch_first"


def _code(weight: Weight) -> str:
    """Return code that takes a weight from `params`."""
    names = [f"params['{name}']" for name in weight.parameters]
    text = f"torch.cat([{', '.join(names)}], 1)" if weight.kind == "weight" else " + ".join(names)
    return f"{text}.T" if weight.transposed else text


def _completed(text: str, native: Candidate) -> str:
    """Return the text with what it returns, as running it on small sizes shows. Raises whatever running it raises."""
    trial = trial_of(Case(), native, 1, 1, torch.float32)
    namespace: dict[str, Any] = {}
    exec(compile(text.replace("return OUTPUT, H_N", "return result"), "<starter>", "exec"), namespace)
    with torch.no_grad():
        result = namespace["forward"](trial.x, trial.h, trial.params, trial.case)
    items = {f"result[{index}]": item for index, item in enumerate(result)} if isinstance(result, tuple) else {
        "result": result}  # fmt: skip
    s = trial.sizes
    forms: dict[str, dict[tuple[int, ...], str]]
    forms = {"output": {(s.L, s.N, s.H): "{}", (s.N, s.L, s.H): "{}.transpose(0, 1)"},
             "h_n": {(1, s.N, s.H): "{}", (s.N, s.H): "{}[None]"}}  # fmt: skip
    shapes = {code: tuple(item.shape) for code, item in items.items() if isinstance(item, Tensor)}
    found = {name: next((of[shape].format(code) for code, shape in shapes.items() if shape in of), "None")
             for name, of in forms.items()}  # fmt: skip
    if set(found.values()) == {"None"}:
        raise ValueError("what it returns has the shape of neither output nor h_n")
    told = "returns output like input, h_n like h_0"
    finished = text.replace("return OUTPUT, H_N", f"return {found['output']}, {found['h_n']}").replace("RESULT", told)
    exec(compile(finished, "<starter>", "exec"), {})
    return finished


def _wrapped(start: str, items: list[str], end: str) -> list[str]:
    """Return code on one line, or broken where it is too long."""
    lines, current = [], start
    for index, item in enumerate(items):
        piece = item + (", " if index < len(items) - 1 else "")
        if len(current) + len(piece) > WIDTH:
            lines.append(current.rstrip())
            current = "    "
        current += piece
    return [*lines, current + end]
