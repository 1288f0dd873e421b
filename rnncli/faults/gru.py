"""The faults of a GRU's step. No torch."""

from rnncli.faults.fault import Edit, Fault, Need, orders

PRODUCT = "(h @ W_hh.T).chunk(3, dim=-1)[2]"  # W_hn h
B_HN = "(b_hh if isinstance(b_hh, float) else b_hh.chunk(3)[2])"

IN_KNOWN, IN_OTHERS = orders("gru_step", "x_{}, x_{}, x_{} = ", "h_{}, h_{}, h_{} = ", gates="rzn",
                             known={"zrn": "z,r,n of Keras, ONNX and Core ML"})  # fmt: skip

# fmt: off
FAULTS = (
    Fault("gates-in-another-order",
        "rows of the weights and biases read in another order: z, r, n of Keras, ONNX and Core ML",
        shows="Every tensor is wrong from the first step on; nothing raises, since the gates are of one size.",
        fix="take r, z, n in this order, each from its own rows or matrix", forms=IN_KNOWN, rare={**IN_OTHERS,
        "unit by unit": (Edit("gru_step", "b_ih).chunk(3, dim=-1)", "b_ih).unflatten(-1, (-1, 3)).unbind(-1)"),
                         Edit("gru_step", "b_hh).chunk(3, dim=-1)", "b_hh).unflatten(-1, (-1, 3)).unbind(-1)"))}),
    Fault("reset-before-product", "r acts on the state, before the product: W_hn (r * h) + b_hn",
        shows="Every tensor is wrong from the first step whose state before it is not zero, or with a bias from the "
        "first. Keras calls it reset_after=False, ONNX linear_before_reset=0.",
        fix="multiply by r what the state adds to n, after the product and with its bias: r * (W_hn h + b_hn)",
        seen_with=(Need.STATE,), edits=(Edit("gru_step", "r * h_n", "((r * h) @ W_hh.T + b_hh).chunk(3, dim=-1)[2]"),),
        rare={"without b_hn": (Edit("gru_step", "r * h_n", "((r * h) @ W_hh.T).chunk(3, dim=-1)[2]"),)}),
    Fault("update-inverted", "z * n + (1 - z) * h: z keeps what is new",
        shows="Every tensor is wrong from the first step on.",
        fix="let z keep the state: (1 - z) * n + z * h",
        edits=(Edit("gru_step", "(1 - z) * n + z * h", "z * n + (1 - z) * h"),)),
    Fault("reset-spares-bias", "r acts on W_hn h alone: r * (W_hn h) + b_hn",
        shows="Every tensor is wrong from the first step on, by (1 - r) * b_hn inside n. With biases of zero only the "
        "gradient of bias_hh shows it.",
        fix="let r act on the bias as well: r * (W_hn h + b_hn)", needs=(Need.BIAS,),
        edits=(Edit("gru_step", "r * h_n", f"r * {PRODUCT} + {B_HN}"),)),
    Fault("bias-hn-missing", "the third part of bias_hh is left out: n = tanh(W_in x + b_in + r * (W_hn h))",
        shows="Every tensor is wrong from the first step on, and no gradient reaches the last third of bias_hh.",
        fix="add b_hn beside W_hn h", needs=(Need.BIAS,), edits=(Edit("gru_step", "r * h_n", f"r * {PRODUCT}"),)),
)
