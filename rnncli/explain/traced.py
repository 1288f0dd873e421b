"""The page of --trace: the numbers of one sequence through time, forwards and backwards."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, zip_longest

from rnncli.core.case import Case
from rnncli.core.errors import ConfigError, nearest, shown
from rnncli.core.summary import call
from rnncli.core.words import counted, joined, letters
from rnncli.explain.blocks import Block, Code, Page, Prose, Section, Table
from rnncli.explain.equations import backward, elementwise, parts, sums, with_torch_s_names
from rnncli.explain.snippets import by_module

KEYS = ("t", "n", "layer", "direction")
DIRECTIONS = ("forward", "reverse")
MOST_UNITS = 4  # of a state; the whole of it where hidden_size is no larger
MOST_VALUES = 8  # of x_t and h, in the sum of one step
MOST_STEPS = 8  # around the step that is shown in full
MOST_COLUMNS = 6  # of figures: so many fit into 80 columns

Values = Sequence[float]  # of the first units


@dataclass(frozen=True, slots=True)
class Place:
    """The step that is shown in full, and the sequence, layer and direction that are followed."""

    t: int
    n: int
    layer: int
    reverse: bool

    @property
    def suffix(self) -> str:
        """The end of the names of the parameters: l0_reverse."""
        return f"l{self.layer}{'_reverse' if self.reverse else ''}"


@dataclass(frozen=True, slots=True)
class Trace:
    """The numbers of a place. Of a large layer there are the first units alone.

    `steps`: of each step that is shown, its columns by their heads: gates and states, and the gradients of L =
    output.sum(). That of a gate is the gradient of what goes into its activation. `given`: what goes into the step that
    is shown in full, x_t and the states before it; `terms`: its terms by how the page writes them.
    """

    steps: dict[int, dict[str, Values]]
    weight_hh: Sequence[Values]
    given: dict[str, Values]
    terms: dict[str, Values]


def parse(case: Case, text: str) -> Place:
    """Return the place that --trace names. Raises ConfigError, with what is allowed."""
    given = _given(text)
    rnn, layout = case.rnn, case.input.layout
    if layout != "unbatched" and case.input.batch_size == 0:
        raise ConfigError("--trace: batch_size is 0, so there is no sequence to follow; allowed: batch_size 1 or more")
    n = _number(given, "n", 0, 1 if layout == "unbatched" else case.input.batch_size, "")
    length = case.input.sequence_lengths[n] if layout == "packed" else case.input.seq_len
    of_sequence = f", for sequence {n} has {counted(length, 'step')}" if layout == "packed" else ""
    t = _number(given, "t", length - 1, length, of_sequence)
    layer = _number(given, "layer", 0, rnn.num_layers, "")
    direction = given.get("direction", "forward")
    allowed = DIRECTIONS[: rnn.directions]
    if direction not in allowed:
        hint = nearest(direction, allowed)
        more = "" if rnn.bidirectional else "; --bidirectional adds reverse"
        raise ConfigError(f"--trace: direction={direction} is not allowed{hint}; allowed: {', '.join(allowed)}{more}")
    return Place(t, n, layer, direction == "reverse")


def _given(text: str) -> dict[str, str]:
    given: dict[str, str] = {}
    for part in text.split(","):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not value:
            raise ConfigError(f"--trace: {shown(text)} is not allowed; allowed: t=T,n=N, as t=3,n=0")
        if key not in KEYS:
            raise ConfigError(f"--trace: unknown key {key}{nearest(key, KEYS)}; allowed: {', '.join(KEYS)}")
        if key in given:
            raise ConfigError(f"--trace: {key} is given twice; allowed: once")
        given[key] = value
    return given


def _number(given: dict[str, str], key: str, default: int, below: int, why: str) -> int:
    value = given.get(key, str(default))
    if not (value.isascii() and value.isdecimal()) or int(value) >= below:
        allowed = f"{key} from 0 to {below - 1}" if below > 1 else f"{key}=0 alone"
        raise ConfigError(f"--trace: {key}={value} is not allowed; allowed: {allowed}{why}")
    return int(value)


def steps_shown(case: Case, place: Place) -> list[int]:
    """Return the steps of the table: all of a short sequence, else both ends and those around the place."""
    packed = case.input.layout == "packed"
    length = case.input.sequence_lengths[place.n] if packed else case.input.seq_len
    if length <= MOST_STEPS:
        return list(range(length))
    near = range(max(0, place.t - 1), min(length, place.t + 2))
    return sorted({0, 1, *near, length - 2, length - 1})


def terms(case: Case, place: Place) -> list[str]:
    """Return the terms of a step in their order: those of each sum, the sum, and what is computed of the sums."""
    found: list[str] = []
    for gate in case.cell.gates:
        for name, of_sum in sums(case).items():
            shown = "\n+ ".join(of_sum)
            if case.cell.has_nonlinearity:
                found += [*with_torch_s_names(shown, place.suffix).splitlines(), f"= {name}_t"]
            else:
                found += [*re.sub(r"\b([Wb]_[ih])h\b", rf"\1{gate}", shown).splitlines(), f"= {name}_{gate}"]
        found += [line for line in elementwise(case) if line.startswith(f"{gate} = ")]
    return found + [line.replace("(a)", "(a_t)") for line in elementwise(case) if "_t = " in line]


def handing_down(case: Case, place: Place) -> tuple[str, str]:
    """Return what hands gradients down to a place: the tensor or layer above, and the step that is computed next."""
    above = "output" if place.layer == case.rnn.num_layers - 1 else f"layer {place.layer + 1}"
    return above, "t-1" if place.reverse else "t+1"


def traced(case: Case, place: Place, trace: Trace) -> Page:
    """Return the page of a trace."""
    sections = (_through_time(case, place, trace), _one(case, place, trace), _code(case))
    return Page(call(case), letters(case.config), sections)


def _through_time(case: Case, place: Place, trace: Trace) -> Section:
    what = "a and h" if case.cell.has_nonlinearity else joined(["the gates", *case.cell.states[::-1]])
    text = f"Forwards, {what} of every step; backwards, the gradients of L = output.sum()."
    blocks: list[Block] = [Prose(text), Table(("value", "what it is"), tuple(_formulas(case, place)))]
    blocks += (_figures(trace, heads) for heads in _in_tables([*trace.steps[place.t]]))
    units = f"The first {MOST_UNITS} of {case.rnn.hidden_size:,} units; `--hidden-size {MOST_UNITS}` shows a smaller"
    whole = case.rnn.hidden_size <= MOST_UNITS
    blocks += [_weights(place, trace) if whole else Prose(f"{units} {case.cell.name} whole.")]
    title = f"Sequence n={place.n} through time: layer {place.layer}, {DIRECTIONS[place.reverse]}"
    return Section(title, tuple(blocks))


def _formulas(case: Case, place: Place) -> Iterator[tuple[str, str]]:
    (above, following), suffix = handing_down(case, place), place.suffix
    for name, found in sums(case).items():
        text = with_torch_s_names(" + ".join(found), suffix).replace(" + h", "` `+ h")  # where a line may end
        single = case.cell.has_nonlinearity
        yield (
            f"`{name}{'_t' * single}`",
            f"`{text}`, {'the pre-activation' if single else f'by gate {parts(case, name)}'}",
        )
    for line in elementwise(case):
        name, _, text = with_torch_s_names(line, suffix).replace("(a)", "(a_t)").partition(" = ")
        yield f"`{name}`", f"`{text}`"
    for name, text in backward(case).items():
        yield f"`{name}`", text.format(above=above, next=following, suffix=suffix)


def _in_tables(heads: list[str]) -> list[list[str]]:
    """Return the columns in as few tables as fit into the page: values, gradients of states, and those of gates."""
    groups = groupby(heads, lambda head: (head.startswith(("from", "dL")), head.startswith("dL/da")))
    tables: list[list[str]] = [[]]
    for group in (list(found) for _, found in groups):
        tables += [[]] if len(tables[-1]) + len(group) > MOST_COLUMNS else []
        tables[-1] += group
    return tables


def _figures(trace: Trace, heads: list[str]) -> Table:
    """Return a table with a row for each unit of each step."""
    rows: list[tuple[str, ...]] = []
    before = -1
    for t, step in trace.steps.items():
        rows += [("...", *[""] * (len(heads) + 1))] if t > before + 1 else []
        before = t
        for unit, values in enumerate(zip_longest(*(step[head] for head in heads))):
            rows.append(("" if unit else f"{t}", f"{unit}", *map(_figure, values)))
    return Table(tuple(f"{head}>" for head in ("t", "unit", *heads)), tuple(rows))


def _weights(place: Place, trace: Trace) -> Table:
    rows = tuple((f"{row}", *map(_figure, values)) for row, values in enumerate(trace.weight_hh))
    columns = (f"column {unit}>" for unit in range(len(trace.weight_hh[0])))
    return Table((f"weight_hh_{place.suffix}, row>", *columns), rows)


def _one(case: Case, place: Place, trace: Trace) -> Section:
    rnn, suffix, gate = case.rnn, place.suffix, case.cell.gates[0]
    features = rnn.input_size if place.layer == 0 else rnn.directions * rnn.h_out
    sizes = zip(trace.given.items(), (features, rnn.h_out, rnn.hidden_size), strict=False)
    text = f"{', '.join(f'{name} is {_vector(values, length)}' for (name, values), length in sizes)}."
    if not case.cell.has_nonlinearity:
        text += f" W_i{gate} and W_h{gate} are the rows of gate {gate} in weight_ih_{suffix} and weight_hh_{suffix}."
    units = range(max(map(len, trace.terms.values())))
    rows = zip_longest(*trace.terms.values())  # by unit
    cells = zip(*([_figure(value) for value in row] for row in rows), strict=True)
    table = Table(
        ("term", *(f"unit {unit}>" for unit in units)),
        tuple((f"`{term}`", *row) for term, row in zip(trace.terms, cells, strict=True)),
    )
    return Section(f"Step t={place.t}, term by term", (Prose(text), table))


def _code(case: Case) -> Section:
    data = "output.data" if case.input.layout == "packed" else "output"
    text = f"{by_module(case)}\n{data}.sum().backward()"
    return Section(f"The same numbers from {case.cell.layer}", (Code("float32, on the CPU", text),))


def _vector(values: Values, length: int) -> str:
    return f"[{', '.join(map(_figure, values))}{', ...' if length > len(values) else ''}]"


def _figure(value: float | None) -> str:
    """Return a number in at most nine columns; nothing where there is none."""
    if value is None:
        return ""
    return f"{value:.5f}" if value == 0 or 1e-3 <= abs(value) < 1000 else f"{value:.2e}"
