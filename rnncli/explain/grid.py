"""The unrolled RNN as data: layers upwards, time to the right, a row for each layer and direction."""

from dataclasses import dataclass

from rnncli.core.case import Case
from rnncli.core.shapes import tensor_sizes

MOST_LAYERS = 4  # drawn one by one; of more, the two at the bottom and the one at the top


@dataclass(frozen=True, slots=True)
class Row:
    """One layer in one direction, with the state it starts from and the one it ends with."""

    layer: int
    reverse: bool
    start: str  # "h_0[2]", or "zeros" where h_0 is omitted
    end: str  # "h_n[2]"


@dataclass(frozen=True, slots=True)
class Layer:
    """The rows of one layer, the forward one first, and the number of features the layer reads."""

    number: int
    rows: tuple[Row, ...]
    features: int


@dataclass(frozen=True, slots=True)
class Grid:
    """The picture of an unrolled RNN as data, for every format that draws it.

    `state`: what runs along a row, "h" or "h,c". `layers` is ordered from the top; None stands for `folded_layers`
    layers that are not drawn. `batch` is (N,), or () for an unbatched input. `lengths` holds the length of every
    sequence of a packed input, else None.
    """

    state: str
    length: int
    batch: tuple[int, ...]
    lengths: tuple[int, ...] | None
    layers: tuple[Layer | None, ...]
    folded_layers: int
    input_features: int
    output_features: int

    def steps(self, most: int) -> tuple[int | None, ...]:
        """Return the time steps to draw, `most` of them at the most; None stands for those in between."""
        if self.length <= most:
            return tuple(range(self.length))
        head = (most + 1) // 2
        return (*range(head), None, *range(self.length - (most - head), self.length))

    def running(self, t: int) -> tuple[int, ...]:
        """Return the batch axis at step t: of a packed input, the number of sequences that still run."""
        return self.batch if self.lengths is None else (sum(length > t for length in self.lengths),)

    def input_size(self, t: int) -> tuple[int, ...]:
        """Return the size of the input of step t, (N, H_in)."""
        return (*self.running(t), self.input_features)

    def output_size(self, t: int) -> tuple[int, ...]:
        """Return the size of the output of step t, (N, D*H_out)."""
        return (*self.running(t), self.output_features)


def unrolled(case: Case) -> Grid:
    """Return the grid of a case."""
    given, count, directions, sizes = case.input, case.rnn.num_layers, case.rnn.directions, tensor_sizes(case)
    input_features, output_features = sizes["input"][-1], sizes["output"][-1]
    start = "zeros" if given.h_0 == "omitted" else ""
    drawn = range(count) if count <= MOST_LAYERS else (0, 1, count - 1)
    layers: list[Layer | None] = []
    for k in drawn:
        if layers and k > drawn[len(layers) - 1] + 1:
            layers.append(None)
        states = range(directions * k, directions * (k + 1))
        rows = tuple(Row(k, d == 1, start or f"h_0[{at}]", f"h_n[{at}]") for d, at in enumerate(states))
        layers.append(Layer(k, rows, output_features if k else input_features))
    packed = given.layout == "packed"
    return Grid(
        state=",".join(case.cell.states),
        length=max(given.sequence_lengths) if packed else given.seq_len,
        batch=() if given.layout == "unbatched" else (given.batch_size,),
        lengths=given.sequence_lengths if packed else None,
        layers=tuple(reversed(layers)),
        folded_layers=count - len(drawn),
        input_features=input_features,
        output_features=output_features,
    )
