"""A starter adapter: a few lines that call a candidate in canonical form. It is run before it is offered."""

import itertools
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rnncli.candidate import signature
from rnncli.candidate.adapter import Adapted
from rnncli.candidate.calling import Function, Native, Object, constructor_of, native_of
from rnncli.candidate.names import option
from rnncli.candidate.reading import Unreadable, read, trial_of
from rnncli.candidate.wiring import Piece
from rnncli.core.case import Case, RNNArguments
from rnncli.core.errors import CandidateError, described

MOST_LINES = 15
WIDTH = 116
_INPUTS = ("input", "input.transpose(0, 1)")
_STATES = ("h_0", "h_0[0]", "")
_HINT = "what is marked with (?) is a guess"


def adapter(target: object, name: str, folder: Path) -> str:
    """The text of a file in `folder` that adapts a candidate. Raises CandidateError where no such text runs."""
    case = Case.model_validate({"candidate": name})
    try:
        (adapted, *_) = read(target, name, case)
    except Unreadable:
        adapted = None
    native = adapted.native if adapted else native_of(target, name)
    said: BaseException | None = None
    # strict: a weight that is not given is an error and does not keep the value of the constructor
    for (given, state), strict in itertools.product(itertools.product(*_variants(adapted)), (", strict=True", "")):
        text = _text(native, name, folder, given, state, adapted).replace("STRICT", strict)
        try:
            return _completed(text, given, native)
        except Exception as error:
            said = said or error
    what = described(said) if said else "nothing was tried"
    raise CandidateError(f"candidate {name}: no starter adapter runs: {what}; write forward(input, h_0, params, case)"
                         " that returns output, h_n by hand")  # fmt: skip


