"""A case: one complete set of RNN arguments, input description and run settings. Frozen, and valid by construction.

These models are the config: every key, its default, what is allowed and its one-line description stand here, and the
JSON Schema is generated from them.
"""

import hashlib
import json
import os
import re
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from rnncli.core.cells import CELLS, Cell
from rnncli.core.errors import nearest, shown

Nonlinearity = Literal["tanh", "relu"]
Layout = Literal["batched", "unbatched", "packed"]
InitialState = Literal["random", "zeros", "omitted"]
Dtype = Literal["float64", "float32", "bfloat16", "float16"]
_DTYPES = {"double": "float64", "float": "float32", "single": "float32", "half": "float16", "bf16": "bfloat16"}
_DTYPES |= {f"{letter}{bits}": f"float{bits}" for letter in ("f", "fp") for bits in (16, 32, 64)}
BUILT_IN = ("manual", "bmm", "concat", "cell")
CANDIDATES = f"{', '.join(BUILT_IN)}, PATH.py:NAME, MODULE:NAME, or a mapping with a target"
Changes = dict[str, Any]  # values by dotted leaf, as rnn.num_layers

_TARGET = r"(.:)?[^:]+:[^\W\d][\w.]*"
LONGEST_NAME = 255  # bytes of the name of a file
LARGEST_SIZE = 2**31 - 1
MOST_LAYERS = 10_000

Size = Annotated[int, Field(ge=1, le=LARGEST_SIZE)]
Sizes = Annotated[tuple[Annotated[int, Strict(), Field(ge=0)], ...], Strict(False)]
Lengths = Annotated[tuple[Annotated[int, Strict(), Field(ge=1)], ...], Strict(False), Field(min_length=1)]


def _problem(what: str, allowed: str) -> PydanticCustomError:
    return PydanticCustomError("rnncli", "{what}; allowed: {allowed}", {"what": what, "allowed": allowed})


def _cell_in_capitals(value: Any) -> Any:
    return value.upper() if isinstance(value, str) and value.upper() in CELLS else value


def _dtype_by_torchs_name(value: Any) -> Any:
    name = str(value).lower().removeprefix("torch.")
    name = _DTYPES.get(name, name)
    return name if isinstance(value, str) and name in get_args(Dtype) else value


def _device_by_torchs_name(value: Any) -> Any:
    name = value.lower() if isinstance(value, str) else ""
    if name == "mps":
        raise _problem('"mps" is not a device that rnncli runs on (did you mean cpu?)', "auto, cpu, cuda, cuda:N")
    found = re.fullmatch(r"(gpu|cuda|cpu|auto|meta)(?::?(\d+))?", name)
    return ":".join(filter(None, found.groups())).replace("gpu", "cuda") if found else value


CellName = Annotated[Literal["RNN", "GRU", "LSTM"], BeforeValidator(_cell_in_capitals)]
AnyDtype = Annotated[Dtype, BeforeValidator(_dtype_by_torchs_name)]
Device = Annotated[str, BeforeValidator(_device_by_torchs_name)]


