"""The page of --trace: the numbers of one sequence through time, forwards and backwards."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from rnncli.core.case import Case
from rnncli.core.errors import ConfigError, nearest, shown
from rnncli.core.shapes import confront
from rnncli.core.summary import call
from rnncli.core.words import counted, joined, letters
from rnncli.explain.blocks import Block, Code, Page, Prose, Section, Table
from rnncli.explain.equations import OPERANDS, SUMS, backward, elementwise, parts
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
class Step:
    """The values of the gates and states of a step, and the gradients of L = output.sum().

    The gradient of a gate is that of what goes into its activation. `from_above` is what reaches dL/dh_t from `output`
    or the layer above, `from_time` from the step computed next.
    """

    values: Mapping[str, Values]
    gradients: Mapping[str, Values]
    from_above: Values
    from_time: Values


@dataclass(frozen=True, slots=True)
class Trace:
    """The steps that are shown, weight_hh, and of one step what goes in (x_t and the states before) and its terms.

    Of weight_hh there are the first units alone, of what goes in some more.
    """

    steps: dict[int, Step]
    weight_hh: Sequence[Values]
    given: Mapping[str, Values]
    terms: Mapping[str, Values]


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
    found, gated, after = [], not case.cell.has_nonlinearity, elementwise(case)
    for gate in case.cell.gates:
        for name, kinds in SUMS[case.cell.name].items():
            for at, kind in enumerate(kinds):
                weight, bias = f"weight_{kind}_{place.suffix}", f"bias_{kind}_{place.suffix}"
                weight, bias = (f"W_{kind[0]}{gate}", f"b_{kind[0]}{gate}") if gated else (weight, bias)
                found += [f"{'+ ' if at else ''}{OPERANDS[kind]} @ {weight}.T"]
                found += [f"+ {bias}"] if case.rnn.bias else []
            found.append(f"= {name}_{gate if gated else 't'}")
        found += [line for line in after if line.startswith(f"{gate} = ")]
    return found + [line.replace("(a)", "(a_t)") for line in after if line.partition(" = ")[0].endswith("_t")]


def traced(case: Case, place: Place, trace: Trace) -> Page:
    """Return the page of a trace."""
    sections = (_through_time(case, place, trace), _one(case, place, trace), _code(case))
    return Page(call(confront(case)), letters(case.config), sections)


def _through_time(case: Case, place: Place, trace: Trace) -> Section:
    gated, next_step = not case.cell.has_nonlinearity, "t-1" if place.reverse else "t+1"
    above = "output" if place.layer == case.rnn.num_layers - 1 else f"layer {place.layer + 1}"
    formulas = [*_forward(case, place)]
    for name, text in backward(case).items():
        formulas.append((f"`{name}`", text.format(above=above, next=next_step, suffix=place.suffix)))
    what = joined(["the gates", *case.cell.states[::-1]] if gated else ["a", "h"])
    text = f"Forwards, {what} of every step; backwards, the gradients of L = output.sum()."
    blocks: list[Block] = [Prose(text), Table(("value", "what it is"), tuple(formulas))]
    figures = {t: _figures(case, step, above, next_step) for t, step in trace.steps.items()}
    blocks += (_table({t: tables[at] for t, tables in figures.items()}) for at in range(len(figures[place.t])))
    blocks += [Prose(_units(case))] if case.rnn.hidden_size > MOST_UNITS else [_weights(place, trace)]
    title = f"Sequence n={place.n} through time: layer {place.layer}, {DIRECTIONS[place.reverse]}"
    return Section(title, tuple(blocks))


def _forward(case: Case, place: Place) -> Iterator[tuple[str, str]]:
    gated, bias = not case.cell.has_nonlinearity, case.rnn.bias
    for name, kinds in SUMS[case.cell.name].items():
        sums = []
        for kind in kinds:
            term = f"{OPERANDS[kind]} @ weight_{kind}_{place.suffix}.T"
            sums.append(f"`{'+ ' if sums else ''}{term}{f' + bias_{kind}_{place.suffix}' if bias else ''}`")
        what = f"by gate {parts(case, name)}" if gated else "the pre-activation"
        yield f"`{name}{'' if gated else '_t'}`", f"{' '.join(sums)}, {what}"
    for line in elementwise(case):
        name, _, expression = line.partition(" = ")
        yield f"`{name}`", f"`{expression.replace('(a)', '(a_t)').replace('W_hr', f'weight_hr_{place.suffix}')}`"


def _figures(case: Case, step: Step, above: str, next_step: str) -> list[dict[str, Values]]:
    """Return the columns of a step, in as few tables as fit into the page."""
    gates, states = case.cell.gates, case.cell.states
    gated = not case.cell.has_nonlinearity
    groups = [{gate if gated else f"{gate}_t": step.values[gate] for gate in gates}]
    groups[0] |= {f"{state}_t": step.values[state] for state in states[::-1]}
    groups.append({f"from {above}": step.from_above, f"from {next_step}": step.from_time})
    groups[1] |= {f"dL/d{state}_t": step.gradients[state] for state in states}
    groups.append({f"dL/da_{gate if gated else 't'}": step.gradients[gate] for gate in gates})
    tables = groups[:1]
    for group in groups[1:]:
        if len(tables[-1]) + len(group) <= MOST_COLUMNS:
            tables[-1] = tables[-1] | group
        else:
            tables.append(group)
    return tables


def _table(by_step: dict[int, dict[str, Values]]) -> Table:
    """Return a table with a row for each unit of each step."""
    heads = ("t", "unit", *next(iter(by_step.values())))
    rows: list[tuple[str, ...]] = []
    for before, (t, columns) in zip([-1, *by_step], by_step.items(), strict=False):
        rows += [("...", *[""] * (len(heads) - 1))] if t > before + 1 else []
        for unit, values in enumerate(zip_longest(*columns.values())):
            rows.append(("" if unit else f"{t}", f"{unit}", *map(_figure, values)))
    return Table(tuple(f"{head}>" for head in heads), tuple(rows))


def _units(case: Case) -> str:
    units = f"The first {MOST_UNITS} of {case.rnn.hidden_size:,} units"
    return f"{units}; `--hidden-size {MOST_UNITS}` shows a smaller {case.cell.name} whole."


def _weights(place: Place, trace: Trace) -> Table:
    rows = tuple((f"{row}", *map(_figure, values)) for row, values in enumerate(trace.weight_hh))
    columns = (f"column {unit}>" for unit in range(len(trace.weight_hh[0])))
    return Table((f"weight_hh_{place.suffix}, row>", *columns), rows)


def _one(case: Case, place: Place, trace: Trace) -> Section:
    rnn, suffix = case.rnn, place.suffix
    features = rnn.input_size if place.layer == 0 else rnn.directions * rnn.h_out
    sizes = zip(trace.given, (features, rnn.h_out, rnn.hidden_size), strict=False)
    text = f"{', '.join(f'{name} is {_vector(trace.given[name], length)}' for name, length in sizes)}."
    if not case.cell.has_nonlinearity:
        first = case.cell.gates[0]
        text += f" W_i{first} and W_h{first} are the rows of gate {first} in weight_ih_{suffix} and weight_hh_{suffix}."
    units = max(map(len, trace.terms.values()))
    rows = ((f"`{term}`", *map(_figure, values), *[""] * (units - len(values))) for term, values in trace.terms.items())
    table = Table(("term", *(f"unit {unit}>" for unit in range(units))), tuple(rows))
    return Section(f"Step t={place.t}, term by term", (Prose(text), table))


def _code(case: Case) -> Section:
    data = "output.data" if case.input.layout == "packed" else "output"
    text = f"{by_module(case)}\n{data}.sum().backward()"
    return Section(f"The same numbers from {case.cell.layer}", (Code("float32, on the CPU", text),))


def _vector(values: Values, length: int) -> str:
    rest = ", ..." if length > len(values) else ""
    return f"[{', '.join(map(_figure, values))}{rest}]"


def _figure(value: float | None) -> str:
    """Return a number in at most nine columns; nothing where there is none."""
    if value is None:
        return ""
    return f"{value:.5f}" if value == 0 or 1e-3 <= abs(value) < 1000 else f"{value:.2e}"
