"""The planted faults: each one a small variation of the equations, written as the person who made the mistake wrote it.

`Equations` computes what `torch.nn.RNN` computes, in short methods, one per decision that can go wrong. A fault is a
class that takes one of these decisions differently; two faults together are a class with both as its bases. What each
fault is in words stands in `rnncli.faults.catalogue`, under the same id.

A sequence in a packed input is walked within its own length, in either direction, so that a fault does to it what it
would do to that sequence alone. Faults of padding are those that leave this out.
"""

# ruff: noqa: ARG002  # a fault takes what the method it stands for takes, and often looks at less

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from rnncli.candidate.load import Canonical
from rnncli.core.case import Case


class Parameters(NamedTuple):
    """The parameters of one layer in one direction."""

    weight_ih: Tensor  # (H_out, H_in), (H_out, D*H_out) above the first layer
    weight_hh: Tensor  # (H_out, H_out)
    bias_ih: Tensor | None  # (H_out,)
    bias_hh: Tensor | None  # (H_out,)


class Lengths(NamedTuple):
    """Where the sequences of a packed input end, once it is laid out as (L, N, H_in)."""

    valid: Tensor  # (L, N, 1), False where a sequence has ended
    backwards: Tensor  # (L, N, 1), the time step that stands at each place of a sequence read from its end


class Rows(NamedTuple):
    """The time step and the sequence of each row of `.data`, (sum of lengths,) each."""

    time: Tensor
    sequence: Tensor