class Section(BaseModel):
    """A part of the config. Unknown keys are refused, and no value is converted: "4" is not 4, true is not 1."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class RNNArguments(Section):
    """The arguments of nn.RNN, nn.GRU or nn.LSTM, under torch's own names."""

    cell: CellName = Field("RNN", description="the layer of torch that is meant")
    input_size: Size = Field(20, description="H_in: features of each input step")
    hidden_size: Size = Field(40, description="H_out: features of the hidden state; of an LSTM H_cell")
    num_layers: int = Field(1, ge=1, le=MOST_LAYERS, description="layers, each reading the output of the one below")
    nonlinearity: Nonlinearity | None = Field("tanh", description="activation of every step; of cell RNN alone")
    bias: bool = Field(True, description="whether b_ih and b_hh exist")
    batch_first: bool = Field(False, description="input and output as (N, L, features); h_0 and h_n keep their layout")
    dropout: float = Field(
        0.0, ge=0, le=1, description="probability of a zero in the output of every layer but the last, in training"
    )
    bidirectional: bool = Field(False, description="whether a second direction reads the input from its end")
    proj_size: int = Field(
        0, ge=0, le=LARGEST_SIZE, description="of cell LSTM alone: H_out, below hidden_size; 0: none"
    )

    @model_validator(mode="before")
    @classmethod
    def _nonlinearity_follows_cell(cls, values: Any) -> Any:
        if not isinstance(values, dict) or values.get("nonlinearity") is not None:
            return values
        cell = CELLS.get(str(_cell_in_capitals(values.get("cell"))), CELLS["RNN"])
        return {**values, "nonlinearity": "tanh" if cell.has_nonlinearity else None}

    @field_validator("nonlinearity", "proj_size")
    @classmethod
    def _fits_the_cell(cls, value: Any, info: ValidationInfo) -> Any:
        name, cell, hidden_size = info.field_name, info.data.get("cell"), info.data.get("hidden_size")
        if name == "nonlinearity" and value and cell and not CELLS[cell].has_nonlinearity:
            raise _problem(f"nonlinearity belongs to cell RNN, and cell is {cell}", "no value, or cell RNN")
        if name == "proj_size" and value and cell and not CELLS[cell].projects:
            raise _problem(f"proj_size belongs to cell LSTM, and cell is {cell}", "0, or cell LSTM")
        if name == "proj_size" and value and hidden_size and value >= hidden_size:
            raise _problem(f"{value} is not below hidden_size {hidden_size}", f"0 (none) to {hidden_size - 1}")
        return value

    @property
    def directions(self) -> int:
        """Return D: 2 if bidirectional, else 1."""
        return 2 if self.bidirectional else 1

    @property
    def h_out(self) -> int:
        """Return H_out: the features of h, and of each direction of `output`."""
        return self.proj_size or self.hidden_size

    @property
    def arguments(self) -> dict[str, Any]:
        """Return the arguments that torch's layer of this cell takes."""
        cell = CELLS[self.cell]
        taken = {"cell": False, "nonlinearity": cell.has_nonlinearity, "proj_size": cell.projects}
        return self.model_dump(exclude={name for name, takes in taken.items() if not takes})


class InputDescription(Section):
    """What goes in."""

    seq_len: Size = Field(5, description="L: time steps")
    batch_size: int = Field(10, ge=0, le=LARGEST_SIZE, description="N: sequences; not used by the unbatched layout")
    layout: Layout = Field("batched", description="a 3-D tensor, one 2-D sequence, or a PackedSequence")
    lengths: Lengths | None = Field(
        None, description="packed: one length per sequence, in any order; null takes unequal lengths up to seq_len"
    )
    h_0: InitialState = Field("random", description="the initial states: h_0, of an LSTM c_0 too")

    @model_validator(mode="before")
    @classmethod
    def _sizes_follow_lengths(cls, values: Any) -> Any:
        lengths = values.get("lengths") if isinstance(values, dict) else None
        if isinstance(lengths, list | tuple) and lengths and all(type(n) is int for n in lengths):
            return {"batch_size": len(lengths), "seq_len": max(1, *lengths), **values}
        return values

    @field_validator("layout")
    @classmethod
    def _packed_needs_a_sequence(cls, layout: Layout, info: ValidationInfo) -> Layout:
        if layout == "packed" and info.data.get("batch_size") == 0:
            raise _problem("layout packed needs batch_size 1 or more, and it is 0", "batched, unbatched")
        return layout

    @field_validator("lengths")
    @classmethod
    def _lengths_fit(cls, lengths: tuple[int, ...] | None, info: ValidationInfo) -> tuple[int, ...] | None:
        if lengths is None or not {"layout", "batch_size", "seq_len"} <= info.data.keys():
            return lengths
        layout, batch_size, seq_len = info.data["layout"], info.data["batch_size"], info.data["seq_len"]
        if layout != "packed":
            raise _problem(f"lengths belong to layout packed, and layout is {layout}", "null, or layout packed")
        if len(lengths) != batch_size:
            allowed = f"{batch_size} lengths, one per sequence"
            raise _problem(f"{len(lengths)} lengths for batch_size {batch_size}", allowed)
        if max(lengths) > seq_len:
            raise _problem(f"a length of {max(lengths)} with seq_len {seq_len}", f"lengths from 1 to {seq_len}")
        return lengths

    @model_validator(mode="after")
    def _lengths_by_rule_are_few(self) -> "InputDescription":
        if self.layout == "packed" and self.lengths is None and self.batch_size > 1_000_000:
            allowed = "lengths, or a smaller batch_size"
            raise _problem("packed without lengths, for more than 1000000 sequences", allowed)
        return self

    @property
    def sequence_lengths(self) -> tuple[int, ...]:
        """Return the length of each packed sequence, given or by rule: unequal, unsorted, the longest seq_len."""
        if self.lengths is not None:
            return self.lengths
        start = self.seq_len - 2 if self.batch_size > 1 else self.seq_len - 1
        return tuple(1 + (start + n) % self.seq_len for n in range(self.batch_size))


