"""The equations of each cell as text: the terms that the page shows, and the lines of code that compute them."""

import re

from rnncli.core.case import Case

# Of each gate, in the order of its rows: its name, its activation, and what it does.
GATES = {
    "GRU": {
        "r": "reset, sigmoid: how much of what comes from h enters n",
        "z": "update, sigmoid: how much of h stays",
        "n": "new, tanh: what replaces the rest of h",
    },
    "LSTM": {
        "i": "input, sigmoid: how much of g enters c",
        "f": "forget, sigmoid: how much of c stays",
        "g": "cell, tanh: what may enter c",
        "o": "output, sigmoid: how much of tanh(c) becomes h",
    },
}
ELSEWHERE = {
    "GRU": "Keras and ONNX have them in the order z, r, h.",
    "LSTM": "Keras has the same order, ONNX has i, o, f, c, Core ML i, f, o, g.",
}

# The sums come first. A GRU keeps apart what comes from h: its reset gate acts on that alone.
SUM = "a = x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh"
EQUATIONS = {
    "RNN": (SUM, "h_t = nonlinearity(a)"),
    "GRU": (
        *("a = x_t @ W_ih.T + b_ih", "s = h @ W_hh.T + b_hh"),
        *("r = sigmoid(a_r + s_r)", "z = sigmoid(a_z + s_z)", "n = tanh(a_n + r * s_n)", "h_t = (1 - z) * n + z * h"),
    ),
    "LSTM": (
        *(SUM, "i = sigmoid(a_i)", "f = sigmoid(a_f)", "g = tanh(a_g)", "o = sigmoid(a_o)"),
        *("c_t = f * c + i * g", "h_t = o * tanh(c_t)"),
    ),
}

# Where the gradients of L come from. `above` and `next`: the layer or tensor, and the step, that hand them down.
ARRIVES = "what arrives from {above}, and from step {next}: "
BACKWARD = {
    "RNN": {
        "dL/dh_t": ARRIVES + "`dL/da_({next}) @ weight_hh_{suffix}`",
        "dL/da_t": "`dL/dh_t * slope`",
    },
    "GRU": {
        "dL/dh_t": ARRIVES + "`dL/ds_({next}) @ weight_hh_{suffix}` `+ dL/dh_({next}) * z_({next})`",
        "dL/da_r": "`dL/da_n * s_n * r * (1 - r)`",
        "dL/da_z": "`dL/dh_t * (h - n) * z * (1 - z)`",
        "dL/da_n": "`dL/dh_t * (1 - z) * (1 - n**2)`",
        "dL/ds": "`dL/da_r`, `dL/da_z` and `dL/da_n * r`, side by side",
    },
    "LSTM": {
        "dL/dh_t": ARRIVES + "`dL/da_({next}) @ weight_hh_{suffix}`",
        "dL/dc_t": "`dL/dh_t * o * (1 - tanh(c_t)**2)` `+ dL/dc_({next}) * f_({next})`",
        "dL/da_i": "`dL/dc_t * g * i * (1 - i)`",
        "dL/da_f": "`dL/dc_t * c * f * (1 - f)`",
        "dL/da_g": "`dL/dc_t * i * (1 - g**2)`",
        "dL/da_o": "`dL/dh_t * tanh(c_t) * o * (1 - o)`",
    },
}


def sums(case: Case) -> dict[str, list[str]]:
    """Return by name the terms of each sum."""
    lines = (line.partition(" = ") for line in EQUATIONS[case.cell.name] if "@" in line)
    return {name: [term for term in text.split(" + ") if case.rnn.bias or "@" in term] for name, _, text in lines}


def parts(case: Case, name: str) -> str:
    """Return the names of the parts of a sum by gate: a_i, a_f, a_g, a_o."""
    return ", ".join(f"{name}_{gate}" for gate in case.cell.gates)


def elementwise(case: Case) -> list[str]:
    """Return the equations after the sums, the last of them a projection where the case has one."""
    lines = [line for line in EQUATIONS[case.cell.name] if "@" not in line]
    lines = [line.replace("nonlinearity", str(case.rnn.nonlinearity)) for line in lines]
    projection = [lines.pop().replace("h_t", "m_t"), "h_t = m_t @ W_hr.T"] if case.rnn.proj_size else []
    return [*lines, *projection]


def backward(case: Case) -> dict[str, str]:
    """Return by gradient how it comes about, in text with places for `above`, `next` and `suffix`."""
    slope = "(a_t > 0)" if case.rnn.nonlinearity == "relu" else "(1 - h_t**2)"
    found = {name: text.replace("slope", slope) for name, text in BACKWARD[case.cell.name].items()}
    if case.rnn.proj_size:
        found = {name: text.replace("`dL/dh_t", "`dL/dm_t") for name, text in found.items()}
        found = {"dL/dh_t": found.pop("dL/dh_t"), "dL/dm_t": "`dL/dh_t @ weight_hr_{suffix}`", **found}
    return found


def weights(case: Case) -> list[str]:
    """Return what the code calls the weights of a layer and direction, in torch's order."""
    return ["W_ih", "W_hh", *["b_ih", "b_hh"] * case.rnn.bias, *["W_hr"] * (case.rnn.proj_size > 0)]


def with_torch_s_names(text: str, suffix: str) -> str:
    """Return terms or equations with the names that the layer gives its parameters: weight_ih_l0 for W_ih."""
    text = re.sub(r"\bW_(ih|hh|hr)\b", rf"weight_\1_{suffix}", text)
    return re.sub(r"\bb_(ih|hh)\b", rf"bias_\1_{suffix}", text)


def code(case: Case) -> list[str]:
    """Return the lines that compute one step from x_t, the states and the weights."""
    lines, gates = [], case.cell.gates
    for name, terms in sums(case).items():
        lines.append(f"{name} = {' + '.join(terms)}")
        lines += [f"{parts(case, name)} = {name}.chunk({len(gates)}, -1)"] if len(gates) > 1 else []
    after = (line.replace("_t", "") for line in elementwise(case))
    return [*lines, *(re.sub(r"\b(sigmoid|tanh|relu)\(", r"torch.\1(", line) for line in after)]
