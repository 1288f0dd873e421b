"""A starter adapter: a few lines that call a candidate in canonical form. It is run before it is offered."""

import contextlib
import itertools
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rnncli.candidate import signature
from rnncli.candidate.adapter import Adapted
from rnncli.candidate.arguments import Arguments
from rnncli.candidate.convention import Part, Reading
from rnncli.candidate.function import Function
from rnncli.candidate.names import is_cell_state, option
from rnncli.candidate.objects import AnyNative, Object, native_of
from rnncli.candidate.reading import read
from rnncli.candidate.settle import Unreadable
from rnncli.candidate.trial import trial_of
from rnncli.candidate.weights import Weight
from rnncli.core.case import Case, RNNArguments
from rnncli.core.errors import CandidateError, described
from rnncli.numerics.probe import as_argument

_ARGUMENTS = {*RNNArguments.model_fields} - {"batch_first"}
WIDTH = 110
_STATES = {1: ("h_0", "h_0[0]", ""), 2: ("h_0", "*h_0", "(h_0[0][0], h_0[1][0])", "h_0[0][0], h_0[1][0]", "")}
_HINT = "what is marked with (?) is a guess"
_SHAPES = "# input (L, N, H_in); h_0 (D*num_layers, N, H_out)"


def adapter(target: object, name: str, folder: Path, cell: str = "RNN") -> str:
    """Return the text of a file in `folder` that adapts a candidate. Raises CandidateError where no such text runs."""
    case = Case.model_validate({"candidate": name, "rnn": {"cell": cell}})
    inputs, states = ["input", "input.transpose(0, 1)"], list(_STATES[len(case.cell.states)])
    adapted: Adapted | None = None
    with contextlib.suppress(Unreadable):
        adapted = read(target, name, case)[0]
    native = adapted.native if adapted else native_of(target, name, case.cell)
    if adapted:
        reading = adapted.reading
        inputs = ["input.transpose(0, 1)" if reading.input == "NLI" else "input"]
        states.sort(key=lambda code: (bool(code) != native.states.taken, ("[0]" in code) != (reading.state == "NH")))
        if reading.steps:
            inputs, states = ["x_t[None]" if reading.input == "1NI" else "x_t"], [_carried(native, reading)]
    errors = []
    # strict: a weight that is not given is an error and does not keep the value of the constructor
    for given, state, strict in itertools.product(inputs, states, (", strict=True", "")):
        text = _text(native, name, folder, given, state, adapted.reading if adapted else None)
        text = text.replace("STRICT", strict)
        try:
            done = _completed(text, native, case)
            if adapted:
                _require_the_same(done, adapted, case)
            return done + (_wiring(adapted, case) if adapted else "")
        except Exception as error:
            errors.append(error)
    itself = f"; rnncli verify {name} reads it without one" if adapted else ""
    raise CandidateError(
        f"candidate {name}: no starter adapter runs: {described(errors[0])}; write forward(input, h_0, params, case)"
        f" that returns output, h_n by hand{itself}"
    )


def _require_the_same(text: str, adapted: Adapted, case: Case) -> None:
    """Raise ValueError where an adapter computes something else than the candidate as it is read."""
    trial = trial_of(case, adapted.native, 1, 1, torch.float32)
    given = trial.x, as_argument(trial.states), trial.params, trial.case
    namespace: dict[str, Any] = {}
    exec(compile(text, "<starter>", "exec"), namespace)
    with torch.no_grad():
        (output, state), (expected, final) = namespace["forward"](*given), adapted(*given)
    pairs = [(output, expected), *zip(_as_tuple(state), _as_tuple(final), strict=False)]
    known = [(one, other) for one, other in pairs if one is not None and other is not None]
    if not all(one.shape == other.shape and torch.allclose(one, other, atol=1e-5) for one, other in known):
        raise ValueError("in a few lines it computes something else")


def _as_tuple(states: Any) -> tuple[Any, ...]:
    return states if isinstance(states, tuple) else (states,)


def _wiring(adapted: Adapted, case: Case) -> str:
    """Return comments that say how a candidate is read without an adapter, and which weight each tensor is given."""
    rows = [f"{tensor} holds {weight}: {evidence}" for tensor, weight, evidence in adapted.wiring(case)]
    lines = [f"rnncli reads it without an adapter too: {adapted.described(case)}", *rows]
    return "\n" + "".join(f"{line}\n" for one in lines for line in _wrapped(one, start="# "))


