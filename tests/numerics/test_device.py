"""Devices as far as a CPU allows: torch is stubbed at its edge."""

import contextlib
import warnings

import pytest
import torch

from rnncli.candidate.load import load
from rnncli.core import memory
from rnncli.core.case import Case, RunSettings
from rnncli.core.errors import ConfigError, UnavailableError
from rnncli.numerics import device, reference
from rnncli.numerics.probe import draw
from rnncli.pipeline.verify import VerifyOptions, run_cases, verify
from rnncli.verdict import regimes
from rnncli.verdict.evaluate import candidate_side, reference_side

CUDA = torch.device("cuda:0")


@pytest.fixture
def _two_gpus(monkeypatch):
    monkeypatch.setattr("torch.backends.cuda.is_built", lambda: True)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda index: f"GPU number {index}")
    monkeypatch.setattr("torch.version.cuda", "13.0")


@pytest.mark.usefixtures("_two_gpus")
def test_auto_is_cuda_where_there_is_one():
    assert device.resolve("auto") == torch.device("cuda")
    assert device.resolve("cuda:1") == torch.device("cuda:1")


def test_auto_is_the_cpu_where_there_is_no_gpu(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert device.resolve("auto") == torch.device("cpu")


@pytest.mark.usefixtures("_two_gpus")
def test_a_gpu_that_is_not_there_is_told_with_those_that_are():
    with pytest.raises(UnavailableError, match="sees cuda:0 GPU number 0, cuda:1 GPU number 1; use one of these"):
        device.resolve("cuda:2")


@pytest.mark.usefixtures("_two_gpus")
def test_a_driver_that_shows_no_gpu_is_told(monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    with pytest.raises(UnavailableError, match=r"\(CUDA 13.0\) sees no GPU; use --device cpu, or check the driver"):
        device.resolve("cuda")


def backend_state() -> tuple[bool, bool, bool]:
    return torch.backends.cudnn.enabled, torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32


@pytest.mark.parametrize("tf32", [False, True])
@pytest.mark.parametrize("cudnn", [False, True])
def test_tf32_and_cudnn_are_set_alike_and_restored_whatever_happens(tf32, cudnn):
    before = backend_state()
    inside = None
    try:
        with device.backend_settings(RunSettings(tf32=tf32, cudnn=cudnn)):
            inside = backend_state()
            with device.backend_settings(RunSettings(tf32=not tf32, cudnn=not cudnn)):
                raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    assert inside == (cudnn, tf32, tf32)
    assert backend_state() == before


def test_the_backend_is_described_on_cuda_alone():
    assert device.describe_backend(CUDA, RunSettings(tf32=True)) == "TF32 on on both sides, cuDNN on"
    assert device.describe_backend(torch.device("cpu"), RunSettings(tf32=True)) is None


@pytest.mark.parametrize(
    ("run", "training", "dropout"),
    [
        ({}, True, 0.0),
        ({"gradients": False}, False, 0.5),
        ({"cudnn": False}, False, 0.5),
        ({"train": True}, True, 0.5),
    ],
    ids=["eval with gradients", "eval without", "native kernels", "train"],
)
def test_cudnn_s_backward_gets_training_mode_without_dropout(monkeypatch, run, training, dropout):
    case = Case.model_validate({"rnn": {"num_layers": 2, "dropout": 0.5}, "run": run})
    built = torch.nn.RNN
    monkeypatch.setattr(
        "torch.nn.RNN", lambda device, **arguments: built(device="cpu", **arguments) if device == CUDA else None
    )
    module = reference.build(case, torch.float32, CUDA)
    assert (module.training, module.dropout) == (training, dropout)


@pytest.mark.parametrize(
    ("run", "where", "enabled"),
    [
        ({}, CUDA, False),
        ({"gradients": False}, CUDA, True),
        ({"train": True}, CUDA, True),
        ({}, torch.device("cpu"), True),
    ],
    ids=["eval with gradients", "eval without", "train", "on the CPU"],
)
def test_a_layer_of_torch_s_in_a_candidate_runs_in_kernels_that_have_a_backward(run, where, enabled):
    before = torch.backends.cudnn.enabled
    with device.backend_settings(RunSettings(cudnn=True)):
        with device.differentiable(RunSettings(**run), where):
            assert torch.backends.cudnn.enabled is enabled
        assert torch.backends.cudnn.enabled
    assert torch.backends.cudnn.enabled is before


def test_a_candidate_is_run_and_differentiated_in_these_kernels(monkeypatch):
    case, asked = Case(), []

    @contextlib.contextmanager
    def differentiable(run, where):
        asked.append((run, where))
        yield

    monkeypatch.setattr("rnncli.verdict.evaluate.differentiable", differentiable)
    candidate_side(load(case), case, draw(case)).forward_backward()
    assert asked == [(case.run, torch.device("cpu"))]


def test_what_is_not_contiguous_runs_in_kernels_that_take_it(monkeypatch):
    case, seen = Case(), []

    def watched(self, input, hx=None):
        seen.append((hx is None or hx.is_contiguous(), torch.backends.cudnn.enabled))
        return forward(self, input, hx)

    forward = torch.nn.RNN.forward
    monkeypatch.setattr(torch.nn.RNN, "forward", watched)
    found = regimes.observed(reference_side(case, draw(case)), case)
    assert "given an input and h_0 that are not contiguous: output" in found
    assert set(seen) >= {(False, False), (True, True)}
    assert (False, True) not in seen


def test_a_dtype_a_device_lacks_is_not_available(monkeypatch):
    def lacking(*_, **__):
        raise RuntimeError("\"addmm\" not implemented for 'Half'")

    monkeypatch.setattr("rnncli.verdict.problem.reference_side", lacking)
    with pytest.raises(UnavailableError, match=r"dtype float16 on cpu: torch says .* not implemented for 'Half'"):
        verify(Case.model_validate({"run": {"dtype": "float16", "device": "cpu"}}), VerifyOptions())


@pytest.mark.parametrize(
    "error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory."), RuntimeError("can't allocate memory")]
)
def test_memory_that_runs_out_is_told(monkeypatch, error):
    def full(*_, **__):
        raise error

    monkeypatch.setattr("rnncli.verdict.problem.reference_side", full)
    with pytest.raises(ConfigError, match="does not fit into the memory of cpu"):
        verify(Case.model_validate({"run": {"device": "cpu"}}), VerifyOptions())