class RunSettings(Section):
    """Where and how it runs."""

    device: Device = Field(
        "auto",
        pattern=r"^(auto|cpu|cuda|cuda:(0|[1-9]\d{0,2})|meta)$",
        description="auto, cpu, cuda, cuda:N; shapes also: meta",
    )
    dtype: AnyDtype = Field("float32", description="the working dtype")
    seed: int = Field(0, ge=0, le=2**63 - 1, description="of weights, input, h_0, cotangents and dropout masks")
    train: bool = Field(False, description="training mode: dropout is active")
    gradients: bool = Field(True, description="compare the gradients of input, h_0 and every parameter too")
    weight_scale: float = Field(1.0, gt=0, le=1000, description="weights and biases, times nn.RNN's own initialisation")
    tf32: bool = Field(False, description="CUDA: allow TF32 on both sides")
    cudnn: bool = Field(True, description="CUDA: false takes PyTorch's native kernels")


class Candidate(Section):
    """A user's own implementation, and whatever of its reading is stated and need not be found out."""

    target: str = Field(pattern=f"^{_TARGET}$", description="PATH.py:NAME or MODULE:NAME")
    convention: Literal["canonical", "stack", "step"] | None = Field(
        None, description="called as f(input, h_0, params, case), for a whole sequence, or for one step"
    )
    layout: Literal["time-first", "batch-first", "unbatched", "features-first"] | None = Field(
        None, description="axes of its input: (L, N, H_in), (N, L, H_in), (L, H_in), (H_in, N, L)"
    )
    weights: Literal["as nn.RNN", "transposed"] | None = Field(None, description="how it takes its matrices")
    returns: Literal["both", "states first", "output", "h_n", "output without c_n", "h_n without c_n"] | None = Field(
        None, description="what it returns of output and the final states"
    )
    takes: Literal["h_0"] | None = Field(None, description="h_0, if it takes no c_0")
    states: Literal["as nn.RNN", "(N, H_out)"] | None = Field(None, description="axes of each initial state it takes")


def _check_name(target: Any) -> None:
    if isinstance(target, str) and any(len(os.fsencode(name)) > LONGEST_NAME for name in re.split("[/:]", target)):
        raise _problem(f"{shown(target)} has a name of more than {LONGEST_NAME} bytes", CANDIDATES)


