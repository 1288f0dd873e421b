"""A candidate in canonical form: called by its own conventions, with what it cannot be asked for done around it."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pack_sequence, pad_packed_sequence

from rnncli.candidate import docstrings
from rnncli.candidate.convention import LAYOUTS, NESTED, Reading, Results, States, at, joined, part_of, shown_axes
from rnncli.candidate.load import Sequence
from rnncli.candidate.names import orders_of_gates
from rnncli.candidate.objects import AnyNative, Object
from rnncli.candidate.places import held_by
from rnncli.candidate.weights import Row
from rnncli.candidate.wiring import Wiring
from rnncli.core.case import Case, altered
from rnncli.core.causes import Cause
from rnncli.core.shapes import predict_parameters
from rnncli.manual.equations import flipped
from rnncli.numerics.probe import as_argument, results


class Adapted:
    """A candidate in canonical form. Layers are stacked, directions flipped and joined, batches and packed sequences
    taken apart around it where it cannot be asked for them.
    """

    def __init__(self, native: AnyNative, reading: Reading, always: tuple[int, int] = (1, 1)) -> None:
        """`always`: how many layers and directions it has whatever it is asked for."""
        self.native, self.reading, self.always = native, reading, always
        self.unbatched = self.packs = self.outside_autograd = False  # what layouts it takes itself
        self.overwrites: list[tuple[Cause, str]] = []  # the weights, or gradients of them, that a call overwrites
        self.unlike_heads: list[str] = []  # those read as a head's that do not act as one
        self.starts_itself = not reading.steps  # where its states may be omitted
        self.reverses: Literal["", "in place", "as walked"] = ""  # where it walks backward if asked: how output comes
        self.prepare: Callable[[Case], None] = lambda _: None

    @property
    def arrays(self) -> bool:
        """Return whether it computes with numpy, which knows no gradients."""
        return self.reading.binding.numpy

    @property
    def returned(self) -> tuple[bool, bool]:
        """Return whether output and states come out of it. A step returns both: the loop around it collects them."""
        return self.reading.output is not None or self.reading.steps, any(self.reading.finals)

    # -- what it is, in words ------------------------------------------------------------------------------------------

    def unsupported(self, case: Case) -> str | None:
        """Return what of a case the candidate does not claim and nobody can do for it."""
        rnn, reading = case.rnn, self.reading
        layers, directions = self.always
        if directions == 2 and not rnn.bidirectional:
            return "it runs both directions, always: one alone is not supported (--bidirectional)"
        if layers > 1 and rnn.num_layers != layers:
            return f"it has {layers} layers, always: {rnn.num_layers} is not supported (--layers {layers})"
        if layers > 1 and rnn.bidirectional and not reading.directions:
            return f"it has {layers} layers in one direction, always: both are not supported (--no-bidirectional)"
        if self.native.only_nonlinearity == "tanh" and rnn.nonlinearity == "relu":
            return "relu is not claimed: the candidate takes no nonlinearity and computes tanh"
        projects = self.native.claims("proj_size") or self.native.fixed
        if rnn.proj_size and not projects:
            return "it takes no proj_size: nothing in it says that h is projected"
        stacked = rnn.num_layers > 1 and not reading.whole(case)
        if stacked and not self.returned[0]:
            return f"it returns the last state alone: {rnn.num_layers} layers cannot be stacked"
        if reading.nothing:
            if reading.head is not None:
                looks = "which looks like a head: return output and h_n too, or name a layer inside that does"
                return f"it returns {reading.head}, {looks}"
            what = ", ".join(reading.neither) or "nothing that looks like output or h_n"
            return f"its states do not come out of it: it returns {what}"
        if case.run.train and rnn.dropout and rnn.num_layers > 1 and not stacked and not self.native.claims("dropout"):
            return "it takes no dropout"
        return None

    def described(self, case: Case) -> str:
        """Return how it is called and what it returns, in a line."""
        native, reading = self.native, self.reading
        given = reading.as_asked(case).input if native.claims("batch_first") else reading.input
        layout = LAYOUTS[given].words or f"input as {shown_axes(reading.input)}"
        words = [native.kind.format(holder=reading.binding.holder), "called per step" if reading.steps else layout]
        words += self._states_in_words()
        words += [f"constructed with {native.cell_class.__name__}"] if native.cell_class else []
        words += [f"{name} left at None" for name in native.left_at_none]
        words += ["weights transposed"] if reading.binding.transposed else []
        words += ["biases summed"] if native.one_bias else []
        words += ["lists of weights"] if reading.binding.listed else []
        words += ["numpy, without gradients"] if reading.binding.numpy else []
        if native.set_globals:
            words.append(f"the module's {', '.join(native.set_globals)} set to this case's")
        named = zip(("output", *native.cell.final), (reading.output, *reading.finals), strict=True)
        returned = [(part.path, f"{name} as {part.form}" if part.form else name) for name, part in named if part]
        by_place = all(isinstance(key, int) for path, _ in returned for key in path)
        parts = [told for _, told in (sorted(returned) if by_place else returned)]
        if parts and not reading.steps:
            words.append(f"returns ({', '.join(parts)})" if len(parts) > 1 else f"returns {parts[0]}")
        if reading.head is None and (heads := self._heads()):
            words.append(f"its head {' and '.join(heads)} set to the identity")
        if reading.neither:
            words.append(f"{' and '.join(reading.neither)} not compared")
        return ", ".join([*words, *self._unlike_its_notes()])

    def _states_in_words(self) -> list[str]:
        """Return in which form it takes its states, where that is not torch's."""
        states, cell, axes = self.native.states, self.native.cell, self.reading.state
        if not states.taken:
            return ["keeps its state itself" if self.native.stateful and self.reading.steps else "no h_0"]
        if states.h_alone:
            return [f"h_0 as {shown_axes(axes or '')}, no c_0"]
        form, (_, listed, items) = shown_axes(axes or ""), (axes or "").rpartition(",")
        if listed and len(cell.states) > 1:
            form = f"a list{' of lists' if axes == NESTED else ''} of pairs of {shown_axes(items)}"
        words = [f"{' and '.join(cell.initial)} as {form}"] if axes not in ("SNH", None) else []
        words += ["c_0 before h_0"] if states.c_first and states.pair and len(states.names) == 1 else []
        words += [f"{' and '.join(states.side_by_side)} side by side in one tensor"] if states.side_by_side else []
        return [*words, *(["h_0 and c_0 along the first axis of one tensor"] if states.stacked else [])]

    def _unlike_its_notes(self) -> list[str]:
        """Return which tensor holds the gates in another order than the one that docstrings and comments give."""
        plans = self.native.plans.values() if isinstance(self.native, Object) else ()
        said = orders_of_gates(docstrings.notes_on(self.native.target), self.native.cell) if plans else set()
        told = [f"the rows of {name} in the order {','.join(order)} (its notes say {','.join(*said)})"
                for plan in plans for name, order in plan.orders() if len(said) == 1 and order not in said]  # fmt: skip
        return told[:1]

    def _heads(self) -> list[str]:
        """Return the names of what comes after the recurrence, and is made the identity."""
        plans = self.native.plans.values() if isinstance(self.native, Object) else ()
        tensors = [tensor for plan in plans for tensor in plan.heads]
        return list(dict.fromkeys(name.removesuffix(".weight").removesuffix(".bias") for name in tensors))

    def around(self, case: Case) -> list[str]:
        """Return what is done around it, in words."""
        rnn, layout, reading = case.rnn, case.input.layout, self.reading
        done = []
        if not reading.whole(case):
            done += ["layers"] if rnn.num_layers > 1 and not (reading.layers and reading.directions) else []
            done += ["directions"] if rnn.bidirectional and not reading.directions else []
        said = [f"{' and '.join(done)} put together by rnncli"] if done else []
        if self.reverses and "directions" in done:
            said.append("asked to reverse" + (", its output put back in order" if self.reverses == "as walked" else ""))
        if isinstance(self.native, Object) and (told := list(self.native.constructor.set_against_default(case))):
            said.append(f"constructed with {', '.join(told)}, not its default")
        if asked := self.native.asked_for():
            said.append(f"called with {', '.join(asked)}, not its default")
        if not rnn.bias and not self.native.claims("bias") and self._has_biases(case):
            said.append("its biases set to zero")
        if reading.steps:
            over_batch = "N" not in reading.input and layout != "unbatched"
            loops = "loops over time and over the batch are" if over_batch else "loop over time is"
            said.append(f"the {loops} rnncli's")
        elif "N" not in reading.input and layout != "unbatched":
            said.append("one sequence at a time, by rnncli")
        if layout == "packed" and not self._takes("packed", case):
            pads = self.takes_lengths
            said.append(f"packed input {'padded' if pads else 'taken apart'} by rnncli")
            said += ["what follows the end of a sequence is not compared"] if pads else []
        if self.native.packed_alone and not (layout == "packed" and self._takes("packed", case)):
            said.append("input packed by rnncli")
        if layout == "unbatched" and "N" in reading.input and not self._takes("unbatched", case):
            said.append("unbatched input given as a batch of one by rnncli")
        itself = self.native.claims("batch_first") or reading.input == "NLI"
        if rnn.batch_first and layout == "batched" and not itself:
            said.append("batch_first transposed by rnncli")
        return said

    @property
    def takes_lengths(self) -> bool:
        """Return whether it takes padded sequences and their lengths."""
        of_batch = "N" in self.reading.input and not self.reading.steps
        return of_batch and "lengths" in self.native.arguments.values()

    def _has_biases(self, case: Case) -> bool:
        plan = self.native.plan(self._own_part(case)) if isinstance(self.native, Object) else None
        return plan is not None and any(piece.weight.is_bias for piece in plan.pieces)

    def _takes(self, layout: str, case: Case) -> bool:
        return (self.packs if layout == "packed" else self.unbatched) and self.reading.whole(case)

    # -- its own tensors -----------------------------------------------------------------------------------------------

    def wiring(self, case: Case) -> tuple[Row, ...]:
        """Return each tensor of the candidate, the weight it was given, and why."""
        return self.native.wiring(self._own_part(case), self.reading.binding)

    def order_is_assumed(self, case: Case) -> bool:
        """Return whether no experiment told the order of the rows of its gates."""
        plan = self.plan(case)
        return plan is not None and plan.assumed

    def holds_more(self, case: Case) -> bool:
        """Return whether an object holds tensors that are neither weights nor moved with its parameters and buffers."""
        if not isinstance(self.native, Object):
            return False
        plan, made = self.plan(case), self.native.made(self._own_part(case), torch.float32)
        moved = {id(one) for one in (*made.parameters(), *made.buffers())} if isinstance(made, nn.Module) else set()
        wired = set(plan.tensors) if plan else set()
        return any(not wired & set(one.names) and not moved & set(map(id, one.objects)) for one in held_by(made))

    def faults(self, case: Case) -> tuple[Row, ...]:
        """Return what is wrong beside values at the sizes of a case, as (tensor, cause, reason): a result that is a
        list, and the tensors of an object.
        """
        names = zip(results(case), (self.reading.output, *self.reading.finals), strict=True)
        told = "it is a list of tensors, not one tensor"
        lists = [(name, str(Cause.SHAPE), told) for name, part in names if part and part.listed]
        if self.reading.states_first:
            told = f"it comes after {' and '.join(self.native.cell.final)}; {self.native.cell.layer} returns it first"
            told += "; a config with `returns: states first` states that order"
            lists.append(("output", str(Cause.ORDER), told))
        lists += [("output", str(cause), told) for cause, told in self.overwrites[:1]]
        if self.unlike_heads:
            told = f"does not act as a linear head on the states, and {self.native.cell.layer} has no such weight"
            lists.append(("output", str(Cause.EXTRA_PARAMETER), f"{' or '.join(self.unlike_heads)} {told}"))
        plan = self.plan(case)
        if plan is None or not isinstance(self.native, Object):
            return tuple(lists)
        part = self._own_part(case)
        params = {one.name: torch.zeros(one.shape) for one in predict_parameters(part)}
        made = self.native.made(part, torch.float32, 0, part.rnn.hidden_size * part.rnn.directions)
        no_bias = not case.rnn.bias and self.native.claims("bias")
        module = made if isinstance(made, nn.Module) else None
        return (*lists, *plan.faults(held_by(made), params, module, no_bias))

    def _own_part(self, case: Case) -> Case:
        rnn, reading = case.rnn, self.reading
        layers = rnn.num_layers if reading.layers and (reading.directions or not rnn.bidirectional) else 1
        return altered(case, rnn={"num_layers": layers, "bidirectional": rnn.bidirectional and reading.directions})

    def plan(self, case: Case) -> Wiring | None:
        """Return where the weights are of a candidate that holds them itself."""
        return self.native.plan(self._own_part(case)) if isinstance(self.native, Object) else None

    # -- the call ------------------------------------------------------------------------------------------------------

    def __call__(
        self, input: Sequence, h_0: Tensor | tuple[Tensor, ...] | None, params: Mapping[str, Tensor], case: Case
    ) -> Any:
        """Return output and the final states; one that the candidate does not return is None."""
        states = (h_0,) if isinstance(h_0, Tensor) else h_0
        output, *finals = self._results(input, states, params, case)
        return output, tuple(finals) if len(finals) > 1 else finals[0]

    def _results(
        self, input: Sequence, states: States | None, params: Mapping[str, Tensor], case: Case
    ) -> tuple[Any, ...]:
        if isinstance(input, PackedSequence):
            padded = self._padded if self.takes_lengths else self._one_by_one
            return (self._as_torch if self._takes("packed", case) else padded)(input, states, params, case)
        claims, reading = self.native.claims("batch_first"), self.reading
        unbatched = case.input.layout == "unbatched"
        if unbatched and not self.unbatched:
            one = None if states is None else tuple(value.unsqueeze(1) for value in states)
            return tuple(map(_squeezed, self._batched(input.unsqueeze(1), one, params, case)))
        laid_out = reading.state in ("SNH", None) and (reading.input != "NLI" or claims)
        laid_out = laid_out and (claims or not case.rnn.batch_first)
        if unbatched or (self.native.drop_in and self.reading.whole(case) and laid_out):
            return self._as_torch(input, states, params, case)
        if not case.rnn.batch_first:
            return self._batched(input, states, params, case)
        asked = claims and reading.input == "LNI"
        output, *finals = self._batched(input.transpose(0, 1), states, params, case, batch_first=asked)
        return output if output is None or output.dim() < 2 else output.transpose(0, 1), *finals

    def _as_torch(self, input: Any, states: States | None, params: Mapping[str, Tensor], case: Case) -> tuple[Any, ...]:
        """Call a candidate that takes what torch's layer takes with just that."""
        self.prepare(case)
        reading, batch = self.reading, () if case.input.layout == "unbatched" else (case.input.batch_size,)
        if states is None and self.native.states.taken and not self.native.states.optional:
            states = _zeros(params["weight_hh_l0"], case, *batch)
        packed = isinstance(input, PackedSequence)
        state = reading.as_state(states) if packed else as_argument(states or ())
        returned = self.native.call(input, state, params, case, reading.binding)
        output = None if reading.output is None else reading.output.as_it_comes(at(returned, reading.output.path))
        finals = [None if part is None else part.of(returned, "SNH") if packed
                  else part.as_it_comes(at(returned, part.path)) for part in reading.finals]  # fmt: skip
        return output, *finals

    def _padded(
        self, input: PackedSequence, states: States | None, params: Mapping[str, Tensor], case: Case
    ) -> tuple[Any, ...]:
        padded, lengths = pad_packed_sequence(input)  # (L, N, H_in), in the caller's order
        output, *finals = self._batched(padded, states, params, case)
        if output is None or output.shape[:2] != padded.shape[:2]:
            return output, *finals
        packed = pack_padded_sequence(output, lengths, enforce_sorted=False)
        return packed._replace(batch_sizes=input.batch_sizes), *finals

    def _one_by_one(
        self, input: PackedSequence, states: States | None, params: Mapping[str, Tensor], case: Case
    ) -> tuple[Any, ...]:
        padded, lengths = pad_packed_sequence(input)  # (L, N, H_in), in the caller's order
        results = [self._batched(padded[:length, n : n + 1], part_of(states, 1, n, n + 1), params, case)
                   for n, length in enumerate(lengths.tolist())]  # fmt: skip
        outputs, *each = zip(*results, strict=True)
        finals = [joined(parts, 1) for parts in each]
        flat = [output.squeeze(1) for output, length in zip(outputs, lengths, strict=True)
                if output is not None and output.shape[:2] == (length, 1)]  # fmt: skip
        if len(flat) != len(outputs):
            return outputs[0], *finals
        packed = pack_sequence(flat, enforce_sorted=False)
        return packed._replace(batch_sizes=input.batch_sizes), *finals

    def _batched(
        self, x: Tensor, states: States | None, params: Mapping[str, Tensor], case: Case, batch_first: bool = False
    ) -> Results:
        """Return output (L, N, D*H_out) and the final states, as h_n (D*num_layers, N, H_out), for x (L, N, H_in).

        `batch_first`: the candidate takes that argument, is given it, and an input laid out accordingly.
        """
        rnn = case.rnn
        if self.reading.whole(case):
            part = _part(case, rnn.num_layers, rnn.bidirectional, x)
            return self._unit(x, states, params, altered(part, rnn={"batch_first": batch_first}), (0, 0))
        finals: list[list[Tensor | None]] = []
        for layer in range(rnn.num_layers):
            own = part_of(states, 0, layer * rnn.directions, (layer + 1) * rnn.directions)
            output, *final = self._layer(x, own, params, layer, case)
            finals.append(final)
            if output is None or output.dim() != x.dim():
                break
            last = layer == rnn.num_layers - 1
            dropped = case.run.train and rnn.dropout and not last
            x = torch.nn.functional.dropout(output, rnn.dropout) if dropped else output
        return output, *(joined(parts, 0) for parts in zip(*finals, strict=True))

    def _layer(self, x: Tensor, states: States | None, params: Mapping[str, Tensor], layer: int, case: Case) -> Results:
        """Compute one layer: with one call, or a call for each direction."""
        if self.reading.directions or not case.rnn.bidirectional:
            own = _renamed(params, f"l{layer}", "l0") | _renamed(params, f"l{layer}_reverse", "l0_reverse")
            return self._unit(x, states, own, _part(case, 1, case.rnn.bidirectional, x), (layer, 0))
        results = []
        for direction, suffix in enumerate(("", "_reverse")):
            given = _turned(x, case) if direction and not self.reverses else x
            own = _renamed(params, f"l{layer}{suffix}", "l0")
            one = part_of(states, 0, direction, direction + 1)
            with self.native.asked_to_reverse(bool(direction and self.reverses)):
                output, *final = self._unit(given, one, own, _part(case, 1, False, x), (layer, direction))
            if output is not None and direction and self.reverses != "in place":
                output = _turned(output, case)
            results.append((output, *final))
        halves, *finals = zip(*results, strict=True)
        return joined(halves, -1), *(joined(parts, 0) for parts in finals)

    def _unit(
        self, x: Tensor, states: States | None, params: Mapping[str, Tensor], case: Case, part: tuple[int, int]
    ) -> Results:
        """Call the candidate, an object of its own for each part: backward may run forward again."""
        native, reading = self.native, self.reading.as_asked(case)
        native.part = part
        self.prepare(case)
        zeros = not (native.states.optional and self.starts_itself)
        if not native.states.taken:
            states = None
        elif states is None and zeros:
            states = _zeros(x, case, x.shape[1])
        call = partial(native.call, params=params, case=case, binding=reading.binding)
        begin = partial(native.begin, case, params) if isinstance(native, Object) and native.stateful else lambda: None
        return reading.computed(call, x, states, begin)


