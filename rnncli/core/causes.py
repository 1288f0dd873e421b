"""Why a check has its verdict, as data: code decides by the cause, and the reason is for the reader."""

from enum import StrEnum

UNEXPLAINED = "unexplained"  # in place of the id of a fault, where none of the catalogue explains a mismatch
DEVICE_HARDCODED = "device-hardcoded"
DOWNCAST = "downcast-float32"  # faults of the catalogue that a check may find
LEAK, H0_MUTATED, BACKWARD_BREAKS = "state-leaks-between-calls", "h0-mutated", "backward-breaks"


class Cause(StrEnum):
    """What a check found, where no fault of the catalogue names it; `Check.cause` is one of these or a fault's id."""

    VALUES = "values"  # other values: of output, of the size of another equation
    APPROXIMATION = "approximation"  # other values, of the size of an approximated function or of rounded weights
    ROUNDING = "rounding"  # other values, small, and still beyond rounding
    SHAPE = "shape"
    ORDER = "order"  # of the results: output comes after the states
    DTYPE = "dtype"
    DEVICE = "device"
    MEMORY_LAYOUT = "memory-layout"  # sparse, or on the meta device: no values beside each other
    PACKING = "packing"  # a tensor for a PackedSequence or the reverse, or other batch sizes or indices
    NO_GRADIENT = "no-gradient"
    WRONG_SHAPE = "wrong-shape"  # of the candidate's own tensor
    NOT_A_PARAMETER = "not-a-parameter"
    EXTRA_PARAMETER = "extra-parameter"
    BIAS_KEPT = "bias-kept"
    ONE_TENSOR = "one-tensor"  # under the names of two parameters
    NOT_FINITE = "not-finite"
    INPUT_MUTATED = "input-mutated"
    GRADIENT_LOST = "gradient-lost"  # it overwrites what an earlier backward added up
    SIZES = "sizes"  # it raises, and runs where sizes are equal
    RAISES = "raises"  # a backward of its own
    CALL_RAISES = "call-raises"  # a further call, as with other sizes
    WRONG_STEP = "wrong-step"
    OTHER_WEIGHTS = "other-weights"  # in a call with other weights, or in another mode
    WITHOUT_H_0 = "without-h-0"
    ONE_SEQUENCE = "one-sequence"
    ONE_STEP = "one-step"
    RESULT_OVERWRITTEN = "result-overwritten"  # a later call overwrites what an earlier one returned
    REGIME = "regime"  # in another regime: not contiguous, a loss on one result alone, gradients accumulated, ...
    LARGE_VALUES = "large-values"
    NOT_CLAIMED = "not-claimed"  # the candidate does not claim to return or to compute it
    NOT_RUN = "not-run"
    EMPTY_BATCH = "empty-batch"
    AMPLIFIED = "amplified"  # rounding alone moves torch's layer by too much
    OVERFLOW = "overflow"  # torch's layer leaves the range of the dtype
    RELU_KINK = "relu-kink"
    DROPOUT_MASKS = "dropout-masks"  # the masks are not torch's, and right


# The causes found in a candidate's own tensors, whose values may all be right.
BESIDE_VALUES = frozenset(
    {Cause.INPUT_MUTATED, Cause.GRADIENT_LOST, Cause.WRONG_SHAPE, Cause.NOT_A_PARAMETER, Cause.EXTRA_PARAMETER}
    | {Cause.BIAS_KEPT, Cause.ONE_TENSOR}
)
# The causes that a further call shows. The tensor is right in the first call, whose error the check holds.
FURTHER_CALLS = frozenset(
    {Cause.OTHER_WEIGHTS, Cause.WITHOUT_H_0, Cause.ONE_SEQUENCE, Cause.ONE_STEP, Cause.RESULT_OVERWRITTEN}
    | {Cause.REGIME, Cause.LARGE_VALUES, Cause.CALL_RAISES, LEAK}
)