def _text(native: AnyNative, name: str, folder: Path, given: str, state: str, reading: Reading | None) -> str:
    file, _, attribute = name.rpartition(":")
    own_folder, of_file = Path(file).resolve().parent, file.endswith(".py")
    hint = f"{_HINT}; the weights are those of one layer" if native.claims("num_layers") else _HINT
    lines = [f'"""Calls {attribute} of {file} as rnncli calls every candidate; {hint}."""']
    if of_file and own_folder != folder.resolve():
        lines.append(f"import sys; sys.path.insert(0, {str(own_folder)!r})  # noqa: E702")
    shapes = ", and c_0 beside it" if len(native.cell.states) > 1 else ""
    imported = f"from {Path(file).stem if of_file else file} import {attribute.partition('.')[0]}"
    lines += ["import torch", imported, "", "def forward(input, h_0, params, case):", f"    {_SHAPES}{shapes}; RESULT"]
    if isinstance(native, Arguments):
        body = _gated(native, attribute, given, state)
    elif isinstance(native, Object):
        body = _object(native, attribute, given, state, reading is not None)
    else:
        body = _function(native, attribute, given, state, reading)
    if reading and reading.steps:
        body = _over_time(native, reading, body)
        return "\n".join([*lines, *(f"    {line}" for line in body), ""])
    return "\n".join([*lines, *(f"    {line}" for line in body), "    return OUTPUT, H_N", ""])


def _carried(native: AnyNative, reading: Reading) -> str:
    """Return the argument, or the two, that hold the states a step starts from: h, `(h, c)`, or `c, h`."""
    if reading.state is None:
        return ""
    names = ["h", "c"][: len(native.cell.states)]
    if len(native.states.names) > 1:
        names = ["c" if is_cell_state(name) else "h" for name in native.states.names]
    elif native.states.c_first:
        names.reverse()
    given = [f"{name}[None]" if reading.state == "SNH" else name for name in names]
    pair = len(native.states.names) == 1 < len(given)
    return f"({', '.join(given)})" if pair else ", ".join(given)


def _over_time(native: AnyNative, reading: Reading, body: list[str]) -> list[str]:
    """Return the code that calls a step for each x_t, with what it returned as the states of the next."""
    at = next(number for number, line in enumerate(body) if line.startswith("result = "))
    names, carries = ["h", "c"][: len(native.cell.states)], reading.state is not None
    codes = [_code_of(part) for part in reading.finals if part is not None]
    if carries and len(codes) < len(names):
        raise ValueError("it does not return all states that the next step needs")
    start = ", ".join(f"h_0[{number}][0]" for number in range(len(names))) if len(names) > 1 else "h_0[0]"
    output = _code_of(reading.output) if reading.output else codes[0]
    last = ", ".join(f"{name}[None]" for name in names) if carries else ", ".join(["None"] * len(names))
    return [
        *body[:at],
        *([f"{', '.join(names)} = {start}"] if carries else []),
        "outputs = []",
        "for x_t in input:",
        *(f"    {line}" for line in body[at:]),
        *([f"    {', '.join(names)} = {', '.join(codes)}"] if carries else []),
        f"    outputs.append({output})",
        f"return torch.stack(outputs), {f'({last})' if len(names) > 1 else last}",
    ]


def _code_of(part: Part) -> str:
    code = "result" + "".join(f"[{key!r}]" for key in part.path)
    return f"{code}[0]" if part.axes in ("1NF", "SNH") else code


def _function(native: Function, name: str, given: str, state: str, reading: Reading | None) -> list[str]:
    told = native.weights_of(Case(), reading.binding) if reading else {}
    known = {"input": given, "projected": given, "state": state, "params": "params", "case": "case"}
    arguments = []
    for parameter in signature.parameters_of(native.target):
        of = native.arguments[parameter.name]
        if parameter.name in told:
            value = _code(told[parameter.name])
        elif isinstance(of, str):
            value = known.get(of, f"case.rnn.{of}" if of in _ARGUMENTS else "")
        else:
            kind = {"bias": "bias_ih", "weight": "weight_ih", "readout": "weight_hh"}.get(of.kind or "", of.kind)
            value = _code(Weight(kind or "", of.layer or 0, of.reverse))
        if value:
            arguments.append(value if parameter.default is parameter.empty else f"{parameter.name}={value}")
    return _wrapped(f"result = {name}({', '.join(arguments)})", "" if told else "  # (?)")


def _gated(native: Arguments, name: str, given: str, state: str) -> list[str]:
    """Return the call of a function of a cell with gates, with the weights that experiments have told."""
    plan = next(iter(native.plans.values()), None)
    if plan is None or any(piece.index is not None for piece in plan.pieces):
        raise ValueError("it could not be told which gates its weights are")
    codes = {piece.tensor: f"{_code(piece.weight)}{'.T' * (native.turned and not piece.weight.is_bias)}"
             for piece in plan.pieces}  # fmt: skip
    states, arguments = iter(state.split(", ")), []
    for parameter in signature.parameters_of(native.target):
        meant, own = native.arguments[parameter.name], parameter.name
        value = {"input": given, "case": "case"}.get(meant, "") if isinstance(meant, str) else codes.get(own, "")
        if meant == "state":
            value = next(states, "") if len(native.states.names) > 1 else state
        elif meant == "params":
            inside = {tensor.partition(".")[2]: code for tensor, code in codes.items() if tensor.startswith(f"{own}.")}
            keyed = "{" + ", ".join(f"{key!r}: {code}" for key, code in inside.items()) + "}"
            value = f"[{', '.join(inside.values())}]" if native.takes_list(own) else keyed
        if value:
            arguments.append(value)
    return _wrapped(f"result = {name}({', '.join(arguments)})", "  # (?)")


