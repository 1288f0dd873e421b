"""Real checks on a GPU: `make test-cuda`. Skipped where there is none."""

import itertools

import pytest
import torch

from benchmarks import audit
from rnncli.candidate.load import canonical, load
from rnncli.core.case import Case, altered
from rnncli.core.errors import CandidateError
from rnncli.core.records import RunRecord
from rnncli.cost.timing import Effort
from rnncli.faults.device_guard import check_devices
from rnncli.faults.planted import plant
from rnncli.numerics.device import environment
from rnncli.numerics.oracle import Oracle
from rnncli.numerics.probe import draw
from rnncli.pipeline.bench import Bench, BenchOptions
from rnncli.pipeline.shapes import look
from rnncli.pipeline.verify import VerifyOptions, plant_faults, verify
from rnncli.report.table import render
from rnncli.verdict.judge import Judgement
from rnncli.verdict.problem import Problem

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]

NO_TIMING = VerifyOptions(timing=False)


def case(rnn=None, given=None, **run) -> Case:
    sizes = {"input_size": 7, "hidden_size": 11, "num_layers": 2, "bidirectional": True}
    config = {"rnn": sizes | (rnn or {}), "input": {"seq_len": 13, "batch_size": 5} | (given or {})}
    candidate = run.pop("candidate", "manual")
    return Case.model_validate({**config, "run": {"device": "cuda", **run}, "candidate": candidate})


def assert_matches(record) -> None:
    failing = [check for check in record.checks if check.verdict != "match"]
    assert record.verdict == "match", failing
    assert not failing


@pytest.mark.parametrize("candidate", ["manual", "bmm", "concat", "cell"])
@pytest.mark.parametrize("layout", ["batched", "unbatched", "packed"])
@pytest.mark.parametrize("cudnn", [False, True], ids=["native", "cudnn"])
def test_the_built_ins_match_nn_rnn_on_cuda(candidate, layout, cudnn):
    for nonlinearity, bias, h_0 in itertools.product(("tanh", "relu"), (False, True), ("random", "omitted")):
        rnn = {"nonlinearity": nonlinearity, "bias": bias}
        assert_matches(verify(case(rnn, {"layout": layout, "h_0": h_0}, cudnn=cudnn, candidate=candidate), NO_TIMING))


GATED = [{"cell": "GRU"}, {"cell": "LSTM"}, {"cell": "LSTM", "proj_size": 5}]


@pytest.mark.parametrize("candidate", ["manual", "bmm", "concat", "cell"])
@pytest.mark.parametrize("layout", ["batched", "unbatched", "packed"])
@pytest.mark.parametrize("cudnn", [False, True], ids=["native", "cudnn"])
@pytest.mark.parametrize("cell", GATED, ids=["GRU", "LSTM", "projected LSTM"])
def test_the_built_ins_match_gru_and_lstm_on_cuda(candidate, layout, cudnn, cell):
    for bias, h_0 in itertools.product((False, True), ("random", "omitted")):
        given = {"layout": layout, "h_0": h_0}
        assert_matches(verify(case({**cell, "bias": bias}, given, cudnn=cudnn, candidate=candidate), NO_TIMING))


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
@pytest.mark.parametrize("tf32", [False, True], ids=["ieee", "tf32"])
def test_no_dtype_is_a_mismatch_with_either_tf32_setting(dtype, tf32):
    record = verify(case({"hidden_size": 64, "input_size": 48}, dtype=dtype, tf32=tf32), NO_TIMING)
    assert record.verdict == "match", record.checks
    assert f"TF32 {'on' if tf32 else 'off'}" in record.backend


def test_gradients_of_an_eval_case_run_through_cudnn():
    assert_matches(verify(case({"dropout": 0.5}), NO_TIMING))


@pytest.mark.parametrize("cudnn", [False, True], ids=["native", "cudnn"])
def test_dropout_in_training_is_not_comparable_and_never_a_mismatch(cudnn):
    record = verify(case({"dropout": 0.5}, train=True, cudnn=cudnn), NO_TIMING)
    assert record.verdict == "not-comparable"


