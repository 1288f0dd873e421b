"""The fault catalogue: every named way of writing an RNN wrongly, in words, and the cases it can happen in.

The words are here, where reading them costs nothing; the code of each fault is in `faults/planted.py`, under its id.
`bias_ih` and `bias_hh` swapped is the same function, and so not a fault.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnncli.core.records import Diagnosis

if TYPE_CHECKING:
    from rnncli.core.case import Case


@dataclass(frozen=True, slots=True)
class Need:
    """Something a case must have for a fault to be possible in it."""

    what: str
    met: "Callable[[Case], bool]"


BIAS = Need("bias", lambda case: case.rnn.bias)
LAYERS = Need("num_layers 2 or more", lambda case: case.rnn.num_layers > 1)
DIRECTIONS = Need("bidirectional", lambda case: case.rnn.bidirectional)
BATCH_FIRST = Need("batch_first", lambda case: case.rnn.batch_first)
BATCHED = Need("layout batched", lambda case: case.input.layout == "batched")
BATCH_AXIS = Need("layout batched or packed", lambda case: case.input.layout != "unbatched")
PACKED = Need("layout packed", lambda case: case.input.layout == "packed")
H_0 = Need("h_0 given", lambda case: case.input.h_0 != "omitted")
DROPOUT = Need("dropout above 0", lambda case: case.rnn.dropout > 0)
TRAIN = Need("train", lambda case: case.run.train)
EVAL = Need("train off", lambda case: not case.run.train)

# What a case must have for a fault that is possible in it to be seen.
GRADIENTS = Need("gradients", lambda case: case.run.gradients)
SEQUENCES = Need("2 sequences or more", lambda case: case.input.layout != "unbatched" and case.input.batch_size > 1)
TWO_STEPS = Need("2 steps or more", lambda case: _longest(case) > 1)
START = Need(
    "h_0 random, or gradients",
    lambda case: case.input.h_0 == "random" or (case.input.h_0 == "zeros" and case.run.gradients),
)
STATE = Need("2 steps or more, or h_0 random", lambda case: TWO_STEPS.met(case) or START.met(case))
STEPS_OR_SEQUENCES = Need(
    "2 steps or 2 sequences or more", lambda case: case.input.seq_len > 1 or case.input.batch_size > 1
)
ROWS_OR_SEQUENCES = Need(
    "2 sequences or 2 rows of h_n or more",
    lambda case: case.input.batch_size > 1 or case.rnn.num_layers * case.rnn.directions > 1,
)
PADDING = Need(
    "bias, h_0 random, or num_layers 2 or more",
    lambda case: case.rnn.bias or START.met(case) or case.rnn.num_layers > 1,
)
UNEQUAL = Need("unequal lengths", lambda case: len(set(case.input.sequence_lengths)) > 1)
UNSORTED = Need(
    "lengths not in descending order",
    lambda case: list(case.input.sequence_lengths) != sorted(case.input.sequence_lengths, reverse=True),
)


def _longest(case: "Case") -> int:
    return max(case.input.sequence_lengths) if case.input.layout == "packed" else case.input.seq_len


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One named way of writing an RNN wrongly.

    `written` is what a person wrote, `shows` how it shows and when it does not, `fix` the line to change. A fault with
    `own_evidence` is found by what it does (raises, overwrites, remembers), not by the size of an error. `needs` makes
    it possible in a case, and `seen_with` visible, as far as a rule can tell.
    """

    id: str
    written: str
    shows: str
    fix: str
    own_evidence: bool = False
    needs: tuple[Need, ...] = ()
    seen_with: tuple[Need, ...] = ()

    def applies(self, case: "Case") -> str | None:
        """None where the fault can be written for the case's arguments, layout and mode, else what the case lacks.

        Whether a fault that applies can also be seen depends on sizes and values, and is found by planting it.
        """
        unmet = [need.what for need in self.needs if not need.met(case)]
        return f"needs {' and '.join(unmet)}" if unmet else None

    def unseen(self, case: "Case") -> str | None:
        """What a case the fault applies to lacks to see it, by rule; None where no rule says it is blind to it."""
        unmet = [need.what for need in self.seen_with if not need.met(case)]
        return " and ".join(unmet) if unmet else None


