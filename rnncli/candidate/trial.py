"""Trial calls of a candidate: small cases with random values and pairwise distinct sizes."""

import sys
from collections.abc import Iterator, Mapping, Set
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from rnncli.candidate.convention import Call, Reading, Results, States, part_of
from rnncli.candidate.load import default_dtype
from rnncli.candidate.objects import AnyNative, Object, reset
from rnncli.candidate.places import big, held_by
from rnncli.core.case import Case, altered
from rnncli.core.shapes import predict_parameters
from rnncli.numerics.device import DispatchMode

_MAY_MEAN_OTHERS = {"backward", "bwd", "rev"}  # names that ask to reverse in some code


@dataclass(frozen=True)
class Sizes:
    """The sizes of a trial: as far as they can be chosen, pairwise distinct.

    `O` is that of a head, `C` that of a gate and of c, `gates` how many a cell has.
    """

    L: int
    N: int
    I: int  # noqa: E741
    H: int
    O: int  # noqa: E741
    layers: int
    directions: int
    C: int
    gates: int

    @property
    def rows(self) -> int:
        """Return D*num_layers: the rows of the states."""
        return self.layers * self.directions

    @property
    def wide(self) -> int:
        """Return D*H_out: the features of output, and of what an upper layer reads."""
        return self.directions * self.H