def test_a_case_too_big_is_refused_before_any_case_runs():
    big = Case.model_validate({"rnn": {"hidden_size": 10**7}, "run": {"device": "cpu"}})
    ran = []
    with pytest.raises(ConfigError, match=r"too big: about \S+ PiB needed"):
        list(run_cases([Case(), big], ran.append, memory.needed_for_verify))
    assert ran == []


def test_meta_is_refused_only_where_torch_s_own_sizes_overflow():
    big = Case.model_validate({"rnn": {"hidden_size": 10**7}})
    memory.require_fits(big, memory.needed_for_shapes(big), None)
    huge = Case.model_validate({"rnn": {"hidden_size": 2**31 - 1, "num_layers": 10}})
    with pytest.raises(ConfigError, match="8 EiB available"):
        memory.require_fits(huge, memory.needed_for_shapes(huge), None)


def test_the_limit_of_a_control_group_counts(monkeypatch):
    monkeypatch.setattr("rnncli.core.memory._machine_memory", lambda: 100)
    for group, available in ((None, 100), (60, 60), (200, 100)):
        monkeypatch.setattr("rnncli.core.memory._group_memory", lambda group=group: group)
        assert memory.available_memory() == available


def test_the_hint_that_cudnn_packs_weights_at_each_call_is_not_shown_and_other_warnings_are():
    hint = "RNN module weights are not part of single contiguous chunk of memory. This means they need to be compacted"
    with device.backend_settings(RunSettings()):
        warnings.warn(hint, stacklevel=1)
        with pytest.raises(UserWarning, match="another"):
            warnings.warn("another", stacklevel=1)
    with pytest.raises(UserWarning, match="chunk"):
        warnings.warn(hint, stacklevel=1)