@pytest.mark.parametrize("cell", ["RNN", *audit.GATED])
def test_the_oracle_has_the_same_values_twice_where_this_device_draws_its_masks(cell):
    training = case({"cell": cell, "num_layers": 3, "dropout": 0.5}, train=True)
    probe = draw(training).to(torch.float64, torch.device("cuda"))
    first, second = (Oracle(training, probe) for _ in range(2))
    assert all(torch.equal(value, second.values[name]) for name, value in first.values.items())
    spread = second.envelope("float32").spread
    assert all(torch.equal(value, spread[name]) for name, value in first.envelope("float32").spread.items())


@pytest.mark.parametrize("dtype", audit.DTYPES)
@pytest.mark.parametrize("backend", ["native", "cudnn", "native tf32", "cudnn tf32"])
def test_no_correct_implementation_is_called_a_mismatch(dtype, backend):
    changes = {"device": "cuda", "dtype": dtype, "cudnn": "cudnn" in backend, "tf32": "tf32" in backend}
    for number in range(40):
        limits = audit.Limits(steps=200, hidden_size=128, work=3e6)
        drawn = audit.case_of("cuda", number, limits, cell=("RNN", "RNN", *audit.GATED)[number % 4])
        record = verify(altered(drawn, run=changes), NO_TIMING)
        assert record.verdict != "mismatch", (record.config, record.checks)


@pytest.mark.parametrize("cudnn", [False, True], ids=["native", "cudnn"])
@pytest.mark.parametrize("layout", ["batched", "packed"])
@pytest.mark.parametrize("cell", ["RNN", "GRU", "LSTM"])
def test_every_fault_that_can_happen_is_caught(cudnn, layout, cell):
    lengths = [13, 9, 11, 2, 5] if layout == "packed" else None
    rnn = {"batch_first": True, "cell": cell}
    record = plant_faults(case(rnn, {"layout": layout, "lengths": lengths}, cudnn=cudnn))
    assert {fault.status for fault in record.faults} <= {"caught", "not-applicable"}


def test_what_the_device_guard_finds_on_a_laptop_fails_here():
    candidate = canonical("device-hardcoded", plant("device-hardcoded"))
    on_cuda = case()
    assert check_devices(plant("device-hardcoded"), on_cuda).status == "found"
    with pytest.raises(CandidateError, match="device"):
        list(Judgement(Problem(on_cuda, torch.device("cuda")), candidate))


@pytest.mark.parametrize("candidate", ["manual", "bmm", "concat", "cell"])
def test_what_the_device_guard_calls_clean_runs_here(candidate):
    on_cuda = case(candidate=candidate)
    assert check_devices(load(on_cuda), on_cuda).status == "clean"
    assert verify(on_cuda, NO_TIMING).verdict == "match"


@pytest.mark.parametrize("tf32", [False, True], ids=["without TF32", "TF32"])
def test_a_candidate_of_one_s_own_runs_on_the_device_in_its_process(tf32):
    record = verify(case(candidate="tests/candidates/elman.py:elman_forward", tf32=tf32), NO_TIMING)
    assert_matches(record)
    assert record.device == "cuda"


def test_a_candidate_of_one_s_own_that_makes_its_buffers_on_the_cpu_fails_here(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "import torch\n\n\ndef rnn(x, W_ih, W_hh, b_ih, b_hh):\n"
        "    h, states = torch.zeros(x.shape[1], W_hh.shape[0], dtype=x.dtype), []\n"
        "    for x_t in x:\n"
        "        h = torch.tanh(x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh)\n"
        "        states.append(h)\n"
        "    return torch.stack(states), h\n"
    )
    with pytest.raises(CandidateError, match="device"):
        verify(case(candidate=f"{file}:rnn"), NO_TIMING)


