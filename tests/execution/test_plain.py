"""Plain data: what comes out is what went in, and nothing of it is an object of the sender's own."""

import pickle
import warnings
from dataclasses import dataclass

import pytest
import torch

from rnncli.core.errors import CandidateError
from rnncli.execution import plain

TENSORS = {
    "floats": torch.randn(3, 4),
    "a view": torch.randn(4, 3).T,
    "bfloat16": torch.ones(2, 3, dtype=torch.bfloat16),
    "booleans": torch.tensor([True, False]),
    "a scalar": torch.tensor(3),
    "nothing": torch.empty(2, 0),
    "conjugate": torch.randn(3, dtype=torch.complex64).conj(),
    "meta": torch.empty(2, 3, device="meta"),
    "sparse": torch.eye(3).to_sparse(),
}


class Own(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, arguments=(), named=None):
        raise RuntimeError("its methods are not called")


@dataclass
class Named:
    name: str
    pass_: int


def there_and_back(value):
    return plain.loads(bytearray(plain.dumps(value)))


@pytest.mark.parametrize("name", TENSORS)
def test_a_tensor_keeps_its_values_its_dtype_its_layout_and_its_device(name):
    tensor = TENSORS[name]
    again = there_and_back({"output": tensor, "h_n": None})["output"]
    assert (again.dtype, again.layout, again.device, again.shape) == (
        tensor.dtype,
        tensor.layout,
        tensor.device,
        tensor.shape,
    )
    assert name == "meta" or torch.equal(again.to_dense(), tensor.to_dense().resolve_conj())


def test_containers_and_dataclasses_are_lists_and_dicts():
    assert there_and_back((1, None, [True, 0.5], Named("a", 2))) == [1, None, [True, 0.5], {"name": "a", "pass": 2}]


def test_half_of_a_surrogate_pair_is_a_question_mark():
    assert there_and_back("a\ud800") == "a?"


def test_of_a_subclass_a_tensor_is_left():
    own = torch.ones(2).as_subclass(Own)
    assert type(there_and_back([own])[0]) is torch.Tensor


def test_values_that_cannot_be_sent_are_the_candidate_s():
    with warnings.catch_warnings(action="ignore"):
        quantized = torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)
    with pytest.raises(CandidateError, match="quantized"):
        plain.dumps(quantized)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"\xff" * 8,
        b"\xff" * 64,
        pickle.dumps(print),
        b"\0" * 7 + b"\x02[]"[:1] + b"{]",
        plain.dumps({"tensor": ["float32", "strided", "cpu", [2**40], 0]}),
        plain.dumps({"tensor": ["float32", "strided", "cpu", [-1], 0]}),
        plain.dumps({"tensor": ["load", "strided", "cpu", [1], 0]}),
        plain.dumps({"tensor": []}),
    ],
)
def test_what_somebody_else_has_written_is_an_error(sent):
    with pytest.raises(Exception):  # noqa: B017  # of whatever kind
        plain.loads(bytearray(sent))