def _zeros(like: Tensor, case: Case, *batch: int) -> States:
    rnn, rows = case.rnn, case.rnn.num_layers * case.rnn.directions
    sizes = [rnn.h_out, *[rnn.hidden_size] * (len(case.cell.states) - 1)]
    return tuple(like.new_zeros(rows, *batch, size) for size in sizes)


def _renamed(params: Mapping[str, Tensor], suffix: str, to: str) -> dict[str, Tensor]:
    return {name.removesuffix(suffix) + to: value for name, value in params.items() if name.endswith(f"_{suffix}")}


def _part(case: Case, layers: int, bidirectional: bool, x: Tensor) -> Case:
    """Return the case of one call, time-first, of the sizes of x; packed sequences that x pads keep their lengths."""
    rnn = {"num_layers": layers, "bidirectional": bidirectional, "batch_first": False, "input_size": x.shape[-1]}
    given = {"layout": "batched", "seq_len": x.shape[0], "batch_size": x.shape[1], "lengths": None}
    return altered(case, rnn=rnn, input={} if _pads(x, case) else given)


def _pads(value: Tensor, case: Case) -> bool:
    """Return whether a tensor (L, N, features) holds all packed sequences of a case, padded."""
    lengths = case.input.sequence_lengths
    return case.input.layout == "packed" and tuple(value.shape[:2]) == (max(lengths), len(lengths))


def _turned(value: Tensor, case: Case) -> Tensor:
    """Return sequences (L, N, features) read from their last steps; what pads them stays where it is."""
    return flipped(value, torch.tensor(case.input.sequence_lengths) if _pads(value, case) else None)


def _squeezed(value: Tensor | None) -> Tensor | None:
    return None if value is None else value.squeeze(1) if value.dim() > 1 else value
