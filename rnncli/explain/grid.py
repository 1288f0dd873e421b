"""The unrolled layer as data: layers upwards, time to the right, a row for each layer and direction."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from rnncli.core.case import Case
from rnncli.core.shapes import tensor_sizes
from rnncli.core.words import counted, size

MOST_LAYERS = 4  # drawn one by one; of more, the two at the bottom and the one at the top


class Place(NamedTuple):
    """A step of one sequence, in one layer and direction."""

    t: int
    n: int
    layer: int
    reverse: bool

    @property
    def suffix(self) -> str:
        """The end of the names of the parameters: l0_reverse."""
        return f"l{self.layer}{'_reverse' if self.reverse else ''}"


class Row(NamedTuple):
    """A row of the picture: sizes of a tensor, a layer in one direction, arrows upwards, or layers that are not drawn.

    `cells` has a text for each step that is drawn. `left` and `right`: the states between which a layer walks; beside
    arrows, the features they carry.
    """

    kind: Literal["steps", "output", "up", "forward", "reverse", "folded", "input"]
    cells: tuple[str, ...]
    name: str = ""
    left: str = ""
    right: str = ""


class Grid(NamedTuple):
    """The picture that every format draws."""

    state: str  # what runs along a row: "h" or "h,c"
    length: int
    batch: tuple[int, ...]  # (N,); () of an unbatched input
    lengths: tuple[int, ...] | None  # of every sequence of a packed input
    layers: tuple[int | None, ...]  # those that are drawn, from the top; None stands for the others
    directions: int
    omitted: bool
    features: tuple[int, int]  # those that layer 0 and those that the layers above read

    def steps(self, most: int) -> tuple[int | None, ...]:
        """Return the time steps to draw, `most` of them at the most; None stands for those in between."""
        if self.length <= most:
            return tuple(range(self.length))
        head = (most + 1) // 2
        return (*range(head), None, *range(self.length - (most - head), self.length))

    def running(self, t: int) -> tuple[int, ...]:
        """Return the batch axis at step t: of a packed input, the number of sequences that still run."""
        return self.batch if self.lengths is None else (sum(length > t for length in self.lengths),)

    def rows(self, most: int) -> Iterator[Row]:
        """Return the rows from the top, with `most` steps at the most."""
        steps = self.steps(most)
        arrows = tuple("" if t is None else "▲" for t in steps)
        states = tuple("..." if t is None else self.state for t in steps)

        def sizes(features: int) -> tuple[str, ...]:
            return tuple("..." if t is None else size((*self.running(t), features)) for t in steps)

        yield Row("steps", tuple("..." if t is None else f"t={t}" for t in steps))
        yield Row("output", sizes(self.features[1]), "output")
        yield Row("up", arrows)
        for layer in self.layers:
            if layer is None:
                yield Row("folded", (), f"{(self.layers[0] or 0) - len(self.layers) + 2:,} more layers")
                yield Row("up", arrows)
                continue
            for d in range(self.directions):
                at = self.directions * layer + d
                start, end = "zeros" if self.omitted else f"h_0[{at}]", f"h_n[{at}]"
                yield (
                    Row("reverse", states, "", end, start)
                    if d
                    else Row("forward", states, f"layer {layer}", start, end)
                )
            yield Row("up", arrows, right=counted(self.features[min(layer, 1)], "feature"))
        yield Row("input", sizes(self.features[0]), "input")


def unrolled(case: Case) -> Grid:
    """Return the grid of a case."""
    given, count, sizes = case.input, case.rnn.num_layers, tensor_sizes(case)
    lengths = given.sequence_lengths if given.layout == "packed" else None
    return Grid(
        state=",".join(case.cell.states),
        length=max(lengths or [given.seq_len]),
        batch=() if given.layout == "unbatched" else (given.batch_size,),
        lengths=lengths,
        layers=tuple(reversed(range(count))) if count <= MOST_LAYERS else (count - 1, None, 1, 0),
        directions=case.rnn.directions,
        omitted=given.h_0 == "omitted",
        features=(sizes["input"][-1], sizes["output"][-1]),
    )
