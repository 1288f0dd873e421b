"""The cases that `explain` is tested with: the first of each shipped config, and odd ones."""

import warnings

import torch
from conftest import ROOT
from torch import nn
from torch.nn.utils.rnn import pack_sequence

from rnncli.config.cases import load
from rnncli.core.case import Case

CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))
SMALL = {"input_size": 3, "hidden_size": 5}
ODD = {
    "no bias": {"rnn": {**SMALL, "bias": False}},
    "relu": {"rnn": {**SMALL, "nonlinearity": "relu", "bidirectional": True}},
    "batch first": {"rnn": {**SMALL, "batch_first": True}},
    "batch first, unbatched": {"rnn": {**SMALL, "batch_first": True}, "input": {"layout": "unbatched"}},
    "batch first, packed": {"rnn": {**SMALL, "batch_first": True}, "input": {"layout": "packed"}},
    "unbatched, both directions": {"rnn": {**SMALL, "bidirectional": True}, "input": {"layout": "unbatched"}},
    "packed, long": {"rnn": SMALL, "input": {"layout": "packed", "seq_len": 40, "batch_size": 14}},
    "packed, equal lengths": {"rnn": SMALL, "input": {"layout": "packed", "lengths": [4, 4]}},
    "packed, one step": {"rnn": SMALL, "input": {"layout": "packed", "lengths": [1]}},
    "packed, no h_0": {"rnn": {**SMALL, "num_layers": 3}, "input": {"layout": "packed", "h_0": "omitted"}},
    "no h_0": {"rnn": {**SMALL, "bidirectional": True}, "input": {"h_0": "omitted"}},
    "no h_0, unbatched": {"rnn": SMALL, "input": {"h_0": "omitted", "layout": "unbatched"}},
    "zeros": {"rnn": SMALL, "input": {"h_0": "zeros"}},
    "dropout in training": {"rnn": {**SMALL, "num_layers": 2, "dropout": 0.5}, "run": {"train": True}},
    "dropout of everything": {"rnn": {**SMALL, "num_layers": 2, "dropout": 1.0}, "run": {"train": True}},
    "dropout with one layer": {"rnn": {**SMALL, "dropout": 0.5}},
    "all ones": {"rnn": {"input_size": 1, "hidden_size": 1}, "input": {"seq_len": 1, "batch_size": 1}},
    "one step, both directions": {"rnn": {**SMALL, "bidirectional": True}, "input": {"seq_len": 1}},
    "no sequence": {"rnn": {**SMALL, "num_layers": 2}, "input": {"batch_size": 0}},
    "many layers": {"rnn": {**SMALL, "num_layers": 12, "bidirectional": True}},
    "long": {"rnn": SMALL, "input": {"seq_len": 200, "batch_size": 2}},
    "gru": {"rnn": {**SMALL, "cell": "GRU", "num_layers": 2, "bidirectional": True}},
    "gru, no bias": {"rnn": {**SMALL, "cell": "GRU", "bias": False}, "input": {"h_0": "omitted"}},
    "gru, packed": {"rnn": {**SMALL, "cell": "GRU", "num_layers": 3}, "input": {"layout": "packed"}},
    "lstm": {"rnn": {**SMALL, "cell": "LSTM"}},
    "lstm, no bias": {"rnn": {**SMALL, "cell": "LSTM", "bias": False, "num_layers": 2, "bidirectional": True}},
    "lstm, projected": {
        "rnn": {**SMALL, "cell": "LSTM", "proj_size": 2, "num_layers": 2, "bidirectional": True, "batch_first": True}
    },
    "lstm, projected without bias": {"rnn": {**SMALL, "cell": "LSTM", "proj_size": 1, "bias": False}},
    "lstm, packed": {
        "rnn": {**SMALL, "cell": "LSTM", "num_layers": 2, "bidirectional": True},
        "input": {"layout": "packed", "lengths": [3, 5, 1]},
    },
    "lstm, packed, no h_0": {"rnn": {**SMALL, "cell": "LSTM"}, "input": {"layout": "packed", "h_0": "omitted"}},
    "lstm, unbatched, no h_0": {
        "rnn": {**SMALL, "cell": "LSTM", "proj_size": 3, "num_layers": 2},
        "input": {"layout": "unbatched", "h_0": "omitted"},
    },
    "lstm, zeros": {"rnn": {**SMALL, "cell": "LSTM", "num_layers": 5}, "input": {"h_0": "zeros", "batch_size": 0}},
    "everything": {
        "rnn": {
            **SMALL,
            "num_layers": 2,
            "nonlinearity": "relu",
            "bias": False,
            "batch_first": True,
            "dropout": 0.25,
            "bidirectional": True,
        },
        "input": {"layout": "packed", "lengths": [3, 5, 1]},
        "run": {"seed": 7},
    },
}
CASES = {path.stem: load(path, {})[0] for path in CONFIGS} | {
    name: Case.model_validate(values) for name, values in ODD.items()
}


def reference(case, **arguments):
    """Torch's layer of a case, with some arguments replaced, in eval mode."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # dropout with one layer
        return getattr(nn, case.cell.name)(**{**case.rnn.arguments, **arguments}).eval()


def results(case, rnn):
    """By name, an input for the layer of a case and what comes out, and the states that it started from."""
    given = case.input
    if given.layout == "packed":
        sequences = [torch.randn(length, rnn.input_size) for length in given.sequence_lengths]
        input = pack_sequence(sequences, enforce_sorted=False)
    elif given.layout == "unbatched":
        input = torch.randn(given.seq_len, rnn.input_size)
    else:
        axes = (given.batch_size, given.seq_len) if rnn.batch_first else (given.seq_len, given.batch_size)
        input = torch.randn(*axes, rnn.input_size)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of oneDNN, which knows no projection
        output, last = rnn(input)
    last = last if isinstance(last, tuple) else (last,)
    names = {"input": input, "output": output, **dict(zip(case.cell.final, last, strict=True))}
    return names | {name: torch.zeros_like(value) for name, value in zip(case.cell.initial, last, strict=True)}
