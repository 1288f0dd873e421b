"""What a candidate that is read does beyond its results: layouts it takes, weights it overwrites, heads that act."""

import contextlib
import re
import traceback

import torch
from torch.nn.utils.rnn import pack_sequence

from rnncli.candidate.adapter import Adapted
from rnncli.candidate.convention import Reading, part_of
from rnncli.candidate.function import Function
from rnncli.candidate.load import default_dtype
from rnncli.candidate.objects import AnyNative, Object
from rnncli.candidate.places import held_by
from rnncli.candidate.trial import Trial, as_of_head, trial_of
from rnncli.core.case import Case, altered
from rnncli.core.causes import Cause
from rnncli.numerics.probe import as_argument

__all__ = ["observe_layouts", "overwritten_by", "trial_of_whole", "unlike_heads"]


def trial_of_whole(adapted: Adapted, case: Case) -> Trial:
    """Return a trial with the layers and the directions of the case that a candidate runs itself."""
    reading, rnn = adapted.reading, case.rnn
    sizes = rnn.num_layers if reading.layers else 1, rnn.directions if reading.directions else 1
    return trial_of(case, adapted.native, *sizes, reading.dtype)


def overwritten_by(adapted: Adapted, case: Case) -> list[tuple[Cause, str]]:
    """Return which weights, or gradients of weights, a call or a hook overwrites: the cause, and a sentence."""
    native, reading = adapted.native, adapted.reading
    trial = trial_of_whole(adapted, case)
    first = slice(0, None if "N" in reading.input else 1)
    x, states = trial.x[:, first], tuple(one[:, first] for one in trial.states)
    mode = {"train": case.run.train}
    given = altered(trial.case, input={"batch_size": x.shape[1]}, run=mode)

    def call() -> None:
        with default_dtype(reading.dtype):
            adapted.prepare(trial.case)
            state = reading.as_state(states) if native.states.taken else None
            native.call(reading.as_input(x[0] if reading.steps else x), state, trial.params, given, reading.binding)

    told: list[tuple[Cause, str]] = []
    with contextlib.suppress(Exception, SystemExit):
        told += native.overwritten_in(call)
    with contextlib.suppress(Exception, SystemExit):
        held = held_by(native.made(trial.case, reading.dtype)) if isinstance(native, Object) else []
        changed = (one.name for one in held if one.hook_changes_gradient())
        after = "or the weight itself, after a backward"
        told += [(Cause.GRADIENT_LOST, f"a hook changes the gradient of {name}, {after}") for name in changed]
    return told


def unlike_heads(adapted: Adapted, case: Case) -> list[str]:
    """Return the weights of a head, which the identity hides, where results are not what a head makes of states."""
    native, reading, results = adapted.native, adapted.reading, []
    if not isinstance(native, Function):
        return []
    trial = trial_of_whole(adapted, case)
    names = native.heads(trial.case, reading.binding)
    if not names:
        return []
    try:
        for native.head_scale in (1.0, 0.5):
            results.append(trial.computed(reading, trial.x, trial.states))
    except Exception:
        return []  # which its own call tells
    finally:
        native.head_scale = 1.0
    return [] if as_of_head(*results) else names


def observe_layouts(adapted: Adapted, case: Case) -> None:
    """Set which layouts it takes itself, whether it starts from its own state, and whether gradients are lost."""
    native, reading, layout = adapted.native, adapted.reading, case.input.layout
    whole = reading.whole(case)
    if layout == "unbatched":
        as_torch = (native.drop_in or native.looks_at_rank) and reading.state in ("SNH", None)
        adapted.unbatched = whole if as_torch else _refuses_two_axes(native, case, reading)
    if layout == "packed" or native.packed_alone or native.names_packed:
        named = native.names_packed and ("packedsequence" in native.words or not native.claims("lengths"))
        adapted.packs = whole and (named or native.packed_alone or (native.drop_in and _takes_packed(adapted, case)))
    if reading.steps and native.states.optional:
        adapted.starts_itself = native.states.starts_itself
        with contextlib.suppress(Exception):
            trial_of(case, native, 1, 1, reading.dtype).returned(reading, omitted=True)
            adapted.starts_itself = True
    if native.outside_autograd:
        trial = trial_of(case, native, 1, 1, reading.dtype)
        with contextlib.suppress(Exception), torch.enable_grad():
            results = trial.computed(reading, trial.x.clone().requires_grad_(), trial.states)
            adapted.outside_autograd = not any(value is not None and value.requires_grad for value in results)


def _takes_packed(adapted: Adapted, case: Case) -> bool:
    reading, trial = adapted.reading, trial_of_whole(adapted, case)
    x, state = pack_sequence([trial.x[:, 0], trial.x[:2, 1]]), reading.as_state(part_of(trial.states, 1, 0, 2))
    given = {"batch_size": 2, "layout": "packed", "lengths": (trial.sizes.L, 2)}
    try:
        with default_dtype(reading.dtype):
            adapted.prepare(trial.case)
            adapted.native.call(x, state, trial.params, altered(trial.case, input=given), reading.binding)
    except Exception:
        return False
    return True


def _refuses_two_axes(native: AnyNative, case: Case, reading: Reading) -> bool:
    """Return whether a module raises by a statement of its own for a 2-D input, which it then refuses."""
    if not native.is_module or "N" not in reading.input or native.packed_alone:
        return False
    trial = trial_of(case, native, 1, 1, reading.dtype)
    try:
        trial.call(reading, trial.x[:, :1])(trial.x[:, 0], as_argument(one[:, 0] for one in trial.states))
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        own = last.filename == getattr(native.module, "__file__", last.filename)
        return own and bool(re.search(r"\b(raise|assert) ", str(last.line)))
    return False