WRITTEN = {  # files of tests/candidates: what they are, the arguments of their case, and the verdict here
    "numpy_rnn.py:NumpyRNN": ({}, {}, "match"),
    "coursera_rnn.py:rnn_forward": ({}, {}, "match"),
    "gated/gru_numpy.py:gru": ({"cell": "GRU"}, {}, "match"),
    "last_state_classifier.py:model.rnn": ({}, {}, "match"),  # an nn.RNN in eval mode
    "gated/lstm_around_torch.py:Encoder": ({"cell": "LSTM"}, {}, "match"),  # likewise
    "gated/gru_lengths.py:VarLenGRU": ({"cell": "GRU"}, {"layout": "packed"}, "match"),
    "wrong/strided_h0.py:rnn": ({}, {}, "mismatch"),
    "wrong/strided_input.py:rnn": ({}, {}, "mismatch"),
    "right/zeros_ntd.py:rnn_forward": ({}, {}, "mismatch"),  # its output is on the CPU
}


@pytest.mark.parametrize("gradients", [True, False], ids=["gradients", "forward alone"])
@pytest.mark.parametrize("target", WRITTEN)
def test_what_people_write_is_judged_on_the_device(target, gradients):
    rnn, given, verdict = WRITTEN[target]
    run = {"device": "cuda", "gradients": gradients}
    config = {"rnn": rnn, "input": given, "run": run, "candidate": f"tests/candidates/{target}"}
    record = verify(Case.model_validate(config), NO_TIMING)
    assert record.verdict == verdict, record.checks
    if "zeros" in target:
        assert "device-hardcoded" in [found.id for found in record.diagnosis]


@pytest.mark.parametrize("cudnn", [False, True], ids=["native", "cudnn"])
def test_dropout_of_everything_in_relu_without_a_bias_is_no_mismatch(cudnn):
    rnn = {"num_layers": 3, "nonlinearity": "relu", "bias": False, "dropout": 0.3}
    record = verify(case(rnn, {"h_0": "zeros"}, train=True, cudnn=cudnn, candidate="concat"), NO_TIMING)
    assert record.verdict == "not-comparable"


def test_shapes_are_observed_on_the_device():
    record = look(case())
    assert (record.verdict, record.device) == ("match", "cuda")


def test_timing_waits_for_the_device():
    big = case({"hidden_size": 2048, "input_size": 2048, "bidirectional": False}, {"seq_len": 64, "batch_size": 256})
    module = torch.nn.RNN(2048, 2048, 2, device="cuda")
    input = torch.randn(64, 256, 2048, device="cuda")
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    module(input)
    start.record()
    module(input)
    end.record()
    torch.cuda.synchronize()
    forward = next(t for t in verify(big, VerifyOptions()).timing if t.pass_ == "forward")
    assert forward.median_s > 0.5 * start.elapsed_time(end) / 1000


def test_a_case_too_big_for_the_device_is_refused():
    from rnncli.core.errors import ConfigError
    from rnncli.core.memory import needed_for_verify
    from rnncli.pipeline.verify import run_cases

    with pytest.raises(ConfigError, match="too big"):
        list(run_cases([case({"hidden_size": 10**6})], look, needed_for_verify))


@pytest.mark.parametrize("cell", ["RNN", "GRU", "LSTM"])
@pytest.mark.parametrize("tf32", [False, True], ids=["without TF32", "TF32"])
@pytest.mark.filterwarnings("ignore")  # of the compiler
def test_bench_fills_its_table(cell, tf32, capsys):
    """manual, its compiled form and cuDNN at the sizes of docs/performance.md; printed, for docs/measurements/."""
    for batch, steps, features, hidden in ((2, 3, 2, 3), (8, 32, 64, 64), (32, 100, 256, 256), (64, 128, 512, 512)):
        of_size = case(
            {"cell": cell, "input_size": features, "hidden_size": hidden, "num_layers": 1, "bidirectional": False},
            {"seq_len": steps, "batch_size": batch},
            tf32=tf32,
        )
        bench = Bench(of_size, BenchOptions(Effort(0.5, 7, 1000), only=("manual",), compile=steps <= 32))
        passes = [None for _ in bench.steps()]
        record = bench.record()
        assert (record.verdict, record.error, len(passes)) == ("match", None, 3)
        assert all(timing.peak_bytes for timing in record.timing if timing.implementation != "matrix products")
        with capsys.disabled():
            print("\n" + "".join(render(RunRecord.of("bench", environment(), [record]))))
