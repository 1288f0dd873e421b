"""The results, and the parts of them one looks for: by direction, by layer, for a head."""

from dataclasses import dataclass

from rnncli.core.case import Case
from rnncli.core.shapes import recipes, tensor_sizes
from rnncli.core.words import counted, size
from rnncli.explain.blocks import Block, Code, Prose, Section, Table


@dataclass(frozen=True, slots=True)
class Fact:
    """An expression, its size, what it holds, and another expression with the same values where there is one."""

    code: str
    shape: tuple[int, ...]
    meaning: str
    equals: str | None = None


def what_is_what(case: Case) -> Section:
    """Return the section about `output`, the last states and a head."""
    rows = []
    for fact in facts(case):
        meaning = f"{fact.meaning}; equals `{fact.equals}`" if fact.equals else fact.meaning
        rows.append((f"`{fact.code}`", size(fact.shape), meaning))
    table = Table(("code", "shape", "what it holds"), tuple(rows))
    blocks: tuple[Block, ...] = (table, Prose(_head(case)))
    if case.input.layout == "packed":
        blocks = (Code("output is a PackedSequence; this gives it its axes back", unpacking(case)), *blocks)
    return Section("What is what", blocks)


def unpacking(case: Case) -> str:
    """Return the line that turns a packed output into a padded tensor."""
    return recipes(case)[0].code


def facts(case: Case) -> list[Fact]:
    """Return what one looks up, in reading order. Each code is an expression of the results, and of k and d."""
    found = _both_directions(case) if case.rnn.bidirectional else _one_direction(case)
    return [*found, *_by_layer(case, "h_n"), *(fact for name in case.cell.final[1:] for fact in _beside_h(case, name))]


def _one_direction(case: Case) -> list[Fact]:
    one, steps = _one(case), counted(_length(case), "step")
    if case.input.layout == "packed":
        padding = f"padding, except for sequences of {steps}: not for a head"
        return [
            Fact(_at(case, -1), one, padding),
            Fact("h_n[-1]", one, "the top layer's h at each sequence's own last step"),
        ]
    return [
        Fact(_at(case, -1), one, f"the top layer's h at the last step: it has read {steps}"),
        Fact("h_n[-1]", one, "the top layer's last h", equals=_at(case, -1)),
    ]


def _both_directions(case: Case) -> list[Fact]:
    one, h_out, length = _one(case), case.rnn.h_out, _length(case)
    both, packed = (*one[:-1], 2 * h_out), case.input.layout == "packed"
    last, first, name = _at(case, -1), _at(case, 0), _name(case)
    every = (*_sequence(case)[:-1], h_out)
    steps = f"all {length:,} steps"
    of_last = f"forward half has read {steps}, reverse half only 1"
    of_first = f"reverse half has read {steps}, forward half only 1"
    if packed:
        of_last = "padding for shorter sequences; of the longest, the reverse half has read 1 step"
        of_first = "reverse half has read every step of each sequence, forward half only 1"
    if length == 1:
        of_last = of_first = "both halves have read the one step"
    at_end = "at each sequence's own last step" if packed else "at its last step"
    return [
        Fact(last, both, of_last),
        Fact(first, both, of_first),
        Fact("h_n[-2]", one, f"top layer, forward, {at_end}", None if packed else f"{last}[..., :{h_out}]"),
        Fact("h_n[-1]", one, "top layer, reverse, at t=0, where it ends", f"{first}[..., {h_out}:]"),
        Fact("torch.cat([h_n[-2], h_n[-1]], -1)", both, "both have read every step: feed a head this"),
        Fact(f"{name}[..., :{h_out}]", every, "the forward direction at every step"),
        Fact(f"{name}[..., {h_out}:]", every, "the reverse direction at every step"),
    ]


def _by_layer(case: Case, name: str) -> list[Fact]:
    rnn, one, state = case.rnn, _one(case, name), name[0]
    if rnn.num_layers == 1:
        return []
    if not rnn.bidirectional:
        alone = "; `output` has the top layer alone" if state == "h" else ""
        return [Fact(f"{name}[k]", one, f"layer k's last {state}, k = 0 to {rnn.num_layers - 1}{alone}")]
    view = f"{name}.view({', '.join(map(str, (rnn.num_layers, 2, *one)))})[k, d]"
    return [Fact(view, one, "layer k, direction d (0 forward, 1 reverse)", f"{name}[2 * k + d]")]


def _beside_h(case: Case, name: str) -> list[Fact]:
    """Return the facts about a state that is in no output."""
    state, ends = name[0], "h_n[-2] and h_n[-1]" if case.rnn.bidirectional else "h_n[-1]"
    code, shape = (f"{name}[-2:]", (2, *_one(case, name))) if case.rnn.bidirectional else (f"{name}[-1]", None)
    meaning = f"the top layer's {state} beside {ends}: in no `output`, for a further call and not for a head"
    return [Fact(code, shape or _one(case, name), meaning), *_by_layer(case, name)]


def head(case: Case) -> tuple[str, str, str]:
    """Return the code of a head, of what it is fed for one answer per sequence, and for one answer per step."""
    last = "torch.cat([h_n[-2], h_n[-1]], -1)" if case.rnn.bidirectional else "h_n[-1]"
    return f"nn.Linear({tensor_sizes(case)['output'][-1]}, num_classes)", last, _name(case)


def _head(case: Case) -> str:
    code, last, every = head(case)
    names = case.cell.final
    returned = f"The layer returns `output, ({', '.join(names)})`. " if len(names) > 1 else ""
    return (
        f"{returned}A head is `{code}`. Given `{last}`, it returns {_answers(_one(case))}, one answer per sequence;"
        f" given `{every}`, it returns {_answers(_sequence(case))}, one per step."
    )


def _answers(shape: tuple[int, ...]) -> str:
    return f"({', '.join([*map(str, shape[:-1]), 'num_classes'])}{',' * (len(shape) == 1)})"


def _name(case: Case) -> str:
    return "padded" if case.input.layout == "packed" else "output"


def _at(case: Case, t: int) -> str:
    time_second = case.rnn.batch_first and case.input.layout != "unbatched"
    return f"{_name(case)}[:, {t}]" if time_second else f"{_name(case)}[{t}]"


def _length(case: Case) -> int:
    return max(case.input.sequence_lengths) if case.input.layout == "packed" else case.input.seq_len


def _one(case: Case, name: str = "h_n") -> tuple[int, ...]:
    """Return the size of one state."""
    return tensor_sizes(case)[name][1:]


def _sequence(case: Case) -> tuple[int, ...]:
    """Return the size of `output`, or of `padded`."""
    output = tensor_sizes(case)["output"]
    if case.input.layout != "packed":
        return output
    axes = (_length(case), case.input.batch_size)
    return (*(reversed(axes) if case.rnn.batch_first else axes), output[-1])