def _variants(adapted: Adapted | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The ways to give the input and the state, that of the reading first."""
    if adapted is None:
        return _INPUTS, _STATES
    convention = adapted.reading.convention
    given = "input.transpose(0, 1)" if convention.input == "NLI" else "input"
    state = "" if not adapted.native.takes_state else "h_0[0]" if convention.state == "NH" else "h_0"
    return (given,), tuple(dict.fromkeys((state, *_STATES)))


def _text(native: Native, name: str, folder: Path, given: str, state: str, adapted: Adapted | None) -> str:
    file, _, attribute = name.rpartition(":")
    module = Path(file)
    hint = f"{_HINT}; the weights are those of one layer" if native.claims("num_layers") else _HINT
    lines = [f'"""Calls {attribute} of {file} as rnncli calls every candidate; {hint}."""']
    if file.endswith(".py") and module.resolve().parent != folder.resolve():
        lines.append(f"import sys; sys.path.insert(0, {str(module.resolve().parent)!r})  # noqa: E702")
    lines += [
        "import torch",
        f"from {module.stem if file.endswith('.py') else file} import {attribute.partition('.')[0]}",
    ]
    lines += ["", "def forward(input, h_0, params, case):"]
    lines.append("    # input (L, N, H_in); h_0 (D*num_layers, N, H_out); RESULT")
    body = _object(native, attribute, given, state, adapted) if isinstance(native, Object) else _function(
        native, attribute, given, state)  # fmt: skip
    return "\n".join([*lines, *(f"    {line}" for line in body), "    return OUTPUT, H_N", ""])


def _function(native: Native, name: str, given: str, state: str) -> list[str]:
    assert isinstance(native, Function)
    arguments = []
    for parameter in signature.parameters_of(native.target):
        meant, of_weight = native.arguments[parameter.name]
        if meant in ("input", "projected"):
            value: str | None = given
        elif meant == "state":
            value = state or None
        elif meant == "slot" and of_weight is not None:
            kind = {"bias": "bias_ih", "weight": "weight_ih", "readout": "weight_hh"}.get(
                of_weight.kind or "", of_weight.kind
            )
            value = f"params['{kind}_l{of_weight.layer or 0}{'_reverse' if of_weight.reverse else ''}']"
        elif meant in ("params", "case"):
            value = meant
        else:
            value = f"case.rnn.{meant}" if meant in RNNArguments.model_fields and meant != "batch_first" else None
        if value is not None:
            arguments.append(value if parameter.default is parameter.empty else f"{parameter.name}={value}")
    return _wrapped(f"result = {name}(", arguments, ")  # (?)")


def _object(native: "Object", name: str, given: str, state: str, adapted: Adapted | None) -> list[str]:
    made = []
    for parameter in [] if native.fixed else constructor_of(native.target):
        meant = option(parameter.name)
        if meant in RNNArguments.model_fields and meant != "batch_first":
            made.append(f"{parameter.name}=case.rnn.{meant}")
        elif parameter.default is parameter.empty:
            made.append(f"{parameter.name}=case.rnn.{'input_size' if not made else 'hidden_size'}")
    lines = _wrapped(f"rnn = {name}(", made, ")")
    plan = next(iter(native.plans.values()), None)
    pieces = [piece for piece in plan.pieces if piece.kind != "readout" and piece.index is None] if plan else []
    single = {piece.suffix for piece in pieces if piece.kind == "bias"}
    weights = [f"{piece.tensor!r}: {_code(piece, piece.suffix in single)}" for piece in pieces]
    arguments = ", ".join([given, *([state] if state else [])])
    if native.is_module:
        lines += _wrapped("weights = {", weights, "}" if adapted else "}  # (?)")
        comma = "," if not state else ""
        return [*lines, f"result = torch.func.functional_call(rnn.to(input), weights, ({arguments}{comma})STRICT)"]
    lines += [f"vars(rnn).update({{{', '.join(weights)}}})"] if weights else []
    return [*lines, f"result = rnn.{native.method}({arguments})"]


def _code(piece: Piece, summed: bool) -> str:
    """A tensor of an object as code that takes it from `params`."""
    if piece.kind.startswith("bias") and summed:
        return f"params['bias_ih_{piece.suffix}'] + params['bias_hh_{piece.suffix}']"
    if piece.kind == "weight":
        names = [f"params['weight_ih_{piece.suffix}']", f"params['weight_hh_{piece.suffix}']"]
        text = f"torch.cat([{', '.join(names[::-1] if piece.state_first else names)}], 1)"
    else:
        text = f"params['{piece.kind}_{piece.suffix}']"
    return f"{text}.T" if piece.transposed else text


def _completed(text: str, given: str, native: Native) -> str:
    """The text with what it returns, as running it on small sizes shows. Raises whatever running it raises."""
    trial = trial_of(Case(), native, 1, 1, torch.float32)
    namespace: dict[str, Any] = {}
    probing = text.replace("return OUTPUT, H_N", "return result").replace("; RESULT", "")
    exec(compile(probing, "<starter>", "exec"), namespace)
    with torch.no_grad():
        result = namespace["forward"](trial.x, trial.h, trial.params, trial.case)
    items = result if isinstance(result, tuple) else (result,)
    names = [f"result[{index}]" for index in range(len(items))] if isinstance(result, tuple) else ["result"]
    letters = trial.sizes
    shapes: dict[str, dict[tuple[int, ...], str]] = {
        "output": {(letters.L, letters.N, letters.H): "{}", (letters.N, letters.L, letters.H): "{}.transpose(0, 1)"},
        "h_n": {(1, letters.N, letters.H): "{}", (letters.N, letters.H): "{}[None]"},
    }
    found = {"output": "None", "h_n": "None"}
    for name, forms in shapes.items():
        for code, item in zip(names, items, strict=True):
            if isinstance(item, Tensor) and tuple(item.shape) in forms and found[name] == "None":
                found[name] = forms[tuple(item.shape)].format(code)
    if set(found.values()) == {"None"}:
        raise ValueError("what it returns has the shape of neither output nor h_n")
    del given
    told = "returns output like input, h_n like h_0"
    finished = text.replace("return OUTPUT, H_N", f"return {found['output']}, {found['h_n']}").replace("RESULT", told)
    namespace = {}
    exec(compile(finished, "<starter>", "exec"), namespace)
    return finished


def _wrapped(start: str, items: list[str], end: str) -> list[str]:
    """Code on one line, or broken where it is too long."""
    lines, current = [], start
    for index, item in enumerate(items):
        piece = item + (", " if index < len(items) - 1 else "")
        if len(current) + len(piece) > WIDTH - 10:
            lines.append(current.rstrip())
            current = "    "
        current += piece
    return [*lines, current + end]
