"""Recurrent layers with faults in them: the equations of `rnncli.manual`, compiled with the edits of the faults."""

import __future__

from collections.abc import Mapping
from functools import cache
from types import CodeType
from typing import Any

from rnncli.candidate.load import Canonical, arguments_of
from rnncli.faults.catalogue import edits_of
from rnncli.faults.edits import HEAD, STEP_FUNCTIONS, edited, functions


def plant(*ids: str, cell: str = "RNN") -> Canonical:
    """Return a layer with the faults of these ids in it; without an id, the correct one.

    It is called as every candidate is: f(input, h_0, params, case) -> (output, h_n), of an LSTM with pairs of states.
    Of two faults that change the same words, the one that stands first in the catalogue holds. What a fault keeps
    between calls belongs to the callable returned. Raises KeyError for an unknown id.
    """
    return compiled(_changed(ids, cell), cell)


def compiled(changed: Mapping[str, str], cell: str = "RNN", **names: Any) -> Canonical:
    """Return a layer with changed functions, by name, which may use what else is given by name."""
    module = {**_head(), **names}  # a new one for each: a fault may keep something in it
    for text in {**functions(), **changed, HEAD: ""}.values():
        exec(_code(text), module)
    steps = {name.removesuffix("_step") if cell == "RNN" else cell: module[name] for name in STEP_FUNCTIONS[cell]}
    implementation = module["made_of"](steps)
    return lambda input, states, params, case: implementation(input, states, params, **arguments_of(case))


@cache
def _changed(ids: tuple[str, ...], cell: str) -> dict[str, str]:
    return edited(edits_of(ids, cell), cell)


@cache
def _head() -> dict[str, Any]:
    module: dict[str, Any] = {"__name__": "rnncli.faults.equations"}
    exec(functions()[HEAD], module)
    return module


@cache  # of one function alone: most are the same in many faults
def _code(text: str) -> CodeType:
    code: CodeType = compile(text, "equations.py", "exec", flags=__future__.annotations.compiler_flag)
    return code
