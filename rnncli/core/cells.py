"""The cells of torch as data. Names, shapes, work and memory follow from it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cell:
    """One of torch's recurrent layers, `torch.nn.<name>`.

    Of the H_cell = hidden_size features of a state, weights and biases have a block of rows for each of `gates`, in
    this order. `source` is the gate that makes new values; `reset` multiplies what that takes from h, bias_hh too, so
    that its two biases do not add up. `states` go from step to step; the first is h, which `output` holds. `projects`:
    whether the layer takes proj_size, with which h has H_out = proj_size features and the other states keep H_cell.
    """

    name: str
    gates: tuple[str, ...]
    source: str
    reset: str | None = None
    states: tuple[str, ...] = ("h",)
    projects: bool = False

    @property
    def layer(self) -> str:
        return f"nn.{self.name}"

    @property
    def initial(self) -> tuple[str, ...]:
        """Return the names of the states that go in: h_0, c_0."""
        return tuple(f"{state}_0" for state in self.states)

    @property
    def final(self) -> tuple[str, ...]:
        """Return the names of the states that come out: h_n, c_n."""
        return tuple(f"{state}_n" for state in self.states)

    @property
    def tensors(self) -> tuple[str, ...]:
        return ("input", *self.initial, "output", *self.final)

    @property
    def has_nonlinearity(self) -> bool:
        """Return whether the activation is an argument: that of a single gate."""
        return len(self.gates) == 1

    def features_of(self, tensor: str) -> str:
        """Return the letter of the features of a state by its name: h_0 has H_out, c_n has H_cell."""
        return "H_out" if tensor.startswith(self.states[0]) else "H_cell"

    def weights(self, features: int, h_out: int, h_cell: int, bias: bool) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the parameters of one layer in one direction, by kind, in torch's order.

        `features`: those the layer reads. `h_out` is less than `h_cell` where h is projected.
        """
        rows = len(self.gates) * h_cell
        biases = {"bias_ih": (rows,), "bias_hh": (rows,)} if bias else {}
        projection = {"weight_hr": (h_out, h_cell)} if h_out < h_cell else {}
        return {"weight_ih": (rows, features), "weight_hh": (rows, h_out), **biases, **projection}


CELLS = {
    cell.name: cell
    for cell in (
        Cell("RNN", gates=("a",), source="a"),
        Cell("GRU", gates=("r", "z", "n"), source="n", reset="r"),
        Cell("LSTM", gates=("i", "f", "g", "o"), source="g", states=("h", "c"), projects=True),
    )
}