class Equations:
    """One call of an RNN. L sequence length, N batch, D directions, H_in and H_out features in and out.

    Walking order is that of the steps a direction takes: time for the forward direction, its reverse for the other.
    `kept` outlives the call: an honest RNN leaves it empty.
    """

    def __init__(self, params: Mapping[str, Tensor], case: Case, kept: dict[str, Tensor]) -> None:
        self.params = params
        self.case = case
        self.kept = kept
        self.rows: Rows | None = None  # of a packed input, as is `lengths`
        self.lengths: Lengths | None = None

    def forward(self, input: Tensor | PackedSequence, h_0: Tensor | None) -> tuple[Tensor | PackedSequence, Tensor]:
        """input and h_0 laid out as nn.RNN takes them -> output and h_n laid out as nn.RNN returns them."""
        x = self.enter(input)  # (L, N, H_in)
        hidden_size = self.params["weight_hh_l0"].shape[0]
        if h_0 is None:
            start = x.new_zeros(self.case.rnn.num_layers * self.case.rnn.directions, x.shape[1], hidden_size)
        else:
            start = self.enter_state(h_0, input)  # (D*num_layers, N, H_out)
        output, h_n = self.stack(x, start)
        return self.leave(output, input), self.leave_state(h_n, input)

    # The layout

    def enter(self, input: Tensor | PackedSequence) -> Tensor:
        """The input as (L, N, H_in); a packed one is padded with zeros, its sequences longest first."""
        if isinstance(input, PackedSequence):
            return self._unpack(input)
        if input.dim() == 2:
            return input.unsqueeze(1)
        return input.transpose(0, 1) if self.transposes() else input

    def leave(self, output: Tensor, input: Tensor | PackedSequence) -> Tensor | PackedSequence:
        """output (L, N, D*H_out), laid out like the input."""
        if isinstance(input, PackedSequence):
            return input._replace(data=output[self.rows])  # .data (sum of lengths, D*H_out)
        if input.dim() == 2:
            return output.squeeze(1)
        return output.transpose(0, 1) if self.transposes() else output

    def transposes(self) -> bool:
        """Whether a batch comes as (N, L, H_in)."""
        return self.case.rnn.batch_first

    def enter_state(self, h_0: Tensor, input: Tensor | PackedSequence) -> Tensor:
        """h_0 as (D*num_layers, N, H_out), its sequences in the order of x."""
        if isinstance(input, PackedSequence):
            return h_0 if input.sorted_indices is None else h_0.index_select(1, input.sorted_indices)
        return h_0.unsqueeze(1) if input.dim() == 2 else h_0

    def leave_state(self, h_n: Tensor, input: Tensor | PackedSequence) -> Tensor:
        """h_n (D*num_layers, N, H_out), its sequences in the caller's order; without N where the input has none."""
        if isinstance(input, PackedSequence):
            return h_n if input.unsorted_indices is None else h_n.index_select(1, input.unsorted_indices)
        return h_n.squeeze(1) if input.dim() == 2 else h_n

    def _unpack(self, packed: PackedSequence) -> Tensor:
        data = packed.data  # (sum of lengths, H_in)
        batch_sizes = packed.batch_sizes  # (L,): the sequences still running at each step
        steps = torch.arange(len(batch_sizes))[:, None]  # (L, 1); on the CPU, as batch_sizes is, wherever the data are
        valid = torch.arange(int(batch_sizes[0])) < batch_sizes[:, None]  # (L, N)
        backwards = torch.where(valid, valid.sum(0) - 1 - steps, steps)  # (L, N)
        time, sequence = valid.nonzero(as_tuple=True)
        self.rows = Rows(time.to(data.device), sequence.to(data.device))
        self.lengths = Lengths(valid[..., None].to(data.device), backwards[..., None].to(data.device))
        return data.new_zeros(*valid.shape, data.shape[-1]).index_put(self.rows, data)  # (L, N, H_in)

    # The stack of layers

    def stack(self, x: Tensor, h_0: Tensor) -> tuple[Tensor, Tensor]:
        """x (L, N, H_in), h_0 (D*num_layers, N, H_out) -> output (L, N, D*H_out), h_n (D*num_layers, N, H_out)."""
        output = x
        final_states: list[Tensor] = []
        for layer in range(self.case.rnn.num_layers):
            layer_input = self.layer_input(layer, x, output)  # (L, N, H_in or D*H_out)
            halves = []
            for reverse in (False, True)[: self.case.rnn.directions]:
                h = self.initial_state(h_0, layer, reverse, final_states)  # (N, H_out)
                states, h = self.direction(layer_input, h, layer, reverse)
                halves.append(states)  # (L, N, H_out)
                final_states.append(h)  # (N, H_out)
            output = self.join(halves)  # (L, N, D*H_out)
            if self.case.rnn.dropout and self.drops_after(layer):
                output = self.drop(output)  # (L, N, D*H_out)
        return output, self.assemble(final_states)

    def layer_input(self, layer: int, x: Tensor, below: Tensor) -> Tensor:
        """What a layer reads: x (L, N, H_in), or above the first the output of the layer below (L, N, D*H_out)."""
        return x if layer == 0 else below

    def initial_state(self, h_0: Tensor, layer: int, reverse: bool, final_states: Sequence[Tensor]) -> Tensor:
        """Where a direction of a layer starts (N, H_out); `final_states` are those of the directions walked before."""
        return h_0[layer * self.case.rnn.directions + reverse]

    def join(self, halves: Sequence[Tensor]) -> Tensor:
        """The directions (L, N, H_out), forward first -> the output of a layer (L, N, D*H_out)."""
        return torch.cat(list(halves), dim=-1)

    def assemble(self, final_states: Sequence[Tensor]) -> Tensor:
        """The final states (N, H_out), by layer, then direction -> h_n (D*num_layers, N, H_out)."""
        return torch.stack(list(final_states))

    def drops_after(self, layer: int) -> bool:
        """Whether dropout acts on the output of a layer."""
        return self.case.run.train and layer < self.case.rnn.num_layers - 1

    def drop(self, x: Tensor) -> Tensor:
        """x (L, N, D*H_out) with the masks nn.RNN draws on CPU: time-first, or over `.data` when packed."""
        if self.rows is None:
            return F.dropout(x, self.case.rnn.dropout)
        return x.new_zeros(x.shape).index_put(self.rows, F.dropout(x[self.rows], self.case.rnn.dropout))

    # One direction of a layer

    def direction(self, x: Tensor, h: Tensor, layer: int, reverse: bool) -> tuple[Tensor, Tensor]:
        """x (L, N, features), h (N, H_out) -> the states by time (L, N, H_out), the final state (N, H_out)."""
        parameters = self.parameters(layer, reverse)
        projected = self.project(self.into_walking_order(x, reverse), parameters)  # (L, N, H_out)
        states = self.walk(projected, h, parameters.weight_hh, self.lengths_seen(reverse))  # L of (N, H_out)
        outputs = torch.stack(self.outputs(layer, states, h))  # (L, N, H_out), in walking order
        return self.into_time_order(outputs, reverse), self.final_state(states, reverse)

    def parameters(self, layer: int, reverse: bool) -> Parameters:
        """The parameters of one layer in one direction."""
        suffix = f"l{layer}_reverse" if reverse else f"l{layer}"
        return Parameters(
            self.params[f"weight_ih_{suffix}"],
            self.params[f"weight_hh_{suffix}"],
            self.params.get(f"bias_ih_{suffix}"),
            self.params.get(f"bias_hh_{suffix}"),
        )

    def lengths_seen(self, reverse: bool) -> Lengths | None:
        """The lengths that a direction heeds; None where every sequence is as long as the longest."""
        return self.lengths

    def into_walking_order(self, x: Tensor, reverse: bool) -> Tensor:
        """x (L, N, features) in the order in which a direction reads it."""
        return self._flipped(x) if reverse else x

    def into_time_order(self, outputs: Tensor, reverse: bool) -> Tensor:
        """What a direction computed (L, N, H_out), put back in the order of time."""
        return self._flipped(outputs) if reverse else outputs

    def _flipped(self, x: Tensor) -> Tensor:
        lengths = self.lengths_seen(reverse=True)
        return x.flip(0) if lengths is None else x.gather(0, lengths.backwards.expand_as(x))

    def project(self, x: Tensor, parameters: Parameters) -> Tensor:
        """The input's share of every step: x (L, N, features) -> x W_ih^T + b_ih + b_hh (L, N, H_out)."""
        projected = x @ parameters.weight_ih.T  # outside the loop over time: one matrix product for all steps
        for bias in (parameters.bias_ih, parameters.bias_hh):
            projected = projected if bias is None else projected + bias
        return projected

    def walk(self, projected: Tensor, h_start: Tensor, weight_hh: Tensor, lengths: Lengths | None) -> list[Tensor]:
        """projected (L, N, H_out), h_start (N, H_out) -> L states (N, H_out); outside its sequence one stands still."""
        inputs = projected.unbind(0)  # indexing step by step would make the backward quadratic in L
        inside = [None] * len(inputs) if lengths is None else lengths.valid.unbind(0)  # L of (N, 1)
        states: list[Tensor] = []
        for x_t, valid in zip(inputs, inside, strict=True):
            h = self.step(x_t, self.state_before(states, h_start), weight_hh)
            states.append(h if valid is None else torch.where(valid, h, states[-1] if states else h_start))
        return states

    def state_before(self, states: Sequence[Tensor], h_start: Tensor) -> Tensor:
        """The state (N, H_out) the next step starts from, `states` being those computed so far."""
        return states[-1] if states else h_start

    def step(self, projected: Tensor, h: Tensor, weight_hh: Tensor) -> Tensor:
        """One time step: projected (N, H_out), h (N, H_out) -> the next state (N, H_out)."""
        return self.activation(projected + h @ weight_hh.T)

    def activation(self, z: Tensor) -> Tensor:
        """The nonlinearity of the case."""
        return torch.relu(z) if self.case.rnn.nonlinearity == "relu" else torch.tanh(z)

    def outputs(self, layer: int, states: Sequence[Tensor], h_start: Tensor) -> list[Tensor]:
        """What a direction gives out at each step: its states (N, H_out), in walking order."""
        return list(states)

    def final_state(self, states: Sequence[Tensor], reverse: bool) -> Tensor:
        """The state (N, H_out) a direction ends with: for the reverse direction that at t = 0, its last step."""
        return states[-1]


