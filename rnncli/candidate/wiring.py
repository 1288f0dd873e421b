"""Which tensor of an object holds which of nn.RNN's parameters: how they are set, told, and found to be wrong."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from rnncli.candidate.names import without_numbers
from rnncli.candidate.places import Held, big
from rnncli.candidate.weights import Binding, Row, Weight, without_a_place
from rnncli.core.causes import Cause


class Unwired(Exception):
    """A weight of torch's layer whose place cannot be told."""


@dataclass(frozen=True)
class Piece:
    """A part of an object's tensor, and the weight it is.

    `index`: the part, as a number along the first axis, such a number after `:` along the second, or a slice of the
    tensor as a vector; None for the whole.
    """

    tensor: str
    index: Any
    weight: Weight


@dataclass(frozen=True)
class Wiring:
    """The pieces of an object that hold nn.RNN's parameters.

    `tensors`: theirs, as they were when they were looked at. `missing`: parameters of nn.RNN without a place. `extra`:
    trainable parameters that act and have no counterpart in nn.RNN. `beyond`: weights of layers that were not asked
    for. `turned`: a square matrix lies the other way than its neighbour, whose shape tells how it lies. `assumed`: no
    experiment told the order of the rows of some tensors, and torch's is assumed.
    """

    pieces: tuple[Piece, ...]
    tensors: Mapping[str, Held]
    missing: tuple[str, ...] = ()
    buffers: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    beyond: tuple[str, ...] = ()
    turned: bool = False
    assumed: bool = False

    @cached_property
    def by_tensor(self) -> dict[str, list[Piece]]:
        return {name: [piece for piece in self.pieces if piece.tensor == name] for name in self.tensors}

    @property
    def places(self) -> set[Piece]:
        """Return the pieces without what a mistake in a step may hide: the order of their gates, and what told them."""
        hidden: dict[str, Any] = {"gates": (), "apart": "", "of_apart": (), "evidence": ""}
        return {Piece(one.tensor, str(one.index), replace(one.weight, **hidden)) for one in self.pieces}

    @property
    def heads(self) -> list[str]:
        """Return the tensors of what comes after the recurrence, which are set to the identity."""
        return [piece.tensor for piece in self.pieces if piece.weight.kind == "readout"]

    def set(
        self, made: Any, held: Sequence[Held], params: Mapping[str, Tensor], binding: Binding, head: float = 1.0,
        watch: Callable[[str, Any], None] | None = None,
    ) -> None:  # fmt: skip
        """Put nn.RNN's parameters into an object; a head becomes the identity, times `head`. `watch` gets what is put
        under each name.
        """
        by_name = {name: one for one in held for name in one.names}
        hidden = params["weight_hh_l0"].shape[1]
        wide = 2 * hidden if "weight_hh_l0_reverse" in params else hidden
        for name, pieces in self.by_tensor.items():
            one = by_name.get(name)
            reads_more = one is not None and not any(set(big(one.shape)) <= {size} for size in (hidden, wide))
            if one is not None and not (pieces[0].weight.kind == "readout" and reads_more):
                with _outside_inference_mode():
                    value = binding.value(self._value(name, params, one, head))
                one.set(made, value)
                if watch:
                    watch(name, value)

    def _value(self, tensor: str, params: Mapping[str, Tensor], held: Held, head: float = 1.0) -> Tensor:
        """Return the value of a tensor from its pieces, in the shape that it has, where it has as many elements."""
        pieces, shape = self.by_tensor[tensor], self.tensors[tensor].shape
        width = next(iter(big(held.shape)), 1)  # of a head
        values = [piece.weight.value(params, head, width) for piece in pieces]
        value = values[0]
        if isinstance(pieces[0].index, slice):
            value = torch.cat([one.reshape(-1) for one in values])
        elif pieces[0].index is not None:
            value = torch.stack(values, int(isinstance(pieces[0].index, tuple)))
        for axis, size in enumerate(shape):
            if size == 1 and value.dim() < len(shape):
                value = value.unsqueeze(axis)
        fits = value.numel() == math.prod(held.shape) and (isinstance(held.value, Tensor) or value.dim() < len(shape))
        return value.reshape(held.shape) if fits else value

    def orders(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield the tensors that hold the rows of all gates, each with their order."""
        for name, pieces in self.by_tensor.items():
            order = tuple(gate for piece in pieces for gate in piece.weight.gates)
            if len(order) == len(pieces[0].weight.cell.gates):
                yield name, order

    def as_its_neighbours(self) -> "Wiring":
        """Return the wiring with its square matrices the way the others lie, whatever they behave like."""
        of_input = (piece for piece in self.pieces if piece.weight.kind == "weight_ih")
        told = next(piece.weight for piece in of_input if len(set(self._big(piece))) == 2)
        pieces = []
        for piece in self.pieces:
            square = len(self._big(piece)) == 2 and len(set(self._big(piece))) == 1
            turns = square and piece.weight.kind in ("weight_hh", "weight_ih")
            weight = replace(piece.weight, transposed=told.transposed) if turns else piece.weight
            pieces.append(replace(piece, weight=weight))
        return replace(self, pieces=tuple(pieces))

    def _big(self, piece: Piece) -> tuple[int, ...]:
        """Return the shape of a piece without axes of size 1: of a number, that of what stands at it."""
        shape = self.tensors[piece.tensor].shape
        if isinstance(piece.index, tuple):
            return big((shape[0], *shape[2:]))
        return big(shape[1:] if isinstance(piece.index, int) else shape)

    def rows(self) -> tuple[Row, ...]:
        """Return each tensor, the weight it was given, and why."""
        found = []
        for piece in self.pieces:
            part = "" if piece.index is None else f"[{piece.index}]"
            part = f"[:, {piece.index[1]}]" if isinstance(piece.index, tuple) else part
            if isinstance(piece.index, slice):  # counted: offsets would be those of the sizes of a trial
                starts = sorted(one.index.start for one in self.by_tensor[piece.tensor])
                part = f"[part {starts.index(piece.index.start) + 1} of {len(starts)}]"
            found.append((f"{piece.tensor}{part}", str(piece.weight), piece.weight.evidence))
            others = [name for name in self.tensors[piece.tensor].names if name != piece.tensor]
            found += [(f"{name}{part}", str(piece.weight), f"the same tensor as {piece.tensor}") for name in others]
        buffers = [(name, "nothing: it is a buffer", "it has no effect") for name in self.buffers]
        return (*found, *without_a_place(self.missing), *buffers)

    def faults(
        self, held: Sequence[Held], params: Mapping[str, Tensor], module: nn.Module | None, no_bias: bool = False
    ) -> Iterator[Row]:
        """Yield what is wrong with an object's own tensors: the parameter's name, the cause, and the reason.

        A tensor that is set keeps what it had: its shape, and in an nn.Module being a Parameter that requires grad.
        """
        by_name = {name: one for one in held for name in one.names}
        registered = {id(one) for one in module.parameters()} if module is not None else set()
        layer = self.pieces[0].weight.cell.layer
        for name in self.extra:
            yield (
                "weight_ih_l0",
                Cause.EXTRA_PARAMETER,
                f"{name} is trained and acts, and {layer} has no such parameter",
            )
        if self.beyond and module is not None:
            yield "weight_ih_l0", Cause.WRONG_SHAPE, f"{self.beyond[0]} belongs to a layer that was not asked for"
        if shared := self._of_two_layers():
            said = f"no tensor holds {self.missing[0]}: {' and '.join(shared)} are one"
            yield self.missing[0], Cause.ONE_TENSOR, said
        for name, pieces in self.by_tensor.items():
            one, weight = by_name.get(name), pieces[0].weight
            if one is None or weight.kind == "readout":
                continue
            kind = {"weight": "weight_ih", "bias": "bias_ih"}.get(weight.kind, weight.kind)
            told, shape = f"{kind}_{weight.suffix}", tuple(self._value(name, params, one).shape)
            if one.shape != shape:
                half = "weight_hh_l0_reverse" in params and 2 * math.prod(one.shape) == math.prod(shape)
                upper = kind == "weight_ih" and weight.layer > 0 and half
                cause = "upper-layer-reads-hidden-size" if upper else Cause.WRONG_SHAPE
                yield told, cause, f"{name} has shape {one.shape}, expected {shape}"
            elif no_bias and all(piece.weight.is_bias for piece in pieces):
                yield told, Cause.BIAS_KEPT, f"{name} is a bias, and bias=False was asked for"
            elif module is not None and not one.parameter:
                yield told, Cause.NOT_A_PARAMETER, f"{name} is a plain tensor, expected an nn.Parameter"
            elif module is not None and not registered & set(map(id, one.objects)):
                yield told, Cause.NOT_A_PARAMETER, f"{name} is not registered: parameters() does not give it"
            elif module is not None and not one.value.requires_grad:
                yield told, Cause.NOT_A_PARAMETER, f"{name} has requires_grad=False"

    def _of_two_layers(self) -> list[str]:
        """Return the names of one tensor that differ in a number alone, where a parameter of its kind has no place."""
        for name, pieces in self.by_tensor.items():
            kinds = {parameter.rpartition("_l")[0] for parameter in pieces[0].weight.parameters}
            if any(missing.rpartition("_l")[0] in kinds for missing in self.missing):
                alike = [one for one in self.tensors[name].names if without_numbers(one) == without_numbers(name)]
                if len(alike) > 1:
                    return alike[:2]
        return []


@contextmanager
def _outside_inference_mode() -> Iterator[None]:
    """Make weights as those of a model are: its code may ask for their version, which tensors of that mode have not."""
    gradients = torch.is_grad_enabled()
    with torch.inference_mode(False), torch.set_grad_enabled(gradients):
        yield
