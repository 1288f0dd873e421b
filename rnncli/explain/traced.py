"""The page of --trace: the numbers of one sequence through time, forwards and backwards."""

from collections.abc import Sequence
from dataclasses import dataclass

from rnncli.core.case import Case
from rnncli.core.errors import ConfigError, nearest, shown
from rnncli.core.shapes import confront
from rnncli.core.summary import call
from rnncli.core.words import counted, letters
from rnncli.explain.blocks import Block, Code, Page, Prose, Section, Table
from rnncli.explain.snippets import by_module

KEYS = ("t", "n", "layer", "direction")
DIRECTIONS = ("forward", "reverse")
MOST_UNITS = 4  # of h; the whole of it where hidden_size is no larger
MOST_VALUES = 8  # of x_t and h, in the sum of one step
MOST_STEPS = 8  # around the step that is shown in full


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
    """The values of a step, each for the first units of h. The gradients are those of L = output.sum().

    `from_above` is what reaches dL/dh_t from `output` or the layer above, `from_time` from the step computed next.
    """

    pre_activation: Sequence[float]
    h: Sequence[float]
    from_above: Sequence[float]
    from_time: Sequence[float]
    grad_h: Sequence[float]
    grad_pre_activation: Sequence[float]


@dataclass(frozen=True, slots=True)
class Trace:
    """The steps that are shown, weight_hh, and of one step the terms of its sum.

    Biases are None where there are none. Of weight_hh there are the first units alone, of x and h_before some more.
    """

    steps: dict[int, Step]
    weight_hh: Sequence[Sequence[float]]
    x: Sequence[float]
    h_before: Sequence[float]
    input_term: Sequence[float]
    bias_ih: Sequence[float] | None
    state_term: Sequence[float]
    bias_hh: Sequence[float] | None


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


def traced(case: Case, place: Place, trace: Trace) -> Page:
    """Return the page of a trace."""
    return Page(
        call(confront(case)),
        letters(case.config),
        (_through_time(case, place, trace), _one(case, place, trace), _code(case)),
    )


def _through_time(case: Case, place: Place, trace: Trace) -> Section:
    rnn, suffix = case.rnn, place.suffix
    next_step = "t-1" if place.reverse else "t+1"
    above = "output" if place.layer == rnn.num_layers - 1 else f"layer {place.layer + 1}"
    bias_ih, bias_hh = (f" + bias_ih_{suffix}", f" + bias_hh_{suffix}") if rnn.bias else ("", "")
    slope = "(1 - h_t**2)" if rnn.nonlinearity == "tanh" else "(a_t > 0)"
    formulas = (
        ("`a_t`", f"`x_t @ weight_ih_{suffix}.T{bias_ih}` `+ h @ weight_hh_{suffix}.T{bias_hh}`, the pre-activation"),
        ("`h_t`", f"`{rnn.nonlinearity}(a_t)`"),
        (
            "`dL/dh_t`",
            f"what arrives from {above}, and from step {next_step}: `dL/da_({next_step}) @ weight_hh_{suffix}`",
        ),
        ("`dL/da_t`", f"`dL/dh_t * {slope}`"),
    )
    text = "Forwards, a and h of every step; backwards, the gradients of L = output.sum()."
    blocks: list[Block] = [Prose(text), Table(("value", "what it is"), formulas)]
    heads = ("t>", "unit>", "a_t>", "h_t>", f"from {above}>", f"from {next_step}>", "dL/dh_t>", "dL/da_t>")
    rows: list[tuple[str, ...]] = []
    before = -1
    for t, step in trace.steps.items():
        if t > before + 1:
            rows.append(("...", *[""] * (len(heads) - 1)))
        before = t
        columns = (
            step.pre_activation,
            step.h,
            step.from_above,
            step.from_time,
            step.grad_h,
            step.grad_pre_activation,
        )
        for unit, values in enumerate(zip(*columns, strict=True)):
            rows.append(("" if unit else f"{t}", f"{unit}", *map(_figure, values)))
    blocks.append(Table(heads, tuple(rows)))
    blocks += [Prose(_units(case))] if rnn.hidden_size > MOST_UNITS else [_weights(place, trace)]
    direction = "reverse" if place.reverse else "forward"
    return Section(f"Sequence n={place.n} through time: layer {place.layer}, {direction}", tuple(blocks))


def _units(case: Case) -> str:
    units = f"The first {MOST_UNITS} of {case.rnn.hidden_size:,} units"
    return f"{units}; `--hidden-size {MOST_UNITS}` shows a smaller RNN whole."


def _weights(place: Place, trace: Trace) -> Table:
    units = range(len(trace.weight_hh))
    rows = tuple((f"{row}", *map(_figure, values)) for row, values in zip(units, trace.weight_hh, strict=True))
    return Table((f"weight_hh_{place.suffix}, row>", *(f"column {unit}>" for unit in units)), rows)


def _one(case: Case, place: Place, trace: Trace) -> Section:
    suffix = place.suffix
    terms = {f"x_t @ weight_ih_{suffix}.T": trace.input_term}
    terms |= {f"+ bias_ih_{suffix}": trace.bias_ih} if trace.bias_ih is not None else {}
    terms |= {f"+ h @ weight_hh_{suffix}.T": trace.state_term}
    terms |= {f"+ bias_hh_{suffix}": trace.bias_hh} if trace.bias_hh is not None else {}
    step = trace.steps[place.t]
    terms |= {"= a_t": step.pre_activation, f"h_t = {case.rnn.nonlinearity}(a_t)": step.h}
    rows = tuple((f"`{term}`", *map(_figure, values)) for term, values in terms.items())
    heads = ("term", *(f"unit {unit}>" for unit in range(len(step.h))))
    features = case.rnn.input_size if place.layer == 0 else case.rnn.directions * case.rnn.hidden_size
    text = f"x_t is {_vector(trace.x, features)}, h is {_vector(trace.h_before, case.rnn.hidden_size)}."
    return Section(f"Step t={place.t}, term by term", (Prose(text), Table(heads, rows)))


def _code(case: Case) -> Section:
    data = "output.data" if case.input.layout == "packed" else "output"
    text = f"{by_module(case)}\n{data}.sum().backward()"
    return Section("The same numbers from nn.RNN", (Code("float32, on the CPU", text),))


def _vector(values: Sequence[float], length: int) -> str:
    rest = ", ..." if length > len(values) else ""
    return f"[{', '.join(map(_figure, values))}{rest}]"


def _figure(value: float) -> str:
    """Return a number in at most nine columns."""
    return f"{value:.5f}" if value == 0 or 1e-3 <= abs(value) < 1000 else f"{value:.2e}"
