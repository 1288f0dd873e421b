"""The faults of an LSTM's step, and of its two states. No torch."""

from rnncli.faults.fault import KEPT, Edit, Fault, Forms, Need, inserted, orders

KNOWN = {"iofg": "i,o,f,c of ONNX", "igfo": "i,c,f,o of old TensorFlow", "ifog": "i,f,o,g of Core ML"}
KNOWN |= {"figo": "f,i,c,o of OpenVINO", "gfoi": "c,f,o,i of Deeplearning4j"}
IN_KNOWN, IN_OTHERS = orders("lstm_step", "{}, {}, {}, {} = ", gates="ifgo", known=KNOWN)

# fmt: off
FAULTS = (
    Fault("gates-in-another-order", "rows of the weights and biases read in another order: i, o, f, c of ONNX",
        shows="Every tensor is wrong from the first step on; nothing raises, since the gates are of one size.",
        fix="take i, f, g, o in this order, which is Keras's too, each from its own rows or matrix",
        forms=IN_KNOWN, rare={**IN_OTHERS,
        "unit by unit": (Edit("lstm_step", "chunk(4, dim=-1)", "unflatten(-1, (-1, 4)).unbind(-1)"),)}),
    Fault("forget-bias-added",
        "1 is added to the forget gate in every step: sigmoid(f + 1), as TensorFlow's BasicLSTMCell does",
        shows="Every tensor is wrong from the first step whose c before it is not zero.",
        fix="leave f as it is: what the forget gate starts with is in its bias", seen_with=(Need.STATE,),
        edits=(Edit("lstm_step", "torch.sigmoid(f)", "torch.sigmoid(f + 1)"),)),
    Fault("cell-not-carried", "c starts anew in every step: the c that a step makes is not the one that the next reads",
        shows="With c_0 each time, the first step each direction takes is right and all later ones are wrong; with "
        "zeros it is wrong where c_0 is not zero, too, and no gradient reaches c_0.",
        fix="carry c from step to step beside h", seen_with=(Need.STATE,),
        forms={"from c_0": (Edit("layer", "step(x_t, states,", "step(x_t, (*states[:1], *first[1:]),"),),
               "from zeros": (inserted("lstm_step", "i, f, g, o = ", "c = torch.zeros_like(c)"),)},
        rare={"c_n is c_0": (Edit("lstm_step", "c = torch.sigmoid(f)", "new = torch.sigmoid(f)"),
                             Edit("lstm_step", "torch.tanh(c)", "torch.tanh(new)"))}),
    Fault("cell-detached", "no gradient through c: f * c.detach()",
        shows="output, h_n and c_n are right; no gradient reaches c_0, and those of the weights are wrong.",
        fix="carry c itself from step to step, without detach() or .data", seen_with=(Need.GRADIENTS,),
        edits=(Edit("lstm_step", "torch.sigmoid(f) * c", "torch.sigmoid(f) * c.detach()"),)),
    Fault("hn-cn-swapped", "the two final states in the other order: (c_n, h_n)",
        shows="output is right; h_n and c_n have changed places.",
        fix="return h before c: output, (h_n, c_n)",
        edits=(Edit("made_of", 'last if cell == "LSTM"', 'last[::-1] if cell == "LSTM"'),),
        rare={"by each step": (Edit("lstm_step", "h if W_hr is None else h @ W_hr.T, c", "c, h"),)}),
    Fault("output-gate-without-tanh", "h = o * c",
        shows="Every tensor is wrong from the first step on, hardly so where c is near zero.",
        fix="apply tanh to c: h = o * tanh(c)",
        edits=(Edit("lstm_step", "torch.sigmoid(o) * torch.tanh(c)", "torch.sigmoid(o) * c"),)),
    Fault("gate-activation-wrong", "tanh for the sigmoid of a gate, or a sigmoid for the tanh of g",
        shows="Every tensor is wrong from the first step on.",
        fix="sigmoid for i, f and o, tanh for g",
        forms={"tanh of i": (Edit("lstm_step", "torch.sigmoid(i)", "torch.tanh(i)"),),
               "tanh of f": (Edit("lstm_step", "torch.sigmoid(f)", "torch.tanh(f)"),),
               "sigmoid of g": (Edit("lstm_step", "torch.tanh(g)", "torch.sigmoid(g)"),),
               "tanh of o": (Edit("lstm_step", "torch.sigmoid(o)", "torch.tanh(o)"),)}),
    Fault("input-forget-coupled", "1 - f stands for i: c = f * c + (1 - f) * g",
        shows="Every tensor is wrong from the first step on, and no gradient reaches the first quarter of the weights.",
        fix="give the input gate its own rows: c = f * c + i * g",
        edits=(Edit("lstm_step", "torch.sigmoid(i)", "(1 - torch.sigmoid(f))"),)),
    Fault("projection-missing", "h is not projected",
        shows="Raises in the second step, where h is too wide for weight_hh; with one step h has H_out features for "
        "proj_size.",
        fix="multiply h by weight_hr.T at the end of every step", needs=(Need.PROJECTION,),
        edits=(Edit("lstm_step", "h if W_hr is None else h @ W_hr.T, c", "h, c"),)),
    Fault("projection-not-carried", "h is projected in output alone: outputs.append(h @ W_hr.T)",
        shows="Raises in the second step, where h is too wide for weight_hh; with one step h_n is too wide.",
        fix="carry the projected h from step to step", needs=(Need.PROJECTION,),
        edits=(Edit("lstm_step", "h if W_hr is None else h @ W_hr.T, c", "h, c"),
               Edit("layer", "append(states[0])", "append(states[0] @ weights[4].T if weights[4:] else states[0])"))),
)

_FIRST, _STEP = "rows[k * directions + d] for rows in states", "step(x_t, states,"
OF_ONE_STATE: dict[str, Forms] = {  # rare forms of faults of any cell, in which one of the two states has it alone
    "h0-ignored": {
        "h_0 alone": (Edit("stack", _FIRST, "rows[k * directions + d] * (n > 0) for n, rows in enumerate(states)"),),
        "c_0 alone": (Edit("stack", _FIRST, "rows[k * directions + d] * (n < 1) for n, rows in enumerate(states)"),)},
    "h0-detached": {
        "h_0 alone": (Edit("stack", _FIRST, "rows[k * directions + d] for rows in (states[0].detach(), states[1])"),),
        "c_0 alone": (Edit("stack", _FIRST, "rows[k * directions + d] for rows in (states[0], states[1].detach())"),)},
    "state-detached": {
        "h alone": (Edit("layer", _STEP, "step(x_t, (states[0].detach(), states[1]) if t else states,"),),
        "h alone, after it is kept": (Edit("layer", KEPT, f"{KEPT}\nstates = states[0].detach(), states[1]"),)},
}
