"""The forms in which a candidate may hold its weights, in the order in which they are tried."""

import itertools

from rnncli.candidate.arguments import Arguments, Form
from rnncli.candidate.convention import Reading
from rnncli.candidate.function import Function
from rnncli.candidate.objects import AnyNative, Object, native_of
from rnncli.candidate.settle import Settling
from rnncli.candidate.trial import Trial, equal, trial_of
from rnncli.core.case import Case


def ways_to_hold_weights(native: AnyNative, case: Case, h_alone: bool) -> list[AnyNative]:
    """Return a candidate as what it may be: with its weights in several forms, and last as one that takes h alone."""
    natives: list[AnyNative] = [native]
    alone: list[AnyNative] = []
    if len(case.cell.gates) > 1 and isinstance(native, Function) and not native.calls_a_layer:
        forms: list[Form] = ["plain", "exchanged", "onnx", "bias row"]
        forms += ["directions"] if native.stacks_directions else []
        forms = ["gates", *forms] if native.has_axis_of_gates else [*forms, "gates"]
        in_lists = Arguments(native, "lists")
        if (native.takes_lists or in_lists.flat) and _runs_with_two_layers(in_lists, case):
            return [in_lists]
        natives = [Arguments(native, form) for form in forms]
        alone = [Arguments(native, form) for form in forms[:2]]
    elif isinstance(native, Function) and native.stacks_directions:
        natives += [Arguments(native, "onnx"), Arguments(native, "directions")]
    elif isinstance(native, Function) and native.takes_lists:
        natives.append(Arguments(native, "lists"))
    elif isinstance(native, Function) and native.takes_dicts_in_items:
        natives.append(Arguments(native))
    elif isinstance(native, Object):
        alone = [native_of(native.target, native.name, case.cell)]
    if not len(native.states.names) == 1 < len(case.cell.states) or native.states.pair:
        return natives
    for one in alone:
        one.states.take_h_alone()
    return alone if h_alone else [*natives, *alone]


def _runs_with_two_layers(native: Arguments, case: Case) -> bool:
    """Return whether it gives an output of the right shape for two layers, in one direction or both.

    One list of all weights may hold more than it takes: those of the second layer must have an effect.
    """
    settling, tried = Settling(native, case, {}), itertools.product((1, 2), (False, True))
    for directions, alike in tried:
        for one in settling.settled(2, directions, equal=alike):
            if one.output is not None and one.output.fits:
                trial = trial_of(case, native, 2, directions, one.dtype, alike)
                return not native.flat or _takes_second_layer(native, one, trial)
    return False


def _takes_second_layer(native: Arguments, reading: Reading, trial: Trial) -> bool:
    made = trial.made(reading.dtype)
    others = native.with_another_second_layer(made)
    return not equal(*(trial.computed(reading, trial.x, trial.states, one) for one in (made, others)))