PLANTED: dict[str, type[Equations]] = {}
AnyEquations = TypeVar("AnyEquations", bound=type[Equations])


def plant(*ids: str) -> Canonical:
    """An RNN with the faults of these ids in it; without an id, the correct one.

    It is called as every candidate is: f(input, h_0, params, case) -> (output, h_n). Faults add up; where two cannot
    both be had (no activation, and the wrong one), that of the earlier id is. What a fault remembers between calls
    belongs to the callable returned. Raises KeyError for an unknown id.
    """
    faults = tuple(PLANTED[id] for id in dict.fromkeys(ids))
    written: type[Equations] = type("Planted", (*faults, Equations), {})
    kept: dict[str, Tensor] = {}

    def planted(
        input: Tensor | PackedSequence, h_0: Any, params: Mapping[str, Tensor], case: Case
    ) -> tuple[Tensor | PackedSequence, Tensor]:
        return written(params, case, kept).forward(input, h_0)

    return planted


def _fault(id: str) -> Callable[[AnyEquations], AnyEquations]:
    def register(written: AnyEquations) -> AnyEquations:
        PLANTED[id] = written
        return written

    return register


# One step


@_fault("missing-bias-ih")
class MissingBiasIh(Equations):
    """The first of the two biases is left out."""

    def parameters(self, layer: int, reverse: bool) -> Parameters:
        return super().parameters(layer, reverse)._replace(bias_ih=None)


