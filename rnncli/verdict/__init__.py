"""The procedure that ends in a verdict: match, mismatch or not-comparable. Where each thing is decided, in order:

judge         asks for the checks of a case, one for each tensor and stage
problem       holds the case, its probe, and what torch's layer and the oracle make of it at each stage
evaluate      runs one side on the probe, and says what needs no comparison: findings
compare       decides a tensor: wrong in form, equal but for rounding, within the envelope; else a mismatch, or OPEN
stage         resolves what is OPEN: on fewer steps, off the kink of relu, in single steps (`one_step`)
repeat_calls  calls a candidate again, if its values are right so far: other weights, no h_0, one sequence,
              and in the `regimes`: strided, without gradients, one loss alone; then in `unusual_calls`: large values,
              other sizes, in training; a difference makes a check a mismatch
float32       says whether a candidate computes in float32 within float64: right in a float32 case, wrong in float64
dropout       judges masks that are not torch's
claims        writes the checks of what a candidate does not claim, which is not in the case it is judged on

`core.records.combine` makes the verdict of the case, in which one mismatch is enough, and `faults.diagnose` names what
is wrong.
"""