@dataclass(frozen=True)
class Trial:
    """A small case with random values: what a candidate is called with to see what comes back."""

    native: AnyNative
    case: Case
    sizes: Sizes
    x: Tensor
    states: States
    params: Mapping[str, Tensor]

    @property
    def takes_all_states(self) -> bool:
        """Return whether experiments can choose all states that a step starts from."""
        return self.native.states.takes == "all"

    def made(self, dtype: torch.dtype, seed: int = 0, head: int | None = None) -> Any:
        """Return the object of a candidate, with a head of the size for one unless it is another."""
        assert isinstance(self.native, Object)
        with default_dtype(dtype):
            return self.native.made(self.case, dtype, seed, head or self.sizes.O)

    def call(self, reading: Reading, x: Tensor, made: Any = None) -> Call:
        """Return the candidate as a function of a laid-out input and state; x (L, N, H_in) gives the sizes of the case.

        `made`: an object; without it one is made, with random matrices.
        """
        native, binding = self.native, reading.binding
        case = altered(self.case, input={"batch_size": x.shape[1], "seq_len": x.shape[0]})
        if not isinstance(native, Object):
            return lambda x, h: native.call(fresh(x), fresh(h), self.params, case, binding)
        if made is None:
            made, generator = self.made(reading.dtype), torch.Generator().manual_seed(5)
            for one in [one for one in held_by(made) if len(big(one.shape)) > 1]:
                value = torch.randn(one.shape, generator=generator, dtype=torch.float64) * 0.4
                one.set(made, binding.value(value.to(reading.dtype)))
        return lambda x, h: native.run(made, fresh(x), fresh(h), case, binding)

    def batch(self, reading: Reading) -> int:
        """Return how many sequences one call takes."""
        return self.sizes.N if "N" in reading.input else 1

    def returned(self, reading: Reading, omitted: bool = False) -> Any:
        """Return what one call returns, of which a step takes the first; h_0 may be omitted."""
        batch = self.batch(reading)
        x, states = self.x[:, :batch], None if omitted else part_of(self.states, 1, 0, batch)
        call, asked = self.call(reading, x), reading.as_asked(self.case)
        with default_dtype(reading.dtype):
            return call(asked.as_input(x[0] if reading.steps else x), reading.as_state(states))

    def computed(self, reading: Reading, x: Tensor, states: States | None, made: Any = None) -> Results:
        """Return output (L, N, D*H_out) and the final states for x (L, N, H_in) and states such as h (S, N, H_out)."""
        if states is None and self.native.states.h_alone:
            states = (torch.zeros_like(self.states[0]),)
        given = tuple(one.to(reading.dtype) for one in states) if states and self.native.states.taken else None
        begin = partial(reset, made) if made is not None and self.native.stateful else lambda: None
        call = self.call(reading, x, made)
        with default_dtype(reading.dtype):
            return reading.as_asked(self.case).computed(call, x.to(reading.dtype), given, begin)

    def uses_rows(self, reading: Reading) -> bool:
        """Return whether h_n has a row for each layer and direction, and each row of h_0 moves its own."""
        if reading.h_n is None or "S" not in reading.h_n.axes:
            return False
        for row in range(self.sizes.rows):
            moved = tuple(one.clone() for one in self.states)
            moved[0][row] += 1.0
            after, same = (self.computed(reading, self.x[:1], one)[1] for one in (moved, self.states))
            if after is None or same is None or not bool((after[row] != same[row]).any()):
                return False
        return True

    def depends_on_c(self, reading: Reading) -> bool:
        """Return whether another initial c gives other values, or an error."""
        others = (self.states[0], *(one + 1.0 for one in self.states[1:]))
        with suppress(Exception):
            return not equal(*(self.computed(reading, self.x, one) for one in (self.states, others)))
        return True

    def runs_backward(self, reading: Reading) -> bool:
        """Return whether the last step of the input has an effect on the first of output."""
        late = torch.cat([self.x[:-1], self.x[-1:] + 1.0])
        output, other = (self._computed_or_none(reading, x, self.states)[0] for x in (self.x, late))
        return output is not None and other is not None and not torch.equal(output[0], other[0])

    def reverses(self, reading: Reading) -> Literal["", "in place", "as walked"]:
        """Return how output comes where an argument asks to reverse: as walked if the first of the input, which is
        read last, moves the last of output alone; "" without that argument.
        """
        if not self.native.claims("reverse") or reading.directions or reading.steps:
            return ""
        first = torch.cat([self.x[:1] + 1.0, self.x[1:]])
        with self.native.asked_to_reverse(True):
            output, other = (self._computed_or_none(reading, x, self.states)[0] for x in (self.x, first))
        moved = []
        if output is not None and other is not None:
            moved = [t for t, pair in enumerate(zip(output, other, strict=True)) if not torch.equal(*pair)]
        if _MAY_MEAN_OTHERS.issuperset(self.native.names_of("reverse")) and len(moved) != 1:
            return ""  # `backward=True` may be of the gradients
        return "as walked" if moved == [len(self.x) - 1] else "in place"

    def chains_rows(self, reading: Reading) -> bool:
        """Return whether the first row of h_0 has an effect on the second of h_n, as of a layer above."""
        if reading.h_n is None or not reading.h_n.fits or "S" not in reading.h_n.axes or not self.native.states.taken:
            return False
        moved = self.states[0].clone()
        moved[0] += 1.0
        given = (self.states, (moved, *self.states[1:]))
        h_n, other = (self._computed_or_none(reading, self.x, states)[1] for states in given)
        return h_n is not None and other is not None and not torch.equal(h_n[1], other[1])

    def memory_first(self, reading: Reading) -> bool:
        """Return whether c is the first of an LSTM's two states, where their names do not tell.

        Where all weights are zero, h has no effect.
        """
        if not isinstance(self.native, Object) or not self.native.states.order_is_open:
            return False
        zeros = tuple(map(torch.zeros_like, self.states))
        others = [zeros, (zeros[0] + 1.0, zeros[1]), (zeros[0], zeros[1] + 1.0)]
        try:
            made = self.made(reading.dtype)
            for one in held_by(made):
                one.set(made, reading.binding.value(torch.zeros(one.shape, dtype=reading.dtype)))
            base, *moved = (self.computed(reading, self.x[:1], states, made) for states in others)
        except Exception:
            return False  # which its own call tells
        return [equal(base, one) for one in moved] == [False, True]

    def let_build(self, reading: Reading) -> None:
        """Find out whether the first call of an object makes weights, as that of LazyLinear does.

        If so, `native.made` makes that call from now on, before anybody looks at the weights.
        """

        def call(made: Any, case: Case, dtype: torch.dtype) -> None:
            given = {"layout": "batched", "lengths": None, "seq_len": 2, "batch_size": 2}
            rnn, trial = case.rnn, replace(self, case=altered(case, input=given))
            sizes = [rnn.h_out, *[rnn.hidden_size] * (len(self.states) - 1)]
            states = tuple(torch.zeros(rnn.num_layers * rnn.directions, 2, size) for size in sizes)
            with suppress(Exception):  # which its own call tells
                trial.computed(replace(reading, dtype=dtype), torch.zeros(2, 2, rnn.input_size), states, made)

        if not isinstance(self.native, Object) or not self.native.is_module:
            return
        with suppress(Exception):  # of the constructor, likewise
            made = self.made(reading.dtype)
            before = _sized(made)
            call(made, self.case, reading.dtype)
            self.native.building_call = call if _sized(made) > before else self.native.building_call

    def _computed_or_none(self, reading: Reading, x: Tensor, states: States) -> Results:
        try:
            return self.computed(reading, x, states)
        except Exception:
            return None, None

    def walks(self, reading: Reading) -> bool:
        """Return whether a longer sequence takes more operations, or for a step more rows: it walks over them."""
        steps, batch = self.sizes.L, self.batch(reading)
        few, many = ((1, 2), (1, batch)) if reading.steps else ((steps - 2, batch), (steps, batch))
        if reading.steps and batch == 1:
            return False
        try:  # the first traced call of a process counts what torch loads
            _, least, most = (self._operations(reading, *sizes) for sizes in (few, few, many))
        except Exception:
            return True
        return most > least

    def _operations(self, reading: Reading, steps: int, batch: int) -> int:
        """Count the operations of a call, and the lines of Python that it runs."""
        x, count = self.x[:steps, :batch], 0

        def traced(_frame: Any, event: str, _argument: Any) -> Any:
            nonlocal count
            count += event in ("line", "call")
            return traced

        class Counting(DispatchMode):  # type: ignore[no-untyped-call]
            def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
                nonlocal count
                count += 1
                return func(*args, **(kwargs or {}))

        before, call = sys.gettrace(), self.call(reading, x)
        given = reading.as_asked(self.case).as_input(x[0] if reading.steps else x)
        state = reading.as_state(part_of(self.states, 1, 0, batch)) if self.native.states.taken else None
        with Counting(), default_dtype(reading.dtype):  # type: ignore[no-untyped-call]
            sys.settrace(traced)
            try:
                call(given, state)
            finally:
                sys.settrace(before)
        return count