@_fault("missing-bias-hh")
class MissingBiasHh(Equations):
    """The second of the two biases is left out."""

    def parameters(self, layer: int, reverse: bool) -> Parameters:
        return super().parameters(layer, reverse)._replace(bias_hh=None)


@_fault("bias-ih-twice")
class BiasIhTwice(Equations):
    """A name copied: b_ih stands where b_hh is meant."""

    def parameters(self, layer: int, reverse: bool) -> Parameters:
        parameters = super().parameters(layer, reverse)
        return parameters._replace(bias_hh=parameters.bias_ih)


@_fault("wrong-nonlinearity")
class WrongNonlinearity(Equations):
    """The other one of the two."""

    def activation(self, z: Tensor) -> Tensor:
        return torch.tanh(z) if self.case.rnn.nonlinearity == "relu" else torch.relu(z)


@_fault("activation-missing")
class ActivationMissing(Equations):
    """A linear recurrence."""

    def activation(self, z: Tensor) -> Tensor:
        return z


@_fault("concat-order-swapped")
class ConcatOrderSwapped(Equations):
    """[h, x] @ [W_ih, W_hh]^T: h meets the first H_out columns, x the others."""

    def parameters(self, layer: int, reverse: bool) -> Parameters:
        parameters = super().parameters(layer, reverse)
        weight = torch.cat([parameters.weight_ih, parameters.weight_hh], dim=1)  # (H_out, features + H_out)
        hidden_size = weight.shape[0]
        return parameters._replace(weight_hh=weight[:, :hidden_size], weight_ih=weight[:, hidden_size:])


# The initial state


@_fault("h0-ignored")
class H0Ignored(Equations):
    """Zeros instead."""

    def initial_state(self, h_0: Tensor, layer: int, reverse: bool, final_states: Sequence[Tensor]) -> Tensor:
        return torch.zeros_like(super().initial_state(h_0, layer, reverse, final_states))


@_fault("h0-layer-shared")
class H0LayerShared(Equations):
    """The first layer's rows for every layer."""

    def initial_state(self, h_0: Tensor, layer: int, reverse: bool, final_states: Sequence[Tensor]) -> Tensor:
        return super().initial_state(h_0, 0, reverse, final_states)


@_fault("h0-reverse-shared")
class H0ReverseShared(Equations):
    """The forward row for both directions."""

    def initial_state(self, h_0: Tensor, layer: int, reverse: bool, final_states: Sequence[Tensor]) -> Tensor:
        return super().initial_state(h_0, layer, False, final_states)


@_fault("h0-direction-major")
class H0DirectionMajor(Equations):
    """All forward rows first."""

    def initial_state(self, h_0: Tensor, layer: int, reverse: bool, final_states: Sequence[Tensor]) -> Tensor:
        row = reverse * self.case.rnn.num_layers + layer
        layer, direction = divmod(row, self.case.rnn.directions)
        return super().initial_state(h_0, layer, direction == 1, final_states)


