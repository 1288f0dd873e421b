"""The work of a case, by formula: the matrix products it cannot do without, their FLOPs and their bytes."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from rnncli.core.case import Case
from rnncli.core.memory import ITEM_SIZE


@dataclass(frozen=True)
class Product:
    """(rows, inner) @ (inner, columns), `times` one after another."""

    rows: int
    inner: int
    columns: int
    times: int = 1

    @property
    def flops(self) -> int:
        """Return a multiplication and an addition for each term."""
        return 2 * self.rows * self.inner * self.columns * self.times

    @property
    def elements(self) -> int:
        """Return how many are read and written: both operands and the result, of each product."""
        return (self.rows * self.inner + self.inner * self.columns + self.rows * self.columns) * self.times


def products(case: Case, backward: bool) -> Iterator[Product]:
    """Yield the products of all layers and directions, in the order they depend on each other.

    Forward: x W_ih^T for all L*N steps at once, and h W_hh^T for N sequences (of a packed input those that still run),
    L times in sequence, with h projected by W_hr^T in between. Backward: the gradient through those of each step in
    sequence, then g W_ih, and g^T x and g^T h over all steps.
    """
    rnn, running = case.rnn, _running(case)
    rows, steps = len(case.cell.gates) * rnn.hidden_size, sum(batch * times for batch, times in running)
    carried = [(rnn.h_out, rows), *([(rnn.hidden_size, rnn.h_out)] if rnn.proj_size else [])]  # read, and given
    for layer in range(rnn.num_layers):
        features = rnn.input_size if layer == 0 else rnn.directions * rnn.h_out
        for _ in range(rnn.directions):
            yield Product(steps, features, rows)
            yield from (Product(batch, read, given, times) for batch, times in running for read, given in carried)
            if backward:
                yield from (Product(batch, given, read, times) for batch, times in running for read, given in carried)
                yield Product(steps, rows, features)
                yield Product(rows, steps, features)
                yield from (Product(given, steps, read) for read, given in carried)


def flops(case: Case, backward: bool) -> int:
    """Return the floating-point operations of the products of one pass; the activations are not counted."""
    return sum(product.flops for product in products(case, backward))


def moved_bytes(case: Case, backward: bool) -> int:
    """Return the bytes the products of one pass read and write: recurrent weights once a step, wherever they lie."""
    return ITEM_SIZE[case.run.dtype] * sum(product.elements for product in products(case, backward))


def _running(case: Case) -> list[tuple[int, int]]:
    """Return how many sequences run at once, and for how many steps."""
    if case.input.layout != "packed":
        return [(1 if case.input.layout == "unbatched" else case.input.batch_size, case.input.seq_len)]
    lengths = case.input.sequence_lengths
    return sorted(Counter(sum(length > t for length in lengths) for t in range(max(lengths))).items(), reverse=True)
