"""The faults of a GRU's step. No torch."""

from itertools import permutations

from rnncli.faults.fault import Edit, Fault, Need

USED_BY = {"zrn": "z,r,n of Keras, ONNX and Core ML"}
OTHERS = {"".join(order) for order in permutations("rzn")} - {*USED_BY, "rzn"}
PRODUCT = "(h @ W_hh.T).chunk(3, dim=-1)[2]"  # W_hn h
B_HN = "(b_hh if isinstance(b_hh, float) else b_hh.chunk(3)[2])"


def _orders(names: dict[str, str]) -> dict[str, tuple[Edit, ...]]:
    def read(of: str, order: str) -> Edit:
        r, z, n = (f"{of}_{gate}" for gate in order)
        return Edit("gru_step", f"{of}_r, {of}_z, {of}_n = ", f"{r}, {z}, {n} = ")

    return {names[order]: (read("x", order), read("h", order)) for order in names}


# fmt: off
FAULTS = (
    Fault(id="gates-in-another-order",
        written="rows of the weights and biases read in another order: z, r, n of Keras, ONNX and Core ML",
        shows="Every tensor is wrong from the first step on; nothing raises, since the gates are of one size.",
        fix="cut the rows into r, z, n, in this order",
        forms=_orders(USED_BY), rare=_orders({order: ",".join(order) for order in sorted(OTHERS)})),
    Fault(id="reset-before-product", seen_with=(Need.STATE,),
        written="r acts on the state, before the product: W_hn (r * h) + b_hn",
        shows="Every tensor is wrong from the first step whose state before it is not zero, or with a bias from the "
        "first. Keras calls it reset_after=False, ONNX linear_before_reset=0.",
        fix="multiply by r what the state adds to n, after the product and with its bias: r * (W_hn h + b_hn)",
        edits=(Edit("gru_step", "r * h_n", "((r * h) @ W_hh.T + b_hh).chunk(3, dim=-1)[2]"),)),
    Fault(id="update-inverted", edits=(Edit("gru_step", "(1 - z) * n + z * h", "z * n + (1 - z) * h"),),
        written="z * n + (1 - z) * h: z keeps what is new",
        shows="Every tensor is wrong from the first step on.",
        fix="let z keep the state: (1 - z) * n + z * h"),
    Fault(id="reset-spares-bias", needs=(Need.BIAS,), edits=(Edit("gru_step", "r * h_n", f"r * {PRODUCT} + {B_HN}"),),
        written="r acts on W_hn h alone: r * (W_hn h) + b_hn",
        shows="Every tensor is wrong from the first step on, by (1 - r) * b_hn inside n. With biases of zero only the "
        "gradient of bias_hh shows it.",
        fix="let r act on the bias as well: r * (W_hn h + b_hn)"),
    Fault(id="bias-hn-missing", needs=(Need.BIAS,), edits=(Edit("gru_step", "r * h_n", f"r * {PRODUCT}"),),
        written="the third part of bias_hh is left out: n = tanh(W_in x + b_in + r * (W_hn h))",
        shows="Every tensor is wrong from the first step on, and no gradient reaches the last third of bias_hh.",
        fix="add b_hn beside W_hn h"),
)