@_fault("h0-from-layer-below")
class H0FromLayerBelow(Equations):
    """h stays what it was at the end of the layer below."""

    def initial_state(self, h_0: Tensor, layer: int, reverse: bool, final_states: Sequence[Tensor]) -> Tensor:
        if layer > 0:
            return final_states[-self.case.rnn.directions]
        return super().initial_state(h_0, layer, reverse, final_states)


# Carrying the state along time


@_fault("state-not-carried")
class StateNotCarried(Equations):
    """The loop over time never assigns h."""

    def state_before(self, states: Sequence[Tensor], h_start: Tensor) -> Tensor:
        return h_start


@_fault("state-delayed")
class StateDelayed(Equations):
    """Appended before the step instead of after it."""

    def outputs(self, layer: int, states: Sequence[Tensor], h_start: Tensor) -> list[Tensor]:
        return [h_start, *super().outputs(layer, states, h_start)[:-1]]


@_fault("state-aliased")
class StateAliased(Equations):
    """One buffer, appended at every step, holds the last state in the end."""

    def outputs(self, layer: int, states: Sequence[Tensor], h_start: Tensor) -> list[Tensor]:
        return [super().outputs(layer, states, h_start)[-1]] * len(states)


# Layers and their weights


@_fault("layer-input-not-stacked")
class LayerInputNotStacked(Equations):
    """`input` where the output of the layer below is meant."""

    def layer_input(self, layer: int, x: Tensor, below: Tensor) -> Tensor:
        return x


@_fault("upper-layer-reads-hidden-size")
class UpperLayerReadsHiddenSize(Equations):
    """The forward half alone goes up, into a weight for as many features."""

    def layer_input(self, layer: int, x: Tensor, below: Tensor) -> Tensor:
        wide = super().layer_input(layer, x, below)
        return wide[..., : self.params["weight_hh_l0"].shape[0]] if layer else wide

    def parameters(self, layer: int, reverse: bool) -> Parameters:
        parameters = super().parameters(layer, reverse)
        narrow = parameters.weight_ih[:, : parameters.weight_hh.shape[0]]
        return parameters._replace(weight_ih=narrow) if layer else parameters


@_fault("layer-input-delayed")
class LayerInputDelayed(Equations):
    """What goes up to the next layer is the state before the step."""

    def outputs(self, layer: int, states: Sequence[Tensor], h_start: Tensor) -> list[Tensor]:
        outputs = super().outputs(layer, states, h_start)
        return [h_start, *outputs[:-1]] if layer < self.case.rnn.num_layers - 1 else outputs


@_fault("weight-ih-transposed")
class WeightIhTransposed(Equations):
    """The weight as if it were kept (H_in, H_out)."""

    def parameters(self, layer: int, reverse: bool) -> Parameters:
        parameters = super().parameters(layer, reverse)
        return parameters._replace(weight_ih=parameters.weight_ih.T)


@_fault("weight-hh-transposed")
class WeightHhTransposed(Equations):
    """The weight as if its columns were the units it computes."""

    def parameters(self, layer: int, reverse: bool) -> Parameters:
        parameters = super().parameters(layer, reverse)
        return parameters._replace(weight_hh=parameters.weight_hh.T)


@_fault("layer-weights-shared")
class LayerWeightsShared(Equations):
    """The layer's number is missing from the names."""

    def parameters(self, layer: int, reverse: bool) -> Parameters:
        return super().parameters(0, reverse)


# Two directions


@_fault("reverse-weights-shared")
class ReverseWeightsShared(Equations):
    """`_reverse` is missing from the names."""

    def parameters(self, layer: int, reverse: bool) -> Parameters:
        return super().parameters(layer, False)


@_fault("reverse-reads-forward")
class ReverseReadsForward(Equations):
    """The flip before the loop is missing."""

    def into_walking_order(self, x: Tensor, reverse: bool) -> Tensor:
        return x


