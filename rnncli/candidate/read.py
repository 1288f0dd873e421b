"""Works out how a candidate wants to be called.

Names say what an argument or a weight is, shapes say which axis is which: the sizes of the trial calls are pairwise
distinct. Where several readings run, the one that computes what `manual` computes is kept, else the most usual one.
What a candidate does not claim (layers, the reverse direction, packed input, ...) is done around it (`adapted.py`).
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from rnncli.candidate.adapted import Adapted, Convention, Part, Reading, part_of
from rnncli.candidate.bind import Missing, Native, native_of
from rnncli.candidate.places import is_array
from rnncli.case import Case, altered
from rnncli.errors import CandidateError
from rnncli.manual import BUILT_IN

SIZES = {"L": 6, "N": 3, "I": 5, "H": 7}  # pairwise distinct, and none of them D*num_layers or D*H of a trial
SAME = {torch.float64: 1e-9, torch.float32: 1e-4}
STACK_INPUTS = ("LNI", "NLI", "LI", "INL", "L,NI", "IL", "L,I1", "L,I")
STEP_INPUTS = ("NI", "I", "IN", "I1")
STATES = ("SNH", "NH", "H", "HN", "H1", "S,NH")
LAYOUTS = {
    "time-first": ("LNI", "L,NI"),
    "batch-first": ("NLI",),
    "unbatched": ("LI", "IL", "L,I1", "L,I"),
    "features-first": ("INL",),
}
_TRANSPOSED = {"as nn.RNN": "no", "transposed": "yes"}
_WHATEVER = (RecursionError, MemoryError, NameError, ImportError, NotImplementedError, SyntaxError, SystemExit, OSError)


def _shown(returned: Any) -> str:
    """What was returned, in short."""
    if is_array(returned):
        return f"a tensor of shape {tuple(returned.shape)}"
    if isinstance(returned, tuple | list) and len(returned) <= 4:
        return f"({', '.join(_shown(item) for item in returned)})"
    return type(returned).__name__


class Unreadable(CandidateError):
    """No way was found to call the candidate."""


def read(target: object, name: str, case: Case, stated: Mapping[str, Any] | None = None) -> Adapted:
    """The candidate in canonical form, for cases with the layers, directions and nonlinearity of this one.

    `stated` are parts of the reading that the config gives: convention, layout, weights, returns.
    Raises Unreadable where no way to call it is found.
    """
    native = native_of(target, name)
    adapted = _read(native, case, stated or {})
    if native.drop_in:
        native.unbatched = _runs(adapted, "unbatched")
        native.packs = _runs(adapted, "packed")
    return adapted


def _runs(adapted: Adapted, layout: str) -> bool:
    """Whether a drop-in for nn.RNN takes an input of that layout itself: where it raises, it does not claim to."""
    trial = _Trial(Case(), 1, 1, "tanh", torch.float64)
    x: Tensor | PackedSequence = trial.x[:, 0]
    h = trial.h_0[:, 0]
    if layout == "packed":
        x, h = torch.nn.utils.rnn.pack_sequence([trial.x[:, 0], trial.x[:2, 1]]), trial.h_0[:, :2]
    binding = adapted.reading.convention.binding
    try:
        for given in (h, None):
            output, h_n = adapted.native.call(x, given, trial.params, trial.of_batch(2), binding)
            data, rows = (value.data if isinstance(value, PackedSequence) else value for value in (output, x))
            if type(output) is not type(x) or data.shape[:-1] != rows.shape[:-1] or h_n.shape != h.shape:
                return False
    except Exception:
        return False
    return True


def _read(native: Native, case: Case, stated: Mapping[str, Any]) -> Adapted:
    trials = _Trials(native, case, stated)
    single = trials.best(layers=1, directions=1)
    wanted = min(2, case.rnn.num_layers), case.rnn.directions
    if single is None and case.rnn.directions == 1:
        both = trials.best(layers=1, directions=2)
        if both is not None:
            return Adapted(native, replace(both, directions=True), always_both=True)
    if wanted == (1, 1):
        return Adapted(native, trials.require(single))
    for layers, directions in dict.fromkeys([wanted, (1, wanted[1]), (wanted[0], 1)]):
        found = trials.best(layers, directions, like=single) or trials.best(layers, directions, like=single, equal=True)
        if found is not None and (found.agrees or trials.claims(found, layers, directions)):
            return Adapted(native, replace(found, layers=layers > 1, directions=directions > 1))
    single = trials.require(single)
    layers, directions = wanted[0] > 1 and trials.says_layers(single), wanted[1] > 1 and native.has("bidirectional")
    state = single.convention.state
    if (layers or directions) and state == "NH":
        single = replace(single, convention=replace(single.convention, state="SNH"))
    return Adapted(native, replace(single, layers=layers, directions=directions))


class _Trials:
    """Trial calls of one candidate on small sizes, every way it may want to be called."""

    def __init__(self, native: Native, case: Case, stated: Mapping[str, Any]) -> None:
        self.native, self.case, self.stated = native, case, stated
        self.failures: dict[str, tuple[int, BaseException | None]] = {}
        self.touched: set[str] = set()

    def require(self, reading: Reading | None) -> Reading:
        """The reading, or Unreadable with what was tried."""
        if reading is not None:
            return reading
        telling = sorted(self.failures, key=lambda said: self.failures[said][0])
        said = telling[0] if telling else "it takes no arguments that look like an RNN's"
        rank, error = self.failures[said] if telling else (0, None)
        if rank == 0 and error is not None:  # whatever it is given
            raise Unreadable(f"candidate {self.native.name}: its forward raised {said}") from error
        raise Unreadable(
            f"candidate {self.native.name}: cannot tell how to call it ({self.native.described()}): tried, among"
            f" others, {said}; rnncli adapt {self.native.name} -o adapter.py writes an adapter to fill in"
        ) from error

    def claims(self, reading: Reading, layers: int, directions: int) -> bool:
        """Whether a candidate that runs on several layers or directions means to: by an argument, or what it reads."""
        of_layers = layers == 1 or self.says_layers(reading) or any("_l1" in name for name in self.touched)
        rows = reading.output is not None and reading.h_n is not None and "S" in reading.h_n.axes
        of_layers = of_layers or (rows and layers > 1)
        of_directions = directions == 1 or self.native.has("bidirectional")
        of_directions = of_directions or any("reverse" in name for name in self.touched) or reading.output is not None
        return of_layers and of_directions

    def says_layers(self, reading: Reading) -> bool:
        """Whether it asks for the number of layers, or for lists of their weights."""
        binding = reading.convention.binding
        return self.native.has("num_layers") or binding.listed or binding.form in ("tuples", "flat")

    def best(self, layers: int, directions: int, like: Reading | None = None, equal: bool = False) -> Reading | None:
        """The first reading that agrees with `manual`, else the first that runs and returns an RNN's tensors.

        `equal`: with H_in = D*H_out, where a layer that reads the wrong input does not raise.
        """
        self.failures = {}
        for dtype in (torch.float64, torch.float32):
            fallback: tuple[float, Reading] | None = None
            for nonlinearity in dict.fromkeys(("tanh", self.case.rnn.nonlinearity)):
                trial = _Trial(self.case, layers, directions, nonlinearity, dtype, equal)
                for convention in self._conventions(layers * directions, like):
                    score, reading = self._tried(convention, trial, like)
                    if reading is None:
                        continue
                    score -= _unusual(reading)
                    score += 1.5 * (convention.steps and self.native.steps_first)
                    if reading.agrees:
                        asked = nonlinearity == self.case.rnn.nonlinearity
                        if asked and not _unusual(reading):
                            return reading
                        score += 20 if asked else 10
                    if fallback is None or score > fallback[0]:
                        fallback = score, reading
            if fallback is not None:
                return fallback[1]
        return None

    def _conventions(self, rows: int, like: Reading | None) -> Iterator[Convention]:
        """Every way of calling, the most usual first."""
        inputs = [(axes, False) for axes in STACK_INPUTS] + [(axes, True) for axes in STEP_INPUTS]
        if self.native.steps_first:
            inputs.sort(key=lambda item: not item[1])
        if rows > 1:
            inputs = [item for item in inputs if not item[1]]
        if like is not None:
            inputs = [(like.convention.input, like.convention.steps)]
        if layout := self.stated.get("layout"):
            inputs = [item for item in inputs if item[0] in LAYOUTS[layout] or item[1]]
        if unit := self.stated.get("convention"):
            inputs = [item for item in inputs if item[1] == (unit == "step")]
        states: tuple[str | None, ...] = STATES if self.native.takes_state else (None,)
        for binding in self.native.bindings():
            if like is not None and not binding.like(like.convention.binding):
                continue
            if binding.transposed != _TRANSPOSED.get(self.stated.get("weights", ""), binding.transposed):
                continue
            for (axes, steps), state in itertools.product(inputs, states):
                if steps and state is None:
                    continue
                if _fit(axes, state):
                    yield Convention(axes, state, binding, steps)

    def _tried(
        self, convention: Convention, trial: "_Trial", like: Reading | None = None
    ) -> tuple[float, Reading | None]:
        batch = 1 if "N" not in convention.input else None
        x, h = trial.x[:, :batch], trial.h_0[:, :batch]
        case = trial.of_batch(x.shape[1])
        given = x[0] if convention.steps else x
        try:
            returned = self.native.call(
                convention.as_input(given), convention.as_state(h), trial.params, case, convention.binding
            )
        except (Exception, SystemExit) as error:
            what = f"{type(error).__name__}: {error}".splitlines()[0][:200]
            whatever = isinstance(error, _WHATEVER) or "allocate memory" in what
            self.failures.setdefault(what, (0 if whatever else 3 if isinstance(error, Missing) else 2, error))
            return 0, None
        self.touched |= self.native.touched
        try:
            return self._parsed(returned, convention, trial, like, batch)
        except (RuntimeError, ValueError, TypeError, IndexError):
            return 0, None

    def _parsed(
        self, returned: Any, convention: Convention, trial: "_Trial", like: Reading | None, batch: int | None
    ) -> tuple[float, Reading | None]:
        """The best reading of what a trial call returned, and its score."""
        x = trial.x[:, :batch]
        sizes = trial.sizes(x.shape[1])
        whole = trial.expected if convention.state else trial.expected_from_zeros
        expected_output, expected_h_n = whole[0][:, :batch], whole[1][:, :batch]
        if convention.steps:
            expected_h_n = trial.first_step[:, :batch]
            outputs: list[Part | None] = [None]
            states = list(_parts(returned, sizes, "SNH"))
        else:
            said = self.stated.get("returns", "both")
            outputs = [*(_parts(returned, sizes, "LNF") if said != "h_n" else ()), None]
            states = [*(_parts(returned, sizes, "SNH") if said != "output" else ()), None]  # type: ignore[list-item]
            if len(outputs) == 1 and len(states) > 1 and sizes["S"] == 1 and not self.native.reads_out:
                outputs = [*_beside(returned, states[0]), None]  # something else stands where output does
            if like is not None and like.h_n is not None and len(states) == 1:
                states = [Part(like.h_n.path, "?")]  # where it was with one layer: of another form
        best: tuple[float, Reading | None] = (0, None)
        for output, h_n in itertools.product(outputs, states):
            if output is None and h_n is None:
                continue
            good = [
                _close(part_of(part, returned, axes), expected, trial.dtype)
                for part, axes, expected in ((output, "LNF", expected_output), (h_n, "SNH", expected_h_n))
                if part is not None
            ]
            score = 1 + 2 * sum(good) + len(good) - (0.1 * len(h_n.path) if h_n else 0)
            if score > best[0]:
                best = score, Reading(convention, output, h_n, False, False, all(good), trial.case.rnn.nonlinearity)
        if best[1] is None:
            self.failures.setdefault(f"a call that returned {_shown(returned)}", (1, None))
        return best


class _Trial:
    """A small case, its values, and what `manual` computes on them."""

    def __init__(
        self, case: Case, layers: int, directions: int, nonlinearity: str, dtype: torch.dtype, equal: bool = False
    ) -> None:
        features_in = directions * SIZES["H"] if equal else SIZES["I"]
        rnn: dict[str, Any] = {
            "input_size": features_in,
            "hidden_size": SIZES["H"],
            "num_layers": layers,
            "dropout": 0.0,
        }
        rnn |= {"bidirectional": directions == 2, "batch_first": False, "nonlinearity": nonlinearity}
        given = {"layout": "batched", "seq_len": SIZES["L"], "batch_size": SIZES["N"], "lengths": None, "h_0": "random"}
        self.dtype = dtype
        self.case = altered(case, rnn=rnn, input=given, run={"train": False})
        generator = torch.Generator().manual_seed(7)

        def random(*shape: int) -> Tensor:
            return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)

        self.params: dict[str, Tensor] = {}
        for layer, suffix in itertools.product(range(layers), ("", "_reverse")[:directions]):
            features = features_in if layer == 0 else SIZES["H"] * directions
            shapes: dict[str, tuple[int, ...]] = {
                "weight_ih": (SIZES["H"], features),
                "weight_hh": (SIZES["H"], SIZES["H"]),
            }
            shapes |= {"bias_ih": (SIZES["H"],), "bias_hh": (SIZES["H"],)} if case.rnn.bias else {}
            self.params |= {f"{name}_l{layer}{suffix}": random(*shape) * 0.5 for name, shape in shapes.items()}
        self.x = random(SIZES["L"], SIZES["N"], features_in)
        self.h_0 = random(layers * directions, SIZES["N"], SIZES["H"])
        self.expected = self._manual(self.x)
        self.expected_from_zeros = self._manual(self.x, torch.zeros_like(self.h_0))
        self.first_step = self._manual(self.x[:1])[1]

    def _manual(self, x: Tensor, h_0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        rnn = self.case.rnn
        output, h_n = BUILT_IN["manual"](
            x, self.h_0 if h_0 is None else h_0, self.params, num_layers=rnn.num_layers, nonlinearity=rnn.nonlinearity,
            bidirectional=rnn.bidirectional,
        )  # fmt: skip
        return output, h_n

    def of_batch(self, batch: int) -> Case:
        """The case with that many sequences."""
        return altered(self.case, input={"batch_size": batch})

    def sizes(self, batch: int) -> dict[str, int]:
        """The size of every axis."""
        rnn = self.case.rnn
        return {**SIZES, "N": batch, "S": rnn.num_layers * rnn.directions, "F": rnn.directions * SIZES["H"]}


def _fit(axes: str, state: str | None) -> bool:
    """Whether an input's axes and a state's go together."""
    if state is None:
        return True
    if "N" not in axes:
        return state in ({"I1": ("H1", "H"), "L,I1": ("H1", "H")}.get(axes, ("H", "SNH", "NH", "H1")))
    columns = axes in ("IN", "INL")
    return state in (("HN",) if columns else ("SNH", "NH", "S,NH"))


# -- what is returned --------------------------------------------------------------------------------------------------


def _parts(returned: Any, sizes: Mapping[str, int], letters: str) -> list[Part]:
    """Every place in what is returned where a tensor has those axes, in any order."""
    found = []
    for path, value in _places(returned, sizes["L"]):
        if isinstance(value, list | tuple):
            shapes = {tuple(item.shape) for item in value if is_array(item)}
            first = letters[0]
            if len(shapes) == 1 and all(map(is_array, value)) and len(value) == sizes[first]:
                rest = letters.replace(first, "")
                found += [Part(path, f"{first},{axes}") for axes in _orders(next(iter(shapes)), rest, sizes)]
        elif is_array(value):
            found += [Part(path, axes) for axes in _orders(tuple(value.shape), letters, sizes)]
    return found


def _beside(returned: Any, part: Part | None) -> list[Part]:
    """The other tensor of the two that are returned, whatever its shape."""
    if part is None or len(part.path) != 1 or not isinstance(returned, tuple) or len(returned) != 2:
        return []
    other = 1 - int(part.path[0])
    return [Part((other,), "?")] if is_array(returned[other]) else []


def _orders(shape: tuple[int, ...], letters: str, sizes: Mapping[str, int]) -> Iterator[str]:
    """The orders of axes that give a shape; those of size 1 may be left out, and one may stand beside them."""
    needed = [letter for letter in letters if sizes[letter] != 1]
    optional = [letter for letter in letters if sizes[letter] == 1]
    for count in range(len(optional), -1, -1):
        for extra in (0, 1):
            for chosen in itertools.combinations(optional, count):
                names = [letter for letter in letters if letter in needed or letter in chosen] + ["1"] * extra
                if len(names) != len(shape):
                    continue
                for order in itertools.permutations(names):
                    if all({**sizes, "1": 1}[letter] == size for letter, size in zip(order, shape, strict=True)):
                        yield "".join(order)
                        return


def _places(
    value: Any, steps: int, path: tuple[int | str, ...] = (), depth: int = 3
) -> Iterator[tuple[tuple[int | str, ...], Any]]:
    """Every tensor and list inside what is returned; not the items of a list over the time steps."""
    yield path, value
    if depth and isinstance(value, tuple | list) and len(value) < steps:
        for index, item in enumerate(value):
            yield from _places(item, steps, (*path, index), depth - 1)
    if depth and isinstance(value, dict):
        for key, item in value.items():
            yield from _places(item, steps, (*path, key), depth - 1)


def _unusual(reading: Reading) -> float:
    """How many axes stand beside those an RNN has: a state of another form, broadcast, brings them."""
    return 0.5 * sum(part.axes.count("1") for part in (reading.output, reading.h_n) if part is not None)


def _close(actual: Tensor | None, expected: Tensor, dtype: torch.dtype) -> bool:
    if actual is None or actual.shape != expected.shape:
        return False
    return bool(torch.allclose(actual.detach().double(), expected.double(), rtol=SAME[dtype], atol=SAME[dtype]))
