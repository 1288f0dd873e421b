"""Weights whose names say what they are beside each other: of two matrices one is the input's, a third one a head's."""

from collections.abc import Mapping

from rnncli.candidate.names import Kind, Slot, slot

_MATRICES: tuple[Kind, ...] = ("weight_ih", "weight_hh", "weight")
_SUFFIXES = (("f", "b"), ("", "r"), ("", "_r"), ("", "b"), ("_f", "_b"), ("", "_back"), ("l", "r"))


def told_apart(slots: Mapping[str, Slot]) -> dict[str, Slot]:
    """Return weights by name, where of two matrices, or two biases, one is the input's and the other the state's.

    Where neither name says it, the first is the input's.
    """
    slots = with_head(directions_by_suffix(slots))
    told = dict(slots)
    pairs: tuple[tuple[Kind, Kind, Kind], ...]
    pairs = (("weight", "weight_ih", "weight_hh"), ("bias", "bias_ih", "bias_hh"))
    for either, of_input, of_state in pairs:
        alike = {name: of for name, of in slots.items() if of.kind in (either, of_input, of_state)}
        groups = {(of.layer, of.reverse) for of in alike.values()}
        unclear = [of for of in alike.values() if of.kind == either]
        numbered = len(unclear) == 2 and len(groups) == 2 and len({reverse for _, reverse in groups}) == 1
        for group in [None] if numbered else groups:  # W1 and W2 are two matrices of one layer
            members = [name for name, of in alike.items() if group in (None, (of.layer, of.reverse))]
            if len(members) == 2 and not {of_input, of_state} <= {alike[name].kind for name in members}:
                swapped = alike[members[0]].kind == of_state or alike[members[1]].kind == of_input
                for name, kind in zip(members[::-1] if swapped else members, (of_input, of_state), strict=True):
                    told[name] = Slot(kind, None if numbered else alike[name].layer, alike[name].reverse)
    return told


def with_head(slots: Mapping[str, Slot]) -> dict[str, Slot]:
    """Return weights by name, where a third matrix, beside the input's and the state's, is a head's, as is its bias."""
    named = {kind: [name for name, of in slots.items() if of.kind == kind] for kind in _MATRICES}
    rest = {name: name.lower()[1:].strip("_") for name in slots}
    states = [name for name in named["weight_hh"] if rest[name] != "s"]  # W_s beside W_h
    thirds = [*named["weight"], *(name for name in named["weight_hh"] if states and name not in states)]
    if len(named["weight_ih"]) != 1 or len(states or named["weight_hh"]) != 1 or len(thirds) != 1:
        return dict(slots)
    end = rest[thirds[0]]
    biases = [name for name, of in slots.items() if of.kind == "bias" and rest[name] and end.startswith(rest[name])]
    return {**slots, **dict.fromkeys([*thirds, *biases], Slot("readout", None, False))}


def directions_by_suffix(slots: Mapping[str, Slot]) -> dict[str, Slot]:
    """Return weights by name, with the direction that names say beside each other: `Wf` and `Wb`, `wih` and `wihr`."""
    for forward, reverse in _SUFFIXES:
        stems = {name.removesuffix(forward) for name in slots} - {""}
        paired = [stem for stem in stems if {stem + forward, stem + reverse} <= set(slots)]
        named = {stem + end for stem in paired for end in (forward, reverse)}
        if len(paired) >= 2 and len(named) >= len(slots) - 2:
            told, bare = dict(slots), {stem.strip("_") for stem in paired}
            for stem in paired:
                plain = stem.strip("_")
                bias = plain[:1] == "b" and plain[1:].strip("_") in bare
                kind: Kind | None = "bias" if bias else slot(plain).kind or slots[stem + forward].kind
                told[stem + forward], told[stem + reverse] = Slot(kind, None, False), Slot(kind, None, True)
            return told
    return dict(slots)
