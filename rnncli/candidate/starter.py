"""A starter adapter: a few lines that call a candidate in canonical form, with what its names say filled in."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import nn

from rnncli.candidate.calling import Function, Object, native_of
from rnncli.candidate.names import option, role, slot
from rnncli.case import RNNArguments

MOST_LINES = 15
WIDTH = 116


def adapter(target: object, name: str, folder: Path) -> str:
    """The text of a file in `folder` that adapts a candidate; what is guessed is marked. Raises CandidateError."""
    file, _, attribute = name.rpartition(":")
    first = attribute.partition(".")[0]
    native = native_of(target, name)
    lines = [f'"""Calls {attribute} of {file} as rnncli calls every candidate. What is marked with (?) is a guess."""']
    module = Path(file)
    if file.endswith(".py") and module.resolve().parent != folder.resolve():
        lines.append(f"import sys; sys.path.insert(0, {str(module.resolve().parent)!r})  # noqa: E702")
    lines += ["import torch", f"from {module.stem if file.endswith('.py') else file} import {first}", ""]
    lines.append("def forward(input, h_0, params, case):")
    lines.append("    # input (L, N, H_in), batch_first (N, L, H_in); h_0 (D*num_layers, N, H_out) or None")
    if isinstance(native, Object):
        body = _object(native, attribute)
    else:
        assert isinstance(native, Function)
        body = _function(native, attribute)
    lines += [f"    {line}" for line in body]
    lines.append("    return output, h_n  # (L, N, D*H_out) like input, (D*num_layers, N, H_out)")
    return "\n".join(lines) + "\n"


def _function(native: Function, name: str) -> list[str]:
    given = []
    for argument, parameter in _parameters(native.target):
        value = _value(argument)
        if value is not None:
            given.append(value if parameter.default is parameter.empty else f"{argument}={value}")
        elif parameter.default is parameter.empty:
            given.append(f"params[{_parameter(argument)!r}]")
    return _wrapped(f"output, h_n = {name}(", given, ")  # (?)")


def _object(native: "Object", name: str) -> list[str]:
    made = []
    for argument, parameter in _parameters(vars(native.target).get("__init__", native.target)):
        meant = option(argument)
        if meant in RNNArguments.model_fields:
            made.append(f"{argument}=case.rnn.{meant}")
        elif parameter.default is parameter.empty:
            made.append(f"{argument}=case.rnn.{'input_size' if not made else 'hidden_size'}")
    lines = _wrapped(f"rnn = {name}(", made, ")")
    weights = [f"{held!r}: {code}" for held, code in native.held().items()]
    if issubclass(native.target, nn.Module):
        lines += _wrapped("weights = {", weights, "}  # (?)")
        return [*lines, "output, h_n = torch.func.functional_call(rnn.to(input), weights, (input, h_0))"]
    lines += [f"vars(rnn).update({{{', '.join(weights)}}})  # (?)"]
    return [*lines, f"output, h_n = rnn.{native.method}(input, h_0)"]


def _value(argument: str) -> str | None:
    """What an argument of a call is given, as code; None for a weight."""
    meant = role(argument)
    if meant in ("input", "projected"):
        return "input"
    if meant in ("h_0", "params", "case"):
        return meant
    return f"case.rnn.{meant}" if meant in RNNArguments.model_fields and meant != "bias" else None


def _parameter(name: str) -> str:
    """The parameter of nn.RNN that a name seems to mean."""
    meant = slot(name)
    kind = {"bias": "bias_ih", "weight": "weight_ih", "readout": "weight_hh", None: "weight_ih"}.get(
        meant.kind, meant.kind
    )
    return f"{kind}_l{meant.layer or 0}{'_reverse' if meant.reverse else ''}"


def _parameters(call: Callable[..., Any]) -> list[tuple[str, inspect.Parameter]]:
    found = [p for p in inspect.signature(call).parameters.values() if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    return [(p.name, p) for p in found if p.name != "self"]


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