def _candidate_of(mapping: dict[str, Any]) -> Candidate:
    """Return the candidate that a mapping describes. Raises PydanticCustomError, which tells of its first problem."""
    try:
        return Candidate.model_validate(mapping)
    except ValidationError as error:
        unknown_first = sorted(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
        found: dict[str, Any] = {**unknown_first[0]}
    key, keys = ".".join(map(str, found["loc"])), ", ".join(Candidate.model_fields)
    if found["type"] == "extra_forbidden":
        raise _problem(f"unknown key {key}{nearest(key, Candidate.model_fields)}", keys)
    if found["type"] == "missing":
        raise _problem(f"{key} is missing", f"a mapping with target, and of {keys}")
    allowed = found["ctx"].get("expected", "PATH.py:NAME or MODULE:NAME") if "ctx" in found else "a text"
    hint = nearest(str(found["input"]), re.findall(r"'([^']+)'", allowed))
    raise _problem(f"{key} {shown(found['input'])} is not allowed{hint}", allowed)


class Case(Section):
    """One complete set of RNN arguments, input description and run settings."""

    rnn: RNNArguments = Field(RNNArguments(), description="the arguments of torch's layer")
    input: InputDescription = Field(InputDescription(), description="what goes in")
    run: RunSettings = Field(RunSettings(), description="where and how it runs")
    candidate: str | Candidate = Field("manual", description=f"what is inspected: {CANDIDATES}; a file's code is run")
    expect: dict[str, Sizes] = Field({}, description="shapes that must come out, as output: [5, 10, 80]")

    @field_validator("candidate", mode="before")
    @classmethod
    def _candidate_is_known(cls, candidate: Any) -> Any:
        # pydantic would tell of every form a candidate may have
        if isinstance(candidate, Candidate):
            return candidate
        if isinstance(candidate, dict):
            _check_name(candidate.get("target"))
            return _candidate_of(candidate)
        _check_name(candidate)
        if isinstance(candidate, str) and (candidate in BUILT_IN or re.fullmatch(_TARGET, candidate)):
            return candidate
        hint = nearest(candidate, BUILT_IN) if isinstance(candidate, str) else ""
        raise _problem(f"{shown(candidate)} is not allowed{hint}", CANDIDATES)

    @property
    def target(self) -> str | None:
        """Return PATH.py:NAME or MODULE:NAME of a user's own implementation; None of a built-in one."""
        if isinstance(self.candidate, Candidate):
            return self.candidate.target
        return None if self.candidate in BUILT_IN else self.candidate

    @property
    def stated(self) -> dict[str, str]:
        """Return the reading that the config states: values by the keys of Candidate."""
        if isinstance(self.candidate, str):
            return {}
        return {name: value for name, value in self.candidate.model_dump(exclude={"target"}).items() if value}

    @property
    def returns(self) -> tuple[str, ...]:
        """Return the names of the tensors that the candidate returns: output, the final states, or both."""
        said = self.stated.get("returns", "both")
        both = ("output", *self.cell.final)
        whole = {"both": both, "states first": both, "output": ("output",), "h_n": self.cell.final}
        return {**whole, "output without c_n": ("output", "h_n"), "h_n without c_n": ("h_n",)}[said]

    @property
    def given_states(self) -> tuple[str, ...]:
        """Return the names of the initial states that go in: none where they are omitted."""
        every = self.cell.initial if self.input.h_0 != "omitted" else ()
        return every[:1] if "takes" in self.stated else every

    @property
    def cell(self) -> Cell:
        return CELLS[self.rnn.cell]

    @property
    def id(self) -> str:
        """Return a short name that is the same wherever and whenever this case is run."""
        values = self.config
        if self.rnn.cell == "RNN":  # whose cases have the ids they had before there were other cells
            del values["rnn"]["cell"], values["rnn"]["proj_size"]
        digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
        return "abcdefghijklmnop"[int(digest[0], 16)] + digest[1:10]  # a spreadsheet takes 12e4567890 for a number

    @property
    def config(self) -> dict[str, Any]:
        """Return the case as plain values, as they stand in a config."""
        values = self.model_dump(mode="json")
        for key in ("takes", "states") if isinstance(values["candidate"], dict) else ():
            if values["candidate"][key] is None:
                del values["candidate"][key]  # a case that does not say it keeps the id it had before it could
        return values


def altered(case: Case, **sections: dict[str, Any]) -> Case:
    """Return the case with some values replaced, not validated: `altered(case, input={"seq_len": 1})`."""
    changed = {name: getattr(case, name).model_copy(update=values) for name, values in sections.items()}
    return case.model_copy(update=changed)


def changed_by(case: Case, changes: Changes) -> Case | None:
    """Return the case with some leaves of its sections replaced; None where that is no valid case."""
    values = case.config
    for leaf, value in changes.items():
        section, _, name = leaf.partition(".")
        values[section][name] = value
    try:
        return Case.model_validate(values)
    except ValueError:
        return None


def as_flags(values: Changes) -> str:
    """Return values by dotted leaf as the flags that set them: `--seq-len 3 --no-bias`."""
    flags = []
    for leaf, value in values.items():
        name = leaf.rpartition(".")[2].replace("_", "-")
        shown = "null" if value is None else ",".join(map(str, value)) if isinstance(value, tuple | list) else value
        flags.append(f"--{name} {shown}" if not isinstance(value, bool) else f"--{name}" if value else f"--no-{name}")
    return " ".join(flags)
