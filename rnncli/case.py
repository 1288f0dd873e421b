"""A case: one complete set of RNN arguments, input description and run settings. Frozen, and valid by construction.

These models are the config: every key, its default, what is allowed and its one-line description stand here, and the
JSON Schema is generated from them.
"""

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, Strict, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

Nonlinearity = Literal["tanh", "relu"]
Layout = Literal["batched", "unbatched", "packed"]
InitialState = Literal["random", "zeros", "omitted"]
Dtype = Literal["float64", "float32", "bfloat16", "float16"]
Candidate = Literal["manual", "bmm", "concat", "cell"]
Changes = dict[str, Any]  # values by dotted leaf, as rnn.num_layers

LARGEST_SIZE = 2**31 - 1
MOST_LAYERS = 10_000

Size = Annotated[int, Field(ge=1, le=LARGEST_SIZE)]
Sizes = Annotated[tuple[Annotated[int, Strict(), Field(ge=0)], ...], Strict(False)]
Lengths = Annotated[tuple[Annotated[int, Strict(), Field(ge=1)], ...], Strict(False), Field(min_length=1)]


class Section(BaseModel):
    """A part of the config. Unknown keys are refused, and no value is converted: "4" is not 4, true is not 1."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class RNNArguments(Section):
    """nn.RNN's own arguments, under its own names."""

    input_size: Size = Field(20, description="H_in: features of each input step")
    hidden_size: Size = Field(40, description="H_out: features of the hidden state")
    num_layers: int = Field(
        1, ge=1, le=MOST_LAYERS, description="recurrent layers, each reading the output of the one below"
    )
    nonlinearity: Nonlinearity = Field("tanh", description="activation of every step")
    bias: bool = Field(True, description="whether b_ih and b_hh exist")
    batch_first: bool = Field(False, description="input and output as (N, L, features); h_0 and h_n keep their layout")
    dropout: float = Field(
        0.0, ge=0, le=1, description="probability of a zero in the output of every layer but the last, in training"
    )
    bidirectional: bool = Field(False, description="whether a second direction reads the input from its end")

    @property
    def directions(self) -> int:
        """D: 2 if bidirectional, else 1."""
        return 2 if self.bidirectional else 1


class InputDescription(Section):
    """What goes in."""

    seq_len: Size = Field(5, description="L: time steps")
    batch_size: int = Field(10, ge=0, le=LARGEST_SIZE, description="N: sequences; not used by the unbatched layout")
    layout: Layout = Field(
        "batched", description="a 3-D tensor, one 2-D sequence, or a PackedSequence of unequal lengths"
    )
    lengths: Lengths | None = Field(
        None, description="packed: one length per sequence, in any order; null takes unequal lengths up to seq_len"
    )
    h_0: InitialState = Field("random", description="the initial hidden state")

    @model_validator(mode="before")
    @classmethod
    def _sizes_follow_lengths(cls, values: Any) -> Any:
        """Where lengths are given, the sizes that are not given follow from them."""
        lengths = values.get("lengths") if isinstance(values, dict) else None
        if isinstance(lengths, list | tuple) and lengths and all(type(n) is int for n in lengths):
            return {"batch_size": len(lengths), "seq_len": max(1, *lengths), **values}
        return values

    @field_validator("layout")
    @classmethod
    def _packed_needs_a_sequence(cls, layout: Layout, info: ValidationInfo) -> Layout:
        batch_size = info.data.get("batch_size", 1)
        if layout == "packed" and batch_size == 0:
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
            raise _problem(
                f"{len(lengths)} lengths for batch_size {batch_size}", f"{batch_size} lengths, one per sequence"
            )
        if max(lengths) > seq_len:
            raise _problem(f"a length of {max(lengths)} with seq_len {seq_len}", f"lengths from 1 to {seq_len}")
        return lengths

    @model_validator(mode="after")
    def _lengths_by_rule_are_few(self) -> "InputDescription":
        if self.layout == "packed" and self.lengths is None and self.batch_size > 1_000_000:
            raise _problem(
                "packed without lengths, for more than 1000000 sequences", "lengths, or a smaller batch_size"
            )
        return self

    @property
    def sequence_lengths(self) -> tuple[int, ...]:
        """Packed: the length of every sequence, given or by rule: unequal, unsorted, the longest seq_len."""
        if self.lengths is not None:
            return self.lengths
        start = self.seq_len - 2 if self.batch_size > 1 else self.seq_len - 1
        return tuple(1 + (start + n) % self.seq_len for n in range(self.batch_size))


class RunSettings(Section):
    """Where and how it runs."""

    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|cuda|cuda:(0|[1-9]\d{0,2})|meta)$",
        description="auto, cpu, cuda, cuda:N; shapes also: meta",
    )
    dtype: Dtype = Field("float32", description="the working dtype")
    seed: int = Field(0, ge=0, le=2**63 - 1, description="of weights, input, h_0, cotangents and dropout masks")
    train: bool = Field(False, description="training mode: dropout is active")
    gradients: bool = Field(True, description="compare the gradients of input, h_0 and every parameter too")
    weight_scale: float = Field(1.0, gt=0, le=1000, description="weights and biases, times nn.RNN's own initialisation")
    tf32: bool = Field(False, description="CUDA: allow TF32 on both sides")
    cudnn: bool = Field(True, description="CUDA: false takes PyTorch's native kernels")


class Case(Section):
    """One complete set of RNN arguments, input description and run settings."""

    rnn: RNNArguments = Field(RNNArguments(), description="nn.RNN's own arguments")
    input: InputDescription = Field(InputDescription(), description="what goes in")
    run: RunSettings = Field(RunSettings(), description="where and how it runs")
    candidate: Candidate = Field("manual", description="the implementation under inspection")
    expect: dict[str, Sizes] = Field(
        {}, description="shapes that must come out, by tensor or parameter name, as output: [5, 10, 80]"
    )

    @property
    def id(self) -> str:
        """A short name that is the same wherever and whenever this case is run."""
        text = json.dumps(self.config, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:10]

    @property
    def config(self) -> dict[str, Any]:
        """The case as plain values, as they stand in a config."""
        return self.model_dump(mode="json")


def changed_by(case: Case, changes: Changes) -> Case | None:
    """The case with some leaves of its sections replaced; None where that is no valid case."""
    values = case.config
    for leaf, value in changes.items():
        section, _, name = leaf.partition(".")
        values[section][name] = value
    try:
        return Case.model_validate(values)
    except ValueError:
        return None


def as_flags(values: Changes) -> str:
    """Values by dotted leaf, as the flags that set them: `--seq-len 3 --no-bias`."""
    flags = []
    for leaf, value in values.items():
        name = leaf.rpartition(".")[2].replace("_", "-")
        if isinstance(value, bool):
            flags.append(f"--{name}" if value else f"--no-{name}")
        else:
            shown = "null" if value is None else ",".join(map(str, value)) if isinstance(value, tuple | list) else value
            flags.append(f"--{name} {shown}")
    return " ".join(flags)


def _problem(what: str, allowed: str) -> PydanticCustomError:
    return PydanticCustomError("rnncli", "{what}; allowed: {allowed}", {"what": what, "allowed": allowed})