def blind_spots(case: "Case") -> str | None:
    """One line that names the faults a case is blind to by rule, and what it lacks; None where there are none.

    Whether it sees the others depends on values too: `parity.power` plants them all.
    """
    if case.input.layout != "unbatched" and case.input.batch_size == 0:
        return None  # nothing is compared at all, and the checks say so
    lacking: dict[str, list[str]] = {}
    for fault in CATALOGUE.values():
        missing = fault.unseen(case) if fault.applies(case) is None else None
        if missing:
            lacking.setdefault(missing, []).append(fault.id)
    if not lacking:
        return None
    said = "; ".join(f"{', '.join(ids)} (needs {missing})" for missing, ids in lacking.items())
    return f"this case cannot see {said}; rnncli power plants all faults and says what to change"


_FAULTS = (
    # One step
    Fault(
        id="missing-bias-ih",
        written="b_ih is left out: h = tanh(x @ W_ih.T + h @ W_hh.T + b_hh)",
        shows="Every tensor is wrong from the first step on, and no gradient reaches bias_ih. With biases of zero only "
        "the missing gradient shows.",
        fix="add bias_ih to the pre-activation of every layer and direction",
        needs=(BIAS,),
    ),
    Fault(
        id="missing-bias-hh",
        written="b_hh is left out: h = tanh(x @ W_ih.T + b_ih + h @ W_hh.T)",
        shows="Every tensor is wrong from the first step on, and no gradient reaches bias_hh. With biases of zero only "
        "the missing gradient shows.",
        fix="add bias_hh to the pre-activation as well: nn.RNN has two biases",
        needs=(BIAS,),
    ),
    Fault(
        id="bias-ih-twice",
        written="b_ih is added twice and b_hh never: x @ W_ih.T + b_ih + h @ W_hh.T + b_ih",
        shows="Every tensor is wrong from the first step on; no gradient reaches bias_hh, bias_ih gets both shares. "
        "With equal biases only the gradients show it.",
        fix="add bias_hh, not bias_ih, beside h @ W_hh.T",
        needs=(BIAS,),
    ),
    Fault(
        id="wrong-nonlinearity",
        written="tanh where nonlinearity is relu, or relu where it is tanh",
        shows="Every tensor is wrong from the first step on: relu's states are never negative, tanh's stay within 1.",
        fix="apply the activation that nonlinearity names",
    ),
    Fault(
        id="activation-missing",
        written="no activation at all: h = x @ W_ih.T + b_ih + h @ W_hh.T + b_hh",
        shows="Every tensor is wrong from the first step on. Hard to see where the activation is close to a straight "
        "line: tanh near zero, relu of positive values.",
        fix="put the activation around the whole sum",
    ),
    Fault(
        id="concat-order-swapped",
        written="[h, x] times the weights put side by side as [W_ih, W_hh]",
        shows="Every tensor is wrong from the first step on; nothing raises, since either order is H_in + H_out wide.",
        fix="concatenate in one order: [x, h] with [W_ih, W_hh]",
    ),
    # The initial state
    Fault(
        id="h0-ignored",
        written="h = torch.zeros(...) at the start, whatever h_0 is",
        shows="Wrong at the first step each direction takes and fading after it; no gradient reaches h_0. With h_0 of "
        "zeros only the missing gradient shows.",
        fix="start each layer and direction from its own row of h_0",
        needs=(H_0,),
        seen_with=(START,),
    ),
    Fault(
        id="h0-layer-shared",
        written="every layer starts from the first layer's rows of h_0",
        shows="Layers above the first are wrong from their first step on, and no gradient reaches their rows of h_0. "
        "With h_0 of zeros only the gradients show it.",
        fix="start layer k from h_0[k * D + direction]",
        needs=(LAYERS, H_0),
        seen_with=(START,),
    ),
    Fault(
        id="h0-reverse-shared",
        written="the reverse direction starts from the forward direction's row of h_0",
        shows="The reverse half is wrong from the last time step backwards, fading, and no gradient reaches the "
        "reverse rows of h_0. With h_0 of zeros only the gradients show it.",
        fix="start the reverse direction of layer k from h_0[2 * k + 1]",
        needs=(DIRECTIONS, H_0),
        seen_with=(START,),
    ),
    Fault(
        id="h0-direction-major",
        written="h_0 read as ordered by direction, then layer: h_0[direction * num_layers + k]",
        shows="All starts but the first forward and the last reverse one are wrong, fading along time. With h_0 of "
        "zeros only the gradient of h_0 shows it.",
        fix="read h_0 by layer, then direction: h_0[k * D + direction]",
        needs=(LAYERS, DIRECTIONS, H_0),
        seen_with=(START,),
    ),
    Fault(
        id="h0-from-layer-below",
        written="h is not set again between layers: a layer starts where the one below ended",
        shows="The first layer is right; those above are wrong from their first step on, and no gradient reaches their "
        "rows of h_0.",
        fix="set h to the layer's own row of h_0 before its loop over time",
        needs=(LAYERS,),
    ),
    # Carrying the state along time
    Fault(
        id="state-not-carried",
        written="every step starts from h_0: h is not assigned inside the loop over time",
        shows="The first step each direction takes is right, all later ones are wrong. Invisible with one time step.",
        fix="assign the new state to h at the end of each step",
        seen_with=(TWO_STEPS,),
    ),
    Fault(
        id="state-delayed",
        written="output[t] holds h_(t-1): the state is appended before it is updated",
        shows="output is one step late, its first step holding h_0; h_n of the first layer is right.",
        fix="append the state after the step, not before it",
    ),
    Fault(
        id="state-aliased",
        written="one buffer appended T times, so that every output is the last state",
        shows="output is the same at every step and right at the last one alone; h_n of the first layer is right. "
        "Invisible with one time step.",
        fix="append a copy (h.clone()), or make a new tensor each step",
        seen_with=(TWO_STEPS,),
    ),
    # Layers and their weights
    Fault(
        id="layer-input-not-stacked",
        written="layers above the first read `input` again",
        shows="Raises where H_in and D*H_out differ. Where they are equal the first layer is right, those above are "
        "wrong at every step.",
        fix="give each layer the output of the one below",
        needs=(LAYERS,),
    ),
    Fault(
        id="upper-layer-reads-hidden-size",
        written="a layer above the first is made for hidden_size features, where D*hidden_size come in",
        shows="Raises where the shape of the weight is looked at; where half of the features are dropped, the layers "
        "above the first are wrong at every step. Invisible with one layer or one direction.",
        fix="make the layers above the first for D*hidden_size input features, and give them both halves",
        needs=(LAYERS, DIRECTIONS),
    ),
    Fault(
        id="layer-input-delayed",
        written="layer k reads the state layer k-1 had one step before: h_previous[k - 1]",
        shows="The first layer is right; those above are wrong at every step, as if their input came one step late.",
        fix="give layer k the state layer k-1 has just computed for the same step",
        needs=(LAYERS,),
    ),
    Fault(
        id="weight-ih-transposed",
        written="x @ W_ih where x @ W_ih.T is meant",
        shows="Raises where a layer's input and hidden sizes differ. Where they are equal every tensor is wrong from "
        "the first step on.",
        fix="multiply by weight_ih.T: nn.RNN keeps it as (H_out, H_in)",
    ),
    Fault(
        id="weight-hh-transposed",
        written="h @ W_hh where h @ W_hh.T is meant",
        shows="W_hh is square, so nothing raises: every tensor is wrong from the first step whose state before it is "
        "not zero. Invisible with one time step from an h_0 of zeros.",
        fix="multiply by weight_hh.T",
        seen_with=(STATE,),
    ),
    Fault(
        id="layer-weights-shared",
        written="every layer uses l0's weights",
        shows="Raises where H_in and D*H_out differ. Where they are equal the first layer is right, those above are "
        "wrong, and no gradient reaches their parameters.",
        fix="take weight_ih_l{k}, weight_hh_l{k} and their biases in layer k",
        needs=(LAYERS,),
    ),
    # Two directions
    Fault(
        id="reverse-weights-shared",
        written="the reverse direction uses the forward weights",
        shows="The reverse half is wrong at every step, and no gradient reaches the parameters named _reverse.",
        fix="take the parameters that end in _reverse for the reverse direction",
        needs=(DIRECTIONS,),
    ),
    Fault(
        id="reverse-reads-forward",
        written="the reverse direction's input is not flipped, its output is",
        shows="The reverse half is wrong, its final state included, the forward half of the first layer right. "
        "Invisible with one time step.",
        fix="flip the reverse direction's input along time before the loop",
        needs=(DIRECTIONS,),
        seen_with=(TWO_STEPS,),
    ),
    Fault(
        id="reverse-not-restored",
        written="the reverse direction's outputs are left in the order they were computed",
        shows="The reverse half of output is upside down along time; h_n of the first layer is right. Invisible with "
        "one time step, and to the gradient of a plain sum of one layer's output.",
        fix="flip the backward output along time before concatenating",
        needs=(DIRECTIONS,),
        seen_with=(TWO_STEPS,),
    ),
    Fault(
        id="reverse-final-from-last-step",
        written="the reverse h_n is taken at the last step: output[-1]",
        shows="output is right; the reverse rows of h_n hold the state after one step. Invisible with one time step.",
        fix="take the reverse direction's final state at t = 0",
        needs=(DIRECTIONS,),
        seen_with=(TWO_STEPS,),
    ),
    Fault(
        id="directions-swapped",
        written="reverse half first: torch.cat([reverse, forward], dim=-1)",
        shows="The halves of output have changed places; h_n of the first layer is right, layers above the first read "
        "swapped features.",
        fix="concatenate the forward half first",
        needs=(DIRECTIONS,),
    ),
    # The final state
    Fault(
        id="hn-direction-major",
        written="h_n ordered by direction, then layer: all forward states, then all reverse ones",
        shows="output is right; the rows of h_n are in another order, its first and last one in place.",
        fix="order h_n by layer, then direction",
        needs=(LAYERS, DIRECTIONS),
    ),
    Fault(
        id="hn-batch-first",
        written="h_n transposed along with batch_first: (N, D*num_layers, H_out)",
        shows="output is right; h_n has its first two axes exchanged. Where N equals D*num_layers the shape fits and "
        "only the values show it.",
        fix="leave h_n as (D*num_layers, N, H_out): batch_first is about input and output alone",
        needs=(BATCH_FIRST, BATCH_AXIS),
        seen_with=(ROWS_OR_SEQUENCES,),
    ),
    Fault(
        id="hn-last-layer-only",
        written="h_n holds the last layer alone: (D, N, H_out)",
        shows="output is right; h_n is short of the layers below the last.",
        fix="stack the final states of every layer",
        needs=(LAYERS,),
    ),
    Fault(
        id="hn-directions-joined",
        written="h_n with both directions side by side: (num_layers, N, 2*H_out)",
        shows="output is right; h_n has half the rows, twice as wide.",
        fix="stack the two final states along the first axis instead of concatenating their features",
        needs=(DIRECTIONS,),
    ),
    # The layout
    Fault(
        id="batch-first-ignored",
        written="batch_first is not looked at: the batch axis is walked as time",
        shows="Raises where N and L differ and h_0 is given, else h_n has L for N. Where they are equal every tensor "
        "is wrong.",
        fix="transpose input to (L, N, H_in) before the loop, and output back after it",
        needs=(BATCH_FIRST, BATCHED),
        seen_with=(STEPS_OR_SEQUENCES,),
    ),
    Fault(
        id="packed-reads-padding",
        written="the padded sequences are walked to their end, and no length is looked at",
        shows="Sequences shorter than the longest have wrong rows in h_n, and a wrong reverse half, which starts in "
        "the padding. Invisible where all lengths are equal.",
        fix="let a state stand still outside its sequence, and start the reverse direction at the last valid step",
        needs=(PACKED,),
        seen_with=(UNEQUAL,),
    ),
    Fault(
        id="packed-reverse-from-padding",
        written="the padded input is flipped whole, so the reverse direction starts in the padding",
        shows="The forward half of the first layer is right; sequences shorter than the longest have a wrong reverse "
        "half. Invisible where all lengths are equal.",
        fix="flip each sequence within its own length",
        needs=(PACKED, DIRECTIONS),
        seen_with=(UNEQUAL, PADDING),
    ),
    Fault(
        id="packed-h0-not-sorted",
        written="h_0 is not put in the packed order (sorted_indices)",
        shows="Sequences start from each other's h_0: wrong at the first step each direction takes, fading after it. "
        "Invisible where the lengths are already sorted, or h_0 is zeros.",
        fix="h_0 = h_0.index_select(1, input.sorted_indices)",
        needs=(PACKED, H_0),
        seen_with=(
            UNSORTED,
            START,
        ),
    ),
    Fault(
        id="packed-hn-not-restored",
        written="h_n is left in the packed order, not put back (unsorted_indices)",
        shows="output is right; h_n has its sequences in another order. Invisible where the lengths are already "
        "sorted.",
        fix="h_n = h_n.index_select(1, input.unsorted_indices)",
        needs=(PACKED,),
        seen_with=(UNSORTED,),
    ),
    # Dropout
    Fault(
        id="dropout-missing",
        written="no dropout between layers",
        shows="In training the first layer is right and those above read inputs without zeros in them. Invisible in "
        "eval mode.",
        fix="apply dropout to the output of every layer but the last, in training",
        needs=(DROPOUT, TRAIN, LAYERS),
    ),
    Fault(
        id="dropout-after-last-layer",
        written="dropout on the output of every layer, the last one too",
        shows="In training output has zeros at the rate of dropout, and what is left is scaled up; h_n is right. "
        "Invisible in eval mode.",
        fix="leave the last layer's output alone",
        needs=(DROPOUT, TRAIN),
    ),
    Fault(
        id="dropout-in-eval",
        written="F.dropout(x, p) without training=self.training: active in eval mode",
        shows="In eval mode layers above the first are wrong, and differ from call to call. Invisible in training.",
        fix="pass training=self.training, or use nn.Dropout",
        needs=(DROPOUT, EVAL, LAYERS),
    ),
    Fault(
        id="dropout-in-recurrence",
        written="dropout on the state that is carried from step to step",
        shows="In training every layer is wrong from the first step with a state that is not zero. Invisible in eval "
        "mode.",
        fix="carry h itself; dropout acts between layers alone",
        needs=(DROPOUT, TRAIN),
        seen_with=(STATE,),
    ),
    Fault(
        id="dropout-not-scaled",
        written="x * mask, without the division by 1 - p",
        shows="In training layers above the first read inputs that are too small, by 1 - p. Invisible in eval mode, "
        "and at p of 1.",
        fix="divide by 1 - p where the mask is applied, as F.dropout does",
        needs=(DROPOUT, TRAIN, LAYERS),
    ),
    Fault(
        id="dropout-mask-shared",
        written="one dropout mask drawn for all time steps",
        shows="In training the same features are zero at every step: the first layer is right, those above are not "
        "what nn.RNN's masks give. Invisible in eval mode, and at p of 0 or 1.",
        fix="draw a mask for the whole output (L, N, D*H_out)",
        needs=(DROPOUT, TRAIN, LAYERS),
        seen_with=(TWO_STEPS,),
    ),
    # The gradient alone
    Fault(
        id="state-detached",
        written="h = h.detach() between steps",
        shows="output and h_n are right; the gradients of weight_hh and of whatever earlier steps read are wrong. "
        "Invisible without gradients, and with one time step.",
        fix="carry h itself from step to step, without detach() or .data",
        seen_with=(
            GRADIENTS,
            TWO_STEPS,
        ),
    ),
    Fault(
        id="h0-detached",
        written="starts from h_0.detach()",
        shows="output and h_n are right, and no gradient reaches h_0. Invisible without gradients.",
        fix="start from h_0 itself, without detach() or .data",
        needs=(H_0,),
        seen_with=(GRADIENTS,),
    ),
    Fault(
        id="output-detached",
        written="output is collected from detached states, or under no_grad: outputs.append(h.detach())",
        shows="output and h_n are right, and the gradients lack what comes from output. Invisible without gradients, "
        "and with a loss on h_n alone.",
        fix="collect the states themselves, without detach() or .data",
        seen_with=(GRADIENTS,),
    ),
    Fault(
        id="batch-mixed",
        written="a sequence sees another of its batch: a mean over it, a roll, a sort, one state for all of them",
        shows="Every step is wrong but where all sequences are alike. Invisible with one sequence.",
        fix="let every operation on the state act on each sequence alone, along the last axis",
        needs=(BATCH_AXIS,),
        seen_with=(SEQUENCES, STATE),
    ),
    # Found by their own evidence, not by values
    Fault(
        id="backward-breaks",
        written="the state is written in place over a tensor that backward needs: h[:] = h_next",
        shows="output and h_n are right, and backward raises. Invisible without gradients.",
        fix="make a new tensor each step instead of writing into the old one",
        own_evidence=True,
        seen_with=(GRADIENTS,),
    ),
    Fault(
        id="downcast-float32",
        written="a float32 buffer in the middle: .float(), or torch.zeros(...) without dtype",
        shows="In float64 every tensor is wrong by about 1e-7 of its size. Invisible in float32 and below.",
        fix="make buffers with dtype=input.dtype, and drop the .float()",
        own_evidence=True,
    ),
    Fault(
        id="device-hardcoded",
        written="torch.zeros(...) without device: a buffer on the CPU whatever the input's device",
        shows="Raises on any other device. Invisible on the CPU.",
        fix="make buffers with device=input.device, or with input.new_zeros",
        own_evidence=True,
    ),
    Fault(
        id="h0-mutated",
        written="the caller's h_0 is overwritten with the states: h_0[k] = h",
        shows="output, h_n and the gradients are right, and h_0 has changed after the call.",
        fix="work on h_0.clone(), or keep the states in tensors of your own",
        own_evidence=True,
        needs=(H_0,),
    ),
    Fault(
        id="state-leaks-between-calls",
        written="the final state is kept (self.h = h_n), and the next call starts from it",
        shows="The first call is right; a second one on the same input differs.",
        fix="start every call from h_0, or from zeros where it is omitted",
        own_evidence=True,
    ),
)

CATALOGUE: dict[str, Fault] = {fault.id: fault for fault in _FAULTS}


def named(id: str, evidence: str) -> Diagnosis:
    """Return the diagnosis that is a fault of the catalogue. Raises KeyError for an unknown id."""
    fault = CATALOGUE[id]
    return Diagnosis(id=id, evidence=evidence, fix=fault.fix, written=fault.written)
