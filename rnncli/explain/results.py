"""The results, and the parts of them one looks for: by direction, by layer, for a head."""

from rnncli.core.case import Case
from rnncli.core.shapes import every_step, for_a_head, recipes, tensor_sizes
from rnncli.core.words import size
from rnncli.explain.blocks import Block, Code, Prose, Section, Table


def what_is_what(case: Case) -> Section:
    """Return the section about `output`, the last states and a head."""
    *found, head = recipes(case)
    packed = case.input.layout == "packed"
    blocks: list[Block] = [Code(found[0].note, found[0].code)] if packed else []
    rows = tuple(
        (f"`{one.code}`", size(one.shape), f"{one.note}; equals `{one.equals}`" if one.equals else one.note)
        for one in found
        if one.shape is not None
    )
    blocks += [Table(("code", "shape", "what it holds"), rows), Prose(_head(case, head.code.removeprefix("head = ")))]
    return Section("What is what", tuple(blocks))


def _head(case: Case, code: str) -> str:
    names, last, (every, size_of_every) = case.cell.final, tensor_sizes(case)["h_n"][1:], every_step(case)
    returned = f"The layer returns `output, ({', '.join(names)})`. " if len(names) > 1 else ""
    return (
        f"{returned}A head is `{code}`. Given `{for_a_head(case)}`, it returns {_answers(last)},"
        f" one answer per sequence; given `{every}`, it returns {_answers(size_of_every)}, one per step."
    )


def _answers(shape: tuple[int, ...]) -> str:
    return f"({', '.join([*map(str, shape[:-1]), 'num_classes'])}{',' * (len(shape) == 1)})"
