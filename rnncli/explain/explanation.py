"""The explanation of a case: the picture first, then one step, what is what, the arguments, and the code."""

from rnncli.core.case import Case, altered
from rnncli.core.shapes import every_step, for_a_head, predict_tensors, recipes, tensor_sizes
from rnncli.core.words import NO_BREAK, call, counted, joined, letters, size
from rnncli.explain.arguments import the_arguments
from rnncli.explain.blocks import Block, Code, Page, Prose, Section, Table
from rnncli.explain.grid import Grid, unrolled
from rnncli.explain.snippets import snippets
from rnncli.explain.step import one_step

MOST_STEPS = 6  # of the table of a packed input
MOST_SEQUENCES = 8


def explain(case: Case) -> Page:
    """Return the explanation of a case, in its own sizes."""
    sections = (_unrolled(case), one_step(case), _what_is_what(case), the_arguments(case), snippets(case))
    return Page(call(case), letters(case), sections)


def in_short(case: Case) -> str:
    """Return the case and the shapes of its results in one line."""
    return f"{call(case)}: {', '.join(_sized(case, 'output', *case.cell.final))}"


def _sized(case: Case, *names: str, mark: str = "") -> list[str]:
    sizes = tensor_sizes(case)
    return [f"{mark}{name}{mark} {size(sizes[name])}" for name in names]


def _unrolled(case: Case) -> Section:
    grid = unrolled(case)
    beside: list[Block] = (
        [Prose(_packing(grid, grid.lengths)), _steps_that_run(case, grid, grid.lengths)] if grid.lengths else []
    )
    if case.input.layout == "batched":
        alone = altered(case, input={"layout": "unbatched"})
        given, *results = _sized(alone, "input", "output", *case.cell.final, mark="`")
        text = f"The same {case.cell.name} takes a single sequence without the axis N: {given} gives {joined(results)}."
        beside = [Prose(text)]
    blocks = (grid, Prose(_legend(case)), _tensors(case), *beside)
    return Section("Unrolled: time to the right, layers upwards", blocks)


def _legend(case: Case) -> str:
    packed, of_batch = case.input.layout == "packed", case.rnn.batch_first and case.input.layout == "batched"
    fewer = " at t=0 and with fewer rows as sequences end" * packed
    h, *others = (f"{size(tensor_sizes(case)[name][1:])}{fewer}" for name in case.cell.final)
    arrows = f" (▶{NO_BREAK}forward, ◀{NO_BREAK}reverse)" if case.rnn.bidirectional else ""
    read = "the rows of the sequences that still run" if packed else f"`input[{':, ' * of_batch}t]`"
    and_c = "".join(f" Beside it runs c, {c}, from `c_0` to `c_n`; it does not go upwards." for c in others)
    return (
        f"Each h is a hidden state, {h}, computed from what arrives from below and from the h before it in the"
        f" row{arrows}.{and_c} The steps of a row share its weights. Column t reads {read}."
    )


def _tensors(case: Case) -> Table:
    packed, omitted = case.input.layout == "packed", case.input.h_0 == "omitted"
    end = "where each sequence ends" if packed else "where rows end: the last column"
    place = {"input": f"the bottom row{', .data' * packed}", "output": f"the top row{', .data' * packed}"}
    place |= dict.fromkeys(case.cell.initial, "omitted: rows start from zeros" if omitted else "where rows start")
    place |= dict.fromkeys(case.cell.final, end + ", or t=0 in reverse" * case.rnn.bidirectional)
    rows = ((of.name, f"({', '.join(of.axes)})", size(of.predicted), place[of.name]) for of in predict_tensors(case))
    return Table(("tensor", "axes", "shape", "in the picture"), tuple(rows))


def _packing(grid: Grid, lengths: tuple[int, ...]) -> str:
    sizes = [f"{grid.running(t)[0]}" for t in range(min(grid.length, MOST_STEPS))]
    sizes += ["..."] * (grid.length > MOST_STEPS)
    rows = f"{counted(sum(lengths), 'row')}, one for each h of this table, column by column"
    return f"Packed: only the steps that exist are computed. `.data` has {rows}; `batch_sizes` is ({', '.join(sizes)})."


def _steps_that_run(case: Case, grid: Grid, lengths: tuple[int, ...]) -> Table:
    steps = grid.steps(MOST_STEPS)
    first_folded = steps.index(None) if None in steps else grid.length
    rows = []
    for n, length in enumerate(lengths[:MOST_SEQUENCES]):
        folded = "..." * (length > first_folded)
        cells = [folded if t is None else "h" * (t < length) for t in steps]
        rows.append((f"n={n}", f"{length:,}", *cells, f"t={length - 1}{' and t=0' * case.rnn.bidirectional}"))
    left = len(lengths) - MOST_SEQUENCES
    rows += [(f"{left:,}{NO_BREAK}more", *[""] * (len(steps) + 2))] if left > 0 else []
    heads = ["..." if t is None else f"t={t}" for t in steps]
    return Table(("sequence", "length>", *heads, "h_n is h at"), tuple(rows))


def _what_is_what(case: Case) -> Section:
    *found, head = recipes(case)
    unpacked = (Code(found[0].note, found[0].code),) if case.input.layout == "packed" else ()
    rows = tuple(
        (f"`{one.code}`", size(one.shape), f"{one.note}; equals `{one.equals}`" if one.equals else one.note)
        for one in found
        if one.shape is not None
    )
    text = _head(case, head.code.removeprefix("head = "))
    return Section("What is what", (*unpacked, Table(("code", "shape", "what it holds"), rows), Prose(text)))


def _head(case: Case, code: str) -> str:
    names, last, (every, size_of_every) = case.cell.final, tensor_sizes(case)["h_n"][1:], every_step(case)
    returned = f"The layer returns `output, ({', '.join(names)})`. " if len(names) > 1 else ""
    return (
        f"{returned}A head is `{code}`. Given `{for_a_head(case)}`, it returns {_answers(last)},"
        f" one answer per sequence; given `{every}`, it returns {_answers(size_of_every)}, one per step."
    )


def _answers(shape: tuple[int, ...]) -> str:
    return f"({', '.join([*map(str, shape[:-1]), 'num_classes'])}{',' * (len(shape) == 1)})"
