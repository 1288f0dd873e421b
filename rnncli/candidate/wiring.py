"""Which tensor of an object holds which of nn.RNN's parameters: how they are set, told, and found to be wrong."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from rnncli.candidate.experiments import big
from rnncli.candidate.places import Held
from rnncli.candidate.weights import Binding, Row, Weight


@dataclass(frozen=True)
class Piece:
    """A part of an object's tensor, and the weight it is. `index`: the part, None for the whole."""

    tensor: str
    index: Any
    weight: Weight


@dataclass(frozen=True)
class Wiring:
    """The pieces of an object that hold nn.RNN's parameters.

    `shapes`: those that their tensors had when they were looked at. `missing`: parameters of nn.RNN without a place.
    `extra`: trainable parameters that act and have no counterpart in nn.RNN. `beyond`: weights of layers that were not
    asked for. `turned`: a square matrix lies the other way than its neighbour, whose shape tells how it lies.
    `aliases`: further names of a tensor.
    """

    pieces: tuple[Piece, ...]
    shapes: Mapping[str, tuple[int, ...]]
    missing: tuple[str, ...] = ()
    buffers: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    beyond: tuple[str, ...] = ()
    turned: bool = False
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @cached_property
    def by_tensor(self) -> dict[str, list[Piece]]:
        """Return the pieces of each tensor."""
        return {name: [piece for piece in self.pieces if piece.tensor == name] for name in self.shapes}

    def set(
        self, made: Any, held: Sequence[Held], params: Mapping[str, Tensor], binding: Binding, head: float = 1.0
    ) -> None:
        """Put nn.RNN's parameters into an object; a head becomes the identity, times `head`."""
        by_name = {name: one for one in held for name in one.names}
        for name, pieces in self.by_tensor.items():
            one = by_name.get(name)
            reads_more = one is not None and not set(big(one.shape)) <= {len(params["weight_hh_l0"])}
            if one is not None and not (pieces[0].weight.kind == "readout" and reads_more):
                one.set(made, binding.value(self._value(name, params, one, head)))

    def _value(self, tensor: str, params: Mapping[str, Tensor], held: Held, head: float = 1.0) -> Tensor:
        """Return the value of a tensor from its pieces, in the shape that it has, where it has as many elements."""
        pieces, rank = self.by_tensor[tensor], len(self.shapes[tensor])
        values = [piece.weight.value(params, head) for piece in pieces]
        value = values[0]
        if isinstance(pieces[0].index, slice):
            value = torch.cat([one.reshape(-1) for one in values])
        elif pieces[0].index is not None:
            value = torch.stack(values)
        for axis, size in enumerate(self.shapes[tensor]):
            if size == 1 and value.dim() < rank:
                value = value.unsqueeze(axis)
        fits = value.numel() == math.prod(held.shape) and (isinstance(held.value, Tensor) or value.dim() < rank)
        return value.reshape(held.shape) if fits else value

    def as_its_neighbours(self) -> "Wiring":
        """Return the wiring with its square matrices the way the others lie, whatever they behave like."""
        sizes = {name: big(shape) for name, shape in self.shapes.items()}
        told = next(piece.weight for piece in self.pieces
                    if piece.weight.kind == "weight_ih" and len(set(sizes[piece.tensor])) == 2)  # fmt: skip
        square = {name for name, shape in sizes.items() if len(shape) == 2 and len(set(shape)) == 1}
        pieces = tuple(
            replace(piece, weight=replace(piece.weight, transposed=told.transposed))
            if piece.tensor in square and piece.weight.kind in ("weight_hh", "weight_ih")
            else piece
            for piece in self.pieces
        )
        return replace(self, pieces=pieces)

    def rows(self) -> tuple[Row, ...]:
        """Return each tensor, the weight it was given, and why."""
        found = []
        for piece in self.pieces:
            part = "" if piece.index is None else f"[{piece.index}]"
            if isinstance(piece.index, slice):  # counted: offsets would be those of the sizes of a trial
                starts = sorted(one.index.start for one in self.by_tensor[piece.tensor])
                part = f"[part {starts.index(piece.index.start) + 1} of {len(starts)}]"
            found.append((f"{piece.tensor}{part}", str(piece.weight), piece.weight.evidence))
            same = f"the same tensor as {piece.tensor}"
            found += [(f"{name}{part}", str(piece.weight), same) for name in self.aliases.get(piece.tensor, ())]
        return (*found, *((name, "nothing: it is a buffer", "it has no effect") for name in self.buffers))

    def faults(
        self, held: Sequence[Held], params: Mapping[str, Tensor], module: nn.Module | None, no_bias: bool = False
    ) -> Iterator[Row]:
        """Yield what is wrong with an object's own tensors: the parameter's name, the cause, and the reason.

        A tensor that is set keeps what it had: its shape, and in an nn.Module being a Parameter that requires grad.
        """
        by_name = {name: one for one in held for name in one.names}
        registered = {id(one) for one in module.parameters()} if module is not None else set()
        acts = "is trained and acts, and nn.RNN has no such parameter"
        yield from (("weight_ih_l0", "extra-parameter", f"{name} {acts}") for name in self.extra)
        if self.beyond and module is not None:
            yield "weight_ih_l0", "wrong-shape", f"{self.beyond[0]} belongs to a layer that was not asked for"
        for name, pieces in self.by_tensor.items():
            one, weight = by_name.get(name), pieces[0].weight
            if one is None or weight.kind == "readout":
                continue
            shape = tuple(self._value(name, params, one).shape)
            if one.shape != shape:
                upper = weight.kind in ("weight_ih", "weight") and weight.layer > 0
                cause = "upper-layer-reads-hidden-size" if upper else "wrong-shape"
                yield _first(weight), cause, f"{name} has shape {one.shape}, expected {shape}"
            elif no_bias and all(piece.weight.is_bias for piece in pieces):
                yield _first(weight), "bias-kept", f"{name} is a bias, and bias=False was asked for"
            elif module is not None and (reason := _why_no_parameter(one, registered)):
                yield _first(weight), "not-a-parameter", f"{name} {reason}"


def _first(weight: Weight) -> str:
    """Return the name of nn.RNN's parameter under which a fault is told."""
    kind = {"weight": "weight_ih", "bias": "bias_ih"}.get(weight.kind, weight.kind)
    return f"{kind}_{weight.suffix}"


def _why_no_parameter(held: Held, registered: set[int]) -> str | None:
    if not held.parameter:
        return "is a plain tensor, expected an nn.Parameter"
    if not registered & set(map(id, held.objects)):
        return "is not registered: parameters() does not give it"
    return "has requires_grad=False" if not held.value.requires_grad else None