def trial_of(
    case: Case, native: AnyNative, layers: int, directions: int, dtype: torch.dtype, equal: bool = False
) -> Trial:
    """Return a trial with pairwise distinct sizes; H_in = D*H_out where `equal`; of a made object, with its own."""
    rows, given, own = layers * directions, case.rnn, native.own_sizes
    constant = native.constant_sizes
    hidden = given.hidden_size if native.fixed or "hidden_size" in own else _first_unlike(constant, 7, 11, 17)
    projected = given.proj_size if native.fixed else 0
    if given.proj_size and not native.fixed and native.claims("proj_size"):
        hidden, projected = 11, 7
    wide = directions * (projected or hidden)
    features = (
        given.input_size
        if native.fixed or "input_size" in own
        else wide
        if equal
        else _first_unlike(constant, 5, 13, 19)
    )
    taken = {rows, features, hidden, projected, wide, features + (projected or hidden), *constant}
    batch, steps, of_head = _unlike(taken, (3, 4, 8, 11), (6, 9, 10, 12), (9, 13, 15, 16))
    sizes = {"input_size": features, "hidden_size": hidden, "num_layers": layers, "bidirectional": directions == 2}
    sizes["proj_size"] = projected
    rnn = {**sizes, "batch_first": native.tried_batch_first, "dropout": 0.0}
    of_input = {"layout": "batched", "seq_len": steps, "batch_size": batch, "lengths": None, "h_0": "random"}
    small = altered(case, rnn=rnn, input=of_input, run={"train": False})
    generator = torch.Generator().manual_seed(7)

    def random(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)

    params = {one.name: random(*one.shape) * 0.5 for one in predict_parameters(small)}
    of_trial = Sizes(
        steps, batch, features, projected or hidden, of_head, layers, directions, hidden, len(case.cell.gates)
    )
    x, h = random(steps, batch, features), random(rows, batch, projected or hidden)
    others = [random(rows, batch, hidden) for _ in case.cell.states[1:]]
    return Trial(native, small, of_trial, x, (h, *others), params)


def _first_unlike(taken: Set[int], *sizes: int) -> int:
    return next((size for size in sizes if size not in taken), sizes[0])


def _unlike(taken: set[int], *choices: tuple[int, ...]) -> Iterator[int]:
    """Yield the first of each choice of sizes that is not taken."""
    for sizes in choices:
        chosen = _first_unlike(taken, *sizes)
        taken = {*taken, chosen}
        yield chosen


def _sized(made: nn.Module) -> int:
    return sum(not is_lazy(one) for one in made.parameters())


def fresh(value: Any) -> Any:
    """Return a copy, so that a candidate that writes into its arguments does not change the next trial."""
    if type(value) in (list, tuple):
        return type(value)(map(fresh, value))
    return value.clone() if isinstance(value, Tensor) else value


def equal(one: Results, other: Results) -> bool:
    """Return whether two results are the same but for rounding."""
    pairs = [pair for pair in zip(one, other, strict=True) if pair[0] is not None or pair[1] is not None]
    return all(a is not None and b is not None and a.shape == b.shape and torch.allclose(a, b, equal_nan=True)
               for a, b in pairs)  # fmt: skip


def as_of_head(whole: Results, half: Results) -> bool:
    """Return whether results are states, or what a product after them, and a bias, makes of them.

    `whole`: with the identity for the head; `half`: with half of it, and a bias of 0.5.
    """
    pairs = [(one, other) for one, other in zip(whole, half, strict=True) if one is not None and other is not None]
    return all(
        one.shape == other.shape
        and any(torch.allclose(other, like, atol=1e-4) for like in (one, one / 2, one / 2 + 0.5))
        for one, other in pairs
    )