def _object(native: Object, name: str, given: str, state: str, is_read: bool) -> list[str]:
    made: list[str] = []
    for parameter in [] if native.fixed else signature.parameters_of_constructor(native.target):
        meant = option(parameter.name)
        if meant in _ARGUMENTS or parameter.default is parameter.empty:
            size = "hidden_size" if made else "input_size"
            made.append(f"{parameter.name}=case.rnn.{meant if meant in _ARGUMENTS else size}")
    plan = next(iter(native.plans.values()), None)
    pieces = [piece for piece in plan.pieces if piece.weight.parameters and piece.index is None] if plan else []
    codes = {piece.tensor: _code(piece.weight) for piece in pieces}
    size = "case.rnn.hidden_size"  # of a head: the identity
    heads = {name: plan.tensors[name].shape for name in plan.heads} if plan else {}
    codes |= {name: f"torch.{'eye' if len(shape) > 1 else 'zeros'}({size})" for name, shape in heads.items()}
    weights = ", ".join(f"{tensor!r}: {code}" for tensor, code in codes.items())
    mode = ".train(case.run.train)" if native.is_module else ""
    lines, arguments = _wrapped(f"rnn = {name}({', '.join(made)}){mode}"), f"{given}, {state}"
    if native.is_module:
        lines += _wrapped(f"weights = {{{weights}}}", "" if is_read else "  # (?)")
        return [*lines, f"result = torch.func.functional_call(rnn.to(input), weights, ({arguments.rstrip()})STRICT)"]
    lines += [f"vars(rnn).update({{{weights}}})"] if weights else []
    return [*lines, f"result = rnn.{native.method}({arguments.rstrip(', ')})"]


def _code(weight: Weight) -> str:
    if weight.apart:
        raise ValueError(f"{weight} takes more than a line: b_hn is apart in it")
    names = [f"params['{name}']" for name in weight.parameters]
    if weight.gates not in ((), weight.cell.gates):
        count, order = len(weight.cell.gates), tuple(map(weight.cell.gates.index, weight.gates))
        several = f"torch.cat([{{0}}.chunk({count})[k] for k in {order}])"
        names = [(f"{{0}}.chunk({count})[{order[0]}]" if len(order) == 1 else several).format(code) for code in names]
    text = f"torch.cat([{', '.join(names)}], 1)" if weight.kind == "weight" else " + ".join(names)
    return f"{text}.T" if weight.transposed else text


def _wrapped(code: str, end: str = "", start: str = "") -> list[str]:
    """Return code on one line, or broken where it is too long."""
    wrapper = textwrap.TextWrapper(WIDTH, start, f"{start}    ", break_long_words=False, break_on_hyphens=False)
    *lines, last = wrapper.wrap(code)
    return [*lines, last + end]


def _completed(text: str, native: AnyNative, case: Case) -> str:
    """Return the text with what it returns, as running it on small sizes shows. Raises whatever running it raises."""
    trial = trial_of(case, native, 1, 1, torch.float32)
    namespace: dict[str, Any] = {}
    exec(compile(text.replace("return OUTPUT, H_N", "return result"), "<starter>", "exec"), namespace)
    with torch.no_grad():
        result = namespace["forward"](trial.x, as_argument(trial.states), trial.params, trial.case)
    told = "returns output like input, h_n like h_0"
    s, shapes, count = trial.sizes, dict(_shapes("result", result)), len(case.cell.states)
    of_output: dict[tuple[int, ...], str] = {(s.L, s.N, s.H): "{}", (s.N, s.L, s.H): "{}.transpose(0, 1)"}
    of_state: dict[tuple[int, ...], str] = {(1, s.N, s.H): "{}", (s.N, s.H): "{}[None]"}
    if "return OUTPUT" not in text:  # of a step, whose loop returns both
        rows = [one.shape == (1, s.N, s.H) for one in _as_tuple(result[1]) if one is not None]
        if result[0].shape != (s.L, s.N, s.H) or not all(rows):
            raise ValueError("what its steps return has the shape of neither output nor h_n")
        return text.replace("RESULT", told)
    output, finals = ([of[shape].format(code) for code, shape in shapes.items() if shape in of]
                      for of in (of_output, of_state))  # fmt: skip
    if not output and not finals:
        raise ValueError("what it returns has the shape of neither output nor h_n")
    states = ", ".join([*finals, *["None"] * count][:count])
    found = f"{output[0] if output else 'None'}, {f'({states})' if count > 1 else states}"
    finished = text.replace("return OUTPUT, H_N", f"return {found}").replace("RESULT", told)
    exec(compile(finished, "<starter>", "exec"), {})
    return finished


def _shapes(code: str, result: Any) -> Iterator[tuple[str, tuple[int, ...]]]:
    if isinstance(result, Tensor):
        yield code, tuple(result.shape)
    elif isinstance(result, tuple):
        for at, part in enumerate(result):
            yield from _shapes(f"{code}[{at}]", part)
