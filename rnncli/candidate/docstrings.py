"""What a candidate's docstrings and comments say of its arguments and results."""

import inspect
import re
from typing import Any

from rnncli.candidate.names import is_cell_state, role
from rnncli.candidate.source import sources_of


def doc_of(target: Any) -> str:
    """Return a docstring: of a class that inherits from torch's, its own, for torch's does not tell what it does."""
    bases = inspect.getmro(target)[1:] if inspect.isclass(target) else ()
    own = target.__doc__ or next((one.__doc__ for one in bases if one.__doc__ and not _is_torchs(one)), None)
    return inspect.cleandoc(own or "") if bases else inspect.getdoc(target) or ""


def _is_torchs(one: type) -> bool:
    return one is object or one.__module__.partition(".")[0] == "torch"


def notes_on(target: Any) -> str:
    """Return what a candidate's docstrings and comments say, without its code."""
    found = []
    for source in sources_of(target):
        methods = [one for one in vars(source).values() if inspect.isfunction(one)] if inspect.isclass(source) else []
        found += [doc_of(source), *(inspect.getdoc(one) or "" for one in methods)]
        try:
            lines = inspect.getsource(inspect.unwrap(source)).splitlines()
        except (OSError, TypeError):
            continue
        found += [line.partition("#")[2] for line in lines if "#" in line]
    return "\n".join(found)


_BEFORE_AXES = r"""  # what may stand between an argument and its axes
    (?:`+|'|")? \s* (?:\([a-zA-Z ._]*\)\s*)?    # `x` (torch.Tensor)
    (?:
        ,[^,()\n]{0,25}                         # x, the input
        | [:=\-]+ | is | are | has | have | of | a | the | shape | size | tensor | array | numpy | torch | Tensor
        | Input\ data\ for\ every\ time-step,
        | (\([Oo]ptional\)|[Oo]ptional)?\ ?([Ii]nitial|first|hidden)\ (hidden\ )?(states?|vector)[,.]?
        | [Dd]imensions | \s
    )*"""


def documented_shape(notes: str, name: str, alone: bool = False) -> list[str] | None:
    """Return the axes that docstrings and comments give an argument: `x (L, N, H_in)`, `hx: T x B x F`.

    `alone`: None where they give it others too, as in `h_0 (N, H) or (1, N, H)`.
    """
    start = rf"(?<![\w.\[]){re.escape(name)}{_BEFORE_AXES}"
    if alone and re.search(start + r"\([^()]+\)\s*(or|/|\|)\s*\(", notes, re.VERBOSE):
        return None
    for match in re.finditer(start + r"[\(\[](?P<axes>[^()\[\]]+)[\)\]]", notes, re.VERBOSE):
        axes = [axis.strip().lower() for axis in match["axes"].split(",") if axis.strip()]
        if all(re.fullmatch(r"[\w*/ ]+", axis) for axis in axes) and not _is_no_shape(axes):
            return axes
    crossed = re.search(start + r"(?P<axes>(?:\w[\w*]*\s+x\s+)+\w[\w*]*)", notes, re.VERBOSE)
    return [axis.strip().lower() for axis in re.split(r"\s+x\s+", crossed["axes"])] if crossed else None


_TYPES = {"tensor", "tensors", "array", "ndarray", "floattensor", "list", "tuple", "float", "optional", "none"}


def _is_no_shape(axes: list[str]) -> bool:
    """Return whether brackets hold an index, `h[t]`, a pair of states, `(h, c)`, or a type, `(Tensor, optional)`."""
    if _TYPES.intersection(axes):
        return True
    pair = len(axes) == 2 and any(map(is_cell_state, axes)) and any(role(axis) == "state" for axis in axes)
    return pair or axes in (["0"], ["-1"], ["t"])


def is_time(axis: str) -> bool:
    times = r"(l|t|t_x|n?_?time(_?steps?)?|timesteps?|seq\w*|n?_?steps|num_steps|length|tiempo)"
    return bool(re.fullmatch(times, axis))