@_fault("reverse-not-restored")
class ReverseNotRestored(Equations):
    """The flip after the loop is missing."""

    def into_time_order(self, outputs: Tensor, reverse: bool) -> Tensor:
        return outputs


@_fault("reverse-final-from-last-step")
class ReverseFinalFromLastStep(Equations):
    """The reverse state at the last time step: the first one it computes."""

    def final_state(self, states: Sequence[Tensor], reverse: bool) -> Tensor:
        return states[0] if reverse else super().final_state(states, reverse)


@_fault("directions-swapped")
class DirectionsSwapped(Equations):
    """The reverse half first."""

    def join(self, halves: Sequence[Tensor]) -> Tensor:
        return super().join(halves[::-1])


# The final state


@_fault("hn-direction-major")
class HnDirectionMajor(Equations):
    """All forward states first."""

    def assemble(self, final_states: Sequence[Tensor]) -> Tensor:
        directions = self.case.rnn.directions
        return super().assemble([h for d in range(directions) for h in final_states[d::directions]])


@_fault("hn-batch-first")
class HnBatchFirst(Equations):
    """h_n transposed as output is."""

    def leave_state(self, h_n: Tensor, input: Tensor | PackedSequence) -> Tensor:
        h_n = super().leave_state(h_n, input)
        return h_n.transpose(0, 1) if self.case.rnn.batch_first and h_n.dim() == 3 else h_n


@_fault("hn-last-layer-only")
class HnLastLayerOnly(Equations):
    """The states of the layers below are not kept."""

    def assemble(self, final_states: Sequence[Tensor]) -> Tensor:
        return super().assemble(final_states[-self.case.rnn.directions :])


@_fault("hn-directions-joined")
class HnDirectionsJoined(Equations):
    """The two final states of a layer concatenated, as its outputs are: (num_layers, N, D*H_out)."""

    def assemble(self, final_states: Sequence[Tensor]) -> Tensor:
        directions = self.case.rnn.directions
        halves = [super(HnDirectionsJoined, self).assemble(final_states[d::directions]) for d in range(directions)]
        return torch.cat(halves, dim=-1)


# The layout


@_fault("batch-first-ignored")
class BatchFirstIgnored(Equations):
    """(N, L, H_in) taken for (L, N, H_in)."""

    def transposes(self) -> bool:
        return False


@_fault("packed-reads-padding")
class PackedReadsPadding(Equations):
    """Every sequence as long as the longest."""

    def lengths_seen(self, reverse: bool) -> Lengths | None:
        return None


@_fault("packed-reverse-from-padding")
class PackedReverseFromPadding(Equations):
    """The padded input flipped whole; the forward direction heeds the lengths."""

    def lengths_seen(self, reverse: bool) -> Lengths | None:
        return None if reverse else super().lengths_seen(reverse)


@_fault("packed-h0-not-sorted")
class PackedH0NotSorted(Equations):
    """h_0 in the caller's order beside `.data` in its own."""

    def enter_state(self, h_0: Tensor, input: Tensor | PackedSequence) -> Tensor:
        return h_0 if isinstance(input, PackedSequence) else super().enter_state(h_0, input)


@_fault("packed-hn-not-restored")
class PackedHnNotRestored(Equations):
    """h_n in the order of `.data`."""

    def leave_state(self, h_n: Tensor, input: Tensor | PackedSequence) -> Tensor:
        return h_n if isinstance(input, PackedSequence) else super().leave_state(h_n, input)


# Dropout


@_fault("dropout-missing")
class DropoutMissing(Equations):
    """None anywhere."""

    def drops_after(self, layer: int) -> bool:
        return False


@_fault("dropout-after-last-layer")
class DropoutAfterLastLayer(Equations):
    """After every layer."""

    def drops_after(self, layer: int) -> bool:
        return self.case.run.train


@_fault("dropout-in-eval")
class DropoutInEval(Equations):
    """`training` is not passed on: F.dropout is active by default."""

    def drops_after(self, layer: int) -> bool:
        return layer < self.case.rnn.num_layers - 1


@_fault("dropout-in-recurrence")
class DropoutInRecurrence(Equations):
    """A mask on the state at every step."""

    def step(self, projected: Tensor, h: Tensor, weight_hh: Tensor) -> Tensor:
        return super().step(projected, F.dropout(h, self.case.rnn.dropout, self.case.run.train), weight_hh)


@_fault("dropout-not-scaled")
class DropoutNotScaled(Equations):
    """A mask of zeros and ones, and no division by 1 - p."""

    def drop(self, x: Tensor) -> Tensor:
        return super().drop(x) * (1 - self.case.rnn.dropout)


@_fault("dropout-mask-shared")
class DropoutMaskShared(Equations):
    """A mask (N, D*H_out), the same at every step."""

    def drop(self, x: Tensor) -> Tensor:
        return x * F.dropout(torch.ones_like(x[0]), self.case.rnn.dropout)


# The gradient alone


@_fault("state-detached")
class StateDetached(Equations):
    """Backpropagation cut between any two steps."""

    def state_before(self, states: Sequence[Tensor], h_start: Tensor) -> Tensor:
        h = super().state_before(states, h_start)
        return h.detach() if states else h


@_fault("h0-detached")
class H0Detached(Equations):
    """Backpropagation cut before the first step."""

    def initial_state(self, h_0: Tensor, layer: int, reverse: bool, final_states: Sequence[Tensor]) -> Tensor:
        return super().initial_state(h_0.detach(), layer, reverse, final_states)


@_fault("output-detached")
class OutputDetached(Equations):
    """What is collected is cut off, what is carried on is not."""

    def stack(self, x: Tensor, h_0: Tensor) -> tuple[Tensor, Tensor]:
        output, h_n = super().stack(x, h_0)
        return output.detach(), h_n


@_fault("batch-mixed")
class BatchMixed(Equations):
    """Each sequence goes on from the state of the one before it in the batch."""

    def state_before(self, states: Sequence[Tensor], h_start: Tensor) -> Tensor:
        return super().state_before(states, h_start).roll(1, 0)


# Found by their own evidence, not by values


@_fault("backward-breaks")
class BackwardBreaks(Equations):
    """The activation keeps its result for backward, and the result is written over, if with the same values."""

    def step(self, projected: Tensor, h: Tensor, weight_hh: Tensor) -> Tensor:
        h = super().step(projected, h, weight_hh)
        h[:] = h.clone()
        return h


@_fault("downcast-float32")
class DowncastFloat32(Equations):
    """The states pass through a float32 buffer."""

    def step(self, projected: Tensor, h: Tensor, weight_hh: Tensor) -> Tensor:
        h = super().step(projected, h, weight_hh)
        return h.float().to(h.dtype)


@_fault("device-hardcoded")
class DeviceHardcoded(Equations):
    """A buffer made where torch.zeros makes it unless told otherwise."""

    def initial_state(self, h_0: Tensor, layer: int, reverse: bool, final_states: Sequence[Tensor]) -> Tensor:
        h = super().initial_state(h_0, layer, reverse, final_states)
        return torch.zeros(h.shape, dtype=h.dtype) + h


@_fault("h0-mutated")
class H0Mutated(Equations):
    """The caller's h_0 holds the final states after the call; the values are computed from a copy."""

    def forward(self, input: Tensor | PackedSequence, h_0: Tensor | None) -> tuple[Tensor | PackedSequence, Tensor]:
        output, h_n = super().forward(input, None if h_0 is None else h_0.clone())
        if h_0 is not None and h_0.shape == h_n.shape:
            h_0.data.copy_(h_n.detach())  # .data: autograd does not notice either
        return output, h_n


@_fault("state-leaks-between-calls")
class StateLeaksBetweenCalls(Equations):
    """A call starts where the one before ended, if that has the shape, dtype and device of a start."""

    def stack(self, x: Tensor, h_0: Tensor) -> tuple[Tensor, Tensor]:
        kept = self.kept.get("h")
        if kept is not None and (kept.shape, kept.dtype, kept.device) == (h_0.shape, h_0.dtype, h_0.device):
            h_0 = kept
        output, h_n = super().stack(x, h_0)
        self.kept["h"] = h_n.detach()
        return output, h_n
